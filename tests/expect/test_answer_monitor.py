"""Every request is answered, or it is known why not."""

from pathlib import Path

import pytest

from harness.events.message import Kind, Protocol
from harness.events.trace import Trace
from harness.expect.answer_monitor import every_request_answered
from harness.expect.finding import Fault
from harness.expect.scope import Scope
from harness.expect.verdict import Outcome, Verdict
from tests.expect.captured import captured
from tests.expect.traces import TraceBuilder, doubled, redirected, without


def _check(trace: Trace) -> Verdict:
    return every_request_answered().check(trace)


def _conversation() -> TraceBuilder:
    """A write and a TRUNCATE, both answered, and enough time behind them."""
    builder = TraceBuilder()
    builder.done(builder.mutation("n1", "n2"))
    builder.reply(builder.truncate("n1", "n3"))
    asked = builder.query("SELECT * FROM ks.map WHERE id = 17")
    builder.result(asked)
    for _ in range(10):
        builder.wait(0.5)
        builder.done(builder.mutation("n3", "n2"))
        builder.reply(builder.truncate("n2", "n1"))
    return builder


def _opened(trace: Trace, *, syn_seen: bool) -> Trace:
    """The trace, with or without its connections being opened in the capture."""
    return trace.part(
        message._replace(connection=message.connection._replace(syn_seen=syn_seen)) for message in trace
    )


def test_whole_conversation_passes() -> None:
    verdict = _check(_conversation().trace())
    assert verdict.outcome is Outcome.PASS
    assert verdict.transcript[-1].text == "23 of 23 requests are answered"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (1, "n1 → n2: MUTATION in packet 11 was not answered, and its timeout of 2000 ms passed"),
        (3, "n1 → n3: TRUNCATE in packet 13 was not answered, and its timeout of 2000 ms passed"),
        (5, "statement 1 (packet 15) SELECT * FROM ks.map WHERE id = 17 was not answered"),
    ],
)
def test_missing_answer_is_found(answer: int, text: str) -> None:
    verdict = _check(without(_conversation().trace(), [answer]))
    assert (verdict.outcome, verdict.reasons) == (Outcome.FAIL, (text,))


@pytest.mark.parametrize("answer", [1, 3])
def test_answer_that_comes_twice_or_from_elsewhere_is_found(answer: int) -> None:
    trace = _conversation().trace()
    twice = _check(doubled(trace, answer))
    assert twice.outcome is Outcome.FAIL
    assert "is answered 2 times" in twice.reasons[0]
    elsewhere = _check(redirected(trace, answer, "n4"))
    assert elsewhere.outcome is Outcome.FAIL
    # Where it went nothing was written, so that it acknowledges nothing.
    assert ("was not answered" if answer == 1 else "is answered by") in elsewhere.reasons[0]


