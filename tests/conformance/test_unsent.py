"""An update of a view, or its acknowledgement, that was never sent is reported as exactly that: from capture files."""

from collections import Counter
from pathlib import Path

import pytest

from harness.dissect.reading import read_trace
from harness.events.trace import Trace
from harness.expect.finding import Fault
from harness.expect.verdict import Outcome
from harness.expect.view_report import Pair
from harness.expect.view_updates import view_updates
from tests.conformance.unsent import write_without_packet
from tests.expect.captured import captured
from tests.expect.view_captures import VIEW_CAPTURES, ViewCapture

CAPTURES = [
    capture
    for capture in VIEW_CAPTURES
    if capture.name
    in {
        "scylla-4.2/views/view_life_rf2",
        "scylla-4.2/base/index_write",
        "scylla-2025.1/views/index_rf2",
        "scylla-2025.1/tablets/index_rf2",
    }
]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.id)
@pytest.mark.parametrize("fault", [Fault.MISSING, Fault.NOT_ACKNOWLEDGED], ids=lambda fault: fault.value)
def test_what_was_never_sent_is_missed_and_nothing_else(
    reference: Path, tmp_path: Path, capture: ViewCapture, fault: Fault
) -> None:
    trace = captured(reference, capture.name)
    claim = view_updates(capture.base, capture.view)
    alone = packets_of_one_message(trace)
    tried = 0
    for pair in claim.examine(trace).pairs:
        message = pair.update if fault is Fault.MISSING else pair.acknowledgement
        if message is None or message.frame_last not in alone:
            continue
        tried += 1
        path = write_without_packet(reference / f"{capture.name}.pcapng", message.frame_last, tmp_path)
        changed = read_trace(path)
        assert not changed.missing.lost
        report = claim.examine(changed)
        assert report.verdict.outcome is Outcome.FAIL
        assert [finding.fault for finding in report.findings] == [fault]
        assert all(word in report.findings[0].text for word in words_of(pair))
    assert tried


def packets_of_one_message(trace: Trace) -> set[int]:
    """Packets that hold one message whole, and nothing of another one."""
    held = Counter(frame for message in trace for frame in range(message.frame_first, message.frame_last + 1))
    return {
        message.frame_last
        for message in trace
        if message.frame_first == message.frame_last and held[message.frame_last] == 1
    }


def words_of(pair: Pair) -> tuple[str, ...]:
    assert pair.write.statement is not None
    return (
        f"statement {pair.write.statement.number} ",
        f"{pair.base_replica} → {pair.view_replica}",
        f"({pair.base_key})",
    )
