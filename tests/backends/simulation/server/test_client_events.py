import asyncio
from collections.abc import Callable
from pathlib import Path

from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.real_world import RealWorld
from harness.backends.simulation.server.client_events import ClientEvents
from harness.backends.simulation.storage.storage import Storage
from harness.codec.cql.events import Event, StatusChange, TopologyChange
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node

OTHER = Node(name="n2", address="127.0.0.2", tokens=(1,))


class FakeGossip:
    def __init__(self) -> None:
        self.ready: dict[str, str] = {}
        self.listeners: list[Callable[[str, ApplicationState, str], None]] = []

    def set_state(self, state: ApplicationState, value: str) -> None:
        self.say("127.0.0.1", state, value)

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        return self.ready.get(address) if state is ApplicationState.RPC_READY else None

    def on_state_change(self, listener: Callable[[str, ApplicationState, str], None]) -> None:
        self.listeners.append(listener)

    def say(self, address: str, state: ApplicationState, value: str) -> None:
        if state is ApplicationState.RPC_READY:
            self.ready[address] = value
        for listener in self.listeners:
            listener(address, state, value)


def heard_of(happens: Callable[[Members, FakeGossip], None]) -> list[str]:
    heard: list[str] = []

    def hear(event: Event) -> None:
        assert isinstance(event.change, StatusChange | TopologyChange)
        assert str(event.change.node.address) == OTHER.address
        assert event.change.node.port == 9042
        heard.append(event.change.change)

    async def run() -> None:
        world = RealWorld(seed=1)
        members = Members(Node(name="n1", address="127.0.0.1", tokens=(0,)), world.random)
        members.join(members.own)
        context = NodeContext(
            config=NodeConfig(name="n1", listen_address="127.0.0.1", seeds=(), data_folder=str(Path())),
            world=world,
            messaging=Messaging(world, address="127.0.0.1", port=7000),
            members=members,
            storage=Storage(),
        )
        gossip = FakeGossip()
        ClientEvents(context, gossip, hear)
        happens(members, gossip)

    asyncio.run(run())
    return heard


def test_a_node_is_up_only_when_it_is_a_member_and_alive_and_its_cql_port_is_open() -> None:
    def happens(members: Members, gossip: FakeGossip) -> None:
        members.mark_up(OTHER)
        gossip.say(OTHER.address, ApplicationState.RPC_READY, "0")
        members.join(OTHER)
        gossip.say(OTHER.address, ApplicationState.RPC_READY, "1")

    # topology/add_node.pcapng of Scylla 4.2: NEW_NODE, then UP.
    assert heard_of(happens) == ["NEW_NODE", "UP"]


def test_a_status_is_told_once() -> None:
    def happens(members: Members, gossip: FakeGossip) -> None:
        gossip.say(OTHER.address, ApplicationState.RPC_READY, "1")
        members.mark_up(OTHER)
        members.join(OTHER)
        gossip.say(OTHER.address, ApplicationState.RPC_READY, "1")
        gossip.say(OTHER.address, ApplicationState.LOAD, "1")
        members.mark_down(OTHER.address)
        members.mark_up(OTHER)

    # faults/graceful_stop_and_return.pcapng: DOWN, then UP.
    assert heard_of(happens) == ["NEW_NODE", "UP", "DOWN", "UP"]


def test_a_node_that_closes_its_port_is_down_once() -> None:
    def happens(members: Members, gossip: FakeGossip) -> None:
        gossip.say(OTHER.address, ApplicationState.RPC_READY, "1")
        members.join(OTHER)
        members.mark_up(OTHER)
        gossip.say(OTHER.address, ApplicationState.RPC_READY, "0")
        members.mark_down(OTHER.address)

    assert heard_of(happens) == ["NEW_NODE", "UP", "DOWN"]


def test_a_node_that_leaves_is_removed() -> None:
    def happens(members: Members, gossip: FakeGossip) -> None:
        members.join(OTHER)
        members.begin_leaving(OTHER.address)
        members.leave(OTHER.address)

    # topology/decommission.pcapng: REMOVED_NODE alone.
    assert heard_of(happens) == ["NEW_NODE", "REMOVED_NODE"]


def test_what_happens_to_this_node_is_no_news() -> None:
    def happens(members: Members, gossip: FakeGossip) -> None:
        gossip.set_state(ApplicationState.RPC_READY, "1")
        members.join(members.own)

    assert heard_of(happens) == []
