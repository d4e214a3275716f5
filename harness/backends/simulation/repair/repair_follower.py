"""What a follower does when a master repairs a range.

Source:
    Scylla (branch 4.2), repair/row_level.cc (repair_init_messaging_service_handler and the handlers it names).
"""

from collections.abc import Iterable

from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_stream import RpcStream
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.repair.repair_rows import (
    RepairRow,
    partitions_of_rows,
    rows_of_partitions,
)
from harness.backends.simulation.repair.row_buffer import RowBuffer
from harness.backends.simulation.streaming.stream_sessions import LocalWriter
from harness.backends.simulation.streaming.token_ranges import interval_of
from harness.codec.verbs.common import Key
from harness.codec.verbs.repair import (
    CombinedRowHashReply,
    CombinedRowHashRequest,
    CommandFrame,
    DiffAlgorithm,
    DiffAlgorithmsReply,
    EstimatedPartitionsReply,
    FullRowHashesReply,
    FullRowHashesRequest,
    GetEstimatedPartitionsRequest,
    HashFrame,
    HashWithCommand,
    PartitionRows,
    PutRowDiffRequest,
    RepairStreamCommand,
    RepairStreamRequest,
    RowDiffReply,
    RowDiffRequest,
    RowFrame,
    RowLevelStarted,
    RowLevelStartReply,
    RowLevelStartRequest,
    RowLevelStartStatus,
    RowLevelStopRequest,
    RowsWithCommand,
    SetEstimatedPartitionsRequest,
    SyncBoundaryReply,
    SyncBoundaryRequest,
)
from harness.codec.verbs.wire import Void
from harness.errors import HarnessError
from harness.topology import Node

DIFF_ALGORITHMS = (DiffAlgorithm.SEND_FULL_SET, DiffAlgorithm.SEND_FULL_SET_RPC_STREAM)
NO_ROWS = PartitionRows(key=Key(components=()), fragments=())
"""Stands where a frame of a stream carries no rows."""


class RepairError(HarnessError):
    """A repair, or a part of one, that failed."""


