"""The kinds of values that fields of filters have: how each is written, and how it compares."""

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from uuid import UUID

from harness.events.filter_grammar import Literal
from harness.events.surroundings import Surroundings

_LISTED_MAX = 20
"""So many names are listed to those who wrote another."""


class Wanted(Protocol):
    """What a field is held against."""

    def order(self, value: object, /) -> int | None:
        """Give -1, 0 or 1 as the value is less, equal or greater; None if the two do not compare."""


class ValueKind(Protocol):
    """How the values of a field are written in a filter."""

    @property
    def example(self) -> str:
        """Such a value, for those who wrote something else."""

    @property
    def has_parts(self) -> bool:
        """Whether a value can contain something, and match a pattern: whether it is text or bytes."""

    def wanted(self, literal: Literal, surroundings: Surroundings, /) -> Wanted:
        """Read a value; raises ValueError with what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """One value, or several that the same name stands for."""

    values: tuple[object, ...]

    def order(self, value: object) -> int | None:
        """Equal to any of them; else by the first."""
        if value in self.values:
            return 0
        return compare(value, self.values[0])


def compare(value: object, other: object) -> int | None:
    """Order two values of a kind; None for values of different kinds."""
    if isinstance(value, int | float) and isinstance(other, int | float):
        return (value > other) - (value < other)
    if isinstance(value, str) and isinstance(other, str):
        return (value > other) - (value < other)
    if isinstance(value, bytes) and isinstance(other, bytes):
        return (value > other) - (value < other)
    return 0 if value == other else None


class Numbers:
    """Whole numbers: decimal, 0x hexadecimal, 0b binary, or octal with a leading 0."""

    example = "a number such as 12 or 0x0c"
    has_parts = False

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Read a number."""
        return Exactly((_number(literal.text),))


class Names:
    """Numbers that have names; either may be written."""

    has_parts = False

    def __init__(self, what: str, numbers: Mapping[str, tuple[int, ...]], example: str) -> None:
        self.example = f"{what} such as {example}, or its number"
        self._what = what
        self._numbers = numbers

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Find the numbers of a name, or read a number."""
        numbers = self._numbers.get(literal.text)
        if numbers is not None:
            return Exactly(numbers)
        try:
            return Exactly((_number(literal.text),))
        except ValueError:
            guess = did_you_mean(literal.text, self._numbers)
            if not guess and len(self._numbers) <= _LISTED_MAX:
                guess = f"; there are {', '.join(self._numbers)}"
            raise ValueError(f"{self._what} {literal.text!r} does not exist{guess}") from None


class Words:
    """Values from a closed set of words."""

    has_parts = True

    def __init__(self, what: str, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self.example = f"{what}: {', '.join(self._words)}"
        self._what = what

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Find the word."""
        if literal.text not in self._words:
            guess = did_you_mean(literal.text, self._words) or f"; there are {', '.join(self._words)}"
            raise ValueError(f"{self._what} {literal.text!r} does not exist{guess}")
        return Exactly((literal.text,))


class Seconds:
    """Times in seconds."""

    example = "seconds such as 0.25"
    has_parts = False

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Read a decimal fraction."""
        try:
            return Exactly((float(literal.text),))
        except ValueError:
            raise ValueError(f"{literal.text!r} is no time in seconds") from None


class Texts:
    """Text; quotation marks are needed where it holds blanks or operators."""

    example = 'text such as "INSERT INTO"'
    has_parts = True

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Take it as it is."""
        return Exactly((literal.text,))


class Bytes:
    """Bytes in hexadecimal with ``:``, ``-`` or ``.`` between, or text in quotation marks."""

    example = 'bytes such as 68:65:68, or text such as "heh"'
    has_parts = True

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Read bytes."""
        return Exactly((_bytes(literal),))


class TableIds:
    """Ids of tables: bytes as on the wire (so Wireshark shows them), a UUID, or a table's name."""

    example = "16 bytes as on the wire, a UUID, or a table such as ks.table"
    has_parts = True

    def wanted(self, literal: Literal, surroundings: Surroundings) -> Wanted:
        """Read an id; a name is looked up when a message comes, for schemas are learnt on the way."""
        found = _id_bytes(literal)
        if found is not None:
            return Exactly((found,))
        keyspace, dot, name = literal.text.partition(".")
        if dot and keyspace and name and "." not in name:
            return _TableNamed(keyspace, name, surroundings)
        return Exactly((_bytes(literal),))


class Ids:
    """UUIDs: bytes as on the wire (so Wireshark shows them), or the usual text."""

    example = "16 bytes as on the wire, or a UUID"
    has_parts = True

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Read an id."""
        found = _id_bytes(literal)
        return Exactly((_bytes(literal) if found is None else found,))


class Addresses:
    """IP addresses, or networks such as 10.0.0.0/8."""

    example = "an address such as 10.0.0.1, or a network such as 10.0.0.0/8"
    has_parts = False

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Read an address or a network."""
        try:
            return _Network(ipaddress.ip_network(literal.text, strict=False))
        except ValueError:
            raise ValueError(f"{literal.text!r} is no IP address and no network") from None


