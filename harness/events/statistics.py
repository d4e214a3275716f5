"""How many messages of each verb went between which nodes, how big they were, how long answers took.

A request with its reply is counted in one row, that of the request; MUTATION, HINT_MUTATION and PAXOS_LEARN
have MUTATION_DONE as their answer. Clients are counted together: there may be thousands.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from harness.events.latency import Latencies
from harness.events.message import Kind, Message, Protocol

CLIENTS = "clients"
"""The name of all clients together."""
WAITING_MAX = 131072
"""Most requests whose answer is waited for."""

_MUTATION_FAILED = 24
_ANSWERS = frozenset({Kind.REPLY, Kind.EXCEPTION})


class Row(NamedTuple):
    """What is counted separately."""

    protocol: Protocol
    verb: int
    """-1 where there is no verb: ``name`` says what it is."""
    name: str
    sender: str
    receiver: str


@dataclass(slots=True)
class Counts:
    """What is known of one row."""

    messages: int = 0
    """Requests, one-way messages and stream frames."""
    message_bytes: int = 0
    """Their payloads."""
    answers: int = 0
    answer_bytes: int = 0
    failures: int = 0
    """Exceptions, ERRORs of CQL, MUTATION_FAILED."""
    latencies: Latencies = field(default_factory=Latencies)
    """From request to answer."""

    def merge(self, other: "Counts") -> None:
        """Add the counts of another row."""
        self.messages += other.messages
        self.message_bytes += other.message_bytes
        self.answers += other.answers
        self.answer_bytes += other.answer_bytes
        self.failures += other.failures
        self.latencies.merge(other.latencies)


class Statistics:
    """Counts messages as they go by."""

    def __init__(self) -> None:
        self.messages = 0
        self.first_ns: int | None = None
        self.last_ns = 0
        self._rows: dict[Row, Counts] = {}
        self._waiting: dict[int, tuple[Counts, int]] = {}

    def add(self, message: Message) -> None:
        """Count a message."""
        self.messages += 1
        if self.first_ns is None:
            self.first_ns = message.first_ns
        self.last_ns = max(self.last_ns, message.time_ns)
        kind = message.kind
        # Compared one by one: looking a member of an Enum up in a set calls its __hash__ in Python.
        if kind is Kind.REPLY or kind is Kind.EXCEPTION:
            self._answer(message, message.request)
            return
        counts = self._counts(message)
        counts.messages += 1
        counts.message_bytes += len(message.payload)
        if kind is not Kind.REQUEST and kind is not Kind.ONE_WAY:
            return
        if message.acknowledges is not None:
            waiting = self._waiting.pop(message.acknowledges, None)
            if waiting is not None:
                write, started_ns = waiting
                write.answers += 1
                write.failures += message.verb == _MUTATION_FAILED
                write.latencies.add(message.time_ns - started_ns)
            return
        self._waiting[message.number] = (counts, message.time_ns)
        if len(self._waiting) > WAITING_MAX:
            for number in list(self._waiting)[: WAITING_MAX // 8]:
                del self._waiting[number]

    def rows(self) -> list[tuple[Row, Counts]]:
        """All rows: between nodes first, then of clients; by verb, then by sender and receiver."""
        return sorted(self._rows.items(), key=lambda item: (item[0].protocol is Protocol.CQL, *item[0][1:]))

    def verbs(self) -> list[tuple[Row, Counts]]:
        """One row for each verb, whoever sent it to whom; in the order of ``rows``."""
        sums: dict[tuple[Protocol, int, str], Counts] = {}
        for row, counts in self.rows():
            sums.setdefault(row[:3], Counts()).merge(counts)
        return [(Row(*key, "", ""), counts) for key, counts in sums.items()]

    def _answer(self, message: Message, request: int | None) -> None:
        waiting = None if request is None else self._waiting.pop(request, None)
        if waiting is None:
            # Its request is not in the capture, so that it has a row of its own.
            counts = self._counts(message)
        else:
            counts, started_ns = waiting
            counts.latencies.add(message.time_ns - started_ns)
        counts.answers += 1
        counts.answer_bytes += len(message.payload)
        counts.failures += message.kind is Kind.EXCEPTION

    def _counts(self, message: Message) -> Counts:
        sender, receiver = _ends(message)
        if message.kind in _ANSWERS:
            sender, receiver = receiver, sender
        verb = -1 if message.verb is None else message.verb
        name = message.verb_name or message.kind.name
        if message.kind in _ANSWERS:
            verb, name = -1, f"{name}, request not captured"
        row = Row(message.protocol, verb, name, sender, receiver)
        counts = self._rows.get(row)
        if counts is None:
            counts = self._rows[row] = Counts()
        return counts


def _ends(message: Message) -> tuple[str, str]:
    sender = message.sender_node or message.sender.address
    receiver = message.receiver_node or message.receiver.address
    if message.protocol is Protocol.CQL:
        return (CLIENTS, receiver) if message.from_client else (sender, CLIENTS)
    return sender, receiver
