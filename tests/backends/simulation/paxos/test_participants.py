"""Who takes part in a round."""

from random import Random

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.members import Members
from harness.backends.simulation.paxos.participants import participants_of
from harness.codec.cql.errors import Unavailable
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import (
    LOCAL_STRATEGY,
    NETWORK_TOPOLOGY_STRATEGY,
    SIMPLE_STRATEGY,
    Replication,
)
from harness.topology import Node

_THREE = Replication(strategy=SIMPLE_STRATEGY, factor=3)
_SERIAL, _LOCAL_SERIAL = ConsistencyLevel.SERIAL, ConsistencyLevel.LOCAL_SERIAL


def _node(number: int, datacenter: str = "dc1") -> Node:
    return Node(
        name=f"n{number}", address=f"n{number}", datacenter=datacenter, rack="r", tokens=(number * 100,)
    )


def _members(*nodes: Node, dead: int = 0) -> Members:
    members = Members(nodes[0], Random(1))
    for node in nodes:
        members.join(node)
    for node in nodes[1 : len(nodes) - dead]:
        members.mark_up(node)
    return members


def test_all_live_replicas_take_part_the_own_node_first() -> None:
    found = participants_of(_members(_node(1), _node(2), _node(3), _node(4)), _THREE, 350, _SERIAL)
    assert {node.name for node in found.nodes} == {"n4", "n1", "n2"}
    assert found.nodes[0].name == "n1"
    assert (found.required, found.has_dead) == (2, False)


def test_a_dead_replica_is_remembered() -> None:
    found = participants_of(_members(_node(1), _node(2), _node(3), dead=1), _THREE, 0, _SERIAL)
    assert (len(found.nodes), found.required, found.has_dead) == (2, 2, True)


def test_at_local_serial_the_datacenter_is_a_world_of_its_own() -> None:
    each = Replication(strategy=NETWORK_TOPOLOGY_STRATEGY, factors=(("dc1", 1), ("dc2", 3)))
    members = _members(_node(1), _node(2, "dc2"), _node(3, "dc2"), _node(4, "dc2"))
    local = participants_of(members, each, 0, _LOCAL_SERIAL)
    assert ([node.name for node in local.nodes], local.required) == (["n1"], 1)
    assert participants_of(members, each, 0, _SERIAL).required == 3


def test_a_node_that_joins_takes_part_and_counts_beyond_the_quorum() -> None:
    members = _members(_node(1), _node(2), _node(3))
    members.begin_joining(_node(9))
    members.mark_up(_node(9))
    found = participants_of(members, _THREE, 850, _SERIAL)
    assert {node.name for node in found.nodes} == {"n1", "n2", "n3", "n9"}
    assert found.required == 3


def test_two_nodes_that_join_at_once_are_one_too_many() -> None:
    members = _members(_node(1), _node(2), _node(3))
    for joining in (_node(8), _node(9)):
        members.begin_joining(joining)
        members.mark_up(joining)
    with pytest.raises(RequestError, match="more than one") as caught:
        participants_of(members, _THREE, 750, _SERIAL)
    assert caught.value.details == Unavailable(consistency=_SERIAL, required=5, alive=5)


def test_too_few_live_replicas_are_refused() -> None:
    with pytest.raises(RequestError) as caught:
        participants_of(_members(_node(1), _node(2), _node(3), dead=2), _THREE, 0, _SERIAL)
    assert caught.value.details == Unavailable(consistency=_SERIAL, required=2, alive=1)


def test_of_what_each_node_has_for_itself_it_is_the_only_participant() -> None:
    local = Replication(strategy=LOCAL_STRATEGY)
    found = participants_of(_members(_node(1), _node(2)), local, 0, _SERIAL)
    assert ([node.name for node in found.nodes], found.required) == (["n1"], 1)
