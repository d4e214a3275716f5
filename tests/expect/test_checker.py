from math import prod
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.errors import ExpectationError
from harness.events.trace import Trace
from harness.expect.capture import Capture
from harness.expect.checker import check
from harness.expect.cql_patterns import query, result
from harness.expect.expectation import (
    Expectation,
    acknowledged,
    any_order,
    at_least,
    at_most,
    before,
    each,
    exactly,
    exchange,
    in_background,
    in_order,
    only_after_reply,
    optional,
    quorum,
    within,
)
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern
from harness.expect.planner import plan_of
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.scope import Scope
from harness.expect.verbs import MUTATION, MUTATION_DONE, TRUNCATE
from harness.expect.verdict import Outcome, StepState
from tests.expect.brute_force import satisfiable
from tests.expect.traces import TraceBuilder, garbled, without

NODES = st.sampled_from(["n1", "n2", "n3"])
KEYSPACES = st.sampled_from(["a", "b"])


@st.composite
def traces(draw: st.DrawFn, messages_max: int = 7) -> Trace:
    """Small traces of few kinds of messages, so that many of them fit a claim."""
    builder = TraceBuilder()
    count = draw(st.integers(0, messages_max))
    while len(builder.messages) < count:
        builder.wait(draw(st.sampled_from([0, 0, 0.5])))
        kind = draw(st.integers(0, 6))
        asked = [
            message.number
            for message in builder.messages
            if message.verb_name in {"TRUNCATE", "MUTATION", "QUERY"}
            and message.kind.value != "reply"
            and message.number
            not in {*(m.request for m in builder.messages), *(m.acknowledges for m in builder.messages)}
        ]
        if kind <= 2 and asked:
            number = draw(st.sampled_from(asked))
            match builder.messages[number].verb_name:
                case "TRUNCATE":
                    builder.reply(number)
                case "MUTATION":
                    builder.done(number, shard=draw(st.integers(0, 1)))
                case _:
                    builder.result(number)
        elif kind <= 3:
            builder.truncate(draw(NODES), draw(NODES), draw(KEYSPACES))
        elif kind <= 4:
            builder.mutation(draw(NODES), draw(NODES))
        elif kind <= 5:
            builder.done(None, sender=draw(NODES), receiver=draw(NODES), shard=draw(st.integers(0, 1)))
        else:
            builder.query("SELECT")
    return builder.trace()


def _sides() -> st.SearchStrategy[dict[str, Any]]:
    side = st.one_of(st.none(), NODES, st.just(Capture("node")))
    return st.fixed_dictionaries({"sender": side, "receiver": side})


_KEYSPACE: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.fixed_dictionaries({"keyspace": st.one_of(KEYSPACES, st.just(Capture("k")))})
)
_SHARD: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"shard": st.one_of(st.integers(0, 1), st.just(Capture("shard", per_node=True)))}),
)
_TRUNCATES = st.builds(lambda sides, more: request(TRUNCATE, **sides, **more), _sides(), _KEYSPACE)
_MUTATIONS = st.builds(lambda sides: one_way(MUTATION, **sides), _sides())
_DONES = st.builds(lambda sides, more: one_way(MUTATION_DONE, **sides, **more), _sides(), _SHARD)
_REPLIES = st.builds(lambda sides: reply(TRUNCATE, **sides), _sides())
_PATTERNS: st.SearchStrategy[Pattern] = st.one_of(
    _TRUNCATES, _MUTATIONS, _DONES, _REPLIES, st.builds(query), st.builds(result)
)
_EXCHANGES = st.one_of(
    st.builds(lambda asked: exchange(asked, reply()), _TRUNCATES), st.builds(acknowledged, _MUTATIONS)
)
_COUNTABLE = st.one_of(_PATTERNS, _EXCHANGES)
_SOME_NODES = st.lists(NODES, min_size=1, max_size=3, unique=True)


def _lists(inner: st.SearchStrategy[Expectation]) -> st.SearchStrategy[list[Expectation]]:
    pairs: st.SearchStrategy[list[Expectation]] = st.one_of(
        st.builds(lambda asked: [asked, reply()], _TRUNCATES),
        st.builds(lambda asked: [asked, in_background(reply())], _TRUNCATES),
        st.builds(lambda asked: [asked, optional(reply())], _TRUNCATES),
        st.builds(lambda asked, done: [asked, done], _MUTATIONS, _DONES),
        st.builds(lambda: [query(), result()]),
        st.builds(lambda late: [query(), result(), only_after_reply(late)], inner),
        st.builds(lambda late: [only_after_reply(late), query(), result()], inner),
    )
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.builds(lambda pair, more: [*pair, *more], pairs, st.lists(inner, max_size=1)),
        st.builds(lambda more, pair: [*more, *pair], st.lists(inner, max_size=1), pairs),
    )


