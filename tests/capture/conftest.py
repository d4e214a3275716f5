from collections.abc import Iterator

import pytest

from harness.backends.network.network import Network
from tests.backends.network.networks import skip_without_dumpcap, skip_without_namespaces


@pytest.fixture(scope="session")
def recordable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where nothing can be recorded."""
    skip_without_dumpcap()
    skip_without_namespaces(tmp_path_factory.mktemp("namespaces"))


@pytest.fixture(scope="module")
def network(recordable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Two nodes that all tests of a module share."""
    with Network.create(2, state_folder=tmp_path_factory.mktemp("state")) as network:
        yield network


@pytest.fixture
def own_network(recordable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Two nodes for one test, which may break them."""
    with Network.create(2, state_folder=tmp_path_factory.mktemp("state")) as network:
        yield network
