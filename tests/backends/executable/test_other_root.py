"""``--exe-prefix "chroot DIR env NAME=VALUE"`` with a root that has all that an executable needs, and nothing else.

The root is made in a mount namespace, which ends with the last process in it, however that ends.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from harness.backends.network.cleanup import clean
from harness.backends.network.lease import claims_of, lease_paths
from harness.backends.network.state_folder import default_state_folder
from harness.waiting import wait_until
from tests.backends.executable.conftest import PROJECT
from tests.backends.network.networks import (
    RUN_VARIABLE,
    processes_of,
    skip_without_dumpcap,
    skip_without_namespaces,
)

pytestmark = pytest.mark.namespaces
PREFIX = "chroot {root} env WIRE_WRAPPED=yes"
# A process of its own stands between the wrapper and the node, as with scripts that set up an environment.
EXECUTABLE = """#!/bin/sh
[ "$WIRE_WRAPPED" = yes ] || { echo "not started through the wrapper" >&2; exit 3; }
[ ! -e %(outside)s ] || { echo "not in the other root" >&2; exit 4; }
export PYTHONPATH=%(project)s
%(python)s -m harness.backends.simulation.scylla_program "$@"
exit $?
"""
STEERED = "hints_are_handed_over or node_that_stops or write_does_not_wait_for_the_paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRoot:
    """A folder that processes of a mount namespace find a system in."""

    folder: Path
    mounts: str
    """The shell's commands that make it so."""
    outside: Path
    """A folder that is not to be seen in there."""

    def run(self, what: str, *more: str, prefix: str = PREFIX) -> "subprocess.Popen[str]":
        """Run scenarios as a user does."""
        command = [sys.executable, "-m", "pytest", "scenarios", "-k", what, "--cluster=executable",
                   "--scylla-exe=/opt/bin/scylla", f"--exe-prefix={prefix.format(root=self.folder)}",
                   f"--report-dir={self.outside / 'reports'}", "-q", "-rs", "-p", "no:cacheprovider", *more]  # fmt: skip
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation=private", "sh", "-ec", f'{self.mounts}\nexec "$@"', "sh", *command],
            cwd=PROJECT,
            env={**os.environ, "NO_COLOR": "1", RUN_VARIABLE: str(self.outside)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def left(self) -> list[str]:
        """What runs have left in there, and processes of theirs."""
        return [*map(str, self.work_folders()), *map(str, processes_of(self.outside))]

    def leases(self) -> list[Path]:
        """Those of networks whose nodes have folders in there."""
        return [
            path
            for path in lease_paths(default_state_folder())
            if str(claims_of(path).other_folder).startswith(str(self.folder))
        ]

    def work_folders(self) -> list[Path]:
        """What runs have made; not where the project is mounted, if it is in there."""
        return [
            path
            for path in (self.folder / "tmp").iterdir()
            if not PROJECT.is_relative_to(Path("/tmp", path.name))
        ]


@pytest.fixture
def other_root(tmp_path: Path) -> Iterator[OtherRoot]:
    """Debian's folders, the project and the interpreter; its /tmp is its own."""
    skip_without_namespaces(tmp_path)
    skip_without_dumpcap()
    if os.geteuid() != 0:
        pytest.skip("needs root: chroot is its alone")
    folder, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (folder / "tmp").mkdir(parents=True)
    wanted = [Path("/", name) for name in ("usr", "bin", "sbin", "lib", "lib64", "etc", "proc", "dev", "sys")]
    mounts: list[Path] = []
    for path in (*wanted, PROJECT, Path(sys.prefix), Path(sys.base_prefix)):
        target = folder / path.relative_to("/")
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_dir() and not any(path.is_relative_to(done) for done in mounts):
            target.mkdir(parents=True, exist_ok=True)
            mounts.append(path)
    binary = folder / "opt/scylladb/bin/scylla"
    binary.parent.mkdir(parents=True)
    binary.write_text(EXECUTABLE % {"project": PROJECT, "python": sys.executable, "outside": outside})
    binary.chmod(0o755)
    # As packages have it: a link that means something in there alone.
    (folder / "opt/bin").mkdir()
    (folder / "opt/bin/scylla").symlink_to("/opt/scylladb/bin/scylla")
    yield OtherRoot(
        folder=folder,
        mounts="\n".join(shlex.join(["mount", "--rbind", str(path), f"{folder}{path}"]) for path in mounts),
        outside=outside,
    )
    clean()


def test_scenarios_pass_in_another_root(other_root: OtherRoot) -> None:
    run = other_root.run(STEERED)
    output = run.communicate(timeout=300)[0]
    assert run.returncode == 0, output
    logs = list((other_root.outside / "reports").glob("*/*/logs/*.log"))
    assert {path.name for path in logs} == {"n1.log", "n2.log", "n3.log"}
    assert all("serves clients on port 9042" in path.read_text() for path in logs)
    assert other_root.left() == []


@pytest.mark.parametrize(
    ("number", "longest_s"), [(signal.SIGINT, 2), (signal.SIGKILL, 0.1), (signal.SIGKILL, 3)]
)
def test_run_in_another_root_that_is_ended_leaves_nothing(
    other_root: OtherRoot, number: signal.Signals, longest_s: float
) -> None:
    run = other_root.run("node_that_stops or single_partition", prefix=f"setsid {PREFIX}")
    assert wait_until(other_root.work_folders, timeout_s=60)
    wait_until(lambda: run.poll() is not None, timeout_s=Random(longest_s).uniform(0, longest_s))
    leases = other_root.leases()
    assert run.poll() is None
    run.send_signal(number)
    output = run.communicate(timeout=120)[0]
    if number is signal.SIGKILL:
        assert leases
        clean()
    assert other_root.left() == [], output
    # The file may be there: what is free, another run takes.
    assert other_root.leases() == []


def test_work_folder_that_cannot_be_seen_is_told(other_root: OtherRoot) -> None:
    # What root it has, no word of this one says.
    run = other_root.run("test_node_that_stops", prefix="unshare --root={root} env WIRE_WRAPPED=yes")
    output = run.communicate(timeout=120)[0]
    assert run.returncode == 1, output
    assert re.search(r"n\d has ended with exit code 1; behind unshare ", output), output
    assert "it cannot read its work folder /tmp/" in output
    assert "visible there, or name a folder that is with TMPDIR; its log ends with:" in output
    assert "Traceback" not in output
    assert other_root.left() == []
