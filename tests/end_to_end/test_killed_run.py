"""Nothing is left of a run of scenarios that is killed, and nothing of another one is touched."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from harness.backends.network.cleanup import alias_of
from harness.backends.network.lease import claims_of, lease_paths
from harness.backends.network.network import Network
from harness.backends.network.state_folder import default_state_folder
from harness.clusters import clean
from harness.waiting import wait_until
from tests.backends.network.networks import RUN_VARIABLE, interfaces_with, processes_of, skip_without_dumpcap
from tests.end_to_end.simulated_cluster import DriverSession, SimulatedCluster

pytestmark = pytest.mark.namespaces

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = 10
START_S = 2.0
"""So long after its start a run may be anywhere before its first network, or have just begun it."""
SCENARIO_S = 1.5
"""So long after it has leased its network, anywhere from there to the middle of the scenario."""
TIMEOUT_S = 20
SCENARIO = "scenarios/hints/test_hinted_handoff.py::test_hints_are_handed_over_once_the_node_is_back"


def begun_run(folder: Path) -> subprocess.Popen[bytes]:
    """A run of a scenario, in a process of its own."""
    paths = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    options = ["-q", "-p", "no:cacheprovider", f"--report-dir={folder / 'reports'}"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", SCENARIO, "--cluster=simulated", *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, RUN_VARIABLE: str(folder), "TMPDIR": str(folder), "PYTHONPATH": paths},
    )


def leases_of(folder: Path) -> dict[Path, str]:
    """The leases of a run, and what their networks write on their interfaces."""
    found = {}
    for path in lease_paths(default_state_folder()):
        claimed = claims_of(path).folder
        if claimed is not None and claimed.is_relative_to(folder):
            found[path] = alias_of(path.stat())
    return found


def leftovers_of(folder: Path, aliases: set[str]) -> list[str]:
    """What there is of a run; empty: nothing."""
    return [
        *(f"process {pid}" for pid in processes_of(folder)),
        *(f"interface {name}" for name in interfaces_with(aliases)),
        *(f"lease {path}" for path in leases_of(folder)),
        *(str(path) for path in folder.iterdir() if path.name != "reports"),
    ]


def test_nothing_is_left_of_runs_killed_at_any_moment_and_another_one_goes_on(
    driver: DriverSession, simulated: SimulatedCluster, tmp_path: Path
) -> None:
    skip_without_dumpcap()
    driver.execute("CREATE TABLE kept (k int PRIMARY KEY)")
    driver.execute("INSERT INTO kept (k) VALUES (1)")
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    most_leases = 0
    for number in range(MOMENTS):
        run = begun_run(tmp_path)
        if number % 3:
            assert wait_until(lambda: leases_of(tmp_path) or run.poll() is not None, timeout_s=TIMEOUT_S)  # noqa: B023
        moment_s = chance.uniform(0, SCENARIO_S) if number % 3 else chance.uniform(0.2, START_S)
        wait_until(run.poll, timeout_s=moment_s)
        leases = leases_of(tmp_path)
        most_leases = max(most_leases, len(leases))
        run.kill()
        run.wait()
        if number % 2:
            # The next run begins with that, too.
            Network.create(0).close()
        else:
            clean()
        aliases = set(leases.values())
        # Until the kernel has ended what the first process of a namespace leaves.
        gone = wait_until(lambda: not leftovers_of(tmp_path, aliases), timeout_s=TIMEOUT_S)  # noqa: B023
        assert gone, (f"seed {seed}, moment {number}: {moment_s:.3f} s", leftovers_of(tmp_path, aliases))
    assert most_leases == 1, "no run has come so far as to have a network"
    assert [row.k for row in driver.execute("SELECT k FROM kept")] == [1]
    assert all(machine.exit_code() is None for machine in simulated.site.machines)
