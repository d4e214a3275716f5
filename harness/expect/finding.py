"""What a ready-made claim finds: faults, and what it cannot tell, each named by where to look."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.events.message import Message
from harness.expect.verdict import Evidence, Outcome, TranscriptStep, Verdict, evidence_of


class Fault(Enum):
    """What is wrong, or cannot be told."""

    MISSING = "missing"
    DOUBLED = "doubled"
    MISDIRECTED = "misdirected"
    WRONG_CONTENT = "wrong content"
    UNEXPLAINED = "unexplained"
    NOT_ACKNOWLEDGED = "not acknowledged"
    NOT_ANSWERED = "not answered"
    WRONG_ORDER = "wrong order"
    TOO_EARLY = "too early"
    WRONG_COUNT = "wrong count"
    FAILED = "failed"
    UNDECODED = "undecoded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, or one thing that cannot be told."""

    outcome: Outcome
    """FAIL or INCONCLUSIVE."""
    fault: Fault
    text: str
    """What, of which statement and key, between which nodes, in which packet."""
    messages: tuple[Message, ...] = ()
    """Where to look."""
    why: str = ""
    """What may explain it; of INCONCLUSIVE, why it cannot be told."""

    def __str__(self) -> str:
        return f"{self.text} ({self.why})" if self.why else self.text


def verdict_of(
    claim: str,
    findings: Sequence[Finding],
    *,
    proof: Iterable[Evidence] = (),
    transcript: Iterable[TranscriptStep] = (),
    scope: str = "",
) -> Verdict:
    """A verdict from what was found: FAIL if one finding is, else INCONCLUSIVE if there are any, else PASS.

    Args:
        claim: in words.
        findings: all that is not as claimed.
        proof: the messages that show that the claim holds, if it does.
        transcript: what was looked at, line by line.
        scope: what part of the trace was looked at.
    """
    failed = [finding for finding in findings if finding.outcome is Outcome.FAIL]
    shown = [*failed, *(finding for finding in findings if finding.outcome is not Outcome.FAIL)]
    outcome = Outcome.FAIL if failed else Outcome.INCONCLUSIVE if findings else Outcome.PASS
    evidence = [evidence_of(message, finding.text) for finding in shown for message in finding.messages]
    return Verdict(
        outcome=outcome,
        claim=claim,
        reasons=tuple(str(finding) for finding in shown),
        evidence=tuple(evidence) if findings else tuple(proof),
        transcript=tuple(transcript),
        scope=scope,
    )
