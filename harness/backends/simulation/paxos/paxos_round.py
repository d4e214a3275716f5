"""The rounds of one transaction: ballots, promises, acceptances, decisions.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (paxos_response_handler).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.rpc_error import RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.paxos.acceptances import Acceptances
from harness.backends.simulation.paxos.ballots import Ballots
from harness.backends.simulation.paxos.participants import Participants
from harness.backends.simulation.paxos.paxos_errors import PaxosErrors
from harness.backends.simulation.paxos.paxos_events import proposal_name
from harness.backends.simulation.paxos.paxos_replica import PaxosReplica
from harness.backends.simulation.paxos.promises import PrepareSummary, Promises
from harness.backends.simulation.reads.deadline import Deadline
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.time_uuids import timestamp_us_of
from harness.codec.verbs.common import ConsistencyLevel, Key, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Proposal,
)
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import DigestAlgorithm, ReadCommand
from harness.errors import HarnessError
from harness.topology import Node

_T = TypeVar("_T")
_WAIT_MAX_S = 0.1
"""How long to keep out of the way of others, at most."""
_OUTDONE = "Some replicas have already promised a higher ballot than ours; aborting"


class DecisionCoordinator(Protocol):
    """Has replicas learn decisions."""

    async def learn(
        self,
        decision: Proposal,
        consistency: ConsistencyLevel,
        apply: Callable[[Proposal], Awaitable[None] | None],
        *,
        learned: Callable[[str], None] = ...,
        nodes: Sequence[Node] | None = None,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        """Return when the consistency level is met.

        Args:
            decision: ballot and mutation.
            consistency: how many have to have learned it.
            apply: learns it at this node.
            learned: hears the address of each that has learned it, this node's too.
            nodes: who shall learn it; None: all replicas.
            timeout_ms: how long.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What the rounds are about, for whom, and until when."""

    layout: TableLayout
    key: Key
    command: ReadCommand
    """Reads what the condition looks at."""
    participants: Participants
    errors: PaxosErrors
    deadline: Deadline
    """Of the statement."""
    contention_deadline: Deadline
    """After this no other round is begun."""
    read_deadline: Deadline
    """Of reads of what participants disagree about."""
    tenant: Tenant
    trace: TraceInfo | None


class PaxosRound:
    """Runs the rounds of one transaction.

    Args:
        context: of the node.
        replica: this node as a participant.
        decisions: has replicas learn what was decided.
        ballots: of this node.
        transaction: what it is about.
    """

    def __init__(
        self,
        context: NodeContext,
        replica: PaxosReplica,
        decisions: DecisionCoordinator,
        ballots: Ballots,
        transaction: Transaction,
    ) -> None:
        self._context = context
        self._replica = replica
        self._decisions = decisions
        self._ballots = ballots
        self._transaction = transaction
        self._newest_us = 0

    async def begin(self, consistency: ConsistencyLevel) -> tuple[UUID, QueryResult | None]:
        """Get a ballot promised behind which nothing is unfinished; finish what is.

        Args:
            consistency: how many replicas have to learn what was unfinished.

        Returns:
            The ballot, and what the condition looks at if participants agree about that.

        Raises:
            RequestError: the time for contention is over, or too few participants answer.
        """
        while True:
            if self._transaction.contention_deadline.is_over:
                raise self._transaction.errors.timeout(0)
            ballot = self._ballots.make(self._context.world.now_us, self._newest_us)
            self._note(f"Preparing {ballot}")
            summary = await self._prepare(ballot)
            if summary.refused_for is not None:
                self._note(_OUTDONE)
                self._newest_us = max(self._newest_us, timestamp_us_of(summary.refused_for))
                await self.keep_out()
            elif summary.unfinished is not None:
                self._note(f"Finishing incomplete paxos round {proposal_name(summary.unfinished.ballot)}")
                await self._finish(Proposal(ballot=ballot, update=summary.unfinished.update), consistency)
            elif summary.last_commit is not None and summary.lacking_last_commit:
                await self._catch_up(summary.last_commit, summary.lacking_last_commit)
            else:
                return ballot, summary.data

    async def decide(self, ballot: UUID, update: Mutation, consistency: ConsistencyLevel) -> bool:
        """Have a proposal accepted, and learned; gives whether it was.

        Raises:
            RequestError: too few participants answer; or some have accepted it and others have not, so that nobody
                can say.
        """
        proposal = Proposal(ballot=ballot, update=update)
        if self._context.has_fault("learn_before_accept"):
            await self._learn(proposal, consistency)
            return await self._accept(proposal, is_own=True)
        if not await self._accept(proposal, is_own=True):
            return False
        await self._learn(proposal, consistency)
        return True

    async def keep_out(self) -> None:
        """Wait a little, so that others can finish."""
        world = self._context.world
        await world.sleep(world.random.uniform(0, _WAIT_MAX_S))

    async def _finish(self, proposal: Proposal, consistency: ConsistencyLevel) -> None:
        """Decide what somebody else has left undecided."""
        if await self._accept(proposal, is_own=False):
            await self._learn(proposal, consistency)
        else:
            self._note(_OUTDONE)
            await self.keep_out()

    async def _catch_up(self, decision: Proposal, addresses: Sequence[str]) -> None:
        """Have those learn a decision that have missed it; the next ballot shows whether they did."""
        transaction = self._transaction
        nodes = [node for node in transaction.participants.nodes if node.address in addresses]
        self._note("Repairing replicas that missed the most recent commit")
        try:
            await self._decisions.learn(
                decision,
                ConsistencyLevel.ANY,
                partial(self._replica.learn, trace=transaction.trace),
                nodes=nodes,
                timeout_ms=transaction.deadline.left_ms,
                tenant=transaction.tenant,
                trace=transaction.trace,
            )
        except RequestError as error:
            self._context.world.log(f"a decision that was missed is not learned: {error}")

    # Preparing.

    async def _prepare(self, ballot: UUID) -> PrepareSummary:
        transaction = self._transaction
        promises = Promises(transaction.participants, transaction.errors, self._note)
        for index, node in enumerate(transaction.participants.nodes):
            self._begin(
                node, self._prepare_at(node, ballot, promises, only_digest=index > 0), "PAXOS_PREPARE"
            )
        return await self._in_time(promises.done, promises.time_out)

    async def _prepare_at(self, node: Node, ballot: UUID, promises: Promises, *, only_digest: bool) -> None:
        transaction = self._transaction
        try:
            if self._context.members.is_own(node):
                self._note(f"prepare_ballot: prepare {ballot} locally")
                response = await self._replica.promise(
                    transaction.command,
                    transaction.key.components,
                    ballot,
                    only_digest=only_digest,
                    timeout_s=transaction.deadline.left_s,
                    trace=transaction.trace,
                )
            else:
                self._note(f"prepare_ballot: sending prepare {ballot} to {node.address}")
                request = PaxosPrepareRequest(
                    command=transaction.command,
                    key=transaction.key,
                    ballot=ballot,
                    only_digest=only_digest,
                    digest_algorithm=DigestAlgorithm.XXHASH,
                    trace=transaction.trace,
                )
                reply: PaxosPrepareReply = await self._call(node, Verb.PAXOS_PREPARE, request)
                response = reply.response
        except RpcTimeoutError:
            promises.time_out()
        except HarnessError as error:
            self._context.world.log(f"PAXOS_PREPARE at {node.address}: {error}")
            promises.fail()
        else:
            promises.take(node.address, response)

    # Accepting.

    async def _accept(self, proposal: Proposal, *, is_own: bool) -> bool:
        transaction = self._transaction
        acceptances = Acceptances(
            transaction.participants, transaction.errors, is_own=is_own, note=self._note
        )
        for node in transaction.participants.nodes:
            self._begin(node, self._accept_at(node, proposal, acceptances), "PAXOS_ACCEPT")
        return await self._in_time(acceptances.done, acceptances.time_out)

    async def _accept_at(self, node: Node, proposal: Proposal, acceptances: Acceptances) -> None:
        name = proposal_name(proposal.ballot)
        try:
            if self._context.members.is_own(node):
                self._note(f"accept_proposal: accept {name} locally")
                is_accepted = await self._replica.vote(
                    proposal,
                    timeout_s=self._transaction.deadline.left_s,
                    trace=self._transaction.trace,
                )
            else:
                self._note(f"accept_proposal: send accept {name} to {node.address}")
                request = PaxosAcceptRequest(proposal=proposal, trace=self._transaction.trace)
                reply: PaxosAcceptReply = await self._call(node, Verb.PAXOS_ACCEPT, request)
                is_accepted = reply.accepted
        except RpcTimeoutError:
            acceptances.time_out()
        except HarnessError as error:
            self._context.world.log(f"PAXOS_ACCEPT at {node.address}: {error}")
            acceptances.fail()
        else:
            acceptances.take(node.address, is_accepted=is_accepted)

    # Learning.

    async def _learn(self, decision: Proposal, consistency: ConsistencyLevel) -> None:
        transaction = self._transaction
        participants = {node.address for node in transaction.participants.nodes}
        missing = transaction.participants.required

        def learned(address: str) -> None:
            nonlocal missing
            if address in participants:
                missing -= 1
                if missing == 0:
                    self._prune(decision.ballot)

        self._note(f"learn_decision: committing {proposal_name(decision.ballot)} with cl={consistency.name}")
        await self._decisions.learn(
            decision,
            consistency,
            partial(self._replica.learn, trace=transaction.trace),
            learned=learned,
            timeout_ms=transaction.deadline.left_ms,
            tenant=transaction.tenant,
            trace=transaction.trace,
        )

    def _prune(self, ballot: UUID) -> None:
        """Have participants forget what was written; not while one is dead that may still have to learn it."""
        transaction = self._transaction
        version = transaction.command.schema_version
        if transaction.participants.has_dead:
            return
        request = PaxosPruneRequest(
            schema_version=version, key=transaction.key, ballot=ballot, trace=transaction.trace
        )
        for node in transaction.participants.nodes:
            if self._context.members.is_own(node):
                self._note(f"prune: prune {ballot} locally")
                pruning = self._replica.prune(
                    version, transaction.key.components, ballot, trace=transaction.trace
                )
                self._context.world.start(pruning, "own part of PAXOS_PRUNE")
            else:
                self._note(f"prune: send prune of {ballot} to {node.address}")
                self._context.messaging.send(
                    node.address,
                    Verb.PAXOS_PRUNE,
                    request,
                    timeout_ms=transaction.deadline.left_ms,
                    tenant=transaction.tenant,
                )

    # Messages.

    def _note(self, activity: str) -> None:
        self._context.traces.note(self._transaction.trace, activity)

    def _begin(self, node: Node, work: Coroutine[Any, Any, None], name: str) -> None:
        self._context.world.start(work, f"{name} at {node.address}")

    async def _call(self, node: Node, verb: Verb, request: object) -> Any:  # noqa: ANN401  (as Messaging.call)
        transaction = self._transaction
        return await self._context.messaging.call(
            node.address,
            verb,
            request,
            timeout_ms=transaction.deadline.left_ms,
            tenant=transaction.tenant,
        )

    async def _in_time(self, done: asyncio.Future[_T], time_out: Callable[[], None]) -> _T:
        """Wait for answers, until the statement's time is over."""
        await asyncio.wait((done,), timeout=self._transaction.deadline.left_s)
        time_out()
        return await done
