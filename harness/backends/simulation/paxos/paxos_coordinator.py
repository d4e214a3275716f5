"""Lightweight transactions of clients: conditional writes, and reads of what has been decided.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (storage_proxy::cas), cql3/statements/modification_statement.cc,
    cql3/statements/select_statement.cc (SERIAL reads).
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import ReadAnswer, TableRead
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.cql.write_plan import ConditionalPlan, empty_mutation
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.paxos.ballots import Ballots
from harness.backends.simulation.paxos.participants import participants_of
from harness.backends.simulation.paxos.paxos_errors import PaxosErrors
from harness.backends.simulation.paxos.paxos_replica import PaxosReplica
from harness.backends.simulation.paxos.paxos_round import DecisionCoordinator, PaxosRound, Transaction
from harness.backends.simulation.paxos.token_locks import TokenLocks
from harness.backends.simulation.reads.deadline import Deadline
from harness.backends.simulation.ring_ranges import single_partition
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.time_uuids import timestamp_us_of
from harness.backends.simulation.writes.consistency import LOCAL_REPLICATION
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ConsistencyLevel, Key, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import ReadCommand
from harness.partitioner import token_of


class Reads(Protocol):
    """Reads what participants disagree about."""

    async def read(
        self,
        read: TableRead,
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> ReadAnswer:
        """Do one read.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, READ_FAILURE.
        """


class Outcome(NamedTuple):
    """What a transaction makes of what it has read."""

    rows: Rows
    """For the client."""
    update: Mutation | None
    """None: nothing is to be written."""


Decide = Callable[[QueryResult, int], Outcome]
"""Takes what was read, and the timestamp of the ballot in microseconds."""


class _Statement(NamedTuple):
    """A statement on its way through the rounds."""

    layout: TableLayout
    key: PartitionKey
    command: ReadCommand
    is_write: bool
    decide: Decide


class PaxosCoordinator:
    """Coordinates transactions.

    Args:
        context: of the node.
        replica: this node as a participant.
        reads: reads what participants disagree about.
        decisions: has replicas learn what was decided.
    """

    def __init__(
        self,
        context: NodeContext,
        replica: PaxosReplica,
        reads: Reads,
        decisions: DecisionCoordinator,
    ) -> None:
        self._context = context
        self._replica = replica
        self._reads = reads
        self._decisions = decisions
        self._ballots = Ballots(context.world.random)
        self._locks = TokenLocks()

    async def execute(
        self,
        plan: ConditionalPlan,
        consistency: ConsistencyLevel,
        serial_consistency: ConsistencyLevel,
        timeout_ms: int | None = None,
        *,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> Rows:
        """Write if the conditions are met; tell whether they were.

        Args:
            plan: what is written, and under which conditions.
            consistency: how many replicas have to have learned it before the client is answered.
            serial_consistency: SERIAL or LOCAL_SERIAL: who takes part.
            timeout_ms: how long; None: as long as the node gives writes.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT and WRITE_FAILURE of type CAS, INVALID.
        """
        command = plan.read_command(self._context.moment)

        def decide(result: QueryResult, timestamp_us: int) -> Outcome:
            decision = plan.decide(command, result)
            if not decision.is_applied:
                return Outcome(decision.rows, None)
            return Outcome(decision.rows, plan.mutation(timestamp_us, command, result))

        if timeout_ms is None:
            timeout_ms = self._context.config.write_request_timeout_in_ms
        statement = _Statement(plan.layout, plan.key, command, is_write=True, decide=decide)
        return await self._run(statement, consistency, serial_consistency, timeout_ms, tenant, trace)

    async def read(
        self,
        plan: ReadPlan,
        moment: Moment,
        serial_consistency: ConsistencyLevel,
        timeout_ms: int | None = None,
        *,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> Rows:
        """Read one partition, after everything that was decided about it.

        Args:
            plan: what is read.
            moment: the time of the read.
            serial_consistency: SERIAL or LOCAL_SERIAL: who takes part.
            timeout_ms: how long; None: as long as the node gives reads.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, READ_FAILURE; INVALID: more than one partition is read.
        """
        if plan.keys is None or len(plan.keys) != 1 or plan.index is not None:
            raise invalid("SERIAL/LOCAL_SERIAL consistency may only be requested for one partition at a time")
        command = plan.first_command(moment)

        def decide(result: QueryResult, _: int) -> Outcome:
            return Outcome(plan.rows_of_one_read(command, ReadAnswer(result), moment), None)

        if timeout_ms is None:
            timeout_ms = self._context.config.read_request_timeout_in_ms
        statement = _Statement(plan.layout, plan.keys[0], command, is_write=False, decide=decide)
        return await self._run(statement, ConsistencyLevel.ANY, serial_consistency, timeout_ms, tenant, trace)

    async def _run(
        self,
        statement: _Statement,
        consistency: ConsistencyLevel,
        serial_consistency: ConsistencyLevel,
        timeout_ms: int,
        tenant: Tenant,
        trace: TraceInfo | None,
    ) -> Rows:
        context, table = self._context, statement.layout.table
        token = token_of(statement.key)
        keyspace = context.catalog.keyspace(table.keyspace)
        replication = LOCAL_REPLICATION if keyspace is None else keyspace.replication
        deadline = Deadline.within(context.world, timeout_ms)
        contention_ms = min(context.config.cas_contention_timeout_in_ms, timeout_ms)
        read_ms = context.config.read_request_timeout_in_ms
        participants = participants_of(context.members, replication, token, serial_consistency)
        errors = PaxosErrors(
            table=table,
            consistency=serial_consistency,
            required=participants.required,
            is_write=statement.is_write,
        )
        transaction = Transaction(
            layout=statement.layout,
            key=Key(components=statement.key),
            command=statement.command,
            participants=participants,
            errors=errors,
            deadline=deadline,
            contention_deadline=Deadline.within(context.world, contention_ms),
            read_deadline=deadline if not statement.is_write else Deadline.within(context.world, read_ms),
            tenant=tenant,
            trace=trace,
        )
        rounds = PaxosRound(context, self._replica, self._decisions, self._ballots, transaction)
        try:
            async with self._locks.held(token, deadline.left_s):
                return await self._decide(statement, rounds, transaction, consistency)
        except TimeoutError:
            raise errors.timeout(0) from None
        except RequestError as error:
            translated = errors.translated(error)
            if translated is error:
                raise
            raise translated from error

    async def _decide(
        self,
        statement: _Statement,
        rounds: PaxosRound,
        transaction: Transaction,
        consistency: ConsistencyLevel,
    ) -> Rows:
        while True:
            ballot, result = await rounds.begin(consistency)
            if result is None:
                self._note(transaction, "Reading existing values for CAS precondition")
                result = await self._read_current(transaction)
            else:
                self._note(transaction, "Using prefetched values for CAS precondition")
            outcome = statement.decide(result, timestamp_us_of(ballot))
            if outcome.update is None and self._context.has_fault("skip_empty_round"):
                return outcome.rows
            if outcome.update is not None:
                self._note(
                    transaction,
                    f"CAS precondition is met; proposing client-requested updates for {ballot}",
                )
                is_decided = await rounds.decide(ballot, outcome.update, consistency)
            else:
                if statement.is_write:
                    self._note(transaction, "CAS precondition does not match current values")
                # A round that writes nothing makes sure that nobody finishes an older one after this read.
                nothing = empty_mutation(statement.layout, statement.key)
                is_decided = await rounds.decide(ballot, nothing, ConsistencyLevel.ANY)
            if is_decided:
                self._note(transaction, "CAS successful")
                return outcome.rows
            self._note(transaction, "PAXOS proposal not accepted (pre-empted by a higher ballot)")
            await rounds.keep_out()

    def _note(self, transaction: Transaction, activity: str) -> None:
        self._context.traces.note(transaction.trace, activity)

    async def _read_current(self, transaction: Transaction) -> QueryResult:
        """Read what the condition looks at, for participants disagree about it."""
        is_local = transaction.errors.consistency is ConsistencyLevel.LOCAL_SERIAL
        read = TableRead(
            transaction.layout, transaction.command, (single_partition(transaction.key.components),)
        )
        answer = await self._reads.read(
            read,
            ConsistencyLevel.LOCAL_QUORUM if is_local else ConsistencyLevel.QUORUM,
            timeout_ms=transaction.read_deadline.left_ms,
            tenant=transaction.tenant,
            trace=transaction.trace,
        )
        return answer.result
