"""Row-level repair: one node, the master, compares and completes the rows of the others, the followers.

Frames of the verbs that open a stream travel on a connection of their own, which the request and its reply
name by a stream id; the master is the one who asks.

Source:
    Scylla, idl/repair.idl.hh, idl/partition_checksum.idl.hh, message/messaging_service.cc, repair/row_level.cc,
    branches 4.2 to master (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.common import DecoratedKey, GcClock, Key, PositionInPartition, TokenRange
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation_fragment import FrozenMutationFragment
from harness.codec.verbs.outcome import SessionGuard
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.streaming import StreamOpened, StreamReasonNumber
from harness.codec.verbs.tablets import GlobalTabletId
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    U32,
    U64,
    Absent,
    EmptyFrame,
    Fixed,
    Flag,
    FramedU64,
    Inet,
    Number,
    Since,
    Text,
    Uuid,
    Void,
    arguments,
    sized,
)

RepairHash = FramedU64
"""Hash of a row, or several combined by exclusive or."""
DestinationShard = Annotated[U32 | Absent, Since(Line.V6_2)]
"""Shard of the follower; ``ANY_SHARD``: the one that is connected."""
ANY_SHARD = 0xFFFFFFFF
RepairMetaId = U32
"""Names a repair of one range and table; unique per shard of the master."""


class ChecksumKind(IntEnum):
    """How a range is hashed."""

    LEGACY = 0
    STREAMED = 1


class DiffAlgorithm(IntEnum):
    """How the master learns which rows differ."""

    SEND_FULL_SET = 0
    SEND_FULL_SET_RPC_STREAM = 1


DiffAlgorithmNumber = Annotated[int, Number("u8", DiffAlgorithm)]


class RepairStreamCommand(IntEnum):
    """What a frame of a stream is."""

    ERROR = 0
    HASH_DATA = 1
    ROW_DATA = 2
    END_OF_CURRENT_HASH_SET = 3
    NEEDS_ALL_ROWS = 4
    END_OF_CURRENT_ROWS = 5
    GET_FULL_ROW_HASHES = 6
    PUT_ROWS_DONE = 7


RepairStreamCommandNumber = Annotated[int, Number("u8", RepairStreamCommand)]


class RowLevelStartStatus(IntEnum):
    """Whether a follower can take part."""

    OK = 0
    NO_SUCH_TABLE = 1


class IncrementalMode(IntEnum):
    """How a repair treats what was repaired before (2026.3 and later)."""

    INCREMENTAL = 0
    FULL = 1
    DISABLED = 2


@arguments
class ChecksumRangeRequest:
    """Hash a range (until 4.2, while a node without row-level repair is in the cluster)."""

    keyspace: Text
    table: Text
    range: TokenRange
    kind: Annotated[int, Number("u8", ChecksumKind)]


@sized
class PartitionChecksum:
    """A hash of partitions."""

    digest: Annotated[bytes, Fixed(32)]


@arguments
class ChecksumRangeReply:
    """The hash of the range."""

    checksum: PartitionChecksum


@arguments
class RowLevelStartRequest:
    """Take part in the repair of a range."""

    repair_meta_id: RepairMetaId
    keyspace: Text
    table: Text
    range: TokenRange
    diff_algorithm: DiffAlgorithmNumber
    max_row_buffer_bytes: U64
    seed: U64
    """Of the row hashes."""
    master_shard: U32
    master_shard_count: U32
    master_ignore_msb: U32
    """Bits of a token that do not decide about its shard; 0 where the master has one shard."""
    master_partitioner: Text
    schema_version: Uuid
    reason: StreamReasonNumber | Absent = ABSENT
    compaction_time: Annotated[GcClock | Absent, Since(Line.V5_4)] = ABSENT
    """The repair's start, in seconds since 1970: expired data is left out as of then."""
    destination_shard: DestinationShard = ABSENT
    session: Annotated[SessionGuard | Absent, Since(Line.V2025_1)] = ABSENT
    repaired_at: Annotated[I64 | Absent | None, Since(Line.V2026_3)] = ABSENT
    """With which the repaired sstables will be marked."""
    incremental_mode: Annotated[
        Annotated[int, Number("u8", IncrementalMode)] | Absent, Since(Line.V2026_3)
    ] = ABSENT


