"""Batches are written, logged ones only once the batchlog has them."""

from pathlib import Path

import pytest

from harness.events.trace import Trace
from harness.expect.base_writes import write_of
from harness.expect.batch_claim import batches
from harness.expect.verdict import Outcome
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

EVERY = pytest.mark.parametrize(
    "name", ["scylla-4.2/base/batch", "scylla-2025.1/base/batch", "scylla-2025.1/tablets/batch"]
)


def _log_entries(trace: Trace) -> list[int]:
    found = []
    for message in trace:
        write = write_of(message)
        table = None if write is None else trace.schema.table_of(write[1].table_id)
        if table is not None and table.full_name == "system.batchlog":
            found.append(message.number)
    return found


@EVERY
def test_real_batches_are_as_claimed(reference: Path, name: str) -> None:
    verdict = batches().check(captured(reference, name))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    lines = [step.text for step in verdict.transcript if "batchlog" in step.text]
    assert len(lines) == 4


@EVERY
def test_any_change_of_a_batch_is_noticed(reference: Path, name: str) -> None:
    assert not unnoticed(captured(reference, name), batches(), every=2)


@EVERY
def test_missing_log_is_found(reference: Path, name: str) -> None:
    trace = captured(reference, name)
    entries = _log_entries(trace)
    assert len(entries) == 4
    verdict = batches().check(without(trace, entries[:2]))
    assert verdict.outcome is Outcome.FAIL
    assert "its batchlog: the entry reaches nobody, not 2 nodes" in " ".join(verdict.reasons)
    verdict = batches().check(without(trace, entries[2:]))
    assert "its batchlog: the deletion reaches nobody, not 2 nodes" in " ".join(verdict.reasons)


def test_write_before_the_log_is_acknowledged_is_found(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/batch")
    entries = _log_entries(trace)[:2]
    answers = [message.number for message in trace if message.acknowledges in entries]
    verdict = batches().check(without(trace, answers))
    assert verdict.outcome is Outcome.FAIL
    assert "writes before anybody has acknowledged the entry" in " ".join(verdict.reasons)


def test_capture_without_batches_proves_nothing(reference: Path) -> None:
    verdict = batches(table="demo3.map").check(captured(reference, "scylla-4.2/base/write_rf2"))
    assert verdict.reasons == ("no batch on demo3.map is to be seen",)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert str(batches(table="demo3.map")).startswith("batches on demo3.map are written")
