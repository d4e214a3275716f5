"""The fields of filters that speak of CQL, under Wireshark's names.

Source:
    Wireshark 4.0, "Display Filter Reference: Cassandra CQL Protocol".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import TypeVar

from harness.codec.cql.consistency import Consistency
from harness.codec.cql.errors import Error, ErrorCode
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Batch, Execute, Prepare, Query, QueryParameters
from harness.codec.cql.results import (
    Column,
    PreparedResult,
    Rows,
    SchemaChanged,
    SetKeyspace,
    Void,
)
from harness.events.filter_field import FilterField, multiple, single
from harness.events.filter_values import BYTES, NUMBERS, TEXTS, Names
from harness.events.message import Message, Protocol

_CQL = Protocol.CQL
_C = TypeVar("_C")

_TABLE_NAME = re.compile(
    r"""\b(?:INTO|FROM|UPDATE|TABLE|TRUNCATE|(?:VIEW(?:\s+IF\s+NOT\s+EXISTS)?))\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"""
    r"""("[^"]+"|\w+)(?:\s*\.\s*("[^"]+"|\w+))?""",
    re.IGNORECASE,
)
_RESULT_KINDS: dict[str, type] = {
    "Void": Void,
    "Rows": Rows,
    "Set_keyspace": SetKeyspace,
    "Prepared": PreparedResult,
    "Schema_change": SchemaChanged,
}
"""In the order of their numbers, which begin at 1."""


def statement_text(message: Message) -> str | None:
    """The text of the statement that a message carries, executes or answers, where it is known."""
    if (
        message.cql is not None
        and message.cql.prepared is not None
        and message.cql.prepared.query is not None
    ):
        return message.cql.prepared.query
    content = _content(message)
    if isinstance(content, Query | Prepare):
        return content.query
    if isinstance(content, Batch):
        return "; ".join(statement.query for statement in content.statements if statement.query)
    return None


def statement_tables(message: Message) -> tuple[str, ...]:
    """Tables that a message of CQL names in its text, or from which its columns are."""
    text = statement_text(message) or ""
    found = [".".join(_unquoted(part) for part in match if part) for match in _TABLE_NAME.findall(text)]
    found += [f"{column.keyspace}.{column.table}" for column in _columns(message)]
    return tuple(dict.fromkeys(found))


def _unquoted(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.lower()


def _content(message: Message) -> object | None:
    body = message.body if message.protocol is _CQL else None
    return body.content if isinstance(body, CqlMessage) else None


def _columns(message: Message) -> tuple[Column, ...]:
    if message.cql is not None and message.cql.prepared is not None:
        return message.cql.prepared.bound_columns + message.cql.prepared.result_columns
    content = _content(message)
    if isinstance(content, Rows):
        return content.columns
    return content.bound.columns + content.result.columns if isinstance(content, PreparedResult) else ()


def _strings(value: object) -> Iterator[str]:
    """Every text in a decoded body, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)
    elif is_dataclass(value):
        for item in fields(value):
            yield from _strings(getattr(value, item.name))


def _cells(message: Message) -> tuple[bytes, ...]:
    """Every bound value and every cell."""
    content = _content(message)
    if isinstance(content, Rows):
        return tuple(cell for row in content.rows for cell in row if cell is not None)
    if isinstance(content, Query | Execute):
        values = content.parameters.values
    elif isinstance(content, Batch):
        values = tuple(value for statement in content.statements for value in statement.values)
    else:
        values = ()
    return tuple(value for value in values if isinstance(value, bytes))


def _parameters(message: Message) -> QueryParameters | None:
    content = _content(message)
    return content.parameters if isinstance(content, Query | Execute | Batch) else None


def _consistency(message: Message) -> object | None:
    parameters = _parameters(message)
    return None if parameters is None else parameters.consistency


def _query_id(message: Message) -> object | None:
    content = _content(message)
    if isinstance(content, Execute | PreparedResult):
        return content.statement_id
    return None


def _result_kind(message: Message) -> object | None:
    content = _content(message)
    for number, cls in enumerate(_RESULT_KINDS.values(), start=1):
        if isinstance(content, cls):
            return number
    return None


def _of(cls: type[_C], value: Callable[[_C], object | None]) -> Callable[[Message], object | None]:
    def found(message: Message) -> object | None:
        content = _content(message)
        return value(content) if isinstance(content, cls) else None

    return found


def _head(value: Callable[[Message], object | None]) -> Callable[[Message], object | None]:
    return lambda message: value(message) if message.protocol is _CQL else None


def _version(message: Message) -> object | None:
    return None if message.cql is None else message.cql.version


def _flags(message: Message) -> object | None:
    return None if message.cql is None else message.cql.flags


def _opcode(message: Message) -> object | None:
    return message.verb if message.protocol is _CQL else None


def _names(enum: type[IntEnum]) -> dict[str, tuple[int, ...]]:
    return {member.name: (int(member),) for member in enum}


CQL_FIELDS: tuple[FilterField, ...] = (
    single("cql", TEXTS, "between clients and nodes", lambda m: "cql" if m.protocol is _CQL else None),
    single("cql.opcode", Names("the opcode", _names(Opcode), "QUERY"), "what the frame carries", _opcode),
    single("cql.version", NUMBERS, "of the protocol", _version),
    single("cql.flags", NUMBERS, "of the frame's header", _flags),
    single(
        "cql.direction",
        NUMBERS,
        "0 from the client, 1 from the node",
        _head(lambda m: int(not m.from_client)),
    ),
    single("cql.stream", NUMBERS, "pairs request and response", _head(lambda m: m.msg_id)),
    single("cql.message_length", NUMBERS, "of the body, in bytes", _head(lambda m: len(m.payload))),
    single(
        "cql.response_to", NUMBERS, "of a response: packet of the request", _head(lambda m: m.request_frame)
    ),
    multiple(
        "cql.string", TEXTS, "any text: statements, names, messages", lambda m: tuple(_strings(_content(m)))
    ),
    multiple("cql.bytes", BYTES, "any bound value or cell", _cells),
    single(
        "cql.consistency",
        Names("the consistency level", _names(Consistency), "QUORUM"),
        "of a statement",
        _consistency,
    ),
    single("cql.query_id", BYTES, "of a prepared statement", _query_id),
    single(
        "cql.result.kind",
        Names(
            "the kind of result",
            {name: (number,) for number, name in enumerate(_RESULT_KINDS, start=1)},
            "Rows",
        ),
        "what a RESULT holds",
        _result_kind,
    ),
    single(
        "cql.result.rows.row_count", NUMBERS, "rows in a RESULT", _of(Rows, lambda content: len(content.rows))
    ),
    single(
        "cql.result.rows.column_count",
        NUMBERS,
        "columns in a RESULT",
        _of(Rows, lambda content: content.metadata.columns_count),
    ),
    multiple(
        "cql.result.rows.keyspace_name",
        TEXTS,
        "of the columns",
        lambda m: tuple(c.keyspace for c in _columns(m)),
    ),
    multiple(
        "cql.result.rows.table_name", TEXTS, "of the columns", lambda m: tuple(c.table for c in _columns(m))
    ),
    multiple(
        "cql.result.rows.column_name", TEXTS, "of the columns", lambda m: tuple(c.name for c in _columns(m))
    ),
    single(
        "cql.error_code",
        Names("the error", _names(ErrorCode), "UNAVAILABLE"),
        "of an ERROR",
        _of(Error, lambda content: content.code),
    ),
    single(
        "cql.statement",
        TEXTS,
        "the statement's text, also of EXECUTE and its result (not Wireshark's)",
        statement_text,
    ),
)
