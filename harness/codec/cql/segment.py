"""The outer framing of protocol version 5: segments with checksums, which carry the frames.

After STARTUP was answered by READY or AUTHENTICATE, both directions are a sequence of segments:

    without compression   3 bytes: payload_bytes 17 bits, is_self_contained 1 bit; crc24 3 bytes; payload; crc32
    with LZ4              5 bytes: payload_bytes 17 bits, unpacked_bytes 17 bits, is_self_contained 1 bit;
                          crc24 3 bytes; payload; crc32

All of it little endian, bits from the lowest. unpacked_bytes 0 means that the payload was left as it is.
A self-contained segment holds whole frames; the others hold a part of one frame each.

Source: native_protocol_v5.spec of Apache Cassandra 4.0, "2.1 Uncompressed Format", "2.2 Compressed Format",
"2.3 Framing"; the checksums' parameters: org.apache.cassandra.net.Crc.
"""

import struct
import zlib
from typing import NamedTuple

from harness.codec.cql.compression import pack_lz4_block, unpack_lz4_block
from harness.errors import DecodeError

PAYLOAD_BYTES_MAX = (1 << 17) - 1
_CRC24_START = 0x875060
_CRC24_POLYNOMIAL = 0x1974F0B
_CRC32_START = zlib.crc32(b"\xfa\x2d\x55\xca")
_U32 = struct.Struct("<I")


def _crc24_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC24_POLYNOMIAL
        table.append(crc)
    return tuple(table)


_CRC24_TABLE = _crc24_table()


def crc24(data: bytes) -> int:
    """The checksum of a segment's header, over its bytes in the order of the wire."""
    crc = _CRC24_START
    for byte in data:
        crc = ((crc << 8) & 0xFFFFFF) ^ _CRC24_TABLE[(crc >> 16) ^ byte]
    return crc


def crc32(payload: bytes) -> int:
    """The checksum of a segment's payload as it stands on the wire."""
    return zlib.crc32(payload, _CRC32_START)


class SegmentHeader(NamedTuple):
    """What stands before a segment's payload."""

    header_bytes: int
    """6, or 8 with LZ4; the checksum included."""

    payload_bytes: int
    unpacked_bytes: int
    """0 if the payload is not compressed."""

    is_self_contained: bool

    @property
    def segment_bytes(self) -> int:
        """From the first byte of the header to the last of the payload's checksum."""
        return self.header_bytes + self.payload_bytes + 4


def decode_segment_header(data: bytes, position: int, *, is_lz4: bool) -> SegmentHeader | None:
    """Return the header at position, or None if its checksum says that there is none.

    The caller sees to it that 6 bytes, or 8 with LZ4, are there.
    """
    size_bytes = 5 if is_lz4 else 3
    bits = int.from_bytes(data[position : position + size_bytes], "little")
    stored = int.from_bytes(data[position + size_bytes : position + size_bytes + 3], "little")
    if crc24(data[position : position + size_bytes]) != stored:
        return None
    if is_lz4:
        return SegmentHeader(8, bits & 0x1FFFF, (bits >> 17) & 0x1FFFF, bool(bits >> 34 & 1))
    return SegmentHeader(6, bits & 0x1FFFF, 0, bool(bits >> 17 & 1))


def decode_segment_payload(data: bytes, position: int, header: SegmentHeader) -> bytes:
    """Return the unpacked payload of the whole segment at position.

    Raises:
        DecodeError: its checksum differs, or it does not unpack.
    """
    start = position + header.header_bytes
    payload = data[start : start + header.payload_bytes]
    (stored,) = _U32.unpack_from(data, start + header.payload_bytes)
    if crc32(payload) != stored:
        raise DecodeError(
            f"segment with checksum {crc32(payload):08x}, {stored:08x} is stored",
            layer="cql",
            offset_bytes=position,
        )
    if header.unpacked_bytes:
        return unpack_lz4_block(payload, header.unpacked_bytes)
    return payload


def encode_segments(frames: bytes, *, is_lz4: bool) -> bytes:
    """Return the segments that carry these frames.

    Args:
        frames: whole frames, one after the other; more than ``PAYLOAD_BYTES_MAX`` bytes only as a single frame.
        is_lz4: whether STARTUP negotiated LZ4. A payload that does not become shorter is left as it is.
    """
    if len(frames) <= PAYLOAD_BYTES_MAX:
        return _encode_segment(frames, is_self_contained=True, is_lz4=is_lz4)
    return b"".join(
        _encode_segment(frames[start : start + PAYLOAD_BYTES_MAX], is_self_contained=False, is_lz4=is_lz4)
        for start in range(0, len(frames), PAYLOAD_BYTES_MAX)
    )


def _encode_segment(payload: bytes, *, is_self_contained: bool, is_lz4: bool) -> bytes:
    unpacked_bytes = 0
    if is_lz4:
        block = pack_lz4_block(payload)
        if len(block) < len(payload):
            unpacked_bytes = len(payload)
            payload = block
        bits = len(payload) | unpacked_bytes << 17 | is_self_contained << 34
        header = bits.to_bytes(5, "little")
    else:
        header = (len(payload) | is_self_contained << 17).to_bytes(3, "little")
    return header + crc24(header).to_bytes(3, "little") + payload + _U32.pack(crc32(payload))
