"""Frames as they travel when compression is in force: a length, and a frame compressed as a whole.

Wire, little endian: compressed length u32, and so many bytes, which hold one frame or none.

Source: seastar src/rpc/lz4_compressor.cc, src/rpc/lz4_fragmented_compressor.cc; scylladb
message/messaging_service.cc, of the lines 4.2 to 2026.3.
"""

import struct

from harness.codec.rpc.headers import FRAME_BYTES_MAX, LAYER
from harness.codec.rpc.lz4_block import WINDOW_BYTES, compress_block, decompress_block
from harness.codec.rpc.scylla_v3 import unwrap_scylla_v3, wrap_scylla_v3
from harness.codec.rpc.wrapper import LZ4, LZ4_FRAGMENTED, SCYLLA_V3, Algorithm, ControlBlock, Wrapper
from harness.errors import DecodeError, EncodeError, TruncatedError

_U32 = struct.Struct("<I")
_LAST_CHUNK = 1 << 31
_CHUNK_CONTENTS_BYTES = 1 << 15


def unwrap(compression: str, cdata: bytes) -> tuple[bytes, Wrapper]:
    """Return the frame inside, empty if there is none, and how it was wrapped.

    Args:
        compression: the name that was negotiated.
        cdata: what stands behind the wrapper's length.

    Raises:
        DecodeError: an unknown compression, corrupt data, or more than FRAME_BYTES_MAX.
    """
    if compression == LZ4_FRAGMENTED:
        return _unwrap_lz4_fragmented(cdata), Wrapper(compression=compression, compressed_bytes=len(cdata))
    if compression == LZ4:
        return _unwrap_lz4(cdata), Wrapper(compression=compression, compressed_bytes=len(cdata))
    if compression == SCYLLA_V3:
        return unwrap_scylla_v3(cdata)
    raise DecodeError(f"compression {compression!r} is not known", layer=LAYER, offset_bytes=0)


def wrap(
    compression: str,
    frame: bytes,
    *,
    algorithm: Algorithm = Algorithm.LZ4,
    has_checksum: bool = True,
    control: tuple[ControlBlock, ControlBlock] | None = None,
) -> bytes:
    """Return a frame with its wrapper, as it travels.

    Args:
        compression: the name that was negotiated.
        frame: what ``encode_frame`` returned; empty for a frame that is nothing but its wrapper.
        algorithm: of this frame, for SCYLLA_V3.
        has_checksum: for SCYLLA_V3.
        control: for SCYLLA_V3.

    Raises:
        EncodeError: an unknown compression.
    """
    if compression == LZ4_FRAGMENTED:
        cdata = _wrap_lz4_fragmented(frame)
    elif compression == LZ4:
        cdata = _U32.pack(len(frame)) + compress_block(frame)
    elif compression == SCYLLA_V3:
        cdata = wrap_scylla_v3(frame, algorithm=algorithm, has_checksum=has_checksum, control=control)
    else:
        raise EncodeError(f"compression {compression!r} is not known")
    return _U32.pack(len(cdata)) + cdata


def _unwrap_lz4(cdata: bytes) -> bytes:
    """Decompress: size u32 of the frame, one block."""
    if len(cdata) < 4:
        raise TruncatedError(f"LZ4 frame of {len(cdata)} bytes", layer=LAYER, offset_bytes=0)
    (size_bytes,) = _U32.unpack_from(cdata)
    return decompress_block(cdata[4:], size_bytes=size_bytes)


def _unwrap_lz4_fragmented(cdata: bytes) -> bytes:
    """Decompress chunks, which may refer back to the output of those before.

    Wire of a chunk but the last: compressed size u32, a block of 32768 bytes. Of the last: size of its
    contents u32 with the highest bit set, and a block up to the end.
    """
    contents = bytearray()
    position = 0
    while True:
        if len(cdata) - position < 4:
            raise TruncatedError(
                "LZ4_FRAGMENTED frame without a last chunk", layer=LAYER, offset_bytes=position
            )
        (head,) = _U32.unpack_from(cdata, position)
        position += 4
        window = bytes(contents[-WINDOW_BYTES:])
        if head & _LAST_CHUNK:
            size_bytes = head ^ _LAST_CHUNK
            contents += decompress_block(cdata[position:], size_bytes=size_bytes, window=window)
            return bytes(contents)
        stop = position + head
        if stop > len(cdata):
            raise TruncatedError("LZ4_FRAGMENTED chunk beyond its frame", layer=LAYER, offset_bytes=position)
        contents += decompress_block(cdata[position:stop], size_bytes=_CHUNK_CONTENTS_BYTES, window=window)
        if len(contents) > FRAME_BYTES_MAX:
            raise DecodeError(
                f"frame of more than {FRAME_BYTES_MAX} bytes", layer=LAYER, offset_bytes=position
            )
        position = stop


def _wrap_lz4_fragmented(frame: bytes) -> bytes:
    parts: list[bytes] = []
    start = 0
    while len(frame) - start > _CHUNK_CONTENTS_BYTES:
        window = frame[max(0, start - WINDOW_BYTES) : start]
        block = compress_block(frame[start : start + _CHUNK_CONTENTS_BYTES], window=window)
        parts += [_U32.pack(len(block)), block]
        start += _CHUNK_CONTENTS_BYTES
    window = frame[max(0, start - WINDOW_BYTES) : start]
    parts += [_U32.pack(len(frame) - start | _LAST_CHUNK), compress_block(frame[start:], window=window)]
    return b"".join(parts)
