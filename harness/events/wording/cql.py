"""Words for CQL: statements with their bound values filled in, results, errors, events."""

import re
from collections.abc import Callable, Iterable, Sequence

from harness.codec.cql.consistency import consistency_name
from harness.codec.cql.errors import (
    AlreadyExists,
    CasWriteUnknown,
    Error,
    ReadFailure,
    ReadTimeout,
    Unavailable,
    WriteFailure,
    WriteTimeout,
    error_name,
)
from harness.codec.cql.events import Event, SchemaChange, StatusChange, TopologyChange
from harness.codec.cql.literals import cql_literal
from harness.codec.cql.messages import AuthChallenge, Authenticate, AuthSuccess, Ready, Supported
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.notation import Unset, Value
from harness.codec.cql.requests import (
    BATCH_TYPES,
    AuthResponse,
    Batch,
    BatchStatement,
    Credentials,
    Execute,
    Options,
    Prepare,
    Query,
    QueryParameters,
    Register,
    Startup,
)
from harness.codec.cql.results import Column, PreparedResult, Rows, SchemaChanged, SetKeyspace, Void
from harness.codec.cql.statements import Prepared
from harness.codec.cql.values import decode_value
from harness.errors import DecodeError
from harness.events.message import Message
from harness.events.wording.words import Words, counted, listed, printable, sentence, shortened

_MARKER = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|//[^\n]*|/\*.*?\*/|\$\$.*?\$\$|\?|:\w+""", re.DOTALL
)
"""What a question mark may hide in, and a marker itself."""
_ROWS_SHOWN = 3
_STATEMENTS_SHOWN = 4


StatementById = Callable[[bytes], Prepared | None]


def statement_of(message: Message, statement_by_id: StatementById) -> str | None:
    """The statement that a message carries, with its bound values, on one line; None if it carries none.

    Args:
        message: of CQL.
        statement_by_id: knows the prepared statements of batches, of which the message has only ids.
    """
    body = message.body
    if not isinstance(body, CqlMessage):
        return None
    prepared = None if message.cql is None else message.cql.prepared
    match body.content:
        case Query() as query:
            return _filled(query.query, _untyped(query.parameters))
        case Execute() as execute:
            return _prepared(execute.statement_id, prepared, execute.parameters.values)
        case Batch() as batch:
            return _batched(batch, statement_by_id)
        case _:
            return None


def consistency_of(message: Message) -> str | None:
    """The consistency level, and the serial one if that was set, of a statement."""
    body = message.body
    content = body.content if isinstance(body, CqlMessage) else None
    return _levels(content.parameters) if isinstance(content, Query | Execute | Batch) else None


def cql_text(message: Message, body: CqlMessage, words: Words, statement_by_id: StatementById) -> str:
    """Word a message of CQL, without its opcode."""
    content = body.content
    match content:
        case Query() | Execute() | Batch():
            text = f"{_levels(content.parameters)} {statement_of(message, statement_by_id)}"
        case Prepare():
            text = printable(content.query)
        case Startup():
            text = listed([f"{name}={value}" for name, value in content.options])
        case Options() | Ready():
            text = ""
        case Supported():
            text = listed([f"{name}={'|'.join(values)}" for name, values in content.options])
        case Register():
            text = listed(content.event_types)
        case Credentials():
            text = listed([name for name, _ in content.credentials])
        case Authenticate():
            text = content.authenticator.rpartition(".")[2]
        case AuthResponse() | AuthChallenge() | AuthSuccess():
            # A token may be a password.
            text = f"token of {len(content.token or b'')} bytes"
        case Error():
            text = _error(content)
        case Event():
            text = _event(content, words)
        case _:
            text = _result(content)
    traced = "traced" if body.is_traced else "" if body.tracing_id is None else f"trace {body.tracing_id}"
    return printable(sentence(text, traced, *(f"warning: {warning}" for warning in body.warnings or ())))


def _levels(parameters: QueryParameters) -> str:
    level = consistency_name(parameters.consistency)
    if parameters.serial_consistency is None:
        return level
    return f"{level}/{consistency_name(parameters.serial_consistency)}"


def _untyped(parameters: QueryParameters) -> list[str]:
    return [_hex(value) for value in parameters.values]


def _hex(value: Value) -> str:
    if value is None:
        return "null"
    return value.value if isinstance(value, Unset) else shortened(f"0x{value.hex()}")


