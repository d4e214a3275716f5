"""The compression SCYLLA_V3: each frame chooses its algorithm and may carry a checksum and control blocks.

Source: scylladb message/advanced_rpc_compressor.cc, message/advanced_rpc_compressor_protocol.hh,
utils/stream_compressor.cc, of 2025.1.
"""

import struct

import google_crc32c
import zstandard

from harness.codec.rpc.headers import FRAME_BYTES_MAX, LAYER
from harness.codec.rpc.lz4_block import WINDOW_BYTES, compress_block, decompress_block_of_unknown_size
from harness.codec.rpc.wrapper import (
    CONTROL_BLOCK_BYTES,
    SCYLLA_V3,
    Algorithm,
    ControlBlock,
    Wrapper,
    decode_control_block,
    encode_control_block,
)
from harness.errors import DecodeError, EncodeError, TruncatedError

_ALGORITHM_BITS = 0x3F
_CHECKSUM_BIT = 0x40
_CONTROL_BIT = 0x80

_ZSTD_LEVEL = 1
_ZSTD_WINDOW_LOG = 17
# Larger than what ScyllaDB uses, so that a change of its setting does no harm; a frame may claim any window,
# and the library allocates it.
_ZSTD_WINDOW_BYTES_MAX = 1 << 20
# At 128 KiB for each four bytes zstd can grow far more than LZ4; small pieces keep the limit near.
_ZSTD_PIECE_BYTES = 1 << 10

