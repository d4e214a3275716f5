import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from harness.context import Context, context_from_json
from harness.dissect.reading import read_context, read_trace
from harness.errors import CaptureError, ReportError
from harness.events.surroundings import Surroundings
from harness.events.trace import Trace
from harness.events.trace_text import TraceText
from harness.report.run_folder import RunFolder, folder_name, run_id_of, write_report
from harness.report.verdict import ReportVerdict
from tests.written.written_capture import INSERT, write_demo

STARTED = datetime(2026, 11, 22, 8, 54, 43, 481_000, UTC)
RUN_ID = "20261122T085443.481Z-7c21"
VERDICT = ReportVerdict("lwt_round", "FAIL", "they learn", "nobody learns", (4, 5))


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_demo(tmp_path / "captures")


@pytest.fixture
def trace(capture: Path) -> Trace:
    return read_trace(capture)


def write(trace: Trace, capture: Path, folder: Path, **more: object) -> RunFolder:
    arguments: dict[str, object] = {"scenario": "lwt", "run_id": RUN_ID, "verdicts": [VERDICT], **more}
    return write_report(trace, capture_path=capture, folder=folder, **arguments)  # type: ignore[arg-type]


def test_a_run_has_all_its_files(trace: Trace, capture: Path, tmp_path: Path) -> None:
    run = write(trace, capture, tmp_path / "reports")
    assert run.path == tmp_path / "reports" / "lwt" / RUN_ID
    assert sorted(path.name for path in run.path.iterdir()) == [
        "capture.json",
        "capture.pcapng",
        "flow.mmd",
        "flow.svg",
        "report.html",
        "trace.jsonl",
        "trace.txt",
        "verdicts.json",
    ]
    assert run.page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_capture_of_a_run_gives_the_same_trace_again(trace: Trace, capture: Path, tmp_path: Path) -> None:
    run = write(trace, capture, tmp_path, context=read_context(capture.with_suffix(".json")))
    again = read_trace(run.path / "capture.pcapng")
    assert [message.payload for message in again] == [message.payload for message in trace]
    assert again.topology == trace.topology


def test_what_the_trace_knows_is_told_where_nothing_else_is(
    trace: Trace, capture: Path, tmp_path: Path
) -> None:
    run = write(trace, capture, tmp_path, doc="twice the same")
    context = context_from_json((run.path / "capture.json").read_text(encoding="utf-8"))
    assert [node.name for node in context.topology.nodes] == ["n1", "n2", "n3"]
    assert context.statements[0].cql == INSERT
    assert context.doc == "twice the same"


def test_a_context_without_nodes_does_not_hide_what_the_trace_knows(
    trace: Trace, capture: Path, tmp_path: Path
) -> None:
    run = write(trace, capture, tmp_path, context=Context(doc="told"))
    context = context_from_json((run.path / "capture.json").read_text(encoding="utf-8"))
    assert (len(context.topology.nodes), context.doc) == (3, "told")


def test_text_and_json_have_a_line_for_each_message(trace: Trace, capture: Path, tmp_path: Path) -> None:
    run = write(trace, capture, tmp_path)
    lines = (run.path / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["frame_last"] for line in lines] == [message.frame_last for message in trace]
    assert len((run.path / "trace.txt").read_text(encoding="utf-8").splitlines()) == len(trace)


def test_verdicts_are_kept_with_their_packets(trace: Trace, capture: Path, tmp_path: Path) -> None:
    run = write(trace, capture, tmp_path, started=STARTED, duration_s=1.25)
    told = json.loads((run.path / "verdicts.json").read_text(encoding="utf-8"))
    assert (told["outcome"], told["duration_s"]) == ("FAIL", 1.25)
    assert told["started"] == "2026-11-22T08:54:43.481+00:00"
    (verdict,) = told["verdicts"]
    assert verdict["messages"] == [{"number": number, "frame": trace[number].frame_last} for number in (4, 5)]


def test_the_same_run_gives_the_same_bytes(trace: Trace, capture: Path, tmp_path: Path) -> None:
    one, other = write(trace, capture, tmp_path / "one"), write(trace, capture, tmp_path / "other")
    for path in one.path.iterdir():
        assert path.read_bytes() == (other.path / path.name).read_bytes()


def test_a_second_run_of_the_same_id_is_refused(trace: Trace, capture: Path, tmp_path: Path) -> None:
    write(trace, capture, tmp_path)
    with pytest.raises(ReportError, match="is there already"):
        write(trace, capture, tmp_path)


def test_a_failure_leaves_no_half_a_run(trace: Trace, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot read"):
        write(trace, tmp_path / "gone.pcapng", tmp_path / "reports")
    assert [path for path in (tmp_path / "reports").rglob("*") if path.is_file()] == []


def test_what_is_no_capture_is_an_error_that_names_it(trace: Trace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pcapng"
    broken.write_bytes(b"no capture at all")
    with pytest.raises(CaptureError, match=r"broken\.pcapng is no capture"):
        write(trace, broken, tmp_path / "reports")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(
    trace: Trace, capture: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError, match="cannot write the report"):
        write(trace, capture, tmp_path / "file")


@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        ("test_lwt[rf3-QUORUM]", "test_lwt_rf3-QUORUM"),
        ("scenarios/lwt/test_insert.py::test_it", "scenarios_lwt_test_insert.py_test_it"),
        ("../../etc/passwd", "etc_passwd"),
        ("..", "scenario"),
        ("", "scenario"),
        ("x" * 300, "x" * 100),
    ],
)
def test_scenarios_become_names_of_folders(scenario: str, name: str) -> None:
    assert folder_name(scenario) == name


def test_run_ids_sort_as_runs_began() -> None:
    moments = [STARTED, STARTED + timedelta(milliseconds=1), STARTED + timedelta(hours=9)]
    ids = [run_id_of(moment, suffix) for moment, suffix in zip(moments, "cab", strict=True)]
    assert ids == sorted(ids)
    assert run_id_of(STARTED, "7c21") == RUN_ID


def test_run_ids_do_not_depend_on_the_time_zone() -> None:
    elsewhere = STARTED.astimezone(timezone(timedelta(hours=5)))
    assert run_id_of(elsewhere, "7c21") == RUN_ID


def test_the_text_is_that_of_decode(trace: Trace, capture: Path, tmp_path: Path) -> None:
    run = write(trace, capture, tmp_path)
    text = TraceText(Surroundings(trace.schema, trace.topology, trace[0].first_ns))
    expected = []
    for message in trace:
        text.see(message)
        expected.append(text.line(message))
    assert (run.path / "trace.txt").read_text(encoding="utf-8").splitlines() == expected
