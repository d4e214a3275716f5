"""Never captured: bytes are composed by hand."""

from harness.codec.verbs.view_building import ViewBuildingReply, ViewBuildingRequest
from tests.codec.verbs.payload_checks import assert_payload


def test_coordinator_hands_out_tasks() -> None:
    request = assert_payload(
        ViewBuildingRequest,
        f"0c000000 0500000000000000 02000000 02000000 {'11' * 16} {'22' * 16}",
    )
    assert (request.term, request.shard) == (5, 2)
    reply = assert_payload(ViewBuildingReply, f"01000000 {'11' * 16}")
    assert reply.finished_task_ids == request.task_ids[:1]
