"""One frame of the CQL native protocol, and its form on the wire."""

import struct
from typing import NamedTuple

from harness.codec.cql.compression import Compression, pack_body
from harness.errors import EncodeError

HEADER_BYTES = 9

BODY_BYTES_MAX = 256 * 1024 * 1024
"""What the specification allows a body; a header that claims more is none."""

UNDECODED = -1
"""The opcode of a ``Frame`` that holds bytes between which no frame could be told apart."""

FLAG_COMPRESSED = 0x01
FLAG_TRACING = 0x02
FLAG_CUSTOM_PAYLOAD = 0x04
FLAG_WARNING = 0x08
FLAG_BETA = 0x10

HEADER = struct.Struct(">BBhBI")
"""version with the direction in its highest bit, flags, stream_id, opcode, body_bytes."""


class Frame(NamedTuple):
    """One frame as it stood on one connection, its body unpacked.

    With the opcode ``UNDECODED`` it is not a frame but the bytes of the stream in which none was found:
    ``body`` holds them and ``reason`` says why; version, flags and stream_id are then 0.
    """

    first_mark: int
    """The mark of the data in which the first byte came."""

    last_mark: int
    """The mark of the data in which the last byte came."""

    from_client: bool
    version: int
    """3, 4 or 5, without the direction bit."""

    flags: int
    """As on the wire: ``FLAG_COMPRESSED`` stays set although the body is unpacked."""

    stream_id: int
    opcode: int
    body: bytes
    reason: str = ""
    """Empty; else why the body is still packed, or why these bytes are not a frame."""


def undecoded(data: bytes, first_mark: int, last_mark: int, *, from_client: bool, reason: str) -> Frame:
    """Return the ``UNDECODED`` frame that holds these bytes."""
    return Frame(first_mark, last_mark, from_client, 0, 0, 0, UNDECODED, data, reason)


def encode_frame(frame: Frame, *, compression: Compression = Compression.NONE) -> bytes:
    """Return the frame's bytes as they stand on a connection of version 3 or 4, or inside a version 5 segment.

    Wire, big endian: version u8 (0x80 set in responses), flags u8, stream_id i16, opcode u8, body_bytes u32, body.
    The body is compressed if the flags say so; marks and reason have no form on the wire. An ``UNDECODED``
    frame is its bytes.

    Raises:
        EncodeError: a field does not fit, the body is too long, or it is to be compressed with no algorithm.

    Source:
        native_protocol_v4.spec, "2. Frame header" and "5. Compression".
    """
    if frame.opcode == UNDECODED:
        return frame.body
    body = frame.body
    if frame.flags & FLAG_COMPRESSED and not frame.reason:
        body = pack_body(compression, body)
    if len(body) > BODY_BYTES_MAX:
        raise EncodeError(f"a body of {len(body)} bytes; {BODY_BYTES_MAX} are allowed")
    version = frame.version if frame.from_client else frame.version | 0x80
    try:
        return HEADER.pack(version, frame.flags, frame.stream_id, frame.opcode, len(body)) + body
    except struct.error as error:
        raise EncodeError(f"a field of {frame[:7]} does not fit its place in the header") from error
