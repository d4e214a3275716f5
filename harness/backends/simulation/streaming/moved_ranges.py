"""Which ranges of a keyspace a node has to fetch when it joins, or to hand over when it leaves, and from or to whom.

Source:
    Scylla (branch 4.2), dht/range_streamer.cc (get_all_ranges_with_strict_sources_for, get_range_fetch_map),
    service/storage_service.cc (get_changed_ranges_for_leaving).
"""

from collections.abc import Callable, Iterable

from harness.backends.simulation.streaming.token_ranges import TokenInterval, intervals_of
from harness.errors import BackendError
from harness.replication import Replication
from harness.topology import Node, Topology

RangesByPeer = dict[str, list[TokenInterval]]
"""By address of a node, in the order of the ring."""


def ranges_to_fetch(
    before: Topology,
    newcomer: Node,
    replication: Replication,
    *,
    by_proximity: Callable[[Iterable[Node]], list[Node]],
    is_alive: Callable[[str], bool],
) -> RangesByPeer:
    """Give what a node fetches from whom.

    It is the node that will not store the range any more, so that nothing is lost that a quorum has acknowledged; if
    all keep it, the nearest.

    Args:
        before: the members without the node.
        newcomer: the node with the tokens that it will have.
        replication: of the keyspace.
        by_proximity: puts nodes in order, the nearest first.
        is_alive: whether the node at an address is.

    Raises:
        BackendError: nobody who could give a range is alive.
    """
    after = Topology(nodes=(*before.nodes, newcomer))
    found: RangesByPeer = {}
    for interval in intervals_of(after):
        new = after.replicas(replication, interval.sample)
        if newcomer.address not in {node.address for node in new}:
            continue
        kept = {node.address for node in new}
        old = before.replicas(replication, interval.sample)
        losers = [node for node in old if node.address not in kept]
        source = next((node for node in by_proximity(losers or old) if is_alive(node.address)), None)
        if source is None:
            if not old:
                continue
            raise BackendError(f"nobody who is alive has the range {interval.first} to {interval.last}")
        found.setdefault(source.address, []).append(interval)
    return found


def ranges_to_hand_over(before: Topology, leaver: str, replication: Replication) -> RangesByPeer:
    """Give what a node hands over to whom: each range to the node that will store it instead.

    Args:
        before: the members, the node among them.
        leaver: address of the node.
        replication: of the keyspace.
    """
    after = Topology(nodes=tuple(node for node in before.nodes if node.address != leaver))
    found: RangesByPeer = {}
    for interval in intervals_of(before):
        old = {node.address for node in before.replicas(replication, interval.sample)}
        if leaver not in old:
            continue
        for node in after.replicas(replication, interval.sample):
            if node.address not in old:
                found.setdefault(node.address, []).append(interval)
    return found
