"""Holds a claim against a trace. A pure function: the same trace and claim give the same verdict."""

from harness.events.trace import Trace
from harness.expect.diagnosis import diagnose
from harness.expect.domain import Domains
from harness.expect.expectation import Expectation, claim_text
from harness.expect.losses import Losses
from harness.expect.message_index import MessageIndex
from harness.expect.plan import Plan
from harness.expect.planner import plan_of
from harness.expect.problem import Problem
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.solver import WORK_MAX, GaveUpError, Solver
from harness.expect.transcript import captured_values, proof
from harness.expect.verdict import Outcome, Verdict, all_of


def check(
    trace: Trace,
    expectation: Expectation,
    *more: Expectation,
    scope: Scope = WHOLE_TRACE,
    work_max: int = WORK_MAX,
) -> Verdict:
    """Hold claims against a trace.

    Args:
        trace: the messages, and what is missing of them.
        expectation: the claim.
        more: other claims, each for itself: a message may stand for steps of several claims.
        scope: what part of the trace the claims are about.
        work_max: how much work the search for each claim may take, in units of about three microseconds.

    Returns:
        The verdict; of several claims, one with a part for each.

    Raises:
        ExpectationError: a claim makes no sense, or names nodes or tables that the trace does not know.
    """
    plans = [(claim, plan_of(claim)) for claim in (expectation, *more)]
    index = MessageIndex(trace, scope)
    domains, losses = Domains(index), Losses(index)
    verdicts = [_verdict(claim, plan, domains, losses, work_max) for claim, plan in plans]
    if len(verdicts) == 1:
        return verdicts[0]
    return all_of(verdicts)


def _verdict(
    expectation: Expectation, plan: Plan, domains: Domains, losses: Losses, work_max: int
) -> Verdict:
    claim = claim_text(expectation)
    scope = domains.index.scope.name
    strict = Problem(plan, domains, losses, is_lenient=False)
    try:
        solution = Solver(strict, work_max=work_max).solve()
    except GaveUpError:
        return Verdict(outcome=Outcome.INCONCLUSIVE, claim=claim, reasons=(_gave_up(work_max),), scope=scope)
    if solution is not None:
        transcript, evidence = proof(strict, solution)
        return Verdict(
            outcome=Outcome.PASS,
            claim=claim,
            evidence=evidence,
            transcript=transcript,
            captured=captured_values(solution),
            scope=scope,
        )
    outcome = Outcome.FAIL
    reasons: tuple[str, ...] = ()
    if not losses.is_complete or domains.has_unknown:
        try:
            lenient = Problem(plan, domains, losses, is_lenient=True)
            if Solver(lenient, work_max=work_max).solve() is not None:
                outcome = Outcome.INCONCLUSIVE
        except GaveUpError:
            outcome = Outcome.INCONCLUSIVE
            reasons = (_gave_up(work_max),)
    loose = Problem(plan, domains, losses, is_lenient=False, is_linked=False)
    diagnosis = diagnose(loose, is_conclusive=outcome is Outcome.FAIL, work_max=work_max // 2)
    return Verdict(
        outcome=outcome,
        claim=claim,
        reasons=(*reasons, *diagnosis.reasons),
        evidence=diagnosis.evidence,
        transcript=diagnosis.transcript,
        captured=diagnosis.captured,
        scope=scope,
    )


def _gave_up(work_max: int) -> str:
    return (
        f"the search gave up after {work_max} steps of work: too many messages could stand for the same steps;"
        " claim more of each, or a smaller scope"
    )
