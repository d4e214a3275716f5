import pytest

from harness.errors import ExpectationError
from harness.expect.cql_patterns import query, result
from harness.expect.expectation import (
    Expectation,
    any_order,
    each,
    in_background,
    in_order,
    only_after_reply,
    optional,
    quorum,
)
from harness.expect.plan import Plan, Step
from harness.expect.planner import plan_of
from harness.expect.rpc_patterns import exception, one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_ACCEPT, PAXOS_PREPARE, READ_DATA


def _steps(claim: Expectation) -> tuple[Step, ...]:
    steps = plan_of(claim).variables
    assert all(isinstance(step, Step) for step in steps)
    return tuple(step for step in steps if isinstance(step, Step))


def _answers(plan: Plan) -> list[int | None]:
    return [variable.answers for variable in plan.variables if isinstance(variable, Step)]


def test_a_reply_answers_the_nearest_unanswered_request_before_it_in_its_list() -> None:
    claim = in_order(
        request(PAXOS_PREPARE), reply(), request(PAXOS_ACCEPT), request(READ_DATA), reply(), reply()
    )
    assert _answers(plan_of(claim)) == [None, 0, None, None, 3, 2]
    assert [str(step.pattern) for step in _steps(claim)][4:] == [
        "reply to READ_DATA",
        "reply to PAXOS_ACCEPT",
    ]


def test_a_reply_with_a_verb_answers_the_nearest_request_of_that_verb() -> None:
    claim = in_order(request(PAXOS_PREPARE), request(READ_DATA), reply(PAXOS_PREPARE), exception())
    assert _answers(plan_of(claim)) == [None, None, 0, 1]
    assert _answers(plan_of(in_order(reply(PAXOS_PREPARE), request(PAXOS_PREPARE)))) == [None, None]


def test_acknowledgements_answer_writes_and_results_answer_statements() -> None:
    claim = in_order(query(), one_way(MUTATION), one_way(MUTATION_DONE), one_way(MUTATION_DONE), result())
    assert _answers(plan_of(claim)) == [None, None, 1, None, 0]


def test_wrapped_patterns_stand_in_the_list_but_what_is_optional_is_not_answered() -> None:
    claim = in_order(in_background(request(READ_DATA)), in_background(optional(reply())))
    assert _answers(plan_of(claim)) == [None, 0]
    with pytest.raises(ExpectationError, match="no request stands before"):
        plan_of(in_order(optional(request(READ_DATA)), reply()))


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (in_order(query(), reply()), "no request stands before"),
        (any_order(request(READ_DATA), reply()), "any_order has no order"),
        (reply(), "no request stands before"),
        (in_order(request(READ_DATA), each("n1", reply())), "no request stands before"),
        (in_order(request(PAXOS_PREPARE), reply(accepted=True)), "has no field 'accepted'"),
        (only_after_reply(query()), "there are 0"),
        (in_order(result(), only_after_reply(query()), result()), "there are 2"),
        (
            in_order(quorum(1, result(), of=["n1"]), only_after_reply(query())),
            "it is optional, or of a quorum",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(claim: Expectation, why: str) -> None:
    with pytest.raises(ExpectationError, match=why):
        plan_of(claim)


def test_each_fills_in_its_node_and_answers_follow_from_their_requests() -> None:
    claim = each("n2", request(READ_DATA, sender="n1"), reply(), one_way(MUTATION_DONE), result())
    assert [str(step.pattern) for step in _steps(claim)] == [
        "READ_DATA from n1 to n2",
        "reply to READ_DATA from n2 to n1",
        "MUTATION_DONE from n2",
        "RESULT from n2",
    ]


def test_each_takes_the_other_side_if_the_claim_names_one() -> None:
    claim = each(
        "n2", request(READ_DATA, receiver="n1"), reply(), one_way(MUTATION, sender="n3", receiver="n1")
    )
    assert [str(step.pattern) for step in _steps(claim)] == [
        "READ_DATA from n2 to n1",
        "reply to READ_DATA from n1 to n2",
        "MUTATION from n3 to n1",
    ]


def test_each_in_each_fills_in_both_sides() -> None:
    claim = each("n1", each(["n2", "n3"], one_way(MUTATION)))
    assert [str(step.pattern) for step in _steps(claim)] == [
        "MUTATION from n1 to n2",
        "MUTATION from n1 to n3",
    ]
