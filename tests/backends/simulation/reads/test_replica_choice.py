"""Which replicas a read asks: the cases of the written protocol, one by one."""

from random import Random
from uuid import UUID

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.members import Members
from harness.backends.simulation.reads.replica_choice import ReplicaChooser
from harness.backends.simulation.reads.speculation import NO_SPECULATION, Speculation, speculation_of
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
_EACH = Replication(strategy=NETWORK_TOPOLOGY_STRATEGY, factors=(("dc1", 2), ("dc2", 2)))
_DEFAULT = speculation_of("99.0PERCENTILE")
_ALWAYS = speculation_of("ALWAYS")
_LEVELS = ConsistencyLevel


def _node(number: int, datacenter: str = "dc1", rack: str = "r1") -> Node:
    return Node(
        name=f"n{number}",
        address=f"10.0.0.{number}",
        host_id=UUID(int=number),
        datacenter=datacenter,
        rack=rack,
        tokens=(number * 100,),
    )


def _members(*nodes: Node, dead: tuple[Node, ...] = ()) -> Members:
    members = Members(nodes[0], Random(1))
    for node in nodes:
        members.join(node)
        if node is not nodes[0] and node not in dead:
            members.mark_up(node)
    return members


_N1, _N2, _N3 = _node(1), _node(2), _node(3)
_FOUR = (_node(1), _node(2), _node(3, "dc2"), _node(4, "dc2"))


@pytest.mark.parametrize(
    ("level", "speculation", "targets", "data", "has_extra", "with_digest"),
    [
        (_LEVELS.ONE, NO_SPECULATION, 1, 1, False, False),
        (_LEVELS.ONE, _DEFAULT, 1, 1, True, True),
        (_LEVELS.QUORUM, NO_SPECULATION, 2, 1, False, True),
        (_LEVELS.QUORUM, _DEFAULT, 2, 1, True, True),
        (_LEVELS.QUORUM, _ALWAYS, 3, 2, False, True),
        (_LEVELS.ALL, _DEFAULT, 3, 1, False, True),
        (_LEVELS.ALL, _ALWAYS, 3, 1, False, True),
    ],
)
def test_of_three_live_replicas(
    level: ConsistencyLevel,
    speculation: Speculation,
    targets: int,
    data: int,
    has_extra: bool,
    with_digest: bool,
) -> None:
    choice = ReplicaChooser(_members(_N1, _N2, _N3), _THREE, level).of_partition(0, speculation)
    assert len(choice.targets) == targets
    assert choice.targets[0] == _N1
    assert choice.data_count == data
    assert (choice.extra is not None) == has_extra
    assert choice.with_digest == with_digest


def test_with_one_live_replica_there_is_nobody_to_ask_besides() -> None:
    members = _members(_N1, _N2, _N3, dead=(_N2, _N3))
    choice = ReplicaChooser(members, _THREE, _LEVELS.ONE).of_partition(0, _DEFAULT)
    assert (choice.targets, choice.extra, choice.with_digest) == ((_N1,), None, False)


def test_nodes_of_the_page_before_are_asked_before_nearer_ones() -> None:
    chooser = ReplicaChooser(_members(_N1, _N2, _N3), _THREE, _LEVELS.ONE)
    choice = chooser.of_partition(0, NO_SPECULATION, (UUID(int=3),))
    assert choice.targets == (_N3,)


def test_local_levels_ask_in_their_datacenter_alone() -> None:
    for level in (_LEVELS.LOCAL_ONE, _LEVELS.LOCAL_QUORUM):
        choice = ReplicaChooser(_members(*_FOUR), _EACH, level).of_partition(0, _DEFAULT)
        asked = [*choice.targets, *([choice.extra] if choice.extra else [])]
        assert {node.datacenter for node in asked} == {"dc1"}


def test_a_quorum_takes_the_nearer_datacenter_first() -> None:
    choice = ReplicaChooser(_members(*_FOUR), _EACH, _LEVELS.QUORUM).of_partition(0, _DEFAULT)
    assert [node.datacenter for node in choice.targets] == ["dc1", "dc1", "dc2"]
    assert choice.extra is not None


@pytest.mark.parametrize(
    ("level", "dead", "details"),
    [
        (_LEVELS.ALL, (_FOUR[3],), Unavailable(consistency=_LEVELS.ALL, required=4, alive=3)),
        (
            _LEVELS.LOCAL_QUORUM,
            (_FOUR[1],),
            Unavailable(consistency=_LEVELS.LOCAL_QUORUM, required=2, alive=1),
        ),
    ],
)
def test_too_few_live_replicas_are_refused(
    level: ConsistencyLevel, dead: tuple[Node, ...], details: Unavailable
) -> None:
    with pytest.raises(RequestError) as caught:
        ReplicaChooser(_members(*_FOUR, dead=dead), _EACH, level).of_partition(0, _DEFAULT)
    assert caught.value.details == details


def test_what_each_node_has_for_itself_is_read_there() -> None:
    local = Replication(strategy=LOCAL_STRATEGY)
    choice = ReplicaChooser(_members(_N1, _N2), local, _LEVELS.QUORUM).of_partition(0, _DEFAULT)
    assert choice.targets == (_N1,)
    with pytest.raises(RequestError) as caught:
        ReplicaChooser(_members(_N1, _N2), local, _LEVELS.TWO).of_partition(0, _DEFAULT)
    assert caught.value.details == Unavailable(consistency=_LEVELS.TWO, required=2, alive=1)


def test_a_keyspace_without_replicas_is_refused() -> None:
    nowhere = Replication(strategy=NETWORK_TOPOLOGY_STRATEGY, factors=(("dc9", 1),))
    with pytest.raises(RequestError) as caught:
        ReplicaChooser(_members(_N1, _N2), nowhere, _LEVELS.ALL).of_partition(0, _DEFAULT)
    assert caught.value.details == Unavailable(consistency=_LEVELS.ALL, required=1, alive=0)


def test_with_balancing_a_coordinator_may_leave_itself_out() -> None:
    """As in the capture bulk/bulk_quorum, where data and digest both come from other nodes."""
    random = Random(1)
    chooser = ReplicaChooser(_members(*_FOUR), _EACH, _LEVELS.ONE, random)
    chosen = {chooser.of_partition(0, _DEFAULT).targets[0].name for _ in range(50)}
    assert chosen == {"n1", "n2"}
