"""Runs: what was recorded of a cluster, its verdicts and its report.

This module and ``clusters`` alone know all stages; the command line and the pytest plugin only call them.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.backends.contract import Cluster, Session
from harness.clusters import Opened
from harness.errors import ExpectationError, ReportError
from harness.events.trace import Trace
from harness.expect.explain import explain
from harness.expect.monitors import monitors
from harness.expect.verdict import Outcome, Verdict, all_of
from harness.recording import Judged, Wire, verdict_on
from harness.report.verdict import ReportVerdict

if TYPE_CHECKING:
    from harness.report.run_folder import RunFolder
    from harness.report.summary import SummaryLine

MONITORS = "every run"
"""What the verdict on what every run has to pass is called."""
LOGS = "logs"
"""Folder beside a report."""


class Run:
    """One run of a scenario.

    Args:
        opened: its cluster.
        name: the scenario's.
        doc: what the scenario says of itself.
        on_verdict: is told each verdict on what the scenario claims, and may raise.
    """

    def __init__(
        self,
        opened: Opened,
        name: str,
        *,
        doc: str = "",
        on_verdict: Callable[[Judged], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.doc = doc
        self.opened = opened
        self.verdicts: list[Judged] = []
        self._started = datetime.now(UTC)
        self._on_verdict = on_verdict
        self.wire = Wire(opened.recorder, self._judge)

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.opened.cluster

    @property
    def trace(self) -> Trace:
        """All messages so far."""
        return self.opened.recorder.trace()

    def session(self) -> Session:
        """The scenario's own session: everything it sends goes to the first node."""
        nodes = self.cluster.nodes
        return self.cluster.session(nodes[0] if nodes else None)

    @property
    def outcome(self) -> Outcome | None:
        """The worst verdict so far; None if nothing was claimed."""
        return all_of(judged.verdict for judged in self.verdicts).outcome if self.verdicts else None

    def finish(self) -> None:
        """Hold all messages of the run against what every run has to pass.

        Raises:
            ExpectationError: nothing was claimed about one of its recordings, which so proves nothing.
            CaptureError: the run could not be recorded to its end.
        """
        self.opened.recorder.end()
        if self.wire.unchecked:
            names = ", ".join(self.wire.unchecked)
            raise ExpectationError(
                f"nothing was claimed about {names}: a recording without expect() proves nothing"
            )
        always = monitors()
        for era in self.opened.recorder.eras():
            verdict = always.check(era.trace, era.scope)
            self._judge(Judged(name=MONITORS, verdict=verdict, claims=(always,), scope=era.scope))
        if not self.trace.missing.is_complete:
            self._judge_again()

    def text_of(self, judged: Judged) -> str:
        """A verdict as people read it, beside what was seen."""
        return f"{judged.name}: {explain(judged.verdict, self.trace)}"

    def write_report(self, folder: Path, run_id: str) -> "RunFolder | None":
        """Write the report of what is known so far; None where there is no capture to report on.

        Raises:
            ReportError: it cannot be written.
            CaptureError: the capture cannot be read.
        """
        from harness.dissect.reading import context_beside, read_context  # noqa: PLC0415  (see _LOADED_MEANWHILE)
        from harness.report.run_folder import write_report  # noqa: PLC0415  (the same)

        capture = self.opened.capture
        if capture is None:
            return None
        self.opened.recorder.end()
        beside = context_beside(capture)
        written = write_report(
            self.trace,
            capture_path=capture,
            folder=folder,
            scenario=self.name,
            run_id=run_id,
            verdicts=[verdict for judged in self.verdicts for verdict in report_verdicts(judged, self.trace)],
            context=None if beside is None else read_context(beside),
            doc=self.doc,
            started=self._started,
        )
        self._copy_logs(written.page.parent / LOGS)
        return written

    def close(self) -> None:
        """Give the cluster back."""
        self.opened.close()

    def _copy_logs(self, folder: Path) -> None:
        """Put what the nodes have said beside the report."""
        if self.opened.site is None:
            return
        for log in self.opened.site.logs:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, folder / log.name)
            except OSError as error:
                raise ReportError(f"cannot copy {log} to {folder}: {error.strerror}") from error

    def _judge_again(self) -> None:
        """Judge anew what held before it was known that the capture has losses."""
        trace = self.trace
        for judged in [judged for judged in self.verdicts if judged.verdict and judged.name != MONITORS]:
            verdict = all_of([verdict_on(claim, trace, judged.scope) for claim in judged.claims])
            if not verdict:
                self._judge(
                    Judged(name=judged.name, verdict=verdict, claims=judged.claims, scope=judged.scope)
                )

    def _judge(self, judged: Judged) -> None:
        self.verdicts.append(judged)
        self._on_verdict(judged)


def report_verdicts(judged: Judged, trace: Trace) -> tuple[ReportVerdict, ...]:
    """Each claim with its verdict, as reports take them."""
    verdict = judged.verdict
    return tuple(
        ReportVerdict(
            name=judged.name,
            outcome=str(part.outcome),
            claim=part.claim,
            explanation=explain(part, trace),
            message_numbers=tuple(dict.fromkeys(item.number for item in part.evidence)),
        )
        for part in _single_verdicts(verdict)
    )


def _single_verdicts(verdict: Verdict) -> Iterator[Verdict]:
    if not verdict.parts:
        yield verdict
    for part in verdict.parts:
        yield from _single_verdicts(part)


def new_run_id(started: datetime, process: str) -> str:
    """The name of the runs of one process; names sort as the processes began.

    Args:
        started: when it began, with a time zone.
        process: what tells it from others that began at the same time.
    """
    from harness.report.run_folder import run_id_of  # noqa: PLC0415  (see _LOADED_MEANWHILE)

    return run_id_of(started, process)


def index_runs(folder: Path) -> Path:
    """Write the page over all runs in a folder.

    Raises:
        ReportError: it cannot be written.
    """
    from harness.report.index_page import write_index  # noqa: PLC0415  (see _LOADED_MEANWHILE)

    return write_index(folder)


def summary_lines(pages: Iterable[Path], index: Path | None) -> "tuple[SummaryLine, ...]":
    """Tell of runs, in a few lines, by the pages of their reports."""
    from harness.report.run_folder import VERDICTS  # noqa: PLC0415  (see _LOADED_MEANWHILE)
    from harness.report.summary import FinishedRun, summary_of  # noqa: PLC0415  (the same)

    finished = []
    for page in pages:
        told = json.loads(page.with_name(VERDICTS).read_text(encoding="utf-8"))
        verdicts = [
            ReportVerdict(item["name"], item["outcome"], item["claim"], item["explanation"])
            for item in told["verdicts"]
        ]
        finished.append(FinishedRun(told["scenario"], verdicts, page))
    return summary_of(finished, index=index)
