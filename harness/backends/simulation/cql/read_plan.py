"""What a SELECT reads, step by step, and the rows that it makes of the answers.

``ReadPlan.run`` is a generator: it gives the reads that have to be done next, all at the same time if they are several,
and is sent their answers, in their order; it returns the rows for the client. Who reads from which replicas, and how
ranges of the ring are cut for that, is the coordinator's business.

Source:
    Scylla (branch 4.2), cql3/statements/select_statement.cc (read commands, paging, indexes); measured on the read
    commands of captures.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.cql.evaluation import Evaluation
from harness.backends.simulation.cql.filters import matches
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import NO_LIMIT, Pager, ReadAnswer, TableRead
from harness.backends.simulation.cql.paging_state import PagingState, paging_state_bytes, paging_state_of
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.restrictions import Restriction
from harness.backends.simulation.cql.result_metadata import named_metadata
from harness.backends.simulation.cql.result_rows import ReadRow, rows_of
from harness.backends.simulation.cql.selection import Selection
from harness.backends.simulation.ring_ranges import single_partition
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ClusteringBound, ClusteringRange, Key, PartitionRange
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand, SliceOption
from harness.table import ColumnKind

INTERNAL_PAGE_ROWS = 10_000
"""Page of reads that the client does not page: aggregates, and filtering without pages."""

_CQL_FORMAT = 4
_NO_QUERY = UUID(int=0)
_ALL_ROWS = ClusteringRange(start=None, end=None, singular=False)

Reading = Generator[tuple[TableRead, ...], tuple[ReadAnswer, ...], Rows]
"""Gives reads, takes their answers, returns rows."""


class IndexUse(NamedTuple):
    """Through which index a SELECT finds its rows."""

    view: TableLayout
    partition_key: PartitionKey
    """Of the view: the indexed value, or the base partition for a local index."""
    row_prefix: tuple[bytes, ...]
    """Beginning of the view's clustering key that is known; empty: nothing."""
    gives_partitions: bool
    """Whether every entry stands for a whole partition of the base table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """A SELECT with its values."""

    layout: TableLayout
    selection: Selection
    evaluation: Evaluation
    keys: tuple[PartitionKey, ...] | None
    """The partitions, in the order of the ring; None: those of ``ranges``."""
    ranges: tuple[PartitionRange, ...]
    """Parts of the ring; empty: nothing can fulfil the conditions."""
    row_ranges: tuple[ClusteringRange, ...]
    """In the order of the rows."""
    filters: tuple[Restriction, ...] = ()
    index: IndexUse | None = None
    is_reversed: bool = False
    sorts_by: tuple[tuple[str, bool], ...] = ()
    """Columns by which rows of several partitions are put in order, and whether downwards."""
    is_distinct: bool = False
    bypasses_cache: bool = False
    timeout_ms: int | None = None
    """As the statement wants it; None: the node's."""
    rows_max: int = NO_LIMIT
    rows_per_partition_max: int = NO_LIMIT
    page_rows: int = 0
    """Page size of the client; 0: none."""
    paging_state: bytes | None = None

    @property
    def is_paged(self) -> bool:
        """Whether it is read in pages, by the client or behind its back."""
        if self.selection.is_aggregate or self.filters:
            return True
        return 0 < self.page_rows < min(self.rows_max, self._rows_expected_max)

    @property
    def _rows_expected_max(self) -> int:
        """How many rows there can be, as far as keys tell: rows named one by one need no pages."""
        if self.keys is None or self.index is not None:
            return NO_LIMIT
        if self.is_distinct:
            return len(self.keys)
        are_rows = self.layout.key_size > 0 and all(
            row_range.singular
            and row_range.start is not None
            and len(row_range.start.value.components) == self.layout.key_size
            for row_range in self.row_ranges
        )
        return len(self.keys) * len(self.row_ranges) if are_rows else NO_LIMIT

    def run(self, moment: Moment) -> Reading:
        """Read.

        Args:
            moment: the time by which values expire, and where the id of a paged query comes from.

        Returns:
            The rows for the client, by way of the generator's end.
        """
        if self.keys == () or not (self.keys or self.ranges):
            return self._rows([], moment)
        if self.index is not None:
            return (yield from self._run_index(self.index, moment))
        return (yield from self._run_table(moment))

    def first_command(self, moment: Moment) -> ReadCommand:
        """The command of a read with SERIAL consistency, which comes in one piece."""
        if self.is_paged:
            pager = self._pager(moment)
            return pager.next_read(self._page_rows).command
        return self._command(moment)

    def rows_of_one_read(self, command: ReadCommand, answer: ReadAnswer, moment: Moment) -> Rows:
        """The rows of the answer to ``first_command``."""
        if not self.is_paged:
            rows = list(rows_of(self.layout, command.partition_slice, answer.result))
            return self._rows(rows, moment)
        pager = self._pager(moment)
        rows = pager.take(TableRead(self.layout, command, self._partition_ranges), answer)
        return self._rows(rows, moment, pager.state())

    # The table itself.

    @property
    def _partition_ranges(self) -> tuple[PartitionRange, ...]:
        return self.ranges if self.keys is None else tuple(single_partition(key) for key in self.keys)

    @property
    def _page_rows(self) -> int:
        if self.selection.is_aggregate or (self.filters and self.page_rows <= 0):
            return INTERNAL_PAGE_ROWS
        return self.page_rows

    @property
    def _is_read_to_the_end(self) -> bool:
        """Whether the client gets everything at once, however many pages it takes."""
        return self.selection.is_aggregate or self.page_rows <= 0

    def _run_table(self, moment: Moment) -> Reading:
        if not self.is_paged:
            read = TableRead(self.layout, self._command(moment), self._partition_ranges)
            (answer,) = yield (read,)
            return self._rows(list(rows_of(self.layout, read.command.partition_slice, answer.result)), moment)
        pager = self._pager(moment)
        rows: list[ReadRow] = []
        while True:
            read = pager.next_read(self._page_rows)
            (answer,) = yield (read,)
            rows += pager.take(read, answer)
            if pager.is_exhausted or not self._is_read_to_the_end:
                break
        return self._rows(rows, moment, pager.state())

    def _pager(self, moment: Moment) -> Pager:
        command = self._command(moment)
        partition_slice = command.partition_slice
        options = partition_slice.options | SliceOption.ALLOW_SHORT_READ
        # Replicas count a partition's rows anew on each page: only the coordinator knows how many there were before.
        filters_pages = bool(self.filters) or self.rows_per_partition_max < NO_LIMIT
        pager = Pager(
            self.layout,
            replace(command, partition_slice=replace(partition_slice, options=options)),
            self._partition_ranges,
            self.rows_max,
            moment.make_uuid(),
            self._is_wanted if filters_pages else None,
            self.rows_per_partition_max,
        )
        if self.paging_state is not None:
            pager.resume(paging_state_of(self.paging_state))
        return pager

    def _is_wanted(self, row: ReadRow) -> bool:
        return all(
            matches(self.layout, restriction, row.values, self.evaluation) for restriction in self.filters
        )

    def _command(self, moment: Moment) -> ReadCommand:
        return _command(self.layout, self._slice(), self.rows_max, moment)

    def _slice(self) -> PartitionSlice:
        selection, layout = self.selection, self.layout
        options = selection.options
        if selection.names(ColumnKind.PARTITION_KEY):
            options |= SliceOption.SEND_PARTITION_KEY
        if selection.names(ColumnKind.CLUSTERING):
            options |= SliceOption.SEND_CLUSTERING_KEY
        if self.bypasses_cache:
            options |= SliceOption.BYPASS_CACHE
        static = tuple(layout.static_ids[name] for name in selection.names(ColumnKind.STATIC))
        regular = tuple(layout.regular_ids[name] for name in selection.names(ColumnKind.REGULAR))
        row_ranges = self.row_ranges
        if self.is_distinct:
            options |= SliceOption.DISTINCT
            row_ranges, regular = (_ALL_ROWS,), ()
        elif self.is_reversed:
            options |= SliceOption.REVERSED
            row_ranges = tuple(reversed(row_ranges))
        return PartitionSlice(
            row_ranges=row_ranges,
            static_columns=static,
            regular_columns=regular,
            options=options,
            specific_ranges=None,
            cql_format=_CQL_FORMAT,
            partition_row_limit_low=self.rows_per_partition_max,
        )

    # Through an index.

    def _run_index(self, index: IndexUse, moment: Moment) -> Reading:
        is_paged = self.is_paged
        pager = Pager(
            index.view,
            _command(index.view, _index_slice(index), self.rows_max, moment),
            (single_partition(index.partition_key),),
            self.rows_max,
            moment.make_uuid(),
        )
        if self.paging_state is not None:
            pager.resume(paging_state_of(self.paging_state))
        rows: list[ReadRow] = []
        while True:
            read = TableRead(index.view, pager.command, pager.ranges)
            if is_paged:
                read = pager.next_read(self._page_rows)
            (answer,) = yield (read,)
            entries = pager.take(read, answer)
            rows += yield from self._run_base(index, entries, moment, is_paged=is_paged)
            if pager.is_exhausted or not is_paged or not self._is_read_to_the_end:
                break
        return self._rows(rows, moment, pager.state() if is_paged else None)

    def _run_base(
        self, index: IndexUse, entries: Sequence[ReadRow], moment: Moment, *, is_paged: bool
    ) -> Generator[tuple[TableRead, ...], tuple[ReadAnswer, ...], list[ReadRow]]:
        """Read the rows that entries of an index stand for: of one, of two, of four of them at a time."""
        command = self._base_command(moment, is_paged=is_paged)
        keys = list(dict.fromkeys(self._base_keys(index, entries)))
        rows: list[ReadRow] = []
        at_a_time = 1
        while keys:
            some, keys = keys[:at_a_time], keys[at_a_time:]
            at_a_time *= 2
            reads = self._base_reads(index, command, some)
            answers = yield reads
            for read, answer in zip(reads, answers, strict=True):
                rows += rows_of(self.layout, read.command.partition_slice, answer.result)
        return [row for row in rows if self._is_wanted(row)][: self.rows_max]

    def _base_keys(
        self, index: IndexUse, entries: Iterable[ReadRow]
    ) -> Iterable[tuple[PartitionKey, tuple[bytes, ...]]]:
        table = self.layout.table
        for entry in entries:
            values = {name: value for name, value in entry.values.items() if value is not None}
            key = tuple([values[column.name] for column in table.partition_key])
            row_key = tuple([values[column.name] for column in table.clustering_key])
            yield key, () if index.gives_partitions else row_key

    def _base_command(self, moment: Moment, *, is_paged: bool) -> ReadCommand:
        command = self._command(moment)
        if not is_paged:
            return command
        options = command.partition_slice.options
        options |= SliceOption.ALLOW_SHORT_READ | SliceOption.SEND_PARTITION_KEY
        if self.layout.key_size:
            options |= SliceOption.SEND_CLUSTERING_KEY
        return replace(command, partition_slice=replace(command.partition_slice, options=options))

    def _base_reads(
        self,
        index: IndexUse,
        command: ReadCommand,
        keys: Sequence[tuple[PartitionKey, tuple[bytes, ...]]],
    ) -> tuple[TableRead, ...]:
        if index.gives_partitions:
            ranges = tuple(single_partition(key) for key, _ in keys)
            return (TableRead(self.layout, command, ranges),)
        reads = []
        for key, row_key in keys:
            bound = ClusteringBound(value=Key(components=row_key), inclusive=True)
            one_row = replace(
                command.partition_slice,
                row_ranges=(ClusteringRange(start=bound, end=bound, singular=True),),
            )
            reads.append(
                TableRead(self.layout, replace(command, partition_slice=one_row), (single_partition(key),))
            )
        return tuple(reads)

    # The client's rows.

    def _rows(self, rows: list[ReadRow], moment: Moment, state: PagingState | None = None) -> Rows:
        if self.sorts_by:
            if state is not None:
                raise invalid(
                    "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either"
                    " remove the ORDER BY or the IN and sort client side, or disable paging for this query"
                )
            rows = self._sorted(rows)
        columns = self.selection.columns
        is_cut = state is not None and not self._is_read_to_the_end
        return Rows(
            metadata=named_metadata(
                columns, paging_state_bytes(state) if state is not None and is_cut else None
            ),
            columns=columns,
            rows=self.selection.rows(rows, moment),
        )

    def _sorted(self, rows: list[ReadRow]) -> list[ReadRow]:
        for name, is_downwards in reversed(self.sorts_by):
            order = self.layout.column_order(name)
            rows = sorted(rows, key=lambda row: order(row.values[name] or b""), reverse=is_downwards)
        return rows


