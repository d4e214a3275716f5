"""Words for streaming and for row-level repair."""

from harness.codec.verbs.common import TokenRange
from harness.codec.verbs.mutation import RangeTombstone
from harness.codec.verbs.mutation_fragment import (
    ClusteringRow,
    MutationFragment,
    PartitionEnd,
    PartitionStart,
    StaticRow,
)
from harness.codec.verbs.repair import (
    BufferState,
    ChecksumRangeReply,
    ChecksumRangeRequest,
    CombinedRowHashReply,
    CombinedRowHashRequest,
    CommandFrame,
    DiffAlgorithmsReply,
    EstimatedPartitionsReply,
    FlushHintsBatchlogReply,
    FlushHintsBatchlogRequest,
    FullRowHashesReply,
    FullRowHashesRequest,
    GetEstimatedPartitionsRequest,
    HashFrame,
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
    RowLevelStopRequest,
    SetEstimatedPartitionsRequest,
    SyncBoundary,
    SyncBoundaryReply,
    SyncBoundaryRequest,
    TableSizeReply,
    UpdateCompactionControlRequest,
    UpdateSystemTableRequest,
)
from harness.codec.verbs.repair import TableRequest as RepairTableRequest
from harness.codec.verbs.streaming import (
    BlobCommand,
    CloneSstableReply,
    CloneSstableRequest,
    CompleteMessage,
    FragmentFrame,
    FragmentStatus,
    PrepareDoneMessage,
    PrepareMessage,
    PrepareMessageReply,
    PrepareMessageRequest,
    ReplicationFinished,
    StreamBlobFrame,
    StreamBlobRequest,
    StreamMutationDone,
    StreamMutationFragmentsRequest,
    StreamMutationRequest,
    StreamOpened,
    TabletStreamFilesReply,
    TabletStreamFilesRequest,
)
from harness.codec.verbs.tablets import TableRequest as TabletTableRequest
from harness.events.wording.words import (
    Words,
    byte_count,
    counted,
    listed,
    number_name,
    present,
    printable,
    says,
    sentence,
    short_id,
    token_range_text,
    token_text,
)

# Streaming of mutations.


@says(PrepareMessageRequest)
def _prepare(body: PrepareMessageRequest, words: Words) -> str:
    return sentence(
        f"plan {short_id(body.plan_id)} {printable(body.description)!r}",
        number_name(body.reason),
        _prepared(body.message, words),
    )


@says(PrepareMessageReply)
def _prepare_reply(body: PrepareMessageReply, words: Words) -> str:
    return _prepared(body.message, words) or "nothing to stream"


def _prepared(message: PrepareMessage, words: Words) -> str:
    wanted = [
        f"{counted(len(request.ranges), 'range')} of {_tables_of(request.keyspace, request.tables)}"
        for request in message.requests
    ]
    offered = [words.table(summary.table_id) for summary in message.summaries]
    return sentence(
        f"wants {listed(wanted)}" if wanted else "", f"will send {listed(offered)}" if offered else ""
    )


def _tables_of(keyspace: str, tables: tuple[str, ...]) -> str:
    return printable(listed([f"{keyspace}.{table}" for table in tables]) or f"{keyspace}.*")


@says(PrepareDoneMessage)
def _prepare_done(body: PrepareDoneMessage, _words: Words) -> str:
    return f"plan {short_id(body.plan_id)}"


@says(StreamMutationRequest)
def _stream_mutation(body: StreamMutationRequest, words: Words) -> str:
    return f"{words.change(body.mutation)} (plan {short_id(body.plan_id)})"


@says(StreamMutationFragmentsRequest)
def _stream_fragments(body: StreamMutationFragmentsRequest, words: Words) -> str:
    return sentence(
        f"{words.table(body.table_id)}, plan {short_id(body.plan_id)}",
        number_name(body.reason),
        f"about {body.estimated_partitions} partitions",
    )


@says(StreamOpened)
def _opened(_body: StreamOpened, _words: Words) -> str:
    return "stream taken"


@says(FragmentFrame)
def _fragment_frame(body: FragmentFrame, words: Words) -> str:
    if body.fragment is None:
        command = present(body.command)
        return number_name(command) if command is not None else "nothing"
    return _fragment(body.fragment, words)


def _fragment(fragment: MutationFragment, words: Words) -> str:
    content = fragment.fragment
    match content:
        case PartitionStart():
            deleted = ", deleted" if content.tombstone.exists else ""
            return f"partition ({words.raw_key(content.key)}){deleted}"
        case ClusteringRow():
            return f"row [{words.raw_key(content.row.key)}] {counted(len(content.row.cells.columns), 'cell')}"
        case StaticRow():
            return f"static row {counted(len(content.cells.columns), 'cell')}"
        case RangeTombstone():
            return "deletion of a range of rows"
        case PartitionEnd():
            return "end of partition"


