"""Types that many payloads share: keys, tokens, ranges, tombstones, tracing.

Source:
    Scylla, idl/keys.idl.hh, idl/token.idl.hh, idl/ring_position.idl.hh, idl/range.idl.hh,
    idl/mutation.idl.hh (tombstone), idl/tracing.idl.hh, idl/consistency_level.idl.hh.
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.wire import (
    ABSENT,
    I8,
    I32,
    I64,
    U8,
    U32,
    U64,
    Absent,
    Blob,
    Flag,
    Number,
    Since,
    Uuid,
    sized,
)

MISSING_TIMESTAMP = -(2**63)
"""The write timestamp that says "none"."""


class ConsistencyLevel(IntEnum):
    """How many replicas must answer."""

    ANY = 0
    ONE = 1
    TWO = 2
    THREE = 3
    QUORUM = 4
    ALL = 5
    LOCAL_QUORUM = 6
    EACH_QUORUM = 7
    SERIAL = 8
    LOCAL_SERIAL = 9
    LOCAL_ONE = 10


class TokenKind(IntEnum):
    """What a token stands for."""

    BEFORE_ALL_KEYS = 0
    KEY = 1
    AFTER_ALL_KEYS = 2


class BoundKind(IntEnum):
    """Where a bound of clustering keys lies; the numbers are those that are cast to the wire."""

    EXCLUSIVE_END = 0
    INCLUSIVE_START = 1
    INCLUSIVE_END = 6
    EXCLUSIVE_START = 7


class PartitionRegion(IntEnum):
    """The part of a partition that a position lies in."""

    PARTITION_START = 0
    STATIC_ROW = 1
    CLUSTERED = 2
    PARTITION_END = 3


@sized
class Key:
    """A partition key or a (prefix of a) clustering key: its components as CQL values, in schema order."""

    components: tuple[Blob, ...]


@sized
class Token:
    """A ring token."""

    kind: Annotated[int, Number("i32", TokenKind)]
    data: Blob
    """Eight bytes, big endian, signed."""

    @property
    def value(self) -> int:
        """The token as a number."""
        return int.from_bytes(self.data, "big", signed=True)


@sized
class DecoratedKey:
    """A partition key with its token."""

    token: Token
    key: Key


@sized
class RingPosition:
    """A place on the ring: a key, or the edge before or after a token."""

    token: Token
    bound: I8
    """-1 before, +1 after all keys of the token; 0 when there is a key."""
    key: Key | None


@sized
class RingBound:
    """One bound of a range of ring positions."""

    value: RingPosition
    inclusive: Flag


@sized
class PartitionRange:
    """A range of partitions; a singular one has its start written as its end too."""

    start: RingBound | None
    end: RingBound | None
    singular: Flag


@sized
class TokenBound:
    """One bound of a token range."""

    value: Token
    inclusive: Flag


@sized
class TokenRange:
    """A range of tokens."""

    start: TokenBound | None
    end: TokenBound | None
    singular: Flag


@sized
class ClusteringBound:
    """One bound of a range of rows."""

    value: Key
    inclusive: Flag


@sized
class ClusteringRange:
    """A range of rows in a partition."""

    start: ClusteringBound | None
    end: ClusteringBound | None
    singular: Flag


@sized
class PositionInPartition:
    """A place among the rows of a partition."""

    region: Annotated[int, Number("u8", PartitionRegion)]
    weight: I8
    """-1 before, 0 at, +1 after the key."""
    key: Key | None


@sized
class FullPosition:
    """A place in a table: partition, and place in it."""

    partition_key: Key
    position: PositionInPartition


@sized
class Tombstone:
    """A deletion."""

    timestamp: I64
    """Write timestamp in microseconds; ``MISSING_TIMESTAMP``: nothing is deleted."""
    deletion_time: U64
    """Seconds since 1970."""

    @property
    def exists(self) -> bool:
        """Whether anything is deleted."""
        return self.timestamp != MISSING_TIMESTAMP


@sized
class SpanId:
    """The id of a tracing span."""

    value: U64


@sized
class TraceInfo:
    """Tells a replica to trace its part of a statement."""

    session_id: Uuid
    """Equal to the tracing id in the CQL result."""
    type: U8
    """0 none, 1 query, 2 repair."""
    write_on_close: Flag
    properties: U64
    """Bits: 0 write_on_close, 1 primary, 2 log_slow_query, 3 full_tracing."""
    slow_threshold_us: U32
    slow_ttl_s: U32
    parent: SpanId
    started_us: Annotated[U64 | Absent, Since(Line.V5_0)] = ABSENT


@sized
class UpdateBacklog:
    """How many bytes of view updates wait at a replica."""

    current_bytes: U64
    limit_bytes: U64
    """2**64 - 1: there is no backlog anywhere on the node."""


GcClock = U64
"""Seconds since 1970."""
TtlSeconds = I32
