"""Which replicas a read asks, and with what: data, a digest, or nothing unless the others are slow.

Source:
    Scylla (branch 4.2), db/consistency_level.cc (filter_for_query), service/storage_proxy.cc (get_read_executor,
    get_live_sorted_endpoints).
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from uuid import UUID

from harness.backends.simulation.members import Members
from harness.backends.simulation.reads.speculation import Speculation, SpeculationKind
from harness.backends.simulation.writes.consistency import (
    assure_enough_alive,
    count_in,
    is_of_one_datacenter,
    required,
    unavailable,
)
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import LOCAL_STRATEGY, Replication
from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaChoice:
    """The replicas of one read."""

    required: int
    """How many have to answer."""
    targets: tuple[Node, ...]
    """Asked at once, the nearest first."""
    data_count: int = 1
    """How many of them are asked for the data; the others are asked for a digest."""
    extra: Node | None = None
    """Asked when the others are slow."""
    with_digest: bool
    """Whether data comes with its digest."""


class ReplicaChooser:
    """Chooses the replicas of reads at one consistency level in one keyspace.

    Args:
        members: of the cluster.
        replication: of the keyspace.
        consistency: how many have to answer.
        balancing: chance, by which any replica of the datacenter may be chosen; None: the nearest are.
    """

    def __init__(
        self,
        members: Members,
        replication: Replication,
        consistency: ConsistencyLevel,
        balancing: Random | None = None,
    ) -> None:
        self._members = members
        self._balancing = balancing
        self._replication = replication
        self._consistency = consistency
        self.is_local = replication.strategy == LOCAL_STRATEGY
        """Whether each node has a keyspace of its own."""
        self.required = required(consistency, replication, members.topology, members.own.datacenter)
        """How many replicas have to answer."""

    def live(self, token: int) -> list[Node]:
        """The replicas that are alive and count, the nearest first."""
        members = self._members
        if self.is_local:
            return [members.own]
        alive = [
            node
            for node in members.replicas(self._replication, token)
            if members.is_alive(node.address) and self.counts(node)
        ]
        return members.by_proximity(alive)

    def counts(self, node: Node) -> bool:
        """Whether the answer of a node counts."""
        return not is_of_one_datacenter(self._consistency) or node.datacenter == self._members.own.datacenter

    def has_enough(self, nodes: Collection[Node]) -> bool:
        """Whether so many nodes that are alive are enough."""
        return len(nodes) >= self.required

    def chosen(self, live: list[Node], preferred: Collection[UUID] = ()) -> list[Node]:
        """Of nodes that are alive, those to be asked: as many as are required, preferred ones before the others."""
        return self._preferred_first(live, preferred)[: self.required]

    def assure_enough(self, live: list[Node]) -> None:
        """Refuse what cannot succeed.

        Raises:
            RequestError: UNAVAILABLE.
        """
        members = self._members
        if not live:
            # Of a keyspace without replicas in any datacenter, no replicas would be enough.
            raise unavailable(self._consistency, max(self.required, 1), 0)
        assure_enough_alive(
            self._consistency, self._replication, members.topology, members.own.datacenter, alive=live
        )

    def of_partition(
        self, token: int, speculation: Speculation, preferred: Collection[UUID] = ()
    ) -> ReplicaChoice:
        """Choose the replicas of a read of one partition.

        Args:
            token: of the partition.
            speculation: whether more replicas than required may be asked.
            preferred: host ids of nodes that are asked before others.

        Raises:
            RequestError: UNAVAILABLE: too few are alive.
        """
        live = self._preferred_first(self._balanced(self.live(token)), preferred)
        self.assure_enough(live)
        needed = self.required
        if speculation.kind is SpeculationKind.NONE or len(live) <= needed:
            return self.plain(live[:needed])
        if speculation.kind is SpeculationKind.ALWAYS:
            targets = tuple(live[: needed + 1])
            return ReplicaChoice(required=needed, targets=targets, data_count=2, with_digest=True)
        # With another replica at hand the digest is wanted even of a single answer: it may have to be compared.
        return ReplicaChoice(
            required=needed, targets=tuple(live[:needed]), extra=live[needed], with_digest=True
        )

    def plain(self, targets: list[Node]) -> ReplicaChoice:
        """The choice of a read that asks these nodes and no others."""
        return ReplicaChoice(required=self.required, targets=tuple(targets), with_digest=len(targets) > 1)

    def has_remote(self, nodes: Collection[Node]) -> bool:
        """Whether any node is in another datacenter."""
        return count_in(self._members.own.datacenter, nodes) < len(nodes)

    def _balanced(self, nodes: list[Node]) -> list[Node]:
        """Put the nodes of each datacenter in any order: with caches that are all as warm, none is better."""
        if self._balancing is None:
            return nodes
        mixed = list(nodes)
        self._balancing.shuffle(mixed)
        return sorted(mixed, key=lambda node: node.datacenter != self._members.own.datacenter)

    @staticmethod
    def _preferred_first(nodes: list[Node], preferred: Collection[UUID]) -> list[Node]:
        if not preferred:
            return nodes
        return sorted(nodes, key=lambda node: node.host_id not in preferred)
