"""One field of filters: its name, and how its values are found in a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.events.filter_values import ValueKind
from harness.events.message import Message
from harness.events.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterField:
    """What a filter may ask of a message."""

    name: str
    kind: ValueKind
    meaning: str
    """In a few words, for those who look for a field."""
    values: Callable[[Message, Surroundings], Sequence[object]]
    """All its values in a message; none: the message does not have the field."""
    value: Callable[[Message], object | None] | None = None
    """Where there is at most one, and it depends on the message alone: that one, or None."""


def single(
    name: str, kind: ValueKind, meaning: str, value: Callable[[Message], object | None]
) -> FilterField:
    """Make a field that has at most one value in a message."""

    def values(message: Message, _surroundings: Surroundings) -> Sequence[object]:
        found = value(message)
        return () if found is None else (found,)

    return FilterField(name=name, kind=kind, meaning=meaning, values=values, value=value)


def multiple(
    name: str, kind: ValueKind, meaning: str, values: Callable[[Message], Sequence[object]]
) -> FilterField:
    """Make a field that may have several values in a message."""
    return FilterField(
        name=name, kind=kind, meaning=meaning, values=lambda message, _surroundings: values(message)
    )
