"""Claims that any trace has to pass, whatever was run: checked always, without being asked for."""

from dataclasses import dataclass

from harness.events.trace import Trace
from harness.expect.answer_monitor import every_request_answered
from harness.expect.consistency_monitor import consistency_reached
from harness.expect.decoding_monitor import everything_decoded
from harness.expect.paxos_monitor import paxos_in_order
from harness.expect.ready_claim import ReadyClaim
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Verdict, all_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitors:
    """Several claims as one; made by ``monitors``."""

    claims: tuple[ReadyClaim, ...]

    def __str__(self) -> str:
        return "monitors: " + "; ".join(str(claim) for claim in self.claims)

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold all of them against a trace, or a scope; each is a part of the verdict."""
        return all_of([claim.check(trace, scope) for claim in self.claims], claim="monitors")


def monitors() -> Monitors:
    """Claim what always has to be.

    Every request is answered; consistency levels are reached before clients hear of success; Paxos keeps its
    order; every message can be decoded.
    """
    return Monitors(
        claims=(every_request_answered(), consistency_reached(), paxos_in_order(), everything_decoded())
    )
