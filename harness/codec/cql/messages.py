"""The body of a frame as a value, and back; ``decode(encode(x)) == x`` and the same for the bytes.

Body, by the flags of the frame: [tracing id, uuid, of responses] [warnings, string list, of responses] [custom
payload, bytes map], then what belongs to the opcode.

Source: native_protocol_v4.spec, "2.2. flags" and "4. Messages".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import Dialect, dialect_of
from harness.codec.cql.errors import Error, decode_error, encode_error
from harness.codec.cql.events import Event, decode_event, encode_event
from harness.codec.cql.frame import (
    FLAG_BETA,
    FLAG_COMPRESSED,
    FLAG_CUSTOM_PAYLOAD,
    FLAG_TRACING,
    FLAG_WARNING,
    Frame,
)
from harness.codec.cql.notation import (
    read_bytes,
    read_bytes_map,
    read_string,
    read_string_list,
    read_string_multimap,
    read_uuid,
    write_bytes,
    write_bytes_map,
    write_string,
    write_string_list,
    write_string_multimap,
)
from harness.codec.cql.opcodes import REQUEST_OPCODES, Opcode
from harness.codec.cql.requests import Request, decode_request, encode_request
from harness.codec.cql.results import (
    Column,
    PreparedResult,
    Result,
    Rows,
    SchemaChanged,
    SetKeyspace,
    Void,
    decode_result,
    encode_result,
)
from harness.errors import DecodeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """READY: the connection, or the registration for events, is accepted."""

    opcode: ClassVar[Opcode] = Opcode.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """AUTHENTICATE: the client has to prove who it is."""

    opcode: ClassVar[Opcode] = Opcode.AUTHENTICATE
    authenticator: str
    """Name of a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthChallenge:
    """AUTH_CHALLENGE: the authenticator wants another token."""

    opcode: ClassVar[Opcode] = Opcode.AUTH_CHALLENGE
    token: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSuccess:
    """AUTH_SUCCESS: the authenticator is satisfied."""

    opcode: ClassVar[Opcode] = Opcode.AUTH_SUCCESS
    token: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """SUPPORTED: what STARTUP may contain."""

    opcode: ClassVar[Opcode] = Opcode.SUPPORTED
    options: tuple[tuple[str, tuple[str, ...]], ...]


Response = Error | Ready | Authenticate | AuthChallenge | AuthSuccess | Supported | Result | Event

Content = Request | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A frame's body."""

    content: Content
    """What belongs to the opcode."""

    is_traced: bool = False
    """Of a request: tracing is asked for."""

    is_beta: bool = False
    """Of a request: the client knows that the version is not final."""

    tracing_id: UUID | None = None
    """Of a response: where the trace is found; None if the request was not traced."""

    warnings: tuple[str, ...] | None = None
    """Of a response; None if the flag is not set."""

    custom_payload: tuple[tuple[str, bytes | None], ...] | None = None
    """None if the flag is not set."""

    rest: bytes = b""
    """What follows; the specification allows it, for what is to come."""

    @property
    def flags(self) -> int:
        """The flags of a frame with this body, apart from ``FLAG_COMPRESSED``."""
        flags = 0
        if self.is_traced or self.tracing_id is not None:
            flags |= FLAG_TRACING
        if self.warnings is not None:
            flags |= FLAG_WARNING
        if self.custom_payload is not None:
            flags |= FLAG_CUSTOM_PAYLOAD
        if self.is_beta:
            flags |= FLAG_BETA
        return flags


