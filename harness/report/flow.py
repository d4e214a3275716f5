"""A trace as a flow graph shows it: lanes, arrows, statements, and which arrows belong to which statement."""

from dataclasses import dataclass
from typing import NamedTuple

from harness.dissect.reading import without_cycle_collection
from harness.events.cql_filter_fields import statement_tables
from harness.events.folding import Noise, NoiseFilter
from harness.events.message import Kind, Message, Protocol
from harness.events.named_tables import tables_in
from harness.events.recollection import Recollection
from harness.events.statement_scope import StatementScopes
from harness.events.statements import ClientStatement
from harness.events.surroundings import Surroundings
from harness.events.trace import Trace
from harness.events.trace_text import TextLine, TraceText
from harness.events.wording.cql import statement_of
from harness.report.hues import Hue, hue_of
from harness.report.lanes import Lane, Lanes


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
    line: TextLine
    """The same with all columns, as trace.txt has it."""
    hue: Hue
    noise: Noise | None
    """What it is folded with; None: it is not folded."""
    answers: int | None
    """Index of the arrow that it answers or acknowledges."""
    tables: tuple[str, ...]
    undecoded_bytes: int
    statement: int | None
    """Number of the statement that it belongs to, as far as that can be told."""
    is_background: bool
    """Whether it was sent for a statement whose client had its answer already."""

    @property
    def is_failure(self) -> bool:
        """Whether it says that something went wrong."""
        return self.message.kind is Kind.EXCEPTION or self.label == "MUTATION_FAILED"


class Heading(NamedTuple):
    """A statement of a client, not of its driver."""

    statement: ClientStatement
    text: str
    """With the bound values in their places."""
    request: int
    """Index of the arrow."""
    reply: int | None
    """Index of the arrow; None: not answered in this trace."""
    result: str
    """What the client got, in one line."""

    @property
    def consistency(self) -> str:
        """The consistency level, and the serial one if there is one."""
        serial = self.statement.serial_consistency_level
        level = self.statement.consistency_level
        return level if serial is None else f"{level}/{serial}"

    @property
    def duration_ns(self) -> int | None:
        """From the request to the answer."""
        ended_ns = self.statement.ended_ns
        return None if ended_ns is None else ended_ns - self.statement.started_ns


class Section(NamedTuple):
    """A stretch of the flow that begins with a statement while no other one was waiting for its answer."""

    first: int
    """Index of the arrow with which it begins."""
    headings: tuple[int, ...]
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
    headings: tuple[Heading, ...]
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
    with without_cycle_collection():
        scopes = StatementScopes(trace)
        arrows = _arrows(trace, surroundings, lanes, scopes)
    headings = _headings(arrows, scopes)
    return Flow(
        trace=trace,
        surroundings=surroundings,
        lanes=lanes.all,
        arrows=arrows,
        headings=headings,
        sections=_sections(headings),
    )


def _arrows(
    trace: Trace, surroundings: Surroundings, lanes: Lanes, scopes: StatementScopes
) -> tuple[Arrow, ...]:
    schema = surroundings.schema
    texts = TraceText(surroundings)
    noise = NoiseFilter()
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
            hue = hue_of(message, tables, schema)
        else:
            hue, tables = arrows[answers].hue, tables or arrows[answers].tables
        folded = noise.noise(message)
        owner = scopes.owner_of(message)
        index_by_number[message.number] = len(arrows)
        arrows.append(
            Arrow(
                message,
                *lanes.ends_of(message),
                _label(message),
                _without_verb(message, line),
                line,
                hue,
                None if folded is None else folded[0],
                answers,
                tables,
                message.decoded.undecoded_bytes,
                None if owner is None else owner.number,
                owner is not None and owner.result is not None and message.number > owner.result,
            )
        )
    return tuple(arrows)


def _label(message: Message) -> str:
    match message.kind:
        case Kind.UNDECODED:
            return "UNDECODED"
        case Kind.NEGOTIATION:
            return "NEGOTIATION"
        case _:
            return message.verb_name or "reply"


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


def _headings(arrows: tuple[Arrow, ...], scopes: StatementScopes) -> tuple[Heading, ...]:
    recollection = Recollection()
    index_by_number = {arrow.message.number: index for index, arrow in enumerate(arrows)}
    by_request = {statement.request: statement for statement in scopes.statements}
    headings = []
    for index, arrow in enumerate(arrows):
        message = arrow.message
        if message.protocol is not Protocol.CQL:
            continue
        recollection.see(message)
        statement = by_request.get(message.number)
        if statement is None or arrow.noise is not None:
            continue
        reply = None if statement.result is None else index_by_number[statement.result]
        text = statement_of(message, recollection.statement) or statement.text
        headings.append(Heading(statement, text, index, reply, "" if reply is None else arrows[reply].text))
    return tuple(headings)


def _sections(headings: tuple[Heading, ...]) -> tuple[Section, ...]:
    groups: list[list[int]] = []
    waiting_until = -1
    for number, heading in enumerate(headings):
        if groups and heading.request < waiting_until:
            groups[-1].append(number)
        else:
            groups.append([number])
        if heading.reply is not None:
            waiting_until = max(waiting_until, heading.reply)
    sections = []
    for group in groups:
        replies = [reply for number in group if (reply := headings[number].reply) is not None]
        answered_at = max(replies) if len(replies) == len(group) else None
        sections.append(Section(headings[group[0]].request, tuple(group), answered_at))
    return tuple(sections)
