"""Reads ask enough replicas, and repair what these disagree about."""

from pathlib import Path

import pytest

from harness.events.statement_scope import StatementScopes
from harness.expect.answer_monitor import every_request_answered
from harness.expect.inspection import Inspection
from harness.expect.read_claim import READ_DIGEST, read, read_rounds
from harness.expect.scope import WHOLE_TRACE
from harness.expect.verdict import Outcome
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])


@LINES
@pytest.mark.parametrize(
    "name",
    [
        "base/read_cl",
        "base/index_read",
        "base/range_scan",
        "base/tracing",
        "faults/digest_mismatch",
        "faults/pause_then_read_all",
        "multidc/multi_dc",
        "shards/lz4_two_shards",
        "views/index_rf2",
    ],
)
def test_real_reads_are_as_claimed(reference: Path, line: str, name: str) -> None:
    verdict = read().check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons


@LINES
@pytest.mark.parametrize("name", ["base/index_read", "faults/digest_mismatch"])
def test_any_change_of_a_read_is_noticed(reference: Path, line: str, name: str) -> None:
    """By the claim, or by the monitor that looks for answers: a coordinator may read for itself unseen."""
    trace = captured(reference, f"scylla-{line}/{name}")
    assert not unnoticed(trace, read(), every_request_answered(), every=3)


def test_index_is_read_with_its_table(reference: Path) -> None:
    trace = captured(reference, "scylla-2025.1/base/index_read")
    verdict = read(table="demo2.city", consistency="TWO").check(trace)
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    inspection = Inspection(trace, WHOLE_TRACE)
    rounds = [one for statement in inspection.statements() for one in read_rounds(inspection, statement)]
    names = {one.table.full_name for one in rounds if one.table is not None}
    assert names == {"demo2.city", "demo2.by_country_index"}


def test_wrong_consistency_level_is_found(reference: Path) -> None:
    verdict = read(consistency="ALL").check(captured(reference, "scylla-4.2/views/index_rf2"))
    assert verdict.outcome is Outcome.FAIL
    assert "its consistency level is TWO, not ALL" in verdict.reasons[0]


def test_answer_that_came_too_late_is_found(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    inspection = Inspection(trace, WHOLE_TRACE)
    last = inspection.statements()[-1]
    (one,) = read_rounds(inspection, last)
    asked = one.of(READ_DIGEST)[0]
    assert asked.answer is not None
    verdict = read().check(without(trace, [asked.message.number, asked.answer.number]))
    assert verdict.outcome is Outcome.FAIL
    assert "answers that TWO takes were missing" in " ".join(verdict.reasons)


def test_disagreement_that_is_not_reconciled_is_found(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/faults/digest_mismatch")
    asking = [message.number for message in trace if message.verb_name == "READ_MUTATION_DATA"]
    verdict = read().check(without(trace, asking))
    assert verdict.outcome is Outcome.FAIL
    assert "differ, but nobody is asked for mutations" in " ".join(verdict.reasons)


def test_difference_that_is_not_repaired_is_found(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/faults/digest_mismatch")
    scopes = StatementScopes(trace)
    repairs = [message.number for message in trace if message.verb == 1 and scopes.owner_of(message)]
    verdict = read().check(without(trace, repairs))
    assert verdict.outcome is Outcome.FAIL
    assert "but no MUTATION repairs any" in " ".join(verdict.reasons)


def test_read_that_times_out_is_found(reference: Path) -> None:
    verdict = read().check(captured(reference, "scylla-4.2/faults/paused_replica"))
    assert verdict.outcome is Outcome.FAIL
    assert "the client was told READ_TIMEOUT in packet 91" in verdict.reasons[0]


def test_capture_without_reads_proves_nothing(reference: Path) -> None:
    verdict = read(table="demo3.map").check(captured(reference, "scylla-4.2/base/write_rf2"))
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("no read of demo3.map is to be seen",),
    )


def test_claim_says_what_it_claims() -> None:
    assert str(read(table="k.t", consistency="one")) == (
        "reads of k.t ask replicas of their partitions, ONE is reached before the client's reply"
    )
