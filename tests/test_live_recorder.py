from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from harness.backends.live.cluster import LiveCluster
from harness.backends.live.request_log import RequestLog, SentRequest
from harness.capture.capture_file import CaptureFile
from harness.capture.dumpcap import Mark, RunningCapture
from harness.codec.pcapng import CaptureDecoder, Packet
from harness.context import Context
from harness.dissect.reading import read_context, read_trace
from harness.errors import BackendError
from harness.expect import PAXOS_PREPARE, exactly, request
from harness.expect.scope import WHOLE_TRACE
from harness.live_recorder import LiveRecorder
from harness.topology import Topology
from tests.written.written_capture import write_demo

FIRST, SECOND = 14, 30
"""Messages of the demo: two statements, 250 ms apart."""


class GrowingCapture:
    """A capture into which a known one is written bit by bit: with each mark one packet more."""

    def __init__(self, source: Path, path: Path, dropped: int | None = 0) -> None:
        self.path = path
        self.dropped = dropped
        self.mark_count = 0
        self.is_closed = False
        self.last_mark: Mark | None = None
        self.behind: Mark | None = None
        self._data = source.read_bytes()
        self._ends: list[tuple[int, int]] = []
        decoder = CaptureDecoder()
        for end in range(1, len(self._data) + 1):
            for event in decoder.feed(self._data[end - 1 : end]):
                if isinstance(event, Packet):
                    self._ends.append((end, event.time_ns))
        path.write_bytes(b"")
        self.now_ns = 0

    def grow(self, packets: int) -> None:
        for _ in range(packets):
            if self._ends:
                end, self.now_ns = self._ends.pop(0)
                self.path.write_bytes(self._data[:end])

    def mark(self, label: str = "") -> Mark:
        self.mark_count += 1
        if self._ends:
            self.grow(1)
        else:
            self.now_ns += 100_000_000
        self.last_mark = Mark(b"", label, self.mark_count, self.now_ns)
        return self.last_mark

    def stop(self, *, behind: Mark | None = None) -> CaptureFile:
        self.behind = behind
        self.path.write_bytes(self._data)
        return CaptureFile(
            path=self.path,
            packet_count=9,
            dropped_packets=self.dropped,
            started_at_ns=0,
            ended_at_ns=self.now_ns if behind is None else behind.time_ns,
        )

    def close(self) -> None:
        self.is_closed = True


class Members:
    """Nothing happens to the nodes."""

    change_count = 0
    last_change_ns = 0
    rings: tuple[tuple[int, Topology], ...] = ()

    def is_cut_off(self, address: str, since_ns: int) -> bool:  # noqa: ARG002
        return False

    def resumed_ns(self, address: str) -> int:  # noqa: ARG002
        return 0


class Cluster:
    """A cluster of which the context tells."""

    def __init__(self, known: Context) -> None:
        self.request_log = RequestLog()
        self.members = Members()
        self.known = known


class Recorded:
    """A recorder, and what it records."""

    def __init__(self, folder: Path, dropped: int | None = 0) -> None:
        source = write_demo(folder / "source")
        self.whole = read_trace(source)
        self.capture = GrowingCapture(source, folder / "capture.pcapng", dropped)
        self.cluster = Cluster(read_context(source.with_suffix(".json")))
        self.recorder = LiveRecorder(cast("RunningCapture", self.capture), cast("LiveCluster", self.cluster))

    def send(self, stream_id: int) -> None:
        """As the driver sends one of the demo's statements."""
        self.cluster.request_log.add(SentRequest("10.20.0.1", 40000, stream_id, 0))


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    recorded = Recorded(tmp_path)
    yield recorded
    recorded.recorder.close()


def test_a_trace_is_given_when_all_is_answered(recorded: Recorded) -> None:
    # The first statement is asked, and nothing is answered yet.
    recorded.capture.grow(recorded.whole[FIRST].frame_last)
    recorded.send(1)
    trace = recorded.recorder.trace()
    replied = recorded.whole.exchange_of(recorded.whole[FIRST]).reply
    assert replied is not None
    assert len(trace) > replied.number
    assert [message.verb_name for message in trace] == [
        message.verb_name for message in recorded.whole.messages[: len(trace)]
    ]


def test_it_settles_when_all_is_answered(recorded: Recorded) -> None:
    recorded.capture.grow(recorded.whole[FIRST].frame_last)
    recorded.send(1)
    recorded.recorder.settle()
    marks = recorded.capture.mark_count
    assert marks > 1
    replied = recorded.whole.exchange_of(recorded.whole[FIRST]).reply
    assert replied is not None
    # What was recorded by then is the trace.
    assert len(recorded.recorder.trace()) > replied.number
    assert recorded.capture.mark_count == marks


def test_the_same_trace_is_given_until_something_happens(recorded: Recorded) -> None:
    trace = recorded.recorder.trace()
    marks = recorded.capture.mark_count
    assert recorded.recorder.trace() is trace
    assert recorded.capture.mark_count == marks
    recorded.send(1)
    assert recorded.recorder.trace() is not trace
    recorded.cluster.members.change_count += 1
    marks = recorded.capture.mark_count
    recorded.recorder.trace()
    assert recorded.capture.mark_count > marks


def test_statements_of_a_span_are_found_by_connection_and_stream_id(recorded: Recorded) -> None:
    recorder = recorded.recorder
    before = recorder.mark()
    recorded.send(1)
    between = recorder.mark()
    recorded.send(2)
    after = recorder.mark()
    recorded.capture.grow(1000)
    assert recorder.span(before, between).requests == (FIRST,)
    assert recorder.span(between, after).requests == (SECOND,)
    assert recorder.span(before, after).requests == (FIRST, SECOND)
    assert recorder.span(before, before).requests == ()


