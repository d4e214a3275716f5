"""An engine, and an image whose nodes are simulated ones."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.docker.engine import Engine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.site import DockerSite
from harness.backends.live.cluster import LiveCluster
from tests.backends.docker import image as test_image
from tests.backends.docker.elsewhere import Elsewhere, machine_elsewhere
from tests.backends.docker.engines import engine_for_tests


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker engine; skips where there is none."""
    with engine_for_tests() as connected:
        yield connected


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The image of nodes, which is that of sidecars too."""
    if shutil.which("debootstrap") is None and not test_image.has_base():
        pytest.skip("no image can be made: debootstrap is missing (apt install debootstrap)")
    try:
        return test_image.build()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no image can be made: {error.cmd[0]} ends with exit code {error.returncode}")


@pytest.fixture(scope="session")
def options(image: str) -> DockerOptions:
    """Containers of the test image."""
    return DockerOptions(image=image, sidecar_image=image)


@pytest.fixture(scope="session")
def elsewhere(engine: Engine, image: str) -> Iterator[Elsewhere]:
    """A machine that has an engine of its own, with the image of nodes."""
    with machine_elsewhere() as machine:
        machine.start_engine()
        with machine.engine() as far:
            far.api.load_image(engine.api.get_image(image))
        yield machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A cluster that runs, and where."""

    site: DockerSite
    cluster: LiveCluster


@pytest.fixture(scope="session")
def started(options: DockerOptions) -> Iterator[Started]:
    """Two nodes, for all tests that leave them as they were."""
    site = DockerSite.create(Needs(nodes=2), options)
    cluster = LiveCluster.start(site)
    yield Started(site=site, cluster=cluster)
    cluster.close()


@pytest.fixture
def harness_folder() -> Path:
    """Where the project stands."""
    return test_image.PROJECT
