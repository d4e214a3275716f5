"""Topology over Raft: joining nodes, the coordinator's commands, the tables of a group 0 snapshot.

Source:
    Scylla, idl/join_node.idl.hh, idl/storage_service.idl.hh, service/topology_coordinator.cc,
    service/storage_service.cc; branches 5.4 to master (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import CanonicalMutation
from harness.codec.verbs.raft import ServerId, Term
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import (
    ABSENT,
    PLAIN,
    U32,
    U64,
    Absent,
    EmptyFrame,
    Number,
    Since,
    Text,
    Uuid,
    arguments,
    sized,
)

# Commands of the topology coordinator.


class TopologyCommand(IntEnum):
    """What the coordinator asks of a node (6.2 and later)."""

    BARRIER = 0
    """Apply the log and use the newest topology for new requests."""
    BARRIER_AND_DRAIN = 1
    """The same, and wait until no request uses an older topology."""
    STREAM_RANGES = 2
    """Move the data that the step of the topology asks for."""
    WAIT_FOR_IP = 3
    """Wait until gossip has told the address of the new node."""


class TopologyCommandV54(IntEnum):
    """What the coordinator of 5.4 asks of a node."""

    BARRIER = 0
    BARRIER_AND_DRAIN = 1
    STREAM_RANGES = 2
    FENCE = 3
    """Refuse requests of older topologies."""


class TopologyCommandStatus(IntEnum):
    """How a command ended."""

    FAIL = 0
    SUCCESS = 1


@sized
class TopologyCommandFrame:
    """The command."""

    command: Annotated[int, Number("u8", TopologyCommand)]


@sized
class TopologyCommandFrameV54:
    """The command as 5.4 numbers it."""

    command: Annotated[int, Number("u8", TopologyCommandV54)]


@sized
class TopologyCommandResult:
    """How the command ended."""

    status: Annotated[int, Number("u8", TopologyCommandStatus)]
    error: Annotated[Text | Absent, Since(Line.V2026_3)] = ABSENT
    """Empty on success."""


@arguments
class TopologyCommandRequest:
    """RAFT_TOPOLOGY_CMD."""

    to_id: ServerId
    term: Term
    """Of the coordinator, who is the leader of group 0."""
    command_index: U64
    """Counts the coordinator's commands; all nodes get the same number for the same command."""
    command: TopologyCommandFrame


@arguments
class TopologyCommandRequestV54:
    """RAFT_TOPOLOGY_CMD of 5.4."""

    to_id: ServerId
    term: Term
    """Of the coordinator, who is the leader of group 0."""
    command_index: U64
    """Counts the coordinator's commands; all nodes get the same number for the same command."""
    command: TopologyCommandFrameV54


@arguments
class TopologyCommandReply:
    """Answer to RAFT_TOPOLOGY_CMD when the command is done; for STREAM_RANGES after all streaming."""

    result: TopologyCommandResult


# The tables that a group 0 snapshot stands for.


@arguments
class PullTopologySnapshotRequest:
    """RAFT_PULL_TOPOLOGY_SNAPSHOT (5.4)."""

    to_id: ServerId
    parameters: EmptyFrame


@sized
class TopologySnapshot:
    """The topology of a 5.4 cluster."""

    topology_mutations: tuple[CanonicalMutation, ...]
    cdc_generation_mutations: tuple[CanonicalMutation, ...]


@arguments
class PullTopologySnapshotReply:
    """Answer to RAFT_PULL_TOPOLOGY_SNAPSHOT."""

    snapshot: TopologySnapshot


@sized
class SnapshotTables:
    """Which tables are asked for."""

    table_ids: tuple[Uuid, ...]


@arguments
class PullSnapshotRequest:
    """RAFT_PULL_SNAPSHOT (6.2 and later), asked by who has got RAFT_SEND_SNAPSHOT."""

    to_id: ServerId
    parameters: SnapshotTables


@sized
class RaftSnapshot:
    """The contents of the tables."""

    mutations: tuple[CanonicalMutation, ...]


@arguments
class PullSnapshotReply:
    """Answer to RAFT_PULL_SNAPSHOT; 2025.1 adds three mutations of system.scylla_local."""

    snapshot: RaftSnapshot


# Joining.


class TopologyMode(IntEnum):
    """Who coordinates changes of the topology."""

    LEGACY = 0
    """Each node by itself, through gossip."""
    RAFT = 1
    """The leader of group 0."""


@arguments
class JoinQueryRequest:
    """JOIN_NODE_QUERY."""

    to_id: ServerId
    parameters: EmptyFrame


@sized
class JoinQueryResult:
    """Which way to join."""

    mode: Annotated[int, Number("u8", TopologyMode)]


@arguments
class JoinQueryReply:
    """Answer to JOIN_NODE_QUERY."""

    result: JoinQueryResult


