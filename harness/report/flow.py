"""A trace as a flow graph shows it: lanes, arrows, statements, and which arrows matter to whom."""

from dataclasses import dataclass
from typing import NamedTuple

from harness.codec.cql.opcodes import Opcode
from harness.events.cql_filter_fields import statement_tables
from harness.events.message import Kind, Message, Protocol
from harness.events.named_tables import tables_in
from harness.events.recollection import Recollection
from harness.events.surroundings import Surroundings
from harness.events.trace import Trace
from harness.events.trace_text import TextLine, TraceText
from harness.events.wording.cql import consistency_of, statement_of
from harness.report.chatter import Chatter, chatter_of
from harness.report.families import Family, family_of
from harness.report.lanes import Lane, Lanes

_STATEMENT_OPCODES = frozenset({Opcode.QUERY, Opcode.EXECUTE, Opcode.BATCH})
_CAUSED = frozenset({Family.WRITE, Family.VIEW_UPDATE, Family.READ, Family.TRANSACTION})
"""Families of what nodes do for a statement, some of it after its client was answered."""


class Arrow(NamedTuple):
    """One message in the graph."""

    message: Message
    sender: int
    """Index of its lane, as is the receiver."""
    receiver: int
    label: str
    """Verb or opcode."""
    text: str
    """What it says, in one line, without its verb."""
    reference: str
    """What it answers, in parentheses; empty: nothing that is known."""
    family: Family
    chatter: Chatter | None
    answers: int | None
    """Index of the arrow that it answers or acknowledges."""
    tables: tuple[str, ...]
    undecoded_bytes: int
    is_background: bool = False
    """Whether it was sent for a statement whose client had its answer already."""

    @property
    def is_failure(self) -> bool:
        """Whether it says that something went wrong."""
        return self.message.kind is Kind.EXCEPTION or self.label == "MUTATION_FAILED"


class Statement(NamedTuple):
    """A statement of a client, not of its driver."""

    request: int
    """Index of the arrow."""
    reply: int | None
    """Index of the arrow; None: not answered in this trace."""
    text: str
    consistency: str
    result: str
    """What the client got, in one line."""
    duration_ns: int | None


class Section(NamedTuple):
    """A stretch of the flow that begins with a statement while no other one was waiting for its answer."""

    first: int
    """Index of the arrow with which it begins."""
    statements: tuple[int, ...]
    """Indices of its statements: more than one where they overlap."""
    answered_at: int | None
    """Index of the arrow after which no client waits; None: one waited in vain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A trace, arranged."""

    trace: Trace
    surroundings: Surroundings
    lanes: tuple[Lane, ...]
    arrows: tuple[Arrow, ...]
    """One for each message, in order."""
    statements: tuple[Statement, ...]
    sections: tuple[Section, ...]
    """In order; what stands before the first one belongs to none."""

    def index_of(self) -> dict[int, int]:
        """Index of the arrow by the number of its message."""
        return {arrow.message.number: index for index, arrow in enumerate(self.arrows)}


def flow_of(trace: Trace) -> Flow:
    """Arrange a trace."""
    started_ns = trace[0].first_ns if len(trace) else None
    surroundings = Surroundings(trace.schema, trace.topology, started_ns)
    lanes = Lanes(trace, trace.topology)
    arrows = _arrows(trace, surroundings, lanes)
    statements = _statements(arrows)
    sections = _sections(statements)
    _mark_background(arrows, sections)
    return Flow(
        trace=trace,
        surroundings=surroundings,
        lanes=lanes.all,
        arrows=tuple(arrows),
        statements=statements,
        sections=sections,
    )


def _arrows(trace: Trace, surroundings: Surroundings, lanes: Lanes) -> list[Arrow]:
    schema = surroundings.schema
    texts = TraceText(surroundings)
    index_by_number: dict[int, int] = {}
    arrows: list[Arrow] = []
    for message in trace:
        texts.see(message)
        line = texts.parts(message)
        number = message.acknowledges if message.request is None else message.request
        answers = None if number is None else index_by_number.get(number)
        if message.protocol is Protocol.CQL:
            tables = statement_tables(message)
        else:
            tables = tables_in(message.body, schema)
        if answers is None:
            family = family_of(message, tables, schema)
            chatter = chatter_of(message, family, tables)
        else:
            request = arrows[answers]
            family, chatter, tables = request.family, request.chatter, tables or request.tables
        index_by_number[message.number] = len(arrows)
        arrows.append(
            Arrow(
                message,
                *lanes.ends_of(message),
                _label(message),
                _without_verb(message, line),
                line.reference,
                family,
                chatter,
                answers,
                tables,
                message.decoded.undecoded_bytes,
            )
        )
    return arrows


def _label(message: Message) -> str:
    match message.kind:
        case Kind.UNDECODED:
            return "UNDECODED"
        case Kind.NEGOTIATION:
            return "NEGOTIATION"
        case _:
            return message.verb_name or ("reply" if message.request is None else message.kind.value)


def _without_verb(message: Message, line: TextLine) -> str:
    """Take away what the label says already."""
    text = line.text.removeprefix("CQL ")
    label = _label(message)
    for prefix in (f"reply to {label}: ", f"reply to {label}", label):
        if text.startswith(prefix):
            return text[len(prefix) :].strip()
    if message.kind is Kind.EXCEPTION:
        return text.replace(f" to {label}:", ":", 1)
    return text


def _statements(arrows: list[Arrow]) -> tuple[Statement, ...]:
    recollection = Recollection()
    replies = {
        arrow.answers: index
        for index, arrow in enumerate(arrows)
        if arrow.answers is not None and arrow.message.protocol is Protocol.CQL
    }
    statements = []
    for index, arrow in enumerate(arrows):
        message = arrow.message
        if message.protocol is not Protocol.CQL:
            continue
        recollection.see(message)
        if not message.from_client or arrow.chatter is not None or message.verb not in _STATEMENT_OPCODES:
            continue
        text = statement_of(message, recollection.statement)
        if text is None:
            continue
        reply = replies.get(index)
        answer = None if reply is None else arrows[reply]
        statements.append(
            Statement(
                index,
                reply,
                text,
                consistency_of(message) or "",
                "" if answer is None else answer.text,
                None if answer is None else answer.message.time_ns - message.time_ns,
            )
        )
    return tuple(statements)


def _sections(statements: tuple[Statement, ...]) -> tuple[Section, ...]:
    groups: list[list[int]] = []
    waiting_until = -1
    for number, statement in enumerate(statements):
        if groups and statement.request < waiting_until:
            groups[-1].append(number)
        else:
            groups.append([number])
        if statement.reply is not None:
            waiting_until = max(waiting_until, statement.reply)
    sections = []
    for group in groups:
        replies = [reply for number in group if (reply := statements[number].reply) is not None]
        answered_at = max(replies) if len(replies) == len(group) else None
        sections.append(Section(statements[group[0]].request, tuple(group), answered_at))
    return tuple(sections)


def _mark_background(arrows: list[Arrow], sections: tuple[Section, ...]) -> None:
    ends = [*(section.first for section in sections[1:]), len(arrows)]
    for section, end in zip(sections, ends, strict=False):
        if section.answered_at is None:
            continue
        for index in range(section.answered_at + 1, end):
            arrow = arrows[index]
            if arrow.family in _CAUSED and arrow.chatter is None:
                arrows[index] = arrow._replace(is_background=True)
