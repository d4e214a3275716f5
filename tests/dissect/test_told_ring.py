"""The ring as clients are told of it, against the context that was written down beside each capture."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.context import Context
from harness.dissect.reading import read_trace
from harness.dissect.told_ring import with_told_ring
from harness.events.message import Message
from harness.events.trace import Trace
from harness.topology import Node, Topology

CAPTURES = pytest.mark.parametrize(
    "name",
    [
        "scylla-4.2/shards/lz4_two_shards",
        "scylla-4.2/topology/add_node",
        "scylla-2025.1/compression/scylla_v3",
        "scylla-2025.1/topology/decommission",
    ],
)


def read(reference: Path, name: str, context: Context | None) -> Trace:
    return read_trace(reference / f"{name}.pcapng", context=context)


def answers(trace: Trace) -> list[Message]:
    """The rows of system.local and system.peers, in this order, as one node told them."""
    return [message for message in trace.cql if b"tokens" in message.payload]


@CAPTURES
def test_what_clients_are_told_is_the_ring(reference: Path, name: str) -> None:
    told = read(reference, name, Context()).topology
    known = read(reference, name, None).topology
    assert [(token, node.address) for token, node in told.ring] == [
        (token, node.address) for token, node in known.ring
    ]
    for node in told.nodes:
        beside = known.node_at(node.address)
        assert beside is not None
        assert (node.datacenter, node.rack, node.host_id) == (beside.datacenter, beside.rack, beside.host_id)


def test_a_node_keeps_the_name_that_it_is_known_by(reference: Path) -> None:
    trace = read(reference, "scylla-4.2/shards/lz4_two_shards", Context())
    address = trace.topology.nodes[0].address
    named = Topology((Node(name="a", address=address, shards=2), Node(name="b", address="192.0.2.1")))
    nodes = with_told_ring(named, trace.messages).nodes
    assert [node.name for node in nodes[:2]] == ["a", "b"]
    assert nodes[0].shards == 2
    assert nodes[0].tokens
    assert nodes[1].tokens == ()
    assert len(nodes) == 4


def test_part_of_the_ring_is_not_taken_for_the_whole(reference: Path) -> None:
    trace = read(reference, "scylla-4.2/shards/lz4_two_shards", Context())
    nothing = Topology()
    for answer in answers(trace):
        assert with_told_ring(nothing, [answer]) is nothing


def test_a_ring_that_changes_meanwhile_is_none(reference: Path) -> None:
    trace = read(reference, "scylla-4.2/shards/lz4_two_shards", Context())
    asked = answers(trace)
    node = trace.topology.nodes[0]
    token = str(node.tokens[0]).encode()
    other = token[:-1] + (b"1" if token[-1:] != b"1" else b"2")
    later = [message._replace(payload=message.payload.replace(token, other)) for message in asked]
    assert with_told_ring(Topology(), [*asked, *asked]).ring
    assert not with_told_ring(Topology(), [*asked, *later]).ring


def test_a_ring_that_is_known_beforehand_is_kept(reference: Path) -> None:
    name = "scylla-4.2/shards/lz4_two_shards"
    known = read(reference, name, None).topology
    moved = Topology((replace(known.nodes[0], tokens=(7,)), *known.nodes[1:]))
    assert read(reference, name, Context(topology=moved)).topology is moved


def test_cells_of_another_form_tell_nothing(reference: Path) -> None:
    trace = read(reference, "scylla-4.2/shards/lz4_two_shards", Context())
    nothing = Topology()
    broken = [message._replace(payload=message.payload[:-3]) for message in answers(trace)]
    assert with_told_ring(nothing, broken) is nothing


def test_messages_are_between_the_nodes_that_were_told(reference: Path) -> None:
    trace = read(reference, "scylla-4.2/shards/lz4_two_shards", Context())
    addresses = {node.address for node in trace.topology.nodes}
    assert {message.sender_node for message in trace.rpc} == addresses
    assert {message.receiver_node for message in trace.rpc} == addresses
    assert {message.receiver_node for message in trace.cql if message.from_client} <= addresses
