"""Lightweight transactions.

Source:
    Scylla, idl/paxos.idl.hh, idl/storage_proxy.idl.hh, branches 4.2 to master (August 2026);
    service/paxos/proposal.hh, prepare_response.hh.
"""

from typing import Annotated

from harness.codec.verbs.common import Key, TraceInfo
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import FrozenMutation
from harness.codec.verbs.outcome import FencingToken
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import DigestAlgorithmNumber, ReadCommand
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import (
    ABSENT,
    PLAIN,
    U32,
    U64,
    Absent,
    Digest,
    Flag,
    Inet,
    Since,
    Uuid,
    arguments,
    sized,
)


@sized
class Proposal:
    """A mutation under a ballot."""

    ballot: Uuid
    """A time UUID whose low half is random throughout."""
    update: FrozenMutation
    """Without rows where nothing is to be done."""


@sized
class Promise:
    """A replica will accept no older ballot; what it knows of the round before."""

    accepted: Proposal | None
    """Accepted, not learned yet."""
    most_recent_commit: Proposal | None
    data: Annotated[QueryResult | Digest, PLAIN] | None
    """What the condition reads, or its hash; None where the partition's state is unclear."""


@arguments
class PaxosPrepareRequest:
    """Phase 1: ask for a promise, and read what the condition needs."""

    command: ReadCommand
    key: Key
    ballot: Uuid
    only_digest: Flag
    digest_algorithm: DigestAlgorithmNumber
    trace: TraceInfo | Absent | None = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V2026_3)] = ABSENT


@arguments
class PaxosPrepareReply:
    """The promise, or the newer ballot that was promised to somebody else."""

    response: Annotated[Uuid | Promise, PLAIN]


@arguments
class PaxosAcceptRequest:
    """Phase 2: ask to accept a proposal."""

    proposal: Proposal
    trace: TraceInfo | Absent | None = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V2026_3)] = ABSENT


@arguments
class PaxosAcceptReply:
    """Whether the proposal was accepted."""

    accepted: Flag


@arguments
class PaxosLearnRequest:
    """Phase 3: apply a proposal; acknowledged like a MUTATION."""

    decision: Proposal
    forward: tuple[Inet, ...]
    """Replicas to which the receiver sends the decision on, with an empty list."""
    reply_to: Inet
    """The coordinator; with shard and response_id the identity of the write."""
    shard: U32
    response_id: U64
    trace: TraceInfo | Absent | None = ABSENT
    forward_host_ids: Annotated[tuple[Uuid, ...] | Absent, Since(Line.V2025_1)] = ABSENT
    reply_to_host_id: Annotated[Uuid | Absent, Since(Line.V2025_1)] = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V2026_3)] = ABSENT


@arguments
class PaxosPruneRequest:
    """Forget a round that all replicas have learned."""

    schema_version: Uuid
    key: Key
    ballot: Uuid
    trace: TraceInfo | Absent | None = ABSENT
    fence: Annotated[FencingToken | Absent, Since(Line.V2026_3)] = ABSENT


VERBS: tuple[Verb, ...] = (
    verb(
        39,
        "PAXOS_PREPARE",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=PaxosPrepareRequest, reply=PaxosPrepareReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="lightweight transaction, phase 1, with the read of the condition",
    ),
    verb(
        40,
        "PAXOS_ACCEPT",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=PaxosAcceptRequest, reply=PaxosAcceptReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="lightweight transaction, phase 2",
    ),
    verb(
        41,
        "PAXOS_LEARN",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=PaxosLearnRequest),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="lightweight transaction, phase 3; acknowledged by MUTATION_DONE",
    ),
    verb(
        43,
        "PAXOS_PRUNE",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=PaxosPruneRequest),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="forget the state of a finished round",
    ),
)
