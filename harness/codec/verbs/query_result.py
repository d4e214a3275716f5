"""What a read gives back: rows as results, or mutations to reconcile.

Source:
    Scylla, idl/result.idl.hh, idl/reconcilable_result.idl.hh, idl/full_position.idl.hh;
    query-result-writer.hh (what is filled in).
"""

from typing import Annotated

from harness.codec.verbs.common import FullPosition, GcClock, Key, TtlSeconds
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import FrozenMutation
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    IN_BLOB_OR_EMPTY,
    U8,
    U32,
    Absent,
    Blob,
    Digest,
    Since,
    sized,
)


@sized
class ResultCell:
    """A value; what else of it was asked for."""

    timestamp: I64 | None
    """Write timestamp in microseconds."""
    expiry: GcClock | None
    """Seconds since 1970."""
    value: Blob
    """As in a CQL result."""
    ttl_s: TtlSeconds | Absent | None = ABSENT


@sized
class ResultCells:
    """One entry for each column asked for, in the order of the slice; None for null."""

    cells: tuple[ResultCell | None, ...]


@sized
class ResultRow:
    """A row."""

    key: Key | None
    """The clustering key, if it was asked for."""
    cells: ResultCells


@sized
class ResultPartition:
    """A partition."""

    key: Key | None
    """If it was asked for."""
    static_row: ResultCells
    rows: tuple[ResultRow, ...]


@sized
class ResultPartitions:
    """The rows of a result."""

    partitions: tuple[ResultPartition, ...]


@sized
class QueryResult:
    """A result, its digest, or both."""

    data: Annotated[ResultPartitions | None, IN_BLOB_OR_EMPTY]
    """None where only the digest was asked for."""
    digest: Digest | None
    """xxHash: eight zero bytes, then the hash, big endian."""
    last_modified: I64 | Absent = ABSENT
    """Newest write timestamp in microseconds, with a digest only."""
    short_read: U8 | Absent = ABSENT
    """1: cut off by size, there is more."""
    row_count_low: U32 | Absent | None = ABSENT
    partition_count: U32 | Absent | None = ABSENT
    row_count_high: Annotated[U32 | Absent | None, Since(Line.V5_0)] = ABSENT
    last_position: Annotated[FullPosition | Absent | None, Since(Line.V5_4)] = ABSENT
    """Where the replica stopped."""


@sized
class ReconcilablePartition:
    """One partition with its deletions."""

    row_count_low: U32
    """Live rows."""
    mutation: FrozenMutation
    row_count_high: Annotated[U32 | Absent, Since(Line.V5_0)] = ABSENT


@sized
class ReconcilableResult:
    """Partitions as mutations, so that those of several replicas can be merged."""

    row_count_low: U32
    """Live rows."""
    partitions: tuple[ReconcilablePartition, ...]
    short_read: U8 | Absent = ABSENT
    """1: cut off by size, there is more."""
    row_count_high: Annotated[U32 | Absent, Since(Line.V5_0)] = ABSENT
