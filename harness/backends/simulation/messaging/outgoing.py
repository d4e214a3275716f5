"""A connection that this node has opened: it sends requests there, and gets replies.

Source:
    seastar src/rpc/rpc.cc (client); Scylla (branch 4.2), message/messaging_service.cc (send_message*).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from harness.backends.simulation.messaging.frame_cutter import FrameCutter
from harness.backends.simulation.messaging.rpc_error import RemoteError, RpcClosedError, RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.messaging.wire_frames import request_bytes
from harness.backends.simulation.world import Connection
from harness.codec.rpc.exception_data import decode_exception
from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.negotiation import Negotiated, Negotiation, agree, encode_negotiation
from harness.errors import DecodeError


@dataclass(slots=True)
class _Queued:
    verb: Verb
    msg_id: int
    timeout_ms: int
    queued_s: float
    payload: bytes


class Outgoing:
    """Requests to one peer; those that come before both sides have negotiated wait for that.

    Args:
        peer: its address, for errors.
        offer: what this side says first.
        introduction: CLIENT_ID, which goes before the first request.
    """

    def __init__(self, peer: str, offer: Negotiation, introduction: bytes) -> None:
        self.peer = peer
        self.is_closed = False
        self._offer = offer
        self._cutter = FrameCutter(from_client=False)
        self._connection: Connection | None = None
        self._negotiated: Negotiated | None = None
        self._agreed: asyncio.Future[Negotiated] = asyncio.get_running_loop().create_future()
        self._queue: list[_Queued] = []
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._last_msg_id = 0
        self._loop = asyncio.get_running_loop()
        self._begun_s = self._loop.time()
        self.send(Verb.CLIENT_ID, introduction, 0)

    def opened(self, connection: Connection) -> "Outgoing":
        """Begin: the connection is there."""
        self._connection = connection
        connection.write(encode_negotiation(self._offer))
        return self

    @property
    def age_s(self) -> float:
        """How long ago it was begun."""
        return self._loop.time() - self._begun_s

    async def negotiated(self) -> Negotiated:
        """What is in force, when both sides have spoken.

        Raises:
            RpcClosedError: the connection could not be opened, or was closed before.
        """
        return await asyncio.shield(self._agreed)

    def send(self, verb: Verb, payload: bytes, timeout_ms: int) -> int:
        """Send a request; gives its msg_id."""
        self._last_msg_id += 1
        msg_id = self._last_msg_id
        if self._negotiated is None:
            self._queue.append(_Queued(verb, msg_id, timeout_ms, self._loop.time(), payload))
        elif self._connection is not None:
            self._connection.write(request_bytes(self._negotiated, verb, msg_id, timeout_ms, payload))
        return msg_id

    async def call(self, verb: Verb, payload: bytes, timeout_ms: int) -> bytes:
        """Send a request and wait for its reply.

        Args:
            verb: what is asked.
            payload: the arguments.
            timeout_ms: how long; 0: for ever.

        Raises:
            RpcTimeoutError: no reply came in time.
            RpcClosedError: the connection is closed.
            RemoteError: the peer's handler failed.
        """
        if self.is_closed:
            raise RpcClosedError(f"{verb.name} to {self.peer}: the connection is closed")
        reply: asyncio.Future[bytes] = self._loop.create_future()
        msg_id = self.send(verb, payload, timeout_ms)
        self._pending[msg_id] = reply
        try:
            async with asyncio.timeout(timeout_ms / 1000 if timeout_ms else None):
                return await reply
        except TimeoutError:
            raise RpcTimeoutError(f"{verb.name} to {self.peer}: no reply in {timeout_ms} ms") from None
        finally:
            self._pending.pop(msg_id, None)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        self._cutter.feed(data)
        try:
            if self._negotiated is None:
                self._negotiate()
            if self._negotiated is not None:
                self._take_replies()
        except DecodeError:
            self.close()

    def connection_lost(self) -> None:
        """Fail what waits for replies."""
        self.is_closed = True
        error = RpcClosedError(f"the connection to {self.peer} was closed")
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(error)
        self._pending.clear()
        self._queue.clear()
        if not self._agreed.done():
            self._agreed.set_exception(error)
            # Nobody has to ask for it.
            self._agreed.exception()

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.close()
        self.connection_lost()

    def _negotiate(self) -> None:
        answered = self._cutter.negotiation()
        if answered is None:
            return
        negotiated = self._negotiated = agree(self._offer, answered)
        self._cutter.use(negotiated)
        self._agreed.set_result(negotiated)
        now_s = self._loop.time()
        for queued in self._queue:
            left_ms = queued.timeout_ms
            if left_ms:
                left_ms -= int((now_s - queued.queued_s) * 1000)
                if left_ms <= 0:
                    continue
            assert self._connection is not None
            self._connection.write(
                request_bytes(negotiated, queued.verb, queued.msg_id, left_ms, queued.payload)
            )
        self._queue.clear()

    def _take_replies(self) -> None:
        for frame in self._cutter.frames():
            reply = self._pending.get(frame.msg_id or 0)
            if reply is None or reply.done():
                continue
            if frame.kind is FrameKind.REPLY:
                reply.set_result(frame.payload)
            elif frame.kind is FrameKind.EXCEPTION:
                told = decode_exception(frame.payload)
                reply.set_exception(RemoteError(told.text or f"verb {told.verb} is not known to {self.peer}"))


class OutgoingStream:
    """The receiver of a connection that this node has opened for a stream: negotiates, then hands frames on.

    Args:
        offer: what this side says first.
    """

    def __init__(self, offer: Negotiation) -> None:
        self._offer = offer
        self._cutter = FrameCutter(from_client=False)
        self._negotiated: Negotiated | None = None
        self.agreed: asyncio.Future[Negotiated] = asyncio.get_running_loop().create_future()
        self.take: Callable[[list[Frame]], None] = _nothing
        self.lose: Callable[[], None] = _nobody

    def opened(self, connection: Connection) -> "OutgoingStream":
        """Begin: the connection is there."""
        connection.write(encode_negotiation(self._offer))
        return self

    def data_received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        self._cutter.feed(data)
        if self._negotiated is None:
            answered = self._cutter.negotiation()
            if answered is None:
                return
            self._negotiated = agree(self._offer, answered)
            self._cutter.use(self._negotiated)
            self.agreed.set_result(self._negotiated)
        self.take(self._cutter.frames())

    def connection_lost(self) -> None:
        """Tell the stream."""
        if not self.agreed.done():
            self.agreed.set_exception(RpcClosedError("the connection of a stream was closed"))
            self.agreed.exception()
        self.lose()


def _nothing(_: object) -> None:
    """Take no frames yet: none come before the request that names the stream."""


def _nobody() -> None:
    """Nobody to tell yet."""
