"""Repair of a keyspace: all ranges that a node stores, all tables, a few ranges at a time.

Source:
    Scylla (branch 4.2), repair/repair.cc (do_repair_start, repair_range, get_neighbors, check_failed_ranges).
"""

import asyncio
from collections.abc import Iterator, Sequence

from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.repair.range_repair import ROW_BUFFER_BYTES, RangeRepair
from harness.backends.simulation.repair.repair_follower import RepairError
from harness.backends.simulation.streaming.stream_sessions import LocalWriter
from harness.backends.simulation.streaming.token_ranges import TokenInterval, intervals_of
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.wire import Void
from harness.errors import HarnessError

_RANGES_AT_A_TIME = 3
"""As many as have a row buffer in a tenth of the memory of a small node."""


class Repair:
    """Repairs what this node stores, as its master.

    Args:
        context: of the node.
        writer: applies rows that come.
        row_buffer_bytes: how much each node reads for one round.
    """

    def __init__(
        self, context: NodeContext, writer: LocalWriter, *, row_buffer_bytes: int = ROW_BUFFER_BYTES
    ) -> None:
        self._context = context
        self._writer = writer
        self._row_buffer_bytes = row_buffer_bytes
        self._next_id = 0

    async def repair(self, keyspace: str, tables: Sequence[str] = ()) -> None:
        """Repair a keyspace.

        Args:
            keyspace: its name.
            tables: names; none: all.

        Raises:
            RepairError: there is no such keyspace, or not all ranges could be repaired with all their replicas.
        """
        layouts = self._layouts(keyspace, tables)
        ranges = list(self._ranges(keyspace))
        some_at_a_time = asyncio.Semaphore(_RANGES_AT_A_TIME)
        failures: list[str] = []

        async def repair_range(interval: TokenInterval, followers: Sequence[str]) -> None:
            async with some_at_a_time:
                live = [address for address in followers if self._context.members.is_alive(address)]
                failures.extend(f"{address} is down" for address in followers if address not in live)
                if not live:
                    return
                for layout in layouts:
                    try:
                        await self._repair_table(layout, interval, live)
                    except HarnessError as error:
                        failures.append(f"{layout.table.full_name}: {error}")

        await asyncio.gather(*(repair_range(interval, followers) for interval, followers in ranges))
        if failures:
            why = ", ".join(sorted(set(failures)))
            raise RepairError(f"repair of {keyspace} failed for some of {len(ranges)} ranges: {why}")

    async def _repair_table(
        self, layout: TableLayout, interval: TokenInterval, followers: Sequence[str]
    ) -> None:
        await asyncio.gather(
            *(
                self._context.messaging.call(address, Verb.SCHEMA_CHECK, Void(), tenant=Tenant.USER)
                for address in followers
            )
        )
        repair_meta_id, self._next_id = self._next_id, self._next_id + 1
        repair = RangeRepair(
            self._context,
            self._writer,
            layout,
            interval,
            followers,
            repair_meta_id=repair_meta_id,
            row_buffer_bytes=self._row_buffer_bytes,
        )
        await repair.run()

    def _layouts(self, keyspace: str, tables: Sequence[str]) -> list[TableLayout]:
        catalog = self._context.catalog
        if catalog.keyspace(keyspace) is None:
            raise RepairError(f"there is no keyspace {keyspace}")
        return [
            catalog.layout(table)
            for table in catalog.schema.tables
            if table.keyspace == keyspace
            and (not tables or table.name in tables)
            and table.version is not None
        ]

    def _ranges(self, keyspace: str) -> Iterator[tuple[TokenInterval, list[str]]]:
        """Give the ranges that this node stores, each with its other replicas, in the order of the ring."""
        found = self._context.catalog.keyspace(keyspace)
        assert found is not None
        members, own = self._context.members, self._context.address
        for interval in intervals_of(members.topology):
            replicas = [node.address for node in members.replicas(found.replication, interval.sample)]
            if own in replicas and len(replicas) > 1:
                yield interval, [address for address in replicas if address != own]
