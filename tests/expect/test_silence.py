"""Why a message was not answered."""

import re
from dataclasses import replace

from harness.events.trace import Trace
from harness.events.under_way import SETTLED_NS
from harness.expect.silence import Silence
from tests.expect.traces import ADDRESSES, TraceBuilder


def _chat(builder: TraceBuilder, *names: str, seconds: int) -> None:
    """Every node says something each half second."""
    for _ in range(seconds * 2):
        builder.wait(0.5)
        for name in names:
            builder.mutation(name, "n5")


def _trace() -> tuple[Trace, int, int]:
    """n2 is silent for four seconds; asked before, and by a node that lives."""
    builder = TraceBuilder()
    _chat(builder, "n1", "n2", "n3", seconds=1)
    dead = builder.mutation("n1", "n2")
    alive = builder.mutation("n1", "n3")
    _chat(builder, "n1", "n3", seconds=4)
    _chat(builder, "n1", "n2", "n3", seconds=1)
    return builder.trace(), dead, alive


def test_node_that_sends_nothing_for_seconds_is_taken_for_dead() -> None:
    trace, dead, alive = _trace()
    silence = Silence(trace)
    assert silence.explanation(trace[dead]).startswith("n2 sent nothing for 4.")
    assert silence.explanation(trace[alive]) == ""


def test_silence_is_measured_from_its_beginning_to_its_end() -> None:
    trace, dead, _ = _trace()
    silent_ns = Silence(trace).silent_ns(ADDRESSES["n2"], trace[dead].time_ns + 3_000_000_000)
    assert silent_ns is not None
    assert 4.0e9 < silent_ns < 5.0e9
    assert Silence(trace).silent_ns(ADDRESSES["n1"], trace[dead].time_ns) is None


def test_node_that_is_never_heard_is_not_known_to_be_silent() -> None:
    trace, dead, _ = _trace()
    assert Silence(trace).silent_ns("10.9.9.9", trace[dead].time_ns) is None


def test_answer_may_lie_behind_the_end_of_the_capture() -> None:
    builder = TraceBuilder()
    first = builder.mutation("n1", "n2")
    builder.wait(0.2)
    last = builder.mutation("n1", "n2")
    trace = builder.trace()
    assert Silence(trace).end_of_capture(trace[first]) == ""
    assert Silence(trace).explanation(trace[last]) == "the capture ends 0.0 ms later"


def test_answer_may_be_as_late_as_another_was() -> None:
    builder = TraceBuilder()
    slow = builder.mutation("n1", "n2")
    builder.wait(0.3)
    builder.done(slow)
    late = builder.mutation("n1", "n3")
    builder.wait(0.2)
    builder.done(builder.mutation("n1", "n2"))
    trace = builder.trace()
    assert re.fullmatch(
        r"the capture ends 20\d\.\d ms later, and another took 30\d\.\d ms",
        Silence(trace).explanation(trace[late]),
    )
    gone_by = replace(trace, ended_ns=trace[late].time_ns + 310_000_000)
    assert Silence(gone_by).explanation(trace[late]) == ""


def test_what_was_recorded_until_work_had_settled_hides_no_answer() -> None:
    """Nothing is said any more behind the last message; that it was listened to is what counts."""
    builder = TraceBuilder()
    last = builder.mutation("n1", "n2")
    trace = builder.trace()
    settled_ns = trace[last].time_ns + SETTLED_NS
    assert Silence(replace(trace, ended_ns=settled_ns)).explanation(trace[last]) == ""
    assert Silence(replace(trace, ended_ns=settled_ns - 1)).explanation(trace[last])


def test_empty_trace_ends_at_once() -> None:
    trace, dead, _ = _trace()
    assert Silence(Trace(())).end_of_capture(trace[dead])
