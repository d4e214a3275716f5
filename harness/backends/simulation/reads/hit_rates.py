"""How much of what is read of each table comes from memory, as replies and gossip tell it.

A node has everything in memory: a table that has been read has been found there. As in Scylla, what is told changes
every two seconds alone, and of a table that nobody has read yet it is nothing.

Source:
    Scylla (branch 4.2), service/misc_services.cc (cache_hitrate_calculator), query-result.hh (cache_temperature);
    values: captures base/whole_base.
"""

from collections.abc import Iterator
from uuid import UUID

from harness.backends.simulation.node_context import NodeContext

ALL = 255
"""How a reply says that everything came from memory."""


class HitRates:
    """Counts reads of tables.

    Args:
        context: of the node.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._read: set[UUID] = set()
        self._told: frozenset[UUID] = frozenset()

    def note(self, table_id: UUID) -> None:
        """A table is read."""
        self._read.add(table_id)

    def of(self, table_id: UUID) -> int:
        """What a reply says of a table, up to 255."""
        return ALL if table_id in self._told else 0

    def calculate(self) -> Iterator[tuple[str, float]]:
        """Tell from now on what was read until now; gives tables with their rates, up to 1."""
        self._told = frozenset(self._read)
        for table in self._context.catalog.schema.tables:
            if table.id in self._told:
                yield table.full_name, 1.0