def _around(inner: st.SearchStrategy[Expectation]) -> st.SearchStrategy[Expectation]:
    steps = _lists(inner)
    return st.one_of(
        st.builds(lambda some: in_order(*some), steps),
        st.builds(lambda some: any_order(*some), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda nodes, some: each(nodes, *some), _SOME_NODES, steps),
        st.builds(
            lambda nodes, some, count, rest: quorum(
                min(count, len(nodes)), *some, of=nodes, rest_in_background=rest
            ),
            _SOME_NODES,
            steps,
            st.integers(1, 2),
            st.booleans(),
        ),
        st.builds(lambda some: within(0.3, *some), steps),
        st.builds(optional, inner),
        st.builds(in_background, inner),
    )


EXPECTATIONS: st.SearchStrategy[Expectation] = st.recursive(
    st.one_of(
        _PATTERNS,
        _EXCHANGES,
        st.builds(exactly, st.integers(0, 3), _COUNTABLE),
        st.builds(at_least, st.integers(0, 3), _COUNTABLE),
        st.builds(at_most, st.integers(0, 2), _COUNTABLE),
        st.builds(lambda p, q, needed: before(p, q, is_required=needed), _PATTERNS, _PATTERNS, st.booleans()),
    ),
    _around,
    max_leaves=4,
)


@settings(max_examples=200)
@given(traces(), EXPECTATIONS)
def test_a_claim_holds_exactly_if_trying_everything_finds_messages_for_it(
    trace: Trace, claim: Expectation
) -> None:
    assume_small(claim)
    expected = satisfiable(MessageIndex(trace), claim)
    assert check(trace, claim).outcome is (Outcome.PASS if expected else Outcome.FAIL), str(claim)


def assume_small(claim: Expectation) -> None:
    """Trying everything takes too long for claims with many choices."""
    try:
        plan = plan_of(claim)
    except ExpectationError:
        assume(condition=False)
    ways = prod(len(choice.alternatives) for choice in plan.choices)
    assume(len(plan.variables) <= 12 and ways <= 50)


@st.composite
def told_claims(draw: st.DrawFn) -> tuple[Trace, Expectation]:
    """A trace, and a claim that tells it, or most of it, more or less exactly and in more or less this order."""
    trace = draw(traces())
    numbers = draw(
        st.lists(st.integers(0, max(0, len(trace) - 1)), max_size=5, unique=True).map(sorted)
        if trace
        else st.just([])
    )
    if draw(st.integers(0, 4)) == 0:
        numbers = draw(st.permutations(numbers))
    return trace, draw(_telling(trace, tuple(numbers)))


@st.composite
def _telling(draw: st.DrawFn, trace: Trace, numbers: tuple[int, ...]) -> Expectation:
    if not numbers:
        return draw(EXPECTATIONS)
    if len(numbers) == 1:
        return draw(_telling_one(trace, numbers[0]))
    cut = draw(st.integers(1, len(numbers) - 1))
    parts = draw(_telling(trace, numbers[:cut])), draw(_telling(trace, numbers[cut:]))
    match draw(st.integers(0, 6)):
        case 0:
            return any_order(*parts)
        case 6:
            return any_order(in_order(query(), result()), *parts)
        case 1:
            return in_order(in_background(parts[0]), parts[1])
        case 2:
            return within(draw(st.sampled_from([0.1, 0.6, 3])), *parts)
        case 3:
            return in_order(optional(parts[0]), parts[1])
        case _:
            return in_order(*parts)


@st.composite
def _telling_one(draw: st.DrawFn, trace: Trace, number: int) -> Expectation:
    message = trace[number]
    sides: dict[str, Any] = {}
    for side, name in (("sender", message.sender_node), ("receiver", message.receiver_node)):
        sides[side] = draw(st.sampled_from([name, None, Capture("node"), Capture("other")]))
    match (message.verb_name, message.kind.value):
        case ("TRUNCATE", "request"):
            pattern = request(TRUNCATE, **sides, **draw(_KEYSPACE))
        case ("TRUNCATE", _):
            pattern = reply(TRUNCATE, **sides)
        case ("MUTATION", _):
            pattern = one_way(MUTATION, **sides)
        case ("MUTATION_DONE", _):
            pattern = one_way(MUTATION_DONE, **sides, **draw(_SHARD))
        case ("QUERY", _):
            pattern = query()
        case _:
            pattern = result()
    match draw(st.integers(0, 8)):
        case 0:
            return at_least(draw(st.integers(1, 2)), pattern)
        case 1:
            return exactly(draw(st.integers(1, 2)), pattern)
        case _:
            return pattern


