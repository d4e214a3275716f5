"""When a write has enough acknowledgements, and when it never will."""

from harness.backends.simulation.writes.tally import Tally
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import Replication
from harness.topology import Node, Topology

SIMPLE = Replication(strategy="SimpleStrategy", factor=3)
BY_DC = Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 2), ("dc2", 2)))
A, B = (Node(name=name, address=name, datacenter="dc1") for name in "ab")
X, Y = (Node(name=name, address=name, datacenter="dc2") for name in "xy")
ALL = (A, B, X, Y)
RING = Topology(nodes=ALL)


def tally(consistency: ConsistencyLevel, replication: Replication, *pending: Node) -> Tally:
    return Tally.of(consistency, replication, RING, "dc1", alive=(*ALL, *pending), pending=pending)


def is_met(counted: Tally) -> bool:
    return counted.is_met


def is_lost(counted: Tally) -> bool:
    return counted.cannot_be_met


def test_a_quorum_is_met_by_any_replicas() -> None:
    counted = tally(ConsistencyLevel.QUORUM, SIMPLE)
    counted.acknowledge(X)
    assert not is_met(counted)
    counted.acknowledge(Y)
    assert is_met(counted)
    assert (counted.received, counted.needed) == (2, 2)


def test_a_local_quorum_is_met_by_replicas_of_the_own_datacenter_alone() -> None:
    counted = tally(ConsistencyLevel.LOCAL_QUORUM, BY_DC)
    for node in (X, Y, A):
        counted.acknowledge(node)
    assert not is_met(counted)
    assert counted.received == 1
    counted.acknowledge(B)
    assert is_met(counted)


def test_each_quorum_is_met_by_every_datacenter() -> None:
    counted = tally(ConsistencyLevel.EACH_QUORUM, BY_DC)
    for node in (A, B, X):
        counted.acknowledge(node)
    assert not is_met(counted)
    assert (counted.received, counted.needed) == (3, 4)
    counted.acknowledge(Y)
    assert is_met(counted)


def test_a_node_about_to_be_a_replica_counts_where_it_is() -> None:
    newcomer = Node(name="z", address="z", datacenter="dc2")
    assert tally(ConsistencyLevel.QUORUM, SIMPLE, newcomer).needed == 3
    assert tally(ConsistencyLevel.LOCAL_QUORUM, BY_DC, newcomer).needed == 2
    assert tally(ConsistencyLevel.EACH_QUORUM, BY_DC, newcomer).needed == 5


def test_a_level_cannot_be_met_when_too_many_fail() -> None:
    counted = Tally.of_count(2, [A, B, X])
    counted.fail(A, 1)
    assert not is_lost(counted)
    counted.fail(B, 1)
    assert is_lost(counted)
    assert counted.failed == 2


def test_a_failure_elsewhere_does_not_hurt_a_local_level() -> None:
    counted = tally(ConsistencyLevel.LOCAL_QUORUM, BY_DC)
    counted.fail(X, 2)
    assert not is_lost(counted)
    counted.fail(A, 1)
    assert is_lost(counted)


def test_hints_count_where_any_node_will_do() -> None:
    counted = Tally.of_count(1, [])
    counted.acknowledge_hints(3)
    assert is_met(counted)
