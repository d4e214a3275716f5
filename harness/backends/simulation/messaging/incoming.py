"""A connection that a peer has opened: its requests come in, replies go back.

Source:
    seastar src/rpc/rpc.cc (server::connection); Scylla (branch 4.2), message/messaging_service.cc (CLIENT_ID).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.backends.simulation.messaging.connection_index import Tenant, tenant_of
from harness.backends.simulation.messaging.frame_cutter import FrameCutter
from harness.backends.simulation.messaging.rpc_stream import RpcStream
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.messaging.wire_frames import reply_bytes
from harness.backends.simulation.world import Connection
from harness.codec.rpc.exception_data import ExceptionData, ExceptionType, encode_exception
from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.negotiation import Negotiated, agree, answer, encode_negotiation
from harness.codec.verbs.connection import ClientId
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE
from harness.errors import DecodeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends a request."""

    address: str
    """Its broadcast address."""
    shard: int
    tenant: Tenant
    """On whose behalf; what is done about the request is done on the same behalf."""
    max_result_size_bytes: int


class Dispatcher(Protocol):
    """Does what requests ask."""

    def dispatch(self, incoming: "Incoming", frame: Frame) -> None:
        """Begin with a request; its reply, if it has one, goes to ``Incoming.reply``."""

    def next_connection_id(self) -> int:
        """The number of another connection."""

    def add_stream(self, stream_id: int, stream: RpcStream) -> None:
        """Keep a stream until the request that names it comes."""


class Incoming:
    """Requests of one peer.

    Args:
        connection: what it has opened.
        dispatcher: does what it asks.
        compressions: the algorithms that this node has; none if it is to have none.
    """

    def __init__(self, connection: Connection, dispatcher: Dispatcher, compressions: Sequence[str]) -> None:
        self._connection = connection
        self._dispatcher = dispatcher
        self._compressions = compressions
        self._cutter = FrameCutter(from_client=True)
        self._negotiated: Negotiated | None = None
        self._stream: RpcStream | None = None
        self.sender = Sender(
            address=connection.peer.address, shard=0, tenant=Tenant.USER, max_result_size_bytes=0
        )

    @property
    def is_open(self) -> bool:
        """Whether the peer is there."""
        return self._connection.is_open

    def data_received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        self._cutter.feed(data)
        try:
            if self._negotiated is None:
                self._negotiate()
            if self._negotiated is not None:
                self._take(self._cutter.frames())
        except DecodeError:
            self._connection.close()

    def connection_lost(self) -> None:
        """Tell the stream, if there is one; handlers that run go on, and their replies are dropped."""
        if self._stream is not None:
            self._stream.lose()

    def reply(self, msg_id: int, payload: bytes) -> None:
        """Send a reply."""
        if self._negotiated is not None:
            self._connection.write(reply_bytes(self._negotiated, msg_id, payload))

    def refuse(self, msg_id: int, why: ExceptionData) -> None:
        """Send an exception."""
        self.reply(-msg_id, encode_exception(why))

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def _negotiate(self) -> None:
        offer = self._cutter.negotiation()
        if offer is None:
            return
        connection_id = self._dispatcher.next_connection_id()
        answered = answer(
            offer, connection_id=connection_id, compressions=self._compressions, answers_whole_list=True
        )
        self._connection.write(encode_negotiation(answered))
        negotiated = self._negotiated = agree(offer, answered)
        self._cutter.use(negotiated)
        self.sender = Sender(
            address=self.sender.address,
            shard=0,
            tenant=tenant_of(negotiated.cookie),
            max_result_size_bytes=0,
        )
        if negotiated.is_stream:
            self._stream = RpcStream(self._connection, negotiated, is_requester=False)
            self._dispatcher.add_stream(connection_id, self._stream)

    def _take(self, frames: list[Frame]) -> None:
        if self._stream is not None:
            self._stream.take(frames)
            return
        for frame in frames:
            if frame.kind is not FrameKind.REQUEST:
                raise DecodeError(frame.reason or "no request", layer="rpc", offset_bytes=0)
            if frame.verb == Verb.CLIENT_ID:
                self._introduce(frame.payload)
            else:
                self._dispatcher.dispatch(self, frame)

    def _introduce(self, payload: bytes) -> None:
        body = TABLE.decode(Verb.CLIENT_ID, Line.V4_2, Role.REQUEST, payload).body
        if isinstance(body, ClientId):
            self.sender = Sender(
                address=str(body.broadcast_address),
                shard=body.shard,
                tenant=self.sender.tenant,
                max_result_size_bytes=body.max_result_size_bytes,
            )


def unknown_verb(number: int) -> ExceptionData:
    """What a request of a verb is answered that has no handler."""
    return ExceptionData(exception_type=ExceptionType.UNKNOWN_VERB, verb=number)


def failure(text: str) -> ExceptionData:
    """What a request is answered whose handler failed."""
    return ExceptionData(exception_type=ExceptionType.USER, text=text)