@settings(max_examples=200)
@given(told_claims())
def test_a_claim_that_tells_the_trace_holds_exactly_if_trying_everything_finds_messages_for_it(
    told: tuple[Trace, Expectation],
) -> None:
    trace, claim = told
    assume_small(claim)
    verdict = check(trace, claim)
    expected = satisfiable(MessageIndex(trace), claim)
    assert verdict.outcome is (Outcome.PASS if expected else Outcome.FAIL), str(claim)
    if verdict:
        steps = [line for line in verdict.transcript if line.state is StepState.SEEN and not line.note]
        numbers = [message.number for line in steps for message in line.messages]
        assert len(numbers) == len(set(numbers)) == len(steps), "each step has a message of its own"


@settings(max_examples=200)
@given(told_claims(), st.data())
def test_what_was_lost_or_garbled_never_overturns_a_verdict(
    told: tuple[Trace, Expectation], data: st.DataObject
) -> None:
    """Whatever the messages were that are missing: PASS and FAIL are what the whole trace says."""
    trace, claim = told
    assume_small(claim)
    numbers = st.sets(st.sampled_from(range(len(trace))), max_size=3) if trace else st.just(set[int]())
    seen = without(garbled(trace, data.draw(numbers)), data.draw(numbers), lost=True)
    outcome = check(seen, claim).outcome
    if outcome is not Outcome.INCONCLUSIVE:
        assert outcome is check(trace, claim).outcome, str(claim)


def test_everything_waits_for_the_clients_reply_unless_it_says_that_it_need_not() -> None:
    builder = TraceBuilder()
    asked = builder.query("INSERT")
    write = builder.mutation("n1", "n2")
    builder.result(asked)
    builder.done(write)
    trace = builder.trace()
    statement = in_order(query(), result())
    assert check(trace, any_order(statement, one_way(MUTATION)))
    assert not check(trace, any_order(statement, acknowledged(one_way(MUTATION))))
    assert not check(trace, any_order(statement, exactly(1, one_way(MUTATION_DONE))))
    assert not check(trace, any_order(statement, at_least(1, one_way(MUTATION_DONE))))
    assert check(trace, any_order(statement, in_background(acknowledged(one_way(MUTATION)))))
    assert check(trace, any_order(statement, only_after_reply(one_way(MUTATION_DONE))))
    assert not check(trace, any_order(statement, only_after_reply(one_way(MUTATION))))
    assert check(trace, in_order(query(), result(), one_way(MUTATION_DONE))), "it stands behind the reply"
    assert check(trace, any_order(in_order(query(), result(), one_way(MUTATION_DONE)), one_way(MUTATION)))


def test_of_several_replies_none_is_the_clients_reply_for_the_rest() -> None:
    builder = TraceBuilder()
    for _ in range(2):
        builder.result(builder.query("INSERT"))
    builder.mutation("n1", "n2")
    twice = in_order(query(), result(), query(), result())
    assert check(builder.trace(), any_order(twice, one_way(MUTATION)))
    assert not check(builder.trace(), any_order(in_order(query(), result()), one_way(MUTATION)))


def test_what_a_quorum_does_not_wait_for_comes_all_the_same() -> None:
    builder = TraceBuilder()
    asked = builder.query("INSERT")
    writes = [builder.mutation("n1", node) for node in ("n2", "n3")]
    builder.done(writes[1])
    builder.result(asked)
    trace_of_one = builder.trace()
    builder.done(writes[0])
    steps = one_way(MUTATION), one_way(MUTATION_DONE)
    in_background_too = quorum(1, *steps, of=["n2", "n3"], rest_in_background=True)
    assert check(builder.trace(), in_order(query(), in_background_too, result()))
    assert not check(trace_of_one, in_order(query(), in_background_too, result()))
    assert check(trace_of_one, in_order(query(), quorum(1, *steps, of=["n2", "n3"]), result()))
    assert not check(builder.trace(), in_order(query(), quorum(2, *steps, of=["n2", "n3"]), result()))


def test_several_claims_do_not_share_out_the_messages() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    verdict = check(builder.trace(), one_way(MUTATION), one_way(MUTATION, receiver="n2"))
    assert verdict
    assert len(verdict.parts) == 2
    assert not check(builder.trace(), any_order(one_way(MUTATION), one_way(MUTATION, receiver="n2")))


def test_a_verdict_says_what_part_of_the_trace_it_is_about() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.mutation("n1", "n3")
    scope = Scope(name="statement 1, by its times", where=lambda message: message.number == 0)
    verdict = check(builder.trace(), exactly(1, one_way(MUTATION)), scope=scope)
    assert verdict
    assert verdict.scope == "statement 1, by its times"
