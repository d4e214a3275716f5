import re

import pytest

from harness.errors import ExpectationError
from harness.events.message import Kind, Message
from harness.events.trace import Trace
from harness.expect.capture import Capture
from harness.expect.cql_patterns import query, result
from harness.expect.matcher import Matcher
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import CLIENT, Pattern
from harness.expect.rpc_patterns import exception, one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_ACCEPT, TRUNCATE
from harness.expect.ways import MATCHES
from tests.expect.traces import CLIENT_ADDRESS, NODES, OTHER, TraceBuilder, garbled, without


def _trace() -> Trace:
    builder = TraceBuilder()
    asked = builder.query("INSERT INTO  ks.map\n(id) VALUES (17)")  # 0
    write = builder.mutation("n1", "n2", key=17)  # 1
    builder.mutation("n1", "n3", key=-1, table=OTHER)  # 2
    builder.done(write, shard=3)  # 3
    accept = builder.accept("n1", "n2", ballot=7)  # 4
    builder.accepted(accept, accepted=False)  # 5
    truncate = builder.truncate("n2", "n1")  # 6
    builder.exception(truncate)  # 7
    builder.result(asked, rows=((1, "one"), (2, "two")))  # 8
    builder.result(asked, applied=True)  # 9
    return builder.trace()


TRACE = _trace()


def _matched(pattern: Pattern, trace: Trace = TRACE) -> list[int]:
    matcher = Matcher(pattern, MessageIndex(trace))
    return [position for position in matcher.candidates() if matcher.matches(trace[position])]


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        (one_way(MUTATION), [1, 2]),
        (one_way((MUTATION, MUTATION_DONE)), [1, 2, 3]),
        (one_way(MUTATION, receiver="n2"), [1]),
        (one_way(MUTATION, receiver=NODES[1]), [1]),
        (one_way(MUTATION, receiver="10.0.0.3"), [2]),
        (one_way(MUTATION, receiver=["n3", "n4"]), [2]),
        (one_way(MUTATION, table="ks.map"), [1]),
        (one_way(MUTATION, table=OTHER), [2]),
        (one_way(MUTATION, key=17), [1]),
        (one_way(MUTATION, table="ks.other", key=(-1,)), [2]),
        (one_way(MUTATION, table="ks.map", key=lambda value: value > 16), [1]),
        (one_way(MUTATION, timeout_ms=2000), [1, 2]),
        (one_way(MUTATION, timeout_ms=lambda ms: ms < 2000), []),
        (one_way(MUTATION, reply_to=NODES[0]), [1, 2]),
        (one_way(MUTATION, body={"mutation.partition.rows": None}), [1, 2]),
        (one_way(MUTATION, forward=()), [1, 2]),
        (one_way(MUTATION_DONE, shard=3, backlog__current_bytes=0), [3]),
        (one_way(MUTATION_DONE, shard=4), []),
        (one_way(MUTATION_DONE, table="ks.map", key=17), [3]),
        (one_way(MUTATION_DONE, to=one_way(MUTATION, table="ks.map")), [3]),
        (one_way(MUTATION_DONE, to=one_way(MUTATION, table="ks.other")), []),
        (request(PAXOS_ACCEPT, proposal__ballot="00000000-0000-0000-0000-000000000007"), [4]),
        (reply(PAXOS_ACCEPT, accepted=False), [5]),
        (reply(PAXOS_ACCEPT, accepted=True), []),
        (reply(PAXOS_ACCEPT, key=17), [5]),
        (exception(TRUNCATE, sender="n1"), [7]),
        (exception(to=request(TRUNCATE, keyspace="ks")), [7]),
        (query("insert into ks.map (id)"), [0]),
        (query(re.compile(r"VALUES \(\d+\)")), [0]),
        (query("DELETE"), []),
        (query(sender=CLIENT, receiver="n1", table="ks.map"), [0]),
        (query(sender=CLIENT_ADDRESS), [0]),
        (query(consistency="QUORUM"), [0]),
        (query(where="sender == 10.0.1.9"), [0]),
        (query(where=lambda message: message.number > 0), []),
        (result(), [8, 9]),
        (result(statement="INSERT"), [8, 9]),
        (result(applied=True), [9]),
        (result(applied=False), []),
        (result(rows=2), [8]),
        (result(rows=[(1, "one"), {"id": 2}]), [8]),
        (result(rows=[(1, "one")]), []),
        (result(rows=[(2, "two"), (1, "one")]), []),
        (result(error=True), []),
    ],
    ids=str,
)
def test_a_pattern_matches_what_it_says(pattern: Pattern, numbers: list[int]) -> None:
    assert _matched(pattern) == numbers


