"""Words for topology: joining, commands of the coordinator, node operations, tablets, tasks."""

from harness.codec.verbs.backup import BackupRequest
from harness.codec.verbs.node_ops import NodeOpsReply, NodeOpsRequest
from harness.codec.verbs.tablets import (
    GlobalTabletId,
    LoadStatsReply,
    LoadStatsRequest,
    LoadStatsV1Reply,
    SampleReply,
    SampleRequest,
    TabletRepairReply,
    TabletRepairRequest,
    TabletRequest,
    VolumeReply,
    WaitForGroupsRequest,
)
from harness.codec.verbs.tasks import TaskChildrenReply, TaskChildrenRequest
from harness.codec.verbs.topology import (
    JoinAccepted,
    JoinParameters,
    JoinParametersV54,
    JoinQueryReply,
    JoinQueryRequest,
    JoinRejected,
    JoinRequest,
    JoinRequestReply,
    JoinRequestV54,
    JoinResponseReply,
    JoinResponseRequest,
    NotifyBannedRequest,
    PullSnapshotReply,
    PullSnapshotRequest,
    PullTopologySnapshotReply,
    PullTopologySnapshotRequest,
    TopologyCommandReply,
    TopologyCommandRequest,
    TopologyCommandRequestV54,
    TopologyCommandStatus,
)
from harness.codec.verbs.view_building import ViewBuildingReply, ViewBuildingRequest
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
)


@says(TopologyCommandRequest)
def _command(body: TopologyCommandRequest, _words: Words) -> str:
    return f"{number_name(body.command.command)} (command {body.command_index}, term {body.term})"


@says(TopologyCommandRequestV54)
def _command_54(body: TopologyCommandRequestV54, _words: Words) -> str:
    return f"{number_name(body.command.command)} (command {body.command_index}, term {body.term})"


@says(TopologyCommandReply)
def _command_reply(body: TopologyCommandReply, _words: Words) -> str:
    error = present(body.result.error)
    done = body.result.status == TopologyCommandStatus.SUCCESS
    return sentence("done" if done else "failed", printable(error) if error else "")


@says(PullTopologySnapshotRequest)
def _pull_topology(_body: PullTopologySnapshotRequest, _words: Words) -> str:
    return "the topology tables"


@says(PullTopologySnapshotReply)
def _pulled_topology(body: PullTopologySnapshotReply, words: Words) -> str:
    snapshot = body.snapshot
    return words.changed_tables(snapshot.topology_mutations + snapshot.cdc_generation_mutations)


@says(PullSnapshotRequest)
def _pull(body: PullSnapshotRequest, words: Words) -> str:
    return listed([words.table(table_id) for table_id in body.parameters.table_ids])


@says(PullSnapshotReply)
def _pulled(body: PullSnapshotReply, words: Words) -> str:
    return words.changed_tables(body.snapshot.mutations)


@says(JoinQueryRequest)
def _join_query(_body: JoinQueryRequest, _words: Words) -> str:
    return "how do nodes join?"


@says(JoinQueryReply)
def _join_query_reply(body: JoinQueryReply, _words: Words) -> str:
    return f"by {number_name(body.result.mode)}"


@says(JoinRequest)
def _join(body: JoinRequest, words: Words) -> str:
    return _joining(body.parameters, words)


@says(JoinRequestV54)
def _join_54(body: JoinRequestV54, words: Words) -> str:
    return _joining(body.parameters, words)


def _joining(parameters: JoinParameters | JoinParametersV54, words: Words) -> str:
    replaced = parameters.replaced_id
    return sentence(
        f"{words.host(parameters.host_id)} wants to join {printable(parameters.cluster_name)!r}",
        f"in {printable(parameters.datacenter)}/{printable(parameters.rack)}",
        counted(parameters.shard_count, "shard"),
        counted(parameters.token_count, "token"),
        "" if replaced is None else f"in place of {words.host(replaced)}",
    )


@says(JoinRequestReply)
def _join_reply(body: JoinRequestReply, _words: Words) -> str:
    result = body.result.result
    if isinstance(result, JoinRejected):
        return f"rejected: {printable(result.reason)}"
    return "taken up"


@says(JoinResponseRequest)
def _join_response(body: JoinResponseRequest, _words: Words) -> str:
    response = body.parameters.response
    if isinstance(response, JoinAccepted):
        return "accepted"
    return f"rejected: {printable(response.reason)}"


