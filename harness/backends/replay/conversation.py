"""What clients asked in a capture, and what they were answered; each request answers one statement of a scenario."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from heapq import nlargest

from harness.backends.replay.statement_text import plain_text
from harness.codec.cql.consistency import consistency_name
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.notation import Value
from harness.codec.cql.requests import BATCH_TYPES, Batch, Execute, Prepare, Query, QueryParameters
from harness.errors import BackendError
from harness.events.message import Kind, Message
from harness.events.trace import Trace

NEAREST_MAX = 3
"""How many statements are named that look like one that is not there."""
_CHARACTERS_MAX = 160
_DRIVERS_OWN = ("system.", "system_schema.", "system_traces.")

StatementKey = tuple[str, tuple[tuple[str, tuple[Value, ...]], ...]]
"""What is asked: the kind, and for each statement its plain text (or its id) with the bound values."""


def query_key(text: str, values: Sequence[Value] = ()) -> StatementKey:
    """A statement sent as text."""
    return "QUERY", ((plain_text(text), tuple(values)),)


def execute_key(statement_id: bytes, values: Sequence[Value]) -> StatementKey:
    """A prepared statement with its values."""
    return "EXECUTE", ((statement_id.hex(), tuple(values)),)


def batch_key(batch_type: int, statements: Iterable[tuple[str | bytes, Sequence[Value]]]) -> StatementKey:
    """Several statements, each a text or the id of a prepared one, with their values."""
    parts = [
        (plain_text(text) if isinstance(text, str) else text.hex(), tuple(values))
        for text, values in statements
    ]
    return f"{BATCH_TYPES[batch_type]} BATCH", tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A statement of a scenario, with what it says about how it is sent; None: nothing."""

    key: StatementKey
    text: str
    """As the scenario wrote it."""
    coordinator: str | None = None
    consistency: int | None = None
    serial_consistency: int | None = None
    page_size_rows: int | None = None
    paging_state: bytes | None = None
    """Of the pages after the first."""
    is_traced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A statement as a client sent it in the capture."""

    key: StatementKey
    text: str
    coordinator: str
    parameters: QueryParameters
    is_traced: bool
    request: Message
    reply: Message | None

    def differs_from(self, asked: Asked) -> bool:
        """Whether it was sent otherwise than the scenario says."""
        parameters = self.parameters
        return (
            (asked.coordinator is not None and asked.coordinator != self.coordinator)
            or (asked.consistency is not None and asked.consistency != parameters.consistency)
            or (
                asked.serial_consistency is not None
                and asked.serial_consistency != parameters.serial_consistency
            )
            or (asked.page_size_rows is not None and asked.page_size_rows != parameters.page_size_rows)
            or (asked.is_traced and not self.is_traced)
        )

    @property
    def way(self) -> str:
        """How it was sent, in words."""
        parts = [f"at {consistency_name(self.parameters.consistency)}", f"to {self.coordinator}"]
        if self.parameters.serial_consistency is not None:
            parts.insert(1, f"({consistency_name(self.parameters.serial_consistency)})")
        if self.parameters.page_size_rows is not None:
            parts.append(f"{self.parameters.page_size_rows} rows a page")
        if self.is_traced:
            parts.append("traced")
        return f"{' '.join(parts)} (packet {self.request.frame_first})"


class Conversation:
    """The statements of a capture, in order; each can be taken once.

    Args:
        trace: all messages of the capture.
        name: what the capture is called in errors.
    """

    def __init__(self, trace: Trace, name: str) -> None:
        self._name = name
        self._occurrences: list[Occurrence] = []
        self._by_key: dict[StatementKey, list[Occurrence]] = {}
        self._prepared: dict[str, Message] = {}
        self._taken: dict[int, None] = {}
        for message in trace.cql:
            if message.from_client and message.kind is Kind.REQUEST:
                self._see(message, trace.exchange_of(message).reply)

    @property
    def taken(self) -> tuple[int, ...]:
        """Numbers of the requests that were taken, in the order in which the scenario asked."""
        return tuple(self._taken)

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """All statements, in the order in which they were sent."""
        return tuple(self._occurrences)

    def take(self, asked: Asked) -> Occurrence:
        """The first request for a statement that has not been taken.

        Raises:
            BackendError: there is none; the message says what there is instead.
        """
        same = [
            found
            for found in self._by_key.get(asked.key, ())
            if found.parameters.paging_state == asked.paging_state
        ]
        fitting = [found for found in same if not found.differs_from(asked)]
        for found in fitting:
            if found.request.number not in self._taken:
                self._taken[found.request.number] = None
                return found
        raise BackendError(self._refusal(asked, same, fitting))

    def prepared(self, text: str) -> Message:
        """The answer to the PREPARE of a statement.

        Raises:
            BackendError: the capture does not hold it.
        """
        found = self._prepared.get(plain_text(text))
        if found is None:
            raise BackendError(
                f"{self._name} holds no PREPARE with its answer for\n  {_short(text)}\n"
                "so what its values are bound to is not known; begin the capture before it is prepared"
            )
        return found

    def holds(self, text: str) -> bool:
        """Whether a statement sent as text is left."""
        return any(found.request.number not in self._taken for found in self._by_key.get(query_key(text), ()))

    def _see(self, request: Message, reply: Message | None) -> None:
        body = request.body
        if not isinstance(body, CqlMessage):
            return
        content = body.content
        match content:
            case Query(query=text):
                key = query_key(text, content.parameters.values)
            case Execute():
                prepared = request.cql.prepared if request.cql is not None else None
                text = (prepared.query if prepared is not None else None) or content.statement_id.hex()
                key = execute_key(content.statement_id, content.parameters.values)
            case Batch():
                parts = [
                    (part.query if part.query is not None else part.statement_id or b"", part.values)
                    for part in content.statements
                ]
                text = "; ".join(part if isinstance(part, str) else part.hex() for part, _ in parts)
                key = batch_key(content.batch_type, parts)
            case Prepare(query=text):
                if reply is not None and reply.kind is Kind.REPLY:
                    self._prepared.setdefault(plain_text(text), reply)
                return
            case _:
                return
        occurrence = Occurrence(
            key=key,
            text=text,
            coordinator=request.receiver_node or request.receiver.address,
            parameters=content.parameters,
            is_traced=body.is_traced,
            request=request,
            reply=reply,
        )
        self._occurrences.append(occurrence)
        self._by_key.setdefault(key, []).append(occurrence)

    def _refusal(self, asked: Asked, same: Sequence[Occurrence], fitting: Sequence[Occurrence]) -> str:
        text = _short(asked.text)
        if fitting:
            count = _times(len(fitting))
            packets = ", ".join(str(found.request.frame_first) for found in fitting)
            return (
                f"{self._name} holds this statement {count}, and the scenario asks for it once more:\n"
                f"  {text}\n(packets {packets})"
            )
        if same:
            ways = "\n".join(f"  {found.way}" for found in same)
            return (
                f"{self._name} does not hold this statement {_way_of(asked)}:\n  {text}\nit was sent\n{ways}"
            )
        nearest = self._nearest(asked)
        lines = [f"{self._name} does not hold this statement:", f"  {text}"]
        if nearest:
            lines.append("nearest to it:")
            lines += [f"  {_short(found.text)}\n    {found.way}" for found in nearest]
        else:
            lines.append("it holds no statements of clients at all")
        return "\n".join(lines)

    def _nearest(self, asked: Asked) -> list[Occurrence]:
        first_of_each: dict[str, Occurrence] = {}
        for found in self._occurrences:
            first_of_each.setdefault(plain_text(found.text), found)
        wanted = plain_text(asked.text)
        asks_system = any(name in wanted for name in _DRIVERS_OWN)
        candidates = [
            (SequenceMatcher(None, wanted, text).ratio(), -found.request.number, found)
            for text, found in first_of_each.items()
            if asks_system or not any(name in text for name in _DRIVERS_OWN)
        ]
        return [found for _, _, found in nlargest(NEAREST_MAX, candidates, key=lambda rated: rated[:2])]


def _way_of(asked: Asked) -> str:
    parts = []
    if asked.consistency is not None:
        parts.append(f"at {consistency_name(asked.consistency)}")
    if asked.serial_consistency is not None:
        parts.append(f"({consistency_name(asked.serial_consistency)})")
    if asked.coordinator is not None:
        parts.append(f"to {asked.coordinator}")
    if asked.page_size_rows is not None:
        parts.append(f"{asked.page_size_rows} rows a page")
    if asked.is_traced:
        parts.append("traced")
    return " ".join(parts)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _CHARACTERS_MAX else words[: _CHARACTERS_MAX - 1] + "…"
