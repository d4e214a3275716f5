from pathlib import Path

import pytest

from harness.backends.simulation.streaming.fragments import FragmentAssembler, fragments_of
from harness.codec.verbs.common import BoundKind, Key
from harness.codec.verbs.mutation import (
    DeletableRow,
    LiveMarker,
    Mutation,
    MutationPartition,
    RangeTombstone,
    Row,
)
from harness.codec.verbs.mutation_fragment import ClusteringRow, MutationFragment, PartitionEnd
from harness.codec.verbs.streaming import FragmentFrame
from harness.errors import DecodeError
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.streaming.mutations import put_together
from tests.backends.simulation.tables import deleted, i32, layout_of

TABLE = "CREATE TABLE t (p int, c int, v text, PRIMARY KEY (p, c))"
NOTHING = deleted(-(2**63), 0)


def row(number: int) -> DeletableRow:
    return DeletableRow(
        key=Key(components=(i32(number),)),
        marker=LiveMarker(created_at=1),
        deleted_at=NOTHING,
        cells=Row(columns=()),
    )


def deletion(first: int, last: int) -> RangeTombstone:
    return RangeTombstone(
        start=Key(components=(i32(first),)),
        tombstone=deleted(5),
        start_kind=BoundKind.INCLUSIVE_START,
        end=Key(components=(i32(last),)),
        end_kind=BoundKind.EXCLUSIVE_END,
    )


def mutation() -> Mutation:
    layout = layout_of(TABLE)
    assert layout.table.id is not None
    assert layout.table.version is not None
    return Mutation(
        table_id=layout.table.id,
        schema_version=layout.table.version,
        key=Key(components=(i32(7),)),
        partition=MutationPartition(
            tombstone=deleted(2),
            static_row=Row(columns=()),
            range_tombstones=(deletion(2, 4), deletion(6, 9)),
            rows=(row(1), row(2), row(5)),
        ),
    )


def test_rows_and_deletions_of_ranges_stand_in_the_order_of_their_places() -> None:
    names = [
        (type(fragment.fragment).__name__, *_keys(fragment))
        for fragment in fragments_of(layout_of(TABLE), mutation())
    ]
    assert names == [
        ("PartitionStart",),
        ("ClusteringRow", 1),
        ("RangeTombstone", 2),
        ("ClusteringRow", 2),
        ("ClusteringRow", 5),
        ("RangeTombstone", 6),
        ("PartitionEnd",),
    ]


def _keys(fragment: MutationFragment) -> list[int]:
    match fragment.fragment:
        case ClusteringRow(row=row):
            return [int.from_bytes(part, "big") for part in row.key.components]
        case RangeTombstone(start=start):
            return [int.from_bytes(part, "big") for part in start.components]
        case _:
            return []


def test_what_is_cut_can_be_put_together() -> None:
    whole = mutation()
    assembler = FragmentAssembler(whole.table_id, whole.schema_version)
    made = [assembler.take(fragment) for fragment in fragments_of(layout_of(TABLE), whole)]
    assert made[:-1] == [None] * 6
    assert made[-1] == whole
    assert assembler.is_between


def test_rows_outside_a_partition_are_refused() -> None:
    whole = mutation()
    assembler = FragmentAssembler(whole.table_id, whole.schema_version)
    for fragment in (ClusteringRow(row=row(1)), PartitionEnd()):
        with pytest.raises(DecodeError):
            assembler.take(MutationFragment(fragment=fragment))


@pytest.mark.reference
def test_streams_of_real_nodes_are_cut_in_the_same_way(reference: Path) -> None:
    path = reference / "scylla-4.2/topology/add_node.pcapng"
    catalog = catalog_of(path)
    streams: dict[object, list[MutationFragment]] = {}
    for message in trace_of(path).rpc:
        if isinstance(message.body, FragmentFrame) and message.body.fragment is not None:
            streams.setdefault(message.connection, []).append(message.body.fragment)
    demo = catalog.table("demo2", "map")
    assert demo is not None
    compared = 0
    for fragments in streams.values():
        if len(put_together(demo, fragments)[0].partition.rows[0].cells.columns) != 2:
            continue
        again = [one for made in put_together(demo, fragments) for one in fragments_of(demo, made)]
        assert again == fragments
        compared += len(fragments)
    assert compared > 200
