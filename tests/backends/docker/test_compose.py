"""docker-compose.yml, brought up by a compose that is installed."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import OWNER, is_left_over, owner
from harness.backends.docker.network import _free
from harness.backends.docker.options import IMAGE, SIDECAR_IMAGE, DockerOptions
from harness.codec.pcapng import CaptureDecoder, Packet
from harness.waiting import wait_until
from tests.backends.docker.image import PROJECT
from tests.backends.docker.test_scenarios import assert_passed, run_scenarios

pytestmark = pytest.mark.docker


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A cluster that compose has started."""

    name: str
    captures: Path


COMPOSES = ("docker compose", "docker-compose")
"""The plugin of the command line, and the program of its own."""


def is_installed(compose: str) -> bool:
    with suppress(OSError):
        return subprocess.run([*compose.split(), "version"], capture_output=True, check=False).returncode == 0
    return False


@pytest.fixture(scope="module", params=COMPOSES)
def each_compose(request: pytest.FixtureRequest) -> list[str]:
    """How compose is called, one after the other."""
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    return str(request.param).split()


@pytest.fixture(scope="module", params=[next(filter(is_installed, COMPOSES), "no compose")])
def compose(request: pytest.FixtureRequest) -> list[str]:
    """How the first one is called that is installed."""
    if request.param not in COMPOSES:
        pytest.skip("no compose is installed: apt install docker-compose")
    return str(request.param).split()


@pytest.fixture(scope="module")
def composed(
    engine: Engine, options: DockerOptions, compose: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """The cluster of the file, with nodes and sidecar of the test image."""
    name = f"wiretest{os.getpid()}"
    captures = tmp_path_factory.mktemp("captures")
    *_, subnet = list(_free(engine))[:-1]
    environment = {
        **os.environ,
        "WIRE_IMAGE": options.image,
        "WIRE_VERSION": "latest",
        "WIRE_SIDECAR_IMAGE": options.sidecar_image,
        "WIRE_PREFIX": str(subnet.network_address).rpartition(".")[0],
        "WIRE_BRIDGE": f"wire{os.getpid()}",
        "WIRE_CLUSTER": name,
        # Should these tests be killed, the next start of a cluster removes it.
        "WIRE_OWNER": owner(),
        "WIRE_CAPTURES": str(captures),
    }
    command = [*compose, "-f", str(PROJECT / "docker-compose.yml"), "-p", name]
    try:
        subprocess.run([*command, "up", "-d"], env=environment, check=True, capture_output=True)
        yield Composed(name=name, captures=captures)
    finally:
        subprocess.run([*command, "down", "-v", "-t", "1"], env=environment, check=True, capture_output=True)


def test_file_is_valid(each_compose: list[str]) -> None:
    file = str(PROJECT / "docker-compose.yml")
    answer = subprocess.run(
        [*each_compose, "-f", file, "config", "-q"], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr


def test_scenarios_pass_on_the_composed_cluster(
    composed: Composed, options: DockerOptions, tmp_path: Path
) -> None:
    run = run_scenarios("scenarios", options, tmp_path, f"--attach={composed.name}", "-rs")
    assert_passed(run, 35)
    for line in run.stdout.splitlines():
        if line.startswith("SKIPPED"):
            assert "which the image is of" in line or "the cluster that is attached to has " in line


def test_cluster_of_the_file_is_nobodys_unless_it_is_said(compose: list[str]) -> None:
    file = str(PROJECT / "docker-compose.yml")
    text = subprocess.run([*compose, "-f", file, "config"], capture_output=True, text=True, check=True).stdout
    owners = re.findall(rf"{OWNER}: *(.*)", text)
    assert len(owners) == 5
    assert set(owners) <= {"''", '""'}
    assert not is_left_over({OWNER: ""})


def test_sidecar_of_the_file_records(composed: Composed) -> None:
    def packets() -> int:
        count = 0
        for path in composed.captures.glob("capture*.pcapng"):
            count += sum(isinstance(event, Packet) for event in CaptureDecoder().feed(path.read_bytes()))
        return count

    assert wait_until(lambda: packets() > 100, timeout_s=30)


def test_versions_of_the_file_are_those_that_are_pinned() -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    nodes = re.findall(r"image: \$\{WIRE_IMAGE:-(.*?)\}:\$\{WIRE_VERSION:-(.*?)\}", text)
    assert [":".join(found) for found in nodes] == [IMAGE]
    assert re.findall(r"\$\{WIRE_SIDECAR_IMAGE:-(.*?)\}", text) == [SIDECAR_IMAGE]
