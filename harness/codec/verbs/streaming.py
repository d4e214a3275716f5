"""Streaming: plans of mutations between nodes, and files of tablets.

Frames of STREAM_MUTATION_FRAGMENTS and STREAM_BLOB travel on a connection of their own, which the request and
its reply name by a stream id.

Source:
    Scylla, idl/streaming.idl.hh, message/messaging_service.cc (stream verbs), streaming/stream_session.cc,
    streaming/stream_blob.cc, branches 4.2 to master (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.common import TokenRange
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import FrozenMutation
from harness.codec.verbs.mutation_fragment import MutationFragment
from harness.codec.verbs.outcome import SessionGuard
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import (
    ABSENT,
    I32,
    I64,
    IN_BLOB_OR_EMPTY,
    U32,
    U64,
    Absent,
    Blob,
    Flag,
    Inet,
    Number,
    Since,
    Text,
    Uuid,
    Void,
    arguments,
    sized,
)


class StreamReason(IntEnum):
    """Why data moves."""

    UNSPECIFIED = 0
    BOOTSTRAP = 1
    DECOMMISSION = 2
    REMOVENODE = 3
    REBUILD = 4
    REPAIR = 5
    REPLACE = 6
    TABLET_MIGRATION = 7
    """5.4 and later."""
    TABLET_REBUILD = 8
    """6.2 and later."""


StreamReasonNumber = Annotated[int, Number("u8", StreamReason)]


@sized
class StreamRequest:
    """Data that the sender wants."""

    keyspace: Text
    ranges: tuple[TokenRange, ...]
    tables: tuple[Text, ...]
    """Empty: all of the keyspace."""


@sized
class StreamSummary:
    """Data that the sender will send."""

    table_id: Uuid
    file_count: I32
    """Always 1."""
    total_size_bytes: I64
    """Always 0."""


@sized
class PrepareMessage:
    """What two nodes are to send each other in a session of a plan."""

    requests: tuple[StreamRequest, ...]
    summaries: tuple[StreamSummary, ...]
    destination_shard: U32


@arguments
class PrepareMessageRequest:
    """Opens a session."""

    message: PrepareMessage
    plan_id: Uuid
    description: Text
    reason: StreamReasonNumber
    session: Annotated[SessionGuard | Absent, Since(Line.V6_2)] = ABSENT


@arguments
class PrepareMessageReply:
    """The receiver's half of the session."""

    message: PrepareMessage


@arguments
class PrepareDoneMessage:
    """Both halves are known: begin."""

    plan_id: Uuid
    destination_shard: U32


@arguments
class StreamMutationRequest:
    """One mutation, for receivers that know no streams of fragments (4.x)."""

    plan_id: Uuid
    mutation: FrozenMutation
    destination_shard: U32
    fragmented: Flag
    """The mutation is a part of a big one."""
    reason: StreamReasonNumber


class FragmentCommand(IntEnum):
    """What a frame of STREAM_MUTATION_FRAGMENTS is."""

    ERROR = 0
    DATA = 1
    END_OF_STREAM = 2


@arguments
class StreamMutationFragmentsRequest:
    """Opens a stream of one table's fragments."""

    plan_id: Uuid
    schema_version: Uuid
    table_id: Uuid
    estimated_partitions: U64
    reason: StreamReasonNumber
    stream_id: U64
    """The receiver's id of the stream's connection."""
    session: Annotated[SessionGuard | Absent, Since(Line.V6_2)] = ABSENT


@arguments
class StreamOpened:
    """The receiver takes the stream."""

    stream_id: U64
    """As in the request."""


@arguments
class FragmentFrame:
    """One frame from the sender of data."""

    fragment: Annotated[MutationFragment | None, IN_BLOB_OR_EMPTY]
    """None in the last frame, and with an error."""
    command: Annotated[int, Number("u8", FragmentCommand)] | Absent = ABSENT


@arguments
class FragmentStatus:
    """The one frame from the receiver of data."""

    status: I32
    """0 all stored, -1 failed."""


@arguments
class StreamMutationDone:
    """All mutations of one table in the plan were sent."""

    plan_id: Uuid
    ranges: tuple[TokenRange, ...]
    table_id: Uuid
    destination_shard: U32


@arguments
class CompleteMessage:
    """The session is over."""

    plan_id: Uuid
    destination_shard: U32
    failed: Flag


@arguments
class ReplicationFinished:
    """A node has got what a removed node had stored (until 5.0)."""

    sender: Inet


class FileOperation(IntEnum):
    """What the receiver does with a file."""

    STREAM_SSTABLES = 0
    LOAD_SSTABLES = 1
    """The same, and it is the last of its sstable: load it."""
    STREAM_LOGSTOR_SEGMENTS = 2
    """2026.3 and later."""


class SstableState(IntEnum):
    """Where in a table's directory an sstable lies."""

    NORMAL = 0
    STAGING = 1
    QUARANTINE = 2
    UPLOAD = 3


SstableStateNumber = Annotated[int, Number("u8", SstableState)]


@sized
class NodeAndShard:
    """A shard in the cluster."""

    host_id: Uuid
    shard: U32