@says(FragmentStatus)
def _fragment_status(body: FragmentStatus, _words: Words) -> str:
    return "all stored" if body.status == 0 else f"failed ({body.status})"


@says(StreamMutationDone)
def _stream_done(body: StreamMutationDone, words: Words) -> str:
    return (
        f"{words.table(body.table_id)}, {counted(len(body.ranges), 'range')}, plan {short_id(body.plan_id)}"
    )


@says(CompleteMessage)
def _complete(body: CompleteMessage, _words: Words) -> str:
    return f"plan {short_id(body.plan_id)}{' failed' if body.failed else ''}"


@says(ReplicationFinished)
def _replication_finished(body: ReplicationFinished, words: Words) -> str:
    return words.node(body.sender)


# Files of tablets.


@says(TabletStreamFilesRequest)
def _stream_files(body: TabletStreamFilesRequest, words: Words) -> str:
    files = body.request
    targets = listed([f"{words.host(target.host_id)} shard {target.shard}" for target in files.targets])
    return (
        f"{printable(files.keyspace)}.{printable(files.table)} {token_range_text(files.range)} to {targets}"
    )


@says(TabletStreamFilesReply)
def _streamed_files(body: TabletStreamFilesReply, _words: Words) -> str:
    return byte_count(body.response.streamed_bytes)


@says(StreamBlobRequest)
def _stream_blob(body: StreamBlobRequest, words: Words) -> str:
    meta = body.meta
    return f"{printable(meta.filename)} of {words.table(meta.table_id)}, {number_name(meta.operation)}"


@says(StreamBlobFrame)
def _blob_frame(body: StreamBlobFrame, _words: Words) -> str:
    frame = body.frame
    if frame.command == BlobCommand.DATA and frame.part is not None:
        return byte_count(len(frame.part.data))
    return number_name(frame.command)


@says(CloneSstableRequest)
def _clone(body: CloneSstableRequest, words: Words) -> str:
    request = body.request
    return f"{short_id(request.sstable.id)} of {words.table(request.table_id)} for shard {request.shard}"


@says(CloneSstableReply)
def _cloned(body: CloneSstableReply, _words: Words) -> str:
    return byte_count(body.response.cloned_bytes)


# Row-level repair.


def _ranged(keyspace: str, table: str, token_range: TokenRange) -> str:
    return f"{printable(keyspace)}.{printable(table)} {token_range_text(token_range)}"


@says(ChecksumRangeRequest)
def _checksum(body: ChecksumRangeRequest, _words: Words) -> str:
    return _ranged(body.keyspace, body.table, body.range)


@says(ChecksumRangeReply)
def _checksum_reply(body: ChecksumRangeReply, _words: Words) -> str:
    return f"checksum {body.checksum.digest.hex()[:16]}"


@says(RowLevelStartRequest)
def _start(body: RowLevelStartRequest, _words: Words) -> str:
    reason = present(body.reason)
    return sentence(
        f"repair {body.repair_meta_id} of {_ranged(body.keyspace, body.table, body.range)}",
        "" if reason is None else number_name(reason),
    )


@says(RowLevelStartReply)
def _start_reply(body: RowLevelStartReply, _words: Words) -> str:
    response = body.response
    return number_name(response.status) if isinstance(response, RowLevelStarted) else "ok"


@says(RowLevelStopRequest)
def _stop(body: RowLevelStopRequest, _words: Words) -> str:
    return f"repair {body.repair_meta_id} of {_ranged(body.keyspace, body.table, body.range)}"


@says(FullRowHashesRequest)
def _hashes(body: FullRowHashesRequest, _words: Words) -> str:
    return f"repair {body.repair_meta_id}"


@says(FullRowHashesReply)
def _hashes_reply(body: FullRowHashesReply, _words: Words) -> str:
    return counted(len(body.hashes), "hash", "hashes")


@says(CombinedRowHashRequest)
def _combined(body: CombinedRowHashRequest, words: Words) -> str:
    return f"repair {body.repair_meta_id}, up to {_boundary(body.common_boundary, words)}"


@says(CombinedRowHashReply)
def _combined_reply(body: CombinedRowHashReply, _words: Words) -> str:
    return f"hash {body.hash:016x}"


@says(SyncBoundaryRequest)
def _sync(body: SyncBoundaryRequest, words: Words) -> str:
    after = "" if body.skipped_boundary is None else f"after {_boundary(body.skipped_boundary, words)}"
    return sentence(f"repair {body.repair_meta_id}", after or "from the start")


