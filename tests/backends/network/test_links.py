import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness.backends.network.link_shape import LinkShape
from harness.backends.network.network import Network
from harness.errors import BackendError
from tests.backends.network.networks import connection, listening, receive, transfer, without_netem

pytestmark = pytest.mark.namespaces


@pytest.fixture(params=["netem", "delay line"])
def delaying(
    request: pytest.FixtureRequest, network: Network, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Network]:
    """The network, once with each means of delaying."""
    if request.param == "delay line":
        without_netem(monkeypatch)
    network.links.shape("n1", "n3", LinkShape(delay_ms=1))
    has_netem = not network.links._delay_lines
    network.links.shape("n1", "n3", LinkShape())
    if request.param == "netem" and not has_netem:
        pytest.skip("this kernel has no netem (CONFIG_NET_SCH_NETEM)")
    yield network
    for sender in ("n1", "n2", "n3"):
        for receiver in ("n1", "n2", "n3"):
            if sender != receiver:
                network.links.shape(sender, receiver, LinkShape())


def gets_through(network: Network, sender: str, receiver: str) -> bool:
    try:
        with network.node(sender).socket() as near, listening(network, receiver, 7001):
            near.settimeout(0.15)
            near.connect((network.node(receiver).address, 7001))
            return True
    except TimeoutError:
        return False


def test_isolated_nodes_do_not_reach_each_other_and_others_do(network: Network) -> None:
    network.links.isolate("n1", ["n2"])
    assert not gets_through(network, "n1", "n2")
    assert not gets_through(network, "n2", "n1")
    assert gets_through(network, "n1", "n3")
    assert gets_through(network, "n3", "n2")
    assert network.links.is_cut("n1", "n2")
    network.links.heal("n1")
    assert not network.links.is_cut("n1", "n2")
    assert gets_through(network, "n1", "n2")
    assert gets_through(network, "n2", "n1")


def test_connections_outlive_isolation_and_what_was_sent_meanwhile_arrives(network: Network) -> None:
    with connection(network, "n2", "n1") as (near, far):
        near.sendall(b"before")
        assert receive(far, 6) == b"before"
        network.links.isolate("n1")
        near.sendall(b"meanwhile")
        far.settimeout(0.3)
        with pytest.raises(TimeoutError):
            far.recv(1)
        network.links.heal("n1")
        far.settimeout(10)
        assert receive(far, 9) == b"meanwhile"


def test_the_client_reaches_an_isolated_node(network: Network) -> None:
    network.links.isolate("n1")
    with listening(network, "n1", 9042) as listener, network.client.socket() as near:
        near.settimeout(5)
        near.connect((network.node("n1").address, 9042))
        near.sendall(b"client")
        with listener.accept()[0] as far:
            far.settimeout(5)
            assert receive(far, 6) == b"client"
    network.links.heal("n1")


