"""One write with all that belongs to it: what its coordinator sends, what receivers send on, and the answers.

What joins them is the identity of the write: the coordinator's address, its shard and a response id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.wire import Absent
from harness.events.message import Message
from harness.events.statement_scope import StatementScopes
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.events.write_timestamps import write_timestamps
from harness.expect.base_writes import (
    MUTATION_DONE,
    MUTATION_FAILED,
    WriteBody,
    node_name,
    write_of,
)
from harness.schema import Table
from harness.topology import Topology


class Delivery(NamedTuple):
    """A message that brings the write to one replica."""

    message: Message
    sender: str
    receiver: str
    forward: tuple[str, ...]
    """Names of the nodes to which the receiver has to send it on."""
    answers: tuple[Message, ...]

    @property
    def done(self) -> Message | None:
        """The first MUTATION_DONE."""
        return next((answer for answer in self.answers if answer.verb == MUTATION_DONE), None)

    @property
    def failed(self) -> Message | None:
        """The first MUTATION_FAILED."""
        return next((answer for answer in self.answers if answer.verb == MUTATION_FAILED), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteGroup:
    """A write of one partition."""

    verb: str
    coordinator: str
    """Name of the node that waits for the answers."""
    coordinator_address: str
    table: Table | None
    """None: unknown."""
    key: tuple[bytes, ...]
    mutation: Mutation
    """As the first message carries it."""
    mutations_differ: bool
    """Whether others carry something else, as what a read repairs."""
    deliveries: tuple[Delivery, ...]
    statement: ClientStatement | None

    @property
    def direct(self) -> tuple[Delivery, ...]:
        """What the coordinator sent itself."""
        return tuple(one for one in self.deliveries if one.sender == self.coordinator)

    @property
    def sent_on(self) -> tuple[Delivery, ...]:
        """What receivers sent on."""
        return tuple(one for one in self.deliveries if one.sender != self.coordinator)

    @property
    def first(self) -> Message:
        """The first message."""
        return self.deliveries[0].message

    @property
    def timestamps(self) -> frozenset[int]:
        """Its write timestamps in microseconds."""
        return frozenset(write_timestamps(self.mutation))

    def acknowledged_by(self, before: int | None) -> tuple[str, ...]:
        """Names of the replicas that have acknowledged it before the message with a number, or at all."""
        return tuple(
            one.receiver
            for one in self.deliveries
            if any(
                answer.verb == MUTATION_DONE and (before is None or answer.number < before)
                for answer in one.answers
            )
        )


def write_groups_of(trace: Trace, scopes: StatementScopes) -> tuple[WriteGroup, ...]:
    """Every write of a trace (MUTATION, HINT_MUTATION, PAXOS_LEARN), in order of its first message."""
    found: dict[tuple[str, int, int], list[tuple[Message, WriteBody, Mutation]]] = {}
    for message in trace.messages:
        write = write_of(message)
        if write is not None:
            body, mutation = write
            identity = (body.reply_to, body.shard, body.response_id)
            found.setdefault(identity, []).append((message, body, mutation))
    return tuple(_group(trace, scopes, some) for some in found.values())


def _group(
    trace: Trace, scopes: StatementScopes, some: Sequence[tuple[Message, WriteBody, Mutation]]
) -> WriteGroup:
    message, body, mutation = some[0]
    node = trace.topology.node_at(body.reply_to)
    return WriteGroup(
        verb=message.verb_name,
        coordinator=body.reply_to if node is None else node.name,
        coordinator_address=body.reply_to,
        table=trace.schema.table_of(mutation.table_id, mutation.schema_version),
        key=mutation.key.components,
        mutation=mutation,
        mutations_differ=any(other != mutation for _, _, other in some[1:]),
        deliveries=tuple(
            Delivery(
                one,
                node_name(one, is_sender=True),
                node_name(one, is_sender=False),
                _forward(trace.topology, other),
                trace.exchange_of(one).replies,
            )
            for one, other, _ in some
        ),
        statement=scopes.owner_of(message),
    )


def _forward(topology: Topology, body: WriteBody) -> tuple[str, ...]:
    names = []
    for address in body.forward:
        node = topology.node_at(address)
        names.append(address if node is None else node.name)
    hosts = body.forward_host_ids
    for host in () if isinstance(hosts, Absent) else hosts:
        node = topology.node_of_host(host)
        names.append(str(host) if node is None else node.name)
    return tuple(names)
