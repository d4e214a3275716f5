"""Which of the other nodes are alive: asked by an ECHO when there is news of them, silent ones found in time.

Scylla weighs the times between heartbeats (phi accrual) with a threshold that few exceed in less than ten seconds or
so; here a node is down when nothing new was heard of it for a time that is set, or, if that is set, at once when nobody
listens at its port any more: a killed process leaves nothing else to wait for.

Source:
    Scylla (branch 4.2), gms/gossiper.cc (mark_alive, real_mark_alive, mark_dead, do_status_check),
    gms/failure_detector.cc (the local pause), service/storage_service.cc (on_dead, on_restart).
"""

from collections.abc import Callable

from harness.backends.simulation.gossip.endpoint_states import EndpointStates
from harness.backends.simulation.gossip.ring_news import RingNews
from harness.backends.simulation.gossip.status import Status, StatusKind
from harness.backends.simulation.messaging.rpc_error import RpcError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.gossip import ApplicationState, GossipEchoRequest

_ECHO_TIMEOUT_MS = 3000
_ATTEMPT_S = 3.0
"""After what time a connection that has not led to an answer is given up."""
_LOCAL_PAUSE_S_MAX = 2.0
"""After a round that came so much too late nobody is blamed for silence: it was this node that slept."""


class Liveness:
    """Knows who is alive.

    Args:
        context: the node; its members and connections follow.
        states: what is known by gossip.
        ring: describes nodes.
        came_up: told of each node that is alive from now on.
    """

    def __init__(
        self, context: NodeContext, states: EndpointStates, ring: RingNews, came_up: Callable[[str], None]
    ) -> None:
        self._context = context
        self._states = states
        self._ring = ring
        self._came_up = came_up
        self._heard_s: dict[str, float] = {}
        self._asked: set[str] = set()
        self._judged_s: float | None = None
        if context.config.down_when_refused:
            context.messaging.when_refused(self.take_down)

    def live(self) -> list[str]:
        """The other nodes that are alive."""
        return [address for address in self._others() if self.is_alive(address)]

    def unreachable(self) -> list[str]:
        """The other nodes that are not, and have not left."""
        return [
            address
            for address in self._others()
            if not self.is_alive(address) and not self._status(address).is_dead
        ]

    def is_alive(self, address: str) -> bool:
        """Whether a node is alive."""
        return self._context.members.is_alive(address)

    def hear(self, address: str, *, is_restart: bool) -> None:
        """There is news of a node."""
        self._heard_s[address] = self._context.world.monotonic_s
        if is_restart:
            # Connections to its last run are of no use; and whoever waits for it has to know.
            self.take_down(address)
        status = self._status(address)
        if status.is_dead or status.kind is StatusKind.SHUTDOWN:
            self.take_down(address)
        elif not self.is_alive(address) and address not in self._asked:
            self._asked.add(address)
            self._context.world.start(self._ask(address), f"echo of {address}")

    def take_down(self, address: str) -> None:
        """A node is not alive any more."""
        if address in {node.address for node in self._context.members.live}:
            self._context.world.log(f"{address} is down")
            self._context.members.mark_down(address)
            self._context.messaging.drop(address)

    def try_anew(self, address: str) -> None:
        """Let the next message to a node that is not alive open a connection; called before it is gossiped with.

        An attempt from the time when packets did not get through waits longer and longer between two tries; one by a slow
        way takes its time.
        """
        if not self.is_alive(address) and address not in self._asked:
            self._context.messaging.drop(address, older_than_s=_ATTEMPT_S)

    def judge(self) -> None:
        """Find nodes that have been silent for too long; called in each round."""
        now_s = self._context.world.monotonic_s
        interval_s = self._context.config.gossip_interval_ms / 1000
        last_s, self._judged_s = self._judged_s, now_s
        if last_s is not None and now_s - last_s > interval_s + _LOCAL_PAUSE_S_MAX:
            self._context.world.log(f"no round for {now_s - last_s:.1f} s; nobody is judged by that")
            self._heard_s = dict.fromkeys(self._heard_s, now_s)
            return
        timeout_s = self._context.config.failure_timeout_ms / 1000
        for address in self.live():
            if now_s - self._heard_s.setdefault(address, now_s) > timeout_s:
                self.take_down(address)

    def silence_s(self, address: str) -> float:
        """How long nothing new was heard of a node."""
        now_s = self._context.world.monotonic_s
        return now_s - self._heard_s.setdefault(address, now_s)

    def forget(self, address: str) -> None:
        """A node is not known any more."""
        self.take_down(address)
        self._heard_s.pop(address, None)

    async def _ask(self, address: str) -> None:
        try:
            await self._context.messaging.call(
                address, Verb.GOSSIP_ECHO, GossipEchoRequest(), timeout_ms=_ECHO_TIMEOUT_MS
            )
        except RpcError:
            return
        finally:
            self._asked.discard(address)
        status = self._status(address)
        if status.is_dead or status.kind is StatusKind.SHUTDOWN or self.is_alive(address):
            return
        self._heard_s[address] = self._context.world.monotonic_s
        self._context.world.log(f"{address} is up")
        self._context.members.mark_up(self._ring.node_at(address))
        self._came_up(address)

    def _others(self) -> list[str]:
        return [address for address in self._states.known if address != self._context.address]

    def _status(self, address: str) -> Status:
        known = self._states.of(address)
        return Status.of(None if known is None else known.value(ApplicationState.STATUS))
