from harness.report.verdict import ReportVerdict, overall_outcome


def verdict(outcome: str) -> ReportVerdict:
    return ReportVerdict("name", outcome, "claim", "explanation")


def test_the_worst_outcome_is_that_of_the_whole() -> None:
    assert overall_outcome([verdict("PASS"), verdict("FAIL"), verdict("INCONCLUSIVE")]) == "FAIL"
    assert overall_outcome([verdict("PASS"), verdict("INCONCLUSIVE")]) == "INCONCLUSIVE"
    assert overall_outcome([verdict("PASS")]) == "PASS"


def test_without_claims_there_is_no_outcome() -> None:
    assert overall_outcome([]) == ""