def test_a_statement_that_the_capture_has_lost_is_left_out(recorded: Recorded) -> None:
    before = recorded.recorder.mark()
    recorded.send(7)
    recorded.capture.grow(1000)
    assert recorded.recorder.span(before, recorded.recorder.mark()).requests == ()


def test_it_goes_on_until_a_claim_holds(recorded: Recorded) -> None:
    recorded.capture.grow(1000)
    recorded.recorder.wait_until(exactly(4, request(PAXOS_PREPARE)), lambda: WHOLE_TRACE, 5)
    with pytest.raises(BackendError, match=r"has not come within 0\.1 s \(FAIL\):\nexactly 5"):
        recorded.recorder.wait_until(exactly(5, request(PAXOS_PREPARE)), lambda: WHOLE_TRACE, 0.1)


def test_what_is_late_is_asked_for_when_it_has_come(recorded: Recorded) -> None:
    recorded.send(1)
    before = recorded.recorder.trace()
    recorded.capture.grow(1000)
    seen: list[int] = []

    def holds() -> bool:
        seen.append(len(recorded.recorder.trace()))
        return True

    recorded.recorder.wait_for_late(holds)
    assert seen == [len(recorded.whole)]
    assert len(before) < len(recorded.whole)


def test_what_never_comes_is_asked_for_behind_another_mark(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.live_recorder._LATE_S", 0.05)
    recorded.capture.grow(1000)
    recorded.recorder.trace()
    marks = recorded.capture.mark_count
    asked: list[int] = []

    def holds() -> bool:
        asked.append(recorded.capture.mark_count)
        return False

    recorded.recorder.wait_for_late(holds)
    assert len(asked) == 1
    assert asked[0] > marks


def test_the_end_leaves_a_whole_file_with_its_context(recorded: Recorded) -> None:
    recorded.capture.grow(1000)
    recorded.recorder.end()
    recorded.recorder.end()
    assert recorded.capture.is_closed
    assert recorded.recorder.trace().missing.is_complete
    context = read_context(recorded.capture.path.with_suffix(".json"))
    assert context.topology == recorded.whole.topology
    assert [table.full_name for table in context.schema.tables] == ["demo.map"]
    assert context.dropped_packets == 0
    assert len(read_trace(recorded.capture.path)) == len(recorded.recorder.trace()) == len(recorded.whole)


def test_what_begins_behind_the_end_is_in_the_file_and_not_in_the_trace(recorded: Recorded) -> None:
    recorded.send(1)
    before = recorded.recorder.trace()
    # The file grows until the program that writes it has ended.
    recorded.recorder.end()
    assert recorded.recorder.trace().messages == before.messages
    assert len(before) < len(read_trace(recorded.capture.path)) == len(recorded.whole)
    assert recorded.capture.last_mark is not None
    assert recorded.recorder.trace().ended_ns == recorded.capture.last_mark.time_ns


def test_the_mark_of_quiet_work_is_that_of_the_end(recorded: Recorded) -> None:
    recorded.send(1)
    recorded.recorder.trace()
    marks = recorded.capture.mark_count
    recorded.recorder.end()
    assert recorded.capture.mark_count == marks
    assert recorded.capture.behind is recorded.capture.last_mark is not None


def test_what_was_sent_since_stands_before_the_mark_of_the_end(recorded: Recorded) -> None:
    recorded.recorder.trace()
    first = recorded.capture.last_mark
    recorded.send(1)
    recorded.recorder.end()
    assert recorded.capture.behind is recorded.capture.last_mark is not first


def test_a_mark_before_anything_that_was_sent_is_none_of_the_end(recorded: Recorded) -> None:
    recorded.recorder.trace()
    first = recorded.capture.last_mark
    with recorded.cluster.request_log.unrecorded():
        recorded.send(1)
    recorded.recorder.end()
    assert recorded.capture.behind is recorded.capture.last_mark is not first


@pytest.mark.parametrize("dropped", [3, None])
def test_losses_are_part_of_the_trace(tmp_path: Path, dropped: int | None) -> None:
    recorded = Recorded(tmp_path, dropped)
    recorded.recorder.end()
    missing = recorded.recorder.trace().missing
    assert not missing.is_complete
    assert missing.dropped_packets == (dropped or 0)
    if dropped is None:
        assert "nobody knows how many packets were lost" in missing.truncated


def test_a_run_is_divided_where_its_ring_changes(recorded: Recorded) -> None:
    recorder, known = recorded.recorder, recorded.cluster.known.topology
    (only,) = recorder.eras()
    assert only.scope is WHOLE_TRACE
    changed_ns = recorded.whole[SECOND].time_ns
    fewer = Topology(known.nodes[:2])
    recorded.cluster.members.rings = ((0, known), (changed_ns, fewer))
    recorded.capture.grow(1000)
    recorder.mark()
    first, second = recorder.eras()
    assert [node.name for node in first.trace.topology.nodes] == ["n1", "n2", "n3"]
    assert first.trace.topology.ring == known.ring
    assert [node.name for node in second.trace.topology.nodes] == ["n1", "n2", "n3"]
    assert second.trace.topology.ring == fewer.ring
    assert first.scope.holds(recorded.whole[SECOND - 1])
    assert not first.scope.holds(recorded.whole[SECOND])
    assert second.scope.holds(recorded.whole[SECOND])
