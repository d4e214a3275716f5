"""The structure of a message: its fields, which optional ones are there, which variants, how long, how many.

A structure maps the path of each field to what it holds, in words that two runs share: numbers that mean something
as they are, ids and times by name, everything else by kind and length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import cast
from uuid import UUID

from harness.codec.verbs.wire import (
    ABSENT,
    PlainVariant,
    WireType,
    WritableVariant,
    declared_fields,
    is_declared,
)
from harness.events.message import Kind, Message, Protocol
from harness.golden.naming import Naming

Structure = Mapping[str, str]

_KEPT = frozenset(
    {
        "block_for", "bound", "code", "columns_count", "consistency", "cql_format", "failed_count", "failures",
        "flags", "id", "options", "page_size_rows", "partition_count", "partition_limit",
        "partition_row_limit_low", "received", "regular_columns", "row_count_low", "row_limit_low",
        "serial_consistency", "short_read", "static_columns", "static_count", "ttl_s", "type", "weight",
    }
)  # fmt: skip
"""Numbers that mean the same in every run."""
_TIMESTAMPS = frozenset({"timestamp", "created_at"})
_ANY_LENGTH = frozenset({"paging_state"})
"""Bytes whose form is their writer's own affair."""
_OPEN = frozenset({"last_modified", "limit_bytes"})
"""Numbers that say something by being the smallest or largest, but by what is stored, or by the moment."""
_VALUES = frozenset({"value", "rows"})
"""Values of columns: as long as what a statement wrote."""
_CLUSTER_NAME = "cluster_name"
_LARGEST = frozenset({2**64 - 1, 2**63 - 1, 2**32 - 1, 2**31 - 1})
_TIMEOUTS_MS = (100, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000)


def structure_of(message: Message, naming: Naming) -> Structure:
    """The structure of a message, with its header."""
    found: dict[str, str] = {}
    if message.kind is Kind.EXCEPTION and message.protocol is Protocol.RPC:
        found["exception"] = "there"
    elif message.body is None:
        found["payload"] = "nothing" if not message.payload else f"{len(message.payload)} bytes not decoded"
    else:
        found |= value_structure(message.body, naming)
    if getattr(message.body, "reply_to", None) == message.sender.address:
        found["reply_to"] = "its sender"
    if message.decoded.undecoded_bytes:
        found["undecoded"] = f"{message.decoded.undecoded_bytes} bytes"
    if message.timeout_ms is not None:
        found["timeout"] = _timeout_text(message.timeout_ms)
    return found


def value_structure(value: object, naming: Naming) -> Structure:
    """The structure of a decoded value."""
    return dict(_walk(value, "", "", naming))


def _walk(value: object, path: str, name: str, naming: Naming) -> Iterator[tuple[str, str]]:
    if is_declared(value):
        for spec in declared_fields(type(value)):
            item = getattr(value, spec.name)
            if item is ABSENT:
                continue
            inner = _joined(path, spec.name)
            if spec.name == "schema_version":
                yield inner, naming.version(item, getattr(value, "table_id", None))
                continue
            if item is not None and _is_variant(spec.wire):
                yield f"{inner}:", type(item).__name__
            yield from _walk(item, inner, spec.name, naming)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field_name in cast("tuple[str, ...]", getattr(value, "_fields")):  # noqa: B009  (no such attribute of tuples)
            yield from _walk(getattr(value, field_name), _joined(path, field_name), field_name, naming)
    elif isinstance(value, tuple):
        yield f"{path}[]", str(len(value))
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", name, naming)
    elif is_dataclass(value) and not isinstance(value, type):
        yield f"{path}:", type(value).__name__
        for field in fields(value):
            yield from _walk(getattr(value, field.name), _joined(path, field.name), field.name, naming)
    else:
        yield path, _leaf(value, name, naming)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_variant(wire: WireType) -> bool:
    """Whether a field may hold one of several types, be it in a frame or optional."""
    inner = wire
    while not isinstance(inner, PlainVariant | WritableVariant):
        held = getattr(inner, "inner", None)
        if held is None:
            return False
        inner = held
    return True


def _leaf(value: object, name: str, naming: Naming) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return value.name
        case int() if name in _OPEN:
            return "number"
        case int() if name in _TIMESTAMPS or name == "default_timestamp_us":
            return naming.timestamp(value)
        case int() if name in _KEPT:
            return str(value)
        case int() if value in _LARGEST:
            return "the largest number"
        case int():
            return "number"
        case UUID():
            return naming.uuid(value, name)
        case str() if name == _CLUSTER_NAME:
            return "a name"
        case str():
            return naming.text(value)
        case bytes() if name in _ANY_LENGTH:
            return "bytes"
        case bytes() if name in _VALUES:
            return "a value"
        case bytes() if name == "digest":
            return naming.numbered("digest", value)
        case bytes():
            return f"{len(value)} bytes"
        case _:
            return type(value).__name__


def _timeout_text(timeout_ms: int) -> str:
    """What a timeout was before time went by."""
    if timeout_ms == 0:
        return "none"
    return next((f"{usual} ms" for usual in _TIMEOUTS_MS if timeout_ms <= usual), "longer")
