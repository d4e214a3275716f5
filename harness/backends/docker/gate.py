"""A socket of this machine whose connections go on to an engine elsewhere, through TLS or ssh.

So whoever talks to the engine has plain sockets, which two threads may use at once, one to read and one to write; those
of TLS may not be used so. And the SDK's own way through ssh gives no sockets at all.
"""

import atexit
import contextlib
import socket
from pathlib import Path
from threading import Thread
from typing import Protocol

from harness.backends.docker.temporary_folder import remove_folder

_PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
_ANSWER = b"HTTP/1."
_CHUNK_BYTES = 1 << 12


class Carrier(Protocol):
    """A way to an engine."""

    def carry(self, connection: socket.socket) -> None:
        """Take a connection over, make one to the engine, and pass bytes on until one of them ends; returns at once."""

    def why_not(self) -> str:
        """Why connections have ended without a byte, as far as is known; else empty."""

    def close(self) -> None:
        """End all connections."""


class Gate:
    """Listens until it is closed, or this process ends.

    Args:
        folder: for the socket, in which nothing else is; removed with it.
        carrier: closed with it.
    """

    def __init__(self, folder: Path, carrier: Carrier) -> None:
        self._folder = folder
        self._carrier = carrier
        self._is_closed = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(socket.SOMAXCONN)
        self._server = Thread(target=self._serve, daemon=True, name="harness-gate")
        self._server.start()
        atexit.register(self.close)

    @property
    def url(self) -> str:
        """Where to connect to."""
        return f"unix://{self._path}"

    def knock(self, *, timeout_s: float) -> None:
        """Find out whether an engine answers.

        Raises:
            OSError: none does, or not in time.
        """
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(timeout_s)
            knocking.connect(str(self._path))
            answer = b""
            try:
                knocking.sendall(_PING)
                while part := knocking.recv(_CHUNK_BYTES):
                    answer += part
            except TimeoutError as error:
                raise TimeoutError(f"no answer within {timeout_s:g} s") from error
            except ConnectionError:
                answer = b""
        if not answer.startswith(_ANSWER):
            raise ConnectionError(self._carrier.why_not() or "what answers there is no engine")

    def why_not(self) -> str:
        """Why connections end, as far as is known; else empty."""
        return self._carrier.why_not()

    def close(self) -> None:
        """End it, and all connections through it."""
        if self._is_closed:
            return
        self._is_closed = True
        atexit.unregister(self.close)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._server.join()
        self._listener.close()
        self._carrier.close()
        remove_folder(self._folder)

    @property
    def _path(self) -> Path:
        # Short, for the whole path has to fit into some hundred bytes.
        return self._folder / "s"

    def _serve(self) -> None:
        # Closed, should it fail: who connects is refused then, and waits for nobody.
        with self._listener, contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._carrier.carry(connection)
