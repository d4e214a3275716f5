import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import pytest

from harness.backends.network.interfaces import Interfaces
from harness.backends.network.keeper import Keeper
from harness.errors import BackendError

pytestmark = pytest.mark.namespaces


@pytest.fixture
def interfaces(keeper: Keeper) -> Iterator[Interfaces]:
    with Interfaces(keeper.open_socket(keeper.hub, socket.AF_NETLINK, socket.SOCK_DGRAM)) as interfaces:
        yield interfaces


def test_a_bridge_comes_up_and_goes(interfaces: Interfaces) -> None:
    index = interfaces.add_bridge("br")
    assert interfaces.index_of("br") == index
    assert interfaces.is_up("br")
    assert interfaces.remove("br")
    assert not interfaces.remove("br")
    assert interfaces.index_of("br") is None
    assert not interfaces.is_up("br")


def test_a_name_is_taken_once(interfaces: Interfaces) -> None:
    interfaces.add_bridge("br")
    with pytest.raises(FileExistsError, match="cannot make a bridge br"):
        interfaces.add_bridge("br")


def test_an_interface_that_has_vanished_is_named(interfaces: Interfaces) -> None:
    with pytest.raises(BackendError, match="an address of eth0: the interface has vanished"):
        interfaces.configure("eth0", address=IPv4Address("10.0.0.1"), prefix=24)


def test_aliases_tell_interfaces_apart(interfaces: Interfaces) -> None:
    interfaces.add_bridge("br")
    assert interfaces.alias_of("br") is None
    interfaces.set_alias("br", "ours")
    assert interfaces.alias_of("br") == "ours"
    assert interfaces.alias_of("nobody") is None


def test_addresses_make_networks_busy(keeper: Keeper, interfaces: Interfaces) -> None:
    namespace, descriptor = keeper.add_namespace()
    interfaces.add_veth("port", peer="eth0", peer_namespace=descriptor, peer_mac="02:00:0a:00:07:01")
    os.close(descriptor)
    with Interfaces(keeper.open_socket(namespace, socket.AF_NETLINK, socket.SOCK_DGRAM)) as theirs:
        assert theirs.busy_networks() == ()
        theirs.configure("eth0", address=IPv4Address("10.0.7.1"), prefix=24)
        assert IPv4Network("10.0.7.0/24") in theirs.busy_networks()


def test_they_may_be_used_from_any_thread_and_from_within_an_event_loop(interfaces: Interfaces) -> None:
    thread = threading.Thread(target=interfaces.add_bridge, args=("br",))
    thread.start()
    thread.join()

    async def remove() -> bool:
        return interfaces.remove("br")

    assert asyncio.run(remove())
