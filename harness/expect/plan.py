"""An expectation taken apart: single messages, what orders them, what is counted, and what may be chosen.

Order is kept by *barriers*, points in time between steps: a message is after its start barrier and before its end
barrier, so that n steps in order take n barriers and not an edge for every two messages.
"""

from dataclasses import dataclass

from harness.expect.expectation import (
    Countable,
)
from harness.expect.pattern import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message that has to come."""

    number: int
    pattern: Pattern
    answers: int | None
    """Number of the step that it answers."""
    start: int
    """The barrier that it comes after."""
    end: int | None
    """The barrier that it comes before; None: nothing waits for it."""
    group: int
    is_after_reply: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """So many messages that have to come, looked at and not used up."""

    number: int
    count: int
    is_exact: bool
    """Whether there may be no more of them in the whole scope."""
    what: Countable
    start: int
    end: int | None
    group: int
    is_after_reply: bool


Variable = Step | Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """No more messages than that."""

    count: int
    what: Countable
    group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedence:
    """No ``then`` without a ``first`` before it."""

    first: Pattern
    then: Pattern
    is_required: bool
    group: int


Rule = Limit | Precedence


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Groups of which one alternative has to hold."""

    group: int
    """The choice is to be made where this group holds."""
    alternatives: tuple[tuple[int, ...], ...]
    absent: tuple[int, ...] = ()
    """Of the last alternative: steps of which there may be no message that is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Messages that are no further apart."""

    variables: tuple[int, ...]
    duration_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The expectation as it is shown: a line, what it stands for, and what is in it."""

    text: str
    children: tuple["Outline", ...] = ()
    variables: tuple[int, ...] = ()
    """Numbers of the step or block; of an exchange, of both its messages."""
    rule: int | None = None
    choice: int | None = None
    needed: int | None = None
    """Of a quorum: how many of the children have to hold."""
    window: int | None = None
    rest: tuple["Outline", ...] = ()
    """Of a quorum: the same for the nodes that nothing waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All parts of an expectation."""

    variables: tuple[Variable, ...]
    barrier_count: int
    edges: tuple[tuple[int, int], ...]
    """What comes before what: variables by number, barrier b as ``~b``."""
    rules: tuple[Rule, ...]
    choices: tuple[Choice, ...]
    windows: tuple[Window, ...]
    outline: Outline


def captures_of(variable: Variable) -> tuple[str, ...]:
    """Names of the captures in a step or block."""
    return _captures_in(variable.pattern if isinstance(variable, Step) else variable.what)


def captures_of_rule(rule: Rule) -> tuple[str, ...]:
    """Names of the captures in a rule."""
    if isinstance(rule, Precedence):
        return (*_captures_in(rule.first), *_captures_in(rule.then))
    return _captures_in(rule.what)


def _captures_in(what: Countable) -> tuple[str, ...]:
    patterns = (what,) if isinstance(what, Pattern) else (what.request, what.answer)
    return tuple(dict.fromkeys(capture.name for pattern in patterns for capture in pattern.captures))
