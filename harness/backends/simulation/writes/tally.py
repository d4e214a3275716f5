"""How many replicas have acknowledged a write, and whether that is enough, or can still become so.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (abstract_write_response_handler, datacenter_write_response_handler,
    datacenter_sync_write_response_handler).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.backends.simulation.writes.consistency import (
    count_in,
    datacenters_of,
    is_by_datacenter,
    is_of_one_datacenter,
    local_quorum,
    required,
)
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import Replication
from harness.topology import Node, Topology


@dataclass(slots=True)
class Share:
    """What a level asks of some replicas."""

    needed: int
    """How many have to acknowledge."""
    alive: int
    """How many were asked."""
    acknowledged: int = 0
    failed: int = 0


class Tally:
    """The shares of one write.

    Args:
        shares: by datacenter; or one under no name, of all replicas.
    """

    __slots__ = ("_of_all", "_shares")

    def __init__(self, shares: dict[str, Share]) -> None:
        self._shares = shares
        self._of_all = shares.get("")

    @classmethod
    def of(
        cls,
        consistency: ConsistencyLevel,
        replication: Replication,
        topology: Topology,
        datacenter: str,
        *,
        alive: Sequence[Node],
        pending: Sequence[Node],
    ) -> "Tally":
        """The shares that a consistency level means.

        Args:
            consistency: the level.
            replication: of the keyspace.
            topology: as for ``required``.
            datacenter: of the coordinator.
            alive: who is asked, with those that are about to become replicas.
            pending: those; each raises what is needed.
        """
        if consistency is ConsistencyLevel.EACH_QUORUM and is_by_datacenter(replication):
            return cls(
                {
                    name: Share(
                        local_quorum(replication, topology, name) + count_in(name, pending),
                        count_in(name, alive),
                    )
                    for name in datacenters_of(replication, topology)
                }
            )
        needed = required(consistency, replication, topology, datacenter)
        if is_of_one_datacenter(consistency):
            return cls(
                {datacenter: Share(needed + count_in(datacenter, pending), count_in(datacenter, alive))}
            )
        return cls({"": Share(needed + len(pending), len(alive))})

    @classmethod
    def of_count(cls, needed: int, alive: Iterable[Node]) -> "Tally":
        """Some number of those that are asked."""
        return cls({"": Share(needed, sum(1 for _ in alive))})

    @property
    def received(self) -> int:
        """How many acknowledgements count, as errors tell it."""
        if self._of_all is not None:
            return self._of_all.acknowledged
        return sum(min(share.acknowledged, share.needed) for share in self._shares.values())

    @property
    def needed(self) -> int:
        """How many acknowledgements are needed, as errors tell it."""
        return sum(share.needed for share in self._shares.values())

    @property
    def failed(self) -> int:
        """How many replicas failed."""
        return sum(share.failed for share in self._shares.values())

    @property
    def is_met(self) -> bool:
        """Whether enough have acknowledged."""
        if self._of_all is not None:
            return self._of_all.acknowledged >= self._of_all.needed
        return all(share.acknowledged >= share.needed for share in self._shares.values())

    @property
    def cannot_be_met(self) -> bool:
        """Whether too many have failed."""
        return any(
            share.failed and share.needed + share.failed > share.alive for share in self._shares.values()
        )

    def acknowledge(self, node: Node) -> None:
        """Count a replica that has applied the write."""
        share = self._of_all or self._shares.get(node.datacenter)
        if share is not None:
            share.acknowledged += 1

    def acknowledge_hints(self, count: int) -> None:
        """Count hints, which are as good as replicas where any node will do."""
        if self._of_all is not None:
            self._of_all.acknowledged += count

    def fail(self, node: Node, count: int) -> None:
        """Count a replica that failed, with those to which it should have sent the write on."""
        share = self._of_all or self._shares.get(node.datacenter)
        if share is not None:
            share.failed += count
