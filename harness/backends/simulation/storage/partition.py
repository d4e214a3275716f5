"""A partition: its rows in order, its static row, and what is deleted of it.

Source:
    Scylla, mutation_partition.hh, mutation_compactor.hh.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from harness.backends.simulation.clustering_order import ClusteringKey, ClusteringOrder, RowInterval
from harness.backends.simulation.storage.cells import Cell
from harness.backends.simulation.storage.purging import Clock
from harness.backends.simulation.storage.range_tombstones import RangeDeletion, RangeTombstones
from harness.backends.simulation.storage.rows import (
    CompactedRow,
    Row,
    apply_cells,
    cell_difference,
    compacted_cells,
)
from harness.backends.simulation.storage.tombstones import (
    NO_ROW_TOMBSTONE,
    NO_TOMBSTONE,
    is_later,
    later,
)
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.value_order import OrderKey
from harness.codec.verbs.common import Tombstone

PartitionKey = tuple[bytes, ...]
"""The columns of a partition key as CQL values."""


class RowMap:
    """Rows by clustering key, in their order."""

    __slots__ = ("_order", "_places", "_rows")

    def __init__(self, order: ClusteringOrder) -> None:
        self._order = order
        self._rows: dict[ClusteringKey, Row] = {}
        self._places: list[tuple[OrderKey, ClusteringKey]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: ClusteringKey) -> Row | None:
        """The row of that key."""
        return self._rows.get(key)

    def make(self, key: ClusteringKey) -> Row:
        """The row of that key, a new one if there was none."""
        row = self._rows.get(key)
        if row is None:
            insort(self._places, (self._order.position(key), key))
            row = self._rows[key] = Row()
        return row

    def items(self) -> Iterator[tuple[ClusteringKey, Row]]:
        """All rows in order."""
        for _, key in self._places:
            yield key, self._rows[key]

    def between(
        self, interval: RowInterval, *, is_reversed: bool = False
    ) -> Iterator[tuple[OrderKey, ClusteringKey, Row]]:
        """The rows of an interval, with their places."""
        first = bisect_left(self._places, interval.start.position, key=_position_of)
        last = bisect_left(self._places, interval.end.position, key=_position_of)
        indexes = range(last - 1, first - 1, -1) if is_reversed else range(first, last)
        for index in indexes:
            position, key = self._places[index]
            yield position, key, self._rows[key]


def _position_of(place: tuple[OrderKey, ClusteringKey]) -> OrderKey:
    return place[0]


class Partition:
    """A partition as it was written, with everything that deletions or time have yet to take from it."""

    __slots__ = ("_order", "ranges", "rows", "static", "tombstone")

    def __init__(self, order: ClusteringOrder) -> None:
        self._order = order
        self.tombstone: Tombstone = NO_TOMBSTONE
        self.static: dict[str, Cell] = {}
        self.ranges = RangeTombstones()
        self.rows = RowMap(order)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written to it."""
        return not (self.tombstone.exists or self.static or len(self.ranges) or len(self.rows))

    def delete(self, tombstone: Tombstone) -> None:
        """Delete the partition."""
        self.tombstone = later(tombstone, self.tombstone)

    def delete_range(self, interval: RowInterval, tombstone: Tombstone) -> None:
        """Delete the rows of an interval."""
        self.ranges.apply(RangeDeletion(interval.start, interval.end, tombstone))

    def apply(self, layout: TableLayout, other: "Partition") -> None:
        """Write everything that another partition holds."""
        self.delete(other.tombstone)
        apply_cells(layout, self.static, other.static)
        for deletion in other.ranges:
            self.ranges.apply(deletion)
        for key, row in other.rows.items():
            self.rows.make(key).apply(layout, row)

    def covering(self, position: OrderKey) -> Tombstone:
        """The strongest deletion of the partition and of ranges at the place of a row."""
        return later(self.ranges.covering(position), self.tombstone)

    def compacted_static(self, layout: TableLayout, clock: Clock) -> tuple[dict[str, Cell], bool]:
        """What is left of the static row, and whether any of it lives."""
        return compacted_cells(layout, self.static, NO_ROW_TOMBSTONE.with_regular(self.tombstone), clock)

    def compacted_rows(
        self,
        layout: TableLayout,
        intervals: Iterable[RowInterval],
        clock: Clock,
        *,
        is_reversed: bool = False,
    ) -> Iterator[tuple[ClusteringKey, CompactedRow]]:
        """What is left of the rows of some intervals, those included of which nothing lives.

        Args:
            layout: of the table.
            intervals: in the order in which the rows are wanted.
            clock: when.
            is_reversed: rows within an interval come from its end.
        """
        for interval in intervals:
            for position, key, row in self.rows.between(interval, is_reversed=is_reversed):
                yield key, row.compacted(layout, self.covering(position), clock)

    def compacted(
        self, layout: TableLayout, clock: Clock, intervals: Sequence[RowInterval] | None = None
    ) -> "Partition":
        """What is left of all of it, or of some rows, and of the deletions."""
        wanted = [self._order.whole] if intervals is None else intervals
        left = Partition(self._order)
        left.static, _ = self.compacted_static(layout, clock)
        if self.tombstone.deletion_time >= clock.gc_before_s:
            left.tombstone = self.tombstone
        left.ranges = self.ranges.within(wanted).compacted(self.tombstone, clock)
        for key, compacted in self.compacted_rows(layout, wanted, clock):
            if not compacted.row.is_empty:
                left.rows.make(key).apply(layout, compacted.row)
        return left

    def copy(self, layout: TableLayout) -> "Partition":
        """The same, to be changed apart."""
        copied = Partition(self._order)
        copied.apply(layout, self)
        return copied

    def difference(self, other: "Partition") -> "Partition":
        """What has to be written where the other partition is, so that this one is there too."""
        left = Partition(self._order)
        if is_later(self.tombstone, other.tombstone):
            left.tombstone = self.tombstone
        left.static = cell_difference(self.static, other.static)
        left.ranges = self.ranges.difference(other.ranges)
        for key, row in self.rows.items():
            changed = row.difference(other.rows.get(key))
            if not changed.is_empty:
                made = left.rows.make(key)
                made.marker, made.tombstone, made.cells = changed.marker, changed.tombstone, changed.cells
        return left
