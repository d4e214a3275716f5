from pathlib import Path

import pytest

from harness.backends.simulation.repair.repair_rows import (
    combined_hash,
    mutations_of_rows,
    partitions_of_rows,
    place_of_boundary,
    repair_rows,
    rows_of_partitions,
)
from harness.codec.verbs.common import Key, PartitionRegion
from harness.codec.verbs.mutation import (
    Column,
    DeletableRow,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    Row,
)
from harness.codec.verbs.repair import PartitionRows, RowFrame, SyncBoundaryReply
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.tables import deleted, i32, layout_of

LAYOUT = layout_of("CREATE TABLE t (p int, c int, s int static, v int, PRIMARY KEY (p, c))")
NOTHING = deleted(-(2**63), 0)
SEED = 7


def row(number: int, value: int = 0) -> DeletableRow:
    return DeletableRow(
        key=Key(components=(i32(number),)),
        marker=LiveMarker(created_at=1),
        deleted_at=NOTHING,
        cells=Row(columns=(Column(id=0, cell=LiveCell(timestamp=value, value=i32(value))),)),
    )


def partition(*rows: DeletableRow, is_deleted: bool = False, static: int | None = None) -> Mutation:
    assert LAYOUT.table.id is not None
    assert LAYOUT.table.version is not None
    columns = () if static is None else (Column(id=0, cell=LiveCell(timestamp=1, value=i32(static))),)
    return Mutation(
        table_id=LAYOUT.table.id,
        schema_version=LAYOUT.table.version,
        key=Key(components=(i32(5),)),
        partition=MutationPartition(
            tombstone=deleted(1) if is_deleted else NOTHING,
            static_row=Row(columns=columns),
            range_tombstones=(),
            rows=rows,
        ),
    )


def test_a_partition_begins_only_if_it_is_deleted_and_ends_never() -> None:
    plain = list(repair_rows(LAYOUT, [partition(row(1), row(2))], SEED))
    assert [one.boundary.position.region for one in plain] == [PartitionRegion.CLUSTERED] * 2
    whole = list(repair_rows(LAYOUT, [partition(row(1), is_deleted=True, static=4)], SEED))
    assert [one.boundary.position.region for one in whole] == [
        PartitionRegion.PARTITION_START,
        PartitionRegion.STATIC_ROW,
        PartitionRegion.CLUSTERED,
    ]


def test_rows_differ_by_hash_if_anything_of_them_differs() -> None:
    rows = list(repair_rows(LAYOUT, [partition(row(1), row(2), row(3, 1))], SEED))
    others = list(repair_rows(LAYOUT, [partition(row(1), row(2, 9), row(3, 1))], SEED))
    assert [one.hash == other.hash for one, other in zip(rows, others, strict=True)] == [True, False, True]
    assert len({one.hash for one in rows}) == 3
    assert {one.hash for one in repair_rows(LAYOUT, [partition(row(1))], SEED + 1)}.isdisjoint(
        {one.hash for one in rows}
    )


def test_a_combined_hash_does_not_depend_on_order() -> None:
    rows = list(repair_rows(LAYOUT, [partition(row(1), row(2), row(3))], SEED))
    assert combined_hash(rows) == combined_hash(reversed(rows)) != combined_hash(rows[:2])
    assert combined_hash([]) == 0


def test_places_are_in_the_order_of_the_table_and_edges_name_them() -> None:
    rows = list(repair_rows(LAYOUT, [partition(row(-1), row(2), is_deleted=True, static=1)], SEED))
    places = [one.place for one in rows]
    assert places == sorted(places)
    assert [place_of_boundary(LAYOUT, one.boundary) for one in rows] == places


def test_rows_come_out_of_messages_as_they_went_in() -> None:
    whole = partition(row(1), row(2), is_deleted=True, static=4)
    rows = list(repair_rows(LAYOUT, [whole], SEED))
    messages = list(partitions_of_rows(rows))
    assert len(messages) == 1
    again = list(rows_of_partitions(LAYOUT, messages, SEED))
    assert again == rows
    assert list(mutations_of_rows(LAYOUT, again)) == [whole]


def test_two_versions_of_a_row_are_two_mutations() -> None:
    rows = [
        *repair_rows(LAYOUT, [partition(row(1, 1), row(2))], SEED),
        *repair_rows(LAYOUT, [partition(row(1, 2))], SEED),
    ]
    rows.sort(key=lambda one: one.place)
    assert list(mutations_of_rows(LAYOUT, rows)) == [partition(row(1, 1), row(2)), partition(row(1, 2))]


@pytest.mark.reference
def test_sizes_and_edges_are_those_of_real_nodes(reference: Path) -> None:
    # The second node tells the size of its rows, and the last of them; the master gives the same to the third.
    path = reference / "scylla-4.2/faults/repair.pcapng"
    layout = catalog_of(path).table("demo3", "map")
    assert layout is not None
    told, given = [], dict[object, list[PartitionRows]]()
    for message in trace_of(path).rpc:
        match message.body:
            case SyncBoundaryReply(response=state) if state.boundary is not None:
                told.append((state.new_row_count, state.new_rows_bytes, state.boundary))
            case RowFrame(frame=frame) if frame.rows.fragments:
                given.setdefault(message.connection, []).append(frame.rows)
    found = []
    for partitions in given.values():
        rows = list(rows_of_partitions(layout, partitions, SEED))
        found.append((len(rows), sum(one.size_bytes for one in rows), rows[-1].boundary))
    # In the seventh range the third node had the other row already.
    assert [one in told for one in found].count(True) == 6
    assert len(found) == 7
