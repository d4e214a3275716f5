"""Engines whose containers have users of their own: ``dockerd --userns-remap``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.docker.engine import Engine
from harness.backends.docker.machine import DockerMachine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.sidecar import SidecarTap
from harness.backends.docker.site import DockerSite
from harness.backends.live.cluster import LiveCluster
from harness.capture.dumpcap import RunningCapture
from harness.errors import BackendError
from tests.backends.docker.elsewhere import Elsewhere, machine_elsewhere
from tests.backends.docker.test_site import names_left

pytestmark = pytest.mark.docker

_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 7000), timeout=1).close()
except TimeoutError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def machine(engine: Engine, image: str) -> Iterator[Elsewhere]:
    with machine_elsewhere() as machine:
        machine.start_engine("--userns-remap=daemon")
        with machine.engine() as far:
            assert "name=userns" in far.api.info()["SecurityOptions"]
            far.api.load_image(engine.api.get_image(image))
        yield machine


def hears_each_other(far: Engine, cluster: LiveCluster) -> bool:
    """Whether the first node can connect to the second one."""
    first, second = cluster.nodes
    assert isinstance(first.machine, DockerMachine)
    execution = far.api.exec_create(first.machine.container, ["python3", "-c", _CONNECT, second.address])[
        "Id"
    ]
    said: bytes = far.api.exec_start(execution)
    assert said in {b"", b"timed out\n"}
    return said == b""


def test_sidecar_relay_and_firewall_work(
    machine: Elsewhere, options: DockerOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    site = DockerSite.create(Needs(nodes=2), options)
    try:
        # The engine's machine is open to it, though nodes are not of that machine's users.
        assert isinstance(site.tap, SidecarTap)
        with RunningCapture.start(site.tap, tmp_path / "capture.pcapng") as capture:
            cluster = LiveCluster.start(site)
            with machine.engine() as far:
                assert hears_each_other(far, cluster)
                cluster.node("n2").isolate()
                assert not hears_each_other(far, cluster)
                cluster.node("n2").heal()
                assert hears_each_other(far, cluster)
            file = capture.stop()
            cluster.close()
        assert file.is_complete
        assert file.path.stat().st_size > 10_000
    finally:
        site.remove()
    with machine.engine() as far:
        assert names_left(far, site) == []


def test_engine_that_ends_meanwhile_is_told(
    machine: Elsewhere, options: DockerOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last use of that machine.
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    site = DockerSite.create(Needs(nodes=1), options)
    machine.kill_engine()
    with pytest.raises(BackendError) as caught:
        site.machines[0].start()
    url = machine.environment()["DOCKER_HOST"]
    said = str(caught.value)
    assert said.startswith(
        f"n1 cannot be started: the engine at {url} has answered before, but does not any more (Connection re"
    )
    assert "what is left there is removed when it does again, by the next start or harness clean" in said
    with pytest.raises(BackendError, match=r"cannot be listed: the engine at .* does not any more"):
        site.remove()
    assert not site.folder.exists()