def test_answer_to_nothing_is_found() -> None:
    """Both later ones: their requests would have higher numbers than the first that was seen."""
    trace = _conversation().trace()
    later = [message.number for message in trace[8:] if message.verb_name in {"MUTATION", "TRUNCATE"}]
    requests = [number for number in later if trace[number].kind is not Kind.REPLY][-2:]
    verdict = _check(without(trace, requests))
    assert verdict.outcome is Outcome.FAIL
    assert len(verdict.reasons) == 2
    assert all("to nothing that was sent" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("answer", [1, 3])
def test_first_answer_of_a_connection_that_comes_once_more_is_found(answer: int) -> None:
    trace = doubled(_conversation().trace(), answer)
    again = trace[answer + 1]._replace(request=None, acknowledges=None)
    verdict = _check(trace.part(again if message.number == again.number else message for message in trace))
    assert verdict.outcome is Outcome.FAIL
    assert f"packet {again.frame_last} is" in verdict.reasons[0]
    assert "to nothing that was sent" in verdict.reasons[0]


def test_answer_to_nothing_is_found_where_the_connection_was_seen_to_open() -> None:
    trace = without(_conversation().trace(), [2])
    (answer,) = (message for message in trace.rpc if message.kind is Kind.REPLY and message.request is None)
    verdict = _check(_opened(trace, syn_seen=True))
    assert verdict.reasons == (f"n3 → n1: packet {answer.frame_last} is an answer to nothing that was sent",)


def test_answer_to_what_was_asked_before_the_capture_is_none_of_its_faults() -> None:
    trace = without(_conversation().trace(), [0, 2])
    assert _check(_opened(trace, syn_seen=False)).outcome is Outcome.PASS


def test_silence_of_a_node_explains_what_it_does_not_answer() -> None:
    builder = _conversation()
    builder.truncate("n1", "n4")
    for _ in range(10):
        builder.wait(0.5)
        builder.done(builder.mutation("n3", "n2"))
    builder.wait(1)
    builder.done(builder.mutation("n4", "n2"))
    verdict = _check(builder.trace())
    assert verdict.outcome is Outcome.PASS
    notes = [step.note for step in verdict.transcript if "TRUNCATE" in step.text]
    assert len(notes) == 1
    assert notes[0].startswith("n4 sent nothing for")


def test_end_of_the_capture_explains_what_is_not_answered() -> None:
    builder = _conversation()
    builder.truncate("n1", "n2")
    verdict = _check(builder.trace())
    assert verdict.outcome is Outcome.PASS
    assert verdict.transcript[0].note == "the capture ends 0.0 ms later"


def test_lost_bytes_leave_an_answer_open() -> None:
    verdict = _check(without(_conversation().trace(), [3], lost=True))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "not in the capture" in verdict.reasons[0]


def test_scope_is_all_that_is_looked_at() -> None:
    trace = without(_conversation().trace(), [3])
    elsewhere = Scope(where=lambda message: message.number > 3)
    assert every_request_answered().check(trace, elsewhere).outcome is Outcome.PASS


# Real clusters.


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
@pytest.mark.parametrize(
    "name",
    [
        "base/boot",
        "base/idle_gossip",
        "base/schema",
        "base/tracing",
        "errors/mutation_failed",
        "faults/graceful_stop_and_return",
        "faults/hinted_handoff",
        "faults/pause_then_read_all",
        "faults/paused_replica",
        "faults/repair",
        "multidc/multi_dc",
        "shards/lz4_two_shards",
        "topology/add_node",
        "topology/decommission",
    ],
)
def test_real_requests_are_answered(reference: Path, line: str, name: str) -> None:
    """Also where nodes die, stop, join and leave: what they do not answer is explained."""
    verdict = _check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons


def test_node_that_has_left_is_not_answered(reference: Path) -> None:
    verdict = _check(captured(reference, "scylla-2025.1/topology/decommission"))
    notes = {step.note for step in verdict.transcript if "DIRECT_FD_PING" in step.text}
    assert "n4 is no member of the ring: its connections are cut" in notes


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_replica_that_fails_in_paxos_is_the_exception(reference: Path, line: str) -> None:
    """It answers nothing at all: the fault that the capture was made for."""
    verdict = _check(captured(reference, f"scylla-{line}/errors/paxos_replica_exception"))
    assert verdict.outcome is Outcome.FAIL
    assert [
        verb in reason
        for verb, reason in zip(("PAXOS_PREPARE", "PAXOS_ACCEPT"), verdict.reasons, strict=True)
    ] == [
        True,
        True,
    ]


@pytest.mark.parametrize("name", ["scylla-4.2/base/read_cl", "scylla-2025.1/base/lwt_conditions"])
def test_any_answer_that_is_gone_is_noticed(reference: Path, name: str) -> None:
    trace = captured(reference, name)
    answers = [
        message
        for message in trace
        if message.protocol is Protocol.RPC
        and (message.request is not None or message.acknowledges is not None)
    ]
    end_ns = trace[-1].time_ns - 100_000_000
    for message in [one for one in answers if one.time_ns < end_ns][::7]:
        verdict = _check(without(trace, [message.number]))
        assert verdict.outcome is Outcome.FAIL, message
        assert "was not answered" in verdict.reasons[0]


def test_claim_says_what_it_claims() -> None:
    assert str(every_request_answered()) == "every request is answered and every write acknowledged, once"
    assert Fault.NOT_ANSWERED.value == "not answered"
