"""The table of all verbs: number, names by version line, mode, and the declarations of their payloads.

A family module (``mutation``, ``read``, ``paxos``, ...) lists its verbs as ``Verb`` values in ``VERBS``;
this module collects them. A number without an entry still decodes: by name ``VERB_n``, its bytes kept.

Source:
    Scylla, message/messaging_service.hh, enum class messaging_verb, branches 4.0 to master (August 2026);
    message/messaging_service.cc (which verbs are sent one way).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from harness.codec.verbs.line import Line
from harness.codec.verbs.wire import Void, decode_struct, encode_struct
from harness.errors import DecodeError

LAST_VERB = 93
"""The highest number of any line."""


class Mode(Enum):
    """Who answers a request, and how."""

    ONE_WAY = "one-way"
    TWO_WAY = "request/reply"
    STREAM = "request/reply that opens a stream"


class Role(Enum):
    """Which of the payloads of a verb."""

    REQUEST = "request"
    REPLY = "reply"
    SINK = "stream frame from the requester"
    SOURCE = "stream frame to the requester"


class Evidence(Enum):
    """How far a declaration was tried on bytes of real clusters."""

    REAL = "decoded and encoded again from captures of a real cluster"
    WRITTEN = "from the written protocol alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The declarations of one verb's payloads, as one line (and those after it) write them."""

    since: Line
    request: type = Void
    reply: type | None = None
    """None for one-way verbs."""
    sink: type | None = None
    source: type | None = None
    """Stream frames from and to the requester; None for verbs without a stream."""

    def of(self, role: Role) -> type | None:
        """Give the declaration for a role."""
        match role:
            case Role.REQUEST:
                return self.request
            case Role.REPLY:
                return self.reply
            case Role.SINK:
                return self.sink
            case Role.SOURCE:
                return self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One row of the table."""

    number: int
    names: tuple[tuple[Line, str], ...]
    """Each name with the first line that uses it."""
    mode: Mode
    payloads: tuple[Payload, ...] = ()
    """In order of lines; empty: named, its bytes are kept."""
    retired: Line | None = None
    """The first line in which nobody sends it any more."""
    evidence: tuple[Line, ...] = ()
    """Lines of which real bytes were decoded whole."""
    purpose: str = ""

    def name(self, line: Line) -> str:
        """Its name in a line; before its first line, its first name."""
        chosen = self.names[0][1]
        for since, name in self.names:
            if line >= since:
                chosen = name
        return chosen

    def payload(self, line: Line) -> Payload | None:
        """Its payloads in a line; before their first line, the first ones."""
        chosen = self.payloads[0] if self.payloads else None
        for payload in self.payloads:
            if line >= payload.since:
                chosen = payload
        return chosen


def verb(
    number: int,
    name: str,
    mode: Mode,
    *payloads: Payload,
    since: Line = Line.V4_0,
    renamed: Iterable[tuple[Line, str]] = (),
    retired: Line | None = None,
    evidence: Iterable[Line] = (),
    purpose: str = "",
) -> Verb:
    """Write one row: name from ``since`` on, later names in ``renamed``."""
    return Verb(
        number=number,
        names=((since, name), *renamed),
        mode=mode,
        payloads=payloads,
        retired=retired,
        evidence=tuple(evidence),
        purpose=purpose,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A payload as a value, and what of it no declaration names."""

    body: object | None
    """An instance of a declared class; None where the verb has no declaration."""
    undecoded_bytes: int = 0


@dataclass(frozen=True)
class VerbTable:
    """All verbs by number and by name."""

    verbs: tuple[Verb, ...]
    by_number: dict[int, Verb] = field(init=False, repr=False)
    by_name: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_number = {row.number: row for row in self.verbs}
        if len(by_number) != len(self.verbs):
            raise ValueError("a verb number stands in the table twice")
        # The newest use of a name wins: TABLE_LOAD_STATS is 72 in 6.2 and 77 from 2025.1 on.
        by_name = {name: row.number for row in self.verbs for _, name in row.names}
        object.__setattr__(self, "by_number", by_number)
        object.__setattr__(self, "by_name", by_name)

    def name(self, number: int, line: Line) -> str:
        """Name a verb in a line; ``VERB_n`` where it has none."""
        row = self.by_number.get(number)
        return f"VERB_{number}" if row is None else row.name(line)

    def payload_class(self, number: int, line: Line, role: Role) -> type | None:
        """Give the declaration of one payload; None where there is none."""
        row = self.by_number.get(number)
        payload = None if row is None else row.payload(line)
        return None if payload is None else payload.of(role)

    def decode(self, number: int, line: Line, role: Role, payload: bytes) -> Decoded:
        """Decode one payload.

        Raises:
            DecodeError: the bytes are not what the verb carries.
        """
        cls = self.payload_class(number, line, role)
        if cls is None:
            return Decoded(body=None, undecoded_bytes=len(payload))
        body: object
        body, undecoded_bytes = decode_struct(cls, payload)
        return Decoded(body=body, undecoded_bytes=undecoded_bytes)

    def decode_or_none(self, number: int, line: Line, role: Role, payload: bytes) -> object | None:
        """Decode one payload; None where there is no declaration, or the bytes do not follow it."""
        try:
            return self.decode(number, line, role, payload).body
        except DecodeError:
            return None


def encode_payload(body: object) -> bytes:
    """Encode an instance of a declared class.

    Raises:
        EncodeError: a field holds what has no form on the wire.
    """
    return encode_struct(body)
