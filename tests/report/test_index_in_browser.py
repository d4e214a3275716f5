"""The page over all runs, in Chromium."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from harness.dissect.reading import read_trace
from harness.report.index_page import write_index
from harness.report.run_folder import run_id_of, write_report
from harness.report.verdict import ReportVerdict
from tests.report.conftest import Opener
from tests.written.written_capture import write_demo

pytestmark = pytest.mark.browser


@pytest.fixture
def index(tmp_path: Path) -> Path:
    capture = write_demo(tmp_path / "captures")
    trace = read_trace(capture)
    for number, (scenario, outcome) in enumerate((("b", "PASS"), ("c", "FAIL"), ("a", "PASS"))):
        started = datetime(2026, 11, 22, 8, 54, tzinfo=UTC) + timedelta(hours=number)
        write_report(
            trace,
            capture_path=capture,
            folder=tmp_path / "reports",
            scenario=scenario,
            run_id=run_id_of(started, "7c21"),
            verdicts=[ReportVerdict("claim", outcome, "it holds", "")],
            started=started,
            duration_s=number,
        )
    return write_index(tmp_path / "reports")


def test_runs_are_sorted_by_any_column(opened: Opener, index: Path) -> None:
    page = opened(index)
    names = page.locator("tbody a")
    assert names.all_inner_texts() == ["a", "c", "b"]
    page.get_by_role("button", name="Scenario").click()
    assert names.all_inner_texts() == ["a", "b", "c"]
    page.get_by_role("button", name="Scenario").click()
    assert names.all_inner_texts() == ["c", "b", "a"]
    page.get_by_role("button", name="Seconds").click()
    assert names.all_inner_texts() == ["b", "c", "a"]
    expect(page.get_by_role("columnheader", name="Seconds")).to_have_attribute("aria-sort", "ascending")


def test_runs_are_found_by_words(opened: Opener, index: Path) -> None:
    page = opened(index)
    page.get_by_role("searchbox").fill("fail")
    expect(page.locator("tbody tr:visible")).to_have_count(1)
    page.get_by_role("searchbox").fill("nowhere")
    expect(page.locator("#nothing")).to_be_visible()


def test_a_run_leads_to_its_page_and_its_files(opened: Opener, index: Path) -> None:
    page = opened(index)
    page.get_by_role("link", name="b").click()
    expect(page.locator("h1")).to_have_text("b")
    expect(page.locator(".row.statement")).to_have_count(2)
    for link in page.locator(".run-files a").all():
        name = link.get_attribute("href")
        assert name is not None
        assert next(index.parent.glob(f"b/*/{name}")).is_file()
