"""What is counted, with and without losses: the table of ``verdict`` line by line."""

import pytest

from harness.events.trace import Missing, Trace
from harness.expect.capture import Capture
from harness.expect.checker import check
from harness.expect.expectation import (
    Expectation,
    any_order,
    at_least,
    at_most,
    before,
    exactly,
    in_order,
    never,
    optional,
)
from harness.expect.rpc_patterns import one_way, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, TRUNCATE
from harness.expect.verdict import Outcome
from tests.expect.traces import TraceBuilder, garbled

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
WRITE, DONE = one_way(MUTATION), one_way(MUTATION_DONE)


def _two_writes(missing: Missing | None = None) -> Trace:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.mutation("n1", "n3")
    return builder.trace(missing)


@pytest.mark.parametrize(
    ("claim", "complete", "lossy"),
    [
        (in_order(WRITE, WRITE), PASS, PASS),
        (in_order(WRITE, DONE), FAIL, INCONCLUSIVE),
        (at_least(2, WRITE), PASS, PASS),
        (at_least(3, WRITE), FAIL, INCONCLUSIVE),
        (exactly(2, WRITE), PASS, INCONCLUSIVE),
        (exactly(1, WRITE), FAIL, FAIL),
        (exactly(3, WRITE), FAIL, INCONCLUSIVE),
        (at_most(2, WRITE), PASS, INCONCLUSIVE),
        (at_most(1, WRITE), FAIL, FAIL),
        (never(WRITE), FAIL, FAIL),
        (never(DONE), PASS, INCONCLUSIVE),
        (before(WRITE, DONE), FAIL, INCONCLUSIVE),
        (before(WRITE, DONE, is_required=False), PASS, INCONCLUSIVE),
        (before(DONE, WRITE), FAIL, INCONCLUSIVE),
        (optional(DONE), PASS, INCONCLUSIVE),
        (optional(WRITE), PASS, PASS),
        (any_order(in_order(WRITE, DONE), never(WRITE)), FAIL, FAIL),
    ],
    ids=str,
)
def test_losses_change_a_verdict_as_the_table_says(
    claim: Expectation, complete: Outcome, lossy: Outcome
) -> None:
    assert check(_two_writes(), claim).outcome is complete
    assert check(_two_writes(Missing(dropped_packets=1)), claim).outcome is lossy


def test_a_message_that_cannot_be_decoded_counts_only_where_it_could_matter() -> None:
    builder = TraceBuilder()
    builder.done(None, sender="n1", receiver="n2", shard=1)
    trace = garbled(builder.trace(), [0])
    assert check(trace, never(one_way(MUTATION_DONE, shard=1))).outcome is INCONCLUSIVE
    assert check(trace, one_way(MUTATION_DONE, shard=1)).outcome is INCONCLUSIVE
    assert check(trace, never(one_way(MUTATION_DONE, shard=1, receiver="n3"))).outcome is PASS
    assert check(trace, exactly(1, DONE)).outcome is PASS


def test_what_is_optional_is_in_its_place_or_nowhere() -> None:
    builder = TraceBuilder()
    builder.truncate("n1", "n2")
    builder.mutation("n1", "n2")
    trace, truncate = builder.trace(), request(TRUNCATE)
    assert check(trace, in_order(optional(truncate), WRITE))
    assert not check(trace, in_order(WRITE, optional(truncate)))
    assert check(trace, in_order(WRITE, optional(DONE)))
    assert check(trace, any_order(truncate, in_order(WRITE, optional(truncate)))), "the only one is used"


def test_an_optional_answer_is_one_to_its_request() -> None:
    builder = TraceBuilder()
    builder.done(None, sender="n1", receiver="n2")
    write = builder.mutation("n1", "n2")
    assert check(builder.trace(), in_order(WRITE, optional(DONE))), "it answers something else"
    builder.done(write)
    builder.truncate("n1", "n2")
    assert check(builder.trace(), in_order(WRITE, optional(DONE), request(TRUNCATE)))
    assert not check(builder.trace(), in_order(WRITE, request(TRUNCATE), optional(DONE)))


def test_before_with_a_capture_wants_the_same_value() -> None:
    builder = TraceBuilder()
    builder.accept("n1", "n2", ballot=1)
    builder.accept("n1", "n2", ballot=2)
    builder.accept("n2", "n1", ballot=2)
    trace = builder.trace()
    ballot = Capture("ballot")
    first = request("PAXOS_ACCEPT", sender="n1", proposal__ballot=ballot)
    then = request("PAXOS_ACCEPT", sender="n2", proposal__ballot=ballot)
    assert check(trace, before(first, then))
    assert not check(trace, before(then, first))


def test_counts_look_at_messages_that_stand_for_steps_too() -> None:
    trace = _two_writes()
    assert check(trace, any_order(WRITE, WRITE, exactly(2, WRITE), at_least(2, WRITE)))
    assert not check(trace, any_order(WRITE, WRITE, WRITE))


def test_a_capture_that_a_step_binds_narrows_what_is_counted() -> None:
    builder = TraceBuilder()
    for ballot in (1, 2, 2):
        builder.accept("n1", "n2", ballot=ballot)
    builder.mutation("n1", "n2")
    trace = builder.trace()
    accept = request("PAXOS_ACCEPT", proposal__ballot=Capture("ballot"))
    assert check(trace, exactly(2, accept)), "two of one ballot"
    assert check(trace, exactly(1, accept)), "one of another"
    assert not check(trace, exactly(3, accept))
    assert check(trace, any_order(accept, at_most(1, accept)))
    assert not check(trace, any_order(in_order(accept, accept), at_most(1, accept)))
    assert not check(trace, at_most(2, accept)), "nothing else names it: any value counts"
