"""Statements for sessions: CQL with how it is to be sent, and statements through several coordinators at once."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from cassandra import ConsistencyLevel, DriverException
from cassandra.query import SimpleStatement

from harness.backends.contract import Rows, Session


def cql(
    text: str,
    consistency: str | None = None,
    *,
    serial_consistency: str | None = None,
    page_size_rows: int | None = None,
) -> Any:  # noqa: ANN401  (cassandra.query.SimpleStatement has no types)
    """A statement with its consistency level, for ``Session.execute``.

    Args:
        text: the statement.
        consistency: such as ``QUORUM``; None: the session's.
        serial_consistency: ``SERIAL`` or ``LOCAL_SERIAL``, of lightweight transactions.
        page_size_rows: how many rows come at once; None: the session's.

    Raises:
        ValueError: there is no such consistency level.
    """
    options: dict[str, object] = {}
    if page_size_rows is not None:
        options["fetch_size"] = page_size_rows
    return SimpleStatement(
        text,
        consistency_level=_level(consistency),
        serial_consistency_level=_level(serial_consistency),
        **options,
    )


class Raced(NamedTuple):
    """What a race gave."""

    rows: tuple[Rows, ...]
    """Of the statements that were answered with a RESULT."""
    errors: tuple[DriverException, ...]
    """Of the others: the losers of a race may run out of time."""


def race(sessions: Sequence[Session], statements: Iterable[Any]) -> Raced:
    """Send all statements through all sessions at the same time; return when all have answered."""
    rows: list[Rows] = []
    errors: list[DriverException] = []
    answers = [session.execute_async(statement) for statement in statements for session in sessions]
    for answer in answers:
        try:
            rows.append(answer.result())
        except DriverException as error:
            errors.append(error)
    return Raced(tuple(rows), tuple(errors))


def _level(name: str | None) -> int | None:
    if name is None:
        return None
    level = ConsistencyLevel.name_to_value.get(name)
    if level is None:
        names = ", ".join(sorted(ConsistencyLevel.name_to_value))
        raise ValueError(f"no consistency level is called {name!r}; there are: {names}")
    return int(level)
