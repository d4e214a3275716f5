"""Reads: data, digests, mutations; aggregation spread over nodes.

Source:
    Scylla, idl/storage_proxy.idl.hh, idl/mapreduce_request.idl.hh (5.4: forward_request.idl.hh), branches 5.4
    to master (August 2026); message/messaging_service.cc and service/storage_proxy.cc (branch 4.2).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.common import ConsistencyLevel, FullPosition, PartitionRange, TraceInfo
from harness.codec.verbs.line import Line
from harness.codec.verbs.outcome import ExceptionVariant, FencingToken, RateLimitInfo
from harness.codec.verbs.query_result import QueryResult, ReconcilableResult
from harness.codec.verbs.read_command import DigestAlgorithmNumber, ReadCommand
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    U8,
    U32,
    U64,
    Absent,
    Blob,
    Digest,
    Number,
    Since,
    Text,
    arguments,
    sized,
)

HitRate = U8
"""How much of the table's reads the replica answers from its cache: 255 all, 0 none or not known yet."""


@arguments
class ReadRequest:
    """Read the data, or the digest, of one range of partitions."""

    command: ReadCommand
    partitions: PartitionRange
    """Singular for one partition."""
    digest_algorithm: DigestAlgorithmNumber | Absent = ABSENT
    """Of the digest that comes with the data or instead of it; absent: MD5."""
    rate_limit: Annotated[RateLimitInfo | Absent, Since(Line.V5_4)] = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V5_4)] = ABSENT


@arguments
class ReadDataReply:
    """The rows."""

    result: QueryResult
    hit_rate: HitRate | Absent = ABSENT
    exception: Annotated[ExceptionVariant | Absent, Since(Line.V5_4)] = ABSENT


@arguments
class ReadDigestReply:
    """The hash of the rows."""

    digest: Digest
    """xxHash: eight zero bytes, then the hash, big endian."""
    last_modified: I64 | Absent = ABSENT
    """Newest write timestamp in microseconds; ``MISSING_TIMESTAMP``: no rows."""
    hit_rate: HitRate | Absent = ABSENT
    exception: Annotated[ExceptionVariant | Absent, Since(Line.V5_4)] = ABSENT
    last_position: Annotated[FullPosition | Absent | None, Since(Line.V5_4)] = ABSENT
    """Where the replica stopped; None: it has nothing for the read."""


@arguments
class ReadMutationDataRequest:
    """Read one range of partitions as mutations."""

    command: ReadCommand
    partitions: PartitionRange
    fence: Annotated[FencingToken | Absent, Since(Line.V5_4)] = ABSENT


@arguments
class ReadMutationDataReply:
    """The partitions, with what is deleted of them."""

    result: ReconcilableResult
    hit_rate: HitRate | Absent = ABSENT
    exception: Annotated[ExceptionVariant | Absent, Since(Line.V5_4)] = ABSENT


class Reduction(IntEnum):
    """How the parts of an aggregation are put together."""

    COUNT = 0
    AGGREGATE = 1


@sized
class FunctionName:
    """A CQL function."""

    keyspace: Text
    name: Text


@sized
class AggregationInfo:
    """One aggregate function and what it is applied to."""

    function: FunctionName
    columns: tuple[Text, ...]


@sized
class AggregationRequest:
    """A part of an aggregation, over the partitions for which the receiver is the chosen replica."""

    reductions: tuple[Annotated[int, Number("u8", Reduction)], ...]
    command: ReadCommand
    partitions: tuple[PartitionRange, ...]
    consistency_level: Annotated[int, Number("u8", ConsistencyLevel)]
    deadline: U64
    """Ticks of the sender's low-resolution system clock."""
    aggregations: tuple[AggregationInfo, ...] | Absent | None = ABSENT
    """One for each reduction."""
    shard_hint: Annotated[U32 | Absent | None, Since(Line.V2026_3)] = ABSENT


@arguments
class MapreduceRequest:
    """The request of distributed aggregation."""

    request: AggregationRequest
    trace: TraceInfo | Absent | None = ABSENT


@sized
class AggregationResult:
    """One state for each reduction, serialized as a CQL value; None for null."""

    states: tuple[Blob | None, ...]


@arguments
class MapreduceReply:
    """The receiver's part of the aggregation."""

    result: AggregationResult


VERBS: tuple[Verb, ...] = (
    verb(
        3,
        "READ_DATA",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=ReadRequest, reply=ReadDataReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="read the data of a range of partitions",
    ),
    verb(
        4,
        "READ_MUTATION_DATA",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=ReadMutationDataRequest, reply=ReadMutationDataReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="read as mutations, to reconcile replicas",
    ),
    verb(
        5,
        "READ_DIGEST",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=ReadRequest, reply=ReadDigestReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="read only the digest",
    ),
    verb(
        61,
        "FORWARD_REQUEST",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=MapreduceRequest, reply=MapreduceReply),
        since=Line.V5_4,
        renamed=((Line.V6_2, "MAPREDUCE_REQUEST"),),
        evidence=(Line.V2025_1,),
        purpose="distributed aggregation",
    ),
)
