"""Two runs held against each other, and how that is told."""

from harness.golden.comparison import compare_traces
from harness.golden.comparison_text import comparison_lines, summary_of
from harness.golden.lanes import LaneRow, lanes_of
from harness.report.conformance_page import render_comparison
from tests.golden.made_flows import INSERT, written

OTHER = "INSERT INTO ks.other (id, a) VALUES (17, 'x')"


def test_a_run_is_equal_to_itself() -> None:
    found = compare_traces(written(), written(), with_vocabulary=True)
    assert found.differences == ()
    assert not found.is_empty
    assert summary_of(found) == "equal: 1 statements compared"


def test_one_write_less_is_told_in_both_lanes() -> None:
    found = compare_traces(written(copies=2), written(copies=1))
    assert ("steps", "2", "1") in [(each.what, each.first, each.second) for each in found.differences]
    text = list(comparison_lines(found, "here", "there"))
    assert text[:2] == ["A  here", "B  there"]
    assert any(
        "replica 2" in line or "bystander" in line or "MUTATION" in line for line in text if "≠" in line
    )
    assert text[-1].startswith("different: ")
    assert text[-1].endswith("1 of 1 statements differ")


def test_statements_of_one_run_alone_are_named() -> None:
    found = compare_traces(written(text=INSERT), written(text=OTHER))
    assert found.is_empty
    text = "\n".join(comparison_lines(found, "here", "there"))
    assert "only in A:\n  INSERT INTO ks.map" in text
    assert "only in B:\n  INSERT INTO ks.other" in text
    assert text.endswith("nothing in common to compare")


def test_equal_lines_stand_beside_each_other() -> None:
    (statement,) = compare_traces(written(copies=2), written(copies=1)).statements
    rows = lanes_of(statement.first.flow, statement.second.flow)
    assert rows[0] == LaneRow("client → coordinator  statement", "client → coordinator  statement")
    assert [row.second for row in rows if not row.is_equal].count("") >= 1


def test_the_page_shows_both_lanes_and_escapes_what_clients_wrote() -> None:
    text = "INSERT INTO ks.map (id, a) VALUES (17, '<script>')"
    found = compare_traces(written(copies=2, text=text), written(copies=1, text=text))
    page = render_comparison(found, "reports/a", "reports/<b>")
    assert "DIFFERENT" in page
    assert '<td class="mark">≠</td>' in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "reports/&lt;b&gt;" in page
