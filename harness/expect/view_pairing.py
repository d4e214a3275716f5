"""Which view replica gets the updates of which base replica.

In a ring, a node that stores both the base row and the view row is paired with itself; of what is left, base
replicas and view replicas pair by their place in the two lists. With tablets nobody is paired with itself for that
reason alone: the lists pair by place, within the rack where the replicas are spread evenly over the racks. Under
NetworkTopologyStrategy, pairs stay within their datacenter.

Source:
    Scylla, db/view/view.cc (which endpoint a view update goes to); for tablets: captures
    scylla-2025.1/tablets/view_life_rf2, view_life_rf3, index_rf2 and index_rf3.
"""

from collections.abc import Sequence

from harness.expect.placement import Placement
from harness.schema import Table
from harness.topology import Node, Topology


class ViewPairing:
    """Pairs base replicas and view replicas of one view."""

    def __init__(self, topology: Topology, placement: Placement, base: Table, view: Table) -> None:
        self._topology = topology
        self._placement = placement
        self._base = base
        self._view = view
        self._by_datacenter = placement.is_by_datacenter(base)
        self._has_tablets = placement.has_tablets(base)

    def base_replicas(self, base_token: int) -> tuple[Node, ...]:
        """The nodes that store a base row; none where that is not known."""
        return self._placement.replicas_of_token(self._base, base_token)

    def view_replicas(self, view_token: int) -> tuple[Node, ...]:
        """The nodes that store a view row; none where that is not known."""
        return self._placement.replicas_of_token(self._view, view_token)

    def paired(self, base_node: Node, base_token: int, view_token: int) -> Node | None:
        """The view replica to which a base replica sends a view row.

        Returns:
            None if the replicas are not known, or the node has no partner, as where a datacenter stores fewer
            view rows than base rows.
        """
        base_nodes = self._near(base_node, self.base_replicas(base_token))
        view_nodes = self._near(base_node, self.view_replicas(view_token))
        if base_node not in base_nodes:
            return None
        if self._has_tablets:
            return _by_place(base_node, *self._by_rack(base_node, base_nodes, view_nodes))
        if base_node in view_nodes:
            return base_node
        return _by_place(
            base_node,
            [node for node in base_nodes if node not in view_nodes],
            [node for node in view_nodes if node not in base_nodes],
        )

    def is_always_local(self, base_node: Node, base_token: int) -> bool:
        """Whether a base replica is its own partner, whatever the view row: every node stores everything."""
        if self._has_tablets:
            return False
        nodes = self._near(base_node, self._topology.nodes)
        datacenter = base_node.datacenter if self._by_datacenter else None
        factor = self._placement.replication_factor(self._view, datacenter)
        return (
            factor is not None
            and factor >= len(nodes)
            and base_node in self._near(base_node, self.base_replicas(base_token))
        )

    def _near(self, node: Node, nodes: Sequence[Node]) -> list[Node]:
        """Those that a node pairs with: of its datacenter, if datacenters have replicas of their own."""
        if not self._by_datacenter:
            return list(nodes)
        return [other for other in nodes if other.datacenter == node.datacenter]

    def _by_rack(
        self, node: Node, base_nodes: list[Node], view_nodes: list[Node]
    ) -> tuple[list[Node], list[Node]]:
        """Leave the node's rack alone, if each rack of the datacenter holds the same number of replicas."""
        racks: dict[str, int] = {}
        for other in self._topology.nodes:
            if other.datacenter == node.datacenter:
                racks[other.rack] = racks.get(other.rack, 0) + 1
        factor = self._placement.replication_factor(self._view, node.datacenter)
        if len(base_nodes) != len(view_nodes) or factor is None or not racks or factor % len(racks):
            return base_nodes, view_nodes
        if min(racks.values()) < factor // len(racks):
            return base_nodes, view_nodes
        return (
            [other for other in base_nodes if other.rack == node.rack],
            [other for other in view_nodes if other.rack == node.rack],
        )


def _by_place(node: Node, base_nodes: Sequence[Node], view_nodes: Sequence[Node]) -> Node | None:
    if node not in base_nodes:
        return None
    place = base_nodes.index(node)
    return view_nodes[place] if place < len(view_nodes) else None