@says(SyncBoundaryReply)
def _sync_reply(body: SyncBoundaryReply, words: Words) -> str:
    state: BufferState = body.response
    if state.boundary is None:
        return "no rows"
    rows = counted(state.new_row_count, "new row")
    return f"{rows} ({byte_count(state.new_rows_bytes)}), up to {_boundary(state.boundary, words)}, hash {state.combined_hash:016x}"


def _boundary(boundary: SyncBoundary | None, words: Words) -> str:
    if boundary is None:
        return "the end"
    position = boundary.position.key
    row = f" [{words.raw_key(position)}]" if position is not None and position.components else ""
    return f"({words.raw_key(boundary.key.key)}){row} at token {token_text(boundary.key.token)}"


@says(RowDiffRequest)
def _row_diff(body: RowDiffRequest, _words: Words) -> str:
    wanted = "all rows" if body.needs_all_rows else counted(len(body.hashes), "row")
    return f"repair {body.repair_meta_id}, wants {wanted}"


@says(RowDiffReply)
def _row_diff_reply(body: RowDiffReply, words: Words) -> str:
    return _partitions(body.partitions, words)


@says(PutRowDiffRequest)
def _put_rows(body: PutRowDiffRequest, words: Words) -> str:
    return f"repair {body.repair_meta_id}, {_partitions(body.partitions, words)}"


def _partitions(partitions: tuple[PartitionRows, ...], words: Words) -> str:
    return listed([_rows(partition, words) for partition in partitions], 4) or "no rows"


def _rows(partition: PartitionRows, words: Words) -> str:
    rows = sum(isinstance(fragment.fragment, ClusteringRow) for fragment in partition.fragments)
    return f"({words.raw_key(partition.key)}) {counted(rows, 'row')}"


@says(GetEstimatedPartitionsRequest)
def _get_estimate(body: GetEstimatedPartitionsRequest, _words: Words) -> str:
    return f"repair {body.repair_meta_id}"


@says(EstimatedPartitionsReply)
def _estimate(body: EstimatedPartitionsReply, _words: Words) -> str:
    return f"about {body.estimated_partitions} partitions"


@says(SetEstimatedPartitionsRequest)
def _set_estimate(body: SetEstimatedPartitionsRequest, _words: Words) -> str:
    return f"repair {body.repair_meta_id}, about {body.estimated_partitions} partitions"


@says(DiffAlgorithmsReply)
def _algorithms(body: DiffAlgorithmsReply, _words: Words) -> str:
    return listed([number_name(algorithm) for algorithm in body.algorithms])


@says(RepairStreamRequest)
def _repair_stream(body: RepairStreamRequest, _words: Words) -> str:
    return f"repair {body.repair_meta_id}"


@says(HashFrame)
def _hash_frame(body: HashFrame, _words: Words) -> str:
    frame = body.frame
    if frame.command == RepairStreamCommand.HASH_DATA:
        return f"hash {frame.hash:016x}"
    return number_name(frame.command)


@says(RowFrame)
def _row_frame(body: RowFrame, words: Words) -> str:
    frame = body.frame
    if frame.command == RepairStreamCommand.ROW_DATA:
        return _rows(frame.rows, words)
    return number_name(frame.command)


@says(CommandFrame)
def _command_frame(body: CommandFrame, _words: Words) -> str:
    return number_name(body.command)


@says(UpdateSystemTableRequest)
def _history(body: UpdateSystemTableRequest, _words: Words) -> str:
    entry = body.request
    return f"repair {short_id(entry.repair_id)} of {_ranged(entry.keyspace, entry.table, entry.range)}"


@says(FlushHintsBatchlogRequest)
def _flush(body: FlushHintsBatchlogRequest, _words: Words) -> str:
    return f"repair {short_id(body.request.repair_id)}"


@says(FlushHintsBatchlogReply)
def _flushed(_body: FlushHintsBatchlogReply, _words: Words) -> str:
    return "flushed"


@says(UpdateCompactionControlRequest)
def _compaction(body: UpdateCompactionControlRequest, words: Words) -> str:
    return f"tablet {body.tablet.tablet} of {words.table(body.tablet.table_id)}"


@says(RepairTableRequest)
def _repair_table(body: RepairTableRequest, words: Words) -> str:
    return words.table(body.table_id)


@says(TabletTableRequest)
def _tablet_table(body: TabletTableRequest, words: Words) -> str:
    return words.table(body.table_id)


@says(TableSizeReply)
def _table_size(body: TableSizeReply, _words: Words) -> str:
    return byte_count(body.size_bytes)
