"""What our dissector makes of captures of real clusters, one row a capture.

    python -m tests.conformance.survey FOLDER

prints the table that ``test_captures`` asserts.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import encode_message
from harness.codec.verbs.mutation import CanonicalMutationFrame, Mutation
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.wire import declared_fields, is_declared
from harness.dissect.reading import context_beside, read_context, read_trace
from harness.events.contents import changes_of
from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Exchange, Trace

WRITES = frozenset({"MUTATION", "PAXOS_LEARN", "HINT_MUTATION"})
IN_FLIGHT_NS = 50_000_000
"""A request may be unanswered if the capture ends so soon after it."""
_HEADINGS = (
    "capture",
    "line",
    "RPC",
    "CQL",
    "undecoded frames",
    "replies to unseen requests",
    "leftover bytes",
    "bodies identical",
    "differing",
    "writes",
    "unacknowledged",
    "unanswered",
    "literals",
    "missing",
    "writes of statements",
    "not found",
    "lost bytes",
)
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_INSERT = re.compile(r"INSERT INTO (\S+) \((.*?)\) VALUES \((.*)\)", re.DOTALL)
_UPDATE = re.compile(r"UPDATE (\S+) (?:USING .*?)?SET (.*) WHERE (.*)", re.DOTALL)
_DELETE = re.compile(r"DELETE .*?FROM (\S+) (?:USING .*?)?WHERE (.*)", re.DOTALL)
_PART = re.compile(r"'(?:[^']|'')*'|[\[{(]|[\]})]|,| AND |[^'\[{(\]}),]")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One capture."""

    name: str
    line: str
    rpc_messages: int
    cql_messages: int
    undecoded_frames: int
    """Bytes in which no frame was found."""
    nameless_replies: int
    """Replies whose request lies before the capture or in a hole: nobody can know their verb."""
    leftover_bytes: int
    """Bytes of all other messages that no declaration names."""
    reencoded: int
    """Bodies that encode to the identical bytes."""
    not_reencoded: int
    writes: int
    unacknowledged: tuple[Exchange, ...]
    """Writes without MUTATION_DONE or MUTATION_FAILED, but those in flight when the capture ends."""
    stray_acknowledgements: int
    unanswered: tuple[Exchange, ...]
    """Two-way requests without a reply, but those in flight when the capture ends."""
    literals: int
    """Text literals in the statements that the JSON lists as successful writes."""
    missing_literals: tuple[str, ...]
    """Those that stand in no mutation."""
    statement_writes: int
    """Unconditional writes of those statements that name columns and values."""
    unfound_writes: tuple[str, ...]
    """Those of which no mutation has the table, and all the keys and values."""
    lost_bytes: int
    """Bytes that the capture lacks, by TCP sequence numbers."""


def survey(path: Path, root: Path) -> Row:
    """Read one capture whole."""
    trace = read_trace(path)
    reencoded = not_reencoded = leftover_bytes = nameless = 0
    for message in trace:
        if message.kind in {Kind.REPLY, Kind.EXCEPTION} and message.verb is None:
            nameless += 1
            continue
        decoded = message.decoded
        leftover_bytes += 0 if message.kind is Kind.UNDECODED else decoded.undecoded_bytes
        if decoded.body is not None:
            if _encoded(message) == message.payload:
                reencoded += 1
            else:
                not_reencoded += 1
    unacknowledged, unanswered = _unanswered(trace)
    literals = tuple(_literals(path))
    texts = "\n".join(_texts(trace)) if literals else ""
    written = tuple(_writes(path))
    seen = tuple(_seen_writes(trace)) if written else ()
    return Row(
        name=str(path.relative_to(root).with_suffix("")),
        line=" ".join(sorted({connection.line.value for connection in trace.connections})),
        rpc_messages=sum(message.protocol is Protocol.RPC for message in trace),
        cql_messages=sum(message.protocol is Protocol.CQL for message in trace),
        undecoded_frames=sum(message.kind is Kind.UNDECODED for message in trace),
        nameless_replies=nameless,
        leftover_bytes=leftover_bytes,
        reencoded=reencoded,
        not_reencoded=not_reencoded,
        writes=sum(exchange.request.verb_name in WRITES for exchange in trace.exchanges),
        unacknowledged=unacknowledged,
        stray_acknowledgements=sum(
            message.verb in {2, 24} and message.protocol is Protocol.RPC and message.acknowledges is None
            for message in trace
        ),
        unanswered=unanswered,
        literals=len(literals),
        missing_literals=tuple(literal for literal in literals if literal not in texts),
        statement_writes=len(written),
        unfound_writes=tuple(
            f"{table} {values}"
            for table, values in written
            if not any(
                table == name and all(_holds(found, column, value) for column, value in values.items())
                for name, found in seen
            )
        ),
        lost_bytes=sum(loss.lost_bytes or 0 for loss in trace.missing.lost),
    )


def captures(root: Path) -> list[Path]:
    """All captures of a folder; those named whole_* hold the others once more."""
    return sorted(path for path in root.rglob("*.pcapng") if not path.name.startswith("whole_"))


def _encoded(message: Message) -> bytes:
    body = message.body
    if message.cql is not None:
        assert isinstance(body, CqlMessage)
        return encode_message(message.cql.version, body, extensions=message.cql.extensions)
    return encode_payload(body)


