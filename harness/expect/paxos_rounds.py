"""Rounds of lightweight transactions: all that one coordinator sends under one ballot."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Promise,
)
from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Trace
from harness.expect.base_writes import node_name
from harness.schema import Table

PAXOS_PREPARE = 39
PAXOS_ACCEPT = 40
PAXOS_LEARN = 41
PAXOS_PRUNE = 43
_PAXOS = frozenset({PAXOS_PREPARE, PAXOS_ACCEPT, PAXOS_LEARN, PAXOS_PRUNE})


class Vote(NamedTuple):
    """A PAXOS_PREPARE or PAXOS_ACCEPT to one replica, with its answer."""

    message: Message
    replica: str
    answer: Message | None
    is_granted: bool
    """The replica promised, or accepted."""

    def is_granted_before(self, number: int | None) -> bool:
        """Whether it was granted before the message with a number, or at all."""
        return self.is_granted and self.answer is not None and (number is None or self.answer.number < number)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaxosRound:
    """What one coordinator sends under one ballot."""

    ballot: UUID
    coordinator: str
    """Name of the node."""
    coordinator_address: str
    table: Table | None
    """None: unknown."""
    key: tuple[bytes, ...]
    prepares: tuple[Vote, ...]
    accepts: tuple[Vote, ...]
    learns: tuple[Message, ...]
    prunes: tuple[Message, ...]
    proposals: tuple[Mutation, ...]
    """What was proposed and what was learned, each different one once."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """All requests, in the order of the trace."""
        votes = [vote.message for vote in (*self.prepares, *self.accepts)]
        return tuple(sorted((*votes, *self.learns, *self.prunes), key=lambda message: message.number))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is proposed: a condition was not met, or rows are only read."""
        return not any(has_changes(proposal) for proposal in self.proposals)


def ballot_order(ballot: UUID) -> tuple[int, int]:
    """By what ballots are compared: the time in the UUID, then the rest."""
    return ballot.time, ballot.int & (2**64 - 1)


def has_changes(mutation: Mutation) -> bool:
    """Whether a mutation changes anything."""
    partition = mutation.partition
    return bool(
        partition.rows
        or partition.range_tombstones
        or partition.static_row.columns
        or partition.tombstone.exists
    )


def paxos_rounds_of(trace: Trace, messages: Iterable[Message]) -> tuple[PaxosRound, ...]:
    """The rounds among some messages of a trace, in order of their first message."""
    groups: dict[tuple[UUID, str], list[Message]] = {}
    for message in messages:
        if message.protocol is not Protocol.RPC or message.verb not in _PAXOS:
            continue
        if message.kind not in {Kind.REQUEST, Kind.ONE_WAY}:
            continue
        origin = _origin(message)
        if origin is not None:
            groups.setdefault(origin, []).append(message)
    return tuple(_round(trace, ballot, address, some) for (ballot, address), some in groups.items())


def _origin(message: Message) -> tuple[UUID, str] | None:
    """Ballot, and address of the coordinator."""
    body = message.body
    match body:
        case PaxosPrepareRequest() | PaxosPruneRequest():
            return body.ballot, message.sender.address
        case PaxosAcceptRequest(proposal=proposal):
            return proposal.ballot, message.sender.address
        case PaxosLearnRequest(decision=decision):
            # A decision that was sent on still belongs to whom it is acknowledged; a later coordinator
            # sends what it found decided under the ballot of whoever decided it.
            return decision.ballot, body.reply_to
        case _:
            return None


def _round(trace: Trace, ballot: UUID, address: str, messages: list[Message]) -> PaxosRound:
    node = trace.topology.node_at(address)
    table: Table | None = None
    key: tuple[bytes, ...] = ()
    prepares, accepts, learns, prunes = [], [], [], []
    proposals: dict[Mutation, None] = {}
    for message in messages:
        body = message.body
        match body:
            case PaxosPrepareRequest():
                prepares.append(_vote(trace, message))
                table = trace.schema.table_of(body.command.table_id, body.command.schema_version)
                key = body.key.components
            case PaxosAcceptRequest(proposal=proposal):
                accepts.append(_vote(trace, message))
                proposals[proposal.update] = None
            case PaxosLearnRequest(decision=proposal):
                learns.append(message)
                proposals[proposal.update] = None
            case PaxosPruneRequest():
                prunes.append(message)
                key = key or body.key.components
            case _:
                pass
    for update in proposals:
        table = table or trace.schema.table_of(update.table_id, update.schema_version)
        key = key or update.key.components
    return PaxosRound(
        ballot=ballot,
        coordinator=address if node is None else node.name,
        coordinator_address=address,
        table=table,
        key=key,
        prepares=tuple(prepares),
        accepts=tuple(accepts),
        learns=tuple(learns),
        prunes=tuple(prunes),
        proposals=tuple(proposals),
    )


def _vote(trace: Trace, message: Message) -> Vote:
    answer = trace.exchange_of(message).reply
    body = None if answer is None or answer.kind is not Kind.REPLY else answer.body
    match body:
        case PaxosPrepareReply(response=response):
            is_granted = isinstance(response, Promise)
        case PaxosAcceptReply(accepted=accepted):
            is_granted = bool(accepted)
        case _:
            is_granted = False
    return Vote(message, node_name(message, is_sender=False), answer, is_granted)
