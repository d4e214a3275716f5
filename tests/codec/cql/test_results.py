import tracemalloc
from typing import Any

import pytest
from cassandra.protocol import ProtocolHandler

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import dialect_of
from harness.codec.cql.events import SchemaChange
from harness.codec.cql.notation import UNSET
from harness.codec.cql.results import (
    FLAG_GLOBAL_TABLE,
    FLAG_HAS_MORE_PAGES,
    FLAG_METADATA_CHANGED,
    FLAG_NO_METADATA,
    Column,
    Metadata,
    PreparedResult,
    Result,
    Rows,
    SchemaChanged,
    SetKeyspace,
    Void,
    decode_result,
    decode_values,
    encode_result,
    metadata_of,
)
from harness.codec.cql.types import ListType, ScalarType
from harness.errors import DecodeError, EncodeError
from tests.codec.cql.real_frames import PREPARED, ROWS

ID = Column(keyspace="ks", table="t", name="id", type=ScalarType.INT)
NAMES = Column(keyspace="ks", table="t", name="names", type=ListType(ScalarType.TEXT))
ALICE = (b"\x00\x00\x00\x01", bytes.fromhex("00000001 00000005") + b"alice")


def _decode(data: bytes, version: int = 4, result_columns: tuple[Column, ...] | None = None) -> Result:
    reader = ByteReader(data, layer="cql")
    result = decode_result(reader, dialect_of(version), result_columns)
    assert reader.remaining == 0
    return result


def _encode(result: Result, version: int = 4) -> bytes:
    writer = ByteWriter()
    encode_result(result, writer, dialect_of(version))
    return writer.getvalue()


def _by_driver(data: bytes, version: int, columns: Any = None) -> Any:  # noqa: ANN401 - the driver has no types
    return ProtocolHandler.decode_message(version, {}, 0, 0, 8, data, None, columns)


def _rows(metadata: Metadata, *rows: tuple[bytes | None, ...]) -> Rows:
    return Rows(metadata=metadata, columns=metadata.columns, rows=rows)


def test_rows_of_a_real_node_are_columns_and_cells() -> None:
    rows = _decode(ROWS[9:])
    assert isinstance(rows, Rows)
    assert [(column.keyspace, column.table, column.name) for column in rows.columns] == [
        ("demo2", "people", "age")
    ]
    assert rows.values() == ((20,),)


def test_rows_of_one_table_name_it_once() -> None:
    data = bytes.fromhex(
        "00000002 00000001 00000002 0002 6b73 0001 74"
        "0002 6964 0009  0005 6e616d6573 0020 000d"
        "00000002"
        "00000004 00000001 0000000d 00000001 00000005 616c696365"
        "00000004 00000002 ffffffff"
    )
    rows = _rows(metadata_of([ID, NAMES]), ALICE, (b"\x00\x00\x00\x02", None))
    assert _decode(data) == rows
    assert _encode(rows) == data
    assert rows.values() == ((1, ["alice"]), (2, None))
    assert rows.metadata.flags == FLAG_GLOBAL_TABLE


@pytest.mark.parametrize("version", [3, 4, 5])
def test_rows_are_read_by_the_stock_driver(version: int) -> None:
    rows = _rows(metadata_of([ID, NAMES], paging_state=b"more"), ALICE)
    assert rows.metadata.has_more_pages
    decoded = _by_driver(_encode(rows, version), version)
    assert decoded.column_names == ["id", "names"]
    assert decoded.parsed_rows == [(1, ["alice"])]
    assert decoded.paging_state == b"more"


def test_rows_without_metadata_take_the_columns_of_the_caller() -> None:
    rows = _rows(metadata_of([ID, NAMES], is_left_out=True), ALICE)
    data = _encode(rows)
    assert data[:12] == bytes.fromhex("00000002 00000004 00000002")
    told = _decode(data, result_columns=(ID, NAMES))
    assert isinstance(told, Rows)
    assert told.values() == ((1, ["alice"]),)
    assert _encode(told) == data
    untold = _decode(data)
    assert untold == rows
    assert isinstance(untold, Rows)
    with pytest.raises(DecodeError, match="not known"):
        untold.values()
    assert _decode(data, result_columns=(ID,)) == rows


