"""What rules of the grammar hand on to others, and how these take it from among their children."""

from collections.abc import Iterable
from typing import TypeVar

from lark import Token

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.request_error import syntax_error

_T = TypeVar("_T")


class Reserved(str):
    """A word without quotes that can name no column or table."""

    __slots__ = ()


class Selectors(tuple[s.Aliased, ...]):
    """What is selected; none: all columns."""

    __slots__ = ()


class Orderings(tuple[s.Ordering, ...]):
    """Columns, each with its direction."""

    __slots__ = ()


class IfExists:
    """IF EXISTS, of a statement that drops something."""


class IfNotExists:
    """IF NOT EXISTS."""


def named(name: str) -> str:
    """Take a word as the name of something.

    Raises:
        RequestError: SYNTAX_ERROR: it is a reserved one.
    """
    if isinstance(name, Reserved):
        raise syntax_error(
            f"no viable alternative at input '{name}': a reserved word names nothing without quotes"
        )
    return str(name)


def all_named(names: Iterable[object]) -> tuple[str, ...]:
    """Take all words among children as names.

    Raises:
        RequestError: SYNTAX_ERROR: one is a reserved one.
    """
    return tuple(named(name) for name in names if isinstance(name, str))


def of_kind(kind: type[_T], children: Iterable[object]) -> tuple[_T, ...]:
    """Those of a class."""
    return tuple(child for child in children if isinstance(child, kind))


def first_of(kind: type[_T], children: Iterable[object]) -> _T | None:
    """The first of a class; None if there is none."""
    return next(iter(of_kind(kind, children)), None)


def has_token(kind: str, children: Iterable[object]) -> bool:
    """Whether a terminal of the grammar is among them."""
    return any(isinstance(child, Token) and child.type == kind for child in children)


def those_present(values: tuple[_T | None, ...]) -> tuple[_T, ...]:
    """Leave out what stands for a part that is not there."""
    return tuple(value for value in values if value is not None)
