"""What a run says at its end, in a few lines of text."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from harness.report.verdict import OUTCOMES, ReportVerdict

_CLAIM_CHARACTERS_MAX = 120


class SummaryLine(NamedTuple):
    """One line, and the outcome by which it is to be coloured; empty: none."""

    text: str
    outcome: str


class FinishedRun(NamedTuple):
    """A run as the summary tells of it."""

    scenario: str
    verdicts: Sequence[ReportVerdict]
    page: Path
    """Its report.html."""


def summary_of(runs: Iterable[FinishedRun], *, index: Path | None = None) -> tuple[SummaryLine, ...]:
    """Tell of runs: every claim that is not PASS with its page, the others as a count.

    Args:
        runs: in the order in which they are told.
        index: the page over all runs, named at the end.
    """
    finished = tuple(runs)
    lines = []
    counts = dict.fromkeys(OUTCOMES, 0)
    for run in finished:
        bad = []
        for verdict in run.verdicts:
            counts[verdict.outcome] = counts.get(verdict.outcome, 0) + 1
            if verdict.outcome != "PASS":
                claim = shorten(verdict.claim_line, _CLAIM_CHARACTERS_MAX, placeholder=" …")
                text = f"  {verdict.outcome} {verdict.name}: {claim}"
                bad.append(SummaryLine(text, verdict.outcome))
        if bad:
            lines += [
                SummaryLine(run.scenario, ""),
                *bad,
                SummaryLine(f"  {run.page.absolute().as_uri()}", ""),
            ]
    told = [f"{count} {outcome}" for outcome, count in reversed(counts.items()) if count]
    if told:
        lines.append(SummaryLine(f"claims: {', '.join(told)}", _worst(counts)))
    if index is not None:
        lines.append(SummaryLine(f"reports: {index.absolute().as_uri()}", ""))
    elif len(finished) == 1 and not lines[:-1]:
        lines.append(SummaryLine(f"report: {finished[0].page.absolute().as_uri()}", ""))
    return tuple(lines)


def _worst(counts: dict[str, int]) -> str:
    return next((outcome for outcome in OUTCOMES if counts.get(outcome)), "")