def test_changed_metadata_brings_its_id() -> None:
    rows = _rows(metadata_of([ID], new_metadata_id=b"\x0a", paging_state=b"p"))
    assert rows.metadata.flags == FLAG_GLOBAL_TABLE | FLAG_HAS_MORE_PAGES | FLAG_METADATA_CHANGED
    assert _decode(_encode(rows, 5), 5) == rows
    decoded = _by_driver(_encode(rows, 5), 5)
    assert decoded.result_metadata_id == b"\x0a"


@pytest.mark.parametrize("version", [3, 4, 5])
def test_prepared_is_read_by_the_stock_driver(version: int) -> None:
    other = Column(keyspace="ks", table="u", name="x", type=ScalarType.UUID)
    prepared = PreparedResult(
        statement_id=b"\x01\x02",
        metadata_id=b"\x03" if version == 5 else None,
        bound=metadata_of([ID, other], partition_key_indexes=(0,) if version > 3 else ()),
        result=metadata_of([ID]),
    )
    data = _encode(prepared, version)
    assert _decode(data, version) == prepared
    decoded = _by_driver(data, version)
    assert decoded.query_id == b"\x01\x02"
    assert decoded.result_metadata_id == prepared.metadata_id
    assert [column.name for column in decoded.bind_metadata] == ["id", "x"]
    assert [(column[0], column[1], column[2]) for column in decoded.column_metadata] == [("ks", "t", "id")]
    assert decoded.pk_indexes == ([0] if version > 3 else None)


def test_prepared_of_a_real_node_names_the_partition_key() -> None:
    prepared = _decode(PREPARED[9:])
    assert isinstance(prepared, PreparedResult)
    assert [(column.name, str(column.type)) for column in prepared.bound.columns] == [
        ("id", "int"),
        ("a", "text"),
        ("b", "bigint"),
        ("c", "blob"),
    ]
    assert prepared.bound.partition_key_indexes == (0,)
    assert prepared.result.flags == FLAG_NO_METADATA
    assert prepared.result.columns == ()


def test_the_other_kinds_stand_so_on_the_wire() -> None:
    for text, result in (
        ("00000001", Void()),
        ("00000003 0002 6b73", SetKeyspace(keyspace="ks")),
        (
            "00000005 0007 44524f50504544 0005 5441424c45 0002 6b73 0001 74",
            SchemaChanged(change=SchemaChange(change="DROPPED", target="TABLE", keyspace="ks", name="t")),
        ),
    ):
        assert _decode(bytes.fromhex(text)) == result
        assert _encode(result) == bytes.fromhex(text)


def test_bound_values_are_decoded_by_the_markers() -> None:
    assert decode_values((ID, NAMES, ID), (*ALICE, UNSET)) == (1, ["alice"], UNSET)
    with pytest.raises(DecodeError, match="2 values for 1 markers"):
        decode_values((ID,), ALICE)


@pytest.mark.parametrize(
    "text",
    [
        "00000000",
        "00000006",
        "00000002 00000004 ffffffff 00000000",
        "00000002 00000000 7fffffff",
        "00000002 00000004 00000000 7fffffff",
        "00000002 00000004 00000001 7fffffff",
        "00000002 00000004 7fffffff 00000001",
        "00000002 00000004 00000001 00000001 00000005 00",
        "00000002 00000004 00000002 00000001 00000004 00000001",
        "00000004 0001 00 00000001 00000000 7fffffff",
    ],
)
def test_bytes_that_break_the_layout_are_refused_and_allocate_nothing(text: str) -> None:
    tracemalloc.start()
    with pytest.raises(DecodeError):
        _decode(bytes.fromhex(text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "result",
    [
        _rows(metadata_of([ID]), (None, None)),
        _rows(Metadata(flags=0, columns_count=2, columns=(ID,))),
        _rows(Metadata(flags=FLAG_METADATA_CHANGED, columns_count=0)),
    ],
)
def test_what_is_announced_and_not_given_is_refused(result: Result) -> None:
    with pytest.raises(EncodeError):
        _encode(result)


def test_version_5_needs_the_metadata_id() -> None:
    with pytest.raises(EncodeError):
        _encode(PreparedResult(statement_id=b"x", bound=metadata_of([]), result=metadata_of([])), 5)