@says(JoinResponseReply)
def _joined(_body: JoinResponseReply, _words: Words) -> str:
    return "caught up"


@says(NotifyBannedRequest)
def _banned(_body: NotifyBannedRequest, _words: Words) -> str:
    return "you are banned"


@says(NodeOpsRequest)
def _node_ops(body: NodeOpsRequest, words: Words) -> str:
    frame = body.command
    return sentence(
        f"{number_name(frame.command)} {short_id(frame.operation_id)}",
        _those("leaving", frame.leaving_nodes, words),
        _those("ignoring", frame.ignored_nodes, words),
        _those("joining", tuple(node for node, _ in frame.joining_nodes), words),
        listed([f"{words.node(new)} in place of {words.node(dead)}" for dead, new in frame.replaced_nodes]),
    )


def _those(what: str, addresses: tuple[str, ...], words: Words) -> str:
    return f"{what} {listed([words.node(address) for address in addresses])}" if addresses else ""


@says(NodeOpsReply)
def _node_ops_reply(body: NodeOpsReply, _words: Words) -> str:
    pending = body.result.pending_operations
    return sentence(
        "ok" if body.result.ok else "refused", counted(len(pending), "pending operation") if pending else ""
    )


# Tablets.


def _tablet(tablet: GlobalTabletId, words: Words) -> str:
    return f"tablet {tablet.tablet} of {words.table(tablet.table_id)}"


@says(TabletRequest)
def _tablet_request(body: TabletRequest, words: Words) -> str:
    return _tablet(body.tablet, words)


@says(TabletRepairRequest)
def _tablet_repair(body: TabletRepairRequest, words: Words) -> str:
    return _tablet(body.tablet, words)


@says(TabletRepairReply)
def _tablet_repaired(_body: TabletRepairReply, _words: Words) -> str:
    return "repaired"


@says(WaitForGroupsRequest)
def _wait_for_groups(body: WaitForGroupsRequest, words: Words) -> str:
    return words.table(body.table_id)


@says(LoadStatsRequest)
def _load_stats(_body: LoadStatsRequest, _words: Words) -> str:
    return "how much do you store?"


@says(LoadStatsReply)
def _loads(body: LoadStatsReply, words: Words) -> str:
    tables = [f"{words.table(table)} {byte_count(load.size_bytes)}" for table, load in body.stats.tables]
    disks = [f"{byte_count(size)} of disk" for _, size in body.stats.capacity_bytes]
    return sentence(listed(tables) or "no tables with tablets", listed(disks))


@says(LoadStatsV1Reply)
def _loads_v1(body: LoadStatsV1Reply, words: Words) -> str:
    return listed([f"{words.table(table)} {byte_count(load.size_bytes)}" for table, load in body.tables])


@says(VolumeReply)
def _volume(body: VolumeReply, _words: Words) -> str:
    return byte_count(body.size_bytes)


@says(SampleRequest)
def _sample(body: SampleRequest, words: Words) -> str:
    size = byte_count(body.chunk_size_bytes)
    return f"{counted(body.chunk_count, 'piece')} of {size} of {words.table(body.table_id)}"


@says(SampleReply)
def _sampled(body: SampleReply, _words: Words) -> str:
    return f"{counted(len(body.chunks), 'piece')}, {byte_count(sum(map(len, body.chunks)))}"


# Work handed out.


@says(ViewBuildingRequest)
def _build_views(body: ViewBuildingRequest, _words: Words) -> str:
    return f"{counted(len(body.task_ids), 'task')} for shard {body.shard}"


@says(ViewBuildingReply)
def _built_views(body: ViewBuildingReply, _words: Words) -> str:
    return f"{counted(len(body.finished_task_ids), 'task')} finished"


@says(TaskChildrenRequest)
def _task(body: TaskChildrenRequest, _words: Words) -> str:
    return f"of task {short_id(body.task_id)}"


@says(TaskChildrenReply)
def _task_children(body: TaskChildrenReply, _words: Words) -> str:
    return counted(len(body.task_ids), "task")


@says(BackupRequest)
def _backup(body: BackupRequest, words: Words) -> str:
    target = f"{printable(body.endpoint)}/{printable(body.bucket)}/{printable(body.prefix)}"
    return f"{counted(len(body.sstable_ids), 'sstable')} of {words.table(body.table_id)} to {target}"
