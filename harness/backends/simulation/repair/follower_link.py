"""A follower as the master of a repair sees it: requests for one range, and the streams that they need.

Source:
    Scylla (branch 4.2), repair/row_level.cc (repair_meta: repair_row_level_start and the others;
    get_full_row_hashes_with_rpc_stream, get_row_diff_with_rpc_stream, put_row_diff_with_rpc_stream).
"""

from collections.abc import Sequence

from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.messaging.rpc_stream import RpcStream
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.repair.repair_follower import (
    RepairError,
    send_hashes,
    send_rows,
    send_wish_for_all,
)
from harness.backends.simulation.repair.repair_rows import RepairRow
from harness.codec.verbs.repair import (
    BufferState,
    CombinedRowHashReply,
    CombinedRowHashRequest,
    CommandFrame,
    EstimatedPartitionsReply,
    GetEstimatedPartitionsRequest,
    HashFrame,
    PartitionRows,
    RepairStreamCommand,
    RepairStreamRequest,
    RowFrame,
    RowLevelStarted,
    RowLevelStartReply,
    RowLevelStartRequest,
    RowLevelStartStatus,
    RowLevelStopRequest,
    SetEstimatedPartitionsRequest,
    SyncBoundary,
    SyncBoundaryReply,
    SyncBoundaryRequest,
)


class FollowerLink:
    """One follower in the repair of one range of one table.

    Args:
        messaging: of the master.
        address: of the follower.
        repair_meta_id: names the repair.
    """

    def __init__(self, messaging: Messaging, address: str, repair_meta_id: int) -> None:
        self.address = address
        self.has_started = False
        self._messaging = messaging
        self._id = repair_meta_id
        self._streams: dict[Verb, RpcStream] = {}

    async def start(self, request: RowLevelStartRequest) -> None:
        """Have it take part.

        Raises:
            RepairError: it does not know the table.
            RpcError: it does not answer.
        """
        reply: RowLevelStartReply = await self._messaging.call(
            self.address, Verb.REPAIR_ROW_LEVEL_START, request
        )
        started = reply.response
        if isinstance(started, RowLevelStarted) and started.status != RowLevelStartStatus.OK:
            raise RepairError(f"{self.address} does not know {request.keyspace}.{request.table}")
        self.has_started = True

    async def estimated_partitions(self) -> int:
        """How many partitions it has, about."""
        request = GetEstimatedPartitionsRequest(repair_meta_id=self._id)
        reply: EstimatedPartitionsReply = await self._messaging.call(
            self.address, Verb.REPAIR_GET_ESTIMATED_PARTITIONS, request
        )
        return reply.estimated_partitions

    async def tell_estimate(self, count: int) -> None:
        """Tell it how many partitions there are, about, at all nodes together."""
        request = SetEstimatedPartitionsRequest(repair_meta_id=self._id, estimated_partitions=count)
        await self._messaging.call(self.address, Verb.REPAIR_SET_ESTIMATED_PARTITIONS, request)

    async def fill(self, skipped: SyncBoundary | None) -> BufferState:
        """Have it read on."""
        request = SyncBoundaryRequest(repair_meta_id=self._id, skipped_boundary=skipped)
        reply: SyncBoundaryReply = await self._messaging.call(
            self.address, Verb.REPAIR_GET_SYNC_BOUNDARY, request
        )
        return reply.response

    async def begin_comparing(self, boundary: SyncBoundary) -> int:
        """Have it take the rows up to an edge; gives their combined hash."""
        request = CombinedRowHashRequest(repair_meta_id=self._id, common_boundary=boundary)
        reply: CombinedRowHashReply = await self._messaging.call(
            self.address, Verb.REPAIR_GET_COMBINED_ROW_HASH, request
        )
        return reply.hash

    async def hashes(self) -> set[int]:
        """The hashes of the rows that it compares."""
        stream = await self._stream(Verb.REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM)
        stream.send(CommandFrame(command=RepairStreamCommand.GET_FULL_ROW_HASHES))
        found: set[int] = set()
        while True:
            told = await stream.receive()
            if not isinstance(told, HashFrame) or told.frame.command == RepairStreamCommand.ERROR:
                raise RepairError(f"{self.address} gives no hashes")
            if told.frame.command != RepairStreamCommand.HASH_DATA:
                return found
            found.add(told.frame.hash)

    async def rows(self, hashes: set[int] | None) -> list[PartitionRows]:
        """Its rows with these hashes, or all that it compares."""
        stream = await self._stream(Verb.REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM)
        if hashes is None:
            send_wish_for_all(stream)
        else:
            send_hashes(stream, hashes)
        found: list[PartitionRows] = []
        while True:
            told = await stream.receive()
            if not isinstance(told, RowFrame) or told.frame.command == RepairStreamCommand.ERROR:
                raise RepairError(f"{self.address} gives no rows")
            if told.frame.command != RepairStreamCommand.ROW_DATA:
                return found
            found.append(told.frame.rows)

    async def put(self, rows: Sequence[RepairRow]) -> None:
        """Give it rows."""
        stream = await self._stream(Verb.REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM)
        send_rows(stream, rows)
        told = await stream.receive()
        if not isinstance(told, CommandFrame) or told.command != RepairStreamCommand.PUT_ROWS_DONE:
            raise RepairError(f"{self.address} could not store rows")

    async def stop(self, request: RowLevelStopRequest) -> None:
        """Have it forget the range, and end the streams."""
        for stream in self._streams.values():
            stream.end()
        if self.has_started:
            await self._messaging.call(self.address, Verb.REPAIR_ROW_LEVEL_STOP, request)

    async def _stream(self, verb: Verb) -> RpcStream:
        stream = self._streams.get(verb)
        if stream is None:
            stream = self._streams[verb] = await self._messaging.open_stream(
                self.address,
                verb,
                lambda stream_id: RepairStreamRequest(repair_meta_id=self._id, stream_id=stream_id),
            )
        return stream
