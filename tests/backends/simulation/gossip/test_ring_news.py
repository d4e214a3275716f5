from random import Random
from uuid import UUID

from harness.backends.simulation.gossip.endpoint_states import EndpointStates
from harness.backends.simulation.gossip.ring_news import RingNews
from harness.backends.simulation.members import Members
from harness.codec.verbs.gossip import ApplicationState, EndpointState, HeartBeat, VersionedValue
from harness.topology import Node

OWN, PEER = "10.0.0.1", "10.0.0.2"
HOST = UUID(int=7, version=4)
ABOUT = {
    ApplicationState.DC: "dc1",
    ApplicationState.RACK: "r2",
    ApplicationState.HOST_ID: str(HOST),
    ApplicationState.TOKENS: "5;-7",
    ApplicationState.SHARD_COUNT: "1",
}
DESCRIBED = Node(name=PEER, address=PEER, host_id=HOST, datacenter="dc1", rack="r2", shards=1, tokens=(5, -7))


class Told:
    """A node that hears a peer say one status after the other."""

    def __init__(self) -> None:
        self.states = EndpointStates(OWN, 100)
        self.members = Members(Node(name="n1", address=OWN), Random(1))
        self.ring = RingNews(self.members, self.states)
        self.generation = 100
        self._version = 0

    def say(self, values: dict[ApplicationState, str]) -> None:
        self._version += 10
        said = EndpointState(
            heart_beat=HeartBeat(generation=self.generation, version=self._version),
            application_states=tuple(
                (state, VersionedValue(value=value, version=self._version)) for state, value in values.items()
            ),
        )
        self.states.merge(PEER, said, 100)
        self.ring.changed(PEER)

    def nodes(self) -> list[Node]:
        return list(self.members.topology.nodes)

    def status(self, value: str) -> None:
        self.say({ApplicationState.STATUS: value})


def told() -> Told:
    found = Told()
    found.say(ABOUT)
    return found


def test_a_node_without_status_is_no_member() -> None:
    found = told()
    assert found.nodes() == []
    assert found.ring.node_at(PEER) == DESCRIBED


def test_a_node_becomes_a_member_when_it_is_normal_and_not_when_it_boots() -> None:
    found = told()
    found.status("BOOT,5")
    assert found.nodes() == []
    assert found.members.is_changing
    found.status("NORMAL,5")
    assert found.nodes() == [DESCRIBED]
    assert not found.members.is_changing


def test_a_newcomer_that_starts_again_is_about_to_become_nothing() -> None:
    found = told()
    found.status("BOOT,5")
    found.generation += 1
    found.say(ABOUT)
    assert not found.members.is_changing


def test_a_node_that_stops_stays_a_member_even_if_nothing_else_was_ever_heard() -> None:
    found = told()
    found.status("shutdown,true")
    assert found.nodes() == [DESCRIBED]


def test_a_leaver_is_a_member_until_it_has_left() -> None:
    found = told()
    found.status("LEAVING,5")
    assert found.nodes() == [DESCRIBED]
    assert found.members.is_changing
    found.status("LEFT,5,1795596588550")
    assert found.nodes() == []
    assert not found.members.is_changing


def test_a_leaver_that_changes_its_mind_is_an_ordinary_member() -> None:
    found = told()
    found.status("LEAVING,5")
    found.status("NORMAL,5")
    assert found.nodes() == [DESCRIBED]
    assert not found.members.is_changing


def test_what_cannot_be_read_is_taken_as_not_said() -> None:
    found = Told()
    found.say(
        {
            ApplicationState.HOST_ID: "no host id",
            ApplicationState.TOKENS: "one",
            ApplicationState.SHARD_COUNT: "",
        }
    )
    found.status("NORMAL,one")
    assert found.nodes() == []
    assert found.ring.node_at(PEER) == Node(name=PEER, address=PEER)