def _typed(columns: Sequence[Column], values: Sequence[Value]) -> list[str]:
    if len(columns) != len(values):
        return [_hex(value) for value in values]
    return [_literal(column, value) for column, value in zip(columns, values, strict=True)]


def _literal(column: Column, value: Value) -> str:
    if value is None or isinstance(value, Unset):
        return _hex(value)
    try:
        return shortened(cql_literal(column.type, decode_value(column.type, value)))
    except DecodeError:
        return _hex(value)


def _prepared(statement_id: bytes, prepared: Prepared | None, values: Sequence[Value]) -> str:
    columns = () if prepared is None else prepared.bound_columns
    typed = _typed(columns, values)
    if prepared is None or prepared.query is None:
        unknown = f"statement {statement_id.hex()[:8]}, prepared before the capture"
        return sentence(unknown, f"values ({listed(typed)})" if values else "")
    return _filled(prepared.query, typed)


def _batched(batch: Batch, statement_by_id: StatementById) -> str:
    kind = BATCH_TYPES[batch.batch_type] if batch.batch_type < len(BATCH_TYPES) else str(batch.batch_type)
    shown = "; ".join(_part(statement, statement_by_id) for statement in batch.statements[:_STATEMENTS_SHOWN])
    more = len(batch.statements) - _STATEMENTS_SHOWN
    count = counted(len(batch.statements), "statement")
    return f"{kind} {count}: {shown}{f'; and {more} more' if more > 0 else ''}"


def _part(statement: BatchStatement, statement_by_id: StatementById) -> str:
    values = statement.values
    if statement.query is not None:
        return _filled(statement.query, [_hex(value) for value in values])
    statement_id = statement.statement_id or b""
    return _prepared(statement_id, statement_by_id(statement_id), values)


def _filled(query: str, values: Iterable[str]) -> str:
    """Put values in the places of the markers; those that find no place follow."""
    left = list(values)

    def fill(found: re.Match[str]) -> str:
        is_marker = found[0] == "?" or found[0].startswith(":")
        return left.pop(0) if is_marker and left else found[0]

    text = " ".join(_MARKER.sub(fill, query).split("\n")) if left else query
    text = printable(" ".join(line.strip() for line in text.splitlines()))
    return f"{text} [{', '.join(left)}]" if left else text


def _result(content: Void | Rows | SetKeyspace | PreparedResult | SchemaChanged) -> str:
    match content:
        case Void():
            return "void"
        case Rows():
            return _rows(content)
        case SetKeyspace():
            return f"keyspace {content.keyspace}"
        case PreparedResult():
            markers = counted(content.bound.columns_count, "marker")
            return f"statement {content.statement_id.hex()[:8]} prepared, {markers}"
        case SchemaChanged():
            return _schema_change(content.change)


def _rows(rows: Rows) -> str:
    shown = ", ".join(_row(rows.columns, row) for row in rows.rows[:_ROWS_SHOWN])
    more = ", ..." if len(rows.rows) > _ROWS_SHOWN else ""
    pages = ", more pages" if rows.metadata.has_more_pages else ""
    return f"{counted(len(rows.rows), 'row')} {shown}{more}".rstrip() + pages


def _row(columns: Sequence[Column], row: Sequence[bytes | None]) -> str:
    if len(columns) != len(row):
        return f"({listed([_hex(cell) for cell in row])})"
    cells = [f"{column.name}={_literal(column, cell)}" for column, cell in zip(columns, row, strict=True)]
    return f"({listed(cells, 12)})"


def _error(error: Error) -> str:
    details = error.details
    match details:
        case Unavailable():
            more = f"{details.alive} of {details.required} replicas alive"
        case ReadTimeout() | WriteTimeout() | CasWriteUnknown():
            more = f"{details.received} of {details.required} answers"
        case ReadFailure() | WriteFailure():
            failed = counted(details.failures_count, "failure")
            more = f"{details.received} of {details.required} answers, {failed}"
        case AlreadyExists():
            more = ".".join(part for part in (details.keyspace, details.table) if part)
        case _:
            more = ""
    return f"{error_name(error.code)} {error.text}{f' ({more})' if more else ''}"


def _event(event: Event, words: Words) -> str:
    change = event.change
    match change:
        case TopologyChange() | StatusChange():
            return f"{change.change} {words.node(str(change.node.address))}"
        case SchemaChange():
            return _schema_change(change)
        case _:
            return event.event_type


def _schema_change(change: SchemaChange) -> str:
    name = change.keyspace if change.name is None else f"{change.keyspace}.{change.name}"
    return f"{change.change} {change.target} {name}"
