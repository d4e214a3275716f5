"""Writes to a table as its replicas applied them, seen on the wire or, at a coordinator, concluded from there.

A replica applies what MUTATION, HINT_MUTATION and PAXOS_LEARN bring it. A coordinator that is a replica applies its
own write without a message; the messages to the other replicas show it. Only what a read repairs it sends to others
alone, for each lacks something else.

Source:
    Scylla, service/storage_proxy.cc (what a coordinator applies itself).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import PaxosLearnRequest
from harness.codec.verbs.writes import HintMutationRequest, MutationRequest
from harness.events.changes import PartitionChange
from harness.events.contents import changes_of
from harness.events.message import Kind, Message, Protocol
from harness.events.statement_scope import StatementScopes
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.expect.placement import Placement
from harness.partitioner import token_of
from harness.schema import Table

MUTATION = 1
MUTATION_DONE = 2
MUTATION_FAILED = 24
PAXOS_LEARN = 41
HINT_MUTATION = 42


class Answer(Enum):
    """What a replica said to a write."""

    DONE = "done"
    FAILED = "failed"
    NONE = "none"
    LOCAL = "local"
    """It is the coordinator, and says nothing to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseWrite:
    """A write that one replica applied, or was to apply."""

    node: str
    """Name of the replica."""
    message: Message
    """What brought it; of the coordinator's own, the first message that shows it."""
    is_local: bool
    """The coordinator's own."""
    began: int
    """Number of the first message after which it may have been applied: the statement, or what brought it."""
    time_ns: int
    """About when it was applied."""
    partition: tuple[bytes, ...]
    """The partition key."""
    ring_token: int
    change: PartitionChange
    mutation: Mutation
    answer: Answer
    acknowledgement: Message | None
    statement: ClientStatement | None
    """What a client asked for; None: not in the capture."""

    @property
    def origin(self) -> str:
        """Where it came from, in words."""
        if self.statement is not None:
            return self.statement.name
        return f"{self.message.verb_name} from {node_name(self.message, is_sender=True)} (packet {self.message.frame_last})"


WriteBody = MutationRequest | HintMutationRequest | PaxosLearnRequest


def write_of(message: Message) -> tuple[WriteBody, Mutation] | None:
    """The write that a message brings a replica; None if it brings none, or cannot be decoded."""
    if message.protocol is not Protocol.RPC or message.verb not in _WRITES or message.kind not in _REQUESTS:
        return None
    body = message.body
    match body:
        case MutationRequest(mutation=mutation) | HintMutationRequest(mutation=mutation):
            return body, mutation
        case PaxosLearnRequest(decision=decision):
            return body, decision.update
        case _:
            return None


_WRITES = frozenset({MUTATION, HINT_MUTATION, PAXOS_LEARN})
_REQUESTS = frozenset({Kind.ONE_WAY, Kind.REQUEST})


def base_writes_of(
    trace: Trace, table: Table, placement: Placement, scopes: StatementScopes
) -> tuple[BaseWrite, ...]:
    """Every write to a table that a replica applied, in the order of the trace."""
    ids = ids_of(trace, table)
    found: list[BaseWrite] = []
    groups: dict[tuple[str, int, int], list[tuple[Message, Mutation]]] = {}
    for message in trace.messages:
        write = write_of(message)
        if write is None or write[1].table_id not in ids:
            continue
        body, mutation = write
        groups.setdefault((body.reply_to, body.shard, body.response_id), []).append((message, mutation))
    for (coordinator, _, _), some in groups.items():
        local = _local(trace, table, placement, scopes, coordinator, some)
        if local is not None:
            found.append(local)
        found += [_remote(trace, scopes, message, mutation) for message, mutation in some]
    return tuple(sorted(found, key=lambda write: (write.message.number, not write.is_local)))


def ids_of(trace: Trace, table: Table) -> frozenset[UUID]:
    """Ids that a table has had."""
    known = (table, *trace.schema.tables, *trace.schema.old_tables)
    return frozenset(one.id for one in known if one.id is not None and one.full_name == table.full_name)


def node_name(message: Message, *, is_sender: bool) -> str:
    """Name of one side of a message; its address where it has none."""
    if is_sender:
        return message.sender_node or message.sender.address
    return message.receiver_node or message.receiver.address


def answer_to(trace: Trace, message: Message) -> tuple[Answer, Message | None]:
    """How a replica answered a write, and the message."""
    for reply in trace.exchange_of(message).replies:
        if reply.verb == MUTATION_DONE:
            return Answer.DONE, reply
        if reply.verb == MUTATION_FAILED:
            return Answer.FAILED, reply
    return Answer.NONE, None


def _remote(trace: Trace, scopes: StatementScopes, message: Message, mutation: Mutation) -> BaseWrite:
    answer, acknowledgement = answer_to(trace, message)
    return BaseWrite(
        node=node_name(message, is_sender=False),
        message=message,
        is_local=False,
        began=message.number,
        time_ns=message.time_ns,
        partition=mutation.key.components,
        ring_token=token_of(mutation.key.components),
        change=changes_of(mutation, trace.schema),
        mutation=mutation,
        answer=answer,
        acknowledgement=acknowledgement,
        statement=scopes.owner_of(message),
    )


def _local(
    trace: Trace,
    table: Table,
    placement: Placement,
    scopes: StatementScopes,
    coordinator: str,
    some: Iterable[tuple[Message, Mutation]],
) -> BaseWrite | None:
    """The coordinator's own part of a write, if it is a replica."""
    message, mutation = next(iter(some))
    node = trace.topology.node_at(coordinator)
    if node is None or message.verb == HINT_MUTATION or message.receiver.address == coordinator:
        return None
    statement = scopes.owner_of(message)
    if statement is not None and not statement.is_change and message.verb == MUTATION:
        # A read repairs what others lack; what the coordinator lacks it repairs unseen.
        return None
    ring_token = token_of(mutation.key.components)
    if node not in placement.replicas_of_token(table, ring_token):
        return None
    return BaseWrite(
        node=node.name,
        message=message,
        is_local=True,
        began=message.number if statement is None else statement.request,
        time_ns=message.time_ns if statement is None else statement.started_ns,
        partition=mutation.key.components,
        ring_token=ring_token,
        change=changes_of(mutation, trace.schema),
        mutation=mutation,
        answer=Answer.LOCAL,
        acknowledgement=None,
        statement=statement,
    )
