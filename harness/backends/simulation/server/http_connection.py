"""HTTP of one client of the REST API: a request at a time is answered, then the next.

Source:
    RFC 9112; Seastar src/http/httpd.cc (errors as JSON objects with ``message`` and ``code``).
"""

import json
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from harness.backends.simulation.world import Connection, World

BODY_BYTES_MAX = 1 << 20


class HttpError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        text: says why.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What a client asks."""

    method: str
    path: tuple[str, ...]
    """The parts between slashes, decoded."""
    options: dict[str, str]
    """What stands behind the question mark."""


Answer = Callable[[HttpRequest], Awaitable[object]]
"""Gives the value that goes out as JSON, None for an empty answer; raises ``HttpError``."""


class HttpConnection:
    """One client.

    Args:
        connection: what it has opened.
        world: runs what it asks for.
        answer: does that.
        forget: told when the connection is closed.
    """

    def __init__(
        self,
        connection: Connection,
        world: World,
        answer: Answer,
        forget: Callable[["HttpConnection"], None],
    ) -> None:
        self._connection = connection
        self._world = world
        self._answer = answer
        self._forget = forget
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body_bytes = 0
        self._is_busy = False

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        try:
            self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            self._refuse(error)
            return
        self._advance()

    def connection_lost(self) -> None:
        """Forget it; what it has asked for goes on."""
        self._forget(self)

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def _advance(self) -> None:
        while not self._is_busy and self._connection.is_open:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error)
                return
            match event:
                case h11.Request():
                    self._request, self._body_bytes = event, 0
                case h11.Data():
                    self._body_bytes += len(event.data)
                    if self._body_bytes > BODY_BYTES_MAX:
                        self._connection.close()
                case h11.EndOfMessage():
                    assert self._request is not None
                    self._is_busy = True
                    self._world.start(self._run(self._request), "REST request")
                case h11.ConnectionClosed():
                    self._connection.close()
                case _:
                    return

    async def _run(self, request: h11.Request) -> None:
        try:
            value = await self._answer(_request_of(request))
            self._send(200, "" if value is None else json.dumps(value))
        except HttpError as error:
            self._send(error.status, _error(error.status, error.text))
        except Exception as error:  # noqa: BLE001  (whatever a bug raises, the client gets an answer)
            self._world.log(f"{request.target!r} failed: {''.join(traceback.format_exception(error))}")
            self._send(500, _error(500, f"{type(error).__name__}: {error}"))
        self._is_busy = False
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self._connection.close()

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._send(error.error_status_hint, _error(error.error_status_hint, str(error)))
        self._connection.close()

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Server", "Seastar httpd"),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            data = self._http.send(event)
            if data:
                self._connection.write(data)


def _request_of(request: h11.Request) -> HttpRequest:
    parts = urlsplit(request.target.decode("ascii"))
    path = tuple(unquote(part) for part in parts.path.split("/") if part)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    return HttpRequest(method=request.method.decode("ascii"), path=path, options=options)


def _error(status: int, text: str) -> str:
    return json.dumps({"message": text, "code": status})
