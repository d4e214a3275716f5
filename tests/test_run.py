import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.clusters import Choice, open_cluster, replayed
from harness.errors import ExpectationError
from harness.expect import PAXOS_PREPARE, exactly, query, request
from harness.expect.verdict import Outcome
from harness.run import MONITORS, Run, index_runs, new_run_id, report_verdicts, summary_lines
from tests.written.written_capture import INSERT, demo_trace, write_demo


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run on the demo's capture."""
    return Run(
        open_cluster(Choice(backend="replay", capture=write_demo(tmp_path), needs=Needs(nodes=3))),
        "insert",
        doc="What it is about.",
    )


def test_a_run_collects_verdicts_and_knows_the_worst(run: Run) -> None:
    outcomes = [run.outcome]
    with run.wire.statement("insert") as insert:
        run.session().execute(INSERT)
    insert.expect(query("INSERT"))
    outcomes.append(run.outcome)
    insert.expect(exactly(3, request(PAXOS_PREPARE)), query("INSERT"))
    outcomes.append(run.outcome)
    assert outcomes == [None, Outcome.PASS, Outcome.FAIL]
    assert run.text_of(run.verdicts[1]).startswith("insert: FAIL")


def test_every_run_ends_with_what_all_have_to_pass(run: Run) -> None:
    run.finish()
    (judged,) = run.verdicts
    assert judged.name == MONITORS
    assert judged.verdict.outcome is Outcome.PASS
    assert len(judged.verdict.parts) > 1


def test_a_run_with_a_recording_that_proves_nothing_does_not_end_well(run: Run) -> None:
    with run.wire.statement("insert"):
        run.session().execute(INSERT)
    with pytest.raises(ExpectationError, match="nothing was claimed about insert"):
        run.finish()


def test_a_report_tells_each_claim_and_when_the_run_began(run: Run, tmp_path: Path) -> None:
    with run.wire.statement("insert") as insert:
        run.session().execute(INSERT)
    insert.expect(query("INSERT"), exactly(3, request(PAXOS_PREPARE)))
    names = [(verdict.name, verdict.outcome) for verdict in report_verdicts(run.verdicts[0], run.trace)]
    assert names == [("insert", "PASS"), ("insert", "FAIL")]
    written = run.write_report(tmp_path / "reports", "first")
    assert written is not None
    told = json.loads((written.path / "verdicts.json").read_text(encoding="utf-8"))
    assert (told["outcome"], told["doc"]) == ("FAIL", "What it is about.")
    started = datetime.fromisoformat(told["started"])
    assert started <= datetime.now(UTC) < started + timedelta(hours=1)
    index = index_runs(tmp_path / "reports")
    lines = [line.text for line in summary_lines([written.page], index)]
    assert lines[0] == "insert"
    assert lines[1] == "  FAIL insert: exactly 3: PAXOS_PREPARE"
    assert lines[-2:] == ["claims: 1 PASS, 1 FAIL", f"reports: {index.as_uri()}"]
    run.close()


def test_a_run_without_a_capture_has_no_report(tmp_path: Path) -> None:
    run = Run(replayed(demo_trace(tmp_path), "demo"), "insert")
    assert run.write_report(tmp_path / "reports", "first") is None
    assert not (tmp_path / "reports").exists()


def test_runs_are_named_by_when_they_began_and_by_their_process() -> None:
    early, late = (new_run_id(datetime(2026, 1, day, tzinfo=UTC), "gw0-17") for day in (2, 10))
    assert early < late
    assert early.endswith("gw0-17")
