"""HTTP with one node's REST API: just what Scylla's API needs, through sockets of any network.

Source:
    RFC 9112; Scylla, api/api-doc (JSON answers; errors are objects with ``message`` and ``code``).
"""

import json
import socket
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from harness.errors import BackendError

API_PORT = 10000
TIMEOUT_S = 10.0
_SHOWN_CHARACTERS = 300


class RestClient:
    """Asks one node; a connection for each question.

    Args:
        address: of the node.
        port: on which its API listens.
        open_socket: gives a TCP socket that reaches the node.
        name: what the node is called in errors.
    """

    def __init__(
        self, address: str, *, open_socket: Callable[[], socket.socket], port: int = API_PORT, name: str = ""
    ) -> None:
        self._address = address
        self._port = port
        self._open_socket = open_socket
        self._name = name or address

    def get(
        self, path: str, options: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> object:
        """Ask for something.

        Args:
            path: such as ``/gossiper/endpoint/live``.
            options: what stands behind the question mark.
            timeout_s: how long an answer may take.

        Returns:
            The answer's JSON as a value; None for an empty answer.

        Raises:
            BackendError: the node does not answer, or refuses.
        """
        return self._ask("GET", path, options, timeout_s)

    def post(
        self, path: str, options: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> object:
        """Ask for something to be done; as ``get``.

        Raises:
            BackendError: the node does not answer, or refuses.
        """
        return self._ask("POST", path, options, timeout_s)

    def _ask(self, method: str, path: str, options: Mapping[str, str] | None, timeout_s: float) -> object:
        target = f"{path}?{urlencode(options)}" if options else path
        what = f"{method} {target} on {self._name} ({self._address}:{self._port})"
        connection = _Connection(self._address, self._port, self._open_socket, timeout_s)
        try:
            connection.request(method, target, headers={"Accept": "application/json", "Connection": "close"})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise BackendError(f"{what} is not answered: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise BackendError(f"{what} is refused with {answer.status}: {_message_of(text)}")
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            raise BackendError(f"{what} is answered with no JSON: {text[:_SHOWN_CHARACTERS]!r}") from None


class _Connection(HTTPConnection):
    """HTTP on a socket that somebody else opens."""

    def __init__(
        self, address: str, port: int, open_socket: Callable[[], socket.socket], timeout_s: float
    ) -> None:
        super().__init__(address, port, timeout=timeout_s)
        self._open = open_socket
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = self._open()
        self.sock.settimeout(self._timeout_s)
        self.sock.connect((self.host, self.port))


def _message_of(text: str) -> str:
    """What an error says of itself."""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("message"), str):
        return str(told["message"])
    return text[:_SHOWN_CHARACTERS].strip() or "without a word"
