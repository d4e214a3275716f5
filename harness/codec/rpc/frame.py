"""One frame between two nodes, and its bytes before compression.

Source: seastar doc/rpc.md, "Request frame format", "Response frame format", "Stream frame format", of the
lines that ScyllaDB 4.0 to 2026.3 are built with.
"""

import enum
import struct
from typing import NamedTuple, assert_never

from harness.codec.rpc.headers import (
    MAGIC,
    NEGOTIATION_HEADER,
    REPLY_HEADER,
    REPLY_HEADER_TIMED,
    REQUEST_HEADER,
    REQUEST_HEADER_UNTIMED,
    STREAM_END_LENGTH,
    STREAM_HEADER,
)
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.rpc.wrapper import Wrapper
from harness.errors import EncodeError


class FrameKind(enum.Enum):
    """What a frame is; the direction and the negotiation decide it, never its content."""

    NEGOTIATION = "negotiation"
    REQUEST = "request"
    REPLY = "reply"
    EXCEPTION = "exception"
    """A reply whose msg_id was negative on the wire; exception_data reads its payload."""
    STREAM_DATA = "stream_data"
    STREAM_END = "stream_end"
    WRAPPER = "wrapper"
    """Compression was in force and the frame was empty inside: all it says is in its wrapper."""
    UNDECODED = "undecoded"
    """Bytes that no frame could be made of; reason says why."""


class Frame(NamedTuple):
    """One frame as it stood on a connection. Fields that its kind does not have are None.

    The decoder builds it positionally through ``tuple.__new__``, which takes less than half the time.
    """

    kind: FrameKind

    first_mark: int
    """The mark given with the piece of data that held the frame's first byte, as a packet's number."""

    last_mark: int
    """The mark given with the piece that completed it."""

    verb: int | None
    """Raw number, so that a verb newer than this harness still decodes."""

    msg_id: int | None
    """Pairs a reply with its request; positive for exceptions too."""

    timeout_ms: int | None
    """None if timeouts were not negotiated; 0 if they were and the caller set none."""

    duration_us: int | None
    """How long the handler took; None if not negotiated; DURATION_UNKNOWN is kept as it is."""

    payload: bytes
    """What follows the header; NEGOTIATION: the records; UNDECODED: the bytes as they stood."""

    reason: str
    """Why the frame is UNDECODED; empty otherwise."""

    wrapper: Wrapper | None
    """How the frame was compressed; None if compression is not in force."""

    from_client: bool
    """True if it came from the side that opened the connection."""


def undecoded(payload: bytes, reason: str, *, first_mark: int, last_mark: int, from_client: bool) -> Frame:
    """Make the frame that stands for bytes which nothing could be made of."""
    return Frame(
        FrameKind.UNDECODED,
        first_mark,
        last_mark,
        None,
        None,
        None,
        None,
        payload,
        reason,
        None,
        from_client,
    )


def encode_frame(frame: Frame, negotiated: Negotiated | None = None) -> bytes:
    """Return the frame's bytes as they stand before compression.

    Args:
        frame: of any kind; UNDECODED gives its bytes back.
        negotiated: what decides the headers; only a REQUEST, REPLY or EXCEPTION needs it.

    Raises:
        EncodeError: a number does not fit, a field that was negotiated is None, or msg_id is not positive.

    Source:
        seastar doc/rpc.md, "Request frame format", "Response frame format", "Stream frame format".
    """
    payload = frame.payload
    try:
        match frame.kind:
            case FrameKind.UNDECODED:
                return payload
            case FrameKind.WRAPPER:
                return b""
            case FrameKind.NEGOTIATION:
                return NEGOTIATION_HEADER.pack(MAGIC, len(payload)) + payload
            case FrameKind.STREAM_DATA:
                return STREAM_HEADER.pack(len(payload)) + payload
            case FrameKind.STREAM_END:
                return STREAM_HEADER.pack(STREAM_END_LENGTH)
            case FrameKind.REQUEST | FrameKind.REPLY | FrameKind.EXCEPTION:
                return _encode_call(frame, negotiated) + payload
            case _:
                assert_never(frame.kind)
    except struct.error as error:
        raise EncodeError(f"{frame.kind.value} frame: {error}") from error


def _encode_call(frame: Frame, negotiated: Negotiated | None) -> bytes:
    """Return the header of a request, a reply or an exception."""
    if negotiated is None:
        raise EncodeError(f"the header of a {frame.kind.value} depends on what was negotiated")
    msg_id = frame.msg_id
    if msg_id is None or msg_id <= 0:
        raise EncodeError(f"{frame.kind.value} with msg_id {msg_id}")
    size = len(frame.payload)
    if frame.kind is FrameKind.REQUEST:
        if not negotiated.has_timeout:
            return REQUEST_HEADER_UNTIMED.pack(frame.verb, msg_id, size)
        return REQUEST_HEADER.pack(frame.timeout_ms, frame.verb, msg_id, size)
    if frame.kind is FrameKind.EXCEPTION:
        msg_id = -msg_id
    if not negotiated.has_duration:
        return REPLY_HEADER.pack(msg_id, size)
    return REPLY_HEADER_TIMED.pack(msg_id, size, frame.duration_us)
