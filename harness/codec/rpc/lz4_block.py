"""Raw LZ4 blocks whose size and dependency on earlier output come from their frame, with limits on what they claim.

The library does the work; here are the limits and our errors, for three formats that share them.
"""

import lz4.block

from harness.codec.rpc.headers import FRAME_BYTES_MAX, LAYER
from harness.errors import DecodeError

WINDOW_BYTES = 1 << 16
"""How far back a block may refer; older output can be forgotten."""

_GROWTH_MAX = 255
"""A byte of a block yields at most so many: the greatest that one byte of a length adds."""


def decompress_block(block: bytes, *, size_bytes: int, window: bytes = b"") -> bytes:
    """Return the contents of a block that is known to hold size_bytes.

    Raises:
        DecodeError: the claim is beyond what the block can hold, or the block is corrupt or of another size.
    """
    _check_claim(len(block), size_bytes)
    contents = _decompress(block, size_bytes, window)
    if len(contents) != size_bytes:
        raise DecodeError(
            f"LZ4 block of {len(contents)} bytes instead of {size_bytes}", layer=LAYER, offset_bytes=0
        )
    return contents


def decompress_block_of_unknown_size(block: bytes, *, window: bytes = b"") -> bytes:
    """Return the contents of a block whose size is told nowhere.

    Raises:
        DecodeError: the block is corrupt, or holds more than FRAME_BYTES_MAX.
    """
    size_bytes_max = min(len(block) * _GROWTH_MAX, FRAME_BYTES_MAX)
    room = min(size_bytes_max, max(WINDOW_BYTES, 4 * len(block)))
    if room < size_bytes_max:
        try:
            return _decompress(block, room, window)
        except DecodeError:
            # The library has one error for a corrupt block and for too little room. Frames that shrink to
            # less than a quarter are rare, and the room they may need is too much to allocate for each.
            pass
    return _decompress(block, size_bytes_max, window)


def compress_block(contents: bytes, *, window: bytes = b"") -> bytes:
    """Return contents as one block, which may refer back into the window."""
    block: bytes = lz4.block.compress(contents, store_size=False, dict=window)
    return block


def _check_claim(block_bytes: int, size_bytes: int) -> None:
    if size_bytes > block_bytes * _GROWTH_MAX or size_bytes > FRAME_BYTES_MAX:
        raise DecodeError(
            f"{size_bytes} bytes claimed of an LZ4 block of {block_bytes}", layer=LAYER, offset_bytes=0
        )


def _decompress(block: bytes, room_bytes: int, window: bytes) -> bytes:
    try:
        contents: bytes = lz4.block.decompress(block, uncompressed_size=room_bytes, dict=window)
    except lz4.block.LZ4BlockError as error:
        raise DecodeError(f"corrupt LZ4 block of {len(block)} bytes", layer=LAYER, offset_bytes=0) from error
    return contents
