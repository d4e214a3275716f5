from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from harness.backends.docker import labels
from harness.backends.docker.container_stream import ContainerStream
from harness.backends.docker.engine import Engine
from harness.backends.docker.links import ContainerLinks
from harness.backends.docker.machine import DockerMachine
from harness.backends.docker.way_in import Steered, WayIn
from harness.backends.live.node import LiveNode
from harness.backends.network.link_shape import LinkShape
from harness.errors import BackendError
from tests.backends.docker.conftest import Started

pytestmark = pytest.mark.docker

RECEIVE = """\
import socket, sys
with socket.create_server((sys.argv[1], 7777)) as server:
    near, _ = server.accept()
    while near.recv(65536):
        pass
"""
SEND = """\
import socket, sys, time
given_up_s = time.monotonic() + float(sys.argv[3])
while True:
    try:
        far = socket.create_connection((sys.argv[1], 7777), timeout=float(sys.argv[3]))
        break
    except ConnectionRefusedError:
        # The other side does not listen yet.
        assert time.monotonic() < given_up_s
with far:
    started_s = time.monotonic()
    far.sendall(bytes(int(sys.argv[2])))
    far.shutdown(socket.SHUT_WR)
    far.recv(1)
    print(time.monotonic() - started_s)
"""
BYTES = 300_000
LIMIT = 2000
"""Kbit/s: the bytes above take 1.2 s."""
LIMITED_S = 0.9


def container_of(node: LiveNode) -> str:
    assert isinstance(node.machine, DockerMachine)
    return node.machine.container


def transfer_s(engine: Engine, sender: LiveNode, receiver: LiveNode, *, given_up_s: float = 30) -> float:
    """How long it takes to send some bytes from one container to another."""
    listening = ["python3", "-c", RECEIVE, receiver.address]
    engine.api.exec_start(engine.api.exec_create(container_of(receiver), listening)["Id"], detach=True)
    command = ["python3", "-c", SEND, receiver.address, str(BYTES), str(given_up_s)]
    told = engine.api.exec_start(engine.api.exec_create(container_of(sender), command)["Id"])
    return float(told)


@pytest.fixture
def pair(started: Started) -> Iterator[tuple[LiveNode, LiveNode]]:
    """Two nodes whose links tests may shape."""
    first, second = started.cluster.node("n1"), started.cluster.node("n2")
    yield first, second
    for node in (first, second):
        node.shape_links()


@pytest.mark.parametrize("is_root_here", [True, False], ids=["from here", "from a container"])
def test_bandwidth_is_limited_one_way_and_to_whom_it_is_wanted(
    engine: Engine, pair: tuple[LiveNode, LiveNode], monkeypatch: pytest.MonkeyPatch, is_root_here: bool
) -> None:
    if not is_root_here:
        monkeypatch.setattr(WayIn, "_from_here", lambda *_: None)
    first, second = pair
    assert transfer_s(engine, first, second) < LIMITED_S
    first.shape_links([second], bandwidth_kbit_per_s=LIMIT)
    assert transfer_s(engine, first, second) >= LIMITED_S
    assert transfer_s(engine, second, first) < LIMITED_S
    first.shape_links([second], bandwidth_kbit_per_s=LIMIT * 100)
    assert transfer_s(engine, first, second) < LIMITED_S
    first.shape_links(bandwidth_kbit_per_s=LIMIT)
    assert transfer_s(engine, first, second) >= LIMITED_S
    first.shape_links()
    assert transfer_s(engine, first, second) < LIMITED_S


def test_a_node_that_starts_again_has_its_limits_again(
    engine: Engine, pair: tuple[LiveNode, LiveNode]
) -> None:
    first, second = pair
    second.shape_links([first], bandwidth_kbit_per_s=LIMIT)
    second.kill()
    # Of a node that has no network now.
    second.shape_links([first], bandwidth_kbit_per_s=LIMIT + 1)
    second.start()
    assert transfer_s(engine, second, first) >= LIMITED_S


