"""Networks for tests, and two ends of a connection in them."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from threading import Thread

import pytest

from harness.backends.network.cleanup import alias_of
from harness.backends.network.keeper import Keeper
from harness.backends.network.lease import lease_paths
from harness.backends.network.network import Network
from harness.backends.network.port_rules import NetemMissingError, PortRules
from harness.errors import BackendError


def skip_without_namespaces(folder: Path) -> None:
    """Skip where namespaces cannot be made; folder is for a log."""
    with (folder / "lease").open("wb") as lease:
        try:
            Keeper(lease_descriptor=lease.fileno(), log=folder / "keeper.log").close()
        except BackendError as error:
            pytest.skip(str(error))


def skip_without_root(network: Network) -> None:
    """Skip where the network cannot touch the host."""
    if not network.client.is_host:
        pytest.skip("needs root: the host has no interface to this network")


def skip_without_dumpcap() -> None:
    """Skip where nothing can be recorded."""
    if shutil.which("dumpcap") is None:
        pytest.skip("needs dumpcap: apt install wireshark-common")


def listening(network: Network, node: str, port: int) -> socket.socket:
    """A socket of a node that waits for connections."""
    listener = network.node(node).socket()
    # Connections of earlier tests may still be on their way out.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.settimeout(10)
    listener.bind((network.node(node).address, port))
    listener.listen()
    return listener


@contextmanager
def connection(
    network: Network, client: str, server: str, port: int = 7000
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection between two nodes: the client's end and the server's."""
    with listening(network, server, port) as listener, network.node(client).socket() as near:
        near.settimeout(10)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        with far:
            far.settimeout(10)
            yield near, far


def receive(end: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        part = end.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def transfer(near: socket.socket, far: socket.socket, data: bytes) -> bytes:
    """Send data from one end while the other one reads; return what it has read."""
    # Buffers of the kernel may be smaller than the data, so one side alone would wait for ever.
    sender = Thread(target=near.sendall, args=(data,))
    sender.start()
    try:
        return receive(far, len(data))
    finally:
        sender.join()


def own_subnet(prefix: int) -> IPv4Network:
    """A subnet of up to 512 addresses that other runs of these tests, at the same time, hardly take."""
    return IPv4Network((int(IPv4Address("198.19.128.0")) + os.getpid() % 60 * 512, prefix))


def written_on_interfaces(state_folder: Path) -> set[str]:
    """What the networks of these leases write on their interfaces."""
    return {alias_of(path.stat()) for path in lease_paths(state_folder)}


def interfaces_with(written: set[str]) -> list[str]:
    """The interfaces of this machine that have one of these aliases; names may mean other tests' by now."""
    found = []
    for path in Path("/sys/class/net").glob("*/ifalias"):
        with suppress(OSError):
            if path.read_text().strip() in written:
                found.append(path.parent.name)
    return found


RUN_VARIABLE = "HARNESS_TEST_RUN"
"""Of the environment of a run whose processes are to be found: a folder of its own."""


def processes_of(folder: Path) -> set[int]:
    """The processes that a run has started, however they hide: they all have its environment."""
    mark = f"{RUN_VARIABLE}={folder}".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0"):
                found.add(int(path.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def without_netem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this kernel be one without netem."""

    def refuse(self: PortRules, index: int, sender: int, shape: object) -> None:
        raise NetemMissingError

    monkeypatch.setattr(PortRules, "_add_netem", refuse)
