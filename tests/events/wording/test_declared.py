from uuid import UUID

from harness.codec.verbs.common import UpdateBacklog
from harness.codec.verbs.gossip import GossipEchoRequest
from harness.codec.verbs.topology import JoinResponseReply
from harness.codec.verbs.wire import EmptyFrame
from harness.codec.verbs.writes import MutationDone, SnapshotWithTabletsRequest
from harness.events.wording.declared import fields_text


def test_fields_are_named_and_what_is_in_them_too() -> None:
    done = MutationDone(shard=1, response_id=2, backlog=UpdateBacklog(current_bytes=3, limit_bytes=4))
    assert fields_text(done) == "shard=1, response_id=2, backlog=(current_bytes=3, limit_bytes=4)"


def test_values_are_short() -> None:
    body = SnapshotWithTabletsRequest(
        table_ids=tuple(UUID(int=number) for number in range(4)),
        tag="a\nb",
        created_at=0,
        skip_flush=True,
        expiry=None,
        session=UUID(int=1 << 127),
    )
    assert fields_text(body) == (
        "table_ids=[4 items], tag='a\\nb', created_at=0, skip_flush=True, expiry=None, session=80000000"
    )


def test_absent_and_empty_fields_are_left_out() -> None:
    assert fields_text(GossipEchoRequest()) == ""
    assert fields_text(JoinResponseReply(result=EmptyFrame())) == ""
