"""Words that all payloads share: names instead of ids, numbers as people write them; and who has words for what.

A module of this package registers one function for each payload class:

    @says(TruncateRequest)
    def _truncate(body: TruncateRequest, words: Words) -> str:
        return f"{body.keyspace}.{body.table}"
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast
from uuid import UUID

from harness.codec.verbs.common import Key, Token, TokenBound, TokenKind, TokenRange, TraceInfo
from harness.codec.verbs.mutation import CanonicalMutationFrame, Mutation
from harness.codec.verbs.outcome import (
    AbortRequested,
    CriticalDiskUtilization,
    ExceptionVariant,
    LargeData,
    NoFailure,
    RateLimited,
    StaleTopology,
    UnknownFailure,
)
from harness.codec.verbs.wire import Absent
from harness.events import typed_value
from harness.events.contents import changes_of
from harness.events.surroundings import Surroundings
from harness.events.typed_value import key_text, key_values
from harness.schema import Schema, Table

_B = TypeVar("_B")
_Sayer = Callable[[object, "Words"], str]
_SAYERS: dict[type, _Sayer] = {}

_KEY_CHARACTERS_MAX = 40
_ROWS_MAX = 3
_TEXT_BYTES_MIN = 3
"""Fewer bytes look like text too often."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_1582_TO_1970 = 0x01B21DD213814000
"""A time UUID counts 100 ns from 1582-10-15."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is at hand to word one message."""

    surroundings: Surroundings
    request: object | None = None
    """Of a reply: the payload that it answers, where that was seen and can be decoded."""
    table_id_of_version: Callable[[UUID], UUID | None] = lambda _version: None
    """Which table has a schema version, as far as messages have told."""

    @property
    def schema(self) -> Schema:
        """The tables known so far."""
        return self.surroundings.schema

    def node(self, address: str) -> str:
        """Name of the node with an address, else the address."""
        node = self.surroundings.topology.node_at(address)
        return address if node is None else node.name

    def host(self, host_id: UUID) -> str:
        """Name of the node with a host id, else the beginning of the id."""
        if not host_id.int:
            return "nobody"
        node = self.surroundings.topology.node_of_host(host_id)
        return short_id(host_id) if node is None else node.name

    def hosts(self, host_ids: Iterable[UUID]) -> str:
        """Names of several nodes."""
        return ", ".join(self.host(host_id) for host_id in host_ids)

    def table(self, table_id: UUID) -> str:
        """``keyspace.table``, or the id where the table is unknown."""
        table = self.schema.table_of(table_id)
        return str(table_id) if table is None else table.full_name

    def change(self, mutation: Mutation | CanonicalMutationFrame) -> str:
        """What a mutation changes: ``ks.table(key) [row] column=value``."""
        return changes_of(mutation, self.schema).text

    def changed_tables(self, mutations: Iterable[Mutation | CanonicalMutationFrame]) -> str:
        """Which rows of which tables several mutations change, without what they change there.

        Of a clustering key only the first column is told: in tables of the schema it is the table's name.
        """
        changed: dict[str, dict[str, None]] = {}
        for mutation in mutations:
            change = changes_of(mutation, self.schema)
            name = f"{change.table_name}({key_text(change.key, _KEY_CHARACTERS_MAX)})"
            rows = changed.setdefault(name, {})
            for row in change.rows:
                if row.key:
                    rows[row.key[0].shortened(_KEY_CHARACTERS_MAX)] = None
        return listed(
            [f"{name} [{listed(list(rows), _ROWS_MAX)}]" if rows else name for name, rows in changed.items()]
        )

    def key(self, table_id: UUID, key: Key) -> str:
        """A partition key as CQL writes it."""
        table = self.schema.table_of(table_id)
        columns = () if table is None else table.partition_key
        return key_text(key_values(self.schema, table, columns, key.components), _KEY_CHARACTERS_MAX)

    def table_of_version(self, version: UUID) -> Table | None:
        """The table that has, or had, a schema version."""
        schema = self.schema
        table_id = self.table_id_of_version(version)
        if table_id is not None:
            return schema.table_of(table_id, version)
        return next(
            (table for table in (*schema.tables, *schema.old_tables) if table.version == version), None
        )

    def key_of_version(self, version: UUID, key: Key) -> str:
        """Table and partition key where only the table's schema version is told."""
        table_id = self.table_id_of_version(version)
        table = self.table_of_version(version)
        if table is None:
            return f"{'' if table_id is None else table_id}({self.raw_key(key)})"
        values = key_values(self.schema, table, table.partition_key, key.components)
        return f"{table.full_name}({key_text(values, _KEY_CHARACTERS_MAX)})"

    def raw_key(self, key: Key) -> str:
        """A key of a table that is not told: bytes, or text where they look like it."""
        return ", ".join(_guessed(component) for component in key.components)


