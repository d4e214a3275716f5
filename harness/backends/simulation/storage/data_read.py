"""Reads as results: the rows that live, their digest, or both.

Reads of one partition and of ranges differ in what they feed to the digest: a range is first read as mutations, so
that its digest knows of partitions and rows of which only deletions are left.

Source:
    Scylla (branch 4.2), query-result-writer.hh, mutation_partition.cc (mutation_querier, query_compacted),
    mutation_compactor.hh.
"""

from collections.abc import Mapping

from harness.backends.simulation.clustering_order import ClusteringKey
from harness.backends.simulation.storage.cells import Cell
from harness.backends.simulation.storage.digest import Digest
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.storage.purging import clock_of
from harness.backends.simulation.storage.read_limits import ReadLimits, cells_bytes, row_bytes
from harness.backends.simulation.storage.result_form import result_cells
from harness.backends.simulation.storage.slices import ReadSlice, RowSelection
from harness.backends.simulation.storage.stored_table import StoredTable
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import MISSING_TIMESTAMP, Key, PartitionRange, Tombstone
from harness.codec.verbs.query_result import QueryResult, ResultPartition, ResultPartitions, ResultRow
from harness.codec.verbs.read_command import ReadCommand, SliceOption


class DataRead:
    """One read of a range of partitions at a replica.

    Args:
        layout: of the table at the command's schema version.
        command: what is read.
        with_digest: whether the digest is wanted, besides or instead of the rows.
        limits: how far it may go.

    Raises:
        DecodeError: the command names a column that the table has not.
    """

    def __init__(
        self, layout: TableLayout, command: ReadCommand, *, with_digest: bool, limits: ReadLimits
    ) -> None:
        self._layout = layout
        self._slice = ReadSlice(layout, command.partition_slice)
        self._clock = clock_of(command.read_timestamp, layout.gc_grace_s)
        self._digest = Digest() if with_digest else None
        self._limits = limits
        self._row_count = 0
        self._partitions: list[ResultPartition] = []

    def read(self, stored: StoredTable, partitions: PartitionRange) -> QueryResult:
        """Read a range."""
        for key, partition in stored.within(partitions):
            if self._limits.is_reached:
                break
            self.add(key, partition, is_scan=not partitions.singular)
        return self.result()

    def result(self) -> QueryResult:
        """What was read."""
        digest = self._digest
        return QueryResult(
            data=ResultPartitions(partitions=tuple(self._partitions)),
            digest=None if digest is None else digest.value,
            last_modified=MISSING_TIMESTAMP if digest is None else digest.last_modified,
            short_read=int(self._limits.is_full),
            row_count_low=self._row_count,
            partition_count=len(self._partitions),
        )

    def add(self, key: PartitionKey, partition: Partition, *, is_scan: bool) -> None:
        """Read one partition.

        Args:
            key: its key.
            partition: what is stored of it.
            is_scan: whether it is read as part of a range.
        """
        layout, wanted, limits = self._layout, self._slice, self._limits
        selection = wanted.rows_of(key)
        static, has_static = partition.compacted_static(layout, self._clock)
        is_fed = False
        if has_static or (is_scan and self._is_left(partition, selection, static)):
            self._feed_head(key, partition.tombstone, static)
            is_fed = True
        rows_max = min(limits.rows, limits.rows_per_partition)
        rows: list[ResultRow] = []
        for row_key, row in partition.compacted_rows(
            layout, selection.intervals, self._clock, is_reversed=wanted.is_reversed
        ):
            if row.row.is_empty or not (row.is_live or is_scan):
                continue
            if not is_fed:
                # One partition is read without its deletion, unless the static row lives.
                self._feed_head(
                    key, partition.tombstone if is_scan else NO_TOMBSTONE, static if is_scan else {}
                )
                is_fed = True
            if self._digest is not None:
                self._digest.add_key(row_key)
                self._digest.add_row(row.tombstone, row.row.cells, wanted.regular_names)
            if row.is_live:
                rows.append(self._result_row(row_key, row.row.cells))
                limits.result_bytes -= row_bytes(rows[-1])
                if len(rows) >= rows_max or limits.is_full:
                    break
        returns_static = not selection.is_restricted or (
            not is_scan and bool(wanted.options & SliceOption.ALWAYS_RETURN_STATIC_CONTENT)
        )
        if rows or (has_static and returns_static):
            self._give(key, static, rows)

    def _is_left(self, partition: Partition, selection: RowSelection, static: Mapping[str, Cell]) -> bool:
        """Whether anything but rows is left of a partition: deletions, dead static cells."""
        clock = self._clock
        tombstone = partition.tombstone
        if static or (tombstone.exists and tombstone.deletion_time >= clock.gc_before_s):
            return True
        return len(partition.ranges.within(selection.intervals).compacted(tombstone, clock)) > 0

    def _feed_head(self, key: PartitionKey, deleted_at: Tombstone, static: Mapping[str, Cell]) -> None:
        if self._digest is not None:
            self._digest.add_key(key)
            if self._slice.static_names:
                self._digest.add_static_row(deleted_at, static, self._slice.static_names)

    def _result_row(self, key: ClusteringKey, cells: Mapping[str, Cell]) -> ResultRow:
        wanted = self._slice
        has_key = wanted.options & SliceOption.SEND_CLUSTERING_KEY
        return ResultRow(
            key=Key(components=key) if has_key else None,
            cells=result_cells(self._layout, cells, wanted.regular_names, wanted.options),
        )

    def _give(self, key: PartitionKey, static: Mapping[str, Cell], rows: list[ResultRow]) -> None:
        wanted = self._slice
        static_row = result_cells(self._layout, static, wanted.static_names, wanted.options)
        self._limits.result_bytes -= cells_bytes(static_row)
        has_key = wanted.options & SliceOption.SEND_PARTITION_KEY
        self._partitions.append(
            ResultPartition(
                key=Key(components=key) if has_key else None, static_row=static_row, rows=tuple(rows)
            )
        )
        # A static row alone counts as a row.
        row_count = max(len(rows), 1)
        self._row_count += row_count
        self._limits.end_partition(row_count)
