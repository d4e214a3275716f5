"""Views of tables with tablets: the view building coordinator hands out the work.

Source:
    Scylla, idl/view.idl.hh, db/view/view_building_coordinator.cc; branch 2026.3 and master (August 2026).
"""

from harness.codec.verbs.line import Line
from harness.codec.verbs.raft import Term
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import U32, Uuid, arguments


@arguments
class ViewBuildingRequest:
    """WORK_ON_VIEW_BUILDING_TASKS."""

    term: Term
    """Of the coordinator, who is the leader of group 0."""
    shard: U32
    """The shard of the receiver that shall do the work."""
    task_ids: tuple[Uuid, ...]
    """Tasks of system.view_building_tasks."""


@arguments
class ViewBuildingReply:
    """Answer to WORK_ON_VIEW_BUILDING_TASKS."""

    finished_task_ids: tuple[Uuid, ...]


VERBS = (
    verb(
        82,
        "WORK_ON_VIEW_BUILDING_TASKS",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=ViewBuildingRequest, reply=ViewBuildingReply),
        since=Line.V2026_3,
        purpose="the view building coordinator gives a shard parts of views to build",
    ),
)
