"""A stream between two nodes: values in both directions on a connection of its own, each with its own end.

Source:
    seastar doc/rpc.md, "Stream"; src/rpc/rpc.cc (sink_impl, source_impl).
"""

import asyncio
from collections import deque

from harness.backends.simulation.messaging.rpc_error import RpcClosedError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.messaging.wire_frames import stream_bytes, stream_end_bytes
from harness.backends.simulation.world import Connection
from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Role, encode_payload
from harness.codec.verbs.table import TABLE


class RpcStream:
    """One end of a stream.

    Args:
        connection: that carries nothing else.
        negotiated: what is in force on it.
        is_requester: whether this end has opened it.
    """

    def __init__(self, connection: Connection, negotiated: Negotiated, *, is_requester: bool) -> None:
        self.verb = Verb.STREAM_MUTATION_FRAGMENTS
        """Which verb's frames it carries; set when its request is known."""
        self._connection = connection
        self._negotiated = negotiated
        self._is_requester = is_requester
        self._received: deque[bytes | None] = deque()
        self._news = asyncio.Event()
        self._has_ended = self._is_over = self._is_lost = False

    def send(self, value: object) -> None:
        """Send a value of the verb's declared class for this direction."""
        self._connection.write(stream_bytes(self._negotiated, encode_payload(value)))

    async def drained(self) -> None:
        """Return when little enough is waiting to be sent."""
        await self._connection.drained()

    def end(self) -> None:
        """Say that nothing more comes from here."""
        if not self._has_ended:
            self._has_ended = True
            self._connection.write(stream_end_bytes(self._negotiated))
            self._close_if_over()

    async def receive(self) -> object | None:
        """The next value from the peer; None at its end.

        Raises:
            RpcClosedError: the connection was lost before.
            DecodeError: the peer sends something else.
        """
        while not self._received:
            if self._is_lost:
                raise RpcClosedError(f"the stream of {self.verb.name} was lost")
            self._news.clear()
            await self._news.wait()
        payload = self._received.popleft()
        if payload is None:
            return None
        role = Role.SOURCE if self._is_requester else Role.SINK
        return TABLE.decode(self.verb, Line.V4_2, role, payload).body

    def take(self, frames: list[Frame]) -> None:
        """Take frames of the peer; the connection's receiver calls this."""
        for frame in frames:
            if frame.kind is FrameKind.STREAM_END:
                self._is_over = True
                self._received.append(None)
            elif frame.kind is FrameKind.STREAM_DATA:
                self._received.append(frame.payload)
        self._news.set()
        self._close_if_over()

    def lose(self) -> None:
        """Hear that the connection is gone."""
        self._is_lost = True
        self._news.set()

    def _close_if_over(self) -> None:
        # The side that has opened it closes it, when both directions have ended.
        if self._has_ended and self._is_over and self._is_requester:
            self._connection.close()
