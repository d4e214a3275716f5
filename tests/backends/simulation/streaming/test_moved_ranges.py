import json
from collections import defaultdict
from pathlib import Path

import pytest

from harness.backends.simulation.streaming.moved_ranges import ranges_to_fetch, ranges_to_hand_over
from harness.backends.simulation.streaming.token_ranges import TokenInterval, interval_of
from harness.codec.verbs.streaming import PrepareMessageRequest, StreamMutationDone
from harness.errors import BackendError
from harness.replication import Replication
from harness.topology import Node, Topology
from tests.backends.simulation.captured import trace_of

RANGES = dict[str, dict[str, set[TokenInterval]]]
"""By keyspace, and by address of the other node."""

REPLICATIONS = {
    "demo2": Replication(strategy="SimpleStrategy", factor=2),
    "system_auth": Replication(strategy="SimpleStrategy", factor=1),
    "system_distributed": Replication(strategy="SimpleStrategy", factor=3),
    "system_traces": Replication(strategy="SimpleStrategy", factor=2),
}
FOURTH = "172.31.8.14"


def four_nodes(reference: Path) -> Topology:
    """The ring of the captures in which a fourth node joins, and leaves."""
    told = json.loads((reference / "scylla-4.2/topology/add_node.json").read_text())
    tokens = defaultdict[str, list[int]](list)
    for token, address in told["tokens"]:
        tokens[address].append(token)
    return Topology(
        nodes=tuple(
            Node(name=address, address=address, tokens=tuple(owned)) for address, owned in tokens.items()
        )
    )


def without(topology: Topology, address: str) -> Topology:
    return Topology(nodes=tuple(node for node in topology.nodes if node.address != address))


@pytest.mark.reference
def test_a_newcomer_asks_whom_a_newcomer_of_4_2_asks(reference: Path) -> None:
    asked: RANGES = defaultdict(lambda: defaultdict(set))
    for message in trace_of(reference / "scylla-4.2/topology/add_node.pcapng").rpc:
        if isinstance(message.body, PrepareMessageRequest):
            for request in message.body.message.requests:
                asked[request.keyspace][message.receiver.address].update(
                    interval_of(tokens) for tokens in request.ranges
                )
    topology = four_nodes(reference)
    newcomer = topology.node_at(FOURTH)
    assert newcomer is not None
    computed = {
        keyspace: ranges_to_fetch(
            without(topology, FOURTH),
            newcomer,
            replication,
            by_proximity=list,
            is_alive=lambda _: True,
        )
        for keyspace, replication in REPLICATIONS.items()
    }
    assert {
        keyspace: {peer: set(intervals) for peer, intervals in ranges.items()}
        for keyspace, ranges in computed.items()
    } == asked


@pytest.mark.reference
def test_a_leaver_gives_to_whom_a_leaver_of_4_2_gives(reference: Path) -> None:
    plans: dict[object, str] = {}
    given: RANGES = defaultdict(lambda: defaultdict(set))
    for message in trace_of(reference / "scylla-4.2/topology/decommission.pcapng").rpc:
        match message.body:
            case PrepareMessageRequest(plan_id=plan_id, description=description):
                plans[plan_id] = description.split("-")[1]
            case StreamMutationDone(plan_id=plan_id, ranges=ranges):
                given[plans[plan_id]][message.receiver.address].update(
                    interval_of(tokens) for tokens in ranges
                )
    topology = four_nodes(reference)
    assert {
        keyspace: {
            peer: set(intervals)
            for peer, intervals in ranges_to_hand_over(topology, FOURTH, replication).items()
        }
        for keyspace, replication in REPLICATIONS.items()
    } == given


def nodes(*numbers: int) -> tuple[Node, ...]:
    return tuple(
        Node(name=f"n{number}", address=f"10.0.0.{number}", tokens=(number * 100,)) for number in numbers
    )


RF2 = Replication(strategy="SimpleStrategy", factor=2)


def test_with_fewer_nodes_than_replicas_the_nearest_gives_everything() -> None:
    *_, newcomer = nodes(1, 2)
    found = ranges_to_fetch(
        Topology(nodes=nodes(1)), newcomer, RF2, by_proximity=list, is_alive=lambda _: True
    )
    assert found == {
        "10.0.0.1": [TokenInterval(None, 100), TokenInterval(100, 200), TokenInterval(200, None)]
    }


def test_what_only_a_dead_node_can_give_cannot_be_fetched() -> None:
    with pytest.raises(BackendError, match="nobody who is alive"):
        ranges_to_fetch(
            Topology(nodes=nodes(1, 2)),
            nodes(3)[0],
            Replication(strategy="SimpleStrategy", factor=1),
            by_proximity=list,
            is_alive=lambda address: address != "10.0.0.1",
        )


def test_a_leaver_keeps_what_all_others_have_already() -> None:
    assert ranges_to_hand_over(Topology(nodes=nodes(1, 2)), "10.0.0.2", RF2) == {}
