"""Page after page of one read: where the next one begins, and when there is none.

Source:
    Scylla (branch 4.2), service/pager/query_pagers.cc.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.cql.paging_state import PagingState
from harness.backends.simulation.cql.result_rows import ReadRow, rows_of
from harness.backends.simulation.ring_ranges import key_position, place_of
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import (
    ClusteringBound,
    ClusteringRange,
    Key,
    PartitionRange,
    RingBound,
    TokenRange,
)
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand, SliceOption, SpecificRanges
from harness.codec.verbs.wire import ABSENT

NO_LIMIT = 2**32 - 1
"""What stands for no limit of rows or partitions."""

LastReplicas = tuple[tuple[TokenRange, tuple[UUID, ...]], ...]
"""Which nodes answered for which part of the ring."""

RowFilter = Callable[[ReadRow], bool]


class TableRead(NamedTuple):
    """A read that the coordinator has to do; of ranges of the ring, it asks one node after the other."""

    layout: TableLayout
    command: ReadCommand
    ranges: tuple[PartitionRange, ...]
    """Single partitions, or parts of the ring."""
    last_replicas: LastReplicas = ()
    """Nodes that answered the page before, to be preferred."""


class ReadAnswer(NamedTuple):
    """What the coordinator made of the answers of replicas."""

    result: QueryResult
    replicas: LastReplicas = ()
    """Which nodes answered."""


@dataclass(slots=True)
class Pager:
    """One read, page by page.

    Args:
        layout: of the table.
        command: without limits of a page.
        ranges: the partitions, single ones in the order of the ring.
        rows_max: how many rows are wanted in all.
        query_id: the same for all pages.
        row_filter: what rows have to fulfil; None: nothing.
        rows_per_partition_max: of rows that fulfil it.
    """

    layout: TableLayout
    command: ReadCommand
    ranges: tuple[PartitionRange, ...]
    rows_max: int
    query_id: UUID
    row_filter: RowFilter | None = None
    rows_per_partition_max: int = NO_LIMIT
    is_exhausted: bool = field(init=False, default=False)
    _last_key: PartitionKey | None = field(init=False, default=None)
    _last_row_key: tuple[bytes, ...] | None = field(init=False, default=None)
    _last_replicas: LastReplicas = field(init=False, default=())
    _rows_of_last_partition: int = field(init=False, default=0)

    def resume(self, state: PagingState) -> None:
        """Go on where a page ended."""
        self.rows_max = state.remaining
        self._last_key = state.partition_key.components
        self._last_row_key = None if state.clustering_key is None else state.clustering_key.components
        self.query_id = state.query_id
        self._last_replicas = state.last_replicas
        fetched = state.rows_fetched_for_last_partition
        self._rows_of_last_partition = 0 if fetched is ABSENT else fetched

    def next_read(self, page_rows: int) -> TableRead:
        """Give the read of the next page."""
        partition_slice = self.command.partition_slice
        options = partition_slice.options | SliceOption.SEND_PARTITION_KEY
        if self._has_row_keys:
            options |= SliceOption.SEND_CLUSTERING_KEY
        ranges = self.ranges
        specific: SpecificRanges | None = None
        if self._last_key is not None:
            goes_on_inside = self._has_row_keys and self._last_row_key is not None
            ranges = _behind(ranges, self._last_key, is_inclusive=goes_on_inside)
            if goes_on_inside:
                specific = SpecificRanges(
                    key=Key(components=self._last_key), ranges=self._rows_behind(partition_slice)
                )
        rows_per_partition = partition_slice.partition_row_limit_low
        rows = min(self.rows_max, page_rows)
        if self.row_filter is not None:
            # How many rows of a page fulfil the conditions, only the coordinator can tell.
            rows = rows_per_partition = page_rows
        command = replace(
            self.command,
            partition_slice=replace(
                partition_slice,
                options=options,
                specific_ranges=specific,
                partition_row_limit_low=rows_per_partition,
            ),
            row_limit_low=rows,
            query_id=self.query_id,
            is_first_page=self._last_key is None,
        )
        return TableRead(self.layout, command, ranges, self._last_replicas)

    def take(self, read: TableRead, answer: ReadAnswer) -> list[ReadRow]:
        """Take the answer to a read; give its rows that fulfil the conditions."""
        page_rows = read.command.row_limit_low
        rows = list(rows_of(self.layout, read.command.partition_slice, answer.result))
        kept = rows if self.row_filter is None else self._kept(rows, self.row_filter)
        self.rows_max -= len(kept)
        is_short = bool(answer.result.short_read) and answer.result.short_read is not ABSENT
        self.is_exhausted = self.rows_max == 0 or (
            len(kept) < page_rows and not is_short and len(kept) == len(rows)
        )
        if rows:
            self._last_key, self._last_row_key = rows[-1].partition_key, rows[-1].clustering_key
        elif not is_short:
            # Nothing came, so there is no place to go on from.
            self.is_exhausted = True
        self._last_replicas = answer.replicas
        return kept

    def state(self) -> PagingState | None:
        """Where the next page begins; None: there is none."""
        if self.is_exhausted:
            return None
        row_key = self._last_row_key if self._has_row_keys else None
        return PagingState(
            partition_key=Key(components=self._last_key or ()),
            clustering_key=None if row_key is None else Key(components=row_key),
            remaining=self.rows_max,
            query_id=self.query_id,
            last_replicas=self._last_replicas,
            read_repair_decision=0,
            rows_fetched_for_last_partition=self._rows_of_last_partition,
        )

    @property
    def _has_row_keys(self) -> bool:
        is_distinct = self.command.partition_slice.options & SliceOption.DISTINCT
        return self.layout.key_size > 0 and not is_distinct

    def _kept(self, rows: Sequence[ReadRow], row_filter: RowFilter) -> list[ReadRow]:
        kept: list[ReadRow] = []
        key, count = self._last_key, self._rows_of_last_partition
        for row in rows:
            if row.partition_key != key:
                key, count = row.partition_key, 0
            if len(kept) < self.rows_max and count < self.rows_per_partition_max and row_filter(row):
                kept.append(row)
                count += 1
        self._rows_of_last_partition = count if self.rows_per_partition_max < NO_LIMIT else 0
        return kept

    def _rows_behind(self, partition_slice: PartitionSlice) -> tuple[ClusteringRange, ...]:
        """The rows of the last partition that were not read yet."""
        assert self._last_row_key is not None
        is_reversed = bool(partition_slice.options & SliceOption.REVERSED)
        order = self.layout.order
        place = order.position(self._last_row_key)
        edge = ClusteringBound(value=Key(components=self._last_row_key), inclusive=False)
        left = []
        for row_range in partition_slice.row_ranges:
            start, end = order.interval(row_range)
            if (end.position > place) if not is_reversed else (start.position < place):
                cut = start.position < place < end.position
                if cut and row_range.singular:
                    row_range = replace(row_range, singular=False)
                if cut:
                    row_range = (
                        replace(row_range, end=edge) if is_reversed else replace(row_range, start=edge)
                    )
                left.append(row_range)
        return tuple(left)


def _behind(
    ranges: Sequence[PartitionRange], key: PartitionKey, *, is_inclusive: bool
) -> tuple[PartitionRange, ...]:
    """What of ranges lies behind a partition; that itself too, if it was not read to its end."""
    bound = RingBound(value=key_position(key), inclusive=is_inclusive)
    place = place_of(bound.value)
    left = []
    for one in ranges:
        start = None if one.start is None else place_of(one.start.value)
        end = None if one.end is None else place_of(one.end.value)
        if one.singular:
            if start is not None and (start > place or (start == place and is_inclusive)):
                left.append(one)
        elif end is None or end > place:
            left.append(replace(one, start=bound) if start is None or start < place else one)
    return tuple(left)
