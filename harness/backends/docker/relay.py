"""Connections to nodes that this machine cannot reach by itself: through a container that can, and the engine.

A program in that container makes each connection, says from where (``address port`` in a line) when it is sent a
byte, and passes bytes on.
Engines in virtual machines and elsewhere so need no published ports, and clients have an address among the nodes.
"""

import contextlib
import socket
from threading import Thread
from typing import Any

from cassandra.cluster import DefaultConnection
from cassandra.connection import Connection

from harness.backends.docker.container_stream import HEAD, exactly, raw_socket
from harness.backends.docker.engine import Engine
from harness.errors import BackendError

PROGRAM = """
import os, socket, sys, threading
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as node:
    node.settimeout(None)
    node.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    os.read(0, 1)
    os.write(1, ("%s %d\\n" % node.getsockname()[:2]).encode())
    def send():
        while data := os.read(0, 65536):
            node.sendall(data)
        node.shutdown(socket.SHUT_WR)
    threading.Thread(target=send, daemon=True).start()
    while data := node.recv(65536):
        while data:
            data = data[os.write(1, data):]
os._exit(0)
"""
_OUTPUT = 1
_SPEAK = b"\n"
_CHUNK_BYTES = 1 << 16
_LINE_BYTES_MAX = 64


class Relay:
    """Makes sockets that reach the nodes.

    Args:
        engine: where the container is.
        container: its id; has Python, and is joined to the nodes' network.
    """

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self.container = container

    def socket(self, *_: int) -> socket.socket:
        """A socket that takes what ``socket.socket`` takes, and is used like it."""
        return RelaySocket(self._engine, self.container)

    @property
    def connection_class(self) -> type[Connection]:
        """What to give ``cassandra.cluster.Cluster`` as its ``connection_class``."""
        drivers_own: type[Connection] = DefaultConnection
        return type("RelayConnection", (drivers_own,), {"_socket_impl": self})


class RelaySocket(socket.socket):
    """One end of a connection whose other end is a node's; made unconnected."""

    def __init__(self, engine: Engine, container: str) -> None:
        near, far = socket.socketpair()
        super().__init__(fileno=near.detach())
        self._engine = engine
        self._container = container
        self._far = far
        self._names: tuple[tuple[str, int], tuple[str, int]] = (("", 0), ("", 0))

    def connect(self, address: Any, /) -> None:  # noqa: ANN401  (as the base class has it)
        """Connect to a node.

        Raises:
            OSError: it does not accept, or the relay is gone.
        """
        host, port = address[:2]
        api = self._engine.api
        try:
            with self._engine.refusing(f"{host}:{port} cannot be reached through the relay"):
                execution = api.exec_create(
                    self._container, ["python3", "-c", PROGRAM, str(host), str(port)], stdin=True
                )["Id"]
                attached = api.exec_start(execution, socket=True)
        except BackendError as error:
            self._far.close()
            raise ConnectionError(str(error)) from error
        stream = raw_socket(attached)
        stream.settimeout(None)
        own, rest = None, b""
        # An engine may hang up in between, before it has read all, or said all.
        with contextlib.suppress(OSError):
            # It speaks when it is told to: what comes together with the engine's own answer would be lost in the SDK.
            stream.sendall(_SPEAK)
        with contextlib.suppress(OSError):
            own, rest = _first_line(stream)
        if not own:
            self._far.close()
            stream.close()
            attached.close()
            raise ConnectionRefusedError(f"{host}:{port} accepts no connection")
        self._names = own, (str(host), int(port))
        if rest:
            self._far.sendall(rest)
        Thread(target=_pass_out, args=(self._far, stream), daemon=True, name="harness-relay-out").start()
        Thread(
            target=_pass_in, args=(stream, self._far, attached), daemon=True, name="harness-relay-in"
        ).start()

    def getsockname(self) -> tuple[str, int]:
        """Where the connection begins, as the node and a capture see it."""
        return self._names[0]

    def getpeername(self) -> tuple[str, int]:
        """The node's end."""
        return self._names[1]

    def setsockopt(self, *_: Any) -> None:  # noqa: ANN401  (as the base class has it)
        """Options of TCP are the relay's own affair."""

    def close(self) -> None:
        """Close the connection."""
        if not self._names[1][1]:
            self._far.close()
        super().close()


def _first_line(stream: socket.socket) -> tuple[tuple[str, int] | None, bytes]:
    """Where the relay's connection begins, and what came behind that; None: there is no connection."""
    said = b""
    while b"\n" not in said and len(said) < _LINE_BYTES_MAX:
        head = exactly(stream, HEAD.size)
        if not head:
            return None, b""
        kind, size = HEAD.unpack(head)
        data = exactly(stream, size)
        if kind != _OUTPUT:
            return None, b""
        said += data
    line, _, rest = said.partition(b"\n")
    host, _, port = line.decode().partition(" ")
    return (host, int(port)), rest


def _pass_out(source: socket.socket, stream: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            stream.sendall(data)
    with contextlib.suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


def _pass_in(stream: socket.socket, target: socket.socket, attached: Any) -> None:  # noqa: ANN401  (the SDK's)
    with contextlib.suppress(OSError):
        while head := exactly(stream, HEAD.size):
            kind, size = HEAD.unpack(head)
            data = exactly(stream, size)
            if kind == _OUTPUT:
                target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
    target.close()
    stream.close()
    attached.close()
