from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from harness.backends.docker import labels
from harness.backends.docker.attendants import Attendants
from harness.backends.docker.engine import Engine
from harness.backends.docker.network import DockerNetwork
from harness.backends.docker.node_taps import NodeTaps
from harness.backends.docker.options import CaptureBy, DockerOptions
from harness.backends.docker.sidecar import SidecarTap
from harness.errors import BackendError
from tests.backends.docker.conftest import Started

pytestmark = pytest.mark.docker
CLUSTER = "attendants-test"


@pytest.fixture
def attendants(
    engine: Engine, started: Started, options: DockerOptions
) -> Iterator[Callable[..., Attendants]]:
    """Makes those of a bridge, and of who is to record it."""
    made: list[Attendants] = []

    def make(network: DockerNetwork, capture_by: CaptureBy = CaptureBy.AUTO) -> Attendants:
        made.append(
            Attendants(
                engine,
                network,
                cluster=CLUSTER,
                image=options.sidecar_image,
                options=replace(options, capture_by=capture_by),
                nodes=lambda: (),
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()
    left = engine.api.containers(all=True, filters={"label": f"{labels.CLUSTER}={CLUSTER}"})
    assert left == []


@pytest.fixture
def elsewhere(started: Started) -> DockerNetwork:
    """A network whose bridge this machine does not have."""
    return replace(started.site.network, bridge="br-elsewhere", gateway="192.0.2.1")


def test_bridge_that_this_machine_does_not_see_is_told(
    attendants: Callable[..., Attendants], elsewhere: DockerNetwork
) -> None:
    with pytest.raises(BackendError, match="this machine does not see the bridge br-elsewhere") as caught:
        _ = attendants(elsewhere, CaptureBy.BRIDGE).tap
    assert "--capture-by=sidecar" in str(caught.value)


def test_bridge_that_no_sidecar_sees_either_is_recorded_at_the_nodes(
    attendants: Callable[..., Attendants], elsewhere: DockerNetwork
) -> None:
    assert isinstance(attendants(elsewhere).tap, NodeTaps)


def test_bridge_that_is_called_otherwise_is_known_by_its_address(
    attendants: Callable[..., Attendants], started: Started
) -> None:
    # As Podman's are.
    network = replace(started.site.network, bridge="br-elsewhere")
    assert attendants(network).tap.interface == started.site.network.bridge


def test_machine_without_dumpcap_lets_a_sidecar_record(
    attendants: Callable[..., Attendants], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert isinstance(attendants(started.site.network).tap, SidecarTap)
