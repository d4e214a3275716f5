"""What clients are told of other nodes: who joined, left, came up and went down.

Source:
    Scylla (branch 4.2), transport/event_notifier.cc, service/storage_service.cc (notify_up: a member that is alive and
    whose CQL port is open; notify_down, notify_joined, notify_left).
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

from harness.backends.simulation.node_context import NodeContext
from harness.codec.cql.events import Event, StatusChange, TopologyChange
from harness.codec.cql.notation import Endpoint
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node

IS_READY = "1"
IS_NOT_READY = "0"


class ReadinessGossip(Protocol):
    """By which nodes tell whether their CQL ports are open."""

    def set_state(self, state: ApplicationState, value: str) -> None:
        """Say something of this node."""

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        """What a node says of itself; None: nothing."""

    def on_state_change(self, listener: Callable[[str, ApplicationState, str], None]) -> None:
        """Tell somebody of everything that nodes say of themselves from now on."""


class ClientEvents:
    """Makes events of what happens to other nodes.

    Args:
        context: of this node.
        gossip: tells whose CQL port is open; None: everybody's is.
        tell: sends an event to the clients that have asked for such.
    """

    def __init__(
        self, context: NodeContext, gossip: ReadinessGossip | None, tell: Callable[[Event], None]
    ) -> None:
        self._context = context
        self._gossip = gossip
        self._tell = tell
        self._last: dict[str, str] = {}
        """The last that clients were told of a node's status, by its address."""
        context.members.subscribe(self)
        if gossip is not None:
            gossip.on_state_change(self._state_changed)

    def node_joined(self, node: Node) -> None:
        """It is a member from now on."""
        self._tell(Event(change=TopologyChange(change="NEW_NODE", node=self._endpoint(node.address))))
        self._up_if_usable(node.address)

    def node_left(self, node: Node) -> None:
        """It is none any more."""
        self._last.pop(node.address, None)
        self._tell(Event(change=TopologyChange(change="REMOVED_NODE", node=self._endpoint(node.address))))

    def node_up(self, node: Node) -> None:
        """It can be reached; clients hear of it when they can reach it too."""
        self._up_if_usable(node.address)

    def node_down(self, node: Node) -> None:
        """It cannot be reached any more."""
        if self._context.members.topology.node_at(node.address) is not None:
            self._tell_status(node.address, "DOWN")

    def _state_changed(self, address: str, state: ApplicationState, value: str) -> None:
        if state is not ApplicationState.RPC_READY or address == self._context.address:
            return
        if value == IS_READY:
            self._up_if_usable(address)
        elif self._last.get(address) == "UP":
            self._tell_status(address, "DOWN")

    def _up_if_usable(self, address: str) -> None:
        members = self._context.members
        is_member = members.topology.node_at(address) is not None
        if is_member and members.is_alive(address) and self._is_ready(address):
            self._tell_status(address, "UP")

    def _is_ready(self, address: str) -> bool:
        return self._gossip is None or self._gossip.state_of(address, ApplicationState.RPC_READY) == IS_READY

    def _tell_status(self, address: str, change: str) -> None:
        if self._last.get(address) != change:
            self._last[address] = change
            self._tell(Event(change=StatusChange(change=change, node=self._endpoint(address))))

    def _endpoint(self, address: str) -> Endpoint:
        return Endpoint(ip_address(address), self._context.config.native_transport_port)