def decode_message(
    frame_version: int,
    from_client: bool,
    flags: int,
    opcode: int,
    body: bytes,
    result_columns: Sequence[Column] | None = None,
    *,
    extensions: frozenset[str] = frozenset(),
) -> Message:
    """Decode the unpacked body of a frame.

    Args:
        frame_version: as in the frame's header, without the direction bit.
        from_client: whether it is a request.
        flags: as in the frame's header.
        opcode: as in the frame's header.
        body: the body, unpacked.
        result_columns: from the PREPARED of the statement, for rows without a description of their columns.
        extensions: what STARTUP asked for, see ``dialect.extensions_in``.

    Raises:
        DecodeError: the body breaks the layout of its opcode.
    """
    dialect = dialect_of(frame_version, extensions)
    reader = ByteReader(body, layer="cql")
    if from_client:
        custom_payload = read_bytes_map(reader) if flags & FLAG_CUSTOM_PAYLOAD else None
        request = decode_request(opcode, reader, dialect)
        return Message(
            content=request,
            is_traced=bool(flags & FLAG_TRACING),
            is_beta=bool(flags & FLAG_BETA),
            custom_payload=custom_payload,
            rest=body[reader.position :],
        )
    tracing_id = read_uuid(reader) if flags & FLAG_TRACING else None
    warnings = read_string_list(reader) if flags & FLAG_WARNING else None
    custom_payload = read_bytes_map(reader) if flags & FLAG_CUSTOM_PAYLOAD else None
    response = _decode_response(opcode, reader, dialect, result_columns)
    return Message(
        content=response,
        is_beta=bool(flags & FLAG_BETA),
        tracing_id=tracing_id,
        warnings=warnings,
        custom_payload=custom_payload,
        rest=body[reader.position :],
    )


def encode_message(
    frame_version: int, message: Message, *, extensions: frozenset[str] = frozenset()
) -> bytes:
    """Return the body, not packed; the frame's opcode is ``message.content.opcode``, its flags ``message.flags``.

    Raises:
        EncodeError: a field does not fit, or flags announce one that is not there.
    """
    dialect = dialect_of(frame_version, extensions)
    writer = ByteWriter()
    content = message.content
    if message.tracing_id is not None:
        writer.put(message.tracing_id.bytes)
    if message.warnings is not None:
        write_string_list(writer, message.warnings)
    if message.custom_payload is not None:
        write_bytes_map(writer, message.custom_payload)
    match content:
        case Void() | Rows() | SetKeyspace() | PreparedResult() | SchemaChanged():
            encode_result(content, writer, dialect)
        case Error():
            encode_error(content, writer, dialect)
        case Event():
            encode_event(content, writer)
        case Supported():
            write_string_multimap(writer, content.options)
        case Authenticate():
            write_string(writer, content.authenticator)
        case AuthChallenge() | AuthSuccess():
            write_bytes(writer, content.token)
        case Ready():
            pass
        case _:
            encode_request(content, writer, dialect)
    writer.put(message.rest)
    return writer.getvalue()


def frame_of(
    frame_version: int,
    stream_id: int,
    message: Message,
    *,
    is_compressed: bool = False,
    extensions: frozenset[str] = frozenset(),
) -> Frame:
    """Return the frame that carries a message, with marks of 0; ``encode_frame`` gives its bytes.

    Raises:
        EncodeError: as ``encode_message``.
    """
    opcode = message.content.opcode
    return Frame(
        0,
        0,
        opcode in REQUEST_OPCODES,
        frame_version,
        message.flags | (FLAG_COMPRESSED if is_compressed else 0),
        stream_id,
        opcode,
        encode_message(frame_version, message, extensions=extensions),
    )


def _decode_response(
    opcode: int, reader: ByteReader, dialect: Dialect, result_columns: Sequence[Column] | None
) -> Response:
    match opcode:
        case Opcode.RESULT:
            return decode_result(reader, dialect, result_columns)
        case Opcode.ERROR:
            return decode_error(reader, dialect)
        case Opcode.EVENT:
            return decode_event(reader)
        case Opcode.READY:
            return Ready()
        case Opcode.SUPPORTED:
            return Supported(options=read_string_multimap(reader))
        case Opcode.AUTHENTICATE:
            return Authenticate(authenticator=read_string(reader))
        case Opcode.AUTH_CHALLENGE:
            return AuthChallenge(token=read_bytes(reader))
        case Opcode.AUTH_SUCCESS:
            return AuthSuccess(token=read_bytes(reader))
        case _:
            raise DecodeError(f"response with opcode {opcode}", layer="cql", offset_bytes=reader.position)
