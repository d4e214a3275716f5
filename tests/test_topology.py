"""Replicas by rule, and as real clusters chose them."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.codec.verbs.paxos import PaxosLearnRequest
from harness.codec.verbs.writes import HintMutationRequest, MutationRequest
from harness.dissect.reading import read_trace
from harness.partitioner import token_of
from harness.replication import Replication
from harness.topology import Node, Tablet, Topology, order_of


def _node(number: int, *tokens: int, datacenter: str = "dc1", rack: str = "r1") -> Node:
    return Node(
        name=f"n{number}",
        address=f"10.0.0.{number}",
        host_id=UUID(int=number),
        datacenter=datacenter,
        rack=rack,
        tokens=tokens,
    )


def _names(nodes: tuple[Node, ...]) -> list[str]:
    return [node.name for node in nodes]


def test_nodes_stand_in_the_order_of_their_numbers() -> None:
    assert sorted(["n10", "n2", "n1"], key=order_of) == ["n1", "n2", "n10"]
    assert sorted(["of-2025-n10", "of-2025-n9"], key=order_of) == ["of-2025-n9", "of-2025-n10"]
    assert sorted(["b", "a", "a1"], key=order_of) == ["a", "b", "a1"]


_SIMPLE = Topology((_node(1, -100, 50), _node(2, 0), _node(3, 100)))
_SIMPLE_2 = Replication(strategy="SimpleStrategy", factor=2)


def test_nothing_is_known_of_nothing() -> None:
    empty = Topology()
    assert empty.ring == ()
    assert empty.replicas(_SIMPLE_2, 0) == ()
    assert empty.tablet_of(UUID(int=1), 0) is None
    assert (empty.node_at("10.0.0.1"), empty.node_named("n1"), empty.node_of_host(UUID(int=1))) == (None,) * 3


def test_nodes_are_found_by_address_name_and_host_id() -> None:
    node = _SIMPLE.nodes[1]
    assert _SIMPLE.node_at("10.0.0.2") is node
    assert _SIMPLE.node_named("n2") is node
    assert _SIMPLE.node_of_host(UUID(int=2)) is node


def test_ring_is_sorted() -> None:
    assert [(token, node.name) for token, node in _SIMPLE.ring] == [
        (-100, "n1"),
        (0, "n2"),
        (50, "n1"),
        (100, "n3"),
    ]


@pytest.mark.parametrize(
    ("token", "names"),
    [
        (-101, ["n1", "n2"]),
        (-100, ["n1", "n2"]),
        (-99, ["n2", "n1"]),
        (50, ["n1", "n3"]),
        (100, ["n3", "n1"]),
        (101, ["n1", "n2"]),
    ],
)
def test_token_belongs_to_the_next_ring_token_inclusive(token: int, names: list[str]) -> None:
    assert _names(_SIMPLE.replicas(_SIMPLE_2, token)) == names


def test_no_more_replicas_than_nodes() -> None:
    assert len(_SIMPLE.replicas(Replication(strategy="SimpleStrategy", factor=5), 0)) == 3


def test_everywhere_strategy_stores_on_all_nodes() -> None:
    assert _SIMPLE.replicas(Replication(strategy="EverywhereStrategy"), 0) == _SIMPLE.nodes


def test_local_strategy_names_no_replicas() -> None:
    assert _SIMPLE.replicas(Replication(strategy="LocalStrategy"), 0) == ()


def _network(**factors: int) -> Replication:
    return Replication(strategy="NetworkTopologyStrategy", factors=tuple(factors.items()))


def test_racks_come_before_ring_order() -> None:
    topology = Topology((_node(1, 0, rack="a"), _node(2, 10, rack="a"), _node(3, 20, rack="b")))
    assert _names(topology.replicas(_network(dc1=2), 0)) == ["n1", "n3"]


def test_racks_repeat_as_often_as_there_are_too_few() -> None:
    """RF 3 in two racks: one rack may have a second replica, whichever node comes first on the ring."""
    topology = Topology(
        (_node(1, 0, rack="a"), _node(2, 10, rack="a"), _node(3, 20, rack="a"), _node(4, 30, rack="b"))
    )
    assert _names(topology.replicas(_network(dc1=3), 0)) == ["n1", "n2", "n4"]


def test_each_datacenter_has_its_own_replicas() -> None:
    topology = Topology(
        (
            _node(1, 0, datacenter="dc1"),
            _node(2, 10, datacenter="dc2"),
            _node(3, 20, datacenter="dc1"),
            _node(4, 30, datacenter="dc2"),
        )
    )
    assert _names(topology.replicas(_network(dc1=1, dc2=2), 15)) == ["n3", "n4", "n2"]
    assert _names(topology.replicas(_network(dc1=2), 15)) == ["n3", "n1"]


_TABLE = UUID(int=77)


def _tablet(last_token: int, *hosts: int) -> Tablet:
    replicas = tuple((UUID(int=host), 0) for host in hosts)
    return Tablet(table_id=_TABLE, last_token=last_token, replicas=replicas)


def test_tablet_ends_with_its_last_token() -> None:
    topology = Topology(_SIMPLE.nodes, (_tablet(2**63 - 1, 2, 3), _tablet(-1, 1, 2)))
    assert _names(topology.tablet_replicas(_TABLE, -1)) == ["n1", "n2"]
    assert _names(topology.tablet_replicas(_TABLE, 0)) == ["n2", "n3"]
    assert topology.tablet_replicas(UUID(int=78), 0) == ()


def test_replicas_on_unknown_hosts_are_left_out() -> None:
    topology = Topology(_SIMPLE.nodes, (_tablet(2**63 - 1, 1, 99),))
    assert _names(topology.tablet_replicas(_TABLE, 0)) == ["n1"]
    assert topology.tablet_of(_TABLE, 0) == topology.tablets[0]


@pytest.mark.parametrize(
    "capture",
    [
        "scylla-4.2/base/write_rf2",
        "scylla-4.2/views/view_life_rf2",
        "scylla-4.2/multidc/multi_dc",
        "scylla-2025.1/base/write_rf2",
        "scylla-2025.1/views/index_rf2",
        "scylla-2025.1/multidc/multi_dc",
        "scylla-2025.1/tablets/write_rf2",
        "scylla-2025.1/tablets/view_life_rf2",
    ],
)
def test_writes_of_real_clusters_go_to_replicas(reference: Path, capture: str) -> None:
    trace = read_trace(reference / f"{capture}.pcapng")
    seen = 0
    for message in trace.rpc:
        match message.body:
            case MutationRequest() | HintMutationRequest() as write:
                mutation = write.mutation
            case PaxosLearnRequest() as learn:
                mutation = learn.decision.update
            case _:
                continue
        table = trace.schema.table_of(mutation.table_id)
        assert table is not None
        keyspace = trace.schema.keyspaces.get(table.keyspace)
        if keyspace is None:
            continue
        ring_token = token_of(mutation.key.components)
        replicas = trace.topology.tablet_replicas(mutation.table_id, ring_token)
        if not replicas:
            assert "tablets/" not in capture
            replicas = trace.topology.replicas(keyspace.replication, ring_token)
        assert message.receiver_node in _names(replicas)
        seen += 1
    assert seen >= 16
