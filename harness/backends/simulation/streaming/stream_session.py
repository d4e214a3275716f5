"""One plan between two nodes: which tables are to come, and which are to go."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from harness.backends.simulation.streaming.token_ranges import TokenInterval
from harness.backends.simulation.table_layout import TableLayout
from harness.errors import HarnessError


@dataclass(frozen=True, slots=True)
class TableRanges:
    """Ranges of one table."""

    layout: TableLayout
    intervals: tuple[TokenInterval, ...]


@dataclass(slots=True)
class StreamSession:
    """One plan, at one of its nodes."""

    plan_id: UUID
    peer: str
    reason: int
    to_send: list[TableRanges] = field(default_factory=list)
    _to_come: set[UUID] = field(default_factory=set)
    _end: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self._end.done()

    def expect(self, tables: Iterable[UUID]) -> None:
        """Know which tables come."""
        self._to_come.update(tables)
        self._look()

    def has_come(self, table_id: UUID) -> None:
        """A table has come whole."""
        self._to_come.discard(table_id)
        self._look()

    def fail(self, why: HarnessError) -> None:
        """Give up."""
        if not self._end.done():
            self._end.set_exception(why)
            # Nobody has to ask for it.
            self._end.exception()

    async def over(self) -> None:
        """Return when all tables have come.

        Raises:
            HarnessError: the plan has failed.
        """
        await asyncio.shield(self._end)

    def _look(self) -> None:
        if not self._to_come and not self._end.done():
            self._end.set_result(None)
