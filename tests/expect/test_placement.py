"""Where partitions are stored."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.expect.base_writes import write_of
from harness.expect.placement import Placement
from harness.replication import Replication
from harness.schema import Column, Keyspace, Schema, Table
from harness.topology import Node, Tablet, Topology
from tests.expect.captured import captured

TABLE = Table(keyspace="ks", name="t", id=UUID(int=1), partition_key=(Column(name="p", type="int"),))
NODES = tuple(
    Node(
        name=f"n{index}",
        address=f"10.0.0.{index}",
        host_id=UUID(int=100 + index),
        datacenter="dc1" if index < 3 else "dc2",
        rack="r1",
        tokens=(index * 1000,),
    )
    for index in (1, 2, 3, 4)
)
SIMPLE = Replication(strategy="SimpleStrategy", factor=2)
BY_DC = Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 1), ("dc2", 2)))


def _placement(
    replication: Replication = SIMPLE, *, tablets: tuple[Tablet, ...] = (), **more: bool
) -> Placement:
    keyspace = Keyspace(name="ks", replication=replication, has_tablets=more.get("has_tablets"))
    return Placement(Topology(NODES, tablets), Schema((TABLE,), (keyspace,)))


def _names(nodes: tuple[Node, ...]) -> list[str]:
    return [node.name for node in nodes]


def test_ring_gives_replicas_in_its_order() -> None:
    placement = _placement()
    assert _names(placement.replicas_of_token(TABLE, 1500)) == ["n2", "n3"]
    assert not placement.obstacle(TABLE)
    assert placement.replication_factor(TABLE) == 2
    assert not placement.is_by_datacenter(TABLE)


def test_datacenters_have_replicas_of_their_own() -> None:
    placement = _placement(BY_DC)
    assert _names(placement.replicas_of_token(TABLE, 0)) == ["n1", "n3", "n4"]
    assert placement.is_by_datacenter(TABLE)
    assert (placement.replication_factor(TABLE), placement.replication_factor(TABLE, "dc2")) == (3, 2)
    assert (placement.datacenter_of("10.0.0.4"), placement.datacenter_of("10.9.9.9")) == ("dc2", "")


def test_tablets_say_where_a_partition_is_and_not_the_ring() -> None:
    hosts = ((UUID(int=104), 0), (UUID(int=101), 1))
    placement = _placement(tablets=(Tablet(table_id=UUID(int=1), last_token=2**63 - 1, replicas=hosts),))
    assert placement.has_tablets(TABLE)
    assert _names(placement.replicas(TABLE, (b"\0\0\0\1",))) == ["n4", "n1"]


def test_tablet_with_an_unknown_host_is_not_known() -> None:
    hosts = ((UUID(int=104), 0), (UUID(int=999), 1))
    placement = _placement(tablets=(Tablet(table_id=UUID(int=1), last_token=2**63 - 1, replicas=hosts),))
    assert placement.replicas_of_token(TABLE, 5) == ()


def test_keyspace_with_tablets_of_which_none_are_known_is_an_obstacle() -> None:
    placement = _placement(has_tablets=True)
    assert placement.replicas_of_token(TABLE, 5) == ()
    assert "the tablets of ks.t are not known" in placement.obstacle(TABLE)


def test_keyspace_that_is_not_where_the_ring_says_is_an_obstacle() -> None:
    keyspace = Keyspace(name="ks", replication=SIMPLE)
    placement = Placement(Topology(NODES), Schema((TABLE,), (keyspace,)), doubtful=frozenset({"ks"}))
    assert placement.replicas_of_token(TABLE, 5) == ()
    assert "is not where the ring says" in placement.obstacle(TABLE)


def test_unknown_replication_and_unknown_ring_are_obstacles() -> None:
    assert "replication of ks.t is not known" in Placement(Topology(NODES), Schema((TABLE,))).obstacle(TABLE)
    keyspace = Keyspace(name="ks", replication=SIMPLE)
    bare = Placement(Topology(), Schema((TABLE,), (keyspace,)))
    assert bare.obstacle(TABLE) == "the ring is not known: capture while a client connects, or give a context"
    assert bare.replicas_of_token(TABLE, 5) == ()


@pytest.mark.parametrize(
    "name",
    [
        "scylla-4.2/base/write_rf2",
        "scylla-4.2/multidc/multi_dc",
        "scylla-2025.1/base/write_rf3",
        "scylla-2025.1/views/index_rf2",
        "scylla-2025.1/tablets/index_rf2",
    ],
)
def test_real_writes_go_to_these_replicas(reference: Path, name: str) -> None:
    trace = captured(reference, name)
    placement = Placement(trace.topology, trace.schema)
    checked = 0
    for message in trace:
        write = write_of(message)
        table = None if write is None else trace.schema.table_of(write[1].table_id)
        if write is None or table is None or table.keyspace.startswith("system"):
            continue
        checked += 1
        assert message.receiver_node in _names(placement.replicas(table, write[1].key.components))
    assert checked > 10
