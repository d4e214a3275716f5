"""The replica of a lightweight transaction: PAXOS_PREPARE, PAXOS_ACCEPT, PAXOS_LEARN, PAXOS_PRUNE.

Nothing is answered before the commit log is on disk. Promises and acceptances of a partition wait for each other
meanwhile, decisions and their pruning for nobody: so a ballot that comes together with the pruning of the one before,
as it does in captures, is still told what that one wrote.

Source:
    Scylla (branch 4.2), service/paxos/paxos_state.cc, service/storage_proxy.cc (handlers of the Paxos verbs),
    db/system_keyspace.cc (paxos, which waits for the commit log).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_error import NoReplyError, RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.paxos.ballots import is_newer
from harness.backends.simulation.paxos.paxos_events import proposal_name
from harness.backends.simulation.paxos.paxos_states import PaxosStates
from harness.backends.simulation.paxos.token_locks import TokenLocks
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.ring_ranges import single_partition
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.time_uuids import timestamp_us_of
from harness.codec.verbs.common import TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Promise,
    Proposal,
)
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import ReadCommand
from harness.errors import HarnessError
from harness.partitioner import token_of

_SYNC_S = 0.0
"""How long the commit log takes: until what has come by then was looked at. On real nodes it is half a millisecond
(base/lwt_contention of 4.2.4), and no client's next request comes sooner than both."""
_UNTOLD_S = 10.0
"""How long to wait for others where a request does not say."""


class DecisionWriter(Protocol):
    """Applies writes at this node, and acknowledges those of others."""

    async def apply(self, mutation: Mutation, origin: str | None = None) -> None:
        """Apply a write.

        Raises:
            HarnessError: its table is not known to the node at ``origin`` either, or it does not fit it.
        """

    def send_done(self, address: str, response_id: int, tenant: Tenant) -> None:
        """Acknowledge a write to its coordinator."""

    def send_failed(self, address: str, response_id: int, failed_count: int, tenant: Tenant) -> None:
        """Tell a coordinator that a write failed here."""


