from harness.events.trace import Trace
from harness.expect.checker import check
from harness.expect.cql_patterns import query
from harness.expect.expectation import Expectation, any_order, in_order, within
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_ACCEPT, PAXOS_PRUNE, READ_DATA, TRUNCATE
from harness.expect.verdict import NearMiss
from tests.expect.traces import OTHER, TraceBuilder


def _nearest(trace: Trace, claim: Expectation) -> list[NearMiss | None]:
    return [step.nearest for step in check(trace, claim).transcript if step.state.value == "missing"]


def _seen(trace: Trace, claim: Expectation) -> tuple[int, str, str, str]:
    (near,) = _nearest(trace, claim)
    assert near is not None
    return near.message.number, near.field, near.claimed, near.seen


def test_the_message_with_the_fewest_differences_is_nearest() -> None:
    builder = TraceBuilder()
    builder.mutation("n4", "n5", key=1, table=OTHER)
    builder.mutation("n1", "n2", key=17)
    claim = one_way(MUTATION, sender="n1", receiver="n3", table="ks.map", key=17)
    assert _seen(builder.trace(), claim) == (1, "receiver", "n3", "n2")


def test_of_messages_with_as_many_differences_the_one_in_the_right_place_is_nearest() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2", key=1)
    builder.query("SELECT")
    builder.mutation("n1", "n2", key=2)
    builder.mutation("n1", "n2", key=3)
    claim = in_order(query(), one_way(MUTATION, table="ks.map", key=17))
    assert _seen(builder.trace(), claim) == (2, "key", "17", "2")


def test_an_answer_to_another_request_says_which() -> None:
    builder = TraceBuilder()
    builder.accept("n1", "n2")
    builder.accepted(builder.accept("n1", "n2"))
    claim = in_order(request(PAXOS_ACCEPT, where=lambda message: message.number == 0), reply())
    assert _seen(builder.trace(), claim) == (2, "answers", "packet 11", "packet 12")


def test_an_exception_instead_of_a_reply_is_nearest() -> None:
    builder = TraceBuilder()
    builder.exception(builder.truncate("n1", "n2"))
    claim = in_order(request(TRUNCATE), reply())
    assert _seen(builder.trace(), claim) == (1, "message", "reply to TRUNCATE", "exception to TRUNCATE")


def test_a_message_that_stands_for_another_step_says_so() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    claim = any_order(one_way(MUTATION, receiver="n2"), one_way(MUTATION))
    assert _seen(builder.trace(), claim) == (0, "stands for", "MUTATION", "MUTATION to n2, already")


def test_a_message_in_the_wrong_place_names_the_packet_that_it_would_have_to_come_behind_or_before() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.truncate("n1", "n2")
    claim = in_order(request(TRUNCATE), one_way(MUTATION))
    assert _seen(builder.trace(), claim) == (0, "order", "after packet 12", "before it")
    (near,) = _nearest(builder.trace(), claim)
    assert near is not None
    assert near.other is not None
    assert near.other.frame_last == 12


def test_a_message_that_comes_too_late_says_how_late() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.wait(2)
    builder.truncate("n1", "n2")
    claim = within(1, one_way(MUTATION), request(TRUNCATE))
    assert _seen(builder.trace(), claim) == (1, "time", "within 1 s", "2.001 s")


def test_where_nothing_is_like_it_nothing_is_nearest() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    assert _nearest(builder.trace(), any_order(one_way(PAXOS_PRUNE), request(READ_DATA))) == [None, None]


def test_of_very_many_messages_those_around_the_place_are_compared() -> None:
    builder = TraceBuilder()
    for _ in range(600):
        builder.done(None, sender="n1", receiver="n2")
    builder.query("SELECT")
    builder.done(None, sender="n1", receiver="n2", shard=1)
    claim = in_order(query(), one_way(MUTATION_DONE, shard=2))
    assert _seen(builder.trace(), claim) == (601, "shard", "2", "1")
