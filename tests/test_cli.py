import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import run
from harness.codec.verbs.table import TABLE
from harness.context import context_to_json
from tests.dissect.test_native import rewritten, without
from tests.written.lwt_insert_twice import INSERT, NAME, capture, context

HARNESS = [sys.executable, "-c", "from harness.cli import main; main()"]


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A capture with its context beside it."""
    path = tmp_path / f"{NAME}.pcapng"
    path.write_bytes(capture())
    path.with_suffix(".json").write_text(context_to_json(context()), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _plain_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def error_line(captured: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    text = captured.readouterr().err
    assert text.startswith("harness: ")
    assert text.count("\n") == 1
    return text.removeprefix("harness: ").rstrip()


def test_decode_shows_every_message_in_a_line(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decode", str(demo)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert any(f"1 => n1   CQL QUERY QUORUM/SERIAL {INSERT}" in line for line in lines)
    assert sum("PAXOS_PREPARE demo.map(" in line for line in lines) == 4
    assert (
        err
        == f"harness: names of nodes and tables are taken from {demo.with_suffix('.json')}; --no-context leaves them out\n"
    )


def test_filters_choose_messages_and_their_pairs_are_still_worded(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decode", str(demo), "--filter", "kind == reply and scylla.verb == PAXOS_ACCEPT"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all("reply to PAXOS_ACCEPT: accepted  (packet " in line and " ms)" in line for line in lines)


def test_filters_know_tables_and_times_of_the_capture(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decode", str(demo), "--filter", "table == demo.map and frame.time_relative < 0.001"]) == 0
    first = capsys.readouterr().out
    assert run(["decode", str(demo), "--filter", "table == demo.map"]) == 0
    assert 0 <= first.count("\n") < capsys.readouterr().out.count("\n")


def test_jsonl_is_one_object_a_message(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decode", str(demo), "--format", "jsonl"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    prepare = next(item for item in objects if item["verb"] == "PAXOS_PREPARE" and item["kind"] == "request")
    assert prepare["sender_node"] == "n1"
    assert prepare["body"]["command"]["table_id"]
    reply = next(item for item in objects if item["request_frame"] == prepare["frame_last"])
    assert reply["kind"] == "reply"
    assert any(item["acknowledges_frame"] for item in objects)
    assert run(["decode", str(demo), "--format", "jsonl", "--no-body"]) == 0
    bare = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [{**item, "body": None, "undecoded_bytes": None} for item in objects] == bare


def test_flow_tells_the_story(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", str(demo)]) == 0
    out = capsys.readouterr().out
    assert out.count("━━ statement ") == 2
    assert "folded" in out
    assert run(["flow", "--all", str(demo)]) == 0
    assert "folded" not in capsys.readouterr().out


def test_verbs_counts_as_table_and_as_json(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verbs", str(demo)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:4] == ["verb", "from", "to", "messages"]
    assert "PAXOS_PREPARE" in out
    assert "CQL QUERY" in out
    assert run(["verbs", "--format", "json", str(demo)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    learns = [row for row in rows if row["verb"] == "PAXOS_LEARN"]
    assert sum(row["answers"] for row in learns) == 4
    assert all(row["latency"]["min_ns"] <= row["latency"]["max_ns"] for row in learns)
    assert run(["verbs", "--no-pairs", str(demo)]) == 0
    assert capsys.readouterr().out.count("PAXOS_LEARN") == 1


def test_describe_shows_fields_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "MUTATION"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("MUTATION, verb 1, one-way\n")
    assert "response_id" in out
    assert "[since 5.4]" in out
    assert run(["describe", "1", "--line", "4.2"]) == 0
    old = capsys.readouterr().out
    assert "fence" not in old
    assert "topology_version" not in old
    assert run(["describe"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(TABLE.verbs)
    assert run(["describe", "--filter-fields"]) == 0
    assert "scylla.mut.pkey" in capsys.readouterr().out


def test_every_verb_can_be_described(capsys: pytest.CaptureFixture[str]) -> None:
    for row in TABLE.verbs:
        for line in ("4.2", "2025.1", "HEAD"):
            assert run(["describe", str(row.number), "--line", line, "--width", "80"]) == 0
            assert f"verb {row.number}," in capsys.readouterr().out


def test_a_capture_cut_short_is_shown_as_far_as_it_goes(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.write_bytes(demo.read_bytes()[:-10])
    assert run(["decode", "--no-context", str(demo)]) == 0
    out, err = capsys.readouterr()
    assert "PAXOS_PREPARE" in out
    assert err.startswith(f"harness: {demo} ends too early: ")


def test_nothing_is_proved_by_a_capture_without_messages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "empty.pcapng"
    path.write_bytes(b"")
    assert run(["check", str(path)]) == 3
    assert capsys.readouterr().err.startswith(f"harness: {path} ends too early: 0 bytes")


def test_several_captures_are_shown_although_one_cannot_be_read(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decode", "--no-context", str(tmp_path / "none.pcap"), str(demo)]) == 2
    out, err = capsys.readouterr()
    assert "PAXOS_PREPARE" in out
    assert err == f"harness: cannot read {tmp_path / 'none.pcap'}: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["decode"], "Missing argument"),
        (["decoed", "x"], "No such command"),
        (["decode", "x", "--format", "xml"], "Invalid value for '--format'"),
        (["decode", "x", "--line", "9.9"], "Invalid value for '--line'"),
        (["describe", "MUTATON"], "did you mean MUTATION"),
        (["describe", "4711"], "no verb has the number 4711"),
        (["compare-wireshark", "-"], "not standard input"),
        (["decode", "/", "--no-context"], "cannot read /"),
        (["decode", "x", "--context", "/none.json"], "cannot read the context /none.json"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert said in error_line(capsys)


def test_a_filter_that_is_wrong_is_pointed_at(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decode", str(demo), "--filter", "scylla.verb == MUTATON"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "harness: filter: the verb 'MUTATON' does not exist; did you mean MUTATION or MUTATION_DONE? (column 16)",
        "  scylla.verb == MUTATON",
        "                 ^",
    ]


def test_what_is_no_capture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.pcap"
    path.write_text("this is no capture at all", encoding="utf-8")
    assert run(["flow", str(path)]) == 2
    assert "is no capture that can be read" in error_line(capsys)


def test_a_context_is_told_found_or_left_out(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decode", "--no-context", str(demo)]) == 0
    out, err = capsys.readouterr()
    assert "n1" not in out
    assert err == ""
    moved = tmp_path / "elsewhere.json"
    demo.with_suffix(".json").rename(moved)
    assert run(["decode", "--context", str(moved), str(demo)]) == 0
    out, err = capsys.readouterr()
    assert "n1 -> n2" in out
    assert err == ""
    demo.with_suffix(".json").write_text("[]", encoding="utf-8")
    assert run(["decode", str(demo)]) == 0
    assert "names are left out" in capsys.readouterr().err


def test_other_ports_can_be_told(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decode", "--rpc-port", "1", "--cql-port", "2", str(demo)]) == 0
    assert capsys.readouterr().out == ""


def test_lines_are_cut_to_the_width_but_keep_their_tail(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["flow", "--width", "90", str(demo)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 90
    assert any("…  (packet " in line for line in lines)


def test_colours_are_for_those_who_want_them(
    demo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["flow", str(demo)]) == 0
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert run(["flow", str(demo)]) == 0
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(["flow", str(demo)]) == 0
    assert "\x1b[" not in capsys.readouterr().out


def test_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for example in ("harness flow cluster.pcap", "| harness flow -", "--filter '", "Exit status"):
        assert example in out
    for command in ("decode", "flow", "verbs", "compare-wireshark", "describe"):
        assert run([command, "--help"]) == 0
        assert "Usage: harness " + command in capsys.readouterr().out
    assert run(["--version"]) == 0


def test_standard_input_is_shown_while_it_comes(demo: Path) -> None:
    data = demo.read_bytes()
    with subprocess.Popen(
        [*HARNESS, "decode", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(data[: len(data) // 2])
        process.stdin.flush()
        # The input is still open, so that this line can only come from what was read so far.
        assert b" CQL STARTUP " in process.stdout.readline()
        process.stdin.write(data[len(data) // 2 :])
        rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"PAXOS_PRUNE" in rest
    assert errors == b""


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would all that we start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_ctrl_c_leaves_with_130_and_no_traceback(demo: Path) -> None:
    with subprocess.Popen(
        [*HARNESS, "decode", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(demo.read_bytes()[:4000])
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == b""


def test_a_reader_that_has_enough_ends_it_in_silence(demo: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with subprocess.Popen(
        [*HARNESS, "decode", "--no-context", str(demo)], stdout=write_end, stderr=subprocess.PIPE
    ) as process:
        os.close(write_end)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors == b""


def test_a_terminal_is_no_capture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    assert run(["decode", "-"]) == 2
    assert "standard input is a terminal" in error_line(capsys)


@pytest.mark.tshark
def test_compare_wireshark_explains_every_disagreement(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare-wireshark", str(demo)]) == 0
    assert "Wireshark" in capsys.readouterr().out
    assert run(["compare-wireshark", "--format", "jsonl", str(demo)]) == 0
    for line in capsys.readouterr().out.splitlines():
        json.loads(line)


def test_a_tshark_that_is_not_there_is_said_to_be_missing(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare-wireshark", "--no-context", "--tshark", "/none/tshark", str(demo)]) == 2
    assert "/none/tshark was not found" in error_line(capsys)


def test_a_big_capture_starts_at_once(reference: Path) -> None:
    started = time.monotonic()
    path = reference / "scylla-4.2" / "bulk" / "bulk_quorum.pcapng"
    with subprocess.Popen(
        [*HARNESS, "decode", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        assert time.monotonic() - started < 10
        process.kill()


def test_report_writes_a_page_and_prints_its_path(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = demo.parent / "reports"
    assert run(["report", str(demo), "--output", str(folder)]) == 0
    page = Path(capsys.readouterr().out.strip())
    assert page.name == "report.html"
    assert page.parent.parent == folder / NAME
    assert INSERT.replace("'", "&#39;") in page.read_text() or INSERT in page.read_text()
    assert (page.parent / "capture.pcapng").is_file()
    assert (folder / "index.html").is_file()


def test_report_wants_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "-"]) == 2
    assert "needs a file" in error_line(capsys)


def test_check_says_what_proves_a_claim(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(demo), "--claim", "lwt_round:demo.map", "--claim", "monitors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("PASS")]
    assert not any("FAIL" in line for line in lines)


def test_check_of_a_capture_with_a_hole_is_no_pass(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.write_bytes(rewritten(demo.read_bytes(), without([66])))
    assert run(["check", str(demo)]) == 3
    assert "INCONCLUSIVE" in capsys.readouterr().out


def test_check_refuses_an_unknown_claim_and_lists_the_known(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(demo), "--claim", "view_update:a.b,a.c"]) == 2
    error = capsys.readouterr().err
    assert "did you mean view_updates" in error
    assert run(["check", "--list"]) == 0
    assert "view_updates[:" in capsys.readouterr().out
    assert run(["check"]) == 2
