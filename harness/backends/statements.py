"""Statements for sessions: CQL with how it is to be sent, and the same statement through several coordinators at once."""

from collections.abc import Iterable, Sequence
from typing import Any

from cassandra import ConsistencyLevel
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


def race(sessions: Sequence[Session], statements: Iterable[Any]) -> list[Rows]:
    """Send each statement through all sessions at the same time; the next one when all have answered.

    Returns:
        The answers: of the first statement by each session, then of the second, and so on.

    Raises:
        cassandra.DriverException: a statement failed.
    """
    rows: list[Rows] = []
    for statement in statements:
        answers = [session.execute_async(statement) for session in sessions]
        rows += [answer.result() for answer in answers]
    return rows


def _level(name: str | None) -> int | None:
    if name is None:
        return None
    level = ConsistencyLevel.name_to_value.get(name)
    if level is None:
        names = ", ".join(sorted(ConsistencyLevel.name_to_value))
        raise ValueError(f"no consistency level is called {name!r}; there are: {names}")
    return int(level)
