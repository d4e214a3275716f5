"""Which view replica gets the updates of which base replica."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from harness.events.statement_scope import base_keys_of
from harness.expect.base_writes import write_of
from harness.expect.placement import Placement
from harness.expect.view_pairing import ViewPairing
from harness.partitioner import token_of
from harness.replication import Replication
from harness.schema import Keyspace, Schema
from harness.topology import Node, Tablet, Topology
from tests.expect.captured import captured
from tests.expect.rows import BASE, BY_A
from tests.expect.view_captures import VIEW_CAPTURES, ViewCapture

BY_DC = Replication(strategy="NetworkTopologyStrategy", factor=2)
_LAST = 2**63 - 1


def _nodes(*places: tuple[str, str]) -> tuple[Node, ...]:
    """Nodes n1, n2, ... in a datacenter and a rack each; n1 has the token 1000."""
    return tuple(
        Node(
            name=f"n{index}",
            address=f"10.0.0.{index}",
            host_id=UUID(int=index),
            datacenter=datacenter,
            rack=rack,
            tokens=(index * 1000,),
        )
        for index, (datacenter, rack) in enumerate(places, start=1)
    )


def _ring(nodes: Sequence[Node], replication: Replication) -> ViewPairing:
    schema = Schema((BASE, BY_A), (Keyspace(name="ks", replication=replication),))
    topology = Topology(tuple(nodes))
    return ViewPairing(topology, Placement(topology, schema), BASE, BY_A)


def _tablets(nodes: Sequence[Node], base: str, view: str, factor: int) -> ViewPairing:
    """Tablets whose replicas are given by digits."""
    assert BASE.id is not None
    assert BY_A.id is not None
    tablets = tuple(
        Tablet(
            table_id=table_id, last_token=_LAST, replicas=tuple((UUID(int=int(digit)), 0) for digit in digits)
        )
        for table_id, digits in ((BASE.id, base), (BY_A.id, view))
    )
    replication = Replication(strategy="NetworkTopologyStrategy", factor=factor)
    schema = Schema((BASE, BY_A), (Keyspace(name="ks", replication=replication),))
    topology = Topology(tuple(nodes), tablets)
    return ViewPairing(topology, Placement(topology, schema), BASE, BY_A)


def _pairs(pairing: ViewPairing, base_token: int = 0, view_token: int = 0) -> dict[str, str | None]:
    found = {}
    for node in pairing.base_replicas(base_token):
        paired = pairing.paired(node, base_token, view_token)
        found[node.name] = None if paired is None else paired.name
    return found


def test_node_in_both_lists_is_paired_with_itself_and_the_others_by_place() -> None:
    pairing = _ring(_nodes(*[("dc1", "r1")] * 5), Replication(strategy="SimpleStrategy", factor=3))
    # n1 n2 n3 store the base row, n3 n4 n5 the view row.
    assert _pairs(pairing, 500, 2500) == {"n1": "n4", "n2": "n5", "n3": "n3"}
    # n4 n5 n1 and n5 n1 n2.
    assert _pairs(pairing, 3500, 4500) == {"n4": "n2", "n5": "n5", "n1": "n1"}


def test_pairs_stay_within_their_datacenter() -> None:
    nodes = _nodes(("a", "r1"), ("b", "r1"), ("a", "r1"), ("b", "r1"), ("a", "r1"), ("b", "r1"))
    pairing = _ring(nodes, BY_DC)
    # a: n1 n3, b: n2 n4; and from n3 on, a: n3 n5, b: n4 n6.
    assert _pairs(pairing, 500, 2500) == {"n1": "n5", "n2": "n6", "n3": "n3", "n4": "n4"}


def test_datacenters_do_not_matter_to_simple_strategy() -> None:
    nodes = _nodes(("a", "r1"), ("b", "r1"), ("a", "r1"), ("b", "r1"))
    pairing = _ring(nodes, Replication(strategy="SimpleStrategy", factor=2))
    assert _pairs(pairing, 500, 2500) == {"n1": "n3", "n2": "n4"}


def test_node_that_stores_no_base_row_is_paired_with_nobody() -> None:
    nodes = _nodes(*[("dc1", "r1")] * 5)
    pairing = _ring(nodes, Replication(strategy="SimpleStrategy", factor=2))
    assert pairing.paired(nodes[4], 500, 500) is None


def test_everything_is_local_where_every_node_stores_everything() -> None:
    nodes = _nodes(*[("dc1", "r1")] * 3)
    pairing = _ring(nodes, Replication(strategy="SimpleStrategy", factor=3))
    assert all(pairing.is_always_local(node, 0) for node in nodes)
    fewer = _ring(nodes, Replication(strategy="SimpleStrategy", factor=2))
    assert not any(fewer.is_always_local(node, 0) for node in nodes)


def test_tablets_pair_by_place_within_one_rack() -> None:
    nodes = _nodes(*[("dc1", "r1")] * 5)
    assert _pairs(_tablets(nodes, "135", "345", 3)) == {"n1": "n3", "n3": "n4", "n5": "n5"}


def test_tablets_pair_by_rack_where_racks_hold_the_same_number() -> None:
    nodes = _nodes(("dc1", "r1"), ("dc1", "r2"), ("dc1", "r1"), ("dc1", "r2"))
    assert _pairs(_tablets(nodes, "12", "43", 2)) == {"n1": "n3", "n2": "n4"}


@pytest.mark.parametrize(
    "places",
    [
        [("dc1", "r1"), ("dc1", "r2"), ("dc1", "r3"), ("dc1", "r1")],
        [("dc1", "r1"), ("dc1", "r1"), ("dc1", "r1"), ("dc1", "r1")],
    ],
    ids=["more racks than replicas", "one rack"],
)
def test_tablets_pair_by_place_where_racks_say_nothing(places: list[tuple[str, str]]) -> None:
    assert _pairs(_tablets(_nodes(*places), "12", "43", 2)) == {"n1": "n4", "n2": "n3"}


def test_tablets_of_different_length_leave_a_base_replica_without_a_partner() -> None:
    nodes = _nodes(*[("dc1", "r1")] * 4)
    assert _pairs(_tablets(nodes, "123", "43", 3)) == {"n1": "n4", "n2": "n3", "n3": None}


def test_nothing_is_always_local_with_tablets() -> None:
    nodes = _nodes(*[("dc1", "r1")] * 2)
    pairing = _tablets(nodes, "12", "21", 2)
    assert not pairing.is_always_local(nodes[0], 0)
    assert _pairs(pairing) == {"n1": "n2", "n2": "n1"}


def test_datacenter_with_fewer_nodes_than_replicas_is_local_too() -> None:
    nodes = [*_nodes(("a", "r1"), ("b", "r1")), replace(_nodes(("b", "r1"))[0], name="n9", tokens=(9000,))]
    pairing = _ring(nodes, BY_DC)
    assert pairing.is_always_local(nodes[0], 0)


@pytest.mark.parametrize("capture", [one for one in VIEW_CAPTURES if one.seen], ids=lambda one: one.id)
def test_every_real_update_goes_to_its_pair(reference: Path, capture: ViewCapture) -> None:
    trace = captured(reference, capture.name)
    placement = Placement(trace.topology, trace.schema)
    base = trace.schema.table(*capture.base.split("."))
    view = trace.schema.table(*capture.view.split("."))
    assert base is not None
    assert view is not None
    pairing = ViewPairing(trace.topology, placement, base, view)
    checked = 0
    for message in trace:
        write = write_of(message)
        if write is None or write[1].table_id != view.id:
            continue
        sender = trace.topology.node_at(message.sender.address)
        assert sender is not None
        for key in base_keys_of(write[1], view, base):
            paired = pairing.paired(sender, token_of(key), token_of(write[1].key.components))
            assert paired is not None
            assert paired.name == message.receiver_node
            checked += 1
    assert checked == capture.seen
