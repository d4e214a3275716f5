import os
import shutil

import pytest

from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.machine import DockerMachine
from harness.backends.docker.way_in import WayIn
from harness.errors import BackendError
from tests.backends.docker.conftest import Started

pytestmark = pytest.mark.docker


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("nsenter") is None, reason="takes root, and nsenter")
def test_program_that_does_not_end_is_told(
    engine: Engine, image: str, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.backends.docker.way_in._TIMEOUT_S", 0.1)
    way_in = WayIn(engine, image=image, labels={labels.OWNER: labels.owner()})
    node = started.site.machines[0]
    assert isinstance(node, DockerMachine)
    with pytest.raises(BackendError, match=r"^sleep 30 in the network of n1 does not end within 0\.1 s$"):
        way_in.run(node, [["sleep", "30"]])
