"""The folder of a run: its capture, its trace, its verdicts, its page.

=================  ===================================================================================
file               contents
=================  ===================================================================================
report.html        the page; it needs none of the other files
capture.pcapng     the packets, with names of nodes and comments where statements begin
capture.json       what is told about the capture (``harness.context``): every command finds it there
trace.txt          every message in one line
trace.jsonl        every message as one JSON object, as ``harness decode --format jsonl`` writes it
verdicts.json      the claims, what became of them, and by which messages
flow.svg           the flow as a picture
flow.mmd           the flow as a Mermaid sequence diagram
=================  ===================================================================================
"""

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.context import Context, Statement, context_to_json
from harness.dissect.reading import CHUNK_BYTES
from harness.errors import CaptureError, DecodeError, ReportError
from harness.events.message_json import message_object
from harness.events.trace import Trace
from harness.events.trace_text import Columns
from harness.report.annotated_capture import annotated_capture, comments_of, names_of
from harness.report.flow import Flow, flow_of
from harness.report.flow_picture import svg_of
from harness.report.html_page import DETAILS_MAX, PageFile, render_flow
from harness.report.incompleteness import what_is_missing
from harness.report.sequence_diagram import mermaid_of
from harness.report.verdict import ReportVerdict, overall_outcome

PAGE = "report.html"
VERDICTS = "verdicts.json"

_BESIDE = (
    PageFile("capture.pcapng", "the packets, for Wireshark"),
    PageFile("trace.txt", "every message in one line"),
    PageFile("trace.jsonl", "every message as a JSON object"),
    PageFile(VERDICTS, "claims and verdicts"),
    PageFile("flow.svg", "the flow as a picture"),
    PageFile("flow.mmd", "the flow as a Mermaid sequence diagram"),
)
_NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """Where the report of a run is."""

    path: Path
    scenario: str
    run_id: str

    @property
    def page(self) -> Path:
        """The page."""
        return self.path / PAGE

    @property
    def capture(self) -> Path:
        """The packets."""
        return self.path / "capture.pcapng"


def run_id_of(started: datetime, suffix: str) -> str:
    """Make the name of a run: names sort as the runs began.

    Args:
        started: when it began, with a time zone.
        suffix: what tells runs of the same millisecond apart, such as a few random digits.
    """
    moment = started.astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z-{suffix}"


def write_report(
    trace: Trace,
    *,
    capture_path: Path,
    folder: Path,
    scenario: str,
    run_id: str,
    verdicts: Sequence[ReportVerdict] = (),
    context: Context | None = None,
    doc: str = "",
    started: datetime | None = None,
    duration_s: float | None = None,
    details_max: int = DETAILS_MAX,
) -> RunFolder:
    """Write the report of a run into ``folder/<scenario>/<run id>``, which appears whole or not at all.

    Args:
        trace: what was seen.
        capture_path: the capture from which the trace was read.
        folder: of all reports.
        scenario: its name; what a file name cannot hold becomes ``_`` in the folder's name.
        run_id: as ``run_id_of`` makes it.
        verdicts: what became of the claims.
        context: what is told about the capture; else what the trace knows is written.
        doc: what the scenario is about.
        started: when the run began, with a time zone; None: unknown.
        duration_s: how long the run took; else how long the capture is.
        details_max: of how many messages the page has fields and bytes.

    Raises:
        ReportError: there is such a run already, or the folder cannot be written.
        CaptureError: the capture cannot be read.
    """
    flow = flow_of(trace)
    path = folder / folder_name(scenario) / run_id
    partial = path.with_name(f".{run_id}.partial")
    try:
        partial.mkdir(parents=True)
        try:
            _write_capture(partial / "capture.pcapng", capture_path, flow, verdicts)
            files: dict[str, Callable[[], Iterable[str]]] = {
                "capture.json": lambda: [context_to_json(_context(flow, context, scenario, doc))],
                "trace.txt": lambda: _text_lines(flow),
                "trace.jsonl": lambda: _json_lines(trace),
                VERDICTS: lambda: [
                    _verdicts_json(flow, scenario, run_id, verdicts, doc, started, duration_s)
                ],
                "flow.svg": lambda: [svg_of(flow, title=scenario)],
                "flow.mmd": lambda: [mermaid_of(flow)],
                PAGE: lambda: [
                    render_flow(
                        flow,
                        scenario=scenario,
                        run_id=run_id,
                        doc=doc,
                        verdicts=verdicts,
                        beside=_BESIDE,
                        details_max=details_max,
                    )
                ],
            }
            for name, texts in files.items():
                with (partial / name).open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(texts())
            if path.exists():
                raise ReportError(f"{path} is there already; every run has an id of its own")
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ReportError(f"cannot write the report {path}: {error.strerror or error}") from error
    return RunFolder(path=path, scenario=scenario, run_id=run_id)


