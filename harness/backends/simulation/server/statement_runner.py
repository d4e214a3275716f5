"""Carries out what clients ask for: QUERY, PREPARE, EXECUTE and BATCH.

Source:
    Scylla (branch 4.2), transport/server.cc (process_query, process_prepare, process_execute, process_batch),
    cql3/statements/batch_statement.cc (which batches take the log), db/consistency_level_validations.hh;
    service/client_state.hh (get_timestamp).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from harness.backends.simulation.cql.preparation import (
    BoundValues,
    PreparedStatement,
    TruncatePlan,
    UsePlan,
    plan_batch,
)
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.statements import BatchKind
from harness.backends.simulation.cql.write_plan import ConditionalPlan, WriteKind, WritePlan
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.client_state import ClientState
from harness.backends.simulation.server.collaborators import (
    CounterWrites,
    LoggedBatches,
    Reads,
    SchemaChanges,
    Transactions,
    Truncations,
    Writes,
)
from harness.backends.simulation.server.prepared_statements import PreparedStatements
from harness.backends.simulation.server.trace_session import TraceSession
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.requests import Batch, BatchStatement, Execute, Prepare, Query, QueryParameters
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.results import (
    Result,
    Rows,
    SchemaChanged,
    SetKeyspace,
    Void,
    metadata_of,
)
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation

DataPlan = ReadPlan | WritePlan | ConditionalPlan | UsePlan | TruncatePlan
"""All plans but changes of the schema."""

StatementRequest = Query | Prepare | Execute | Batch
"""What there is to carry out."""

_VOID = Void()
_SERIAL = frozenset({ConsistencyLevel.SERIAL, ConsistencyLevel.LOCAL_SERIAL})
_OF_WRITES = frozenset({ConsistencyLevel.ANY, ConsistencyLevel.EACH_QUORUM})
_BATCH_KINDS = (BatchKind.LOGGED, BatchKind.UNLOGGED, BatchKind.COUNTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Who carries out plans."""

    schema: SchemaChanges
    reads: Reads
    writes: Writes
    batches: LoggedBatches
    counters: CounterWrites
    transactions: Transactions
    truncations: Truncations