@sized
class StreamFiles:
    """Which files, and where to."""

    operation_id: Uuid
    keyspace: Text
    table: Text
    table_id: Uuid
    range: TokenRange
    """The tablet's."""
    targets: tuple[NodeAndShard, ...]
    session: SessionGuard


@arguments
class TabletStreamFilesRequest:
    """Push the files of a tablet to its new replica."""

    request: StreamFiles


@sized
class StreamedFiles:
    """What was pushed."""

    streamed_bytes: U64
    """Of all files together."""


@arguments
class TabletStreamFilesReply:
    """The files were pushed."""

    response: StreamedFiles


@sized
class SstableMeta:
    """An sstable by its ids and its format."""

    id: Uuid
    generation: Uuid
    version: I32
    format: I32
    state: SstableStateNumber


@sized
class StreamBlobMeta:
    """A file."""

    operation_id: Uuid
    table_id: Uuid
    filename: Text
    destination_shard: U32
    operation: Annotated[int, Number("u16", FileOperation)]
    session: SessionGuard
    state: SstableStateNumber | None
    sstable: Annotated[SstableMeta | Absent | None, Since(Line.V2026_3)] = ABSENT


@arguments
class StreamBlobRequest:
    """Opens a stream of one file."""

    meta: StreamBlobMeta
    stream_id: U64
    """The receiver's id of the stream's connection."""


class BlobCommand(IntEnum):
    """What a frame of STREAM_BLOB is."""

    OK = 0
    ERROR = 1
    DATA = 2
    END_OF_STREAM = 3


@sized
class StreamBlobData:
    """A part of a file."""

    data: Blob


@sized
class StreamBlobCommand:
    """Data or its end from the sender, OK or an error from the receiver."""

    command: Annotated[int, Number("u8", BlobCommand)]
    part: StreamBlobData | None


@arguments
class StreamBlobFrame:
    """One frame, in either direction."""

    frame: StreamBlobCommand


@sized
class CloneSstable:
    """An sstable on shared storage, and for whom."""

    operation_id: Uuid
    table_id: Uuid
    sstable: SstableMeta
    shard: U32
    session: SessionGuard


@arguments
class CloneSstableRequest:
    """Make an sstable on shared storage yours."""

    request: CloneSstable


@sized
class ClonedSstable:
    """What was cloned."""

    cloned_bytes: U64


@arguments
class CloneSstableReply:
    """The sstable was cloned."""

    response: ClonedSstable


VERBS: tuple[Verb, ...] = (
    verb(
        13,
        "REPLICATION_FINISHED",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=ReplicationFinished, reply=Void),
        renamed=((Line.V5_4, "UNUSED__REPLICATION_FINISHED"),),
        retired=Line.V5_4,
        purpose="removal of a node: the sender has restored its replicas",
    ),
    verb(
        15,
        "PREPARE_MESSAGE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=PrepareMessageRequest, reply=PrepareMessageReply),
        evidence=(Line.V4_2,),
        purpose="open a streaming session",
    ),
    verb(
        16,
        "PREPARE_DONE_MESSAGE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=PrepareDoneMessage, reply=Void),
        evidence=(Line.V4_2,),
        purpose="the streaming session is prepared",
    ),
    verb(
        17,
        "STREAM_MUTATION",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=StreamMutationRequest, reply=Void),
        renamed=((Line.V5_0, "UNUSED__STREAM_MUTATION"),),
        retired=Line.V5_0,
        purpose="stream one mutation to a receiver without streams",
    ),
    verb(
        18,
        "STREAM_MUTATION_DONE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=StreamMutationDone, reply=Void),
        evidence=(Line.V4_2,),
        purpose="all mutations of one table in the plan were sent",
    ),
    verb(
        19,
        "COMPLETE_MESSAGE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=CompleteMessage, reply=Void),
        purpose="the streaming session is over",
    ),
    verb(
        25,
        "STREAM_MUTATION_FRAGMENTS",
        Mode.STREAM,
        Payload(
            since=Line.V4_0,
            request=StreamMutationFragmentsRequest,
            reply=StreamOpened,
            sink=FragmentFrame,
            source=FragmentStatus,
        ),
        evidence=(Line.V4_2,),
        purpose="stream the fragments of one table",
    ),
    verb(
        70,
        "TABLET_STREAM_FILES",
        Mode.TWO_WAY,
        Payload(since=Line.V2025_1, request=TabletStreamFilesRequest, reply=TabletStreamFilesReply),
        since=Line.V6_2,  # where the number has its name, but nobody sends it
        evidence=(Line.V2025_1,),
        purpose="ask a replica to push the files of a tablet",
    ),
    verb(
        71,
        "STREAM_BLOB",
        Mode.STREAM,
        Payload(
            since=Line.V2025_1,
            request=StreamBlobRequest,
            reply=StreamOpened,
            sink=StreamBlobFrame,
            source=StreamBlobFrame,
        ),
        since=Line.V6_2,  # where the number has its name, but nobody sends it
        evidence=(Line.V2025_1,),
        purpose="stream one file",
    ),
    verb(
        90,
        "CLONE_SSTABLE",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=CloneSstableRequest, reply=CloneSstableReply),
        since=Line.V2026_3,
        purpose="clone an sstable on shared storage at a peer",
    ),
)