class RepairFollower:
    """Takes part in the repairs of other nodes.

    Args:
        context: of the node.
        writer: applies rows that come.
    """

    def __init__(self, context: NodeContext, writer: LocalWriter) -> None:
        self._context = context
        self._writer = writer
        self._buffers: dict[tuple[str, int], RowBuffer] = {}
        messaging = context.messaging
        messaging.handle(Verb.REPAIR_GET_DIFF_ALGORITHMS, self._algorithms)
        messaging.handle(Verb.REPAIR_ROW_LEVEL_START, self._start)
        messaging.handle(Verb.REPAIR_ROW_LEVEL_STOP, self._stop)
        messaging.handle(Verb.REPAIR_GET_ESTIMATED_PARTITIONS, self._estimate)
        messaging.handle(Verb.REPAIR_SET_ESTIMATED_PARTITIONS, self._take_estimate)
        messaging.handle(Verb.REPAIR_GET_SYNC_BOUNDARY, self._boundary)
        messaging.handle(Verb.REPAIR_GET_COMBINED_ROW_HASH, self._combined_hash)
        messaging.handle(Verb.REPAIR_GET_FULL_ROW_HASHES, self._hashes)
        messaging.handle(Verb.REPAIR_GET_ROW_DIFF, self._rows)
        messaging.handle(Verb.REPAIR_PUT_ROW_DIFF, self._put)
        messaging.handle_stream(Verb.REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM, self._stream_hashes)
        messaging.handle_stream(Verb.REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM, self._stream_rows)
        messaging.handle_stream(Verb.REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM, self._stream_put)
        context.members.subscribe(self)

    async def _algorithms(self, _: Sender, __: Void) -> DiffAlgorithmsReply:
        return DiffAlgorithmsReply(algorithms=DIFF_ALGORITHMS)

    async def _start(self, sender: Sender, request: RowLevelStartRequest) -> RowLevelStartReply:
        layout = self._context.catalog.table(request.keyspace, request.table)
        if layout is None:
            started = RowLevelStarted(status=RowLevelStartStatus.NO_SUCH_TABLE)
            return RowLevelStartReply(response=started)
        self._buffers[sender.address, request.repair_meta_id] = RowBuffer(
            self._context,
            self._writer,
            layout,
            interval_of(request.range),
            seed=request.seed,
            bytes_max=request.max_row_buffer_bytes,
        )
        return RowLevelStartReply(response=RowLevelStarted(status=RowLevelStartStatus.OK))

    async def _stop(self, sender: Sender, request: RowLevelStopRequest) -> None:
        self._buffers.pop((sender.address, request.repair_meta_id), None)

    async def _estimate(
        self, sender: Sender, request: GetEstimatedPartitionsRequest
    ) -> EstimatedPartitionsReply:
        buffer = self._buffer(sender, request.repair_meta_id)
        return EstimatedPartitionsReply(estimated_partitions=buffer.estimated_partitions)

    async def _take_estimate(self, sender: Sender, request: SetEstimatedPartitionsRequest) -> None:
        """Nothing depends on it here: there are no files whose size it would decide."""
        self._buffer(sender, request.repair_meta_id)

    async def _boundary(self, sender: Sender, request: SyncBoundaryRequest) -> SyncBoundaryReply:
        buffer = self._buffer(sender, request.repair_meta_id)
        return SyncBoundaryReply(response=buffer.fill(request.skipped_boundary))

    async def _combined_hash(self, sender: Sender, request: CombinedRowHashRequest) -> CombinedRowHashReply:
        buffer = self._buffer(sender, request.repair_meta_id)
        return CombinedRowHashReply(hash=buffer.begin_comparing(request.common_boundary))

    # As single requests, for masters that stream none of it.

    async def _hashes(self, sender: Sender, request: FullRowHashesRequest) -> FullRowHashesReply:
        buffer = self._buffer(sender, request.repair_meta_id)
        return FullRowHashesReply(hashes=tuple(sorted(buffer.working_hashes, reverse=True)))

    async def _rows(self, sender: Sender, request: RowDiffRequest) -> RowDiffReply:
        buffer = self._buffer(sender, request.repair_meta_id)
        rows = buffer.rows(None if request.needs_all_rows else set(request.hashes))
        return RowDiffReply(partitions=tuple(partitions_of_rows(rows)))

    async def _put(self, sender: Sender, request: PutRowDiffRequest) -> None:
        buffer = self._buffer(sender, request.repair_meta_id)
        rows = rows_of_partitions(buffer.layout, request.partitions, buffer.seed)
        await buffer.store(rows, sender.address, compares=False)

    # As streams, one of each kind for all rounds of a range.

    async def _stream_hashes(self, sender: Sender, request: RepairStreamRequest, stream: RpcStream) -> None:
        try:
            buffer = self._buffer(sender, request.repair_meta_id)
            while await stream.receive() is not None:
                send_hashes(stream, buffer.working_hashes)
                await stream.drained()
        finally:
            stream.end()

    async def _stream_rows(self, sender: Sender, request: RepairStreamRequest, stream: RpcStream) -> None:
        try:
            buffer = self._buffer(sender, request.repair_meta_id)
            wanted: set[int] = set()
            while (told := await stream.receive()) is not None:
                assert isinstance(told, HashFrame)
                if told.frame.command == RepairStreamCommand.HASH_DATA:
                    wanted.add(told.frame.hash)
                    continue
                needs_all = told.frame.command == RepairStreamCommand.NEEDS_ALL_ROWS
                send_rows(stream, buffer.rows(None if needs_all else wanted))
                await stream.drained()
                wanted = set()
        finally:
            stream.end()

    async def _stream_put(self, sender: Sender, request: RepairStreamRequest, stream: RpcStream) -> None:
        try:
            buffer = self._buffer(sender, request.repair_meta_id)
            partitions: list[PartitionRows] = []
            while (told := await stream.receive()) is not None:
                assert isinstance(told, RowFrame)
                if told.frame.command == RepairStreamCommand.ROW_DATA:
                    partitions.append(told.frame.rows)
                    continue
                rows = rows_of_partitions(buffer.layout, partitions, buffer.seed)
                try:
                    await buffer.store(rows, sender.address, compares=False)
                except HarnessError:
                    stream.send(CommandFrame(command=RepairStreamCommand.ERROR))
                    raise
                stream.send(CommandFrame(command=RepairStreamCommand.PUT_ROWS_DONE))
                partitions = []
        finally:
            stream.end()

    def _buffer(self, sender: Sender, repair_meta_id: int) -> RowBuffer:
        buffer = self._buffers.get((sender.address, repair_meta_id))
        if buffer is None:
            raise RepairError(f"there is no repair {repair_meta_id} of {sender.address}")
        return buffer

    # What happens to masters.

    def node_joined(self, node: Node) -> None:
        """Nothing follows from it."""

    def node_left(self, node: Node) -> None:
        """Forget its repairs."""
        self.node_down(node)

    def node_up(self, node: Node) -> None:
        """Nothing follows from it."""

    def node_down(self, node: Node) -> None:
        """Forget its repairs."""
        self._buffers = {key: buffer for key, buffer in self._buffers.items() if key[0] != node.address}


def send_hashes(stream: RpcStream, hashes: Iterable[int]) -> None:
    """Send a set of hashes."""
    for row_hash in sorted(hashes, reverse=True):
        stream.send(_hash_frame(RepairStreamCommand.HASH_DATA, row_hash))
    stream.send(_hash_frame(RepairStreamCommand.END_OF_CURRENT_HASH_SET))


def send_wish_for_all(stream: RpcStream) -> None:
    """Ask for all rows."""
    stream.send(_hash_frame(RepairStreamCommand.NEEDS_ALL_ROWS))


def send_rows(stream: RpcStream, rows: Iterable[RepairRow]) -> None:
    """Send rows."""
    for partition in partitions_of_rows(rows):
        frame = RowsWithCommand(command=RepairStreamCommand.ROW_DATA, rows=partition)
        stream.send(RowFrame(frame=frame))
    frame = RowsWithCommand(command=RepairStreamCommand.END_OF_CURRENT_ROWS, rows=NO_ROWS)
    stream.send(RowFrame(frame=frame))


def _hash_frame(command: RepairStreamCommand, row_hash: int = 0) -> HashFrame:
    return HashFrame(frame=HashWithCommand(command=command, hash=row_hash))