class PaxosReplica:
    """Promises, accepts and learns for the partitions of which this node is a replica.

    Args:
        context: of the node.
        reader: reads what conditions look at.
        writer: applies decisions.
    """

    def __init__(self, context: NodeContext, reader: ReplicaReader, writer: DecisionWriter) -> None:
        self._context = context
        self._reader = reader
        self._writer = writer
        self._states = PaxosStates(context.journal)
        self._catalog: Catalog | None = None
        self._tables: dict[UUID, UUID] = {}
        self._locks = TokenLocks()
        context.messaging.handle_timed(Verb.PAXOS_PREPARE, self._take_prepare)
        context.messaging.handle_timed(Verb.PAXOS_ACCEPT, self._take_accept)
        context.messaging.handle_timed(Verb.PAXOS_LEARN, self._take_learn)
        context.messaging.handle(Verb.PAXOS_PRUNE, self._take_prune)

    def restore(self, data: bytes) -> None:
        """Take a record of the journal of an earlier run, of kind PAXOS.

        Raises:
            DecodeError: it is none.
        """
        self._states.restore(data)

    def kept(self) -> Iterator[bytes]:
        """Give records of what is remembered now, for a shorter journal."""
        return self._states.kept()

    async def promise(
        self,
        command: ReadCommand,
        key: PartitionKey,
        ballot: UUID,
        *,
        only_digest: bool,
        timeout_s: float,
        trace: TraceInfo | None = None,
    ) -> UUID | Promise:
        """As ``prepare``, one after the other, and safely stored.

        Raises:
            RpcTimeoutError: others were before it for all that time.
        """
        async with self._turn(key, timeout_s):
            answer = self.prepare(command, key, ballot, only_digest=only_digest, trace=trace)
            if isinstance(answer, Promise):
                await self._context.world.sleep(_SYNC_S)
            return answer

    async def vote(self, proposal: Proposal, *, timeout_s: float, trace: TraceInfo | None = None) -> bool:
        """As ``accept``, one after the other, and safely stored.

        Raises:
            RpcTimeoutError: others were before it for all that time.
        """
        async with self._turn(proposal.update.key.components, timeout_s):
            is_accepted = self.accept(proposal, trace=trace)
            if is_accepted:
                await self._context.world.sleep(_SYNC_S)
            return is_accepted

    def prepare(
        self,
        command: ReadCommand,
        key: PartitionKey,
        ballot: UUID,
        *,
        only_digest: bool,
        trace: TraceInfo | None = None,
    ) -> UUID | Promise:
        """Promise to accept nothing older; or give the newer ballot that was promised to somebody else.

        Args:
            command: reads what the condition looks at.
            key: of the partition.
            ballot: of the round.
            only_digest: whether the digest of that is enough.
            trace: in which to note it.
        """
        state = self._states.of(command.table_id, key)
        if not is_newer(ballot, state.promised):
            self._note(trace, f"Promise rejected; {ballot} is not sufficiently newer than {state.promised}")
            return state.promised
        self._note(trace, f"Promising ballot {ballot}")
        if trace is not None:
            command = replace(command, trace=trace)
        self._states.promise(command.table_id, key, ballot)
        return Promise(
            accepted=state.accepted,
            most_recent_commit=state.committed,
            data=self._read(command, key, only_digest=only_digest),
        )

    def accept(self, proposal: Proposal, *, trace: TraceInfo | None = None) -> bool:
        """Accept a proposal, unless something newer was promised; note it in a trace."""
        update = proposal.update
        promised = self._states.of(update.table_id, update.key.components).promised
        name = proposal_name(proposal.ballot)
        if proposal.ballot != promised and not is_newer(proposal.ballot, promised):
            self._note(trace, f"Rejecting proposal for {name} because in_progress is now {promised}")
            return False
        self._note(trace, f"Accepting proposal {name}")
        self._states.accept(proposal)
        return True

    async def learn(
        self, decision: Proposal, origin: str | None = None, *, trace: TraceInfo | None = None
    ) -> None:
        """Write what was decided, unless the table was emptied since.

        Args:
            decision: ballot and mutation.
            origin: address of the node that knows its table, if this one does not.
            trace: in which to note it.

        Raises:
            HarnessError: it cannot be applied.
        """
        sleep = self._context.world.sleep
        emptied_at_us = self._context.storage.truncated_at_us(decision.update.table_id)
        name = proposal_name(decision.ballot)
        if timestamp_us_of(decision.ballot) <= emptied_at_us:
            self._note(
                trace, f"Not committing decision {name} as ballot timestamp predates last truncation time"
            )
        else:
            self._note(trace, f"Committing decision {name}")
            await sleep(_SYNC_S)
            await self._writer.apply(decision.update, origin)
        await sleep(_SYNC_S)
        self._states.learn(decision)

    async def prune(
        self, schema_version: UUID, key: PartitionKey, ballot: UUID, *, trace: TraceInfo | None = None
    ) -> None:
        """Forget what a round wrote, for enough replicas have learned it; note it in a trace."""
        table_id = self._table_of(schema_version)
        if table_id is not None:
            self._note(trace, f"Delete paxos state for ballot {ballot}")
            await self._context.world.sleep(_SYNC_S)
            self._states.forget(table_id, key, ballot)

    def _read(
        self, command: ReadCommand, key: PartitionKey, *, only_digest: bool
    ) -> QueryResult | bytes | None:
        """What the condition looks at; None, so that the coordinator reads it by itself, if that fails."""
        try:
            result = self._reader.read(command, single_partition(key), with_digest=True)
        except HarnessError as error:
            self._context.world.log(f"what the condition of a transaction reads is ignored: {error}")
            return None
        return result.digest if only_digest else result

    def _table_of(self, schema_version: UUID) -> UUID | None:
        """The table that has, or had, a version; PAXOS_PRUNE names nothing else of it."""
        catalog = self._context.catalog
        if catalog is not self._catalog:
            schema = catalog.schema
            self._tables = {
                table.version: table.id
                for table in (*schema.old_tables, *schema.tables)
                if table.id is not None and table.version is not None
            }
            self._catalog = catalog
        return self._tables.get(schema_version)

    @asynccontextmanager
    async def _turn(self, key: PartitionKey, timeout_s: float) -> AsyncIterator[None]:
        """Hold a partition, one after the other."""
        try:
            async with self._locks.held(token_of(key), timeout_s):
                yield
        except TimeoutError:
            raise RpcTimeoutError("other rounds of the partition took too long") from None

    async def _take_prepare(
        self, sender: Sender, request: PaxosPrepareRequest, timeout_ms: int
    ) -> PaxosPrepareReply:
        trace = self._join(
            request.trace, f"paxos_prepare: message received from /{sender.address} ballot {request.ballot}"
        )
        try:
            await self._reader.learn(sender.address, request.command)
            response = await self.promise(
                request.command,
                request.key.components,
                request.ballot,
                only_digest=request.only_digest,
                timeout_s=timeout_ms / 1000 or _UNTOLD_S,
                trace=trace,
            )
        except HarnessError as error:
            self._context.traces.leave(trace)
            raise _unanswered(error) from error
        self._leave(trace, f"paxos_prepare: handling is done, sending a response to /{sender.address}")
        return PaxosPrepareReply(response=response)

    async def _take_accept(
        self, sender: Sender, request: PaxosAcceptRequest, timeout_ms: int
    ) -> PaxosAcceptReply:
        name = proposal_name(request.proposal.ballot)
        trace = self._join(
            request.trace, f"paxos_accept: message received from /{sender.address} ballot {name}"
        )
        try:
            timeout_s = timeout_ms / 1000 or _UNTOLD_S
            is_accepted = await self.vote(request.proposal, timeout_s=timeout_s, trace=trace)
        except HarnessError as error:
            raise _unanswered(error) from error
        finally:
            self._leave(trace, f"paxos_accept: handling is done, sending a response to /{sender.address}")
        return PaxosAcceptReply(accepted=is_accepted)

    async def _take_learn(self, sender: Sender, request: PaxosLearnRequest, timeout_ms: int) -> None:
        trace = self._join(request.trace, f"Message received from /{sender.address}")
        if request.forward and not self._context.has_fault("drop_forward"):
            self._send_on(sender, request, timeout_ms, trace)
        try:
            await self.learn(request.decision, request.reply_to, trace=trace)
        except HarnessError as error:
            self._context.world.log(f"a decision of {request.reply_to} cannot be applied: {error}")
            self._note(trace, f"Sending mutation_failure with 1 failures to /{request.reply_to}")
            self._writer.send_failed(request.reply_to, request.response_id, 1, sender.tenant)
        else:
            self._note(trace, f"Sending mutation_done to /{request.reply_to}")
            self._writer.send_done(request.reply_to, request.response_id, sender.tenant)
        self._leave(trace, "Mutation handling is done")

    def _join(self, told: object, activity: str) -> TraceInfo | None:
        trace = self._context.traces.join(told)
        self._note(trace, activity)
        return trace

    def _note(self, trace: TraceInfo | None, activity: str) -> None:
        self._context.traces.note(trace, activity)

    def _leave(self, trace: TraceInfo | None, activity: str) -> None:
        self._note(trace, activity)
        self._context.traces.leave(trace)

    def _send_on(
        self, sender: Sender, request: PaxosLearnRequest, timeout_ms: int, trace: TraceInfo | None
    ) -> None:
        sent_on = PaxosLearnRequest(
            decision=request.decision,
            forward=(),
            reply_to=request.reply_to,
            shard=request.shard,
            response_id=request.response_id,
            trace=trace,
        )
        for address in request.forward:
            self._note(trace, f"Forwarding a mutation to /{address}")
            self._context.messaging.send(
                address, Verb.PAXOS_LEARN, sent_on, timeout_ms=timeout_ms, tenant=sender.tenant
            )

    async def _take_prune(self, sender: Sender, request: PaxosPruneRequest) -> None:
        trace = self._join(
            request.trace, f"paxos_prune: message received from /{sender.address} ballot {request.ballot}"
        )
        await self.prune(request.schema_version, request.key.components, request.ballot, trace=trace)
        self._leave(trace, f"paxos_prune: handling is done, sending a response to /{sender.address}")


def _unanswered(error: HarnessError) -> NoReplyError:
    """What becomes of a request that fails: its coordinator never hears of it, as in captures of real nodes."""
    return NoReplyError(str(error))
