import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.network.network import Network

pytestmark = pytest.mark.namespaces

FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(46)


@pytest.fixture
def own_network(state_folder: Path) -> Iterator[Network]:
    with Network.create(state_folder=state_folder) as network:
        yield network


def set_state(network: Network, state: str) -> None:
    hub = network._hub
    index = hub.index_of(network.name)
    hub._run(lambda: hub._routes.link("set", index=index, state=state))


def test_frames_go_out_of_the_bridge_as_often_as_it_is_up(own_network: Network) -> None:
    tap = own_network.tap
    tap.send(FRAME)
    tap.send(FRAME)
    set_state(own_network, "down")
    with pytest.raises(OSError, match="Network is down"):
        tap.send(FRAME)
    set_state(own_network, "up")
    tap.send(FRAME)
    set_state(own_network, "down")
    set_state(own_network, "up")
    tap.send(FRAME)


def test_one_socket_is_enough_and_is_closed_with_the_network(own_network: Network) -> None:
    own_network.tap.send(FRAME)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (a path is a descriptor more)
    own_network.tap.send(FRAME)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    own_network.tap.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1  # noqa: PTH208
    own_network.tap.close()
