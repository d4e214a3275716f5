"""Ranges of partitions on the ring, as reads name them, and the order in which nodes keep partitions.

Source:
    Scylla, dht/i_partitioner.hh (ring_position, its order), dht/ring_position.hh.
"""

from collections.abc import Sequence
from functools import lru_cache

from harness.codec.verbs.common import Key, PartitionRange, RingBound, RingPosition, Token, TokenKind
from harness.partitioner import serialized_key, token_of

RingPlace = tuple[int, int, int, bytes]
"""Kind of token, token, edge (-1 before its keys, +1 behind them, 0: a key), key; sorts as the ring does."""

_BEFORE_ALL: RingPlace = (TokenKind.BEFORE_ALL_KEYS, 0, -1, b"")
_AFTER_ALL: RingPlace = (TokenKind.AFTER_ALL_KEYS, 0, 1, b"")

FIRST_TOKEN = Token(kind=TokenKind.BEFORE_ALL_KEYS, data=bytes(8))
"""Lies before all keys."""
LAST_TOKEN = Token(kind=TokenKind.AFTER_ALL_KEYS, data=bytes(8))
"""Lies behind all keys."""

WHOLE_RING = PartitionRange(start=None, end=None, singular=False)


@lru_cache(maxsize=65536)
def place_of_key(key: tuple[bytes, ...]) -> RingPlace:
    """The place of a partition."""
    return (TokenKind.KEY, token_of(key), 0, serialized_key(key))


def place_of(position: RingPosition) -> RingPlace:
    """The place of a ring position."""
    token = position.token
    if position.key is None:
        return (token.kind, token.value, position.bound, b"")
    return (token.kind, token.value, 0, serialized_key(position.key.components))


def edges_of(partitions: PartitionRange) -> tuple[RingPlace, RingPlace, bool, bool]:
    """Give where a range begins and ends, and whether the start and the end belong to it."""
    start, end = partitions.start, partitions.start if partitions.singular else partitions.end
    return (
        _BEFORE_ALL if start is None else place_of(start.value),
        _AFTER_ALL if end is None else place_of(end.value),
        start is None or start.inclusive,
        end is None or end.inclusive,
    )


def ring_token(token: int) -> Token:
    """A token of keys as the wire has it."""
    return Token(kind=TokenKind.KEY, data=token.to_bytes(8, "big", signed=True))


def key_position(key: Sequence[bytes]) -> RingPosition:
    """The position of a partition."""
    return RingPosition(token=ring_token(token_of(key)), bound=0, key=Key(components=tuple(key)))


def token_edge(token: Token, edge: int) -> RingPosition:
    """The position before (edge -1) or behind (+1) all keys of a token."""
    return RingPosition(token=token, bound=edge, key=None)


def single_partition(key: Sequence[bytes]) -> PartitionRange:
    """The range of one partition."""
    bound = RingBound(value=key_position(key), inclusive=True)
    return PartitionRange(start=bound, end=bound, singular=True)


def token_interval(first: int | None, last: int | None) -> PartitionRange:
    """The partitions behind a token, up to another and including it; None: as far as the ring goes.

    This is the range between two tokens of nodes next to each other on the ring.
    """
    return PartitionRange(
        start=None if first is None else RingBound(value=token_edge(ring_token(first), 1), inclusive=False),
        end=None if last is None else RingBound(value=token_edge(ring_token(last), 1), inclusive=True),
        singular=False,
    )
