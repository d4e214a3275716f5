"""Never captured: bytes are composed by hand."""

from harness.codec.verbs.tasks import TaskChildrenReply, TaskChildrenRequest
from tests.codec.verbs.payload_checks import assert_payload


def test_children_of_a_task() -> None:
    request = assert_payload(TaskChildrenRequest, "11" * 16)
    reply = assert_payload(TaskChildrenReply, f"02000000 {'11' * 16} {'22' * 16}")
    assert reply.task_ids[0] == request.task_id