def test_packets_are_held_back_and_lost_with_netem_or_without(
    engine: Engine, pair: tuple[LiveNode, LiveNode]
) -> None:
    first, second = pair
    first.shape_links([second], delay_ms=600)
    # The connection's first packet, and the last.
    assert transfer_s(engine, first, second) >= 0.6
    first.shape_links([second], delay_ms=50, bandwidth_kbit_per_s=LIMIT)
    assert transfer_s(engine, first, second) >= LIMITED_S
    first.shape_links([second], bandwidth_kbit_per_s=LIMIT)
    assert transfer_s(engine, first, second) >= LIMITED_S
    first.shape_links([second], loss_percent=100)
    second.shape_links(delay_ms=1)
    with pytest.raises(ValueError, match="could not convert"):
        transfer_s(engine, first, second, given_up_s=2)
    first.shape_links()
    second.shape_links()
    assert transfer_s(engine, first, second) < LIMITED_S


def test_a_node_that_starts_again_has_its_delays_again(
    engine: Engine, started: Started, pair: tuple[LiveNode, LiveNode]
) -> None:
    first, second = pair
    second.shape_links([first], delay_ms=1000)
    second.kill()
    second.start()
    assert transfer_s(engine, second, first) >= 1
    second.shape_links()
    assert transfer_s(engine, second, first) < 1
    named = {"label": f"{labels.CLUSTER}={started.site.name}"}
    commands = [item["Command"] for item in engine.api.containers(all=True, filters=named)]
    assert not any("late" in command for command in commands)


class FakeWayIn(WayIn):
    """To one node, whose tc refuses with some words."""

    def __init__(self, said: str) -> None:
        self._said = said

    def is_open(self, node: Steered) -> bool:  # noqa: ARG002
        return True

    def run(self, node: Steered, commands: Sequence[Sequence[str]]) -> tuple[int, str]:
        if commands[0][0] == "ip":
            return 0, f"9: eth1    inet {node.address}/24 brd 10.20.0.255 scope global eth1"
        return 2, self._said

    def start(self, node: Steered, command: Sequence[str], **_: object) -> ContainerStream:  # noqa: ARG002
        raise BackendError(f"what delays packets cannot be started: {NO_TUN}")


NO_TUN = (
    'error gathering device information while adding custom device "/dev/net/tun": no such file or directory'
)


@dataclass(frozen=True)
class FakeNode:
    name: str
    address: str
    container: str = ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "Error: Specified qdisc kind is unknown.",
            "lacks HTB queues or u32 filters; load them there with: sudo modprobe -a sch_htb cls_u32",
        ),
        ("sh: tc: not found", "the links of n1 cannot be shaped: sh: tc: not found"),
    ],
)
def test_what_is_missing_for_a_limit_is_told(said: str, why: str) -> None:
    links = ContainerLinks(FakeWayIn(said))
    for node in (FakeNode("n1", "10.20.0.11"), FakeNode("n2", "10.20.0.12")):
        links.add(node)
    with pytest.raises(BackendError, match=why):
        links.shape("n1", ["n2"], LinkShape(bandwidth_kbit_per_s=LIMIT))
    with pytest.raises(BackendError, match="n1 has no link to n9: there is no such other node"):
        links.shape("n1", ["n9"], LinkShape())


def test_what_is_missing_for_a_delay_is_told() -> None:
    links = ContainerLinks(FakeWayIn("Error: Specified qdisc kind is unknown."))
    for node in (FakeNode("n1", "10.20.0.11"), FakeNode("n2", "10.20.0.12")):
        links.add(node)
    with pytest.raises(
        BackendError, match="has no netem; load it there with: sudo modprobe sch_netem"
    ) as caught:
        links.shape("n1", ["n2"], LinkShape(delay_ms=5))
    assert NO_TUN in str(caught.value)
