"""Verdicts of what ready-made claims find."""

from harness.expect.finding import Fault, Finding, verdict_of
from harness.expect.verdict import Outcome, evidence_of
from tests.expect.traces import TraceBuilder


def _message() -> tuple[Finding, Finding]:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    message = builder.trace()[0]
    open_ = Finding(
        outcome=Outcome.INCONCLUSIVE, fault=Fault.UNKNOWN, text="who knows", messages=(message,), why="lost"
    )
    failed = Finding(outcome=Outcome.FAIL, fault=Fault.MISSING, text="it is missing", messages=(message,))
    return open_, failed


def test_nothing_found_is_a_pass_with_its_proof() -> None:
    open_, _ = _message()
    verdict = verdict_of("a claim", (), proof=[evidence_of(open_.messages[0], "shows it")], scope="all")
    assert (verdict.outcome, verdict.reasons, verdict.scope) == (Outcome.PASS, (), "all")
    assert [evidence.what for evidence in verdict.evidence] == ["shows it"]


def test_one_failure_is_a_failure_and_comes_first() -> None:
    verdict = verdict_of("a claim", _message())
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reasons == ("it is missing", "who knows (lost)")
    assert verdict.frames == (11,)


def test_what_cannot_be_told_is_no_failure() -> None:
    verdict = verdict_of("a claim", _message()[:1])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.display_filter == "frame.number == 11"
