"""The command line and pytest, on simulated nodes, from outside."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.dissect.reading import read_context, read_trace
from harness.waiting import wait_until
from tests.backends.network.networks import (
    RUN_VARIABLE,
    processes_of,
    skip_without_dumpcap,
    skip_without_namespaces,
)

pytestmark = pytest.mark.namespaces

ROOT = Path(__file__).resolve().parents[2]
HARNESS = [sys.executable, "-c", "from harness.cli import main; main()"]
SCENARIOS = (
    "scenarios/lwt/test_conditional_write.py::test_insert_if_not_exists_runs_a_round_of_paxos",
    "scenarios/write_path/test_plain_write.py::test_quorum_write_waits_for_one_remote_replica",
    "scenarios/write_path/test_plain_write.py::test_coordinator_that_is_no_replica_writes_to_both",
)
TIMEOUT_S = 120.0


@pytest.fixture(autouse=True)
def _can_run(tmp_path: Path) -> None:
    skip_without_namespaces(tmp_path)
    skip_without_dumpcap()


@contextmanager
def running_up(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """``harness up``, once its cluster is there, and the file that it records to."""
    log = folder / "said"
    with log.open("w") as said:
        process = subprocess.Popen(
            [*HARNESS, "up", "--nodes", "1", "--output", str(folder / "reports"), *options],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            cwd=ROOT,
            env={**os.environ, RUN_VARIABLE: str(folder)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        try:
            assert wait_until(lambda: "recorded to" in log.read_text(), timeout_s=TIMEOUT_S), log.read_text()
            (line,) = [line for line in log.read_text().splitlines() if "recorded to" in line]
            yield process, Path(line.partition("recorded to ")[2].partition(";")[0])
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_scenarios_pass_in_processes_side_by_side(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--report-dir={tmp_path}", *SCENARIOS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "3 passed" in found.stdout
    captures = sorted(tmp_path.rglob("capture.pcapng"))
    assert len(captures) == 3
    for capture in captures:
        trace = read_trace(capture)
        assert trace.missing.is_complete
        assert [node.name for node in trace.topology.nodes] == ["n1", "n2", "n3"]
        assert not trace.undecoded.messages
        assert read_context(capture.with_suffix(".json")).dropped_packets == 0
        verdicts = json.loads(capture.with_name("verdicts.json").read_text())["verdicts"]
        assert {verdict["outcome"] for verdict in verdicts} == {"PASS"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_leaves_its_report_and_nothing_else(tmp_path: Path, number: int) -> None:
    with running_up(tmp_path) as (process, capture):
        assert capture.is_file()
        process.send_signal(number)
        said, _ = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0
    page = Path(said.strip())
    assert page.is_file()
    assert not capture.parent.exists()
    trace = read_trace(page.with_name("capture.pcapng"))
    assert any(message.verb_name == "OPTIONS" for message in trace)
    assert (tmp_path / "reports" / "index.html").is_file()


def test_up_says_how_to_connect(tmp_path: Path) -> None:
    with running_up(tmp_path, "--seconds", "0.5") as (process, _):
        process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0
    said = (tmp_path / "said").read_text()
    address = next(line.split()[2] for line in said.splitlines() if line.startswith("harness: n1 "))
    assert f"cqlsh {address} 9042" in said
    assert f"http://{address}:10000/" in said


def test_what_a_killed_run_leaves_is_cleaned_up(tmp_path: Path) -> None:
    with running_up(tmp_path) as (process, capture):
        process.kill()
        process.wait()
    left = capture.parent
    cleaned = subprocess.run(
        [*HARNESS, "clean"], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    # Another run that began since may have cleaned up before.
    assert str(left) in cleaned.stdout or not left.exists()
    assert wait_until(lambda: not left.exists(), timeout_s=10)
    assert wait_until(lambda: not processes_of(tmp_path), timeout_s=10), processes_of(tmp_path)


def test_run_finds_scenarios_by_a_word(tmp_path: Path) -> None:
    found = subprocess.run(
        [*HARNESS, "run", "test_truncate_is_done_by_all_nodes", "-q", f"--report-dir={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "1 passed" in found.stdout
    none = subprocess.run(
        [*HARNESS, "run", "no_scenario_has_this_name"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert none.returncode == 2
