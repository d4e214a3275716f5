"""Two runs held against each other, and how that is told."""

from harness.golden.comparison import compare_traces
from harness.golden.comparison_text import comparison_lines, summary_of
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
