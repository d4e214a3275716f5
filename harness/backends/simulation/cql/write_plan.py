"""What INSERT, UPDATE, DELETE and BATCH write, and under which conditions.

Source:
    Scylla (branch 4.2), cql3/statements/update_statement.cc, delete_statement.cc, batch_statement.cc, cas_request.cc;
    measured on the mutations and Paxos messages of captures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.cql.assignments import Operation, WriteContext
from harness.backends.simulation.cql.conditions import PreparedCondition
from harness.backends.simulation.cql.evaluation import Evaluation
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import NO_LIMIT, ReadAnswer, TableRead
from harness.backends.simulation.cql.prior_rows import PRIOR_OPTIONS, PriorRows
from harness.backends.simulation.cql.result_metadata import named_metadata
from harness.backends.simulation.ring_ranges import single_partition
from harness.backends.simulation.storage.markers import live_marker
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.results import Rows
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import ClusteringRange
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand, SliceOption
from harness.partitioner import token_of

_CQL_FORMAT = 4
_ALL_ROWS = ClusteringRange(start=None, end=None, singular=False)


class PlannedMutation(NamedTuple):
    """A change of one partition."""

    layout: TableLayout
    key: PartitionKey
    mutation: Mutation

    @property
    def ring_token(self) -> int:
        """Where the partition lies on the ring."""
        return token_of(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """An INSERT, UPDATE or DELETE with its values."""

    layout: TableLayout
    keys: tuple[PartitionKey, ...]
    row_ranges: tuple[ClusteringRange, ...]
    """Which rows; of writes of static columns alone, none."""
    operations: tuple[Operation, ...]
    """What is done to columns; empty where rows are deleted as a whole."""
    is_insert: bool
    evaluation: Evaluation
    ttl_s: int = 0
    timestamp_us: int | None = None
    """From USING TIMESTAMP; None: the one of the request."""
    condition: PreparedCondition | None = None

    @property
    def needs_prior(self) -> bool:
        """Whether the rows have to be read first."""
        return any(operation.needs_prior for operation in self.operations)

    @property
    def columns_to_read(self) -> set[str]:
        """What of the rows has to be read first."""
        names = {operation.column for operation in self.operations if operation.needs_prior}
        return names | (set() if self.condition is None else self.condition.shown)

    def write(
        self, partition: Partition, key: PartitionKey, timestamp_us: int, prior: PriorRows | None
    ) -> None:
        """Add what it writes to a partition.

        Raises:
            RequestError: INVALID: a value is none of its type, or a list has no such index.
        """
        timestamp_us = timestamp_us if self.timestamp_us is None else self.timestamp_us

        def context(row_key: tuple[bytes, ...]) -> WriteContext:
            return WriteContext(self.evaluation, timestamp_us, self.ttl_s, key, row_key, prior)

        if not self.operations and not self.is_insert:
            self._delete(partition, context(()))
            return
        self._write_static(partition, context(()))
        regular = [operation for operation in self.operations if not operation.is_static]
        for row_range in self.row_ranges:
            row_key = () if row_range.start is None else row_range.start.value.components
            in_row = context(row_key)
            if self.is_insert:
                marker = live_marker(timestamp_us, self.ttl_s, in_row.now_s)
                partition.rows.make(row_key).apply_marker(marker)
            for operation in regular:
                cell = operation.cell(in_row)
                if cell is not None:
                    partition.rows.make(row_key).apply_cell(self.layout, operation.column, cell)

    def _write_static(self, partition: Partition, context: WriteContext) -> None:
        for operation in self.operations:
            if operation.is_static:
                cell = operation.cell(context)
                if cell is not None:
                    partition.static[operation.column] = cell

    def _delete(self, partition: Partition, context: WriteContext) -> None:
        tombstone, order = context.tombstone(), self.layout.order
        for row_range in self.row_ranges:
            if row_range.start is None or not self.layout.key_size:
                partition.delete(tombstone)
            elif row_range.singular and len(row_range.start.value.components) == self.layout.key_size:
                partition.rows.make(row_range.start.value.components).apply_tombstone(tombstone)
            else:
                partition.delete_range(order.interval(row_range), tombstone)


class WriteKind(Enum):
    """How a write is coordinated."""

    SIMPLE = "SIMPLE"
    COUNTER = "COUNTER"
    UNLOGGED_BATCH = "UNLOGGED_BATCH"
    BATCH = "BATCH"
    """Through the batchlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlan:
    """Writes without conditions."""

    kind: WriteKind
    writes: tuple[RowWrite, ...]

    def prior_reads(self, moment: Moment) -> tuple[TableRead, ...]:
        """What has to be read before it can be told what is written; mostly nothing."""
        reads = []
        for write in self.writes:
            if write.needs_prior:
                command = _prior_command(write.layout, write.row_ranges, write.columns_to_read, moment)
                ranges = tuple(single_partition(key) for key in write.keys)
                reads.append(TableRead(write.layout, command, ranges))
        return tuple(reads)

    def mutations(
        self, timestamp_us: int, answers: Sequence[tuple[TableRead, ReadAnswer]] = ()
    ) -> tuple[PlannedMutation, ...]:
        """What is written, one mutation for each partition.

        Args:
            timestamp_us: of the request; a timestamp in the statement takes precedence.
            answers: to ``prior_reads``.

        Raises:
            RequestError: INVALID: a value is none of its type, or a list has no such index.
        """
        prior = iter(answers)
        partitions: dict[tuple[UUID | None, PartitionKey], tuple[TableLayout, Partition]] = {}
        for write in self.writes:
            before: PriorRows | None = None
            if write.needs_prior:
                read, answer = next(prior)
                before = PriorRows.of(write.layout, read.command.partition_slice, answer.result)
            for key in write.keys:
                _, partition = partitions.setdefault(
                    (write.layout.table.id, key), (write.layout, Partition(write.layout.order))
                )
                written = Partition(write.layout.order)
                write.write(written, key, timestamp_us, before)
                partition.apply(write.layout, written)
        return tuple(
            PlannedMutation(layout, key, mutation_of(layout, key, partition))
            for (_, key), (layout, partition) in partitions.items()
        )


