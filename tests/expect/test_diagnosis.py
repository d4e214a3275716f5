from harness.events.trace import Trace
from harness.expect.checker import check
from harness.expect.cql_patterns import query, result
from harness.expect.expectation import Expectation, any_order, each, exactly, in_order, optional, quorum
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_ACCEPT, PAXOS_PRUNE, TRUNCATE
from harness.expect.verdict import Outcome, StepState
from tests.expect.traces import TraceBuilder


def _states(trace: Trace, claim: Expectation) -> list[tuple[str, StepState]]:
    verdict = check(trace, claim)
    assert verdict.outcome is Outcome.FAIL
    return [(step.text, step.state) for step in verdict.transcript if step.state is not StepState.HEADING]


def test_all_that_can_be_found_together_is_found_and_the_rest_is_missing() -> None:
    builder = TraceBuilder()
    asked = builder.query("INSERT")
    builder.mutation("n1", "n2")
    builder.result(asked)
    claim = in_order(query(), one_way(MUTATION), one_way(PAXOS_PRUNE), one_way(MUTATION_DONE), result())
    assert _states(builder.trace(), claim) == [
        ("QUERY", StepState.SEEN),
        ("MUTATION", StepState.SEEN),
        ("PAXOS_PRUNE", StepState.MISSING),
        ("MUTATION_DONE", StepState.MISSING),
        ("RESULT", StepState.SEEN),
    ]


def test_a_missing_answer_does_not_make_its_request_missing() -> None:
    builder = TraceBuilder()
    builder.accepted(builder.accept("n1", "n2"), accepted=False)
    claim = in_order(request(PAXOS_ACCEPT), reply(accepted=True))
    assert _states(builder.trace(), claim)[0] == ("PAXOS_ACCEPT", StepState.SEEN)


def test_of_the_ways_to_choose_nodes_the_one_with_most_found_is_shown() -> None:
    builder = TraceBuilder()
    builder.truncate("n1", "n2")
    builder.reply(builder.truncate("n1", "n4"))
    claim = quorum(2, request(TRUNCATE), reply(), of=["n2", "n3", "n4"])
    states = dict(_states(builder.trace(), claim))
    assert states["n3"] is StepState.LEFT_OUT
    assert states["reply to TRUNCATE from n4"] is StepState.SEEN
    assert states["reply to TRUNCATE from n2"] is StepState.MISSING


def test_a_missing_answer_points_to_its_request() -> None:
    builder = TraceBuilder()
    builder.accept("n1", "n2")
    verdict = check(builder.trace(), each("n2", request(PAXOS_ACCEPT), reply()))
    assert verdict.reasons == ("not found: reply to PAXOS_ACCEPT from n2, which answers packet 11",)
    assert verdict.frames == (11,)


def test_what_nothing_is_like_points_to_what_comes_before_it() -> None:
    builder = TraceBuilder()
    builder.query("SELECT")
    verdict = check(builder.trace(), in_order(query(), one_way(PAXOS_PRUNE)))
    assert [item.what for item in verdict.evidence] == ["nothing behind it is: PAXOS_PRUNE"]


def test_steps_that_can_be_found_but_not_with_what_is_absent_say_so() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.mutation("n1", "n3")
    claim = in_order(one_way(MUTATION, receiver="n3"), optional(one_way(MUTATION)))
    verdict = check(builder.trace(), claim)
    assert "it is there, but not in its place" in verdict.reasons[0]
    assert verdict.frames == (11,)


def test_a_thousand_steps_are_diagnosed_in_halves() -> None:
    builder = TraceBuilder()
    for _ in range(500):
        builder.mutation("n1", "n2")
    steps = [one_way(MUTATION)] * 500
    verdict = check(builder.trace(), in_order(*steps[:300], request(TRUNCATE), *steps[300:]))
    assert verdict.reasons[0] == "not found: TRUNCATE"
    assert sum(step.state is StepState.SEEN for step in verdict.transcript) == 500


def test_a_broken_count_lists_what_was_counted() -> None:
    builder = TraceBuilder()
    for _ in range(3):
        builder.mutation("n1", "n2")
    verdict = check(builder.trace(), any_order(exactly(2, one_way(MUTATION))))
    assert verdict.frames == (11, 12, 13)
    assert verdict.reasons == ("exactly 2: MUTATION: 3 seen",)