def _command(
    layout: TableLayout, partition_slice: PartitionSlice, rows_max: int, moment: Moment
) -> ReadCommand:
    table = layout.table
    if table.id is None or table.version is None:
        raise ValueError(f"{table.full_name} has no id or no schema version")
    return ReadCommand(
        table_id=table.id,
        schema_version=table.version,
        partition_slice=partition_slice,
        row_limit_low=rows_max,
        read_timestamp=moment.now_s,
        trace=None,
        partition_limit=NO_LIMIT,
        query_id=_NO_QUERY,
        is_first_page=False,
    )


def _index_slice(index: IndexUse) -> PartitionSlice:
    """All of an entry is read, with timestamps and expiry, although only its key is of use."""
    row_ranges = (_ALL_ROWS,)
    if index.row_prefix:
        bound = ClusteringBound(value=Key(components=index.row_prefix), inclusive=True)
        row_ranges = (ClusteringRange(start=bound, end=bound, singular=True),)
    return PartitionSlice(
        row_ranges=row_ranges,
        static_columns=tuple(range(len(index.view.static_names))),
        regular_columns=tuple(range(len(index.view.regular_names))),
        options=SliceOption.SEND_CLUSTERING_KEY
        | SliceOption.SEND_PARTITION_KEY
        | SliceOption.SEND_TIMESTAMP
        | SliceOption.SEND_EXPIRY,
        specific_ranges=None,
        cql_format=_CQL_FORMAT,
        partition_row_limit_low=NO_LIMIT,
    )