@sized
class RowLevelStarted:
    """Whether the follower takes part."""

    status: Annotated[int, Number("u8", RowLevelStartStatus)]


@arguments
class RowLevelStartReply:
    """Empty in 4.0: the follower takes part."""

    response: Annotated[RowLevelStarted | Absent, Since(Line.V4_2)] = ABSENT


@arguments
class RowLevelStopRequest:
    """The range is repaired."""

    repair_meta_id: RepairMetaId
    keyspace: Text
    table: Text
    range: TokenRange
    destination_shard: DestinationShard = ABSENT
    mark_as_repaired: Annotated[Flag | Absent, Since(Line.V2026_3)] = ABSENT


@sized
class SyncBoundary:
    """A row up to which the nodes compare."""

    key: DecoratedKey
    position: PositionInPartition


@arguments
class FullRowHashesRequest:
    """Give me the hashes of all rows in your buffer."""

    repair_meta_id: RepairMetaId
    destination_shard: DestinationShard = ABSENT


@arguments
class FullRowHashesReply:
    """Hashes of rows."""

    hashes: tuple[RepairHash, ...]
    """Descending."""


@arguments
class CombinedRowHashRequest:
    """Give me one hash of all rows up to the boundary."""

    repair_meta_id: RepairMetaId
    common_boundary: SyncBoundary | None
    destination_shard: DestinationShard = ABSENT


@arguments
class CombinedRowHashReply:
    """One hash of all rows."""

    hash: RepairHash


@arguments
class SyncBoundaryRequest:
    """Fill your buffer with the rows after a boundary."""

    repair_meta_id: RepairMetaId
    skipped_boundary: SyncBoundary | None
    """The common one of the last round; None in the first."""
    destination_shard: DestinationShard = ABSENT


@sized
class BufferState:
    """What the buffer holds now."""

    boundary: SyncBoundary | None
    """The last row; None: nothing is left."""
    combined_hash: RepairHash
    buffer_bytes: U64
    new_rows_bytes: U64
    new_row_count: U64


@arguments
class SyncBoundaryReply:
    """The buffer is filled."""

    response: BufferState


@sized
class PartitionRows:
    """Rows of one partition."""

    key: Key
    fragments: tuple[FrozenMutationFragment, ...]
    use_last_key: Annotated[Flag | Absent, Since(Line.V2026_3)] = ABSENT
    """The rows belong to the partition of the element before."""


@arguments
class RowDiffRequest:
    """Give me these rows."""

    repair_meta_id: RepairMetaId
    hashes: tuple[RepairHash, ...]
    needs_all_rows: Flag
    """All rows in the buffer, whatever the hashes."""
    destination_shard: DestinationShard = ABSENT


@arguments
class RowDiffReply:
    """The rows."""

    partitions: tuple[PartitionRows, ...]


@arguments
class PutRowDiffRequest:
    """Store these rows."""

    repair_meta_id: RepairMetaId
    partitions: tuple[PartitionRows, ...]
    destination_shard: DestinationShard = ABSENT


@arguments
class GetEstimatedPartitionsRequest:
    """How many partitions have you in the range?"""

    repair_meta_id: RepairMetaId
    destination_shard: DestinationShard = ABSENT


@arguments
class EstimatedPartitionsReply:
    """An estimate."""

    estimated_partitions: U64


@arguments
class SetEstimatedPartitionsRequest:
    """So many partitions are in the range, by all estimates together."""

    repair_meta_id: RepairMetaId
    estimated_partitions: U64
    destination_shard: DestinationShard = ABSENT


