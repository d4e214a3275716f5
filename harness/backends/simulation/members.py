"""Who belongs to the cluster, and who of them is alive, as one node sees it; gossip tells it.

Source:
    Scylla (branch 4.2), locator/token_metadata.cc, locator/snitch_base.cc (sort_by_proximity),
    gms/gossiper.cc (is_alive), dht/token.cc.
"""

from collections.abc import Iterable
from random import Random
from typing import Protocol

from harness.replication import Replication
from harness.topology import Node, Topology


class MemberListener(Protocol):
    """Hears what happens to other nodes."""

    def node_joined(self, node: Node) -> None:
        """It is a member from now on."""

    def node_left(self, node: Node) -> None:
        """It is none any more."""

    def node_up(self, node: Node) -> None:
        """It can be reached; of members, and of nodes that are about to become one."""

    def node_down(self, node: Node) -> None:
        """It cannot be reached any more."""


class Members:
    """The members of the cluster.

    Args:
        own: this node; without tokens until it is a member.
        random: puts nodes in order that are equally near.
    """

    def __init__(self, own: Node, random: Random) -> None:
        self.own = own
        self._random = random
        self._nodes: dict[str, Node] = {}
        self._alive: dict[str, Node] = {}
        self._joining: dict[str, Node] = {}
        self._leaving: set[str] = set()
        self._topology = Topology()
        self._topologies_to_come: Topology | None = None
        self._listeners: list[MemberListener] = []

    @property
    def topology(self) -> Topology:
        """The members with their ring; this node too, once it is one."""
        return self._topology

    @property
    def live(self) -> tuple[Node, ...]:
        """The other nodes that are alive, members or about to become one."""
        return tuple(self._alive.values())

    @property
    def is_changing(self) -> bool:
        """Whether a node is about to become a member, or to leave."""
        return bool(self._joining or self._leaving)

    def is_leaving(self, address: str) -> bool:
        """Whether a member has announced that it will leave."""
        return address in self._leaving

    def is_alive(self, address: str) -> bool:
        """Whether a node can be reached; this one can."""
        return address == self.own.address or address in self._alive

    def is_own(self, node: Node) -> bool:
        """Whether that is this node."""
        return node.address == self.own.address

    def replicas(self, replication: Replication, token: int) -> tuple[Node, ...]:
        """The nodes that store a partition, in the order of the ring."""
        return self._topology.replicas(replication, token)

    def pending(self, replication: Replication, token: int) -> tuple[Node, ...]:
        """The nodes that will store a partition when who joins has joined and who leaves has left."""
        if not self._joining and not self._leaving:
            return ()
        if self._topologies_to_come is None:
            nodes = [node for node in self._topology.nodes if node.address not in self._leaving]
            self._topologies_to_come = Topology(nodes=(*nodes, *self._joining.values()))
        now = {node.address for node in self.replicas(replication, token)}
        to_come = self._topologies_to_come.replicas(replication, token)
        return tuple(node for node in to_come if node.address not in now)

    def by_proximity(self, nodes: Iterable[Node]) -> list[Node]:
        """Nodes with the nearest first: this one, then its rack, its datacenter, the others; equals by chance."""
        shuffled = list(nodes)
        self._random.shuffle(shuffled)
        return sorted(shuffled, key=self._distance)

    def subscribe(self, listener: MemberListener) -> None:
        """Tell somebody of all that happens from now on."""
        self._listeners.append(listener)

    # What gossip tells.

    def join(self, node: Node) -> None:
        """A node is a member; or is one already, with other tokens or another name for its rack."""
        is_new = node.address not in self._nodes
        self._nodes[node.address] = node
        self._joining.pop(node.address, None)
        self._leaving.discard(node.address)
        if node.address == self.own.address:
            self.own = node
        self._describe(node)
        self._changed()
        if is_new and node.address != self.own.address:
            for listener in self._listeners:
                listener.node_joined(node)

    def begin_joining(self, node: Node) -> None:
        """A node announces the tokens that it will have."""
        self._joining[node.address] = node
        self._describe(node)
        self._changed()

    def stop_joining(self, address: str) -> None:
        """A node does not announce tokens any more, and is no member yet."""
        if self._joining.pop(address, None) is not None:
            self._changed()

    def begin_leaving(self, address: str) -> None:
        """A member announces that it will leave."""
        self._leaving.add(address)
        self._changed()

    def leave(self, address: str) -> None:
        """A node is no member any more."""
        self._joining.pop(address, None)
        self._leaving.discard(address)
        node = self._nodes.pop(address, None)
        self._changed()
        if node is not None and address != self.own.address:
            for listener in self._listeners:
                listener.node_left(node)

    def mark_up(self, node: Node) -> None:
        """A node can be reached."""
        if node.address not in self._alive:
            self._alive[node.address] = node
            for listener in self._listeners:
                listener.node_up(node)

    def mark_down(self, address: str) -> None:
        """A node cannot be reached any more."""
        node = self._alive.pop(address, None)
        if node is not None:
            for listener in self._listeners:
                listener.node_down(node)

    def _describe(self, node: Node) -> None:
        """Know a node that is there already by what it says of itself now."""
        if node.address in self._alive:
            self._alive[node.address] = node

    def _distance(self, node: Node) -> int:
        if node.address == self.own.address:
            return 0
        if node.datacenter != self.own.datacenter:
            return 3
        return 1 if node.rack == self.own.rack else 2

    def _changed(self) -> None:
        self._topology = Topology(nodes=tuple(sorted(self._nodes.values(), key=lambda node: node.address)))
        self._topologies_to_come = None
