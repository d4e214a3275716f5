"""Topology operations of clusters that coordinate them by gossip: one verb, announced by who runs them.

Source:
    Scylla, idl/node_ops.idl.hh, node_ops/node_ops_ctl.hh, service/storage_service.cc; branches 5.0 to master
    (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.common import Token
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import Flag, Inet, Number, Uuid, arguments, sized


class NodeOpsCommand(IntEnum):
    """A step of an operation; heartbeats keep it alive on the others, done and abort end it."""

    REMOVENODE_PREPARE = 0
    REMOVENODE_HEARTBEAT = 1
    REMOVENODE_SYNC_DATA = 2
    REMOVENODE_ABORT = 3
    REMOVENODE_DONE = 4
    REPLACE_PREPARE = 5
    REPLACE_PREPARE_MARK_ALIVE = 6
    REPLACE_PREPARE_PENDING_RANGES = 7
    REPLACE_HEARTBEAT = 8
    REPLACE_ABORT = 9
    REPLACE_DONE = 10
    DECOMMISSION_PREPARE = 11
    DECOMMISSION_HEARTBEAT = 12
    DECOMMISSION_ABORT = 13
    DECOMMISSION_DONE = 14
    BOOTSTRAP_PREPARE = 15
    BOOTSTRAP_HEARTBEAT = 16
    BOOTSTRAP_ABORT = 17
    BOOTSTRAP_DONE = 18
    QUERY_PENDING_OPS = 19
    REPAIR_UPDATER = 20


@sized
class NodeOpsCommandFrame:
    """A step, and whom it concerns."""

    command: Annotated[int, Number("u32", NodeOpsCommand)]
    operation_id: Uuid
    ignored_nodes: tuple[Inet, ...]
    """Dead nodes that the operation goes on without."""
    leaving_nodes: tuple[Inet, ...]
    replaced_nodes: tuple[tuple[Inet, Inet], ...]
    """Pairs: the dead node, and who takes its place."""
    joining_nodes: tuple[tuple[Inet, tuple[Token, ...]], ...]
    """Pairs: the new node, and its tokens."""
    repaired_tables: tuple[Uuid, ...]
    """Of REPAIR_UPDATER: the tables that a repair works on."""


@arguments
class NodeOpsRequest:
    """NODE_OPS_CMD."""

    command: NodeOpsCommandFrame


@sized
class NodeOpsResult:
    """Whether the node goes along."""

    ok: Flag
    pending_operations: tuple[Uuid, ...]
    """Answer to QUERY_PENDING_OPS: operations that the node knows of."""


@arguments
class NodeOpsReply:
    """Answer to NODE_OPS_CMD."""

    result: NodeOpsResult


VERBS = (
    verb(
        45,
        "NODE_OPS_CMD",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=NodeOpsRequest, reply=NodeOpsReply),
        since=Line.V5_0,
        purpose="steps of bootstrap, replace, decommission and removenode without Raft",
    ),
)
