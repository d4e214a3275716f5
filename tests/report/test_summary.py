from pathlib import Path

from harness.report.summary import FinishedRun, summary_of
from harness.report.verdict import ReportVerdict

PAGE = Path("/reports/lwt/1/report.html")
INDEX = Path("/reports/index.html")
GOOD = ReportVerdict("lwt_round", "PASS", "they learn", "")
BAD = ReportVerdict("never", "FAIL", "in order:\n  A\n  B", "one is seen")


def test_what_passed_is_counted_and_what_failed_is_told() -> None:
    runs = [FinishedRun("good", [GOOD], PAGE), FinishedRun("bad", [GOOD, BAD], PAGE)]
    assert [(line.text, line.outcome) for line in summary_of(runs, index=INDEX)] == [
        ("bad", ""),
        ("  FAIL never: in order: A · B", "FAIL"),
        ("  file:///reports/lwt/1/report.html", ""),
        ("claims: 2 PASS, 1 FAIL", "FAIL"),
        ("reports: file:///reports/index.html", ""),
    ]


def test_a_single_run_that_passed_is_pointed_to() -> None:
    lines = [line.text for line in summary_of([FinishedRun("good", [GOOD], PAGE)])]
    assert lines == ["claims: 1 PASS", "report: file:///reports/lwt/1/report.html"]


def test_without_runs_nothing_is_said() -> None:
    assert summary_of([]) == ()
