"""What the REST API tells of gossip: ``/gossiper`` and ``/failure_detector``.

Source:
    Scylla (branch 4.2), api/gossiper.cc, api/failure_detector.cc, api/api-doc/gossiper.json, failure_detector.json.
"""

from collections.abc import Sequence
from typing import Protocol

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.http_connection import HttpError
from harness.backends.simulation.server.rest_api import Arguments, RestApi
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node


class GossipView(Protocol):
    """What a node has heard."""

    @property
    def known(self) -> Sequence[Node]:
        """All nodes that are known, members or not."""

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        """What a node says of itself; None: nothing."""

    def generation_of(self, address: str) -> int | None:
        """When a node started, in seconds since 1970; None: it is not known."""

    def heartbeat_of(self, address: str) -> int | None:
        """How far a node has counted; None: it is not known."""


class GossipApi:
    """Adds its paths to the API.

    Args:
        api: of the node.
        context: of the node.
        gossip: what it has heard.
    """

    def __init__(self, api: RestApi, context: NodeContext, gossip: GossipView) -> None:
        self._context = context
        self._gossip = gossip
        api.add("GET", "/gossiper/endpoint/live", self._live)
        api.add("GET", "/gossiper/endpoint/down", self._down)
        api.add("GET", "/gossiper/generation_number/{addr}", self._generation)
        api.add("GET", "/gossiper/heart_beat_version/{addr}", self._heartbeat)
        api.add("GET", "/failure_detector/endpoints", self._endpoints)
        api.add("GET", "/failure_detector/simple_states", self._simple_states)
        api.add("GET", "/failure_detector/count/endpoint/up", self._count_up)
        api.add("GET", "/failure_detector/count/endpoint/down", self._count_down)

    async def _live(self, _: Arguments) -> object:
        return [address for address in self._addresses() if self._is_alive(address)]

    async def _down(self, _: Arguments) -> object:
        return [address for address in self._addresses() if not self._is_alive(address)]

    async def _generation(self, arguments: Arguments) -> object:
        return _known(self._gossip.generation_of(arguments["addr"]), arguments)

    async def _heartbeat(self, arguments: Arguments) -> object:
        return _known(self._gossip.heartbeat_of(arguments["addr"]), arguments)

    async def _endpoints(self, _: Arguments) -> object:
        return [
            {
                "addrs": address,
                "generation": self._gossip.generation_of(address) or 0,
                "version": self._gossip.heartbeat_of(address) or 0,
                "is_alive": self._is_alive(address),
                "application_state": self._states(address),
            }
            for address in self._addresses()
        ]

    async def _simple_states(self, _: Arguments) -> object:
        return [
            {"key": address, "value": "UP" if self._is_alive(address) else "DOWN"}
            for address in self._addresses()
        ]

    async def _count_up(self, _: Arguments) -> object:
        return sum(self._is_alive(address) for address in self._addresses())

    async def _count_down(self, _: Arguments) -> object:
        return sum(not self._is_alive(address) for address in self._addresses())

    def _states(self, address: str) -> list[dict[str, object]]:
        said = [(state, self._gossip.state_of(address, state)) for state in ApplicationState]
        return [
            {"application_state": int(state), "value": value} for state, value in said if value is not None
        ]

    def _addresses(self) -> list[str]:
        own = self._context.address
        return [own, *(node.address for node in self._gossip.known if node.address != own)]

    def _is_alive(self, address: str) -> bool:
        return self._context.members.is_alive(address)


def _known(number: int | None, arguments: Arguments) -> int:
    if number is None:
        raise HttpError(400, f"no node at {arguments['addr']} is known")
    return number
