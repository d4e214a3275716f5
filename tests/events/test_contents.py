"""Mutations read with the schema: by hand, and those that statements made in real clusters."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.cql.values import Duration, TimeOfDay
from harness.codec.verbs.common import MISSING_TIMESTAMP, BoundKind, Key, Tombstone
from harness.codec.verbs.mutation import (
    CanonicalMutationFrame,
    CollectionCell,
    CollectionElement,
    Column,
    ColumnMapping,
    ColumnMappingEntry,
    CounterCell,
    CounterDelta,
    CounterShard,
    CounterShards,
    DeadCell,
    DeadMarker,
    DeletableRow,
    ExpiringCell,
    ExpiringMarker,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    NoMarker,
    RangeTombstone,
    Row,
)
from harness.codec.verbs.paxos import PaxosAcceptRequest
from harness.codec.verbs.wire import decode_struct
from harness.codec.verbs.writes import CounterMutationRequest, MutationRequest
from harness.dissect.reading import read_trace
from harness.events.changes import CellKind, MarkerKind, PartitionChange
from harness.events.contents import changes_of
from harness.events.trace import Trace
from harness.replication import Replication
from harness.schema import Column as TableColumn
from harness.schema import ColumnKind, Keyspace, Schema, Table, UserType
from harness.system_tables import system_table_id
from tests.events.messages import MUTATION_HEX, TABLE, TABLE_ID

_ID = UUID(int=7)
_VERSION = UUID(int=8)
_NONE = Tombstone(timestamp=MISSING_TIMESTAMP, deletion_time=0)
_AT_5 = Tombstone(timestamp=5, deletion_time=1)
_NO_CELLS = Row(columns=())
_WIDE = Table(
    keyspace="ks",
    name="wide",
    id=_ID,
    partition_key=(TableColumn(name="p", type="int", kind=ColumnKind.PARTITION_KEY),),
    clustering_key=(
        TableColumn(name="c1", type="int", kind=ColumnKind.CLUSTERING),
        TableColumn(name="c2", type="text", kind=ColumnKind.CLUSTERING, position=1),
    ),
    static_columns=(TableColumn(name="st", type="text", kind=ColumnKind.STATIC),),
    regular_columns=(
        TableColumn(name="home", type="addr"),
        TableColumn(name="l", type="list<int>"),
        TableColumn(name="m", type="map<text, int>"),
        TableColumn(name="n", type="counter"),
        TableColumn(name="s", type="set<frozen<list<int>>>"),
        TableColumn(name="v", type="int"),
        TableColumn(name="w", type="empty"),
    ),
)
_SCHEMA = Schema(
    (_WIDE,),
    (
        Keyspace(
            name="ks",
            replication=Replication(strategy="SimpleStrategy", factor=1),
            types=(UserType(keyspace="ks", name="addr", fields=(("street", "text"), ("zip", "int"))),),
        ),
    ),
)
_HOME, _L, _M, _N, _S, _V, _W = range(7)


def _int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def _row(*columns: Column, marker: object = None, **changes: object) -> DeletableRow:
    fields: dict[str, object] = {
        "key": Key(components=(_int(1), b"a")),
        "marker": NoMarker() if marker is None else marker,
        "deleted_at": _NONE,
        "cells": Row(columns=columns),
        "shadowable_deleted_at": _NONE,
    }
    return DeletableRow(**(fields | changes))  # type: ignore[arg-type]


def _change(*rows: DeletableRow, **partition: object) -> PartitionChange:
    fields: dict[str, object] = {
        "tombstone": _NONE,
        "static_row": _NO_CELLS,
        "range_tombstones": (),
        "rows": rows,
    }
    mutation = Mutation(
        table_id=_ID,
        schema_version=_VERSION,
        key=Key(components=(_int(3),)),
        partition=MutationPartition(**(fields | partition)),  # type: ignore[arg-type]
    )
    return changes_of(mutation, _SCHEMA)


def _live(value: bytes, timestamp: int = 5) -> LiveCell:
    return LiveCell(timestamp=timestamp, value=value)


def _element(key: bytes, value: bytes | None, *, timestamp: int = 5) -> CollectionElement:
    if value is None:
        return CollectionElement(key=key, cell=DeadCell(tombstone=_AT_5))
    return CollectionElement(key=key, cell=_live(value, timestamp))


def _collection(column: int, *elements: CollectionElement, tombstone: Tombstone = _NONE) -> Column:
    return Column(id=column, cell=CollectionCell(tombstone=tombstone, elements=elements))


# Known table.


def test_insert_of_the_written_protocol_has_its_key_marker_and_cells() -> None:
    mutation, _ = decode_struct(Mutation, bytes.fromhex(MUTATION_HEX))
    change = changes_of(mutation, Schema((TABLE,)))
    assert change.table is TABLE
    assert [value.value for value in change.key] == [1]
    (row,) = change.rows
    assert (row.marker, row.marker_timestamp_us) == (MarkerKind.LIVE, 1600000000000000)
    assert [(cell.column, cell.kind, cell.value, cell.text, cell.timestamp_us) for cell in row.cells] == [
        ("a", CellKind.LIVE, "ab", "'ab'", 1600000000000000),
        ("b", CellKind.LIVE, "xyz", "'xyz'", 1600000000000000),
    ]
    assert change.text == "ks.t(1) a='ab' b='xyz'"


def test_unknown_table_is_shown_by_its_id_and_column_ids() -> None:
    mutation, _ = decode_struct(Mutation, bytes.fromhex(MUTATION_HEX))
    change = changes_of(mutation, Schema())
    assert change.table is None
    assert change.text == f"{TABLE_ID}(0x00000001) #0=0x6162 #1=0x78797a"


def test_table_of_which_only_the_key_is_known_keeps_column_ids() -> None:
    key_only = Table(
        keyspace="ks", name="t", id=TABLE_ID, partition_key=TABLE.partition_key, has_all_columns=False
    )
    mutation, _ = decode_struct(Mutation, bytes.fromhex(MUTATION_HEX))
    assert changes_of(mutation, Schema((key_only,))).text == "ks.t(1) #0=0x6162 #1=0x78797a"


def test_column_that_the_schema_does_not_have_yet_keeps_its_id() -> None:
    change = _change(_row(Column(id=9, cell=_live(b"\x01"))))
    assert change.text == "ks.wide(3) [1, 'a'] #9=0x01"


def test_static_cells_come_before_rows() -> None:
    static = Row(columns=(Column(id=0, cell=_live(b"x")),))
    change = _change(_row(Column(id=_V, cell=_live(_int(9)))), static_row=static)
    assert change.text == "ks.wide(3) st='x'; [1, 'a'] v=9"


def test_row_of_its_key_alone_is_named() -> None:
    assert _change(_row(marker=LiveMarker(created_at=5))).text == "ks.wide(3) [1, 'a']"


def test_deleted_cell_is_dead() -> None:
    change = _change(_row(Column(id=_V, cell=DeadCell(tombstone=_AT_5))))
    (cell,) = change.rows[0].cells
    assert (cell.kind, cell.value, cell.timestamp_us) == (CellKind.DEAD, None, 5)
    assert change.text == "ks.wide(3) [1, 'a'] -v"


def test_ttl_stands_once_behind_cells_that_share_it() -> None:
    expiring = ExpiringCell(ttl_s=60, expiry=99, cell=_live(_int(9)))
    marker = ExpiringMarker(marker=LiveMarker(created_at=5), ttl_s=60, expiry=99)
    change = _change(_row(Column(id=_V, cell=expiring), marker=marker))
    assert (change.rows[0].marker, change.rows[0].marker_ttl_s) == (MarkerKind.EXPIRING, 60)
    assert (change.rows[0].cells[0].kind, change.rows[0].cells[0].ttl_s) == (CellKind.EXPIRING, 60)
    assert change.text == "ks.wide(3) [1, 'a'] v=9 ttl=60s"
    assert _change(_row(marker=marker)).text == "ks.wide(3) [1, 'a'] ttl=60s"


def test_ttl_of_one_of_several_cells_stands_with_it() -> None:
    expiring = ExpiringCell(ttl_s=60, expiry=99, cell=_live(_int(9)))
    row = _row(Column(id=_N, cell=_live(b"\0" * 8)), Column(id=_V, cell=expiring))
    assert _change(row).text == "ks.wide(3) [1, 'a'] n=0 v=9 ttl=60s"
    both = _row(Column(id=_V, cell=expiring), Column(id=9, cell=_live(b"\x01")))
    assert _change(both).text == "ks.wide(3) [1, 'a'] v=9 ttl=60s #9=0x01"


def test_virtual_columns_are_no_part_of_the_text() -> None:
    change = _change(_row(Column(id=_W, cell=_live(b""))))
    assert change.rows[0].cells[0].is_virtual
    assert change.text == "ks.wide(3) [1, 'a']"


def test_dead_marker_has_its_timestamp() -> None:
    row = _change(_row(marker=DeadMarker(tombstone=_AT_5))).rows[0]
    assert (row.marker, row.marker_timestamp_us) == (MarkerKind.DEAD, 5)


# Deletions.


def test_partition_deletion() -> None:
    change = _change(tombstone=_AT_5)
    assert change.partition_deleted
    assert change.text == "ks.wide(3) deleted"


def test_row_deletion_is_not_shadowable_if_both_tombstones_are_the_same() -> None:
    change = _change(_row(deleted_at=_AT_5, shadowable_deleted_at=_AT_5))
    assert (change.rows[0].deleted_at_us, change.rows[0].is_shadowable) == (5, False)
    assert change.text == "ks.wide(3) [1, 'a'] deleted"


def test_row_deletion_of_a_view_is_shadowable() -> None:
    change = _change(_row(shadowable_deleted_at=_AT_5))
    assert (change.rows[0].deleted_at_us, change.rows[0].is_shadowable) == (5, True)
    assert change.text == "ks.wide(3) [1, 'a'] deleted (shadowable)"


def _range(start: tuple[bytes, ...], start_kind: int, end: tuple[bytes, ...], end_kind: int) -> str:
    tombstone = RangeTombstone(
        start=Key(components=start),
        tombstone=_AT_5,
        start_kind=start_kind,
        end=Key(components=end),
        end_kind=end_kind,
    )
    return _change(range_tombstones=(tombstone,)).text.removeprefix("ks.wide(3) ")


def test_range_deletion_names_its_bounds() -> None:
    start, end = (_int(2),), (_int(9), b"z")
    incl_start, excl_start = BoundKind.INCLUSIVE_START, BoundKind.EXCLUSIVE_START
    incl_end, excl_end = BoundKind.INCLUSIVE_END, BoundKind.EXCLUSIVE_END
    assert _range(start, excl_start, end, incl_end) == "> [2] and <= [9, 'z'] deleted"
    assert _range(start, incl_start, end, excl_end) == ">= [2] and < [9, 'z'] deleted"
    assert _range(start, incl_start, (), incl_end) == ">= [2] deleted"
    assert _range((), incl_start, end, excl_end) == "< [9, 'z'] deleted"
    assert _range(start, incl_start, start, incl_end) == "[2, *] deleted"
    assert _range((), incl_start, (), incl_end) == "[*] deleted"


def test_range_deletion_without_an_end_is_that_of_a_prefix() -> None:
    tombstone = RangeTombstone(start=Key(components=(_int(2),)), tombstone=_AT_5)
    assert _change(range_tombstones=(tombstone,)).text == "ks.wide(3) [2, *] deleted"


def test_nothing_to_do_is_said() -> None:
    assert _change().text == "ks.wide(3) unchanged"


# Collections.

_TIME_UUID = UUID("50554d6e-29bb-11e5-b345-feff819cdc9f")


def test_overwritten_list_is_what_is_written() -> None:
    column = _collection(_L, _element(_TIME_UUID.bytes, _int(4)), tombstone=_AT_5)
    (cell,) = _change(_row(column)).rows[0].cells
    assert (cell.kind, cell.value, cell.text, cell.deleted_before_us) == (
        CellKind.COLLECTION,
        [4],
        "[4]",
        5,
    )
    assert cell.elements[0].key.value == _TIME_UUID
    assert _change(_row(column)).text == "ks.wide(3) [1, 'a'] l=[4]"


def test_appended_and_deleted_elements_are_told_apart() -> None:
    column = _collection(_M, _element(b"k", _int(4), timestamp=7), _element(b"x", None))
    change = _change(_row(column))
    (cell,) = change.rows[0].cells
    assert (cell.value, cell.timestamp_us) == ({"k": 4}, 7)
    assert [element.is_dead for element in cell.elements] == [False, True]
    assert change.text == "ks.wide(3) [1, 'a'] m+={'k': 4} m-={'x'}"


def test_elements_of_sets_are_hashable() -> None:
    element = bytes.fromhex("00000001 00000004 00000007")
    change = _change(_row(_collection(_S, _element(element, b""))))
    assert change.rows[0].cells[0].value == frozenset({(7,)})
    assert change.text == "ks.wide(3) [1, 'a'] s+={[7]}"


def test_fields_of_a_type_have_their_names() -> None:
    column = _collection(_HOME, _element(b"\x00\x01", _int(8)), _element(b"\x00\x00", None))
    change = _change(_row(column))
    assert change.rows[0].cells[0].value == {"zip": 8}
    assert change.text == "ks.wide(3) [1, 'a'] home+={zip: 8} home-={street}"


def test_field_that_the_type_does_not_have_is_its_bytes() -> None:
    assert "0x0007: 0x01" in _change(_row(_collection(_HOME, _element(b"\x00\x07", b"\x01")))).text


def test_emptied_collection_is_deleted() -> None:
    change = _change(_row(_collection(_M, tombstone=_AT_5)))
    assert change.rows[0].cells[0].value is None
    assert change.text == "ks.wide(3) [1, 'a'] -m"


def test_collection_where_the_schema_says_otherwise_is_bytes() -> None:
    assert _change(_row(_collection(_V, _element(b"k", b"\x04")))).text == (
        "ks.wide(3) [1, 'a'] v+={0x6b: 0x04}"
    )


# Counters.


def _counter(state: CounterShards | CounterDelta) -> Column:
    return Column(id=_N, cell=CounterCell(created_at=3, state=state))


def test_counter_is_the_sum_of_its_shards() -> None:
    shards = tuple(CounterShard(id=UUID(int=i), value=i, clock=1) for i in (2, 5))
    change = _change(_row(_counter(CounterShards(shards=shards))))
    (cell,) = change.rows[0].cells
    assert (cell.kind, cell.value, cell.shards) == (CellKind.COUNTER, 7, shards)
    assert change.text == "ks.wide(3) [1, 'a'] n=7"


@pytest.mark.parametrize(("delta", "text"), [(2, "n+=2"), (-2, "n-=2")])
def test_counter_update_is_a_difference(delta: int, text: str) -> None:
    change = _change(_row(_counter(CounterDelta(delta=delta))))
    assert change.rows[0].cells[0].kind is CellKind.COUNTER_UPDATE
    assert change.text == f"ks.wide(3) [1, 'a'] {text}"


# Length.


def test_long_values_and_many_rows_are_cut() -> None:
    rows = [_row(Column(id=9, cell=_live(b"\xab" * 50))) for _ in range(5)]
    text = _change(*rows).text_of(characters_max=10, rows_max=2)
    assert text == "ks.wide(3) [1, 'a'] #9=0xabababa…; [1, 'a'] #9=0xabababa…; 3 more"


# Canonical mutations.


def _canonical(table_id: UUID, static_count: int = 1) -> CanonicalMutationFrame:
    marshal = "org.apache.cassandra.db.marshal."
    entries = (("s", "UTF8Type"), ("a", "Int32Type"), ("b", "(("))
    return CanonicalMutationFrame(
        table_id=table_id,
        schema_version=_VERSION,
        key=Key(components=(b"ks",)),
        mapping=ColumnMapping(
            columns=tuple(
                ColumnMappingEntry(name=name.encode(), type_name=marshal + type_name)
                for name, type_name in entries
            ),
            static_count=static_count,
        ),
        partition=MutationPartition(
            tombstone=_NONE,
            static_row=Row(columns=(Column(id=0, cell=_live(b"x")), Column(id=1, cell=_live(b"y")))),
            range_tombstones=(),
            rows=(
                _row(
                    *(Column(id=index, cell=_live(_int(index))) for index in range(3)),
                    key=Key(components=(b"t",)),
                ),
            ),
        ),
    )


def test_canonical_mutation_brings_its_columns_along() -> None:
    change = changes_of(_canonical(system_table_id("system_schema", "tables")), Schema())
    assert change.text == ("system_schema.tables('ks') s='x' #1=0x79; ['t'] a=0 b=0x00000001 #2=0x00000002")


def test_mapping_with_more_static_columns_than_columns_is_no_error() -> None:
    change = changes_of(_canonical(UUID(int=1), static_count=2**32 - 1), Schema())
    assert "s=" in change.text


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_batchlog_of_garbage_keeps_its_bytes(data: bytes) -> None:
    mutation = Mutation(
        table_id=system_table_id("system", "batchlog"),
        schema_version=_VERSION,
        key=Key(components=(_ID.bytes,)),
        partition=MutationPartition(
            tombstone=_NONE,
            static_row=_NO_CELLS,
            range_tombstones=(),
            rows=(_row(Column(id=0, cell=_live(data)), key=Key(components=())),),
        ),
    )
    change = changes_of(mutation, Schema())
    assert change.batched == ()
    assert change.text_of(characters_max=200) == f"system.batchlog({_ID}) data=0x{data.hex()}"


@settings(max_examples=100)
@given(
    st.lists(st.binary(max_size=5), max_size=4),
    st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=9), st.booleans()), max_size=5),
)
def test_values_that_do_not_fit_the_schema_are_no_error(
    key: list[bytes], cells: list[tuple[int, bytes, bool]]
) -> None:
    columns = [
        _collection(column, _element(data, data)) if is_collection else Column(id=column, cell=_live(data))
        for column, data, is_collection in cells
    ]
    assert _change(_row(*columns, key=Key(components=tuple(key)))).text


# Real clusters.


def _changes(trace: Trace) -> list[PartitionChange]:
    changes = []
    for message in trace.rpc:
        match message.body:
            case MutationRequest() as write:
                changes.append(changes_of(write.mutation, trace.schema))
            case CounterMutationRequest() as update:
                changes += [changes_of(mutation, trace.schema) for mutation in update.mutations]
            case PaxosAcceptRequest() as accept:
                changes.append(changes_of(accept.proposal.update, trace.schema))
            case _:
                pass
    return changes


_MEANINGS = {
    # write_rf2, write_rf3
    "INSERT INTO demo2.map (id, country, capital) VALUES (17, 'Germany', 'Berlin')": (
        "demo2.map(17) capital='Berlin' country='Germany'"
    ),
    "INSERT INTO demo2.map (id, country, capital) VALUES (ID, 'Germany', 'Berlin')": (
        "demo2.map(ID) capital='Berlin' country='Germany'"
    ),
    "UPDATE demo2.map SET capital = 'Bonn' WHERE id = ID": "demo2.map(ID) capital='Bonn'",
    (
        "INSERT INTO demo2.map (id, country, capital) VALUES (ID, 'Poland', 'Warsaw') "
        "USING TTL 3600 AND TIMESTAMP 1500000000000000"
    ): "demo2.map(ID) capital='Warsaw' country='Poland' ttl=3600s",
    "DELETE capital FROM demo2.map WHERE id = ID": "demo2.map(ID) -capital",
    "DELETE FROM demo2.map WHERE id = 17": "demo2.map(17) deleted",
    "INSERT INTO demo3.map (id, country, capital) VALUES (17, 'Germany', 'Berlin')": (
        "demo3.map(17) capital='Berlin' country='Germany'"
    ),
    (
        "INSERT INTO demo3.wide (p, c1, c2, st, v, l, m) "
        "VALUES (1, 1, 'a', 'static', 0xdeadbeef, [1,2,3], {1:'x',2:'y'})"
    ): "demo3.wide(1) st='static'; [1, 'a'] l=[1, 2, 3] m={1: 'x', 2: 'y'} v=0xdeadbeef",
    "UPDATE demo3.wide SET l = l + [4], m[3] = 'z' WHERE p=1 AND c1=1 AND c2='a'": (
        "demo3.wide(1) [1, 'a'] l+=[4] m+={3: 'z'}"
    ),
    "DELETE FROM demo3.wide WHERE p=1 AND c1=1": "demo3.wide(1) [1, *] deleted",
    "DELETE FROM demo3.wide WHERE p=1 AND c1>2 AND c1<=9": "demo3.wide(1) > [2] and <= [9] deleted",
    "DELETE FROM demo3.wide WHERE p=1": "demo3.wide(1) deleted",
    # index_write
    "INSERT INTO demo2.city (id, country, capital) VALUES (17, 'France', 'Paris')": (
        "demo2.city(17) capital='Paris' country='France'"
    ),
    "INSERT INTO demo2.city (id, country, capital) VALUES (ID, 'France', 'Paris')": (
        "demo2.city(ID) capital='Paris' country='France'"
    ),
    "UPDATE demo2.city SET country='Italy' WHERE id=ID": "demo2.city(ID) country='Italy'",
    "UPDATE demo2.city SET capital='Rome' WHERE id=ID": "demo2.city(ID) capital='Rome'",
    "DELETE FROM demo2.city WHERE id=ID": "demo2.city(ID) deleted",
    # non_frozen_udt
    "INSERT INTO demo3.udt (id, home, t) VALUES (1, {street: 'Main', zip: 7}, (1, 'x'))": (
        "demo3.udt(1) home={street: 'Main', zip: 7} t=(1, 'x')"
    ),
    "UPDATE demo3.udt SET home.zip = 8 WHERE id = 1": "demo3.udt(1) home+={zip: 8}",
    "UPDATE demo3.udt SET home.street = null WHERE id = 1": "demo3.udt(1) home-={street}",
    # materialized_view
    "INSERT INTO demo3.buildings (name, city, height) VALUES ('Burj Khalifa', 'Dubai', 828)": (
        "demo3.buildings('Burj Khalifa') city='Dubai' height=828"
    ),
    "INSERT INTO demo3.buildings (name, city, height) VALUES ('Shanghai Tower', 'Shanghai', 632)": (
        "demo3.buildings('Shanghai Tower') city='Shanghai' height=632"
    ),
    "UPDATE demo3.buildings SET city='Pudong' WHERE name='Shanghai Tower'": (
        "demo3.buildings('Shanghai Tower') city='Pudong'"
    ),
    "UPDATE demo3.buildings SET height=633 WHERE name='Shanghai Tower'": (
        "demo3.buildings('Shanghai Tower') height=633"
    ),
    "DELETE FROM demo3.buildings WHERE name='Shanghai Tower'": "demo3.buildings('Shanghai Tower') deleted",
    # batch
    (
        "BEGIN UNLOGGED BATCH INSERT INTO demo3.map (id,country) VALUES (1,'a'); "
        "INSERT INTO demo3.map (id,country) VALUES (2,'b'); APPLY BATCH"
    ): "demo3.map(1) country='a' | demo3.map(2) country='b'",
    (
        "BEGIN BATCH INSERT INTO demo3.map (id,country) VALUES (3,'a'); "
        "INSERT INTO demo3.map (id,country) VALUES (4,'b'); "
        "INSERT INTO demo2.map (id,country) VALUES (5,'c'); APPLY BATCH"
    ): (
        "demo3.map(3) country='a' | demo3.map(4) country='b' | demo2.map(5) country='c' | "
        "batch {demo2.map(5) country='c'; demo3.map(4) country='b'; demo3.map(3) country='a'}"
    ),
    (
        "BEGIN BATCH INSERT INTO demo3.map (id,country) VALUES (6,'a'); "
        "UPDATE demo3.map SET capital='x' WHERE id=6; APPLY BATCH"
    ): "demo3.map(6) capital='x' country='a'",
}
"""What the statements of the captures write; ID is 18 or 19, as the ring would have it."""


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
@pytest.mark.parametrize(
    "capture",
    [
        "base/write_rf2",
        "base/write_rf3",
        "base/index_write",
        "base/materialized_view",
        "base/batch",
        "errors/non_frozen_udt",
    ],
)
def test_literals_of_statements_are_found_in_the_mutations(reference: Path, line: str, capture: str) -> None:
    path = reference / line / f"{capture}.pcapng"
    texts = {
        re.sub(r"\((18|19)\)|^system.batchlog\([^)]*\) (?=batch)", _anonymous, change.text)
        for change in _changes(read_trace(path))
    }
    statements = [step["cql"] for step in json.loads(path.with_suffix(".json").read_text())["steps"]]
    writes = [cql for cql in statements if not cql.startswith(("SELECT", "CREATE"))]
    assert writes
    for cql in writes:
        for expected in _MEANINGS[re.sub(r"(?<=[=(] )(18|19)\b|(?<=[=(])(18|19)\b", "ID", cql)].split(" | "):
            assert expected in texts, cql


def _anonymous(match: re.Match[str]) -> str:
    return "(ID)" if match[1] else ""


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
def test_values_of_every_type_are_those_of_the_statement(reference: Path, line: str) -> None:
    changes = _changes(read_trace(reference / line / "base" / "types_and_large.pcapng"))
    first = next(change for change in changes if len(change.rows[0].cells) > 5)
    assert first.key[0].value == UUID("11111111-2222-3333-4444-555555555555")
    assert {cell.column: cell.value for cell in first.rows[0].cells} == {
        "a": "ascii",
        "bi": -9000000000,
        "bl": bytes.fromhex("0001ff"),
        "bo": True,
        "da": date(2020, 3, 30),
        "de": Decimal("3.14159"),
        "dob": 2.5,
        "du": Duration(0, 0, 5400 * 10**9),
        "fl": 1.5,
        "fl2": [9],
        "i": -7,
        "ine": IPv4Address("10.1.2.3"),
        "l": [1, 2],
        "m": {"k": 1},
        "s": frozenset({"a", "b"}),
        "si": 300,
        "t": (1, "x"),
        "te": "żółw",
        "ti": -5,
        "tim": TimeOfDay(48654234 * 10**6),
        "ts": datetime(2020, 3, 30, 12),  # noqa: DTZ001  (as values are decoded: UTC without a zone)
        "tu": UUID("50554d6e-29bb-11e5-b345-feff819cdc9f"),
        "ud": {"street": "s", "zip": 1},
        "vi": 123456789012345678901234567890,
    }
    large = next(change for change in changes if len(change.rows[0].cells) == 1)
    value = large.rows[0].cells[0].value
    assert isinstance(value, bytes)
    assert set(value) == {0xAB}
    assert len(large.text) < 120


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
def test_counters_count(reference: Path, line: str) -> None:
    texts = {change.text for change in _changes(read_trace(reference / line / "base" / "counter.pcapng"))}
    assert {"demo3.hits('home') n=1", "demo3.hits('home') n=2", "demo3.hits('x') n=2"} <= texts


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
def test_view_updates_delete_the_old_row_and_write_the_new_one(reference: Path, line: str) -> None:
    changes = _changes(read_trace(reference / line / "views" / "view_life_rf2.pcapng"))
    texts = {change.text for change in changes if change.table is not None and change.table.base}
    assert "demo2.buildings_by_city('Shanghai') ['Shanghai Tower'] deleted (shadowable)" in texts
    assert "demo2.buildings_by_city('Shanghai 2') ['Shanghai Tower'] height=632" in texts


def test_every_mutation_of_the_captures_of_one_line_is_typed(reference: Path) -> None:
    """No bytes and no column ids are left where the JSON tells the schema."""
    trace = read_trace(reference / "scylla-2025.1" / "base" / "lwt_conditions.pcapng")
    for change in _changes(trace):
        assert change.table is not None
        assert "#" not in change.text
        assert "0x" not in change.text