@arguments
class DiffAlgorithmsReply:
    """What the follower supports."""

    algorithms: tuple[DiffAlgorithmNumber, ...]


@arguments
class RepairStreamRequest:
    """Opens a stream, for all rounds of the repair of the range."""

    repair_meta_id: RepairMetaId
    stream_id: U64
    """The follower's id of the stream's connection."""
    destination_shard: DestinationShard = ABSENT


@sized
class HashWithCommand:
    """A hash, or the end of a set of hashes."""

    command: RepairStreamCommandNumber
    hash: RepairHash
    """0 unless the command is HASH_DATA."""


@arguments
class HashFrame:
    """HASH_DATA for each hash, then END_OF_CURRENT_HASH_SET; or NEEDS_ALL_ROWS alone; or ERROR."""

    frame: HashWithCommand


@sized
class RowsWithCommand:
    """Rows of one partition, or the end of rows."""

    command: RepairStreamCommandNumber
    rows: PartitionRows
    """With an empty key and no rows unless the command is ROW_DATA."""


@arguments
class RowFrame:
    """ROW_DATA for each partition, then END_OF_CURRENT_ROWS; or ERROR."""

    frame: RowsWithCommand


@arguments
class CommandFrame:
    """GET_FULL_ROW_HASHES from the master; PUT_ROWS_DONE or ERROR from the follower."""

    command: RepairStreamCommandNumber


@sized
class RepairHistoryEntry:
    """A repair that is done."""

    repair_id: Uuid
    table_id: Uuid
    keyspace: Text
    table: Text
    range: TokenRange
    repair_time: GcClock
    """Seconds since 1970."""


@arguments
class UpdateSystemTableRequest:
    """Remember a repair, so that its tombstones can be collected."""

    request: RepairHistoryEntry


@arguments
class UpdateSystemTableReply:
    """It is remembered."""

    response: EmptyFrame


@sized
class FlushHintsBatchlog:
    """How long flushing may take."""

    repair_id: Uuid
    targets: tuple[Inet, ...]
    """Not used in later lines."""
    hints_timeout_s: I64
    batchlog_timeout_s: I64


@arguments
class FlushHintsBatchlogRequest:
    """Send what waits in hints and batchlog before the repair begins."""

    request: FlushHintsBatchlog


@sized
class FlushedHintsBatchlog:
    """When they were flushed."""

    flush_time: Annotated[GcClock | Absent, Since(Line.V6_2)] = ABSENT
    """Seconds since 1970."""


@arguments
class FlushHintsBatchlogReply:
    """Hints and batchlog are sent."""

    response: FlushedHintsBatchlog


@arguments
class UpdateCompactionControlRequest:
    """Hold or release the compaction of a tablet that is repaired."""

    tablet: GlobalTabletId
    session: SessionGuard


@arguments
class TableRequest:
    """A question about, or an order for, one table."""

    table_id: Uuid


@arguments
class TableSizeReply:
    """The size of the table on the node."""

    size_bytes: U64


_BOTH = (Line.V4_2, Line.V2025_1)

