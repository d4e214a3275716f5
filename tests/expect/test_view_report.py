"""Every update of a view, as a claim on it finds them."""

from pathlib import Path

from harness.expect.verdict import StepState
from harness.expect.view_report import PairState, proof_of, transcript_of
from harness.expect.view_updates import view_updates
from tests.expect.captured import captured


def test_updates_are_told_write_by_write(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/index_write")
    report = view_updates("demo2.city", "by_country").examine(trace)
    lines = list(transcript_of(report.pairs, ["a note"]))
    assert [line.text for line in lines if line.depth == 0][-1] == "a note"
    headings = [line.text for line in lines if line.state is StepState.HEADING]
    assert headings[0].startswith("statement 1 (packet 11) INSERT INTO demo2.city")
    assert len(lines) == len(headings) + len(report.pairs)


def test_proof_is_each_update_with_its_acknowledgement(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/index_write")
    report = view_updates("demo2.city", "by_country").examine(trace)
    assert [evidence.frame_last for evidence in proof_of(report.pairs)] == [35, 41, 48, 56]
    assert all("(19)" in evidence.what for evidence in proof_of(report.pairs))


def test_pairs_are_worded_by_who_sends_what_to_whom(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/index_write")
    report = view_updates("demo2.city", "by_country").examine(trace)
    seen = [str(pair) for pair in report.pairs if pair.state is PairState.SEEN]
    key = "('France', -3974532302236993209, 19)"
    assert seen == [
        f"n3 → n1: (19) writes row {key} of the view",
        f"n3 → n1: (19) deletes row {key} of the view",
    ]
