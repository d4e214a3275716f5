"""Single claims of a pattern as tests of a message, each with what it wants and how to show what was seen."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.codec.cql.errors import Error, error_name
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Rows, Void
from harness.errors import DecodeError
from harness.events.body_values import values_at
from harness.events.message import Message
from harness.expect.capture import Capture, is_wanted, value_text
from harness.expect.pattern import FieldClaim
from harness.expect.ways import MATCHES, NO_MATCH, WAYS_MAX, Matches, kept

Values = Callable[[Message], Sequence[object] | None]
"""All values that a message has; None: it cannot be decoded so far."""


class FieldTest(NamedTuple):
    """One claim of a pattern."""

    field: str
    claimed: str
    matches: Callable[[Message], Matches | None]
    """None: the message cannot be decoded so far."""
    seen: Callable[[Message], str]


def value_test(field: str, wanted: object, values: Values) -> FieldTest:
    """One of the values of a message is as wanted."""
    if isinstance(wanted, Capture):
        return FieldTest(field, str(wanted), capturing(wanted, values), shown(values))

    def matches(message: Message) -> Matches | None:
        found = values(message)
        if found is None:
            return None
        return MATCHES if any(is_wanted(value, wanted) for value in found) else NO_MATCH

    return FieldTest(field, value_text(wanted), matches, shown(values))


def any_of(values: Values, wanted: set[str]) -> Callable[[Message], Matches | None]:
    """One of the values of a message is one of the texts."""

    def matches(message: Message) -> Matches | None:
        found = values(message)
        if found is None:
            return None
        return MATCHES if any(value in wanted for value in found) else NO_MATCH

    return matches


def capturing(capture: Capture, values: Values) -> Callable[[Message], Matches | None]:
    """A capture gets any of the values of a message."""
    name = capture.name

    def matches(message: Message) -> Matches | None:
        found = values(message)
        if found is None:
            return None
        return tuple(((name, value),) for value in dict.fromkeys(map(kept, found[:WAYS_MAX])))

    return matches


def field_test(claim: FieldClaim) -> FieldTest:
    """The payload has what is wanted in a field: one of its values, all of them, or nothing."""
    path = tuple(claim.path.split("."))

    def values(message: Message) -> Sequence[object] | None:
        body = message.body
        return None if body is None else tuple(values_at(body, path))

    wanted = claim.wanted
    if wanted is None:

        def is_empty(message: Message) -> Matches | None:
            found = values(message)
            return found if found is None else NO_MATCH if found else MATCHES

        return FieldTest(claim.path, "nothing", is_empty, shown(values))
    if isinstance(wanted, tuple | list):

        def is_all(message: Message) -> Matches | None:
            found = values(message)
            if found is None:
                return None
            fits = len(found) == len(wanted) and all(map(is_wanted, found, wanted))
            return MATCHES if fits else NO_MATCH

        return FieldTest(claim.path, value_text(wanted), is_all, shown(values))
    return value_test(claim.path, wanted, values)


def rows_test(wanted: object) -> FieldTest:
    """A RESULT has so many rows, or just these."""
    if not isinstance(wanted, tuple):
        return value_test("rows", wanted, _row_counts)

    def matches(message: Message) -> Matches | None:
        rows = _rows(message)
        if rows is None:
            return None
        fits = len(rows) == len(wanted) and all(map(_is_row, rows, wanted))
        return MATCHES if fits else NO_MATCH

    def seen(message: Message) -> str:
        return value_text(tuple(tuple(row.values()) for row in _rows(message) or ()))

    return FieldTest("rows", value_text(wanted), matches, seen)


def _is_row(row: dict[str, object], wanted: object) -> bool:
    if isinstance(wanted, dict):
        return all(name in row and is_wanted(row[name], value) for name, value in wanted.items())
    values = tuple(row.values())
    return (
        isinstance(wanted, tuple | list)
        and len(wanted) == len(values)
        and all(map(is_wanted, values, wanted))
    )


def _content(message: Message) -> object | None:
    body = message.body
    return body.content if isinstance(body, CqlMessage) else None


def _rows(message: Message) -> list[dict[str, object]] | None:
    content = _content(message)
    if isinstance(content, Rows):
        try:
            return [
                dict(zip([column.name for column in content.columns], row, strict=True))
                for row in content.values()
            ]
        except DecodeError:
            return None
    return None if content is None else []


def _row_counts(message: Message) -> Sequence[object] | None:
    content = _content(message)
    if isinstance(content, Rows):
        return (len(content.rows),)
    return None if content is None else (0,) if isinstance(content, Void) else ()


def applied(message: Message) -> Sequence[object] | None:
    """What the column ``[applied]`` of a lightweight transaction says."""
    rows = _rows(message)
    return None if rows is None else tuple(row["[applied]"] for row in rows[:1] if "[applied]" in row)


def error(message: Message) -> Sequence[object] | None:
    """Name of the code of an ERROR."""
    content = _content(message)
    if content is None:
        return None
    return (error_name(content.code),) if isinstance(content, Error) else ()


def timeouts(message: Message) -> Sequence[object]:
    """The timeout in the header, if there is one."""
    return () if message.timeout_ms is None else (message.timeout_ms,)


def shown(values: Values) -> Callable[[Message], str]:
    """What puts the values of a message into words."""

    def seen(message: Message) -> str:
        found = values(message)
        return " and ".join(value_text(value) for value in found or ()) or "nothing"

    return seen
