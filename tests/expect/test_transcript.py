from harness.expect.checker import check
from harness.expect.expectation import acknowledged, any_order, at_least, exactly, in_order, never, quorum
from harness.expect.rpc_patterns import one_way, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, TRUNCATE
from harness.expect.verdict import StepState
from tests.expect.traces import TraceBuilder


def test_what_is_counted_names_the_messages_that_it_found() -> None:
    builder = TraceBuilder()
    for _ in range(3):
        builder.done(builder.mutation("n1", "n2"))
    verdict = check(
        builder.trace(),
        any_order(
            at_least(2, one_way(MUTATION)),
            exactly(3, acknowledged(one_way(MUTATION))),
            never(request(TRUNCATE)),
        ),
    )
    assert verdict
    lines = verdict.transcript[1:]
    assert [line.note for line in lines] == ["2 seen", "3 seen", "none seen"]
    assert [[message.number for message in line.messages] for line in lines[:2]] == [
        [0, 2],
        [0, 1, 2, 3, 4, 5],
    ]
    assert [item.number for item in verdict.evidence] == [0, 1, 2, 3, 4, 5]


def test_at_least_in_order_shows_those_in_its_place() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.truncate("n1", "n2")
    builder.mutation("n1", "n3")
    builder.mutation("n1", "n4")
    verdict = check(builder.trace(), in_order(request(TRUNCATE), at_least(2, one_way(MUTATION))))
    assert [message.number for message in verdict.transcript[-1].messages] == [2, 3]


def test_nodes_that_a_quorum_does_without_are_left_out() -> None:
    builder = TraceBuilder()
    builder.done(builder.mutation("n1", "n3"))
    verdict = check(builder.trace(), quorum(1, one_way(MUTATION), one_way(MUTATION_DONE), of=["n2", "n3"]))
    assert [(line.text, line.state) for line in verdict.transcript] == [
        ("at least 1 of n2, n3, in order", StepState.HEADING),
        ("n2", StepState.LEFT_OUT),
        ("n3", StepState.HEADING),
        ("MUTATION to n3", StepState.SEEN),
        ("MUTATION_DONE from n3", StepState.SEEN),
    ]