VERBS: tuple[Verb, ...] = (
    verb(
        20,
        "REPAIR_CHECKSUM_RANGE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=ChecksumRangeRequest, reply=ChecksumRangeReply),
        renamed=((Line.V5_0, "UNUSED__REPAIR_CHECKSUM_RANGE"),),
        retired=Line.V5_0,
        purpose="hash of a range, before row-level repair",
    ),
    verb(
        26,
        "REPAIR_ROW_LEVEL_START",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=RowLevelStartRequest, reply=RowLevelStartReply),
        evidence=_BOTH,
        purpose="begin the repair of one range of a table at a follower",
    ),
    verb(
        27,
        "REPAIR_ROW_LEVEL_STOP",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=RowLevelStopRequest, reply=Void),
        evidence=_BOTH,
        purpose="end it",
    ),
    verb(
        28,
        "REPAIR_GET_FULL_ROW_HASHES",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=FullRowHashesRequest, reply=FullRowHashesReply),
        purpose="hashes of all rows in the buffer",
    ),
    verb(
        29,
        "REPAIR_GET_COMBINED_ROW_HASH",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=CombinedRowHashRequest, reply=CombinedRowHashReply),
        evidence=_BOTH,
        purpose="one hash of the rows up to the common boundary",
    ),
    verb(
        30,
        "REPAIR_GET_SYNC_BOUNDARY",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=SyncBoundaryRequest, reply=SyncBoundaryReply),
        evidence=_BOTH,
        purpose="fill the buffer and say up to which row",
    ),
    verb(
        31,
        "REPAIR_GET_ROW_DIFF",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=RowDiffRequest, reply=RowDiffReply),
        purpose="rows by their hashes",
    ),
    verb(
        32,
        "REPAIR_PUT_ROW_DIFF",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=PutRowDiffRequest, reply=Void),
        purpose="rows that the follower lacks",
    ),
    verb(
        33,
        "REPAIR_GET_ESTIMATED_PARTITIONS",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=GetEstimatedPartitionsRequest, reply=EstimatedPartitionsReply),
        evidence=_BOTH,
        purpose="read the follower's estimate of its partitions",
    ),
    verb(
        34,
        "REPAIR_SET_ESTIMATED_PARTITIONS",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=SetEstimatedPartitionsRequest, reply=Void),
        evidence=_BOTH,
        purpose="tell the follower the common estimate",
    ),
    verb(
        35,
        "REPAIR_GET_DIFF_ALGORITHMS",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=Void, reply=DiffAlgorithmsReply),
        evidence=_BOTH,
        purpose="which ways to find differences the follower supports",
    ),
    verb(
        36,
        "REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM",
        Mode.STREAM,
        Payload(
            since=Line.V4_0,
            request=RepairStreamRequest,
            reply=StreamOpened,
            sink=HashFrame,
            source=RowFrame,
        ),
        evidence=_BOTH,
        purpose="rows by their hashes, streamed",
    ),
    verb(
        37,
        "REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM",
        Mode.STREAM,
        Payload(
            since=Line.V4_0,
            request=RepairStreamRequest,
            reply=StreamOpened,
            sink=RowFrame,
            source=CommandFrame,
        ),
        evidence=_BOTH,
        purpose="rows that the follower lacks, streamed",
    ),
    verb(
        38,
        "REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM",
        Mode.STREAM,
        Payload(
            since=Line.V4_0,
            request=RepairStreamRequest,
            reply=StreamOpened,
            sink=CommandFrame,
            source=HashFrame,
        ),
        evidence=_BOTH,
        purpose="hashes of all rows in the buffer, streamed",
    ),
    verb(
        59,
        "REPAIR_UPDATE_SYSTEM_TABLE",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=UpdateSystemTableRequest, reply=UpdateSystemTableReply),
        since=Line.V5_0,
        purpose="record the history of repairs",
    ),
    verb(
        60,
        "REPAIR_FLUSH_HINTS_BATCHLOG",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=FlushHintsBatchlogRequest, reply=FlushHintsBatchlogReply),
        since=Line.V5_0,
        purpose="flush hints and batchlog before a repair",
    ),
    verb(
        80,
        "REPAIR_UPDATE_COMPACTION_CTRL",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=UpdateCompactionControlRequest, reply=Void),
        since=Line.V2026_3,
        purpose="control the compaction of a tablet around its repair",
    ),
    verb(
        81,
        "REPAIR_UPDATE_REPAIRED_AT_FOR_MERGE",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=TableRequest, reply=Void),
        since=Line.V2026_3,
        purpose="align the repair times of tablets before they merge",
    ),
    verb(
        92,
        "REPAIR_GET_TABLE_SIZE",
        Mode.TWO_WAY,
        Payload(since=Line.HEAD, request=TableRequest, reply=TableSizeReply),
        since=Line.HEAD,
        purpose="size of a table on the node",
    ),
)
