"""The page of a run: one file, opened from a folder, that needs no network and runs no script but its own."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.dissect.reading import without_cycle_collection
from harness.events.trace import Trace
from harness.report.embedding import data_element
from harness.report.flow import Flow, flow_of
from harness.report.hues import HUE_COLOURS, Hue
from harness.report.incompleteness import what_is_missing
from harness.report.page_data import detail_chunks, detailed_messages, flow_data
from harness.report.verdict import ReportVerdict, overall_outcome

DETAILS_MAX = 20_000
"""Of how many messages a page has fields and bytes, unless more are asked for."""

SCRIPTS = ("store.js", "filter.js", "rows.js", "graph.js", "minimap.js", "panel.js", "verdicts.js", "page.js")
"""The parts of the page's script, in order; they share one scope."""


class PageFile(NamedTuple):
    """A file that stands beside the page."""

    name: str
    meaning: str


def render_html(
    trace: Trace,
    *,
    scenario: str,
    run_id: str = "",
    doc: str = "",
    verdicts: Sequence[ReportVerdict] = (),
    beside: Iterable[PageFile] = (),
    details_max: int = DETAILS_MAX,
) -> str:
    """Make the page of a trace.

    Args:
        trace: what was seen.
        scenario: its name, the page's heading.
        run_id: which run of it.
        doc: what the scenario is about.
        verdicts: what became of its claims.
        beside: files in the same folder that the page points to.
        details_max: of how many messages fields and bytes are in the page; it says so where that is not all.
    """
    return render_flow(
        flow_of(trace),
        scenario=scenario,
        run_id=run_id,
        doc=doc,
        verdicts=verdicts,
        beside=beside,
        details_max=details_max,
    )


def render_flow(
    flow: Flow,
    *,
    scenario: str,
    run_id: str = "",
    doc: str = "",
    verdicts: Sequence[ReportVerdict] = (),
    beside: Iterable[PageFile] = (),
    details_max: int = DETAILS_MAX,
) -> str:
    """Make the page of a flow that was arranged already; see ``render_html``."""
    detailed = detailed_messages(flow, verdicts, details_max)
    with without_cycle_collection():
        detail_elements = [
            data_element(f"details-{number}", chunk)
            for number, chunk in enumerate(detail_chunks(flow, detailed))
        ]
    script = Markup(_script())  # noqa: S704  (the package's own files)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            scenario=scenario,
            run_id=run_id,
            doc=doc,
            outcome=overall_outcome(verdicts),
            verdicts=verdicts,
            missing=what_is_missing(flow),
            beside=tuple(beside),
            when=_when(flow),
            message_count=len(flow.arrows),
            left_out=len(flow.arrows) - len(detailed),
            style=Markup(resource("page.css")),  # noqa: S704  (the package's own file)
            hues=[(hue.name.lower(), *HUE_COLOURS[hue]) for hue in Hue],
            script=script,
            script_digest=digest,
            flow_element=data_element("flow", flow_data(flow, verdicts, detailed)),
            detail_elements=detail_elements,
        )
    )


@cache
def environment() -> Environment:
    """Give what renders the templates of this package; whatever they are given is escaped."""
    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def load_templates() -> None:
    """Compile the templates of runs, if that was not done yet: it takes a while, which may be free elsewhere."""
    for name in ("report.html.j2", "flow.svg.j2", "index.html.j2"):
        environment().get_template(name)


@cache
def resource(name: str) -> str:
    """Text of a file that belongs to the pages."""
    return files("harness.report").joinpath("templates", name).read_text(encoding="utf-8")


def _script() -> str:
    parts = "\n".join(resource(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _when(flow: Flow) -> str:
    """When it was captured, and for how long."""
    started_ns = flow.surroundings.started_ns
    if started_ns is None:
        return ""
    started = datetime.fromtimestamp(started_ns // 1_000_000_000, UTC)
    seconds = (flow.arrows[-1].message.time_ns - started_ns) / 1e9
    return f"{started:%Y-%m-%d %H:%M:%S} UTC, {seconds:.2f} s"
