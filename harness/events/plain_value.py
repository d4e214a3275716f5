"""Values of CQL, and messages of CQL, as plain data, ready for JSON.

================================  ================================================================
value                             plain
================================  ================================================================
int, bool, text, null             as itself
float                             as itself; NaN and infinities as text
bytes                             hex
list, tuple; set                  list; sorted
map, user-defined type            object, if all keys are text, else list of [key, value]
all other types                   the text that Python writes for them
================================  ================================================================
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum

from harness.codec.cql.consistency import consistency_name
from harness.codec.cql.errors import error_name
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.notation import Value
from harness.codec.cql.requests import Execute
from harness.codec.cql.results import Column, Rows, decode_values
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType
from harness.errors import DecodeError

_LEFT_OUT = frozenset({"flags", "columns_count"})
"""Fields that only say how others stood on the wire."""
_OF_ROWS = frozenset({"columns", "rows"})
"""Written by their types instead."""
_NAMED = {"consistency": consistency_name, "serial_consistency": consistency_name, "code": error_name}
"""Numbers that have names."""


def plain_value(value: object) -> object:
    """Convert a value of CQL, or a value object that holds such."""
    if value is None or isinstance(value, bool | int | str):
        return value.name if isinstance(value, Enum) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: plain_value(item) for key, item in value.items()}
        return [[plain_value(key), plain_value(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain_value(item) for item in value), key=repr)
    if isinstance(value, ScalarType):
        return str(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and type(value).__module__.startswith("harness.codec.cql.") and _has_fields(value):
        return _plain_fields(value)
    return str(value)


def plain_message(body: CqlMessage, prepared: Prepared | None) -> dict[str, object]:
    """Convert a body of CQL; values bound to a prepared statement, and rows, by their types.

    ``type`` is the name of the content's class. An EXECUTE has the ``statement`` that it names, if known.
    """
    content = body.content
    without = _OF_ROWS if isinstance(content, Rows) else _LEFT_OUT
    plain: dict[str, object] = {"type": type(content).__name__, **_plain_fields(content, without)}
    if isinstance(content, Execute) and prepared is not None:
        plain["statement"] = prepared.query
        plain["values"] = _values(prepared.bound_columns, content.parameters.values)
    if isinstance(content, Rows):
        plain["columns"] = [_column(column) for column in content.columns]
        plain["rows"] = [_values(content.columns, row) for row in content.rows]
    for name in ("tracing_id", "warnings", "custom_payload"):
        value = getattr(body, name)
        if value is not None:
            plain[name] = plain_value(value)
    if body.is_traced:
        plain["is_traced"] = True
    if body.rest:
        plain["rest"] = body.rest.hex()
    return plain


def _has_fields(value: object) -> bool:
    """Whether a value object is one of messages, not one of those that are written as text (durations, types)."""
    return type(value).__str__ is object.__str__


def _plain_fields(value: object, without: frozenset[str] = _LEFT_OUT) -> dict[str, object]:
    assert is_dataclass(value)
    plain: dict[str, object] = {}
    for item in fields(value):
        if item.name in without:
            continue
        part = getattr(value, item.name)
        name_of = _NAMED.get(item.name) if isinstance(part, int) else None
        plain[item.name] = plain_value(part) if name_of is None else name_of(part)
    return plain


def _column(column: Column) -> dict[str, object]:
    return {
        "keyspace": column.keyspace,
        "table": column.table,
        "name": column.name,
        "type": str(column.type),
    }


def _values(columns: tuple[Column, ...], values: tuple[Value, ...]) -> list[object]:
    """Values by the types of their columns; as bytes where the columns are unknown or do not fit."""
    try:
        return [plain_value(value) for value in decode_values(columns, values)]
    except DecodeError:
        return [plain_value(value) for value in values]
