from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from harness.backends.docker import labels
from harness.backends.docker.attendants import Attendants
from harness.backends.docker.engine import Engine
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

    def make(bridge: str, capture_by: CaptureBy = CaptureBy.AUTO) -> Attendants:
        made.append(
            Attendants(
                engine,
                replace(started.site.network, bridge=bridge),
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


def test_bridge_that_this_machine_does_not_see_is_told(attendants: Callable[..., Attendants]) -> None:
    with pytest.raises(BackendError, match="this machine does not see the bridge br-elsewhere") as caught:
        _ = attendants("br-elsewhere", CaptureBy.BRIDGE).tap
    assert "--capture-by=sidecar" in str(caught.value)


def test_bridge_that_no_sidecar_sees_either_is_recorded_at_the_nodes(
    attendants: Callable[..., Attendants],
) -> None:
    assert isinstance(attendants("br-elsewhere").tap, NodeTaps)


def test_machine_without_dumpcap_lets_a_sidecar_record(
    attendants: Callable[..., Attendants], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert isinstance(attendants(started.site.network.bridge).tap, SidecarTap)
