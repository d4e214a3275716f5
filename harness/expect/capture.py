"""Values in claims: placeholders that become known by a match, and how a claim says what it wants."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

from harness.topology import Node

_CHARACTERS_MAX = 60


@dataclass(frozen=True, slots=True)
class Capture:
    """A value that nobody knows beforehand, but that is the same wherever the claim names it.

    It is unknown until a message matches, and has to be equal from then on; captures of one name are one
    capture, within one expectation. Values have to be of the same kind to be equal: an address is no name.
    """

    name: str
    per_node: bool = False
    """Within ``each`` and ``quorum``: one value for each node, instead of one for all."""

    def __str__(self) -> str:
        return f"‹{self.name}›"

    def at(self, node: str) -> "Capture":
        """The capture of one node."""
        return Capture(f"{self.name} of {node}") if self.per_node else self


def is_wanted(value: object, wanted: object) -> bool:
    """Whether one value of a message is as a claim wants it.

    A function decides itself; a regular expression is searched in text; a ``Node`` stands for its name, its
    address and its host id; names of enumerations stand for their values, and text for ids and addresses.
    """
    if isinstance(wanted, re.Pattern):
        return isinstance(value, str) and wanted.search(value) is not None
    if isinstance(wanted, Node):
        return value == wanted.host_id or str(value) in {wanted.name, wanted.address}
    if callable(wanted) and not isinstance(wanted, type):
        return bool(wanted(value))
    if value == wanted:
        return True
    if isinstance(wanted, str):
        if isinstance(value, Enum):
            return value.name == wanted
        return isinstance(value, UUID | IPv4Address | IPv6Address) and str(value) == wanted
    return isinstance(wanted, list) and isinstance(value, tuple) and value == tuple(wanted)


def value_text(value: object) -> str:
    """A wanted or seen value in a few words."""
    match value:
        case Capture():
            return str(value)
        case re.Pattern():
            return f"/{value.pattern}/"
        case Node():
            return value.name
        case Enum():
            return value.name
        case bytes():
            text = f"0x{value.hex()}" if value else "no bytes"
        case str():
            text = f"'{value}'"
        case UUID():
            return str(value)
        case tuple() | list() if not hasattr(value, "_fields"):
            text = f"({', '.join(value_text(item) for item in value)})"
        case _ if callable(value) and not isinstance(value, type):
            return name_of(value)
        case _:
            text = str(value)
    return text if len(text) <= _CHARACTERS_MAX else text[: _CHARACTERS_MAX - 1] + "…"


def name_of(function: Callable[..., object]) -> str:
    """What a function of a claim is called."""
    name = getattr(function, "__name__", "")
    return "as a function says" if name in {"", "<lambda>"} else name.replace("_", " ").strip()
