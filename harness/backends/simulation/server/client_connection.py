"""A connection of a client: requests come in, many at a time, and each is answered on its stream id.

Source:
    Scylla (branch 4.2), transport/server.cc (process_request_one, process_startup, process_register, write_response).
"""

import traceback
from collections.abc import Awaitable
from typing import Protocol

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.server.client_state import ClientState
from harness.backends.simulation.server.request_cutter import (
    BODY_BYTES_MAX,
    RequestCutter,
    RequestFrame,
)
from harness.backends.simulation.server.trace_session import TraceSession
from harness.backends.simulation.server.tracing import Tracing, traced_request
from harness.backends.simulation.world import Connection, World
from harness.codec.cql.compression import Compression, unpack_body
from harness.codec.cql.errors import Error, ErrorCode
from harness.codec.cql.events import Event
from harness.codec.cql.frame import FLAG_COMPRESSED, encode_frame
from harness.codec.cql.messages import Content, Message, Ready, Supported, decode_message, frame_of
from harness.codec.cql.opcodes import REQUEST_OPCODES
from harness.codec.cql.requests import Batch, Execute, Options, Prepare, Query, Register, Startup
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.results import Result
from harness.errors import DecodeError, EncodeError

EVENT_TYPES = frozenset({"TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"})

_EVENT_STREAM_ID = -1
_ERROR_CHARACTERS_MAX = 16_000
_OPCODES = frozenset(map(int, REQUEST_OPCODES))
_COMPRESSIONS = {"lz4": Compression.LZ4, "snappy": Compression.SNAPPY}


class Statements(Protocol):
    """Carries out statements."""

    def run(
        self,
        request: Query | Prepare | Execute | Batch,
        client: ClientState,
        trace: TraceSession | None = None,
    ) -> Awaitable[Result]:
        """Do what a client asks for.

        Raises:
            RequestError: it is refused, or has failed.
        """

    def text_and_markers(self, statement_id: bytes) -> tuple[str, tuple[ResultColumn, ...]]:
        """The text of a prepared statement, and what its values are; nothing if there is none with that id."""


class Owner(Protocol):
    """Keeps connections."""

    @property
    def world(self) -> World:
        """Where it runs."""

    @property
    def statements(self) -> Statements:
        """Carries out what clients ask for."""

    @property
    def tracing(self) -> Tracing | None:
        """Keeps traces; None: nobody does."""

    @property
    def supported(self) -> Supported:
        """What STARTUP may contain."""

    def forget(self, client: "ClientConnection") -> None:
        """A connection is closed."""


