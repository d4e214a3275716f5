import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import OWNER
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.reaper import clean_up
from harness.waiting import wait_until
from tests.backends.docker.image import PROJECT

pytestmark = pytest.mark.docker
SCENARIO = "scenarios/write_path/test_plain_write.py::test_write_at_all_waits_for_every_replica"


BY_CONTAINERS = ("--capture-by=sidecar", "--connect-by=relay")


def started_run(
    options: DockerOptions, report_folder: Path, *more: str, **environment: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", SCENARIO, "--cluster=docker", f"--image={options.image}",
         f"--sidecar-image={options.sidecar_image}", f"--report-dir={report_folder}", "-q", "-p", "no:cacheprovider", *more],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def owned_by(engine: Engine, pid: int) -> list[str]:
    """Ids of what a process has made in the engine."""
    wanted = {"label": OWNER}
    containers = engine.api.containers(all=True, filters=wanted)
    networks = engine.api.networks(filters=wanted)
    return [item["Id"] for item in (*containers, *networks) if f"/{pid}/" in item["Labels"][OWNER]]


def reach(engine: Engine, run: "subprocess.Popen[bytes]", things: int) -> None:
    """Return within a second after a run has so many containers and networks."""
    assert wait_until(
        lambda: len(owned_by(engine, run.pid)) >= things or run.poll() is not None, timeout_s=60
    )
    assert run.poll() is None
    wait_until(lambda: run.poll() is not None, timeout_s=Random(things).random())


@pytest.mark.parametrize("things", [1, 3, 7])
def test_killed_run_leaves_nothing_after_the_next_start(
    engine: Engine, options: DockerOptions, tmp_path: Path, things: int
) -> None:
    run = started_run(options, tmp_path, *(BY_CONTAINERS if things > 1 else ()))
    reach(engine, run, things)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    clean_up(engine)
    assert owned_by(engine, run.pid) == []


@pytest.mark.parametrize(
    ("signals", "things"),
    [
        ([signal.SIGINT], 1),
        ([signal.SIGINT], 4),
        ([signal.SIGINT], 7),
        ([signal.SIGINT, signal.SIGINT], 7),
        ([signal.SIGTERM], 4),
    ],
    ids=["at first", "half way", "in the end", "in a hurry", "ended"],
)
def test_interrupted_run_leaves_nothing(
    engine: Engine, options: DockerOptions, tmp_path: Path, signals: list[signal.Signals], things: int
) -> None:
    run = started_run(options, tmp_path, *BY_CONTAINERS, TMPDIR=str(tmp_path))
    reach(engine, run, things)
    for number in signals:
        run.send_signal(number)
        # As soon as somebody can press a key again.
        wait_until(lambda: run.poll() is not None, timeout_s=0.3)
    output = run.communicate(timeout=120)[0].decode()
    # Not by its exit code: where an interrupt falls between two lines, pytest cannot show it, and ends otherwise.
    assert "KeyboardInterrupt" in output or " passed" in output, output
    assert owned_by(engine, run.pid) == []
    assert list(tmp_path.glob("scylla-wire-*")) == []


def test_two_runs_side_by_side_pass(engine: Engine, options: DockerOptions, tmp_path: Path) -> None:
    runs = [started_run(options, tmp_path) for _ in range(2)]
    outputs = [run.communicate(timeout=240)[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(outputs)
    for run in runs:
        assert owned_by(engine, run.pid) == []


OF_ITS_OWN = """
import os, sys
from harness.backends.docker.labels import OWNER, STAYS, owner
from harness.backends.docker.engine import connected
from harness.backends.docker.reaper import clean_up_own
from harness.backends.docker.temporary_folder import make_folder
engine, own = connected(), {OWNER: owner()}
make_folder()
engine.api.create_container(sys.argv[1], ["infinity"], entrypoint="sleep", labels=own)
for name, labels in (("gone", own), ("kept", {**own, STAYS: "1"})):
    engine.api.create_network(f"wire-{name}-{os.getpid()}", labels=labels)
clean_up_own()
"""


def test_what_nobody_has_removed_is_removed_in_the_end_but_for_what_is_to_stay(
    engine: Engine, options: DockerOptions, tmp_path: Path
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", OF_ITS_OWN, options.image],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert run.wait(timeout=60) == 0
        (kept,) = owned_by(engine, run.pid)
        assert engine.api.inspect_network(kept)["Name"] == f"wire-kept-{run.pid}"
        assert list(tmp_path.iterdir()) == []
    finally:
        for left in owned_by(engine, run.pid):
            engine.remove_network(left)
