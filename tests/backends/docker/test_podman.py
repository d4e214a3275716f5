"""Podman, which answers to Docker's API."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import OWNER
from harness.backends.docker.options import DockerOptions
from harness.backends.network.syscalls import die_with_parent
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.docker.test_scenarios import WRITE, assert_passed, run_scenarios

pytestmark = pytest.mark.docker
IMAGE = "localhost/scylla-wire-harness/test"
_START_TIMEOUT_S = 30.0
_LIMIT = 4096


@pytest.fixture(scope="module")
def podman(engine: Engine, image: str) -> Iterator[Engine]:
    """An engine of Podman with storage and networks of its own, which has the test image."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        pytest.skip("takes root and podman (apt install podman)")
    with (
        tempfile.TemporaryDirectory(prefix="wire-podman-", dir="/tmp") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        settings = folder / "containers.conf"
        settings.write_text(_settings())
        address = f"unix://{folder}/podman.sock"
        command = [
            "podman",
            "--root",
            f"{folder}/root",
            "--runroot",
            f"{folder}/run",
            "--network-config-dir",
            f"{folder}/networks",
        ]
        log = folder / "podman.log"
        with log.open("wb") as output:
            service = subprocess.Popen(
                [*command, "system", "service", "--time=0", address],
                env={**os.environ, "CONTAINERS_CONF": str(settings)},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=die_with_parent,  # noqa: PLW1509  (one system call, no locks)
            )  # fmt: skip
        try:
            patch.setenv("DOCKER_HOST", address)
            connected = wait_until(
                lambda: _connected() or service.poll() is not None, timeout_s=_START_TIMEOUT_S
            )
            if not isinstance(connected, Engine):
                pytest.skip(f"podman does not serve: {log.read_text(errors='replace')[-500:]}")
            connected.client.images.load(engine.client.images.get(image).save(named=True))
            yield connected
            connected.close()
        finally:
            service.terminate()
            service.wait()
            subprocess.run([*command, "system", "reset", "--force"], check=False, capture_output=True)


def _settings() -> str:
    """Within the limits of this machine, which Podman's own are not everywhere; by the runtime that knows all cgroups."""
    limits = ", ".join(f'"{name}={_LIMIT}:{_LIMIT}"' for name in ("nofile", "nproc"))
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    return f'[containers]\ndefault_ulimits = [{limits}]\n[engine]\ncgroup_manager = "cgroupfs"\n{runtime}'


def _connected() -> Engine | None:
    try:
        return Engine.connect()
    except BackendError:
        return None


def test_scenario_passes_on_podman(podman: Engine, options: DockerOptions, tmp_path: Path) -> None:
    on_podman = replace(options, image=IMAGE, sidecar_image=IMAGE)
    for capture_by in ("bridge", "nodes"):
        run = run_scenarios(WRITE, on_podman, tmp_path / capture_by, f"--capture-by={capture_by}")
        assert_passed(run, 1)
    assert podman.api.containers(all=True, filters={"label": OWNER}) == []
    assert podman.api.networks(filters={"label": OWNER}) == []