def test_what_cannot_be_decoded_is_unknown_as_far_as_the_pattern_asks_for_it() -> None:
    trace = garbled(TRACE, [5])
    matcher = Matcher(reply(PAXOS_ACCEPT, accepted=True), MessageIndex(trace))
    assert matcher.candidates() == [5]
    assert matcher.matches(trace[5]) is None
    assert Matcher(reply(PAXOS_ACCEPT), MessageIndex(trace)).matches(trace[5]) == MATCHES
    assert Matcher(reply(PAXOS_ACCEPT, sender="n3"), MessageIndex(trace)).candidates() == []
    by_filter = Matcher(reply(PAXOS_ACCEPT, where="body.accepted == 1"), MessageIndex(trace))
    assert by_filter.matches(trace[5]) is None


def test_a_reply_to_a_request_before_the_capture_could_have_any_verb() -> None:
    trace = without(TRACE, [4])
    matcher = Matcher(reply(PAXOS_ACCEPT), MessageIndex(trace))
    position = next(iter(matcher.candidates()))
    assert trace[position].verb is None
    assert matcher.matches(trace[position]) is None


def test_captures_get_the_values_that_they_stand_for() -> None:
    index = MessageIndex(TRACE)
    pattern = one_way(
        MUTATION, sender=Capture("who"), table=Capture("table"), key=Capture("key"), shard=Capture("shard")
    )
    assert Matcher(pattern, index).matches(TRACE[1]) == (
        (("who", "n1"), ("table", "ks.map"), ("key", 17), ("shard", 0)),
    )


def test_one_capture_in_two_places_has_one_value() -> None:
    index = MessageIndex(TRACE)
    same = Capture("same")
    assert _matched(one_way(MUTATION, sender=same, receiver=same)) == []
    assert Matcher(one_way(MUTATION_DONE, shard=same, response_id=Capture("id")), index).matches(
        TRACE[3]
    ) == ((("same", 3), ("id", 1)),)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (one_way(MUTATION, sender="n9"), "no node is called 'n9'"),
        (one_way(MUTATION, table="ks.mpa"), "did you mean ks.map"),
        (one_way(MUTATION, table="ks.map", key=(1, 2)), r"is \(id\), not 2 values"),
        (one_way(MUTATION, table="ks.map", key="text"), "is no int"),
    ],
)
def test_what_the_trace_does_not_know_is_refused(pattern: Pattern, why: str) -> None:
    with pytest.raises(ExpectationError, match=why):
        Matcher(pattern, MessageIndex(TRACE))


def _differences(pattern: Pattern, message: Message, **bound: object) -> list[tuple[str, str, str]]:
    differences = Matcher(pattern, MessageIndex(TRACE)).differences(message, bound)
    return [(one.field, one.claimed, one.seen) for one in differences]


def test_differences_name_field_claim_and_what_was_seen() -> None:
    pattern = one_way(MUTATION, receiver="n3", table="ks.other", key=-1, shard=Capture("shard"))
    assert _differences(pattern, TRACE[1], shard=5) == [
        ("receiver", "n3", "n2"),
        ("table", "ks.other", "ks.map"),
        ("key", "-1", "17"),
        ("shard", "‹shard› = 5", "0"),
    ]
    assert _differences(reply(PAXOS_ACCEPT, accepted=True), TRACE[5]) == [("accepted", "True", "False")]
    assert _differences(reply(PAXOS_ACCEPT), TRACE[7]) == [
        ("message", "reply to PAXOS_ACCEPT", "exception to TRUNCATE")
    ]
    assert _differences(query("DELETE"), TRACE[0])[0][:2] == ("statement", "'DELETE'")
    assert _differences(result(rows=1), TRACE[8]) == [("rows", "1", "2")]
    assert TRACE[7].kind is Kind.EXCEPTION
