"""Mutations cut into fragments, as streams carry them, and put together again.

Source:
    Scylla (branch 4.2), mutation_fragment.hh, frozen_mutation.cc (fragment_and_freeze), position_in_partition.hh.
"""

from collections.abc import Iterator
from uuid import UUID

from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.value_order import OrderKey
from harness.codec.verbs.common import MISSING_TIMESTAMP, Key, Tombstone
from harness.codec.verbs.mutation import DeletableRow, Mutation, MutationPartition, RangeTombstone, Row
from harness.codec.verbs.mutation_fragment import (
    ClusteringRow,
    MutationFragment,
    PartitionEnd,
    PartitionStart,
    StaticRow,
)
from harness.codec.verbs.wire import ABSENT
from harness.errors import DecodeError

NOT_DELETED = Tombstone(timestamp=MISSING_TIMESTAMP, deletion_time=0)
"""No tombstone."""


def fragments_of(layout: TableLayout, mutation: Mutation) -> Iterator[MutationFragment]:
    """Cut a mutation: begin, static row, rows with deletions of ranges in the order of their places, end."""
    partition = mutation.partition
    yield MutationFragment(fragment=PartitionStart(key=mutation.key, tombstone=partition.tombstone))
    if partition.static_row.columns:
        yield MutationFragment(fragment=StaticRow(cells=partition.static_row))
    placed: list[tuple[OrderKey, int, ClusteringRow | RangeTombstone]] = [
        (layout.order.position(row.key.components), 1, ClusteringRow(row=row)) for row in partition.rows
    ]
    placed += [(_start(layout, deletion), 0, deletion) for deletion in partition.range_tombstones]
    placed.sort(key=lambda entry: entry[:2])
    for _, _, fragment in placed:
        yield MutationFragment(fragment=fragment)
    yield MutationFragment(fragment=PartitionEnd())


def _start(layout: TableLayout, deletion: RangeTombstone) -> OrderKey:
    prefix = deletion.start.components
    if deletion.start_kind is ABSENT:
        return layout.order.before(prefix).position
    return layout.order.bound(prefix, deletion.start_kind).position


class FragmentAssembler:
    """Puts the fragments of one table together.

    Args:
        table_id: of the table.
        schema_version: of the table, at the sender.
    """

    def __init__(self, table_id: UUID, schema_version: UUID) -> None:
        self._table_id = table_id
        self._schema_version = schema_version
        self._start: PartitionStart | None = None
        self._static = Row(columns=())
        self._rows: list[DeletableRow] = []
        self._deletions: list[RangeTombstone] = []

    @property
    def is_between(self) -> bool:
        """Whether no partition is open."""
        return self._start is None

    def take(self, fragment: MutationFragment) -> Mutation | None:
        """Take the next fragment; gives the mutation that it ends, if it ends one.

        Raises:
            DecodeError: it stands outside a partition, or inside one where it must not.
        """
        part = fragment.fragment
        if isinstance(part, PartitionStart) != self.is_between:
            raise DecodeError(f"{type(part).__name__} where none can stand", layer="storage", offset_bytes=0)
        match part:
            case PartitionStart():
                self._start = part
            case StaticRow(cells=cells):
                self._static = cells
            case ClusteringRow(row=row):
                self._rows.append(row)
            case RangeTombstone():
                self._deletions.append(part)
            case PartitionEnd():
                return self._end()
        return None

    def _end(self) -> Mutation:
        assert self._start is not None
        mutation = self.made(self._start.key, self._start.tombstone)
        self._start = None
        return mutation

    def made(self, key: Key, tombstone: Tombstone = NOT_DELETED) -> Mutation:
        """Make a mutation of the rows that were taken, and begin anew."""
        mutation = Mutation(
            table_id=self._table_id,
            schema_version=self._schema_version,
            key=key,
            partition=MutationPartition(
                tombstone=tombstone,
                static_row=self._static,
                range_tombstones=tuple(self._deletions),
                rows=tuple(self._rows),
            ),
        )
        self._static, self._rows, self._deletions = Row(columns=()), [], []
        return mutation
