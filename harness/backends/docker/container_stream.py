"""A program in a container whose standard streams are here: what it reads and writes comes through the engine.

Wire, from the engine: stream u8 (1 output, 2 errors), three zeros, length u32 big endian, payload; to it: plain bytes.

Source:
    Docker Engine API 1.41, "Attach to a container", "Stream format".
"""

import contextlib
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from threading import Lock, Thread
from typing import Any, Protocol

from harness.backends.docker.engine import Engine
from harness.errors import BackendError

HEAD = struct.Struct(">BxxxI")
"""Before each piece from the engine: which stream, and how many bytes."""
_OUTPUT, _ERRORS = 1, 2
_CHUNK_BYTES = 1 << 16


class Sink(Protocol):
    """Takes what a program writes; called by a thread of its own."""

    def write(self, data: bytes, /) -> object:
        """Take some of it.

        Raises:
            OSError: nothing more can be taken; the rest is not read.
        """

    def close(self) -> None:
        """There is no more."""


class Words:
    """A sink that keeps what it takes."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes, /) -> None:
        """Keep some more."""
        self._data += data

    def close(self) -> None:
        """Nothing is open."""

    @property
    def text(self) -> str:
        """All of it."""
        return self._data.decode(errors="replace")


class ContainerStream:
    """A container that was started with its streams attached; it ends when it is no longer read from here.

    Args:
        engine: where it runs.
        image: that it is made of.
        command: its program and arguments.
        labels: written on it.
        network_mode: such as ``host``, or ``container:ID``.
        output: takes what it writes, such as a file; closed when it has ended.
        errors: takes its standard error; closed before ``output``.
        name: in errors.
        devices: of the engine's machine, that it may use.

    Raises:
        BackendError: it cannot be started.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        image: str,
        command: Sequence[str],
        labels: Mapping[str, str],
        network_mode: str,
        output: Sink,
        errors: Sink,
        name: str,
        devices: Sequence[str] = (),
    ) -> None:
        self._engine = engine
        self._lock = Lock()
        self._exit_code: int | None = None
        self._name = name
        try:
            self._start(image, command, labels, network_mode, devices)
        except BaseException:
            errors.close()
            output.close()
            raise
        self._reader = Thread(target=self._read, args=(output, errors), name=f"harness-{name}", daemon=True)
        self._reader.start()

    def send(self, data: bytes) -> None:
        """Write to its standard input.

        Raises:
            OSError: it has ended.
        """
        with self._lock:
            self._stream.sendall(data)

    def exit_code(self) -> int | None:
        """None while it runs, or not all that it wrote has come."""
        if self._exit_code is None and not self._reader.is_alive():
            try:
                with self._engine.refusing(self._name):
                    state = self._engine.api.wait(self.container, timeout=10)
                code = int(state["StatusCode"])
            except BackendError:
                # Somebody has removed it.
                code = 137
            # As processes of this machine have it.
            self._exit_code = 128 - code if code > 128 else code
        return self._exit_code

    def close(self) -> None:
        """End it, and remove the container."""
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._engine.remove_container(self.container)
        self._reader.join(timeout=10)
        self._stream.close()
        self._attached.close()

    def _start(
        self,
        image: str,
        command: Sequence[str],
        labels: Mapping[str, str],
        network_mode: str,
        devices: Sequence[str],
    ) -> None:
        engine, what = self._engine, f"{self._name} cannot be started"
        # It may have to be pulled, which takes time that interrupts need not wait for.
        image_id = engine.image_id(image)
        with engine.changing(what):
            host = engine.host_config(
                network_mode, ["NET_ADMIN", "NET_RAW"], security_opt=["label=disable"], devices=list(devices)
            )
            self.container = str(
                engine.api.create_container(
                    image_id,
                    list(command[1:]),
                    entrypoint=command[0],
                    stdin_open=True,
                    labels=dict(labels),
                    host_config=host,
                    user="0",
                )["Id"]
            )
        try:
            with engine.changing(what):
                # Whoever is killed closes this, and thereby the program's standard input.
                self._attached = engine.api.attach_socket(
                    self.container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                )
                self._stream = raw_socket(self._attached)
                self._stream.settimeout(None)
                engine.api.start(self.container)
        except BaseException:
            engine.remove_container(self.container)
            raise

    def _read(self, output: Sink, errors: Sink) -> None:
        files = {_OUTPUT: output, _ERRORS: errors}
        with closing(output), closing(errors), contextlib.suppress(OSError):
            while head := exactly(self._stream, HEAD.size):
                kind, size = HEAD.unpack(head)
                file = files.get(kind, errors)
                while size:
                    data = self._stream.recv(min(size, _CHUNK_BYTES))
                    if not data:
                        return
                    file.write(data)
                    size -= len(data)


def exactly(stream: socket.socket, size: int) -> bytes:
    """So many bytes; fewer than that, at the end, are none."""
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


def raw_socket(stream: Any) -> socket.socket:  # noqa: ANN401  (the SDK has no types)
    """The socket below what the SDK gives, which differs by transport."""
    found: socket.socket = getattr(stream, "_sock", stream)
    return found
