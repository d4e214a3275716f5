"""What a request is about: whose table and partition, and what tells its statement apart."""

from typing import NamedTuple
from uuid import UUID

from harness.codec.verbs.common import TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareRequest,
    PaxosPruneRequest,
)
from harness.codec.verbs.read import ReadMutationDataRequest, ReadRequest
from harness.codec.verbs.writes import HintMutationRequest, MutationRequest
from harness.events.message import Message
from harness.events.statements import Key


class Subject(NamedTuple):
    """What a request is about."""

    coordinator: str
    """Address."""
    table_id: UUID | None
    key: Key | None
    """None: a range of partitions, or nothing that has a key."""
    trace_id: UUID | None = None
    ballot: UUID | None = None
    identity: tuple[str, int, int] | None = None
    """Of a write: coordinator, shard, response id."""
    mutation: Mutation | None = None


def subject_of(message: Message, body: object) -> Subject | None:
    """What a read, a write or a step of Paxos is about; None: it is none of these.

    Args:
        message: the request.
        body: its own, decoded.
    """
    sender = message.sender.address
    match body:
        case MutationRequest(mutation=mutation) | HintMutationRequest(mutation=mutation):
            # The address of whoever waits, which a write that was sent on has not as its sender.
            identity = (body.reply_to, body.shard, body.response_id)
            return Subject(
                body.reply_to,
                mutation.table_id,
                mutation.key.components,
                _trace_id(body.trace),
                None,
                identity,
                mutation,
            )
        case ReadRequest() | ReadMutationDataRequest():
            start = body.partitions.start
            key = start.value.key if body.partitions.singular and start is not None else None
            components = None if key is None else key.components
            command = body.command
            return Subject(sender, command.table_id, components, _trace_id(command.trace))
        case PaxosPrepareRequest():
            return Subject(
                sender, body.command.table_id, body.key.components, _trace_id(body.trace), body.ballot
            )
        case PaxosAcceptRequest(proposal=proposal):
            update = proposal.update
            trace_id = _trace_id(body.trace)
            return Subject(
                sender, update.table_id, update.key.components, trace_id, proposal.ballot, None, update
            )
        case PaxosLearnRequest(decision=decision):
            update = decision.update
            return Subject(
                body.reply_to,
                update.table_id,
                update.key.components,
                _trace_id(body.trace),
                decision.ballot,
                (body.reply_to, body.shard, body.response_id),
                update,
            )
        case PaxosPruneRequest():
            return Subject(sender, None, body.key.components, _trace_id(body.trace), body.ballot)
        case _:
            return None


def _trace_id(trace: object) -> UUID | None:
    return trace.session_id if isinstance(trace, TraceInfo) else None