def says(cls: type[_B]) -> Callable[[Callable[[_B, Words], str]], Callable[[_B, Words], str]]:
    """Register the function that words payloads of a class."""

    def register(sayer: Callable[[_B, Words], str]) -> Callable[[_B, Words], str]:
        _SAYERS[cls] = cast("_Sayer", sayer)
        return sayer

    return register


def sayer_of(cls: type) -> _Sayer | None:
    """The function that words payloads of a class, where there is one."""
    return _SAYERS.get(cls)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 row``, ``2 rows``; ``no rows`` for none."""
    if count == 1:
        return f"1 {noun}"
    return f"{count or 'no'} {plural or noun + 's'}"


def listed(items: Sequence[str], items_max: int = 8) -> str:
    """Items with commas between; what is beyond the maximum is counted."""
    if len(items) <= items_max:
        return ", ".join(items)
    return f"{', '.join(items[: items_max - 1])} and {len(items) - items_max + 1} more"


def sentence(*parts: str) -> str:
    """The parts that say something, with commas between."""
    return ", ".join(part for part in parts if part)


def short_id(value: UUID) -> str:
    """The first eight digits of a UUID."""
    return str(value)[:8]


def _guessed(component: bytes) -> str:
    if len(component) >= _TEXT_BYTES_MIN and component.isascii():
        text = component.decode("ascii")
        if text.isprintable():
            return shortened(f"'{text}'")
    return shortened(f"0x{component.hex()}")


def shortened(literal: str) -> str:
    """A literal that is too long for a line, cut."""
    return typed_value.shortened(literal, typed_value.CHARACTERS_MAX)


def byte_count(count: int) -> str:
    """``512 B``, ``1.5 KiB``, ``3.2 MiB``."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{count} B"


def printable(text: str) -> str:
    """Text on one line: control characters and halves of characters are shown as escapes."""
    return _CONTROL.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or (
        f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
    )


def clock_time(us_since_1970: int) -> str:
    """Time of day in UTC, to the microsecond."""
    try:
        return f"{_EPOCH + timedelta(microseconds=us_since_1970):%H:%M:%S.%f}"
    except OverflowError:
        return f"{us_since_1970} us"


def time_of_uuid(value: UUID) -> str:
    """Time of day of a time UUID, as which ballots and states of group 0 are counted."""
    return clock_time((value.time - _TICKS_1582_TO_1970) // 10)


def ballot(value: UUID) -> str:
    """A ballot: its time, and enough of its random half to tell it from another of that moment."""
    return f"ballot {time_of_uuid(value)}/{value.hex[16:20]}"


def number_name(value: int) -> str:
    """The name of a named number, in lower case; the number where it has no name."""
    name = getattr(value, "name", None)
    return str(value) if name is None else str(name).lower().replace("_", " ")


def present(value: _B | Absent) -> _B | None:
    """The value, or None where the sender did not write it."""
    return None if isinstance(value, Absent) else value


def traced(trace: TraceInfo | Absent | None) -> str:
    """``traced`` where a statement is being traced."""
    return "traced" if isinstance(trace, TraceInfo) else ""


def failure_text(exception: ExceptionVariant) -> str:
    """How an operation failed at a replica; empty if it did not."""
    reason = exception.reason
    match reason:
        case NoFailure():
            return ""
        case RateLimited():
            return "the partition's rate limit is exceeded"
        case StaleTopology():
            return f"topology version {reason.caller_version} is older than {reason.fence_version}"
        case AbortRequested():
            return "the node is shutting down"
        case CriticalDiskUtilization():
            return f"the disk is too full for {printable(reason.action)}"
        case LargeData():
            return f"too large: {printable(reason.message)}"
        case UnknownFailure():
            return "failed for a reason without a name"


def token_text(token: Token) -> str:
    """A token as a number; the ends of the ring as infinities."""
    if token.kind == TokenKind.BEFORE_ALL_KEYS:
        return "-inf"
    if token.kind == TokenKind.AFTER_ALL_KEYS:
        return "+inf"
    return str(token.value)


def token_range_text(value: TokenRange) -> str:
    """A range of tokens, with brackets that tell whether its ends belong to it."""
    if value.singular and value.start is not None:
        return f"[{token_text(value.start.value)}]"
    return f"{_start_text(value.start)}, {_end_text(value.end)}"


def _start_text(bound: TokenBound | None) -> str:
    return "(-inf" if bound is None else f"{'[' if bound.inclusive else '('}{token_text(bound.value)}"


def _end_text(bound: TokenBound | None) -> str:
    return "+inf)" if bound is None else f"{token_text(bound.value)}{']' if bound.inclusive else ')'}"
