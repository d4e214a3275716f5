"""Rows as repair compares them: each with its place, its hash and its size.

Source:
    Scylla (branch 4.2), repair/row_level.cc (repair_row, repair_hasher, fragment_hasher), position_in_partition.hh.
    The hash itself is this harness's own: whoever compares rows uses the same one.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import xxhash

from harness.backends.simulation.clustering_order import AFTER, BEFORE
from harness.backends.simulation.ring_ranges import RingPlace, place_of_key, ring_token
from harness.backends.simulation.streaming.fragments import (
    NOT_DELETED,
    FragmentAssembler,
    fragments_of,
)
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.value_order import OrderKey
from harness.codec.verbs.common import (
    BoundKind,
    DecoratedKey,
    Key,
    PartitionRegion,
    PositionInPartition,
    Tombstone,
)
from harness.codec.verbs.mutation import Mutation, RangeTombstone
from harness.codec.verbs.mutation_fragment import (
    ClusteringRow,
    MutationFragment,
    PartitionEnd,
    PartitionStart,
    StaticRow,
)
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.repair import PartitionRows, SyncBoundary
from harness.partitioner import serialized_key, token_of

RowPlace = tuple[RingPlace, int, OrderKey]
"""Of a row in a table; sorts as the table does."""

_SEED = struct.Struct("<Q").pack


@dataclass(frozen=True, slots=True)
class RepairRow:
    """A row, or something else that stands among rows: a static row, a deletion."""

    key: Key
    fragment: MutationFragment
    place: RowPlace
    hash: int
    size_bytes: int

    @property
    def boundary(self) -> SyncBoundary:
        """The row as an edge up to which nodes compare."""
        decorated = DecoratedKey(token=ring_token(token_of(self.key.components)), key=self.key)
        return SyncBoundary(key=decorated, position=_position_of(self.fragment))


def repair_rows(layout: TableLayout, mutations: Iterable[Mutation], seed: int) -> Iterator[RepairRow]:
    """Give the rows of mutations, in their order.

    Where partitions begin and end is left out, unless the whole of one is deleted.
    """
    for mutation in mutations:
        for fragment in fragments_of(layout, mutation):
            part = fragment.fragment
            if isinstance(part, PartitionEnd) or (
                isinstance(part, PartitionStart) and part.tombstone.timestamp == NOT_DELETED.timestamp
            ):
                continue
            yield _row_of(layout, mutation.key, fragment, seed)


def rows_of_partitions(
    layout: TableLayout, partitions: Iterable[PartitionRows], seed: int
) -> Iterator[RepairRow]:
    """Give the rows that a message carries."""
    for partition in partitions:
        for fragment in partition.fragments:
            yield _row_of(layout, partition.key, fragment, seed)


def partitions_of_rows(rows: Iterable[RepairRow]) -> Iterator[PartitionRows]:
    """Put rows, which are in order, together as messages carry them."""
    for _, same in groupby(rows, key=lambda row: row.place[0]):
        group = list(same)
        yield PartitionRows(key=group[0].key, fragments=tuple(row.fragment for row in group))


def mutations_of_rows(layout: TableLayout, rows: Iterable[RepairRow]) -> Iterator[Mutation]:
    """Make mutations of rows, which are in order.

    What two nodes have of the same row goes into two mutations: they are merged where they are applied.
    """
    for _, same in groupby(rows, key=lambda row: row.place[0]):
        layers: list[list[RepairRow]] = []
        for _, versions in groupby(same, key=lambda row: row.place):
            for number, version in enumerate(versions):
                if number == len(layers):
                    layers.append([])
                layers[number].append(version)
        for layer in layers:
            yield _mutation_of(layout, layer)


def _mutation_of(layout: TableLayout, rows: Sequence[RepairRow]) -> Mutation:
    assert layout.table.id is not None
    assert layout.table.version is not None
    assembler = FragmentAssembler(layout.table.id, layout.table.version)
    tombstone: Tombstone = NOT_DELETED
    assembler.take(MutationFragment(fragment=PartitionStart(key=rows[0].key, tombstone=tombstone)))
    for row in rows:
        if isinstance(row.fragment.fragment, PartitionStart):
            tombstone = row.fragment.fragment.tombstone
        else:
            assembler.take(row.fragment)
    return assembler.made(rows[0].key, tombstone)


def place_of_boundary(layout: TableLayout, boundary: SyncBoundary) -> RowPlace:
    """The place that an edge names.

    Raises:
        DecodeError: a component of its key has not the form of its column's type.
    """
    position = boundary.position
    prefix = () if position.key is None else position.key.components
    return (
        place_of_key(boundary.key.key.components),
        position.region,
        layout.order.position(prefix, position.weight),
    )


def combined_hash(rows: Iterable[RepairRow]) -> int:
    """One hash of all rows, whatever their order."""
    combined = 0
    for row in rows:
        combined ^= row.hash
    return combined


def _row_of(layout: TableLayout, key: Key, fragment: MutationFragment, seed: int) -> RepairRow:
    data = encode_payload(fragment)
    hashed = xxhash.xxh64(_SEED(seed))
    hashed.update(serialized_key(key.components))
    hashed.update(data)
    position = _position_of(fragment)
    prefix = () if position.key is None else position.key.components
    place = (
        place_of_key(key.components),
        int(position.region),
        layout.order.position(prefix, position.weight),
    )
    return RepairRow(key, fragment, place, hashed.intdigest(), len(data))


def _position_of(fragment: MutationFragment) -> PositionInPartition:
    part = fragment.fragment
    match part:
        case PartitionStart():
            return PositionInPartition(region=PartitionRegion.PARTITION_START, weight=0, key=None)
        case StaticRow():
            return PositionInPartition(region=PartitionRegion.STATIC_ROW, weight=0, key=None)
        case ClusteringRow(row=row):
            return PositionInPartition(region=PartitionRegion.CLUSTERED, weight=0, key=row.key)
        case RangeTombstone(start=start, start_kind=kind):
            weight = AFTER if kind == BoundKind.EXCLUSIVE_START else BEFORE
            return PositionInPartition(region=PartitionRegion.CLUSTERED, weight=weight, key=start)
        case PartitionEnd():
            return PositionInPartition(region=PartitionRegion.PARTITION_END, weight=0, key=None)