class AnyValues:
    """Values whose kind is known only when a message is there."""

    example = "a number, text, bytes, true or false, or a UUID"
    has_parts = True

    def wanted(self, literal: Literal, _surroundings: Surroundings) -> Wanted:
        """Read it in all ways that it can be read."""
        return _Loosely(literal)


NUMBERS = Numbers()
SECONDS = Seconds()
TEXTS = Texts()
BYTES = Bytes()
TABLE_IDS = TableIds()
IDS = Ids()
ADDRESSES = Addresses()
ANY_VALUES = AnyValues()


def needle_of(kind: ValueKind, literal: Literal) -> Callable[[object], bool]:
    """What tells whether a value contains the literal.

    Raises:
        ValueError: the literal is not of the kind.
    """
    text = literal.text
    raw: bytes | None
    try:
        raw = _id_bytes(literal) or _bytes(literal)
    except ValueError:
        if isinstance(kind, Bytes | TableIds | Ids):
            raise
        raw = None

    def is_contained(value: object) -> bool:
        if isinstance(value, str):
            return text in value
        return isinstance(value, bytes) and raw is not None and raw in value

    return is_contained


def pattern_of(literal: Literal) -> Callable[[object], bool]:
    """What tells whether a value matches a regular expression, which minds no case, as Wireshark's.

    Raises:
        ValueError: it is no regular expression.
    """
    try:
        in_text = re.compile(literal.text, re.IGNORECASE)
        in_bytes = re.compile(literal.text.encode(), re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{literal.text!r} is no regular expression: {error}") from None

    def is_matched(value: object) -> bool:
        if isinstance(value, str):
            return in_text.search(value) is not None
        return isinstance(value, bytes) and in_bytes.search(value) is not None

    return is_matched


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """``; did you mean X?``, where something near exists; else nothing."""
    known = list(words)
    by_folded = {name.casefold(): name for name in known}
    found = by_folded.get(word.casefold())
    near = [found] if found else [name for name in known if name.casefold().endswith("." + word.casefold())]
    near += [
        by_folded[folded]
        for folded in difflib.get_close_matches(word.casefold(), by_folded, n=3, cutoff=0.7)
        if by_folded[folded] not in near
    ]
    return f"; did you mean {' or '.join(near[:2])}?" if near else ""


@dataclass(frozen=True, slots=True)
class _TableNamed:
    keyspace: str
    name: str
    surroundings: Surroundings

    def order(self, value: object) -> int | None:
        table = self.surroundings.schema.table(self.keyspace, self.name)
        if table is None or table.id is None:
            return None
        return 0 if value == wire_bytes_of_uuid(table.id) else None


@dataclass(frozen=True, slots=True)
class _Network:
    network: ipaddress.IPv4Network | ipaddress.IPv6Network

    def order(self, value: object) -> int | None:
        address = ipaddress.ip_address(str(value))
        if address.version != self.network.version:
            return None
        if address in self.network:
            return 0
        return -1 if int(address) < int(self.network.network_address) else 1


class _Loosely:
    def __init__(self, literal: Literal) -> None:
        self._text = literal.text
        self._number: int | None = None
        self._raw: bytes | None = None
        with suppress(ValueError):
            self._number = _number(literal.text)
        with suppress(ValueError):
            self._raw = _id_bytes(literal) or _bytes(literal)

    def order(self, value: object) -> int | None:
        text = self._text
        if isinstance(value, bool):
            wanted = {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
            return None if wanted is None else compare(value, wanted)
        if isinstance(value, Enum) and text in {value.name, value.name.lower()}:
            return 0
        if isinstance(value, int):
            return None if self._number is None else compare(int(value), self._number)
        if isinstance(value, UUID):
            return 0 if self._raw == wire_bytes_of_uuid(value) else None
        if isinstance(value, bytes):
            return None if self._raw is None else compare(value, self._raw)
        return compare(str(value), text)


def wire_bytes_of_uuid(value: UUID) -> bytes:
    """A UUID as it stands on the wire, and as Wireshark shows it: each half reversed."""
    raw = value.bytes
    return raw[7::-1] + raw[:7:-1]


_SEPARATED = re.compile(r"[0-9a-fA-F]{1,2}(?:([:.-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2})*")
_PLAIN = re.compile(r"(?:0[xX])?((?:[0-9a-fA-F]{2})+)")
_UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _number(text: str) -> int:
    digits = text.replace("_", "x")
    if re.fullmatch(r"-?0[0-7]+", digits):
        return int(digits, 8)
    try:
        return int(digits, 0)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def _bytes(literal: Literal) -> bytes:
    text = literal.text
    if literal.is_quoted:
        return text.encode()
    if _SEPARATED.fullmatch(text):
        return bytes(int(part, 16) for part in re.split(r"[:.-]", text))
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        raise ValueError(f"{text!r} is no bytes; write them as 68:65:68, or text in quotation marks")
    return bytes.fromhex(plain[1])


def _id_bytes(literal: Literal) -> bytes | None:
    """Bytes on the wire of a UUID written as such."""
    return wire_bytes_of_uuid(UUID(literal.text)) if _UUID_TEXT.fullmatch(literal.text) else None
