import io
from typing import Any

import pytest
from cassandra.protocol import AuthResponseMessage as DriverAuthResponse
from cassandra.protocol import (
    BatchMessage,
    ExecuteMessage,
    PrepareMessage,
    QueryMessage,
    RegisterMessage,
)
from cassandra.query import BatchType

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import dialect_of
from harness.codec.cql.notation import UNSET
from harness.codec.cql.requests import (
    FLAG_KEYSPACE,
    FLAG_NAMES,
    FLAG_NOW,
    FLAG_VALUES,
    AuthResponse,
    Batch,
    BatchStatement,
    Credentials,
    Execute,
    Prepare,
    Query,
    QueryParameters,
    Register,
    Request,
    decode_request,
    encode_request,
    query_parameters,
)
from harness.errors import DecodeError, EncodeError


def _decode(opcode: int, data: bytes, version: int = 4) -> Request:
    reader = ByteReader(data, layer="cql")
    request = decode_request(opcode, reader, dialect_of(version))
    assert reader.remaining == 0
    return request


def _encode(request: Request, version: int = 4) -> bytes:
    writer = ByteWriter()
    encode_request(request, writer, dialect_of(version))
    return writer.getvalue()


def _by_driver(message: Any, version: int) -> bytes:  # noqa: ANN401 - the driver has no types
    buffer = io.BytesIO()
    message.send_body(buffer, version)
    return buffer.getvalue()


ALL_PARAMETERS = query_parameters(
    6,
    (b"\x01", None, UNSET),
    skip_metadata=True,
    page_size_rows=100,
    paging_state=b"page",
    serial_consistency=9,
    default_timestamp_us=1_700_000_000_000_000,
)


def test_query_with_all_parameters_stands_so_on_the_wire() -> None:
    data = bytes.fromhex(
        "00000001 61 0006 3f 0003 00000001 01 ffffffff fffffffe 00000064 00000004 70616765 0009"
        "00060a24181e4000"
    )
    assert _decode(7, data) == Query(query="a", parameters=ALL_PARAMETERS)
    assert _encode(Query(query="a", parameters=ALL_PARAMETERS)) == data
    assert ALL_PARAMETERS.skip_metadata


def test_version_5_has_wide_flags_a_keyspace_and_a_time() -> None:
    parameters = query_parameters(1, keyspace="ks", now_s=7)
    data = bytes.fromhex("00000001 61 0001 00000180 0002 6b73 00000007")
    assert parameters.flags == FLAG_KEYSPACE | FLAG_NOW
    assert _decode(7, data, 5) == Query(query="a", parameters=parameters)
    assert _encode(Query(query="a", parameters=parameters), 5) == data


def test_values_bound_by_name_have_their_names_before_them() -> None:
    parameters = query_parameters(1, (b"\x05",), names=("x",))
    data = bytes.fromhex("00000001 61 0001 41 0001 0001 78 00000001 05")
    assert parameters.flags == FLAG_VALUES | FLAG_NAMES
    assert _decode(7, data) == Query(query="a", parameters=parameters)
    assert _encode(Query(query="a", parameters=parameters)) == data


@pytest.mark.parametrize("version", [3, 4, 5])
def test_requests_of_the_stock_driver_are_read_and_written_the_same(version: int) -> None:
    query = _by_driver(
        QueryMessage(
            query="SELECT 1",
            consistency_level=4,
            serial_consistency_level=8,
            fetch_size=5000,
            paging_state=b"ps",
            timestamp=12,
        ),
        version,
    )
    expected = query_parameters(
        4, page_size_rows=5000, paging_state=b"ps", serial_consistency=8, default_timestamp_us=12
    )
    assert _decode(7, query, version) == Query(query="SELECT 1", parameters=expected)

    execute = _by_driver(
        ExecuteMessage(
            query_id=b"\x0a\x0b",
            query_params=[b"\x01", None],
            consistency_level=1,
            fetch_size=10,
            skip_meta=True,
            result_metadata_id=b"\x0c",
        ),
        version,
    )
    decoded = _decode(10, execute, version)
    assert isinstance(decoded, Execute)
    assert (decoded.statement_id, decoded.metadata_id) == (b"\x0a\x0b", b"\x0c" if version == 5 else None)
    assert decoded.parameters.values == (b"\x01", None)

    prepare = _by_driver(PrepareMessage(query="SELECT ?", keyspace="ks" if version == 5 else None), version)
    assert _decode(9, prepare, version) == Prepare(
        query="SELECT ?", flags=int(version == 5), keyspace="ks" if version == 5 else None
    )

    batch = _by_driver(
        BatchMessage(
            BatchType.UNLOGGED, [(False, "INSERT", [b"\x01"]), (True, b"\x0d", [])], 5, timestamp=99
        ),
        version,
    )
    assert _decode(13, batch, version) == Batch(
        batch_type=1,
        statements=(
            BatchStatement(query="INSERT", statement_id=None, values=(b"\x01",)),
            BatchStatement(query=None, statement_id=b"\x0d"),
        ),
        parameters=query_parameters(5, default_timestamp_us=99),
    )

    register = _by_driver(RegisterMessage(["STATUS_CHANGE"]), version)
    assert _decode(11, register, version) == Register(event_types=("STATUS_CHANGE",))
    token = _by_driver(DriverAuthResponse(b"\x00user\x00secret"), version)
    assert _decode(15, token, version) == AuthResponse(token=b"\x00user\x00secret")

    for opcode, data in ((7, query), (10, execute), (9, prepare), (13, batch), (11, register), (15, token)):
        assert _encode(_decode(opcode, data, version), version) == data


def test_credentials_of_old_are_pairs() -> None:
    data = bytes.fromhex("0001 0008 757365726e616d65 0001 61")
    assert _decode(4, data) == Credentials(credentials=(("username", "a"),))
    assert _encode(_decode(4, data)) == data


@pytest.mark.parametrize(
    ("opcode", "text"),
    [
        (7, "00000001 61 0001"),
        (7, "ffffffff"),
        (7, "00000001 61 0001 01 ffff 00000001"),
        (13, "00 0001 02"),
        (13, "00 ffff 00 00000000"),
        (8, ""),
        (10, "0010 00"),
        (15, "7fffffff"),
    ],
)
def test_bytes_that_break_the_layout_are_refused(opcode: int, text: str) -> None:
    with pytest.raises(DecodeError):
        _decode(opcode, bytes.fromhex(text))


@pytest.mark.parametrize(
    "request_",
    [
        Query(query="a", parameters=QueryParameters(consistency=1, flags=0x04)),
        Query(query="a", parameters=QueryParameters(consistency=1, flags=0x10)),
        Query(query="a", parameters=QueryParameters(consistency=1, flags=0x41, values=(b"",))),
        Query(query="a", parameters=QueryParameters(consistency=1, flags=0x100)),
        Execute(statement_id=b"x" * 65_536, parameters=query_parameters(1)),
        Batch(
            batch_type=0,
            statements=(BatchStatement(query=None, statement_id=None),),
            parameters=query_parameters(1),
        ),
    ],
)
def test_what_is_announced_and_not_given_is_refused(request_: Request) -> None:
    with pytest.raises(EncodeError):
        _encode(request_)


def test_version_5_needs_the_metadata_id() -> None:
    with pytest.raises(EncodeError):
        _encode(Execute(statement_id=b"x", parameters=query_parameters(1)), 5)
