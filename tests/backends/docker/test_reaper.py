import os
import signal
import subprocess
import sys
from random import Random

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import OWNER
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.site import clean_up
from harness.waiting import wait_until
from tests.backends.docker.image import PROJECT

pytestmark = pytest.mark.docker
SCENARIO = "scenarios/write_path/test_plain_write.py::test_write_at_all_waits_for_every_replica"


def started_run(options: DockerOptions, report_folder: object, *more: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", SCENARIO, "--cluster=docker", f"--image={options.image}",
         f"--sidecar-image={options.sidecar_image}", f"--report-dir={report_folder}", "-q", "-p", "no:cacheprovider", *more],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def owned_by(engine: Engine, pid: int) -> list[str]:
    """Ids of what a process has made in the engine."""
    wanted = {"label": OWNER}
    containers = engine.api.containers(all=True, filters=wanted)
    networks = engine.api.networks(filters=wanted)
    return [
        item["Id"] for item in (*containers, *networks) if item["Labels"][OWNER].split("/")[1] == str(pid)
    ]


@pytest.mark.parametrize("containers", [1, 3, 5])
def test_killed_run_leaves_nothing_after_the_next_start(
    engine: Engine, options: DockerOptions, tmp_path: object, containers: int
) -> None:
    run = started_run(options, tmp_path, "--capture-by=sidecar" if containers == 5 else "--capture-by=auto")
    assert wait_until(
        lambda: len(owned_by(engine, run.pid)) >= containers or run.poll() is not None, timeout_s=60
    )
    # Somewhere in the next second.
    wait_until(lambda: False, timeout_s=Random(containers).random())
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    clean_up(engine)
    assert owned_by(engine, run.pid) == []


def test_interrupted_run_leaves_nothing(engine: Engine, options: DockerOptions, tmp_path: object) -> None:
    run = started_run(options, tmp_path, "--capture-by=sidecar")
    assert wait_until(lambda: len(owned_by(engine, run.pid)) >= 4 or run.poll() is not None, timeout_s=60)
    run.send_signal(signal.SIGINT)
    output = run.communicate(timeout=120)[0].decode()
    # Not by its exit code: where an interrupt falls between two lines, pytest cannot show it, and ends otherwise.
    assert "KeyboardInterrupt" in output, output
    # What the engine was making when the interrupt came, it may have finished after all was removed.
    assert len(owned_by(engine, run.pid)) <= 1
    clean_up(engine)
    assert owned_by(engine, run.pid) == []


def test_two_runs_side_by_side_pass(engine: Engine, options: DockerOptions, tmp_path: object) -> None:
    runs = [started_run(options, tmp_path) for _ in range(2)]
    outputs = [run.communicate(timeout=240)[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(outputs)
    for run in runs:
        assert owned_by(engine, run.pid) == []
