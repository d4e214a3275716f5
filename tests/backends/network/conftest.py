from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.network.keeper import Keeper
from harness.backends.network.network import Network
from tests.backends.network.networks import skip_without_namespaces


@pytest.fixture(scope="session")
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where namespaces cannot be made."""
    skip_without_namespaces(tmp_path_factory.mktemp("namespaces"))


@pytest.fixture
def keeper(namespaces: None, tmp_path: Path) -> Iterator[Keeper]:
    with (tmp_path / "lease").open("wb") as lease:
        keeper = Keeper(lease_descriptor=lease.fileno(), log=tmp_path / "keeper.log")
        yield keeper
        keeper.close()


@pytest.fixture
def state_folder(namespaces: None, tmp_path: Path) -> Path:
    """Where the networks of one test tell each other what they use."""
    return tmp_path / "state"


@pytest.fixture(scope="module")
def network(namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three nodes; all tests of a module share them, and leave the links as they were."""
    with Network.create(3, state_folder=tmp_path_factory.mktemp("state")) as network:
        yield network
