"""Counter updates are counted by one replica and replicated from there."""

from pathlib import Path

import pytest

from harness.expect.answer_monitor import every_request_answered
from harness.expect.counter_claim import counter_update
from harness.expect.verdict import Outcome
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])
_OTHERS = frozenset(
    {
        "DEFINITIONS_UPDATE",
        "RAFT_APPEND_ENTRIES",
        "RAFT_APPEND_ENTRIES_REPLY",
        "RAFT_READ_QUORUM",
        "RAFT_READ_QUORUM_REPLY",
        "READ_DATA",
        "READ_DIGEST",
    }
)


@LINES
def test_real_updates_are_as_claimed(reference: Path, line: str) -> None:
    """In 4.2 a random replica leads, in 2025.1 the coordinator."""
    verdict = counter_update().check(captured(reference, f"scylla-{line}/base/counter"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    asked = [step.text for step in verdict.transcript if "COUNTER_MUTATION" in step.text]
    assert len(asked) == (5 if line == "4.2" else 0)


@LINES
def test_any_change_of_an_update_is_noticed(reference: Path, line: str) -> None:
    trace = captured(reference, f"scylla-{line}/base/counter")
    assert not unnoticed(trace, counter_update(), every_request_answered(), but=_OTHERS, every=2)


def test_leader_that_does_not_answer_is_found(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/counter")
    reply = next(message for message in trace if message.verb_name == "COUNTER_MUTATION" and message.request)
    verdict = counter_update().check(without(trace, [reply.number]))
    assert verdict.outcome is Outcome.FAIL
    assert f"packet {reply.request_frame} was not answered" in verdict.reasons[0]


def test_capture_without_counters_proves_nothing(reference: Path) -> None:
    verdict = counter_update(table="demo3.map").check(captured(reference, "scylla-4.2/base/write_rf2"))
    assert verdict.reasons == ("no counter update of demo3.map is to be seen",)
    assert str(counter_update(table="k.t")) == (
        "counter updates of k.t are counted by one replica and replicated from there"
    )
