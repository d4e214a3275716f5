from harness.events.trace import Trace
from harness.expect.domain import Domains
from harness.expect.expectation import Expectation, at_least, exactly, in_order
from harness.expect.losses import Losses
from harness.expect.message_index import MessageIndex
from harness.expect.planner import plan_of
from harness.expect.problem import Problem
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, PAXOS_ACCEPT, TRUNCATE
from tests.expect.traces import TraceBuilder, garbled, without


def _problem(
    trace: Trace, claim: Expectation, *, is_lenient: bool = False, is_linked: bool = True
) -> Problem:
    index = MessageIndex(trace)
    plan = plan_of(claim)
    return Problem(plan, Domains(index), Losses(index), is_lenient=is_lenient, is_linked=is_linked)


def _starts(problem: Problem) -> list[list[int] | None]:
    return [None if found is None else list(found.starts) for found in problem.candidates]


def _truncates() -> TraceBuilder:
    builder = TraceBuilder()
    builder.truncate("n1", "n2")
    builder.reply(builder.truncate("n1", "n3"))
    return builder


def test_requests_that_nothing_answers_are_left_out_unless_parts_are_wanted() -> None:
    claim = in_order(request(TRUNCATE), reply())
    assert _starts(_problem(_truncates().trace(), claim)) == [[1], [2]]
    assert _starts(_problem(_truncates().trace(), claim, is_linked=False)) == [[0, 1], [2]]


def test_leniently_what_may_be_hidden_needs_no_message() -> None:
    claim = in_order(request(TRUNCATE), reply())
    seen = without(_truncates().trace(), [2], lost=True)
    assert _starts(_problem(seen, claim, is_lenient=True)) == [[0, 1], None]
    assert _starts(_problem(seen, claim)) == [[], []]


def test_leniently_a_request_is_needed_if_its_answer_is_there() -> None:
    """What is seen of n3 answers what is seen of n1, so a loss on the way there hides no request of it."""
    claim = in_order(request(TRUNCATE), reply())
    seen = without(_truncates().trace(), [0], lost=True)
    assert _starts(_problem(seen, claim, is_lenient=True)) == [[0], [1]]


def test_leniently_what_cannot_be_told_may_be_what_is_wanted() -> None:
    builder = TraceBuilder()
    builder.accepted(builder.accept("n1", "n2"), accepted=False)
    claim = in_order(request(PAXOS_ACCEPT), reply(accepted=True))
    seen = garbled(builder.trace(), [1])
    assert _starts(_problem(seen, claim)) == [[], []]
    assert _starts(_problem(seen, claim, is_lenient=True)) == [[0], [1]]


def test_counts_that_are_wrong_leave_nothing_to_choose() -> None:
    trace = _truncates().trace()
    wrong = _problem(trace, exactly(3, request(TRUNCATE)))
    assert [list(choice.options) for choice in wrong.choices] == [[]]
    right = _problem(trace, exactly(2, request(TRUNCATE)))
    assert [option.placed is not None for choice in right.choices for option in choice.options] == [True]
    some = _problem(trace, at_least(1, one_way(MUTATION)))
    assert _starts(some) == [[]]
