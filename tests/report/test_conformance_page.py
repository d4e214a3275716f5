"""The page of a comparison."""

from pathlib import Path

import pytest

from harness.errors import ReportError
from harness.golden.comparison import compare_traces
from harness.report.conformance_page import render_comparison, write_comparison
from tests.golden.made_flows import written


def test_the_page_shows_both_lanes_and_escapes_what_clients_wrote() -> None:
    text = "INSERT INTO ks.map (id, a) VALUES (17, '<script>')"
    found = compare_traces(written(copies=2, text=text), written(copies=1, text=text))
    page = render_comparison(found, "reports/a", "reports/<b>")
    assert "DIFFERENT" in page
    assert '<td class="mark">≠</td>' in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "reports/&lt;b&gt;" in page


def test_equal_runs_have_a_page_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    write_comparison(path, compare_traces(written(), written()), "a", "b")
    page = path.read_text(encoding="utf-8")
    assert ">EQUAL<" in page
    assert "≠" not in page


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match="cannot write"):
        write_comparison(tmp_path / "file" / "page.html", compare_traces(written(), written()), "a", "b")
