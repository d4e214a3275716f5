"""Clusters that replay captures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.replay.cluster import ReplayCluster
from harness.dissect.reading import read_trace
from tests.written.written_capture import demo_trace

Replay = Callable[..., ReplayCluster]


@pytest.fixture
def demo(tmp_path: Path) -> ReplayCluster:
    """The demo: the same row inserted twice with IF NOT EXISTS."""
    return ReplayCluster(demo_trace(tmp_path), "demo.pcapng", Needs(nodes=3))


@pytest.fixture(params=["scylla-4.2", "scylla-2025.1"])
def replay(reference: Path, request: pytest.FixtureRequest) -> Replay:
    """Replays a capture of a real cluster, named without its line; of both lines."""

    def replayed(name: str, needs: Needs | None = None) -> ReplayCluster:
        return ReplayCluster(read_trace(reference / request.param / f"{name}.pcapng"), name, needs)

    return replayed
