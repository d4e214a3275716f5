import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.network.network import Network
from harness.backends.network.route_socket import Request, link_header

pytestmark = pytest.mark.namespaces

FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(46)


@pytest.fixture
def own_network(state_folder: Path) -> Iterator[Network]:
    with Network.create(state_folder=state_folder) as network:
        yield network


def set_up(network: Network, *, is_up: bool) -> None:
    hub = network._hub
    header = link_header(hub.index_of(network.name) or 0, flags=int(is_up), changed_flags=1)
    hub._routes.change(Request.NEW_LINK, header)


def test_frames_go_out_of_the_bridge_as_often_as_it_is_up(own_network: Network) -> None:
    tap = own_network.tap
    tap.send(FRAME)
    tap.send(FRAME)
    set_up(own_network, is_up=False)
    with pytest.raises(OSError, match="Network is down"):
        tap.send(FRAME)
    set_up(own_network, is_up=True)
    tap.send(FRAME)
    set_up(own_network, is_up=False)
    set_up(own_network, is_up=True)
    tap.send(FRAME)


def test_one_socket_is_enough_and_is_closed_with_the_network(own_network: Network) -> None:
    own_network.tap.send(FRAME)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (a path is a descriptor more)
    own_network.tap.send(FRAME)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    own_network.tap.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1  # noqa: PTH208
    own_network.tap.close()