def test_a_node_that_wants_to_be_alone_is_cut_off_from_newcomers(
    state_folder: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Network.create(2, state_folder=tmp_path_factory.mktemp("newcomers")) as network:
        network.links.isolate("n1")
        network.add_node("n3")
        assert network.links.is_cut("n3", "n1")
        assert not gets_through(network, "n3", "n1")
        assert gets_through(network, "n3", "n2")
        network.links.heal("n1")
        assert gets_through(network, "n3", "n1")


def test_what_two_nodes_have_cut_takes_both_to_heal(network: Network) -> None:
    network.links.isolate("n1", ["n2"])
    network.links.isolate("n2")
    network.links.heal("n1")
    assert network.links.is_cut("n1", "n2")
    network.links.heal("n2")
    assert not network.links.is_cut("n1", "n2")
    assert gets_through(network, "n2", "n1")
    network.links.heal("n2")


def test_nodes_that_do_not_exist_are_named_and_nothing_is_cut(network: Network) -> None:
    with pytest.raises(BackendError, match="no node n9 here; there are n1, n2, n3"):
        network.links.isolate("n1", ["n2", "n9"])
    assert not network.links.is_cut("n1", "n2")
    with pytest.raises(BackendError, match="n9"):
        network.links.heal("n9")
    with pytest.raises(BackendError, match="from itself"):
        network.links.isolate("n1", ["n1"])
    network.links.heal("n1")


def one_way_s(near: socket.socket, far: socket.socket) -> float:
    started_s = time.monotonic()
    near.sendall(b"x")
    receive(far, 1)
    return time.monotonic() - started_s


def test_a_delay_is_of_one_direction(delaying: Network) -> None:
    with connection(delaying, "n2", "n1") as (near, far):
        delaying.links.shape("n2", "n1", LinkShape(delay_ms=250))
        assert one_way_s(near, far) >= 0.25
        assert one_way_s(far, near) < 0.25
        delaying.links.shape("n2", "n1", LinkShape(delay_ms=20))
        assert 0.02 <= one_way_s(near, far) < 0.25
        delaying.links.shape("n2", "n1", LinkShape())
        # The best of some: this machine may have other things to do.
        assert min(one_way_s(near, far) for _ in range(10)) < 0.02


def test_a_delayed_link_can_be_cut_and_is_delayed_afterwards(delaying: Network) -> None:
    with connection(delaying, "n2", "n1") as (near, far):
        delaying.links.shape("n2", "n1", LinkShape(delay_ms=30))
        delaying.links.isolate("n2", ["n1"])
        near.sendall(b"x")
        far.settimeout(0.2)
        with pytest.raises(TimeoutError):
            far.recv(1)
        delaying.links.heal("n2")
        far.settimeout(10)
        assert receive(far, 1) == b"x"
        assert one_way_s(near, far) >= 0.03


def test_packets_are_lost_at_the_rate_asked_for(delaying: Network) -> None:
    delaying.links.shape("n2", "n1", LinkShape(loss_percent=50))
    with (
        delaying.node("n1").socket(kind=socket.SOCK_DGRAM) as far,
        delaying.node("n2").socket(kind=socket.SOCK_DGRAM) as near,
    ):
        far.bind((delaying.node("n1").address, 7000))
        far.settimeout(0.3)
        for _ in range(300):
            near.sendto(b"x", (delaying.node("n1").address, 7000))
        count = 0
        with suppress(TimeoutError):
            while far.recv(10):
                count += 1
    assert 90 < count < 210


@pytest.mark.parametrize("delay_ms", [0, 5])
def test_bandwidth_is_limited(delaying: Network, delay_ms: float) -> None:
    delaying.links.shape("n2", "n1", LinkShape(bandwidth_kbit_per_s=8000, delay_ms=delay_ms))
    with connection(delaying, "n2", "n1") as (near, far):
        started_s = time.monotonic()
        transfer(near, far, bytes(200_000))
        # A megabyte a second, and what may go out at once in the beginning.
        assert 0.1 < time.monotonic() - started_s < 3.0


def test_bulk_goes_through_a_delayed_link_whole(delaying: Network) -> None:
    delaying.links.shape("n2", "n1", LinkShape(delay_ms=2))
    data = bytes(range(256)) * 400
    with connection(delaying, "n2", "n1") as (near, far):
        assert transfer(near, far, data) == data


def test_a_shape_is_remembered(network: Network) -> None:
    shape = LinkShape(bandwidth_kbit_per_s=8000)
    network.links.shape("n1", "n2", shape)
    assert network.links.shape_of("n1", "n2") == shape
    assert network.links.shape_of("n2", "n1").is_plain
    network.links.shape("n1", "n2", LinkShape())
    assert network.links.shape_of("n1", "n2").is_plain


def test_without_netem_and_tun_the_error_says_what_to_load(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_netem(monkeypatch)
    monkeypatch.setattr("harness.backends.network.links.TUN_DEVICE", "/dev/no-such-device")
    with pytest.raises(BackendError, match="modprobe sch_netem"):
        network.links.shape("n1", "n2", LinkShape(delay_ms=1))
