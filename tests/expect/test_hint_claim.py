"""Writes that a replica missed are brought to it by a hint, once."""

from pathlib import Path

import pytest

from harness.expect.answer_monitor import every_request_answered
from harness.expect.hint_claim import hints
from harness.expect.verdict import Outcome
from harness.expect.write_claim import write
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])


@LINES
@pytest.mark.parametrize(
    "name",
    ["hinted_handoff", "graceful_stop_and_return", "pause_then_read_all", "paused_replica", "repair"],
)
def test_real_hints_are_as_claimed(reference: Path, line: str, name: str) -> None:
    verdict = hints(table="demo3.map").check(captured(reference, f"scylla-{line}/faults/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert verdict.evidence


@LINES
def test_any_change_of_a_hint_is_noticed(reference: Path, line: str) -> None:
    trace = captured(reference, f"scylla-{line}/faults/hinted_handoff")
    assert not unnoticed(trace, hints(), write(), every_request_answered(), every=2)


def test_hint_that_does_not_come_is_found_when_the_node_is_back(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/faults/hinted_handoff")
    found = [message.number for message in trace if message.verb_name == "HINT_MUTATION"]
    verdict = hints().check(without(trace, found[:1]))
    assert verdict.outcome is Outcome.FAIL
    assert "n1 → n3: no HINT_MUTATION brings what it missed" in verdict.reasons[0]
    assert "statement 1 (packet 57)" in verdict.reasons[0]


def test_hint_may_come_behind_the_end_of_the_capture(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/faults/hinted_handoff")
    first = next(index for index, message in enumerate(trace) if message.verb_name == "HINT_MUTATION")
    verdict = hints().check(trace[:first])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the capture ends before n3 is back for long enough" in verdict.reasons[0]


def test_hint_of_what_was_written_at_once_is_unexplained(reference: Path) -> None:
    """The receiver of a plain write changed to the one that later gets the hint."""
    trace = captured(reference, "scylla-4.2/faults/hinted_handoff")
    written = next(
        message for message in trace if message.verb_name == "MUTATION" and b"hinted" in message.payload
    )
    answer = trace.exchange_of(written).reply
    n3 = trace.topology.node_named("n3")
    assert answer is not None
    assert n3 is not None
    to_n3 = written.connection.server._replace(address=n3.address)
    moved = trace.part(
        message._replace(connection=message.connection._replace(server=to_n3, server_node="n3"))
        if message is written
        else message
        for message in trace
    )
    verdict = hints().check(moved)
    assert verdict.outcome is Outcome.FAIL
    assert any("brings what n3 had acknowledged" in reason for reason in verdict.reasons)


def test_capture_without_hints_proves_nothing(reference: Path) -> None:
    verdict = hints(table="demo3.map").check(captured(reference, "scylla-4.2/base/write_rf3"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("no hint is to be seen, and no write to demo3.map that a replica missed",)
    assert str(hints()) == "writes that a replica missed are brought to it by a hint, once"
