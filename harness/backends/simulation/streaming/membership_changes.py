"""A node becomes a member, or stops being one: the ranges that change hands are streamed in between.

Source:
    Scylla (branch 4.2), service/storage_service.cc (join_token_ring, bootstrap, decommission, unbootstrap,
    leave_ring), dht/boot_strapper.cc.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from harness.backends.simulation.gossip.gossiper import Gossiper
from harness.backends.simulation.gossip.status import StatusKind
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.streaming.moved_ranges import ranges_to_fetch, ranges_to_hand_over
from harness.backends.simulation.streaming.range_streamer import shared_keyspaces, stream_ranges
from harness.backends.simulation.streaming.stream_sessions import StreamSessions
from harness.codec.verbs.streaming import StreamReason
from harness.errors import BackendError, HarnessError

_ON_ITS_WAY_S = 0.1


class MembershipChanges:
    """Lets one node join or leave.

    Args:
        context: of the node.
        gossip: tells the others.
        sessions: streams.
        replay_batches: writes what the batchlog still has; None: there is none.
    """

    def __init__(
        self,
        context: NodeContext,
        gossip: Gossiper,
        sessions: StreamSessions,
        replay_batches: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._context = context
        self._gossip = gossip
        self._sessions = sessions
        self._replay_batches = replay_batches

    async def bootstrap(self) -> None:
        """Fetch the data of the node's tokens, then become a member; the schema has to be there before.

        Raises:
            HarnessError: the data cannot be had.
        """
        self._gossip.announce_boot()
        await self._settle()
        members = self._context.members
        newcomer = replace(members.own, tokens=self._gossip.identity.tokens)
        for keyspace in shared_keyspaces(self._context.catalog):
            ranges = ranges_to_fetch(
                members.topology,
                newcomer,
                keyspace.replication,
                by_proximity=members.by_proximity,
                is_alive=members.is_alive,
            )
            await stream_ranges(
                self._sessions.fetch,
                keyspace.name,
                ranges,
                name="Bootstrap",
                reason=StreamReason.BOOTSTRAP,
            )
        self._gossip.become_normal()
        await self._gossip.tell_all()

    async def decommission(self) -> None:
        """Hand over all data, then be a member no more; the node does not gossip any longer then.

        Raises:
            BackendError: the node is no member, or the only one, or others are on the move.
            HarnessError: the data cannot be handed over; the node stays a member.
        """
        members = self._context.members
        if self._gossip.status is not StatusKind.NORMAL:
            raise BackendError("local node is not a member of the token ring yet")
        if len(members.topology.nodes) < 2:
            raise BackendError("no other normal nodes in the ring; decommission would be pointless")
        if members.is_changing:
            raise BackendError("another node is joining or leaving; unable to decommission")
        self._gossip.announce_leaving()
        await self._settle()
        try:
            if self._replay_batches is not None:
                await self._replay_batches()
            await self._hand_over()
        except HarnessError:
            self._gossip.become_normal()
            raise
        self._gossip.announce_left()
        await self._gossip.tell_all()
        await self._gossip.stop()

    async def _hand_over(self) -> None:
        address, topology = self._context.address, self._context.members.topology
        for keyspace in shared_keyspaces(self._context.catalog):
            await stream_ranges(
                self._sessions.push,
                keyspace.name,
                ranges_to_hand_over(topology, address, keyspace.replication),
                name="Unbootstrap",
                reason=StreamReason.DECOMMISSION,
            )

    async def _settle(self) -> None:
        """Wait until all others send what is written to the new owners too."""
        await self._gossip.tell_all()
        # What was on its way to the old owners alone when the others heard of it has to arrive before it is streamed.
        await self._context.world.sleep(max(self._context.config.ring_delay_ms / 1000, _ON_ITS_WAY_S))
