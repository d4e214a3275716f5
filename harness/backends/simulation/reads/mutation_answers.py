"""The answers of replicas to READ_MUTATION_DATA, and what they make together.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (data_read_resolver).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.reads.read_errors import read_failure, read_timeout
from harness.backends.simulation.ring_ranges import place_of_key
from harness.backends.simulation.storage.reconciliation import Reconciliation, reconcile
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.query_result import QueryResult, ReconcilablePartition, ReconcilableResult, ResultRow
from harness.codec.verbs.read_command import ReadCommand, SliceOption
from harness.codec.verbs.wire import ABSENT
from harness.table import Table


class MutationAnswers:
    """Takes the answers; all that are expected have to come.

    Args:
        table: that is read.
        consistency: the level, for errors.
        expected: how many requests are sent.
    """

    def __init__(self, table: Table, consistency: ConsistencyLevel, *, expected: int) -> None:
        self._table = table
        self._consistency = consistency
        self._expected = expected
        self._by_address: dict[str, ReconcilableResult] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when all have come; has the exception if one will not."""

    def take(self, address: str, result: ReconcilableResult) -> None:
        """Take the answer of a replica."""
        self._by_address[address] = result
        if len(self._by_address) == self._expected and not self.done.done():
            self.done.set_result(None)

    def fail(self) -> None:
        """A replica has failed."""
        if not self.done.done():
            received = len(self._by_address)
            self.done.set_exception(
                read_failure(
                    self._table,
                    self._consistency,
                    received=received,
                    failed=1,
                    required=self._expected,
                    has_data=received > 0,
                )
            )

    def timeout(self) -> RequestError:
        """The error of a read that is over before all came."""
        received = len(self._by_address)
        return read_timeout(
            self._table,
            self._consistency,
            received=received,
            required=self._expected,
            has_data=received > 0,
        )

    def merged(
        self, layout: TableLayout, wanted: ReadCommand, asked: ReadCommand, order: Sequence[str]
    ) -> Reconciliation:
        """Merge the answers.

        Args:
            layout: of the table.
            wanted: what the client wants.
            asked: what replicas were asked for, which is more if they had to be asked again.
            order: the addresses in the order in which the repairs are given.

        Raises:
            DecodeError: an answer does not fit the table.
        """
        replies = [self._by_address[address] for address in order]
        merged = reconcile(layout, wanted, replies)
        if not any(_is_stopped(asked, reply) or _cut_partitions(asked, reply) for reply in replies):
            return replace(merged, is_incomplete=False)
        with_keys = reconcile(layout, _with_keys(wanted), replies).result
        progress = _Progress(layout, wanted, with_keys)
        return replace(merged, is_incomplete=any(progress.lacks(asked, reply) for reply in replies))


class _Progress:
    """How far rows that were merged go, and whether a replica may know of deletions among them.

    What lies behind the place at which a replica stopped may be deleted there, for all that is known.
    """

    def __init__(self, layout: TableLayout, wanted: ReadCommand, result: QueryResult) -> None:
        self._layout = layout
        self._is_reversed = bool(wanted.partition_slice.options & SliceOption.REVERSED)
        self._rows_per_partition = _rows_per_partition(wanted)
        partitions = () if result.data is None else result.data.partitions
        self._partitions = {
            partition.key.components: partition.rows for partition in partitions if partition.key is not None
        }
        self._last_key = next(reversed(self._partitions), None)
        self._is_enough = (
            isinstance(result.row_count_low, int) and result.row_count_low >= wanted.row_limit
        ) or len(partitions) >= _limit(wanted)

    def lacks(self, asked: ReadCommand, reply: ReconcilableResult) -> bool:
        """Whether a replica has to be asked for more."""
        for part in _cut_partitions(asked, reply):
            key = part.mutation.key.components
            rows = self._partitions.get(key, ())
            # Where one row is wanted of each partition, its static row alone will do.
            count = len(rows) or (key in self._partitions and self._rows_per_partition == 1)
            if count < self._rows_per_partition or self._is_behind(rows, part):
                return True
        if not _is_stopped(asked, reply):
            return False
        if not self._is_enough and not (_is_short(reply) and self._last_key is not None):
            return True
        if self._last_key is None or not reply.partitions:
            return True
        last = reply.partitions[-1]
        place, stop = place_of_key(self._last_key), place_of_key(last.mutation.key.components)
        if place != stop:
            return place > stop
        return self._is_behind(self._partitions[self._last_key], last)

    def _is_behind(self, rows: Sequence[ResultRow], part: ReconcilablePartition) -> bool:
        """Whether the last of some rows lies behind the last row of a replica's partition."""
        known = part.mutation.partition.rows
        if not rows or not known or rows[-1].key is None:
            return False
        order = self._layout.order
        last = order.position(rows[-1].key.components)
        if self._is_reversed:
            return last < order.position(known[0].key.components)
        return last > order.position(known[-1].key.components)


def _is_stopped(asked: ReadCommand, reply: ReconcilableResult) -> bool:
    """Whether a replica has not come to the end of the range."""
    with_rows = sum(part.row_count_low > 0 for part in reply.partitions)
    return reply.row_count_low >= asked.row_limit or with_rows >= _limit(asked) or _is_short(reply)


def _is_short(reply: ReconcilableResult) -> bool:
    return reply.short_read is not ABSENT and bool(reply.short_read)


def _cut_partitions(asked: ReadCommand, reply: ReconcilableResult) -> list[ReconcilablePartition]:
    """The partitions of which a replica has sent as many rows as are allowed, and may have more."""
    limit = _rows_per_partition(asked)
    return [part for part in reply.partitions if part.row_count_low >= limit]


def _rows_per_partition(command: ReadCommand) -> int:
    if command.partition_slice.options & SliceOption.DISTINCT:
        return 1
    return command.partition_slice.partition_row_limit


def _with_keys(command: ReadCommand) -> ReadCommand:
    options = command.partition_slice.options
    options |= SliceOption.SEND_PARTITION_KEY | SliceOption.SEND_CLUSTERING_KEY
    return replace(command, partition_slice=replace(command.partition_slice, options=options))


def _limit(command: ReadCommand) -> int:
    return command.partition_limit if isinstance(command.partition_limit, int) else 2**32 - 1
