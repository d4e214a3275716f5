from ipaddress import ip_address
from typing import Any

import pytest
from cassandra.protocol import ProtocolHandler, error_classes

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import dialect_of
from harness.codec.cql.errors import (
    AlreadyExists,
    CasWriteUnknown,
    Error,
    ErrorCode,
    ErrorDetails,
    FailedReplica,
    FunctionFailure,
    RateLimited,
    ReadFailure,
    ReadTimeout,
    Unavailable,
    Unprepared,
    WriteFailure,
    WriteTimeout,
    decode_error,
    encode_error,
    error_name,
)
from harness.errors import DecodeError, EncodeError
from tests.codec.cql.real_frames import (
    ERROR_INVALID,
    ERROR_READ_TIMEOUT,
    ERROR_UNAVAILABLE,
    ERROR_WRITE_FAILURE,
    ERROR_WRITE_TIMEOUT,
)


def _decode(data: bytes, version: int = 4) -> Error:
    reader = ByteReader(data, layer="cql")
    error = decode_error(reader, dialect_of(version))
    assert reader.remaining == 0
    return error


def _encode(error: Error, version: int = 4) -> bytes:
    writer = ByteWriter()
    encode_error(error, writer, dialect_of(version))
    return writer.getvalue()


@pytest.mark.parametrize(
    ("frame", "code", "details"),
    [
        (ERROR_INVALID, ErrorCode.INVALID, None),
        (ERROR_UNAVAILABLE, ErrorCode.UNAVAILABLE, Unavailable(consistency=5, required=3, alive=2)),
        (
            ERROR_READ_TIMEOUT,
            ErrorCode.READ_TIMEOUT,
            ReadTimeout(consistency=5, received=2, required=3, data_present=1),
        ),
        (
            ERROR_WRITE_TIMEOUT,
            ErrorCode.WRITE_TIMEOUT,
            WriteTimeout(consistency=8, received=1, required=2, write_type="CAS"),
        ),
        (
            ERROR_WRITE_FAILURE,
            ErrorCode.WRITE_FAILURE,
            WriteFailure(consistency=5, received=2, required=3, failures_count=1, write_type="SIMPLE"),
        ),
    ],
)
def test_errors_of_real_nodes_have_their_details(
    frame: bytes, code: ErrorCode, details: ErrorDetails | None
) -> None:
    error = _decode(frame[9:])
    assert (error.code, error.details) == (code, details)
    assert _encode(error) == frame[9:]


@pytest.mark.parametrize(
    ("version", "code", "text", "details"),
    [
        (
            4,
            0x1200,
            "0004 00000001 00000002 00",
            ReadTimeout(consistency=4, received=1, required=2, data_present=0),
        ),
        (
            4,
            0x1300,
            "0004 00000001 00000002 00000001 01",
            ReadFailure(consistency=4, received=1, required=2, failures_count=1, data_present=1),
        ),
        (
            5,
            0x1300,
            "0004 00000001 00000002 00000001 04 0a010203 0001 01",
            ReadFailure(
                consistency=4,
                received=1,
                required=2,
                failures_count=1,
                failures=(FailedReplica(address=ip_address("10.1.2.3"), reason_code=1),),
                data_present=1,
            ),
        ),
        (
            5,
            0x1500,
            "0004 00000001 00000002 00000000 0006 53494d504c45",
            WriteFailure(consistency=4, received=1, required=2, failures_count=0, write_type="SIMPLE"),
        ),
        (
            5,
            0x1100,
            "0008 00000001 00000002 0003 434153 0007",
            WriteTimeout(consistency=8, received=1, required=2, write_type="CAS", contentions=7),
        ),
        (
            4,
            0x1400,
            "0002 6b73 0001 66 0001 0003 696e74",
            FunctionFailure(keyspace="ks", function="f", argument_types=("int",)),
        ),
        (5, 0x1700, "0008 00000001 00000002", CasWriteUnknown(consistency=8, received=1, required=2)),
        (4, 0x2400, "0002 6b73 0000", AlreadyExists(keyspace="ks", table="")),
        (4, 0x2500, "0002 0102", Unprepared(statement_id=b"\x01\x02")),
        (4, 0xF000, "01 00", RateLimited(operation=1, is_rejected_by_coordinator=0)),
        (4, 0x1001, "", None),
        (4, 0x7777, "", None),
    ],
)
def test_details_stand_so_on_the_wire(
    version: int, code: int, text: str, details: ErrorDetails | None
) -> None:
    data = code.to_bytes(4, "big") + b"\x00\x02no" + bytes.fromhex(text)
    error = Error(code=code, text="no", details=details)
    assert _decode(data, version) == error
    assert _encode(error, version) == data


def _by_driver(error: Error, version: int) -> Any:  # noqa: ANN401 - the driver has no types
    return ProtocolHandler.decode_message(version, {}, 0, 0, 0, _encode(error, version), None, None)


def test_errors_are_read_by_the_stock_driver() -> None:
    unavailable = Error(code=0x1000, text="no", details=Unavailable(consistency=4, required=2, alive=1))
    assert _by_driver(unavailable, 4).info == {
        "consistency": 4,
        "required_replicas": 2,
        "alive_replicas": 1,
    }
    failure = ReadFailure(
        consistency=4,
        received=1,
        required=2,
        failures_count=1,
        failures=(FailedReplica(address=ip_address("10.1.2.3"), reason_code=1),),
        data_present=1,
    )
    info = _by_driver(Error(code=0x1300, text="no", details=failure), 5).info
    assert info["error_code_map"] == {"10.1.2.3": 1}
    assert info["data_retrieved"]


def test_codes_are_those_of_the_stock_driver() -> None:
    assert set(error_classes) - {0x8000} <= set(ErrorCode)
    assert error_name(0x1000) == "UNAVAILABLE"
    assert error_name(0x7777) == "ERROR_0x7777"


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (4, "00001000 0000 0001"),
        (5, "00001300 0000 0001 00000000 00000000 7fffffff"),
        (5, "00001300 0000 0001 00000000 00000000 ffffffff"),
        (4, "00001000 0005"),
        (4, "0000"),
    ],
)
def test_bytes_that_break_the_layout_are_refused(version: int, text: str) -> None:
    with pytest.raises(DecodeError):
        _decode(bytes.fromhex(text), version)


def test_details_of_another_code_are_refused() -> None:
    with pytest.raises(EncodeError):
        _encode(Error(code=0x2200, text="", details=Unprepared(statement_id=b"")))
    failure = WriteFailure(consistency=1, received=0, required=1, failures_count=1, write_type="SIMPLE")
    with pytest.raises(EncodeError):
        _encode(Error(code=0x1500, text="", details=failure), 5)
