"""Holds a claim against a trace. A pure function: the same trace and claim give the same verdict."""

from harness.events.trace import Trace
from harness.expect.domain import Domains
from harness.expect.expectation import Expectation, claim_text
from harness.expect.losses import Losses
from harness.expect.message_index import MessageIndex
from harness.expect.plan import plan_of
from harness.expect.problem import Problem
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.solver import WORK_MAX, GaveUpError, Solution, Solver
from harness.expect.verdict import Evidence, Outcome, Verdict, all_of, evidence_of


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
        work_max: steps of the search before it gives up, for each claim.

    Returns:
        The verdict; of several claims, one with a part for each.

    Raises:
        ExpectationError: a claim makes no sense, or names nodes or tables that the trace does not know.
    """
    plans = [(claim, plan_of(claim)) for claim in (expectation, *more)]
    index = MessageIndex(trace, scope)
    domains, losses = Domains(index), Losses(index)
    verdicts = [
        Verdict(outcome=Outcome.PASS, claim="") if _solve(Problem(plan, domains, losses, is_lenient=False), work_max) else Verdict(outcome=Outcome.FAIL, claim="")
        for claim, plan in plans
    ]
    return verdicts[0] if len(verdicts) == 1 else all_of(verdicts)


def _solve(problem: Problem, work_max: int) -> Solution | None:
    return Solver(problem, work_max=work_max).solve()
