"""How many replicas a consistency level asks for, and whether enough of them are alive.

Source:
    Scylla (branch 4.2), db/consistency_level.cc (block_for, assure_sufficient_live_nodes), db/consistency_level_validations.hh;
    locator/network_topology_strategy.cc, locator/simple_strategy.hh, locator/everywhere_replication_strategy.hh (get_replication_factor).
"""

from collections.abc import Iterable, Sequence
from typing import assert_never

from harness.backends.simulation.cql.request_error import RequestError
from harness.codec.cql.errors import ErrorCode, Unavailable
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import EVERYWHERE_STRATEGY, LOCAL_STRATEGY, NETWORK_TOPOLOGY_STRATEGY, Replication
from harness.topology import Node, Topology

LOCAL_REPLICATION = Replication(strategy=LOCAL_STRATEGY)
"""Of keyspaces that each node has for itself."""

_OF_ONE_DATACENTER = frozenset(
    {
        ConsistencyLevel.LOCAL_ONE,
        ConsistencyLevel.LOCAL_QUORUM,
        ConsistencyLevel.LOCAL_SERIAL,
    }
)


def required(
    consistency: ConsistencyLevel, replication: Replication, topology: Topology, datacenter: str
) -> int:
    """How many replicas must answer, without those that are about to become some.

    Args:
        consistency: the level.
        replication: of the keyspace.
        topology: whose datacenters count where the keyspace names none.
        datacenter: of the coordinator.
    """
    match consistency:
        case ConsistencyLevel.ANY | ConsistencyLevel.ONE | ConsistencyLevel.LOCAL_ONE:
            return 1
        case ConsistencyLevel.TWO:
            return 2
        case ConsistencyLevel.THREE:
            return 3
        case ConsistencyLevel.QUORUM | ConsistencyLevel.SERIAL:
            return quorum_of(replication_factor(replication, topology))
        case ConsistencyLevel.ALL:
            return replication_factor(replication, topology)
        case ConsistencyLevel.LOCAL_QUORUM | ConsistencyLevel.LOCAL_SERIAL:
            return local_quorum(replication, topology, datacenter)
        case ConsistencyLevel.EACH_QUORUM:
            if not is_by_datacenter(replication):
                return quorum_of(replication_factor(replication, topology))
            return sum(
                local_quorum(replication, topology, name) for name in datacenters_of(replication, topology)
            )
        case _:
            assert_never(consistency)


def is_of_one_datacenter(consistency: ConsistencyLevel) -> bool:
    """Whether only replicas in the coordinator's datacenter count."""
    return consistency in _OF_ONE_DATACENTER


def is_by_datacenter(replication: Replication) -> bool:
    """Whether each datacenter has replicas of its own."""
    return replication.strategy == NETWORK_TOPOLOGY_STRATEGY


def quorum_of(factor: int) -> int:
    """More than half."""
    return factor // 2 + 1


def local_quorum(replication: Replication, topology: Topology, datacenter: str) -> int:
    """A quorum of one datacenter; of everything where datacenters have no replicas of their own."""
    if is_by_datacenter(replication):
        return quorum_of(replication.factor_in(datacenter))
    return quorum_of(replication_factor(replication, topology))


def replication_factor(replication: Replication, topology: Topology) -> int:
    """How many replicas a partition is to have."""
    if replication.strategy == LOCAL_STRATEGY:
        return 1
    if replication.strategy == EVERYWHERE_STRATEGY:
        return len(topology.nodes)
    if is_by_datacenter(replication):
        return sum(replication.factor_in(name) for name in datacenters_of(replication, topology))
    return replication.factor or 0


def datacenters_of(replication: Replication, topology: Topology) -> list[str]:
    """The datacenters with replicas of their own, sorted."""
    names = {name for name, factor in replication.factors if factor}
    if replication.factor:
        named = {name for name, _ in replication.factors}
        names |= {node.datacenter for node in topology.nodes} - named
    return sorted(names)


def assure_enough_alive(
    consistency: ConsistencyLevel,
    replication: Replication,
    topology: Topology,
    datacenter: str,
    *,
    alive: Sequence[Node],
    pending: Sequence[Node] = (),
) -> None:
    """Refuse what cannot succeed.

    Args:
        consistency: the level.
        replication: of the keyspace.
        topology: as for ``required``.
        datacenter: of the coordinator.
        alive: the replicas that are alive, with those that are about to become some.
        pending: those that are about to become replicas, dead ones too; each has to answer beyond what is required.

    Raises:
        RequestError: UNAVAILABLE: too few are alive.
    """
    needed = required(consistency, replication, topology, datacenter)
    if consistency is ConsistencyLevel.ANY:
        return
    if consistency is ConsistencyLevel.EACH_QUORUM and is_by_datacenter(replication):
        for name in datacenters_of(replication, topology):
            _assure(
                consistency,
                local_quorum(replication, topology, name),
                count_in(name, alive),
                count_in(name, pending),
            )
        return
    if is_of_one_datacenter(consistency):
        _assure(consistency, needed, count_in(datacenter, alive), count_in(datacenter, pending))
        return
    _assure(consistency, needed, len(alive), len(pending))


def count_in(datacenter: str, nodes: Iterable[Node]) -> int:
    """How many nodes are in a datacenter."""
    return sum(node.datacenter == datacenter for node in nodes)


def unavailable(consistency: ConsistencyLevel, needed: int, alive: int) -> RequestError:
    """The refusal: too few replicas are alive."""
    return RequestError(
        ErrorCode.UNAVAILABLE,
        f"Cannot achieve consistency level for cl {consistency.name}. Requires {needed}, alive {alive}",
        Unavailable(consistency=consistency, required=needed, alive=alive),
    )


def _assure(consistency: ConsistencyLevel, needed: int, alive: int, pending: int) -> None:
    if alive < needed + pending:
        # Clients that go on with a lower level must not count on nodes that are no replicas yet.
        raise unavailable(consistency, needed, max(0, alive - pending))