_LZ4_BLOCK_CONTENTS_BYTES = 1 << 15


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of data, begun with 0 and without inversion at the end.

    The library begins with all bits set and inverts at the end, as others do; extending its checksum ffffffff
    begins with 0, and inverting again takes the inversion back.
    """
    checksum: int = google_crc32c.extend(0xFFFFFFFF, data)
    return checksum ^ 0xFFFFFFFF


def unwrap_scylla_v3(cdata: bytes) -> tuple[bytes, Wrapper]:
    """Return the frame (empty if there is only a control block, or nothing) and how it was wrapped.

    Wire, little endian: u8 (algorithm in the low six bits, 40 checksum, 80 control), [checksum u32],
    [control block of the sender, of the receiver], payload.

    Raises:
        DecodeError: an unknown algorithm, a corrupt payload, a wrong checksum.
    """
    if not cdata:
        raise TruncatedError("SCYLLA_V3 frame without its first byte", layer=LAYER, offset_bytes=0)
    algorithm, checksum, control, position = _decode_head(cdata)
    payload = cdata[position:]
    match algorithm:
        case Algorithm.RAW:
            contents = payload
        case Algorithm.LZ4:
            contents = _decompress_lz4(payload)
        case Algorithm.ZSTD:
            contents = _decompress_zstd(payload)
    if checksum is not None and crc32c(contents) != checksum:
        raise DecodeError(
            f"checksum {crc32c(contents):08x} instead of {checksum:08x}", layer=LAYER, offset_bytes=1
        )
    return contents, Wrapper(
        compression=SCYLLA_V3,
        compressed_bytes=len(cdata),
        algorithm=algorithm,
        checksum=checksum,
        control=control,
    )


def decode_control(cdata: bytes) -> tuple[ControlBlock, ControlBlock] | None:
    """Return the control blocks of a frame, even if its contents cannot be decompressed.

    Raises:
        DecodeError: the head of the frame is malformed.
    """
    if not cdata:
        return None
    return _decode_head(cdata)[2]


def _decode_head(
    cdata: bytes,
) -> tuple[Algorithm, int | None, tuple[ControlBlock, ControlBlock] | None, int]:
    head = cdata[0]
    position = 1
    if head & _ALGORITHM_BITS > Algorithm.ZSTD:
        raise DecodeError(
            f"SCYLLA_V3 frame with algorithm {head & _ALGORITHM_BITS}", layer=LAYER, offset_bytes=0
        )
    checksum = None
    control = None
    head_bytes = (
        1 + (4 if head & _CHECKSUM_BIT else 0) + (2 * CONTROL_BLOCK_BYTES if head & _CONTROL_BIT else 0)
    )
    if len(cdata) < head_bytes:
        raise TruncatedError(
            f"SCYLLA_V3 head of {head_bytes} bytes in {len(cdata)}", layer=LAYER, offset_bytes=0
        )
    if head & _CHECKSUM_BIT:
        (checksum,) = struct.unpack_from("<I", cdata, position)
        position += 4
    if head & _CONTROL_BIT:
        control = (
            decode_control_block(cdata, position),
            decode_control_block(cdata, position + CONTROL_BLOCK_BYTES),
        )
    return Algorithm(head & _ALGORITHM_BITS), checksum, control, head_bytes


def _decompress_lz4(payload: bytes) -> bytes:
    """Decompress blocks, each behind its size, which may refer back to the output of those before.

    The size takes as many bytes as its first byte has trailing zero bits, and one; it stands above them.
    """
    contents = b""
    position = 0
    while position < len(payload):
        first = payload[position]
        size_bytes = (first & -first).bit_length()
        start = position + size_bytes
        if first == 0 or start > len(payload):
            raise DecodeError("malformed size of an LZ4 block", layer=LAYER, offset_bytes=position)
        stop = start + (int.from_bytes(payload[position:start], "little") >> size_bytes)
        if stop > len(payload):
            raise TruncatedError("LZ4 block beyond its frame", layer=LAYER, offset_bytes=position)
        if start == stop:
            raise DecodeError("LZ4 block of no bytes", layer=LAYER, offset_bytes=position)
        window = contents[-WINDOW_BYTES:]
        contents += decompress_block_of_unknown_size(payload[start:stop], window=window)
        if len(contents) > FRAME_BYTES_MAX:
            raise DecodeError(
                f"frame of more than {FRAME_BYTES_MAX} bytes", layer=LAYER, offset_bytes=position
            )
        position = stop
    return contents


def _decompress_zstd(payload: bytes) -> bytes:
    """Decompress one zstd frame that has no magic and tells no size."""
    # The library takes a new object for each frame in this form; it is made once per frame and not kept,
    # because decoding holds no state from one frame to the next.
    decompressor = zstandard.ZstdDecompressor(
        format=zstandard.FORMAT_ZSTD1_MAGICLESS, max_window_size=_ZSTD_WINDOW_BYTES_MAX
    ).decompressobj()
    pieces: list[bytes] = []
    size_bytes = 0
    try:
        for position in range(0, len(payload), _ZSTD_PIECE_BYTES):
            if decompressor.eof:
                raise DecodeError("bytes after the zstd frame", layer=LAYER, offset_bytes=position)
            piece = decompressor.decompress(payload[position : position + _ZSTD_PIECE_BYTES])
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > FRAME_BYTES_MAX:
                raise DecodeError(
                    f"frame of more than {FRAME_BYTES_MAX} bytes", layer=LAYER, offset_bytes=position
                )
    except zstandard.ZstdError as error:
        raise DecodeError(f"corrupt zstd frame: {error}", layer=LAYER, offset_bytes=0) from error
    if not decompressor.eof:
        raise TruncatedError("zstd frame without its end", layer=LAYER, offset_bytes=len(payload))
    if decompressor.unused_data:
        raise DecodeError("bytes after the zstd frame", layer=LAYER, offset_bytes=len(payload))
    return b"".join(pieces)


def wrap_scylla_v3(
    contents: bytes,
    *,
    algorithm: Algorithm = Algorithm.LZ4,
    has_checksum: bool = True,
    control: tuple[ControlBlock, ControlBlock] | None = None,
) -> bytes:
    """Return cdata, what stands behind the wrapper's length.

    Raises:
        EncodeError: a control block that has no form on the wire.
    """
    head = algorithm | (_CHECKSUM_BIT if has_checksum else 0) | (_CONTROL_BIT if control else 0)
    parts = [bytes([head])]
    if has_checksum:
        parts.append(struct.pack("<I", crc32c(contents)))
    if control is not None:
        parts += [encode_control_block(block) for block in control]
    match algorithm:
        case Algorithm.RAW:
            parts.append(contents)
        case Algorithm.LZ4:
            parts.append(_compress_lz4(contents))
        case Algorithm.ZSTD:
            parts.append(_compress_zstd(contents))
    return b"".join(parts)


def _compress_lz4(contents: bytes) -> bytes:
    parts: list[bytes] = []
    for start in range(0, len(contents), _LZ4_BLOCK_CONTENTS_BYTES):
        window = contents[max(0, start - WINDOW_BYTES) : start]
        block = compress_block(contents[start : start + _LZ4_BLOCK_CONTENTS_BYTES], window=window)
        parts += [_encode_size(len(block)), block]
    return b"".join(parts)


def _encode_size(size: int) -> bytes:
    for size_bytes in range(1, 9):
        if size < 1 << 7 * size_bytes:
            return (size << size_bytes | 1 << (size_bytes - 1)).to_bytes(size_bytes, "little")
    raise EncodeError(f"LZ4 block of {size} bytes")


def _compress_zstd(contents: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _ZSTD_LEVEL,
        window_log=_ZSTD_WINDOW_LOG,
        format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        write_content_size=False,
        write_checksum=False,
        write_dict_id=False,
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(contents)
