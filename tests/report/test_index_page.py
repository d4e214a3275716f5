import json
from pathlib import Path

import pytest

from harness.errors import ReportError
from harness.report.index_page import indexed_runs, write_index
from tests.report.traces import HOSTILE


def put_run(folder: Path, scenario: str, run_id: str, outcome: str = "PASS") -> None:
    path = folder / scenario.replace("/", "_") / run_id
    path.mkdir(parents=True)
    told = {
        "scenario": scenario,
        "run_id": run_id,
        "outcome": outcome,
        "started": "2026-11-22T08:54:43.481+00:00",
        "duration_s": 3.4,
        "messages": 1068,
        "missing": [],
        "verdicts": [{"outcome": outcome}, {"outcome": "PASS"}],
    }
    (path / "verdicts.json").write_text(json.dumps(told))


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    put_run(tmp_path, "b", "20261122T085443.481Z-1")
    put_run(tmp_path, "a", "20261122T085500.000Z-2", "FAIL")
    put_run(tmp_path, "b", "20261121T085500.000Z-3")
    assert [(run.scenario, run.claims) for run in indexed_runs(tmp_path)] == [
        ("a", "1 of 2"),
        ("b", "2 of 2"),
        ("b", "2 of 2"),
    ]
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert 'href="a/20261122T085500.000Z-2/report.html"' in page
    assert "1,068" in page


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    put_run(tmp_path, "good", "1")
    put_run(tmp_path, "good", ".2.partial")
    for name, text in (("bad", "{"), ("other", "[]"), ("half", '{"scenario": "half"}')):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "verdicts.json").write_text(text)
    assert [run.run_id for run in indexed_runs(tmp_path)] == ["1"]


def test_names_are_text_and_links_are_quoted(tmp_path: Path) -> None:
    put_run(tmp_path, HOSTILE, "1 #2?")
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert "<img" not in page
    assert "1%20%232%3F/report.html" in page


def test_a_folder_without_runs_has_an_index(tmp_path: Path) -> None:
    page = write_index(tmp_path / "new" / "folder")
    assert "There are no runs yet." in page.read_text(encoding="utf-8")


def test_an_index_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError, match="cannot write"):
        write_index(tmp_path / "file")
