import time

from harness.events.message import Message
from harness.events.trace import Trace
from harness.expect.capture import Capture
from harness.expect.checker import check
from harness.expect.expectation import Expectation, acknowledged, any_order, exactly, in_order, within
from harness.expect.pattern import Pattern
from harness.expect.rpc_patterns import one_way
from harness.expect.verbs import MUTATION, MUTATION_DONE
from harness.expect.verdict import Outcome
from tests.expect.traces import TraceBuilder

DONE = one_way(MUTATION_DONE)


def _dones(*shards: int) -> Trace:
    builder = TraceBuilder()
    for shard in shards:
        builder.done(None, sender="n1", receiver="n2", shard=shard)
    return builder.trace()


def test_more_steps_than_messages_are_refuted_at_once() -> None:
    """61 steps, 60 messages that each of them could be: to try them one by one would never end."""
    trace = _dones(*[0] * 60)
    assert check(trace, any_order(*[DONE] * 60))
    verdict = check(trace, any_order(*[DONE] * 61), work_max=100_000)
    assert verdict.outcome is Outcome.FAIL


def test_a_part_that_cannot_be_is_not_tried_for_every_way_in_which_the_others_can() -> None:
    trace = _dones(*range(40))
    free = [one_way(MUTATION_DONE, shard=Capture(f"free {n}")) for n in range(10)]
    shut = one_way(MUTATION_DONE, shard=Capture("shut"), response_id=0, where="body.shard > 20")
    claim = any_order(*free, in_order(shut, shut))
    assert check(trace, claim, work_max=200_000).outcome is Outcome.FAIL


def _chain(first: str, then: str) -> Pattern:
    return one_way(MUTATION_DONE, shard=Capture(first), response_id=Capture(then))


def test_a_search_that_would_not_end_gives_up_and_says_so() -> None:
    """A graph is to be coloured with as many colours as there are messages: hard on purpose."""
    builder = TraceBuilder()
    for shard in range(6):
        for number in range(6):
            if shard != number:
                builder.done(None, sender="n1", receiver="n2", shard=shard)
                builder.messages[-1] = _with_response_id(builder.messages[-1], number)
    names = [str(number) for number in range(7)]
    claim = any_order(*[_chain(a, b) for a in names for b in names if a != b])
    started = time.monotonic()
    verdict = check(builder.trace(), claim, work_max=3_000)
    assert time.monotonic() - started < 5
    assert verdict.outcome in {Outcome.INCONCLUSIVE, Outcome.FAIL}
    smaller = any_order(*[_chain(a, b) for a in names[:3] for b in names[:3] if a != b])
    assert check(builder.trace(), smaller)
    hopeless: Expectation = any_order(*[DONE] * 8, *[_chain(a, b) for a in names for b in names if a < b])
    gave_up = check(builder.trace(), hopeless, work_max=20)
    assert gave_up.outcome is Outcome.INCONCLUSIVE
    assert "gave up after 20 steps" in gave_up.reasons[0]


def _with_response_id(message: Message, number: int) -> Message:
    payload = bytearray(message.payload)
    payload[4:12] = number.to_bytes(8, "little")
    return message._replace(payload=bytes(payload))


def test_windows_slide_until_they_fit() -> None:
    builder = TraceBuilder()
    for pause in (0.0, 1.0, 1.0, 0.1, 1.0):
        builder.wait(pause)
        builder.done(None, sender="n1", receiver="n2")
    assert check(builder.trace(), within(0.2, DONE, DONE))
    assert not check(builder.trace(), within(0.05, DONE, DONE))
    assert check(builder.trace(), in_order(within(0.2, DONE, DONE), DONE))
    assert not check(builder.trace(), in_order(within(0.2, DONE, DONE), within(2, DONE, DONE)))


def test_windows_hold_though_times_go_back() -> None:
    """Times of packets are not always in the order in which messages were complete."""
    builder = TraceBuilder()
    for pause in (3.0, -5.0, 2.5):
        builder.wait(pause)
        builder.done(None, sender="n1", receiver="n2")
    assert check(builder.trace(), within(3, one_way(MUTATION_DONE), DONE))
    assert not check(builder.trace(), within(1, DONE, DONE, DONE))
    assert check(builder.trace(), within(5.1, DONE, DONE, DONE))
    first, second, third = builder.messages
    middle = within(2.6, one_way(MUTATION_DONE, where=lambda message: message.number == 0), DONE)
    assert check(builder.trace(), middle)
    assert abs(first.time_ns - third.time_ns) < 2.6e9 < abs(first.time_ns - second.time_ns)


def test_a_hundred_thousand_messages_are_held_against_usual_claims() -> None:
    """Usual claims look at heads of messages; how long it takes is measured apart from the tests."""
    builder = TraceBuilder()
    write = builder.mutation("n1", "n2")
    done = builder.done(write)
    asked, answer = builder.messages[write], builder.messages[done]
    messages: list[Message] = []
    for number in range(0, 100_000, 2):
        messages.append(asked._replace(number=number, frame_last=number))
        messages.append(answer._replace(number=number + 1, acknowledges=number))
    trace = builder.trace().part(messages)
    claims = (
        exactly(50_000, one_way(MUTATION, table="ks.map")),
        exactly(50_000, acknowledged(one_way(MUTATION, receiver="n2"))),
        in_order(one_way(MUTATION, key=17), DONE, acknowledged(one_way(MUTATION, sender="n1"))),
    )
    assert check(trace, *claims)
