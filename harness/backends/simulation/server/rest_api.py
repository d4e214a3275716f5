"""The REST API of a node: its port, and which path leads where.

Source:
    Scylla (branch 4.2), api/api.cc, api/api-doc.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.http_connection import HttpConnection, HttpError, HttpRequest
from harness.backends.simulation.world import Connection, Listener

Arguments = dict[str, str]
"""What a path and what stands behind its question mark say, by name."""

Endpoint = Callable[[Arguments], Awaitable[object]]
"""Gives the value that goes out as JSON, None for an empty answer; raises ``HttpError``."""


class _Route(NamedTuple):
    method: str
    path: tuple[str, ...]
    endpoint: Endpoint


class RestApi:
    """Answers operators.

    Args:
        context: of the node.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._routes: list[_Route] = []
        # A dict, for a set has no order in which to close them.
        self._clients: dict[HttpConnection, None] = {}
        self._listener: Listener | None = None

    def add(self, method: str, path: str, endpoint: Endpoint) -> None:
        """Have requests answered.

        Args:
            method: such as ``GET``.
            path: parts in braces stand for arguments.
            endpoint: answers them.
        """
        self._routes.append(_Route(method, tuple(part for part in path.split("/") if part), endpoint))

    async def start(self) -> None:
        """Accept clients.

        Raises:
            OSError: the port is in use, or the address is none of ours.
        """
        config = self._context.config
        self._listener = await self._context.world.listen(
            config.listen_address, config.api_port, self._accept
        )

    def stop(self) -> None:
        """Accept no more clients, and close the connections of those that are there."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for client in tuple(self._clients):
            client.close()

    async def answer(self, request: HttpRequest) -> object:
        """Answer a request.

        Raises:
            HttpError: there is no such path, or the request is refused.
        """
        for route in self._routes:
            if route.method == request.method and len(route.path) == len(request.path):
                named = _arguments(route.path, request.path)
                if named is not None:
                    return await route.endpoint({**request.options, **named})
        raise HttpError(404, "Not found")

    def _accept(self, connection: Connection) -> HttpConnection:
        client = HttpConnection(connection, self._context.world, self.answer, self._forget)
        self._clients[client] = None
        return client

    def _forget(self, client: HttpConnection) -> None:
        self._clients.pop(client, None)


def _arguments(path: tuple[str, ...], asked: tuple[str, ...]) -> Arguments | None:
    """What the parts in braces stand for; None if it is another path."""
    named = {}
    for part, given in zip(path, asked, strict=True):
        if part.startswith("{"):
            named[part[1:-1]] = given
        elif part != given:
            return None
    return named
