"""Reads as mutations, so that what replicas hold can be compared and merged.

Source:
    Scylla (branch 4.2), mutation_query.hh, mutation_partition.cc (reconcilable_result_builder).
"""

from collections.abc import Sequence

from harness.backends.simulation.clustering_order import ClusteringKey, RowInterval
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.storage.purging import Clock, clock_of
from harness.backends.simulation.storage.range_tombstones import RangeTombstones
from harness.backends.simulation.storage.read_limits import ReadLimits
from harness.backends.simulation.storage.slices import ReadSlice
from harness.backends.simulation.storage.stored_table import StoredTable
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import PartitionRange
from harness.codec.verbs.query_result import ReconcilablePartition, ReconcilableResult
from harness.codec.verbs.read_command import ReadCommand, SliceOption
from harness.codec.verbs.wire import encode_struct


class MutationRead:
    """One read of a range of partitions at a replica, deletions included.

    Args:
        layout: of the table at the command's schema version.
        command: what is read.
        limits: how far it may go.

    Raises:
        DecodeError: the command names a column that the table has not.
    """

    def __init__(self, layout: TableLayout, command: ReadCommand, *, limits: ReadLimits) -> None:
        self._layout = layout
        self._slice = ReadSlice(layout, command.partition_slice)
        self._clock = clock_of(command.read_timestamp, layout.gc_grace_s)
        self._limits = limits
        self._row_count = 0
        self._partitions: list[ReconcilablePartition] = []

    def read(self, stored: StoredTable, partitions: PartitionRange) -> ReconcilableResult:
        """Read a range."""
        for key, partition in stored.within(partitions):
            if self._limits.is_reached:
                break
            self._add(key, partition)
        return ReconcilableResult(
            row_count_low=self._row_count,
            partitions=tuple(self._partitions),
            short_read=int(self._limits.is_full),
        )

    def _add(self, key: PartitionKey, partition: Partition) -> None:
        selection = self._slice.rows_of(key)
        returns_static = not selection.is_restricted or bool(
            self._slice.options & SliceOption.ALWAYS_RETURN_STATIC_CONTENT
        )
        left, row_count = limited(
            self._layout,
            partition,
            selection.intervals,
            self._clock,
            rows_max=min(self._limits.rows, self._limits.rows_per_partition),
            is_reversed=self._slice.is_reversed,
            counts_static=returns_static,
        )
        if left.is_empty:
            return
        mutation = mutation_of(self._layout, key, left)
        self._partitions.append(ReconcilablePartition(row_count_low=row_count, mutation=mutation))
        self._limits.result_bytes -= len(encode_struct(mutation))
        self._row_count += row_count
        self._limits.end_partition(row_count)


def limited(
    layout: TableLayout,
    partition: Partition,
    intervals: Sequence[RowInterval],
    clock: Clock,
    *,
    rows_max: int,
    is_reversed: bool,
    counts_static: bool,
) -> tuple[Partition, int]:
    """What is left of a partition, up to a number of living rows; and how many there are.

    Args:
        layout: of the table.
        partition: what is stored.
        intervals: the rows that are wanted.
        clock: when.
        rows_max: rows behind the last one are left out, be they alive or not.
        is_reversed: whether rows are counted from the end.
        counts_static: whether a static row that lives counts as one row where there is none.
    """
    left = partition.compacted(layout, clock, ())
    left.ranges = partition.ranges.within(intervals).compacted(partition.tombstone, clock)
    row_count = 0
    last: ClusteringKey | None = None
    for key, compacted in partition.compacted_rows(layout, intervals, clock, is_reversed=is_reversed):
        if compacted.row.is_empty:
            continue
        left.rows.make(key).apply(layout, compacted.row)
        row_count += compacted.is_live
        if row_count == rows_max:
            last = key
            break
    if last is not None and not is_reversed:
        # Nor does such a read come to deletions of ranges that begin behind the last row.
        end = layout.order.position(last)
        left.ranges = RangeTombstones(deletion for deletion in left.ranges if deletion.start.position < end)
    if row_count == 0 and counts_static and partition.compacted_static(layout, clock)[1]:
        row_count = 1
    return left, row_count
