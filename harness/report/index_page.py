"""The page over all runs in a folder."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from harness.errors import ReportError
from harness.report.atomic_file import write_whole
from harness.report.html_page import environment, resource
from harness.report.run_folder import PAGE, VERDICTS

INDEX = "index.html"


class IndexedRun(NamedTuple):
    """One line of the page."""

    scenario: str
    run_id: str
    outcome: str
    started: str
    """As people read it; empty: unknown."""
    duration_s: float | None
    messages: int
    claims: str
    """How many claims passed."""
    missing: int
    """How many things are missing in the capture."""
    link: str
    """To its page, from the folder of all reports."""


def write_index(folder: Path) -> Path:
    """Write ``index.html`` over all runs of a folder, newest first.

    Runs that cannot be read (half deleted ones, say) are passed over. Of several that write at once the last
    one wins; so the end of a pytest session is the moment to call this.

    Raises:
        ReportError: the page cannot be written.
    """
    path = folder / INDEX
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, [render_index(indexed_runs(folder)).encode()])
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def indexed_runs(folder: Path) -> tuple[IndexedRun, ...]:
    """Find the runs of a folder, newest first; scenarios that ran together by name."""
    runs = [run for found in folder.glob(f"*/*/{VERDICTS}") for run in _run(folder, found)]
    by_name = sorted(runs, key=lambda run: run.scenario)
    return tuple(sorted(by_name, key=lambda run: run.run_id, reverse=True))


def render_index(runs: tuple[IndexedRun, ...]) -> str:
    """Make the page."""
    script = Markup(resource("index.js"))  # noqa: S704  (the package's own file)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            runs=runs,
            style=Markup(resource("page.css")),  # noqa: S704  (the package's own file)
            script=script,
            script_digest=digest,
        )
    )


def _run(folder: Path, path: Path) -> Iterator[IndexedRun]:
    if any(part.startswith(".") for part in path.relative_to(folder).parts):
        # A run that is being written.
        return
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        outcomes = [verdict["outcome"] for verdict in told["verdicts"]]
        started = told["started"]
        page = path.with_name(PAGE).relative_to(folder)
        yield IndexedRun(
            scenario=str(told["scenario"]),
            run_id=str(told["run_id"]),
            outcome=str(told["outcome"]),
            started="" if started is None else f"{datetime.fromisoformat(started):%Y-%m-%d %H:%M:%S}",
            duration_s=None if told["duration_s"] is None else float(told["duration_s"]),
            messages=int(told["messages"]),
            claims=f"{outcomes.count('PASS')} of {len(outcomes)}" if outcomes else "",
            missing=len(told["missing"]),
            link="/".join(quote(part) for part in page.parts),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return