@sized
class JoinParameters:
    """Who wants to join."""

    host_id: ServerId
    replaced_id: ServerId | None
    """The dead node whose place is taken."""
    ignored_nodes: tuple[Text, ...]
    """Dead nodes that the join shall not wait for: host ids or addresses."""
    cluster_name: Text
    snitch_name: Text
    datacenter: Text
    rack: Text
    release_version: Text
    token_count: U32
    """The option num_tokens."""
    tokens: Text
    """The option initial_token: tokens separated by commas, or nothing."""
    shard_count: U32
    ignore_msb: U32
    """How many leading bits of a token the choice of the shard passes over."""
    supported_features: tuple[Text, ...]
    request_id: Uuid
    """Under which the coordinator keeps the request in system.topology_requests."""


@sized
class JoinParametersV54:
    """Who wants to join, as 5.4 writes it: without ``tokens`` in the middle."""

    host_id: ServerId
    replaced_id: ServerId | None
    """The dead node whose place is taken."""
    ignored_nodes: tuple[Text, ...]
    """Dead nodes that the join shall not wait for: host ids or addresses."""
    cluster_name: Text
    snitch_name: Text
    datacenter: Text
    rack: Text
    release_version: Text
    token_count: U32
    """The option num_tokens."""
    shard_count: U32
    ignore_msb: U32
    """How many leading bits of a token the choice of the shard passes over."""
    supported_features: tuple[Text, ...]


@arguments
class JoinRequest:
    """JOIN_NODE_REQUEST."""

    to_id: ServerId
    """Null where the joining node knows only the address."""
    parameters: JoinParameters


@arguments
class JoinRequestV54:
    """JOIN_NODE_REQUEST of 5.4."""

    to_id: ServerId
    """Null where the joining node knows only the address."""
    parameters: JoinParametersV54


@sized
class JoinRequestTaken:
    """The request stands in group 0; JOIN_NODE_RESPONSE will decide it."""


@sized
class JoinRejected:
    """The node may not join."""

    reason: Text


@sized
class JoinRequestResult:
    """Whether the request was taken up."""

    result: Annotated[JoinRequestTaken | JoinRejected, PLAIN]


@arguments
class JoinRequestReply:
    """Answer to JOIN_NODE_REQUEST."""

    result: JoinRequestResult


@sized
class JoinAccepted:
    """The node may join."""


@sized
class JoinDecision:
    """The coordinator's decision."""

    response: Annotated[JoinAccepted | JoinRejected, PLAIN]


@arguments
class JoinResponseRequest:
    """JOIN_NODE_RESPONSE, sent by the coordinator to the joining node."""

    to_id: ServerId
    parameters: JoinDecision


@arguments
class JoinResponseReply:
    """Answer to JOIN_NODE_RESPONSE, once the joining node has caught up with group 0."""

    result: EmptyFrame


@arguments
class NotifyBannedRequest:
    """NOTIFY_BANNED."""

    to_id: ServerId


VERBS = (
    verb(
        64,
        "RAFT_TOPOLOGY_CMD",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=TopologyCommandRequestV54, reply=TopologyCommandReply),
        Payload(since=Line.V6_2, request=TopologyCommandRequest, reply=TopologyCommandReply),
        since=Line.V5_4,
        evidence=[Line.V2025_1],
        purpose="the topology coordinator lets a node take its part in a step",
    ),
    verb(
        65,
        "RAFT_PULL_TOPOLOGY_SNAPSHOT",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=PullTopologySnapshotRequest, reply=PullTopologySnapshotReply),
        Payload(since=Line.V6_2, request=PullSnapshotRequest, reply=PullSnapshotReply),
        since=Line.V5_4,
        renamed=[(Line.V6_2, "RAFT_PULL_SNAPSHOT")],
        evidence=[Line.V2025_1],
        purpose="a follower fetches the tables that a group 0 snapshot stands for",
    ),
    verb(
        68,
        "JOIN_NODE_REQUEST",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=JoinRequestV54, reply=JoinRequestReply),
        Payload(since=Line.V6_2, request=JoinRequest, reply=JoinRequestReply),
        since=Line.V5_4,
        evidence=[Line.V2025_1],
        purpose="a new node asks a member of group 0 to let it in",
    ),
    verb(
        69,
        "JOIN_NODE_RESPONSE",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=JoinResponseRequest, reply=JoinResponseReply),
        since=Line.V5_4,
        evidence=[Line.V2025_1],
        purpose="the topology coordinator accepts or rejects a new node",
    ),
    verb(
        73,
        "JOIN_NODE_QUERY",
        Mode.TWO_WAY,
        Payload(since=Line.V6_2, request=JoinQueryRequest, reply=JoinQueryReply),
        since=Line.V6_2,
        evidence=[Line.V2025_1],
        purpose="a new node asks whether gossip or Raft coordinates the topology",
    ),
    verb(
        83,
        "NOTIFY_BANNED",
        Mode.ONE_WAY,
        Payload(since=Line.V2026_3, request=NotifyBannedRequest),
        since=Line.V2026_3,
        purpose="tells a node that was removed that nobody talks to it any more",
    ),
)
