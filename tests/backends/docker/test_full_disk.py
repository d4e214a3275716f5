"""What is said, and left, when the disk of an engine is full: a real one, which the test fills at some moment."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.docker.engine import Engine, connected
from harness.backends.docker.firewall import Firewall
from harness.backends.docker.labels import CAPTURE, NODE, OWNER, owner
from harness.backends.docker.links import ContainerLinks
from harness.backends.docker.machine import DockerMachine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.site import DockerSite, why_not
from harness.backends.docker.way_in import WayIn
from harness.backends.live.cluster import LiveCluster
from harness.backends.scylla_settings import Place
from harness.capture.dumpcap import RunningCapture
from harness.errors import BackendError
from tests.backends.docker.elsewhere import DISK, Elsewhere

pytestmark = pytest.mark.docker
_PAGE_BYTES = 1 << 12


class Disk:
    """Of an engine; it can be filled to the last page."""

    def __init__(self, machine: Elsewhere) -> None:
        self._ballast = machine.path(f"{DISK}/ballast")

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            told = os.statvfs(self._ballast)
            # At once what there is, if others do not take some of it meanwhile; then page by page.
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, told.f_bavail * told.f_bsize)
            file.seek(0, os.SEEK_END)
            with suppress(OSError):
                while True:
                    file.write(bytes(_PAGE_BYTES))
            with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
                file.write(b"x")

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(elsewhere: Elsewhere) -> Iterator[Disk]:
    disk = Disk(elsewhere)
    yield disk
    disk.empty()


@pytest.fixture
def far(elsewhere: Elsewhere, options: DockerOptions, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine that sites use."""
    for name, value in elsewhere.environment().items():
        monkeypatch.setenv(name, value)
    # It has been asked for the version of the image.
    assert why_not(Needs(), options) == ""
    return connected()


def things_left(engine: Engine) -> list[str]:
    containers = [item["Names"][0] for item in engine.api.containers(all=True)]
    usual = ("bridge", "host", "none")
    return [*containers, *(item["Name"] for item in engine.api.networks() if item["Name"] not in usual)]


def is_any(**_: object) -> bool:
    return True


def is_anchor(*, labels: dict[str, str], **_: object) -> bool:
    return NODE not in labels and CAPTURE not in labels


def is_node(*, labels: dict[str, str], **_: object) -> bool:
    return NODE in labels


def is_relay(*, labels: dict[str, str], entrypoint: str = "", **_: object) -> bool:
    return CAPTURE in labels and entrypoint == "sleep"


def is_sidecar(*, labels: dict[str, str], entrypoint: str = "", **_: object) -> bool:
    return CAPTURE in labels and entrypoint != "sleep"


@pytest.mark.parametrize(
    ("what", "is_meant", "said"),
    [
        ("create_network", is_any, ""),
        ("create_container", is_anchor, "the container that holds the bridge up cannot be started: "),
        ("create_container", is_relay, "the container that clients reach the nodes through cannot be started: "),
        ("create_container", is_node, "no container for n1 can be made: "),
        ("create_container", is_sidecar, "cannot be started: "),
        ("put_archive", is_any, "n1 cannot be started: "),
        ("start", is_any, "cannot be started: "),
    ],
    ids=["network", "anchor", "relay", "node", "sidecar", "files", "start"],
)  # fmt: skip
def test_full_disk_is_told_and_nothing_is_left(
    far: Engine, disk: Disk, options: DockerOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    what: str, is_meant: Callable[..., bool], said: str,
) -> None:  # fmt: skip
    usual = getattr(far.api, what)
    filled: list[str] = []

    def on_a_full_disk(*arguments: object, **named: object) -> object:
        if not filled and is_meant(**named):
            filled.append(what)
            disk.fill()
        return usual(*arguments, **named)

    monkeypatch.setattr(far.api, what, on_a_full_disk)
    with pytest.raises(BackendError) as caught:
        run_cluster(options, tmp_path)
    assert filled == [what]
    assert said in str(caught.value)
    assert "the disk of the Docker engine is full (" in str(caught.value)
    assert "docker system prune removes what nobody uses" in str(caught.value)
    assert things_left(far) == []


def run_cluster(options: DockerOptions, folder: Path) -> None:
    site = DockerSite.create(Needs(nodes=1), options)
    try:
        with RunningCapture.start(site.tap, folder / "capture.pcapng"):
            LiveCluster.start(site, timeout_s=60)
    finally:
        site.remove()


def test_node_that_dies_of_it_is_told_apart(engine: Engine, image: str) -> None:
    way_in = WayIn(engine, image=image, labels={})
    container = engine.api.create_container(
        image,
        ["-c", "open('/dev/full', 'wb', buffering=0).write(b'x')"],
        entrypoint="python3",
        labels={OWNER: owner()},
    )["Id"]
    try:
        engine.api.start(container)
        engine.api.wait(container)
        place = Place(name="n1", address="10.0.0.1", datacenter="dc1", rack="r1", is_seed=True)
        machine = DockerMachine(
            engine,
            container,
            place,
            firewall=Firewall(way_in),
            links=ContainerLinks(way_in),
            taps=lambda: None,
        )
        said = machine.last_words()
    finally:
        engine.remove_container(container)
    assert said.startswith("its log ends with:\n")
    assert "the disk of the Docker engine is full (it says so); make room there: docker system df" in said
