"""Reads and results with the schema: by hand, and those of real clusters."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.codec.verbs.common import (
    ClusteringBound,
    ClusteringRange,
    Key,
    PartitionRange,
    RingBound,
    RingPosition,
    Token,
)
from harness.codec.verbs.query_result import (
    QueryResult,
    ResultCell,
    ResultCells,
    ResultPartition,
    ResultPartitions,
)
from harness.codec.verbs.query_result import (
    ResultRow as WireRow,
)
from harness.codec.verbs.read import ReadDataReply, ReadRequest
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand, SliceOption, SpecificRanges
from harness.codec.verbs.wire import decode_struct
from harness.dissect.reading import read_trace
from harness.events.read_contents import Read, read_of, result_text, rows_of
from harness.schema import Column, ColumnKind, Schema, Table
from tests.events.messages import RESULT_REPLY, TABLE, TABLE_ID

_ID = UUID(int=7)
_WIDE = Table(
    keyspace="ks",
    name="wide",
    id=_ID,
    partition_key=(Column(name="p", type="int", kind=ColumnKind.PARTITION_KEY),),
    clustering_key=(Column(name="c", type="text", kind=ColumnKind.CLUSTERING),),
    static_columns=(Column(name="st", type="text", kind=ColumnKind.STATIC),),
    regular_columns=(Column(name="l", type="list<int>"), Column(name="v", type="int")),
)
_SCHEMA = Schema((_WIDE,))
_ONE = (1).to_bytes(4, "big")
_TOKEN = -4069959284402364209
_EVERYTHING = ClusteringRange(start=None, end=None, singular=False)


def _position(ring_token: int, *, key: bytes | None = None, bound: int = 0) -> RingPosition:
    return RingPosition(
        token=Token(kind=1, data=ring_token.to_bytes(8, "big", signed=True)),
        bound=bound,
        key=None if key is None else Key(components=(key,)),
    )


def _partition(key: bytes = _ONE) -> PartitionRange:
    bound = RingBound(value=_position(_TOKEN, key=key), inclusive=True)
    return PartitionRange(start=bound, end=bound, singular=True)


def _command(
    *,
    row_ranges: tuple[ClusteringRange, ...] = (_EVERYTHING,),
    regular: tuple[int, ...] = (1,),
    static: tuple[int, ...] = (),
    options: int = 0,
    specific: SpecificRanges | None = None,
    row_limit: int = 2**32 - 1,
    partition_limit: int = 2**32 - 1,
    partition_row_limit: int = 2**32 - 1,
    table_id: UUID = _ID,
) -> ReadCommand:
    return ReadCommand(
        table_id=table_id,
        schema_version=UUID(int=8),
        partition_slice=PartitionSlice(
            row_ranges=row_ranges,
            static_columns=static,
            regular_columns=regular,
            options=options,
            specific_ranges=specific,
            cql_format=4,
            partition_row_limit_low=partition_row_limit,
        ),
        row_limit_low=row_limit,
        read_timestamp=0,
        trace=None,
        partition_limit=partition_limit,
    )


def _read(partitions: PartitionRange | None = None, **command: object) -> Read:
    made = _command(**command)  # type: ignore[arg-type]
    return read_of(made, _partition() if partitions is None else partitions, _SCHEMA)


# What is read.


def test_read_of_a_partition_names_key_and_columns() -> None:
    read = _read(static=(0,), regular=(0, 1))
    assert read.key is not None
    assert [value.value for value in read.key] == [1]
    assert (read.static_columns, read.regular_columns) == (("st",), ("l", "v"))
    assert read.text == "ks.wide(1) st, l, v"


def test_limits_are_named_if_there_are_any() -> None:
    read = _read(row_limit=5000, partition_limit=2, partition_row_limit=1)
    assert (read.row_limit, read.partition_limit, read.partition_row_limit) == (5000, 2, 1)
    assert read.text == "ks.wide(1) v limit 5000 partition limit 2 per partition limit 1"


def test_options_are_named() -> None:
    read = _read(options=SliceOption.REVERSED | SliceOption.DISTINCT, regular=())
    assert (read.is_reversed, read.is_distinct) == (True, True)
    assert read.text == "ks.wide(1) distinct reversed"


def _bound(text: str, *, inclusive: bool) -> ClusteringBound:
    return ClusteringBound(value=Key(components=(text.encode(),)), inclusive=inclusive)


def test_row_ranges_name_their_bounds() -> None:
    ranges = (
        ClusteringRange(start=_bound("a", inclusive=True), end=_bound("b", inclusive=False), singular=False),
        ClusteringRange(start=_bound("x", inclusive=True), end=None, singular=True),
        ClusteringRange(start=None, end=_bound("z", inclusive=True), singular=False),
    )
    assert _read(row_ranges=ranges).text == "ks.wide(1) >= ['a'] and < ['b'] or ['x'] or <= ['z'] v"
    assert _read(row_ranges=()).text == "ks.wide(1) no rows v"


def test_page_that_begins_inside_the_partition_has_its_own_ranges() -> None:
    after = ClusteringRange(start=_bound("m", inclusive=False), end=None, singular=False)
    specific = SpecificRanges(key=Key(components=(_ONE,)), ranges=(after,))
    assert _read(specific=specific).text == "ks.wide(1) > ['m'] v"


def _scan(start: RingBound | None, end: RingBound | None) -> str:
    return _read(PartitionRange(start=start, end=end, singular=False)).text.removeprefix("ks.wide ")


def test_scan_names_its_tokens() -> None:
    def after(ring_token: int, *, inclusive: bool) -> RingBound:
        return RingBound(value=_position(ring_token, bound=1), inclusive=inclusive)

    def before(ring_token: int) -> RingBound:
        return RingBound(value=_position(ring_token, bound=-1), inclusive=True)

    assert _scan(after(3, inclusive=False), after(9, inclusive=True)) == "token > 3 and token <= 9 v"
    assert _scan(before(3), before(9)) == "token >= 3 and token < 9 v"
    assert _scan(None, after(9, inclusive=True)) == "token <= 9 v"
    assert _scan(None, None) == "all partitions v"
    at_key = RingBound(value=_position(_TOKEN, key=_ONE), inclusive=True)
    assert _scan(at_key, None) == f"token >= {_TOKEN} (1) v"


def test_command_without_partitions_says_nothing_of_them() -> None:
    assert read_of(_command(), None, _SCHEMA).text == "ks.wide all partitions v"


def test_read_of_an_unknown_table_keeps_ids() -> None:
    read = read_of(_command(table_id=UUID(int=9)), _partition(), _SCHEMA)
    assert read.text == "00000000-0000-0000-0000-000000000009(0x00000001) #1"


# What comes back.


def _cell(value: bytes) -> ResultCell:
    return ResultCell(timestamp=None, expiry=None, value=value)


def _result(*partitions: ResultPartition) -> QueryResult:
    return QueryResult(data=ResultPartitions(partitions=partitions), digest=None)


def test_result_of_the_written_protocol_has_its_row() -> None:
    reply, _ = decode_struct(ReadDataReply, RESULT_REPLY)
    command = _command(table_id=TABLE_ID, regular=(0, 1))
    (row,) = rows_of(reply.result, command, Schema((TABLE,)))
    assert row.partition_key is not None
    assert row.partition_key[0].value == 1
    assert [(name, value.value) for name, value in row.values] == [("a", "ab"), ("b", None)]
    assert row.text_of() == "(1) a='ab' b=null"


def test_rows_have_static_values_and_clustering_keys() -> None:
    rows = tuple(
        WireRow(key=Key(components=(text.encode(),)), cells=ResultCells(cells=(_cell(_ONE),)))
        for text in "ab"
    )
    result = _result(
        ResultPartition(key=Key(components=(_ONE,)), static_row=ResultCells(cells=(_cell(b"x"),)), rows=rows)
    )
    found = rows_of(result, _command(static=(0,)), _SCHEMA)
    assert result_text(found) == "(1) ['a'] st='x' v=1; (1) ['b'] st='x' v=1"
    assert result_text(found, rows_max=1) == "(1) ['a'] st='x' v=1; 1 more"


def test_partition_with_static_values_alone_is_a_row() -> None:
    result = _result(ResultPartition(key=None, static_row=ResultCells(cells=(_cell(b"x"),)), rows=()))
    (row,) = rows_of(result, _command(static=(0,)), _SCHEMA)
    assert (row.partition_key, row.key) == (None, None)
    assert row.text_of() == "st='x'"


def test_collections_that_were_asked_for_as_maps_have_their_inner_keys() -> None:
    element = UUID("50554d6e-29bb-11e5-b345-feff819cdc9f")
    value = bytes.fromhex("00000001 00000010") + element.bytes + bytes.fromhex("00000004 00000009")
    row = WireRow(key=None, cells=ResultCells(cells=(_cell(value),)))
    result = _result(ResultPartition(key=None, static_row=ResultCells(cells=()), rows=(row,)))
    command = _command(regular=(0,), options=SliceOption.COLLECTIONS_AS_MAPS)
    (found,) = rows_of(result, command, _SCHEMA)
    assert found.values[0][1].value == {element: 9}


def test_digest_alone_has_no_rows() -> None:
    rows = rows_of(QueryResult(data=None, digest=b"\0" * 16), _command(), _SCHEMA)
    assert rows == ()
    assert result_text(rows) == "no rows"


# Real clusters.


@pytest.mark.parametrize(
    ("capture", "texts"),
    [
        (
            "scylla-4.2/base/read_cl",
            {
                "demo2.map(17) capital, country limit 5000",
                "(19) capital=null country='Germany'",
            },
        ),
        ("scylla-4.2/base/counter", {"demo3.hits('home') n limit 5000", "('home') n=2"}),
        (
            "scylla-4.2/base/range_scan",
            {
                "demo3.scan token <= -9171454851885020465 v limit 5",
                "demo3.scan(1) v reversed limit 1",
            },
        ),
        (
            "scylla-2025.1/views/index_rf2",
            {
                "demo2.by_mail_index('new@x') limit 5000",
                "('new@x') [-4707738081966192209, 'org1', 1]",
                "demo2.people('org1') [1] age, mail",
                "('org1') [1] age=21 mail='new@x'",
            },
        ),
    ],
)
def test_reads_and_rows_are_those_of_the_statements(reference: Path, capture: str, texts: set[str]) -> None:
    trace = read_trace(reference / f"{capture}.pcapng")
    seen = set()
    for message in trace.rpc:
        body = message.body
        if isinstance(body, ReadRequest):
            seen.add(read_of(body.command, body.partitions, trace.schema).text)
        elif isinstance(body, ReadDataReply):
            request = trace.request_of(message)
            assert request is not None
            assert isinstance(request.body, ReadRequest)
            seen.add(result_text(rows_of(body.result, request.body.command, trace.schema)))
    assert texts <= seen
