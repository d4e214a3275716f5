"""Finds where a frame starts in a stream whose beginning, or middle, is missing.

A header is nine bytes, too few to trust: a candidate must have a version, flags, a stream_id, an opcode and a length
that can be, a body that begins as such bodies begin, and another such frame after it, or the end of the data.
"""

import re
from collections.abc import Container
from enum import Enum

from harness.codec.cql.frame import (
    BODY_BYTES_MAX,
    FLAG_COMPRESSED,
    FLAG_CUSTOM_PAYLOAD,
    FLAG_TRACING,
    FLAG_WARNING,
    HEADER,
    HEADER_BYTES,
)
from harness.codec.cql.opcodes import Opcode

WAIT_BYTES_MAX = 1024 * 1024
"""A candidate that starts inside a packet is waited for so long, not longer."""

_REQUEST_START = re.compile(
    rb"[\x03-\x06\x41\x42][\x00-\x1f][\x00-\x7f].[\x01\x05\x07\x09-\x0b\x0d\x0f][\x00-\x10]", re.DOTALL
)
_RESPONSE_START = re.compile(
    rb"[\x83-\x86\xc1\xc2][\x00-\x1f](?:[\x00-\x7f].[\x00\x02\x03\x06\x08\x0e\x10]|\xff\xff\x0c)[\x00-\x10]",
    re.DOTALL,
)
_EVENT_STARTS = (b"\x00\x0fTOPOLOGY_CHANGE", b"\x00\x0dSTATUS_CHANGE", b"\x00\x0dSCHEMA_CHANGE")


class _Likeness(Enum):
    NO = 0
    PERHAPS = 1
    """As far as the bytes go; they end before the first frame does."""
    YES = 2


def find_frame(
    data: bytes, position: int, *, from_client: bool, packet_starts: Container[int], is_end: bool
) -> tuple[int, int]:
    """Return where the next frame starts, and how many bytes are needed before that is certain.

    Args:
        data: bytes of one direction.
        position: where to start looking.
        from_client: which direction they are of.
        packet_starts: the offsets of data at which a packet starts, where most frames start.
        is_end: nothing follows these bytes.

    Returns:
        (offset, 0) if a frame starts at offset; (offset, n) if one may, and len(data) has to reach n to tell.
        No frame starts between position and offset in either case.
    """
    start = _REQUEST_START if from_client else _RESPONSE_START
    offset = position
    while match := start.search(data, offset):
        offset = match.start()
        if len(data) - offset < HEADER_BYTES:
            break
        likeness, end = _likeness(data, offset, start)
        if likeness is _Likeness.YES or (likeness is _Likeness.PERHAPS and offset in packet_starts):
            return offset, 0
        if likeness is _Likeness.PERHAPS and not is_end and end - offset <= WAIT_BYTES_MAX:
            return offset, end
        offset += 1
    offset = max(offset, len(data) - HEADER_BYTES + 1)
    return offset, offset + HEADER_BYTES


def _likeness(data: bytes, offset: int, start: re.Pattern[bytes]) -> tuple[_Likeness, int]:
    """Follow the chain of frames for two links; also give the end of the first."""
    first_end = 0
    while len(data) - offset >= HEADER_BYTES:
        if not start.match(data, offset) or not _body_fits(data, offset):
            return _Likeness.NO, 0
        end = offset + HEADER_BYTES + HEADER.unpack_from(data, offset)[4]
        if first_end:
            return _Likeness.YES, first_end
        if end > len(data):
            return _Likeness.PERHAPS, end
        first_end = offset = end
    if offset == len(data) or data[offset] in b"\x03\x04\x05\x06\x41\x42\x83\x84\x85\x86\xc1\xc2":
        return _Likeness.YES, first_end
    return _Likeness.NO, 0


def _body_fits(data: bytes, offset: int) -> bool:
    """Whether the body, as far as it is there, can be one of its opcode."""
    _, flags, _, opcode, body_bytes = HEADER.unpack_from(data, offset)
    if body_bytes > BODY_BYTES_MAX:
        return False
    if opcode in (Opcode.OPTIONS, Opcode.READY):
        return bool(body_bytes == 0)
    body = data[offset + HEADER_BYTES : offset + HEADER_BYTES + min(body_bytes, 64)]
    if flags & FLAG_COMPRESSED:
        return bool(body_bytes > 0)
    if flags & (FLAG_WARNING | FLAG_CUSTOM_PAYLOAD):
        return bool(body_bytes > 2)
    if flags & FLAG_TRACING and opcode not in _REQUESTS:
        body = body[16:]
        body_bytes -= 16
    number_bytes = 4 if opcode in _INT_FIRST else 2
    if opcode == Opcode.BATCH:
        return bool(body_bytes >= 6 and (not body or body[0] <= 2))
    if body_bytes < number_bytes:
        return False
    if len(body) < number_bytes:
        return True
    number = int.from_bytes(body[:number_bytes], "big")
    match opcode:
        case Opcode.RESULT:
            return 1 <= number <= 5 and not (number == 1 and body_bytes != 4)
        case Opcode.ERROR:
            return number < 0x10000 and body_bytes >= 6
        case Opcode.EVENT:
            return any(body.startswith(name[: len(body)]) for name in _EVENT_STARTS)
        case Opcode.AUTH_RESPONSE | Opcode.AUTH_CHALLENGE | Opcode.AUTH_SUCCESS:
            return number + 4 == body_bytes or number == 0xFFFFFFFF
        case _:
            # The rest starts with a string, or with a count of strings of two bytes at least.
            return bool(number_bytes + number <= body_bytes)


_REQUESTS = frozenset(
    {Opcode.STARTUP, Opcode.QUERY, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH, Opcode.REGISTER}
)
_INT_FIRST = frozenset(
    {
        Opcode.RESULT,
        Opcode.ERROR,
        Opcode.QUERY,
        Opcode.PREPARE,
        Opcode.AUTH_RESPONSE,
        Opcode.AUTH_CHALLENGE,
        Opcode.AUTH_SUCCESS,
    }
)
