"""Compressed bodies: LZ4 and Snappy, as STARTUP negotiates them.

Both libraries allocate what the peer claims, so the claim is checked first against what so many bytes can unpack
to at most.
"""

import struct
from enum import Enum

import cramjam
import lz4.block

from harness.errors import DecodeError, EncodeError

UNPACKED_BYTES_MAX = 256 * 1024 * 1024

_LZ4_RATIO_MAX = 256
"""A byte of an LZ4 block adds at most 255 to a length; one more covers the shortest blocks."""

_SNAPPY_RATIO_MAX = 64
"""A Snappy copy of two bytes at least writes at most 64."""

_SIZE = struct.Struct(">I")


class Compression(Enum):
    """How bodies with the compression flag are packed; the value is what STARTUP calls it."""

    NONE = ""
    LZ4 = "lz4"
    SNAPPY = "snappy"


def pack_body(compression: Compression, body: bytes) -> bytes:
    """Compress a body.

    Raises:
        EncodeError: the algorithm is NONE.

    Source:
        native_protocol_v4.spec, "5. Compression": LZ4 bodies start with the unpacked size, u32 big endian.
    """
    match compression:
        case Compression.LZ4:
            return _SIZE.pack(len(body)) + bytes(lz4.block.compress(body, store_size=False))
        case Compression.SNAPPY:
            return bytes(cramjam.snappy.compress_raw(body))
        case Compression.NONE:
            raise EncodeError("a compressed body without a negotiated algorithm")


def unpack_body(compression: Compression, body: bytes) -> bytes:
    """Undo ``pack_body``.

    Raises:
        DecodeError: the algorithm is NONE, or the bytes do not unpack to what they claim.
    """
    match compression:
        case Compression.LZ4:
            if len(body) < 4:
                raise DecodeError("LZ4 body without its size", layer="cql", offset_bytes=0)
            return unpack_lz4_block(body[4:], _SIZE.unpack_from(body)[0])
        case Compression.SNAPPY:
            return _unpack_snappy(body)
        case Compression.NONE:
            raise DecodeError("compressed, but no compression was negotiated", layer="cql", offset_bytes=0)


def pack_lz4_block(data: bytes) -> bytes:
    """Compress to a bare LZ4 block, whose unpacked size must be told elsewhere."""
    return bytes(lz4.block.compress(data, store_size=False))


def unpack_lz4_block(block: bytes, size_bytes: int) -> bytes:
    """Unpack a bare LZ4 block.

    Raises:
        DecodeError: the block does not unpack to exactly size_bytes.
    """
    if size_bytes > UNPACKED_BYTES_MAX or size_bytes > _LZ4_RATIO_MAX * len(block):
        raise DecodeError(f"LZ4 block of {len(block)} bytes claims {size_bytes}", layer="cql", offset_bytes=0)
    try:
        data = bytes(lz4.block.decompress(block, uncompressed_size=size_bytes))
    except lz4.block.LZ4BlockError as error:
        raise DecodeError(f"LZ4 block is damaged: {error}", layer="cql", offset_bytes=0) from error
    if len(data) != size_bytes:
        raise DecodeError(
            f"LZ4 block claims {size_bytes} bytes and holds {len(data)}", layer="cql", offset_bytes=0
        )
    return data


def _unpack_snappy(body: bytes) -> bytes:
    size_bytes = 0
    for index, byte in enumerate(body[:5]):
        size_bytes |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            break
    if size_bytes > UNPACKED_BYTES_MAX or size_bytes > _SNAPPY_RATIO_MAX * len(body):
        raise DecodeError(
            f"Snappy body of {len(body)} bytes claims {size_bytes}", layer="cql", offset_bytes=0
        )
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise DecodeError(f"Snappy body is damaged: {error}", layer="cql", offset_bytes=0) from error
