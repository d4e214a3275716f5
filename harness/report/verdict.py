"""The outcome of a claim, as far as a report needs it."""

from collections.abc import Iterable
from typing import NamedTuple

OUTCOMES = ("FAIL", "INCONCLUSIVE", "PASS")
"""What can become of a claim, the worst first."""


class ReportVerdict(NamedTuple):
    """What became of one claim."""

    name: str
    outcome: str
    """PASS, FAIL or INCONCLUSIVE."""
    claim: str
    """What was claimed, in words."""
    explanation: str
    """Why it came out so, as many lines as it takes; of a failure, the claimed beside the seen."""
    message_numbers: tuple[int, ...] = ()
    """The messages that prove or refute it: ``Message.number``."""

    @property
    def claim_line(self) -> str:
        """The claim in one line: steps apart by dots, what is inside of a step in parentheses."""
        text = ""
        outer = [0]
        for line in filter(str.strip, self.claim.splitlines()):
            depth = len(line) - len(line.lstrip())
            if text and depth > outer[-1]:
                text += " (" if len(outer) > 1 else " "
                outer.append(depth)
            elif text:
                while depth < outer[-1]:
                    outer.pop()
                    text += ")" if len(outer) > 1 else ""
                text += " · "
            text += line.strip()
        return text + ")" * (len(outer) - 2)


def overall_outcome(verdicts: Iterable[ReportVerdict]) -> str:
    """Give the worst outcome; empty where nothing was claimed."""
    outcomes = {verdict.outcome for verdict in verdicts}
    return next((outcome for outcome in OUTCOMES if outcome in outcomes), "")
