"""Partition keys to ring tokens, as Murmur3Partitioner does it.

Source:
    Scylla, dht/murmur3_partitioner.cc, utils/murmur_hash.cc, keys.hh (the form in which composite partition
    keys are hashed); Apache Cassandra, MurmurHash.java, whose sign extension all have to repeat.
"""

from collections.abc import Sequence
from struct import Struct

MINIMUM_TOKEN = -(2**63)
"""Before all keys; also the token of the empty key."""
MAXIMUM_TOKEN = 2**63 - 1

_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F
_MASK = 2**64 - 1
_BLOCK = Struct("<QQ")


def token_of(key: Sequence[bytes]) -> int:
    """Compute the ring token of a partition key.

    Args:
        key: the components as CQL values, in schema order.
    """
    return token_of_serialized(serialized_key(key))


def serialized_key(key: Sequence[bytes]) -> bytes:
    """Give the bytes of a partition key that are hashed, and that CQL's routing keys have.

    One component stands as it is; each of several as u16 length, big endian, its bytes, and a zero.
    """
    if len(key) == 1:
        return key[0]
    return b"".join(
        [(len(part) & 0xFFFF).to_bytes(2, "big") + part + b"\x00" for part in key]  # & 0xFFFF: hostile keys
    )


def token_of_serialized(key: bytes) -> int:
    """Compute the ring token of a partition key in the form of ``serialized_key``."""
    if not key:
        return MINIMUM_TOKEN
    hashed = _murmur3_first_half(key)
    if hashed >= 2**63:
        hashed -= 2**64
    # The smallest number is no token of a key.
    return MAXIMUM_TOKEN if hashed == MINIMUM_TOKEN else hashed


def _murmur3_first_half(data: bytes) -> int:
    """MurmurHash3_x64_128 with seed 0: the first 64 of its 128 bits."""
    h1 = h2 = 0
    tail_bytes = len(data) & 15
    body_bytes = len(data) - tail_bytes
    for k1, k2 in _BLOCK.iter_unpack(data[:body_bytes]):
        h1 ^= _mix1(k1)
        h1 = ((_rotate(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _mix2(k2)
        h2 = ((_rotate(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    if tail_bytes:
        # The bytes of the tail are signed in Java, and Cassandra's tokens came to depend on that: a byte from
        # 128 on inverts all bits above it.
        tail = data[body_bytes:]
        if tail_bytes > 8:
            h2 ^= _mix2(_signed_tail(tail[8:]))
        h1 ^= _mix1(_signed_tail(tail[:8]))
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return (_final_mix(h1) + _final_mix(h2)) & _MASK


def _signed_tail(tail: bytes) -> int:
    value = 0
    for index, byte in enumerate(tail):
        value ^= (byte - 256 if byte > 127 else byte) << 8 * index
    return value & _MASK


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK


def _mix1(k1: int) -> int:
    return _rotate(k1 * _C1 & _MASK, 31) * _C2 & _MASK


def _mix2(k2: int) -> int:
    return _rotate(k2 * _C2 & _MASK, 33) * _C1 & _MASK


def _final_mix(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33