class Decision(NamedTuple):
    """What became of the conditions."""

    is_applied: bool
    rows: Rows
    """The answer to the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalPlan:
    """Writes to one partition under conditions: a lightweight transaction."""

    layout: TableLayout
    key: PartitionKey
    writes: tuple[RowWrite, ...]
    is_batch: bool = False

    @property
    def ring_token(self) -> int:
        """Where the partition lies on the ring."""
        return token_of(self.key)

    def read_command(self, moment: Moment) -> ReadCommand:
        """The read that goes with PAXOS_PREPARE."""
        names: set[str] = set()
        row_ranges: list[ClusteringRange] = []
        for write in self.writes:
            if write.condition is None and not write.needs_prior:
                continue
            names |= write.columns_to_read
            static_only = write.condition is not None and write.condition.is_static_only
            if not static_only or write.needs_prior:
                row_ranges += write.row_ranges
        if not row_ranges:
            # With nothing but static conditions, one row tells whether the partition is there.
            return _prior_command(self.layout, (_ALL_ROWS,), names, moment, rows_per_partition_max=1)
        order = self.layout.order
        in_order = sorted(
            dict.fromkeys(row_ranges), key=lambda row_range: order.interval(row_range).start.position
        )
        return _prior_command(self.layout, tuple(in_order), names, moment)

    def decide(self, command: ReadCommand, result: QueryResult | None) -> Decision:
        """Look whether all conditions are met.

        Args:
            command: what was read.
            result: what was there.

        Raises:
            RequestError: INVALID: a value in the statement is none of its type.
        """
        prior = PriorRows.of(self.layout, command.partition_slice, result)
        is_applied = all(
            write.condition is None
            or write.condition.is_met(prior, self.key, _row_key(write), write.evaluation)
            for write in self.writes
        )
        return Decision(is_applied, self._rows(prior, is_applied=is_applied))

    def mutation(
        self, timestamp_us: int, command: ReadCommand | None = None, result: QueryResult | None = None
    ) -> Mutation:
        """The proposal if the conditions are met.

        Args:
            timestamp_us: of the ballot.
            command: what was read; of use only to changes by index of a list.
            result: what was there.

        Raises:
            RequestError: INVALID: a value is none of its type, or a list has no such index.
        """
        prior = None if command is None else PriorRows.of(self.layout, command.partition_slice, result)
        partition = Partition(self.layout.order)
        for write in self.writes:
            written = Partition(self.layout.order)
            write.write(written, self.key, timestamp_us, prior)
            partition.apply(self.layout, written)
        return mutation_of(self.layout, self.key, partition)

    def nothing(self) -> Mutation:
        """The proposal if they are not: it writes nothing."""
        return empty_mutation(self.layout, self.key)

    @property
    def columns(self) -> tuple[ResultColumn, ...]:
        """The columns of the answer: whether it was applied, and the columns that the conditions look at."""
        return applied_columns(
            self.layout, [write.condition for write in self.writes], is_batch=self.is_batch
        )

    def _rows(self, prior: PriorRows, *, is_applied: bool) -> Rows:
        """One row for each that was there; if there was none, one without values."""
        columns = self.columns
        applied = b"\x01" if is_applied else b"\x00"
        shown = [prior.shown(values) for values in prior.rows] or [{}]
        return Rows(
            metadata=named_metadata(columns),
            columns=columns,
            rows=tuple((applied, *[values.get(column.name) for column in columns[1:]]) for values in shown),
        )


def applied_columns(
    layout: TableLayout, conditions: Sequence[PreparedCondition | None], *, is_batch: bool
) -> tuple[ResultColumn, ...]:
    """The columns of the answer to a conditional write.

    Args:
        layout: of its table.
        conditions: of its statements.
        is_batch: whether rows have to be told from each other by their keys.
    """
    table = layout.table
    shown = {name for condition in conditions if condition is not None for name in condition.shown}
    if is_batch:
        shown |= {column.name for column in (*table.partition_key, *table.clustering_key)}
    names = ["[applied]", *[column.name for column in table.columns if column.name in shown]]
    return tuple(
        ResultColumn(
            keyspace=table.keyspace,
            table=table.name,
            name=name,
            type=ScalarType.BOOLEAN if name == "[applied]" else layout.types[name],
        )
        for name in names
    )


def empty_mutation(layout: TableLayout, key: PartitionKey) -> Mutation:
    """A mutation that writes nothing."""
    return mutation_of(layout, key, Partition(layout.order))


def _row_key(write: RowWrite) -> tuple[bytes, ...]:
    for row_range in write.row_ranges:
        if row_range.start is not None:
            return row_range.start.value.components
    return ()


def _prior_command(
    layout: TableLayout,
    row_ranges: tuple[ClusteringRange, ...],
    names: set[str],
    moment: Moment,
    *,
    rows_per_partition_max: int = NO_LIMIT,
) -> ReadCommand:
    table = layout.table
    if table.id is None or table.version is None:
        raise ValueError(f"{table.full_name} has no id or no schema version")
    return ReadCommand(
        table_id=table.id,
        schema_version=table.version,
        partition_slice=PartitionSlice(
            row_ranges=row_ranges or (_ALL_ROWS,),
            static_columns=_ids(layout.static_ids, names),
            regular_columns=_ids(layout.regular_ids, names),
            options=PRIOR_OPTIONS | SliceOption.ALWAYS_RETURN_STATIC_CONTENT,
            specific_ranges=None,
            cql_format=_CQL_FORMAT,
            partition_row_limit_low=rows_per_partition_max,
        ),
        row_limit_low=NO_LIMIT,
        read_timestamp=moment.now_s,
        trace=None,
        partition_limit=NO_LIMIT,
        query_id=UUID(int=0),
        is_first_page=False,
    )


def _ids(ids: Mapping[str, int], names: set[str]) -> tuple[int, ...]:
    return tuple(sorted(number for name, number in ids.items() if name in names))
