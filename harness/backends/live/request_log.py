"""Which requests sessions have sent: what tells them apart from all others in a capture.

A request is found again by its connection (our address and port), its stream id, and by how many requests went before
it on that connection with the same stream id: the driver uses an id again only when its request has been answered.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local
from typing import Any, NamedTuple

from cassandra.connection import Connection
from cassandra.protocol import BatchMessage, ExecuteMessage, QueryMessage

STATEMENTS = (QueryMessage, ExecuteMessage, BatchMessage)


class SentRequest(NamedTuple):
    """A request as the driver sent it."""

    address: str
    """Our own."""
    port: int
    """Our own."""
    stream_id: int
    earlier: int
    """How many requests were sent before it on the same connection with the same stream id."""


class RequestLog:
    """The statements that were sent, pages of one statement each for itself, in order."""

    def __init__(self) -> None:
        self.last_ns = 0
        """When anything was sent last, since 1970."""
        self._sent: list[SentRequest] = []
        self._lock = Lock()
        self._thread = local()

    def __len__(self) -> int:
        return len(self._sent)

    def sent(self, begin: int, end: int) -> tuple[SentRequest, ...]:
        """Those from one count of requests to another."""
        return tuple(self._sent[begin:end])

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Leave out what this thread sends meanwhile: it is no part of the scenario."""
        self._thread.depth = self._depth + 1
        try:
            yield
        finally:
            self._thread.depth -= 1

    def add(self, request: SentRequest) -> None:
        """Take a request, unless this thread's are left out."""
        self.last_ns = time.time_ns()
        if not self._depth:
            with self._lock:
                self._sent.append(request)

    @property
    def _depth(self) -> int:
        return int(getattr(self._thread, "depth", 0))


def logged_connection_class(base: type[Connection], log: RequestLog) -> type[Connection]:
    """The driver's connections, but that they put into a log which statements they send.

    What the driver asks by itself is left out: through its control connection, and when it sets the keyspace.
    """

    class LoggedConnection(base):  # type: ignore[misc]  # the driver has no types
        def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  (the driver's)
            self._earlier: Counter[int] = Counter()
            self._log_lock = Lock()
            super().__init__(*args, **options)

        def send_msg(self, msg: Any, request_id: int, *args: Any, **options: Any) -> Any:  # noqa: ANN401  (the same)
            with self._log_lock:
                earlier = self._earlier[request_id]
                self._earlier[request_id] += 1
            if isinstance(msg, STATEMENTS) and not self.is_control_connection:
                address, port = self._socket.getsockname()[:2]
                log.add(SentRequest(address, port, request_id, earlier))
            return super().send_msg(msg, request_id, *args, **options)

        def set_keyspace_blocking(self, keyspace: str) -> Any:  # noqa: ANN401  (the same)
            with log.unrecorded():
                return super().set_keyspace_blocking(keyspace)

        def set_keyspace_async(self, keyspace: str, callback: Any) -> Any:  # noqa: ANN401  (the same)
            with log.unrecorded():
                return super().set_keyspace_async(keyspace, callback)

    return LoggedConnection
