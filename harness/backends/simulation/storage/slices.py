"""What of a partition a read is about: which rows, and which columns by name.

Source:
    Scylla, query-request.hh (partition_slice).
"""

from typing import NamedTuple

from harness.backends.simulation.clustering_order import RowInterval
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import ClusteringRange
from harness.codec.verbs.read_command import PartitionSlice, SliceOption
from harness.errors import DecodeError


class RowSelection(NamedTuple):
    """The rows of one partition that are read."""

    intervals: tuple[RowInterval, ...]
    """In the order in which they are read."""
    is_restricted: bool
    """Whether any row at all is left out, so that a static row alone is no answer."""


class ReadSlice:
    """A partition slice, with names instead of numbers.

    Raises:
        DecodeError: it names a column that the table has not.
    """

    def __init__(self, layout: TableLayout, partition_slice: PartitionSlice) -> None:
        self.options = SliceOption(partition_slice.options)
        self.is_reversed = bool(self.options & SliceOption.REVERSED)
        try:
            self.static_names = tuple(
                layout.static_names[number] for number in partition_slice.static_columns
            )
            self.regular_names = tuple(
                layout.regular_names[number] for number in partition_slice.regular_columns
            )
        except IndexError:
            raise DecodeError(
                f"column ids {partition_slice.static_columns} (static), {partition_slice.regular_columns} in a"
                f" read of {layout.table.full_name}",
                layer="storage",
                offset_bytes=0,
            ) from None
        self._layout = layout
        self._common = self._selection(partition_slice.row_ranges)
        specific = partition_slice.specific_ranges
        self._specific_key = None if specific is None else specific.key.components
        self._specific = None if specific is None else self._selection(specific.ranges)

    def rows_of(self, key: PartitionKey) -> RowSelection:
        """The rows of a partition that are read."""
        if self._specific is not None and key == self._specific_key:
            return self._specific
        return self._common

    def _selection(self, ranges: tuple[ClusteringRange, ...]) -> RowSelection:
        return RowSelection(
            tuple(self._layout.order.interval(row_range) for row_range in ranges),
            any(row_range.start is not None or row_range.end is not None for row_range in ranges),
        )
