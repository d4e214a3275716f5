"""What a member says of itself again and again: how far its views are behind, its cache, its load.

Source:
    Scylla (branch 4.2), db/view/view_update_backlog.hh, db/view/node_view_update_backlog.hh,
    service/storage_proxy.cc (view_update_backlog_broker), service/load_broadcaster.hh,
    service/misc_services.cc (cache_hitrate_calculator); the rhythm as in captures of 4.2.4.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.gossip.stored_bytes import stored_bytes
from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.gossip import ApplicationState
from harness.replication import LOCAL_STRATEGY

NO_BACKLOG_MAX = 2**64 - 1
"""The limit of a node whose views have never been behind."""
_BACKLOG_S, _HIT_RATES_S, _LOAD_S = 1.0, 2.0, 60.0
_LOCAL_KEYSPACES = frozenset({"system", "system_schema"})

Backlog = Callable[[], tuple[int, int]]
"""Gives how many bytes of view updates wait, and how many may."""
HitRates = Callable[[], Iterable[tuple[str, float]]]
"""Gives tables, as ``keyspace.table``, and how much of what is read of them comes from memory, up to 1."""


class Broadcasts:
    """Says things in a rhythm.

    Args:
        context: the node.
        say: takes what is to be said.
        backlog: None: views are never behind.
        hit_rates: None: nothing is ever read.
        load_bytes: how much the node stores; None: the size of its partitions.
    """

    def __init__(
        self,
        context: NodeContext,
        say: Callable[[ApplicationState, str], None],
        *,
        backlog: Backlog | None = None,
        hit_rates: HitRates | None = None,
        load_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._context = context
        self._say = say
        self._backlog = backlog
        self._hit_rates = hit_rates
        self._load_bytes = load_bytes
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; once."""
        if self._tasks:
            return
        self._start(self._say_backlog(), "gossip of the view backlog")
        self._start(self._say_hit_rates(), "gossip of cache hit rates")
        self._start(self._say_load(), "gossip of the load")

    def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(self._context.world.start(work, name))

    async def _say_backlog(self) -> None:
        while True:
            current, limit = (0, NO_BACKLOG_MAX) if self._backlog is None else self._backlog()
            now_ms = self._context.world.now_us // 1000
            self._say(ApplicationState.VIEW_BACKLOG, f"{current}:{limit}:{now_ms}")
            await self._context.world.sleep(_BACKLOG_S)

    async def _say_hit_rates(self) -> None:
        while True:
            await self._context.world.sleep(_HIT_RATES_S)
            rates = dict.fromkeys(_shared_tables(self._context.catalog), 0.0)
            if self._hit_rates is not None:
                rates.update((table, rate) for table, rate in self._hit_rates() if table in rates)
            text = "".join(f"{table}:{rate:.6f};" for table, rate in sorted(rates.items()))
            self._say(ApplicationState.CACHE_HITRATES, text)

    async def _say_load(self) -> None:
        # First as soon as there is somebody to talk to.
        await self._context.world.sleep(2 * self._context.config.gossip_interval_ms / 1000)
        while True:
            count = await stored_bytes(self._context) if self._load_bytes is None else self._load_bytes()
            self._say(ApplicationState.LOAD, str(count))
            await self._context.world.sleep(_LOAD_S)


def _shared_tables(catalog: Catalog) -> Iterable[str]:
    """The tables that other nodes may read from this one."""
    for table in catalog.schema.tables:
        keyspace = catalog.keyspace(table.keyspace)
        if table.keyspace in _LOCAL_KEYSPACES:
            continue
        if keyspace is not None and keyspace.replication.strategy == LOCAL_STRATEGY:
            continue
        yield f"{table.keyspace}.{table.name}"
