"""What stands around a compressed frame: which algorithm, which checksum, which control blocks.

Source: scylladb message/advanced_rpc_compressor.cc, message/advanced_rpc_compressor_protocol.hh, of 2025.1.
"""

import enum
import struct
import uuid
from dataclasses import dataclass

from harness.codec.rpc.headers import LAYER
from harness.errors import DecodeError, EncodeError

LZ4 = "LZ4"
LZ4_FRAGMENTED = "LZ4_FRAGMENTED"
SCYLLA_V3 = "SCYLLA_V3"

COMPRESSIONS = (LZ4_FRAGMENTED, LZ4, SCYLLA_V3)
"""Names in COMPRESS that can be unwrapped here."""

_CONTROL_BLOCK = struct.Struct("<BQBQQQ32s")
CONTROL_BLOCK_BYTES = _CONTROL_BLOCK.size
_NO_DICTIONARY = uuid.UUID(int=0)


class Algorithm(enum.IntEnum):
    """How SCYLLA_V3 compressed one frame."""

    RAW = 0
    LZ4 = 1
    ZSTD = 2


class ControlKind(enum.IntEnum):
    """What a control block does in the agreement on a dictionary."""

    NONE = 0
    UPDATE = 1
    COMMIT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlBlock:
    """What one end of a SCYLLA_V3 connection says about the algorithms and the dictionary of one direction."""

    kind: ControlKind

    epoch: int
    """Grows by one with each change."""

    algorithms: int
    """A bit set: bit n stands for ``Algorithm`` n; kept as a number, since later lines may add bits."""

    dictionary_id: uuid.UUID
    """All zero as long as no dictionary has been trained."""

    dictionary_timestamp: int
    """When the dictionary was made, in the sender's unit."""

    dictionary_sha256: bytes
    """The dictionary's 32-byte digest."""

    @property
    def has_dictionary(self) -> bool:
        """Whether the block names a dictionary."""
        return self.dictionary_id != _NO_DICTIONARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """How one frame was compressed."""

    compression: str
    """The name that was negotiated."""

    compressed_bytes: int
    """Size of all that follows the wrapper's own length."""

    algorithm: Algorithm | None = None
    """SCYLLA_V3 chooses for each frame; None for the others."""

    checksum: int | None = None
    """CRC-32C of the uncompressed frame, begun with 0 and not inverted; None if the frame has none."""

    control: tuple[ControlBlock, ControlBlock] | None = None
    """As the sender of this direction, and as the receiver of the other; None in most frames."""


def decode_control_block(data: bytes, position: int) -> ControlBlock:
    """Decode one half of a frame's control data.

    Wire, little endian: kind u8, epoch u64, algorithms u8, dictionary id as u64 low half and u64 high half,
    timestamp u64, SHA-256 32 bytes.

    Args:
        data: holds at least CONTROL_BLOCK_BYTES from position.
        position: where the block begins.

    Raises:
        DecodeError: an unknown kind.

    Source:
        scylladb message/advanced_rpc_compressor_protocol.hh.
    """
    kind, epoch, algorithms, low, high, timestamp, sha256 = _CONTROL_BLOCK.unpack_from(data, position)
    if kind > ControlKind.COMMIT:
        raise DecodeError(f"control block of kind {kind}", layer=LAYER, offset_bytes=position)
    return ControlBlock(
        kind=ControlKind(kind),
        epoch=epoch,
        algorithms=algorithms,
        dictionary_id=uuid.UUID(int=high << 64 | low),
        dictionary_timestamp=timestamp,
        dictionary_sha256=sha256,
    )


def encode_control_block(block: ControlBlock) -> bytes:
    """Return the block's bytes.

    Raises:
        EncodeError: a number does not fit, or the digest has not 32 bytes.
    """
    if len(block.dictionary_sha256) != 32:
        raise EncodeError(f"SHA-256 of {len(block.dictionary_sha256)} bytes")
    try:
        return _CONTROL_BLOCK.pack(
            block.kind,
            block.epoch,
            block.algorithms,
            block.dictionary_id.int & 0xFFFFFFFFFFFFFFFF,
            block.dictionary_id.int >> 64,
            block.dictionary_timestamp,
            block.dictionary_sha256,
        )
    except struct.error as error:
        raise EncodeError(f"control block: {error}") from error
