"""What single values mean to people: ids as names, numbers as times, bytes as text."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

from harness.codec.cql.notation import Unset
from harness.codec.verbs.wire import Absent
from harness.events.surroundings import Surroundings
from harness.report.field_node import bounded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_1582_TO_1970 = 0x01B21DD213814000
"""A time UUID counts 100 ns from 1582-10-15."""
_STAMP_US_MIN = 1_000_000_000_000_000
_STAMP_US_MAX = 4_000_000_000_000_000
"""From 2001 to 2096: numbers in between that are called timestamps are microseconds since 1970."""
_TIMES = ("timestamp", "created_at", "_us")
_NEVER = -(1 << 63)
"""The timestamp of a tombstone that deletes nothing."""
_PRINTABLE_BYTES_MIN = 3
"""Fewer bytes look like text too often."""


def value_text(value: object) -> str:
    """Write a value that has no parts."""
    match value:
        case bytes():
            return bounded(f"0x{value.hex()}") if value else "empty"
        case bool():
            return "true" if value else "false"
        case Enum() if isinstance(value, int):
            return f"{value.name} ({value.value})"
        case Absent() | Unset():
            return str(value.value)
        case Enum():
            return value.name
        case str():
            return bounded(printable(value)) if value else "empty"
        case None:
            return "none"
        case _:
            return str(value)


def meaning_of(name: str, value: object, surroundings: Surroundings) -> str:
    """Say what a value stands for; empty where it stands for itself.

    Args:
        name: of the field that holds it.
        value: a value without parts.
        surroundings: names of nodes and tables.
    """
    match value:
        case UUID():
            return _meaning_of_uuid(value, surroundings)
        case str() | IPv4Address() | IPv6Address():
            node = surroundings.topology.node_at(str(value))
            return "" if node is None else node.name
        case bytes() if len(value) >= _PRINTABLE_BYTES_MIN:
            return _as_text(value)
        case int() if name.endswith(_TIMES):
            if value == _NEVER:
                return "never"
            return _time_text(value) if _STAMP_US_MIN < value < _STAMP_US_MAX else ""
        case _:
            return ""


def printable(text: str) -> str:
    """Show characters that cannot be seen, and halves of characters, as escapes."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _meaning_of_uuid(value: UUID, surroundings: Surroundings) -> str:
    table = surroundings.schema.table_of(value)
    if table is not None:
        return table.full_name
    node = surroundings.topology.node_of_host(value)
    if node is not None:
        return node.name
    if (value.int >> 76) & 0xF == 1:
        # Ballots and states of group 0 are time UUIDs whose variant bits are random.
        return _time_text((value.time - _TICKS_1582_TO_1970) // 10)
    return ""


@lru_cache(maxsize=4096)
def _time_text(us_since_1970: int) -> str:
    try:
        return f"{_EPOCH + timedelta(microseconds=us_since_1970):%Y-%m-%d %H:%M:%S.%f} UTC"
    except OverflowError:
        return ""


def _as_text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return bounded(repr(text)) if text.isprintable() else ""
