"""The trace of a capture: every message in order of completion, immutable, with what is missing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, overload

from harness.events.filters import Filter
from harness.events.message import Connection, Kind, Message, Protocol
from harness.events.surroundings import Surroundings
from harness.schema import Schema
from harness.topology import Topology


class LostBytes(NamedTuple):
    """Bytes of a connection that the capture does not hold."""

    connection: Connection
    from_client: bool
    frame: int
    """Packet at which the loss was noticed."""
    lost_bytes: int | None
    """None where their count cannot be told."""


class Exchange(NamedTuple):
    """A request with what answered it.

    A MUTATION, HINT_MUTATION or PAXOS_LEARN is answered by a MUTATION_DONE or MUTATION_FAILED on another
    connection; every other two-way request by a reply or exception on its own.
    """

    request: Message
    replies: tuple[Message, ...]
    """Empty: never answered in this capture."""

    @property
    def reply(self) -> Message | None:
        """The first answer."""
        return self.replies[0] if self.replies else None

    @property
    def latency_ns(self) -> int | None:
        """Time from the request to its first answer."""
        return self.replies[0].time_ns - self.request.time_ns if self.replies else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What a trace does not know, and so cannot exclude."""

    lost: tuple[LostBytes, ...] = ()
    dropped_packets: int = 0
    """Packets that the capturing interface says it dropped."""
    truncated: str = ""
    """Why the capture ends in the middle of a block; empty if it does not."""
    cut_packets: int = 0
    """Packets of which the capture holds only a beginning."""
    skipped_packets: int = 0
    """Packets that are no TCP (other protocols, IP fragments)."""
    unsupported: str = ""
    """Why packets could not be looked into, for the first of them."""

    @property
    def is_complete(self) -> bool:
        """Whether all packets of all connections are there."""
        return not (self.lost or self.dropped_packets or self.truncated or self.cut_packets)


@dataclass(frozen=True)
class Trace(Sequence[Message]):
    """Messages in order of completion; a part of a trace is a trace with the same surroundings."""

    messages: tuple[Message, ...]
    missing: Missing = field(default_factory=Missing)
    topology: Topology = field(default_factory=Topology)
    schema: Schema = field(default_factory=Schema)
    started_ns: int | None = None
    """Time of the capture's first packet, nanoseconds since 1970; None: not known."""
    ended_ns: int | None = None
    """Time of its last packet, of whatever kind: until then nothing else was said; None: not known."""

    def __len__(self) -> int:
        return len(self.messages)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> "Trace": ...
    def __getitem__(self, index: int | slice) -> "Message | Trace":
        if isinstance(index, slice):
            return self.part(self.messages[index])
        return self.messages[index]

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def part(self, messages: Iterable[Message]) -> "Trace":
        """Make a trace of some of the messages."""
        return replace(self, messages=tuple(messages))

    def where(self, predicate: Callable[[Message], bool]) -> "Trace":
        """Keep the messages for which the predicate holds; a ``Filter`` learns names and times of the trace."""
        if isinstance(predicate, Filter):
            predicate = predicate.bound_to(self.surroundings)
        return self.part(message for message in self.messages if predicate(message))

    @property
    def surroundings(self) -> Surroundings:
        """What is known around the messages: for filters, and for writing them as text."""
        return Surroundings(self.schema, self.topology, self.started_ns)

    @cached_property
    def _by_number(self) -> dict[int, Message]:
        return {message.number: message for message in self.messages}

    @cached_property
    def _answers(self) -> dict[int, list[Message]]:
        answers: dict[int, list[Message]] = {}
        for message in self.messages:
            number = message.acknowledges if message.request is None else message.request
            if number is not None:
                answers.setdefault(number, []).append(message)
        return answers

    def request_of(self, message: Message) -> Message | None:
        """The request that a reply answers, or the write that a MUTATION_DONE acknowledges."""
        number = message.acknowledges if message.request is None else message.request
        return None if number is None else self._by_number.get(number)

    def exchange_of(self, request: Message) -> Exchange:
        """A request with what answered it."""
        return Exchange(request, tuple(self._answers.get(request.number, ())))

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every request, in order, with what answered it; one-way messages that nobody answers too."""
        return tuple(
            self.exchange_of(message)
            for message in self.messages
            if message.kind in {Kind.REQUEST, Kind.ONE_WAY} and message.acknowledges is None
        )

    @cached_property
    def connections(self) -> tuple[Connection, ...]:
        """The connections, in order of first sight, each as it was last known."""
        latest = {message.connection.number: message.connection for message in self.messages}
        return tuple(latest[number] for number in sorted(latest))

    @property
    def rpc(self) -> "Trace":
        """The messages between nodes."""
        return self.where(lambda message: message.protocol is Protocol.RPC)

    @property
    def cql(self) -> "Trace":
        """The messages between clients and nodes."""
        return self.where(lambda message: message.protocol is Protocol.CQL)

    @cached_property
    def undecoded(self) -> "Trace":
        """Messages of which not every byte was decoded."""
        return self.where(lambda message: message.decoded.undecoded_bytes > 0)
