"""Scenarios on containers, as a user runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import CLUSTER, STAYS
from harness.backends.docker.options import DockerOptions
from harness.cli import harness
from tests.backends.docker.image import PROJECT

pytestmark = pytest.mark.docker
WRITE = "scenarios/write_path/test_plain_write.py::test_write_at_all_waits_for_every_replica"
SECOND_TRIES_MAX = 2
READ = "scenarios/read_path/test_single_partition.py::test_read_at_all_hears_every_replica"


def run_scenarios(
    what: str, options: DockerOptions, folder: Path, *more: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", what, "--cluster=docker", f"--image={options.image}",
         f"--sidecar-image={options.sidecar_image}", f"--report-dir={folder}", "-q", "-p", "no:cacheprovider",
         # A machine under load can make any scenario late, and all of them take minutes.
         "--reruns=1", *more],
        cwd=PROJECT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def assert_passed(run: "subprocess.CompletedProcess[str]", at_least: int) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"(\d+) passed", run.stdout)
    assert found is not None, run.stdout
    assert int(found[1]) >= at_least, run.stdout
    again = re.search(r"(\d+) rerun", run.stdout)
    if again is None:
        assert "FAIL" not in run.stdout
        assert "INCONCLUSIVE" not in run.stdout
    else:
        # What their first attempts were like is told as well; more of them are no chance.
        assert int(again[1]) <= SECOND_TRIES_MAX, run.stdout


def test_all_scenarios_pass_on_containers(options: DockerOptions, tmp_path: Path) -> None:
    run = run_scenarios("scenarios", options, tmp_path)
    assert_passed(run, 45)
    for line in run.stdout.splitlines():
        if line.startswith("SKIPPED"):
            assert "which the image is of" in line


def test_sidecar_serves_a_scenario_as_well(options: DockerOptions, tmp_path: Path) -> None:
    assert_passed(run_scenarios(WRITE, options, tmp_path, "--capture-by=sidecar"), 1)
    (page,) = tmp_path.glob("*/*/report.html")
    assert page.is_file()
    assert {path.name for path in page.parent.glob("logs/*")} == {"n1.log", "n2.log", "n3.log"}


def kept_clusters(engine: Engine) -> set[str]:
    """Names of clusters that were to stay."""
    return {network["Labels"][CLUSTER] for network in engine.api.networks(filters={"label": STAYS})}


def test_kept_cluster_is_attached_to_and_removed_by_clean(
    engine: Engine, options: DockerOptions, tmp_path: Path
) -> None:
    before = kept_clusters(engine)
    try:
        assert_passed(run_scenarios(WRITE, options, tmp_path, "--keep"), 1)
        (kept,) = kept_clusters(engine) - before
        # The second scenario finds the table of the first one gone.
        for scenario in (WRITE, READ):
            assert_passed(run_scenarios(scenario, options, tmp_path, f"--attach={kept}"), 1)
        other = run_scenarios("scenarios/datacenters", options, tmp_path, f"--attach={kept}", "-rs")
        assert "the cluster that is attached to has nodes = 3, not 4" in other.stdout
    finally:
        said = CliRunner().invoke(harness, ["clean", "--kept"]).output
    assert f"removed network {kept}\n" in said
    assert f"removed container {kept}-n1\n" in said
    assert kept not in kept_clusters(engine)


def test_errors_are_one_message(
    options: DockerOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    run = run_scenarios(WRITE, options, tmp_path)
    assert run.returncode == 1
    assert "no Docker engine answers at unix:///nonexistent/docker.sock" in run.stdout
    assert "Traceback" not in run.stdout
