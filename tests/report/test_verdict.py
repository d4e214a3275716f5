import pytest

from harness.report.verdict import ReportVerdict, overall_outcome


def verdict(outcome: str) -> ReportVerdict:
    return ReportVerdict("name", outcome, "claim", "explanation")


def test_the_worst_outcome_is_that_of_the_whole() -> None:
    assert overall_outcome([verdict("PASS"), verdict("FAIL"), verdict("INCONCLUSIVE")]) == "FAIL"
    assert overall_outcome([verdict("PASS"), verdict("INCONCLUSIVE")]) == "INCONCLUSIVE"
    assert overall_outcome([verdict("PASS")]) == "PASS"


def test_without_claims_there_is_no_outcome() -> None:
    assert overall_outcome([]) == ""


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        ("", ""),
        ("never: MUTATION", "never: MUTATION"),
        ("in order:\n  QUERY\n  RESULT", "in order: QUERY · RESULT"),
        (
            "in order:\n  QUERY\n  each of n1, n2:\n    MUTATION\n    MUTATION_DONE\n  RESULT",
            "in order: QUERY · each of n1, n2: (MUTATION · MUTATION_DONE) · RESULT",
        ),
        (
            "in order:\n  each of n1:\n    within 2 s:\n      A\n      B",
            "in order: each of n1: (within 2 s: (A · B))",
        ),
        (
            "any order:\n  each of n1:\n    in order:\n      A\n  B",
            "any order: each of n1: (in order: (A)) · B",
        ),
    ],
)
def test_a_claim_is_told_in_one_line(claim: str, line: str) -> None:
    assert ReportVerdict("name", "PASS", claim, "").claim_line == line
