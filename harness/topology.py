"""Nodes, the ring of their tokens, tablets, and which nodes store a partition.

Source:
    Scylla, locator/simple_strategy.cc, locator/network_topology_strategy.cc, locator/token_metadata.cc,
    locator/tablets.cc.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from harness.replication import (
    EVERYWHERE_STRATEGY,
    NETWORK_TOPOLOGY_STRATEGY,
    SIMPLE_STRATEGY,
    Replication,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One ScyllaDB process."""

    name: str
    """Such as ``n1``."""
    address: str
    """The address that it listens on, as text."""
    host_id: UUID | None = None
    datacenter: str = ""
    rack: str = ""
    shards: int | None = None
    tokens: tuple[int, ...] = ()
    """Its ring tokens; each owns what lies between the token before it and itself, inclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tablet:
    """A range of tokens of one table, with replicas of its own."""

    table_id: UUID
    last_token: int
    """The last token of the range; the range begins behind that of the tablet before."""
    replicas: tuple[tuple[UUID, int], ...]
    """Host id and shard of each replica."""


@dataclass(frozen=True)
class Topology:
    """The nodes of a cluster and what they own."""

    nodes: tuple[Node, ...] = ()
    tablets: tuple[Tablet, ...] = ()
    _replicas: dict[tuple[Replication, int], tuple[Node, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def node_at(self, address: str) -> Node | None:
        """The node that listens on an address."""
        return self._by_address.get(address)

    def node_named(self, name: str) -> Node | None:
        """The node of that name."""
        return self._by_name.get(name)

    def node_of_host(self, host_id: UUID) -> Node | None:
        """The node with that host id."""
        return self._by_host.get(host_id)

    @cached_property
    def ring(self) -> tuple[tuple[int, Node], ...]:
        """Every ring token with its owner, in ascending order."""
        return tuple(
            sorted(
                ((token, node) for node in self.nodes for token in node.tokens), key=lambda entry: entry[0]
            )
        )

    def replicas(self, replication: Replication, token: int) -> tuple[Node, ...]:
        """The nodes that store a partition of a table without tablets, in the order of the ring.

        The first one is the owner of the token. The order is the one by which base and view replicas pair.

        Returns:
            No nodes if the ring is unknown, or the strategy (LocalStrategy keeps everything where it is).
        """
        if not self.ring:
            return ()
        if replication.strategy == EVERYWHERE_STRATEGY:
            return self.nodes
        start = bisect_left(self._ring_tokens, token) % len(self.ring)
        found = self._replicas.get((replication, start))
        if found is None:
            found = self._replicas[(replication, start)] = self._walk(replication, start)
        return found

    def tablet_of(self, table_id: UUID, token: int) -> Tablet | None:
        """The tablet of a table that holds a token; None for tables without tablets."""
        tablets = self._tablets_by_table.get(table_id)
        if tablets is None:
            return None
        index = bisect_left(tablets, token, key=lambda tablet: tablet.last_token)
        return tablets[index] if index < len(tablets) else None

    def tablet_replicas(self, table_id: UUID, token: int) -> tuple[Node, ...]:
        """The known nodes that store a partition of a table with tablets; none for other tables."""
        tablet = self.tablet_of(table_id, token)
        hosts = () if tablet is None else tablet.replicas
        return tuple(node for host_id, _ in hosts if (node := self.node_of_host(host_id)) is not None)

    @cached_property
    def _by_address(self) -> dict[str, Node]:
        return {node.address: node for node in self.nodes}

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _by_host(self) -> dict[UUID, Node]:
        return {node.host_id: node for node in self.nodes if node.host_id is not None}

    @cached_property
    def _ring_tokens(self) -> list[int]:
        return [token for token, _ in self.ring]

    @cached_property
    def _tablets_by_table(self) -> dict[UUID, list[Tablet]]:
        by_table: dict[UUID, list[Tablet]] = {}
        for tablet in sorted(self.tablets, key=lambda tablet: tablet.last_token):
            by_table.setdefault(tablet.table_id, []).append(tablet)
        return by_table

    def _from(self, start: int) -> Iterator[Node]:
        """Give the owners around the ring, one turn, from an index on."""
        for _, node in self.ring[start:] + self.ring[:start]:
            yield node

    def _walk(self, replication: Replication, start: int) -> tuple[Node, ...]:
        if replication.strategy == SIMPLE_STRATEGY:
            found: dict[str, Node] = {}
            for node in self._from(start):
                if len(found) >= (replication.factor or 0):
                    break
                found.setdefault(node.name, node)
            return tuple(found.values())
        if replication.strategy == NETWORK_TOPOLOGY_STRATEGY:
            return self._walk_datacenters(replication, start)
        return ()

    def _walk_datacenters(self, replication: Replication, start: int) -> tuple[Node, ...]:
        """Take nodes of racks not taken yet; as many of the others as there are replicas beyond racks."""
        members: dict[str, set[str]] = {}
        racks: dict[str, set[str]] = {}
        for _, node in self.ring:
            members.setdefault(node.datacenter, set()).add(node.name)
            racks.setdefault(node.datacenter, set()).add(node.rack)
        wanted = {dc: min(replication.factor_in(dc), len(names)) for dc, names in members.items()}
        repeats = {dc: replication.factor_in(dc) - len(names) for dc, names in racks.items()}
        taken_racks: set[tuple[str, str]] = set()
        found: dict[str, Node] = {}
        for node in self._from(start):
            dc = node.datacenter
            if wanted[dc] <= 0 or node.name in found:
                continue
            if (dc, node.rack) in taken_racks:
                if repeats[dc] <= 0:
                    continue
                repeats[dc] -= 1
            taken_racks.add((dc, node.rack))
            wanted[dc] -= 1
            found[node.name] = node
        return tuple(found.values())


def order_of(name: str) -> tuple[int, str]:
    """What the names of nodes are sorted by: their number where they end with one, n2 before n10."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits or 0), name