class StatementRunner:
    """Turns requests into plans, has them carried out, and makes results of what comes of them.

    Args:
        context: of the node.
        roles: who carries out plans.
    """

    def __init__(self, context: NodeContext, roles: Roles) -> None:
        self.prepared = PreparedStatements(context)
        self._context = context
        self._roles = roles
        self._last_timestamp_us = 0

    async def run(
        self, request: StatementRequest, client: ClientState, trace: TraceSession | None = None
    ) -> Result:
        """Do what a client asks for.

        Args:
            request: that.
            client: who asks.
            trace: takes note of what is done; None: nobody wants to know.

        Raises:
            RequestError: it is refused, or has failed.
        """
        match request:
            case Execute():
                statement = self.prepared.of_id(request.statement_id)
                return await self._run_statement(statement, request.parameters, client, trace)
            case Query():
                if trace is not None:
                    trace.note("Parsing a statement")
                statement = self.prepared.of_text(request.query, client.keyspace)
                return await self._run_statement(statement, request.parameters, client, trace)
            case Prepare():
                statement_id, statement = self.prepared.prepare(request.query, client.keyspace)
                return statement.description(statement_id)
            case Batch():
                return await self._run_batch(request, client, trace)
            case _:
                assert_never(request)

    def text_and_markers(self, statement_id: bytes) -> tuple[str, tuple[ResultColumn, ...]]:
        """The text of a prepared statement, and what its values are; nothing if there is none with that id."""
        return self.prepared.text_and_markers(statement_id)

    async def _run_statement(
        self,
        statement: PreparedStatement,
        parameters: QueryParameters,
        client: ClientState,
        trace: TraceSession | None,
    ) -> Result:
        values: BoundValues = parameters.values
        if parameters.names:
            values = dict(zip(parameters.names, parameters.values, strict=True))
        page_rows = parameters.page_size_rows
        plan = statement.bind(
            values,
            self._context.moment,
            page_rows=0 if page_rows is None else max(page_rows, 0),
            paging_state=parameters.paging_state,
        )
        if trace is not None:
            trace.note("Processing a statement")
        if isinstance(plan, SchemaPlan):
            return await self._change_schema(plan, statement)
        result = await self._carry_out(plan, parameters, client, trace)
        if parameters.skip_metadata and isinstance(result, Rows):
            return _without_metadata(result)
        return result

    async def _run_batch(self, request: Batch, client: ClientState, trace: TraceSession | None) -> Result:
        if request.batch_type >= len(_BATCH_KINDS):
            raise RequestError(ErrorCode.PROTOCOL_ERROR, f"Unknown batch type {request.batch_type}")
        statements = [(self._in_batch(one, client), one.values) for one in request.statements]
        plan = plan_batch(_BATCH_KINDS[request.batch_type], statements, self._context.moment)
        return await self._carry_out(plan, request.parameters, client, trace)

    def _in_batch(self, one: BatchStatement, client: ClientState) -> PreparedStatement:
        if one.statement_id is not None:
            return self.prepared.of_id(one.statement_id)
        return self.prepared.of_text(one.query or "", client.keyspace)

    async def _change_schema(self, plan: SchemaPlan, statement: PreparedStatement) -> Result:
        done = plan

        def replan() -> SchemaPlan:
            nonlocal done
            catalog = self._context.catalog
            again = PreparedStatement(catalog, statement.statement, statement.keyspace).bind(
                (), self._context.moment
            )
            assert isinstance(again, SchemaPlan)
            done = again
            return again

        await self._roles.schema.change(plan, replan=replan)
        return _VOID if done.change is None or done.event is None else SchemaChanged(change=done.event)

    async def _carry_out(
        self, plan: DataPlan, parameters: QueryParameters, client: ClientState, trace: TraceSession | None
    ) -> Result:
        info = None if trace is None else trace.info
        match plan:
            case ReadPlan():
                return await self._read(plan, parameters, info)
            case WritePlan():
                await self._write(plan, parameters, info)
                return _VOID
            case ConditionalPlan():
                return await self._decide(plan, parameters, info)
            case TruncatePlan():
                await self._roles.truncations.truncate(plan.layout.table.keyspace, plan.layout.table.name)
                return _VOID
            case UsePlan():
                client.keyspace = plan.keyspace
                return SetKeyspace(keyspace=plan.keyspace)
            case _:
                assert_never(plan)

    async def _read(self, plan: ReadPlan, parameters: QueryParameters, trace: TraceInfo | None) -> Rows:
        consistency = _consistency(parameters.consistency)
        moment = self._context.moment
        if consistency in _SERIAL:
            if plan.timeout_ms is not None:
                raise invalid("USING TIMEOUT is not simulated for serial reads")
            return await self._roles.transactions.read(plan, moment, consistency, trace=trace)
        if consistency in _OF_WRITES:
            raise invalid(f"{consistency.name} ConsistencyLevel is only supported for writes")
        return await self._roles.reads.run_reads(plan, moment, consistency, trace=trace)

    async def _write(self, plan: WritePlan, parameters: QueryParameters, trace: TraceInfo | None) -> None:
        consistency = _consistency(parameters.consistency)
        if consistency in _SERIAL:
            raise invalid("You must use conditional updates for serializable writes")
        is_counter = plan.kind is WriteKind.COUNTER
        if is_counter and consistency is ConsistencyLevel.ANY:
            table = plan.writes[0].layout.table
            raise invalid(f"Consistency level ANY is not yet supported for counter table {table.name}")
        timestamp_us = self._timestamp_us(parameters)
        reads = plan.prior_reads(self._context.moment)
        if reads and consistency in _OF_WRITES:
            raise invalid(
                f"Write operation require a read but consistency {consistency.name} is not supported on reads"
            )
        answers = [(read, await self._roles.reads.read(read, consistency, trace=trace)) for read in reads]
        mutations = [planned.mutation for planned in plan.mutations(timestamp_us, answers)]
        if not mutations:
            return
        if is_counter:
            await self._roles.counters.write(mutations, consistency, trace=trace)
        elif plan.kind is WriteKind.BATCH and len(mutations) > 1:
            await self._roles.batches.write(mutations, consistency, trace=trace)
        else:
            await self._roles.writes.write(
                mutations, consistency, write_type=_write_type(mutations), trace=trace
            )

    async def _decide(
        self, plan: ConditionalPlan, parameters: QueryParameters, trace: TraceInfo | None
    ) -> Rows:
        consistency = _consistency(parameters.consistency)
        if consistency in _SERIAL:
            raise invalid(
                f"{consistency.name} is not supported as conditional update commit consistency. Use ANY if you mean"
                ' "make sure it is accepted but I don\'t care how many replicas commit it for non-SERIAL reads"'
            )
        serial = ConsistencyLevel.SERIAL
        if parameters.serial_consistency is not None:
            serial = _consistency(parameters.serial_consistency)
        if serial not in _SERIAL:
            raise invalid("Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL")
        return await self._roles.transactions.execute(plan, consistency, serial, trace=trace)

    def _timestamp_us(self, parameters: QueryParameters) -> int:
        """The client's timestamp, or one of ours, later than all before."""
        if parameters.default_timestamp_us is not None:
            return parameters.default_timestamp_us
        self._last_timestamp_us = max(self._context.world.now_us, self._last_timestamp_us + 1)
        return self._last_timestamp_us


def _consistency(number: int) -> ConsistencyLevel:
    try:
        return ConsistencyLevel(number)
    except ValueError:
        raise RequestError(
            ErrorCode.PROTOCOL_ERROR, f"Unknown code {number} for a consistency level"
        ) from None


def _write_type(mutations: Sequence[Mutation]) -> WriteType:
    """How errors name a write; a batch that comes down to one partition is none."""
    return WriteType.SIMPLE if len(mutations) == 1 else WriteType.UNLOGGED_BATCH


def _without_metadata(rows: Rows) -> Rows:
    paging_state = rows.metadata.paging_state
    return replace(rows, metadata=metadata_of(rows.columns, is_left_out=True, paging_state=paging_state))
