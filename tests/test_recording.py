from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.replay.cluster import ReplayCluster
from harness.dissect.reading import read_trace
from harness.errors import BackendError, ExpectationError
from harness.events.message import Kind
from harness.events.trace import Trace
from harness.expect import (
    MUTATION_DONE,
    PAXOS_ACCEPT,
    PAXOS_PREPARE,
    PAXOS_PRUNE,
    exactly,
    lwt_round,
    never,
    one_way,
    query,
    request,
)
from harness.expect.verdict import Outcome
from harness.recording import Judged, ReplayRecorder, Wire
from tests.written.written_capture import INSERT, demo_trace


class Watched:
    """A wire with what it was told about verdicts."""

    def __init__(self, trace: Trace) -> None:
        self.judged: list[Judged] = []
        self.cluster = ReplayCluster(trace, "demo")
        self.session = self.cluster.session()
        recorder = ReplayRecorder(trace, lambda: self.cluster.conversation.taken)
        self.wire = Wire(recorder, self.judged.append)


class LateRecorder(ReplayRecorder):
    """A recorder that sees the rest of a trace only when it is waited for."""

    def __init__(self, trace: Trace, seen: int, taken: Callable[[], tuple[int, ...]]) -> None:
        super().__init__(trace, taken)
        self.asked = 0
        self._so_far = replace(trace, messages=trace.messages[:seen])
        self._rest = trace

    def trace(self) -> Trace:
        return self._so_far

    def wait_for_late(self, holds: Callable[[], bool]) -> None:
        self.asked += 1
        self._so_far = self._rest
        holds()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """The demo's wire."""
    return Watched(demo_trace(tmp_path))


def test_a_statement_is_what_it_caused(watched: Watched) -> None:
    with watched.wire.statement() as first:
        watched.session.execute(INSERT)
    with watched.wire.statement() as second:
        watched.session.execute(INSERT)
    assert first.coordinator == second.coordinator == "n1"
    assert {message.number for message in first.messages}.isdisjoint(
        message.number for message in second.messages
    )
    assert first.count(request(PAXOS_PREPARE)) == second.count(request(PAXOS_PREPARE)) == 2
    assert first.basis.startswith("by partition keys")


def test_what_is_late_is_waited_for_before_a_claim_fails(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    cluster = ReplayCluster(trace, "demo")
    prunes = [message.number for message in trace if message.verb_name == "PAXOS_PRUNE"]
    recorder = LateRecorder(trace, prunes[0], lambda: cluster.conversation.taken)
    judged: list[Judged] = []
    wire = Wire(recorder, judged.append)
    with wire.statement() as insert:
        cluster.session().execute(INSERT)
    assert insert.expect(exactly(2, request(PAXOS_PREPARE)))
    assert recorder.asked == 0
    assert insert.count(one_way(PAXOS_PRUNE)) == 0
    assert insert.expect(exactly(2, one_way(PAXOS_PRUNE)))
    assert recorder.asked == 1
    assert insert.count(one_way(PAXOS_PRUNE)) == 2
    assert insert.expect(exactly(3, one_way(PAXOS_PRUNE))).outcome is Outcome.FAIL
    assert [each.verdict.outcome for each in judged] == [Outcome.PASS, Outcome.PASS, Outcome.FAIL]


def test_several_statements_are_one_recording(watched: Watched) -> None:
    with watched.wire.statement("both") as both:
        watched.session.execute(INSERT)
        watched.session.execute(INSERT)
    assert [statement.number for statement in both.statements] == [1, 2]
    assert both.expect(exactly(4, request(PAXOS_PREPARE)), lwt_round())
    (judged,) = watched.judged
    assert judged.name == "both"
    assert [part.outcome for part in judged.verdict.parts] == [Outcome.PASS, Outcome.PASS]


def test_a_recording_reaches_from_one_statement_to_the_next(watched: Watched) -> None:
    watched.session.execute(INSERT)
    with watched.wire.recording() as between:
        pass
    watched.session.execute(INSERT)
    assert between.count(request(PAXOS_PREPARE)) == 0
    with watched.wire.recording() as rest:
        pass
    assert rest.count(request(PAXOS_PREPARE)) == 0
    assert rest.basis == "everything meanwhile"


def test_a_recording_without_statements_is_the_whole_capture(watched: Watched) -> None:
    with watched.wire.recording() as everything:
        pass
    assert len(everything.messages) == len(everything.trace)
    assert everything.count(request(PAXOS_ACCEPT)) == 4


def test_it_goes_on_until_a_claim_holds_or_the_capture_ends(watched: Watched) -> None:
    with watched.wire.recording(until=exactly(4, request(PAXOS_ACCEPT))) as seen:
        pass
    assert seen.expect(never(request(PAXOS_ACCEPT))).outcome is Outcome.FAIL
    with (
        pytest.raises(BackendError, match=r"ends before what the scenario waits for \(FAIL\):\nexactly 5"),
        watched.wire.recording(until=exactly(5, request(PAXOS_ACCEPT))),
    ):
        pass


def test_every_verdict_is_told_and_given_back(watched: Watched) -> None:
    with watched.wire.statement("insert") as insert:
        watched.session.execute(INSERT)
    assert list(watched.wire.unchecked) == ["insert"]
    assert insert.expect(query("INSERT")).outcome is Outcome.PASS
    assert insert.expect(exactly(3, request(PAXOS_PREPARE))).outcome is Outcome.FAIL
    assert [judged.verdict.outcome for judged in watched.judged] == [Outcome.PASS, Outcome.FAIL]
    assert list(watched.wire.unchecked) == []


def test_a_second_answer_to_what_it_caused_counts(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    done = next(message for message in trace if message.verb_name == "MUTATION_DONE")
    copy = done._replace(number=len(trace), acknowledges=None, acknowledges_frame=None)
    watched = Watched(Trace((*trace.messages, copy), trace.missing, trace.topology, trace.schema))
    with watched.wire.statement() as first:
        watched.session.execute(INSERT)
    assert first.count(one_way(MUTATION_DONE)) == 3


def test_what_could_not_be_decoded_makes_never_inconclusive(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    broken = next(message for message in trace if message.verb_name == "PAXOS_PRUNE")
    messages = [
        message._replace(kind=Kind.UNDECODED, verb=None, reason="broken") if message is broken else message
        for message in trace
    ]
    watched = Watched(Trace(tuple(messages), trace.missing, trace.topology, trace.schema))
    with watched.wire.statement() as first:
        watched.session.execute(INSERT)
    assert first.expect(exactly(3, request(PAXOS_PREPARE))).outcome is not Outcome.PASS


def test_claims_that_make_no_sense_are_refused(watched: Watched) -> None:
    with (
        watched.wire.statement("nothing") as nothing,
        pytest.raises(ExpectationError, match="is not over yet"),
    ):
        nothing.expect(query("INSERT"))
    with pytest.raises(ExpectationError, match=r"expect\(\) without a claim"):
        nothing.expect()
    with pytest.raises(ExpectationError, match="nothing: no statement was executed inside it"):
        nothing.expect(query("INSERT"))
    with pytest.raises(ExpectationError, match="nothing has no one coordinator but none"):
        _ = nothing.coordinator


def test_a_real_statement_is_told_from_the_others(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2/base/tracing.pcapng")
    watched = Watched(trace)
    with watched.wire.statement() as read:
        watched.session.execute("SELECT * FROM demo3.map WHERE id = 17")
    assert read.basis.startswith("by tracing session id")
