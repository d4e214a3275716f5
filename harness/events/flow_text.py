"""The flow of a capture: who tells whom what because of which statement, and what goes on besides.

    ━━ statement 1, QUORUM through n1 ━━ INSERT INTO demo3.map (id, country) VALUES (17, 'Germany') IF NOT EXISTS
    0.267557    6     1 => n1   CQL QUERY
    0.268535    7    n1 -> n3   PAXOS_PREPARE demo3.map(17) ballot 08:54:43.481945/1015, digest only
    0.269516    9    n3 -> n1   reply to PAXOS_PREPARE: promise, digest of no rows  (packet 7, 0.98 ms)
    0.276352   24    n1 <= 1    CQL RESULT  1 row ([applied]=true)  (packet 6, 8.80 ms)
    0.280422   27    n2 -> n1   MUTATION_DONE #81486  (ack of packet 16)  background
    … 12 gossip messages folded (SYN 4, ACK 4, ACK2 4)

Messages stand in the order in which they were complete. A statement of a client is a heading, unless another
one is still under way: then its line stands where it is, with its number in brackets, and what belongs to
it has the number too, as far as coordinator, table and key tell. What a statement causes after its client has got
the result is marked as background.
"""

from enum import Enum
from typing import NamedTuple

from harness.events.causes import Cause, Causes
from harness.events.folding import Fold, NoiseFilter
from harness.events.message import Message, Protocol
from harness.events.surroundings import Surroundings
from harness.events.trace_text import TraceText
from harness.events.verb_family import Family, family_of
from harness.events.wording.cql import consistency_of

HOLD_NS = 100_000_000
"""Folded messages are told when nothing was shown for so long, so that they do not cut a story into pieces."""
FOLD_NS = 5_000_000_000
"""But not later than so long after the first of them."""


class LineKind(Enum):
    """What a line of the flow is."""

    HEADING = "heading"
    MESSAGE = "message"
    FOLD = "fold"
    BLANK = "blank"


class FlowLine(NamedTuple):
    """One line of the flow."""

    kind: LineKind
    head: str
    """The columns of a message; empty for other lines."""
    contents: str
    tail: str = ""
    """What a message answers, its statement's number, and whether it is background."""
    family: Family | None = None
    """Of a message."""
    is_background: bool = False
    """Whether it happens after the client has got its result."""

    @property
    def text(self) -> str:
        """The whole line."""
        return self.head + self.contents + self.tail


class FlowText:
    """Writes the flow of a capture, message by message.

    Args:
        surroundings: names of tables and nodes; what becomes known later is used from then on.
        folds: whether gossip, pings, raft heartbeats and the driver's own messages are counted, not shown.
    """

    def __init__(self, surroundings: Surroundings, *, folds: bool = True) -> None:
        self._text = TraceText(surroundings)
        self._causes = Causes(lambda: surroundings.schema)
        self._noise = NoiseFilter() if folds else None
        self._fold = Fold()
        self._shown_ns = 0
        self._head_width = 0

    def add(self, message: Message) -> list[FlowLine]:
        """Take the next message; give the lines that are complete, often one, sometimes none."""
        self._text.see(message)
        noise = None if self._noise is None else self._noise.noise(message)
        if noise is not None:
            self._fold.add(message, *noise)
            return []
        if message.protocol is Protocol.CQL:
            return self._client_lines(message)
        return [*self._due_fold(message), self._node_line(message)]

    def close(self) -> list[FlowLine]:
        """Tell what is still folded."""
        return self._folded()

    def _client_lines(self, message: Message) -> list[FlowLine]:
        text = self._text.statement(message) if message.from_client else None
        if text is None:
            cause = None if message.from_client else self._causes.end(message)
            lines = self._due_fold(message)
            return [*lines, self._line(message, _tag(cause))]
        cause = self._causes.begin(message, text)
        if cause.is_crowded:
            return [*self._due_fold(message), self._line(message, _tag(cause))]
        level = consistency_of(message)
        coordinator = message.receiver_node or message.receiver.address
        heading = f"━━ statement {cause.number}, {level} through {coordinator} ━━ {text}"
        line = self._line(message, "", f"CQL {message.verb_name}")
        return [
            *self._folded(),
            FlowLine(LineKind.BLANK, "", ""),
            FlowLine(LineKind.HEADING, "", heading),
            line,
        ]

    def _node_line(self, message: Message) -> FlowLine:
        cause = self._causes.cause_of(message)
        is_background = cause is not None and cause.ended_ns is not None
        # With one statement under way, what has no number is its own.
        is_old = is_background and self._causes.under_way > 0
        note = f"{_tag(cause, always=is_old)}{'  background' if is_background else ''}"
        return self._line(message, note, is_background=is_background)

    def _line(
        self, message: Message, note: str, contents: str | None = None, *, is_background: bool = False
    ) -> FlowLine:
        parts = self._text.parts(message)
        head = self._text.head(parts)
        self._head_width = len(head)
        self._shown_ns = message.time_ns
        return FlowLine(
            LineKind.MESSAGE,
            head,
            parts.text if contents is None else contents,
            parts.tail + note,
            family_of(message),
            is_background,
        )

    def _due_fold(self, message: Message) -> list[FlowLine]:
        first = self._fold.first
        if first is None:
            return []
        is_quiet = not self._causes.under_way and message.time_ns - self._shown_ns >= HOLD_NS
        return self._folded() if is_quiet or message.time_ns - first.time_ns >= FOLD_NS else []

    def _folded(self) -> list[FlowLine]:
        if self._fold.first is None:
            return []
        text = self._fold.text()
        self._fold = Fold()
        return [FlowLine(LineKind.FOLD, "", " " * self._head_width + text)]


def _tag(cause: Cause | None, *, always: bool = False) -> str:
    return f"  [{cause.number}]" if cause is not None and (cause.is_crowded or always) else ""