class ClientConnection:
    """One client.

    Args:
        connection: what it has opened.
        owner: keeps it, and knows who carries out statements.
    """

    def __init__(self, connection: Connection, owner: Owner) -> None:
        self.event_types: frozenset[str] = frozenset()
        """What it wants to be told."""
        self._connection = connection
        self._owner = owner
        self._state = ClientState(connection.peer)
        self._cutter = RequestCutter()
        self._compression = Compression.NONE

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        if not self._connection.is_open:
            return
        try:
            for frame in self._cutter.cut(data):
                self._take(frame)
        except RequestError as error:
            self._send(0, Message(content=error.message))
            self._connection.close()

    def connection_lost(self) -> None:
        """Forget it; what its requests have begun goes on, and their answers are dropped."""
        self._owner.forget(self)

    def tell(self, event: Event) -> None:
        """Send an event, if the client has asked for such."""
        if event.event_type in self.event_types:
            self._send(_EVENT_STREAM_ID, Message(content=event))

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def _take(self, frame: RequestFrame) -> None:
        try:
            body = self._body(frame)
            request = self._request(frame, body)
            content = request.content
            if isinstance(content, Execute | Query | Prepare | Batch):
                self._owner.world.start(
                    self._run(frame.stream_id, request, content, len(body)), "CQL request"
                )
                return
            answer = self._answer(content)
        except RequestError as error:
            answer = error.message
        except DecodeError as error:
            answer = Error(code=ErrorCode.PROTOCOL_ERROR, text=error.what)
        self._send(frame.stream_id, Message(content=answer))

    def _body(self, frame: RequestFrame) -> bytes:
        body = frame.body
        if body is None:
            raise RequestError(
                ErrorCode.INVALID,
                f"request size too large (frame size {frame.body_bytes:d}; allowed {BODY_BYTES_MAX:d})",
            )
        return unpack_body(self._compression, body) if frame.flags & FLAG_COMPRESSED else body

    def _request(self, frame: RequestFrame, body: bytes) -> Message:
        if frame.opcode not in _OPCODES:
            raise RequestError(ErrorCode.PROTOCOL_ERROR, f"Unknown opcode {frame.opcode}")
        request = decode_message(self._cutter.version, True, frame.flags, frame.opcode, body)
        if not self._state.is_started and not isinstance(request.content, Startup | Options):
            raise RequestError(
                ErrorCode.PROTOCOL_ERROR, f"Unexpected message {frame.opcode}, expecting STARTUP or OPTIONS"
            )
        return request

    def _answer(self, request: Content) -> Content:
        """What requests are answered that are about the connection itself."""
        match request:
            case Options():
                return self._owner.supported
            case Startup():
                return self._start(dict(request.options))
            case Register():
                unknown = sorted(set(request.event_types) - EVENT_TYPES)
                if unknown:
                    raise RequestError(
                        ErrorCode.PROTOCOL_ERROR, f"Invalid value '{unknown[0]}' for Event.Type"
                    )
                self.event_types |= frozenset(request.event_types)
                return Ready()
            case _:
                raise RequestError(
                    ErrorCode.PROTOCOL_ERROR,
                    f"Unexpected message {request.opcode.name}: nobody has to log in",
                )

    def _start(self, options: dict[str, str]) -> Ready:
        wanted = options.get("COMPRESSION", "").lower()
        if wanted and wanted not in _COMPRESSIONS:
            raise RequestError(ErrorCode.PROTOCOL_ERROR, f"Unknown compression algorithm: {wanted}")
        self._compression = _COMPRESSIONS.get(wanted, Compression.NONE)
        self._state.is_started = True
        return Ready()

    async def _run(
        self,
        stream_id: int,
        message: Message,
        request: Query | Prepare | Execute | Batch,
        request_bytes: int,
    ) -> None:
        await self._connection.drained()
        tracing = self._owner.tracing if message.is_traced else None
        trace = None if tracing is None else tracing.begin()
        content: Content
        try:
            content = await self._owner.statements.run(request, self._state, trace)
        except RequestError as error:
            content = error.message
        except Exception as error:  # noqa: BLE001  (whatever a bug raises, the client gets an answer)
            self._owner.world.log(f"{request} failed: {''.join(traceback.format_exception(error))}")
            content = Error(code=ErrorCode.SERVER_ERROR, text=f"{type(error).__name__}: {error}")
        if tracing is None or trace is None:
            self._send(stream_id, Message(content=content))
            return
        trace.note("Done processing - preparing a result")
        response_bytes = self._send(stream_id, Message(content=content, tracing_id=trace.session_id))
        told = traced_request(
            request,
            self._owner.statements.text_and_markers,
            client=self._state.peer.address,
            request_bytes=request_bytes,
            response_bytes=response_bytes,
        )
        tracing.end(trace, told)

    def _send(self, stream_id: int, message: Message) -> int:
        """Send a message; give the length of its body, unpacked."""
        if isinstance(message.content, Error) and len(message.content.text) > _ERROR_CHARACTERS_MAX:
            message = Message(content=_shortened(message.content), tracing_id=message.tracing_id)
        try:
            frame = frame_of(self._cutter.version, stream_id, message)
        except EncodeError as error:
            self._owner.world.log(f"an answer has no form: {error}")
            frame = frame_of(
                self._cutter.version,
                stream_id,
                Message(content=Error(code=ErrorCode.SERVER_ERROR, text=str(error)[:_ERROR_CHARACTERS_MAX])),
            )
        if self._compression is not Compression.NONE and frame.body:
            frame = frame._replace(flags=frame.flags | FLAG_COMPRESSED)
        self._connection.write(encode_frame(frame, compression=self._compression))
        return len(frame.body)


def _shortened(error: Error) -> Error:
    return Error(code=error.code, text=error.text[:_ERROR_CHARACTERS_MAX] + "...", details=error.details)
