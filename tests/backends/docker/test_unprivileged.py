"""A user who is not root, but may use the engine of this machine."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import CAPTURE, OWNER
from harness.backends.docker.options import DockerOptions
from harness.waiting import wait_until
from tests.backends.docker.engines import containers_watched
from tests.backends.docker.image import PROJECT
from tests.backends.docker.test_scenarios import WRITE

pytestmark = pytest.mark.docker
_USERS = range(64_000, 65_000)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder where others can go, too."""
    with tempfile.TemporaryDirectory(prefix="wire-user-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def group_of(engine: Engine) -> int:
    """The group that may use an engine; skips where there is none."""
    if not engine.address.startswith("unix://"):
        pytest.skip("the engine has no socket here")
    told = Path(engine.address.removeprefix("unix://")).stat()
    if told.st_gid == 0 or not told.st_mode & stat.S_IWGRP:
        pytest.skip("the engine's socket is for root alone: there is no group docker")
    return told.st_gid


def as_user(user: int, group: int) -> list[str]:
    """What stands before a command line: a user that nobody else is, in one group.

    Reads all files, for Python itself may be root's, but has no other right of root.
    """
    rights = "-all,+dac_read_search"
    return ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={group}",
            f"--inh-caps={rights}", f"--ambient-caps={rights}", f"--bounding-set={rights}"]  # fmt: skip


def test_member_of_the_group_records_by_a_sidecar_and_connects_directly(
    engine: Engine, options: DockerOptions, folder: Path
) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become such a user")
    group = group_of(engine)
    taken = {user.pw_uid for user in pwd.getpwall()}
    user = next(number for number in _USERS if number not in taken)
    reports = folder / "reports"
    reports.mkdir()
    os.chown(reports, user, user)
    with containers_watched(engine, CAPTURE) as events:
        with subprocess.Popen(
            [*as_user(user, group), sys.executable, "-m", "pytest", WRITE, "--cluster=docker", f"--image={options.image}",
             f"--sidecar-image={options.sidecar_image}", f"--report-dir={reports}", "-q", "-p", "no:cacheprovider"],
            cwd=PROJECT, env={**os.environ, "HOME": str(reports), "NO_COLOR": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as run:  # fmt: skip
            said, _ = run.communicate()

        def actions() -> list[str]:
            # Others use the same engine.
            owned = [event for event in events if f"/{run.pid}/" in event["Actor"]["Attributes"][OWNER]]
            return [event["Action"] for event in owned]

        assert wait_until(lambda: "attach" in actions() and actions()[-1] == "destroy", timeout_s=20), said
    assert run.returncode == 0, said
    assert "1 passed" in said
    (page,) = reports.glob("*/*/report.html")
    assert page.stat().st_uid == user
    # To what records; clients need no container.
    assert actions().count("attach") == 1
    assert not any(action.startswith("exec_start") for action in actions())
