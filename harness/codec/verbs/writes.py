"""Writes, their acknowledgements, counters, truncation, snapshots.

Source:
    Scylla, idl/storage_proxy.idl.hh (branches 5.4 to master, August 2026); message/messaging_service.cc and
    service/storage_proxy.cc (branch 4.2).
"""

from typing import Annotated

from harness.codec.verbs.common import ConsistencyLevel, TraceInfo, UpdateBacklog
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import FrozenMutation
from harness.codec.verbs.outcome import ExceptionVariant, FencingToken, RateLimitInfo, SessionGuard
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import (
    ABSENT,
    U8,
    U32,
    U64,
    Absent,
    Flag,
    Inet,
    Number,
    Since,
    Text,
    Uuid,
    Void,
    arguments,
)


@arguments
class MutationRequest:
    """A write for a replica, to be acknowledged by MUTATION_DONE or MUTATION_FAILED."""

    mutation: FrozenMutation
    forward: tuple[Inet, ...]
    """Replicas to which the receiver sends the same write on, with an empty list."""
    reply_to: Inet
    """The coordinator; with shard and response_id the identity of the write."""
    shard: U32
    """The coordinator's shard."""
    response_id: U64
    """Counted on the coordinator's shard, from the milliseconds since 1970 at which it started."""
    trace: TraceInfo | Absent | None = ABSENT
    rate_limit: Annotated[RateLimitInfo | Absent, Since(Line.V5_4)] = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V5_4)] = ABSENT
    forward_host_ids: Annotated[tuple[Uuid, ...] | Absent, Since(Line.V2025_1)] = ABSENT
    """Takes the place of ``forward``, which is then empty."""
    reply_to_host_id: Annotated[Uuid | Absent, Since(Line.V2025_1)] = ABSENT
    skip_large_data_guardrails: Annotated[Flag | Absent, Since(Line.V2026_3)] = ABSENT


@arguments
class HintMutationRequest:
    """A write that its replica missed, as MUTATION but without a rate limit."""

    mutation: FrozenMutation
    forward: tuple[Inet, ...]
    """Always empty."""
    reply_to: Inet
    """The node that kept the hint; with shard and response_id the identity of the write."""
    shard: U32
    response_id: U64
    trace: TraceInfo | Absent | None = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V5_4)] = ABSENT
    forward_host_ids: Annotated[tuple[Uuid, ...] | Absent, Since(Line.V2025_1)] = ABSENT
    reply_to_host_id: Annotated[Uuid | Absent, Since(Line.V2025_1)] = ABSENT


@arguments
class MutationDone:
    """A replica has applied a write."""

    shard: U32
    """The coordinator's shard, from the request."""
    response_id: U64
    """From the request."""
    backlog: UpdateBacklog
    large_data_violations: Annotated[U8 | Absent, Since(Line.V2026_3)] = ABSENT


@arguments
class MutationFailed:
    """A replica, or replicas to which it sent the write on, did not apply it."""

    shard: U32
    """The coordinator's shard, from the request."""
    response_id: U64
    """From the request."""
    failed_count: U64
    """Its own failure (0 or 1) and those of the forwarded writes."""
    backlog: UpdateBacklog
    exception: Annotated[ExceptionVariant | Absent, Since(Line.V5_4)] = ABSENT
    """``NoFailure`` also for failures that have no alternative of their own."""


@arguments
class CounterMutationRequest:
    """Counter updates for the replica that leads them."""

    mutations: tuple[FrozenMutation, ...]
    consistency_level: Annotated[int, Number("u8", ConsistencyLevel)]
    """How many replicas the leader has to wait for."""
    trace: TraceInfo | Absent | None = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V5_4)] = ABSENT


@arguments
class CounterMutationReply:
    """Counter updates were applied; empty in 4.x and 5.0, where failures are exception frames."""

    exception: Annotated[ExceptionVariant | Absent, Since(Line.V5_4)] = ABSENT


@arguments
class TruncateRequest:
    """Empty a table at a node."""

    keyspace: Text
    table: Text


@arguments
class TruncateWithTabletsRequest:
    """Empty a table with tablets at a replica, on behalf of the topology coordinator."""

    keyspace: Text
    table: Text
    session: SessionGuard


@arguments
class SnapshotWithTabletsRequest:
    """Take a snapshot of tables with tablets at a replica."""

    table_ids: tuple[Uuid, ...]
    tag: Text
    """The snapshot's name."""
    created_at: U64
    """Ticks of a clock whose unit no document names."""
    skip_flush: Flag
    expiry: U64 | None
    """In the same ticks; None: kept until it is deleted."""
    session: SessionGuard


VERBS: tuple[Verb, ...] = (
    verb(
        1,
        "MUTATION",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=MutationRequest),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="apply a mutation at a replica, and send it on to listed replicas",
    ),
    verb(
        2,
        "MUTATION_DONE",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=MutationDone),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="replica to coordinator: write applied",
    ),
    verb(
        12,
        "TRUNCATE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=TruncateRequest, reply=Void),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="empty a table without tablets at a node",
    ),
    verb(
        23,
        "COUNTER_MUTATION",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=CounterMutationRequest, reply=CounterMutationReply),
        evidence=(Line.V4_2,),
        purpose="coordinator to counter leader: add up and replicate",
    ),
    verb(
        24,
        "MUTATION_FAILED",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=MutationFailed),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="replica to coordinator: write failed",
    ),
    verb(
        42,
        "HINT_MUTATION",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=HintMutationRequest),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="replay of a stored hint",
    ),
    verb(
        76,
        "TRUNCATE_WITH_TABLETS",
        Mode.TWO_WAY,
        Payload(since=Line.V2025_1, request=TruncateWithTabletsRequest, reply=Void),
        since=Line.V2025_1,
        evidence=(Line.V2025_1,),
        purpose="topology coordinator to replica: empty a table with tablets",
    ),
    verb(
        84,
        "SNAPSHOT_WITH_TABLETS",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=SnapshotWithTabletsRequest, reply=Void),
        since=Line.V2026_3,
        purpose="topology coordinator to replica: snapshot of tables with tablets",
    ),
)
