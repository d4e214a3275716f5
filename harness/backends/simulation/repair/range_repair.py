"""The repair of one range of one table, as its master leads it, round by round.

Source:
    Scylla (branch 4.2), repair/row_level.cc (row_level_repair: run, negotiate_sync_boundary,
    get_missing_rows_from_follower_nodes, send_missing_rows_to_follower_nodes).
"""

import asyncio
from collections.abc import Sequence
from enum import Enum

from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.repair.follower_link import FollowerLink
from harness.backends.simulation.repair.repair_follower import RepairError
from harness.backends.simulation.repair.repair_rows import place_of_boundary, rows_of_partitions
from harness.backends.simulation.repair.row_buffer import RowBuffer
from harness.backends.simulation.streaming.stream_sessions import LocalWriter
from harness.backends.simulation.streaming.token_ranges import TokenInterval
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.repair import (
    BufferState,
    DiffAlgorithm,
    DiffAlgorithmsReply,
    RowLevelStartRequest,
    RowLevelStopRequest,
    SyncBoundary,
)
from harness.codec.verbs.streaming import StreamReason
from harness.codec.verbs.wire import Void

PARTITIONER = "org.apache.cassandra.dht.Murmur3Partitioner"
ROW_BUFFER_BYTES = 32 << 20
"""How much each node reads for one round."""


class _Round(Enum):
    ALL_DONE = "all done"
    NEXT_ROUND = "next round"
    COMPARE = "compare"


class RangeRepair:
    """One range of one table.

    Args:
        context: of the master.
        writer: applies rows that come.
        layout: of the table.
        interval: the range.
        followers: addresses of the other replicas.
        repair_meta_id: names the repair.
        row_buffer_bytes: how much each node reads for one round.
    """

    def __init__(
        self,
        context: NodeContext,
        writer: LocalWriter,
        layout: TableLayout,
        interval: TokenInterval,
        followers: Sequence[str],
        *,
        repair_meta_id: int,
        row_buffer_bytes: int = ROW_BUFFER_BYTES,
    ) -> None:
        self._context = context
        self._layout = layout
        self._interval = interval
        self._followers = [FollowerLink(context.messaging, address, repair_meta_id) for address in followers]
        self._id = repair_meta_id
        self._buffer_bytes = row_buffer_bytes
        self._seed = context.world.random.getrandbits(64)
        self._own = RowBuffer(context, writer, layout, interval, seed=self._seed, bytes_max=row_buffer_bytes)
        self._skipped: SyncBoundary | None = None
        self._boundary: SyncBoundary | None = None
        self._hashes: list[int] = []
        self._known_hashes: list[set[int]] = []

    async def run(self) -> None:
        """Repair.

        Raises:
            HarnessError: a follower does not take part, or is lost on the way.
        """
        await self._ask_algorithms()
        try:
            await self._start()
            await self._rounds()
        except BaseException:
            await self._stop(is_lost=True)
            raise
        await self._stop()

    async def _ask_algorithms(self) -> None:
        replies: list[DiffAlgorithmsReply] = await asyncio.gather(
            *(
                self._context.messaging.call(follower.address, Verb.REPAIR_GET_DIFF_ALGORITHMS, Void())
                for follower in self._followers
            )
        )
        for reply in replies:
            if DiffAlgorithm.SEND_FULL_SET_RPC_STREAM not in reply.algorithms:
                raise RepairError("a follower finds differences in no way that this node knows")

    async def _start(self) -> None:
        table = self._layout.table
        assert table.version is not None
        request = RowLevelStartRequest(
            repair_meta_id=self._id,
            keyspace=table.keyspace,
            table=table.name,
            range=self._interval.wire,
            diff_algorithm=DiffAlgorithm.SEND_FULL_SET_RPC_STREAM,
            max_row_buffer_bytes=self._buffer_bytes,
            seed=self._seed,
            master_shard=0,
            master_shard_count=1,
            master_ignore_msb=0,
            master_partitioner=PARTITIONER,
            schema_version=table.version,
            reason=StreamReason.REPAIR,
        )
        await asyncio.gather(*(follower.start(request) for follower in self._followers))
        counts = await asyncio.gather(*(follower.estimated_partitions() for follower in self._followers))
        count = self._own.estimated_partitions + sum(counts)
        await asyncio.gather(*(follower.tell_estimate(count) for follower in self._followers))

    async def _stop(self, *, is_lost: bool = False) -> None:
        request = RowLevelStopRequest(
            repair_meta_id=self._id,
            keyspace=self._layout.table.keyspace,
            table=self._layout.table.name,
            range=self._interval.wire,
        )
        await asyncio.gather(
            *(follower.stop(request) for follower in self._followers), return_exceptions=is_lost
        )

    async def _rounds(self) -> None:
        while True:
            match await self._agree_on_boundary():
                case _Round.ALL_DONE:
                    return
                case _Round.NEXT_ROUND:
                    continue
                case _Round.COMPARE:
                    await self._get_missing()
                    await self._put_missing()

    async def _agree_on_boundary(self) -> _Round:
        own = self._own.fill(self._skipped)
        others = await asyncio.gather(*(follower.fill(self._skipped) for follower in self._followers))
        states: list[BufferState] = [own, *others]
        boundaries = [state.boundary for state in states if state.boundary is not None]
        if not boundaries:
            return _Round.ALL_DONE
        places = [place_of_boundary(self._layout, boundary) for boundary in boundaries]
        smallest = boundaries[places.index(min(places))]
        if (
            len(boundaries) == len(states)
            and len(set(places)) == 1
            and len({state.combined_hash for state in states}) == 1
        ):
            self._skipped = smallest
            return _Round.NEXT_ROUND
        self._skipped = None
        own_hash = self._own.begin_comparing(smallest)
        self._hashes = await asyncio.gather(
            *(follower.begin_comparing(smallest) for follower in self._followers)
        )
        if all(row_hash == own_hash for row_hash in self._hashes):
            return _Round.NEXT_ROUND
        return _Round.COMPARE

    async def _get_missing(self) -> None:
        """Get from each follower in turn what neither this node nor a follower before it has."""
        self._known_hashes = []
        for follower, row_hash in zip(self._followers, self._hashes, strict=True):
            if row_hash == self._own.working_hash:
                self._known_hashes.append(self._own.working_hashes)
                continue
            theirs = await follower.hashes()
            missing = theirs - self._own.working_hashes
            needs_all = len(missing) == len(theirs)
            if needs_all or missing:
                partitions = await follower.rows(None if needs_all else missing)
                rows = rows_of_partitions(self._layout, partitions, self._seed)
                await self._own.store(rows, follower.address, compares=True)
            self._known_hashes.append(theirs)

    async def _put_missing(self) -> None:
        """Give each follower what it lacks."""
        ours = self._own.working_hashes
        await asyncio.gather(
            *(
                follower.put(self._own.rows(ours - theirs))
                for follower, theirs in zip(self._followers, self._known_hashes, strict=True)
                if ours - theirs
            )
        )