def folder_name(scenario: str) -> str:
    """Make a scenario's name one that every file system takes."""
    name = re.sub(r"[^\w.=+@-]+", "_", scenario).strip("._")[:_NAME_CHARACTERS_MAX]
    return name or "scenario"


def _write_capture(path: Path, source: Path, flow: Flow, verdicts: Sequence[ReportVerdict]) -> None:
    written = annotated_capture(_chunks(source), names=names_of(flow), comments=comments_of(flow, verdicts))
    with path.open("wb") as file:
        try:
            file.writelines(written)
        except DecodeError as error:
            raise CaptureError(f"{source} is no capture that can be read: {error}") from error


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise CaptureError(f"cannot read {path}: {error.strerror or error}") from error


def _text_lines(flow: Flow) -> Iterator[str]:
    columns = Columns()
    for arrow in flow.arrows:
        line = arrow.line
        yield f"{columns.head(line)}{line.text}{line.tail}\n"


def _json_lines(trace: Trace) -> Iterator[str]:
    encode = json.JSONEncoder(separators=(",", ":")).encode
    for message in trace:
        yield encode(message_object(message)) + "\n"


def _verdicts_json(
    flow: Flow,
    scenario: str,
    run_id: str,
    verdicts: Sequence[ReportVerdict],
    doc: str,
    started: datetime | None,
    duration_s: float | None,
) -> str:
    index_by_number = flow.index_of()
    started_ns = flow.surroundings.started_ns
    captured = None if started_ns is None else datetime.fromtimestamp(started_ns / 1e9, UTC)
    if duration_s is None and started_ns is not None:
        duration_s = (flow.arrows[-1].message.time_ns - started_ns) / 1e9
    written = {
        "scenario": scenario,
        "run_id": run_id,
        "doc": doc,
        "outcome": overall_outcome(verdicts),
        "started": _moment(started),
        "captured": _moment(captured),
        "duration_s": None if duration_s is None else round(duration_s, 3),
        "messages": len(flow.arrows),
        "missing": list(what_is_missing(flow)),
        "verdicts": [
            {
                "name": verdict.name,
                "outcome": verdict.outcome,
                "claim": verdict.claim,
                "explanation": verdict.explanation,
                "messages": [
                    {"number": number, "frame": flow.arrows[index_by_number[number]].message.frame_last}
                    for number in verdict.message_numbers
                    if number in index_by_number
                ],
            }
            for verdict in verdicts
        ],
    }
    return json.dumps(written, indent=1) + "\n"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _context(flow: Flow, told: Context | None, scenario: str, doc: str) -> Context:
    if told is not None and told.topology.nodes:
        return told
    if told is not None:
        scenario, doc = told.scenario or scenario, told.doc or doc
    statements = tuple(
        Statement(
            cql=statement.text,
            coordinator=statement.coordinator_address,
            consistency_level=statement.consistency_level,
            serial_consistency_level=statement.serial_consistency_level,
            started_s=statement.started_ns / 1e9,
            ended_s=None if statement.ended_ns is None else statement.ended_ns / 1e9,
            row_count=statement.row_count,
            error=statement.error,
        )
        for statement in (heading.statement for heading in flow.headings)
    )
    return Context(
        topology=flow.trace.topology,
        schema=flow.trace.schema,
        statements=statements,
        scenario=scenario,
        doc=doc,
    )
