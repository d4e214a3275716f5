"""The task manager: what long operations consist of, across nodes.

Source:
    Scylla, idl/tasks.idl.hh, tasks/task_manager.cc; branches 6.2 to master (August 2026).
"""

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import Uuid, arguments


@arguments
class TaskChildrenRequest:
    """TASKS_GET_CHILDREN."""

    task_id: Uuid


@arguments
class TaskChildrenReply:
    """Answer to TASKS_GET_CHILDREN."""

    task_ids: tuple[Uuid, ...]
    """The tasks on the asked node that belong to the task."""


VERBS = (
    verb(
        74,
        "TASKS_GET_CHILDREN",
        Mode.TWO_WAY,
        Payload(since=Line.V6_2, request=TaskChildrenRequest, reply=TaskChildrenReply),
        since=Line.V6_2,
        purpose="asks which tasks of a node belong to a task of another",
    ),
)
