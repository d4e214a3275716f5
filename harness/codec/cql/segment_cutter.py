"""Cuts one direction of a version 5 connection into segments, and gives their payloads."""

import re
from typing import NamedTuple

from harness.codec.cql.cutter import CUT_SHORT, MISSING
from harness.codec.cql.held_bytes import HeldBytes, Piece
from harness.codec.cql.segment import decode_segment_header, decode_segment_payload
from harness.errors import DecodeError

_NO_SEGMENT = "no segment starts here"

# The highest bits of a header, in its third or fifth byte, are not used.
_PLAIN_HEADER = re.compile(rb"(?=..[\x00-\x03]...)", re.DOTALL)
_LZ4_HEADER = re.compile(rb"(?=....[\x00-\x07]...)", re.DOTALL)


class SegmentPayload(NamedTuple):
    """What one segment carries, unpacked."""

    data: bytes
    is_self_contained: bool
    first_mark: int
    last_mark: int
    reason: str
    """Empty; else why data is not a payload but raw bytes of the stream."""


class SegmentCutter:
    """Takes the bytes of one direction in order; holds at most one unfinished segment, of 128 KiB.

    Args:
        is_lz4: whether STARTUP negotiated LZ4.
    """

    __slots__ = ("_header", "_held", "_lost_reason", "_needed_bytes", "is_lz4")

    def __init__(self, *, is_lz4: bool) -> None:
        self.is_lz4 = is_lz4
        self._header = _LZ4_HEADER if is_lz4 else _PLAIN_HEADER
        self._held = HeldBytes()
        self._needed_bytes = 0
        self._lost_reason = _NO_SEGMENT

    def cut(self, piece: Piece) -> list[SegmentPayload]:
        """Take the next bytes; return the payloads they complete, and what lies between segments."""
        held = self._held
        held.append(piece)
        payloads: list[SegmentPayload] = []
        if held.size_bytes < self._needed_bytes:
            return payloads
        data = held.join()
        held.index()
        header_bytes = 8 if self.is_lz4 else 6
        position = 0
        self._needed_bytes = header_bytes
        while len(data) - position >= header_bytes:
            header = decode_segment_header(data, position, is_lz4=self.is_lz4)
            if header is None:
                start = self._find(data, position + 1, header_bytes)
                payloads.append(
                    SegmentPayload(
                        data[position:start], False, *held.marks(position, start), self._lost_reason
                    )
                )
                self._lost_reason = _NO_SEGMENT
                position = start
                continue
            end = position + header.segment_bytes
            if end > len(data):
                self._needed_bytes = end - position
                break
            marks = held.marks(position, end)
            try:
                payload = decode_segment_payload(data, position, header)
                payloads.append(SegmentPayload(payload, header.is_self_contained, *marks, ""))
            except DecodeError as error:
                payloads.append(SegmentPayload(data[position:end], False, *marks, error.what))
            position = end
        held.drop(position)
        return payloads

    def _find(self, data: bytes, position: int, header_bytes: int) -> int:
        """Return where the next segment starts, or where one may whose header is not whole yet."""
        for match in self._header.finditer(data, position):
            offset = match.start()
            if len(data) - offset < header_bytes:
                break
            if decode_segment_header(data, offset, is_lz4=self.is_lz4) is not None:
                return offset
        return max(position, len(data) - header_bytes + 1)

    def gap(self) -> list[SegmentPayload]:
        """Bytes are missing here: give up what is held."""
        self._lost_reason = MISSING
        return self.close(MISSING)

    def close(self, reason: str = CUT_SHORT) -> list[SegmentPayload]:
        """Nothing follows: give up what is held."""
        held = self._held
        if not held.pieces:
            return []
        payload = SegmentPayload(
            held.join(), False, held.pieces[0].first_mark, held.pieces[-1].last_mark, reason
        )
        held.clear()
        self._needed_bytes = 0
        return [payload]