def _unanswered(trace: Trace) -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
    latest_ns = trace[-1].time_ns - IN_FLIGHT_NS
    silent = [
        exchange
        for exchange in trace.exchanges
        if not exchange.replies
        and exchange.request.protocol is Protocol.RPC
        and exchange.request.time_ns < latest_ns
    ]
    return (
        tuple(exchange for exchange in silent if exchange.request.verb_name in WRITES),
        tuple(exchange for exchange in silent if exchange.request.kind is Kind.REQUEST),
    )


def _literals(path: Path) -> Iterator[str]:
    """Text literals of the INSERT statements that succeeded and name their values."""
    beside = context_beside(path)
    if beside is None:
        return
    for statement in read_context(beside).statements:
        if statement.error is None and statement.cql.lstrip().upper().startswith("INSERT"):
            values = statement.cql.split("VALUES", 1)[-1]
            yield from (literal.replace("''", "'") for literal in _LITERAL.findall(values))


def _writes(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Table, and columns with their values, of each write of a statement that succeeded and has no condition.

    Values are texts and whole numbers as the statement has them; collections and sums are left out.
    """
    beside = context_beside(path)
    if beside is None:
        return
    for statement in read_context(beside).statements:
        if statement.error is None:
            batched = re.sub(r"^BEGIN (UNLOGGED )?BATCH|APPLY BATCH$", "", statement.cql.strip())
            for text in batched.split(";"):
                yield from _write(text.strip())


def _write(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    if " IF " in text:
        return
    insert, update, delete = _INSERT.match(text), _UPDATE.match(text), _DELETE.match(text)
    if insert is not None:
        names = (name.strip() for name in insert[2].split(","))
        values = dict(zip(names, _parts(insert[3]), strict=True))
    elif update is not None:
        values = _equalities(_parts(update[2]) + _parts(update[3]))
    elif delete is not None:
        values = _equalities(_parts(delete[2]))
    else:
        return
    table = (insert or update or delete or [""])[1]
    yield table, {name: value for name, value in values.items() if re.fullmatch(r"-?\d+|'.*'", value)}


def _parts(text: str) -> list[str]:
    """Cut at commas and ANDs that stand in no brackets and no quotes."""
    parts, depth = [""], 0
    for piece in _PART.findall(text):
        depth += (piece in {"[", "{", "("}) - (piece in {"]", "}", ")"})
        if depth == 0 and piece in {",", " AND "}:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts]


def _equalities(parts: Iterable[str]) -> dict[str, str]:
    found = (re.fullmatch(r"(\w+) ?= ?(.*)", part, re.DOTALL) for part in parts)
    return {match[1]: match[2] for match in found if match is not None}


def _seen_writes(trace: Trace) -> Iterator[tuple[str, dict[str, object]]]:
    """Table, and keys and cells by name, of each row of each mutation."""
    for message in trace:
        if message.protocol is not Protocol.RPC:
            continue
        for mutation in _mutations(message.body):
            change = changes_of(mutation, trace.schema)
            if change.table is None:
                continue
            names = [column.name for column in change.table.partition_key]
            key = dict(zip(names, (item.value for item in change.key), strict=False))
            clustering = [column.name for column in change.table.clustering_key]
            static = {cell.column: cell.value for cell in change.static_cells}
            rows = [
                dict(zip(clustering, (item.value for item in row.key), strict=False))
                | {cell.column: cell.value for cell in row.cells}
                for row in change.rows
            ]
            rows += [
                dict(zip(clustering, (item.value for item in deletion.start.key), strict=False))
                for deletion in change.range_deletions
            ]
            for row in rows or [{}]:
                yield change.table_name, key | static | row


def _holds(found: dict[str, object], column: str, literal: str) -> bool:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'") in _text(found.get(column, ""))
    return found.get(column) == int(literal)


def _texts(trace: Trace) -> Iterator[str]:
    """Every key and value that a mutation in the trace holds, as text."""
    for message in trace:
        if message.protocol is Protocol.RPC:
            for mutation in _mutations(message.body):
                change = changes_of(mutation, trace.schema)
                yield from map(_text, (item.value for item in change.key))
                for row in change.rows:
                    yield from map(_text, (item.value for item in row.key + row.cells))
                yield from map(_text, (cell.value for cell in change.static_cells))


def _text(value: object) -> str:
    """A value as the statements of the captures write it."""
    return f"{value:%Y-%m-%d %H:%M:%S}+0000" if isinstance(value, datetime) else str(value)


def _mutations(value: object) -> Iterator[Mutation | CanonicalMutationFrame]:
    if isinstance(value, Mutation | CanonicalMutationFrame):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _mutations(item)
    elif is_declared(value):
        for spec in declared_fields(type(value)):
            yield from _mutations(getattr(value, spec.name))


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, with sums."""
    lines = [
        "| " + " | ".join(_HEADINGS) + " |",
        "|---|---|" + "--:|" * (len(_HEADINGS) - 2),
    ]
    sums = [0] * (len(_HEADINGS) - 2)
    for row in rows:
        figures = [
            row.rpc_messages,
            row.cql_messages,
            row.undecoded_frames,
            row.nameless_replies,
            row.leftover_bytes,
            row.reencoded,
            row.not_reencoded,
            row.writes,
            len(row.unacknowledged),
            len(row.unanswered),
            row.literals,
            len(row.missing_literals),
            row.statement_writes,
            len(row.unfound_writes),
            row.lost_bytes,
        ]
        sums = [total + figure for total, figure in zip(sums, figures, strict=True)]
        lines.append(f"| {row.name} | {row.line} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
    lines.append("| **all** | | " + " | ".join(f"{total:,}" for total in sums) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(table(survey(path, folder) for path in captures(folder)))  # noqa: T201  (its purpose)
