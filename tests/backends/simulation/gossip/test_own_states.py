from pathlib import Path
from uuid import UUID

import pytest

from harness.backends.simulation.gossip.endpoint_states import EndpointStates
from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.gossip.own_states import first_states
from harness.backends.simulation.node_config import NodeConfig
from harness.codec.verbs.gossip import ApplicationState, EndpointState, GossipDigestAck2
from tests.backends.simulation.captured import trace_of

NEWCOMER = "172.31.8.12"


def captured_state(path: Path) -> EndpointState:
    """What n2 of the capture says first of itself."""
    for message in trace_of(path).rpc:
        match message.body:
            case GossipDigestAck2(ack2=ack2):
                return dict(ack2.states)[NEWCOMER]
    raise AssertionError("no ACK2 in the capture")


@pytest.mark.reference
def test_a_node_says_what_a_node_of_4_2_says_in_the_same_order_and_versions(reference: Path) -> None:
    expected = captured_state(reference / "scylla-4.2/base/boot.pcapng")
    said = {ApplicationState(key): value.value for key, value in expected.application_states}
    config = NodeConfig(name="n2", listen_address=NEWCOMER, seeds=("172.31.8.11",), data_folder="")
    identity = NodeIdentity(
        host_id=UUID(said[ApplicationState.HOST_ID]),
        tokens=(1,),
        generation=expected.heart_beat.generation,
    )
    states = EndpointStates(NEWCOMER, identity.generation)
    schema = {ApplicationState.SCHEMA: said[ApplicationState.SCHEMA]}
    lots = first_states(config, identity, schema)
    states.begin(next(lots))
    for lot in lots:
        states.announce(lot)
    states.beat()
    assert states.own.newer_than(0) == expected


def test_a_node_with_a_snitch_of_its_own_tells_its_internal_address() -> None:
    identity = NodeIdentity(host_id=UUID(int=1), tokens=(1,), generation=1)
    config = NodeConfig(
        name="n2",
        listen_address=NEWCOMER,
        seeds=(),
        data_folder="",
        datacenter="dc2",
        rack="r3",
        snitch="GossipingPropertyFileSnitch",
    )
    said = {state: value for lot in first_states(config, identity, {}) for state, value in lot}
    assert said[ApplicationState.INTERNAL_IP] == NEWCOMER
    assert (said[ApplicationState.DC], said[ApplicationState.RACK]) == ("dc2", "r3")
