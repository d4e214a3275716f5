"""How many bytes of view updates a node has under way, as acknowledgements and gossip tell it.

Source:
    Scylla (branch 4.2), db/view/node_view_update_backlog.hh, db/view/view_update_backlog.hh,
    database.cc (get_view_update_backlog); limits and values: captures view_life_rf3, multi_dc.
"""

from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.common import UpdateBacklog

LIMIT_BYTES = 107_374_182
"""A tenth of the memory of a node with one GiB, which is what captured ones have."""
NO_BACKLOG = UpdateBacklog(current_bytes=0, limit_bytes=2**64 - 1)
_INTERVAL_S = 0.01


class ViewBacklog:
    """Counts the bytes of view updates that no replica has acknowledged yet.

    A node with nothing to do says that it has no limit; asked again within ten milliseconds, it tells its limit.
    """

    def __init__(self, context: NodeContext) -> None:
        self._world = context.world
        self._current_bytes = 0
        self._greatest = NO_BACKLOG
        self._told_at_s = -_INTERVAL_S

    @property
    def current_bytes(self) -> int:
        """How many there are."""
        return self._current_bytes

    def add(self, size_bytes: int) -> None:
        """Count an update that leaves."""
        self._current_bytes += size_bytes

    def remove(self, size_bytes: int) -> None:
        """Count an update that has arrived, or never will."""
        self._current_bytes -= size_bytes

    def tell(self) -> UpdateBacklog:
        """What to tell others now."""
        now_s = self._world.monotonic_s
        own = UpdateBacklog(current_bytes=self._current_bytes, limit_bytes=LIMIT_BYTES)
        if now_s >= self._told_at_s + _INTERVAL_S:
            self._told_at_s = now_s
            self._greatest = own if self._current_bytes else NO_BACKLOG
            return self._greatest
        return (
            own
            if self._current_bytes * self._greatest.limit_bytes
            >= (self._greatest.current_bytes * LIMIT_BYTES)
            else self._greatest
        )
