"""What a read asks for: tables, columns, rows, limits.

Source:
    Scylla, idl/read_command.idl.hh (read_command, partition_slice, specific_ranges, max_result_size);
    query/query-request.hh (options); query/digest-algorithm (numbers that are cast to the wire).
"""

from enum import IntEnum, IntFlag
from typing import Annotated

from harness.codec.verbs.common import ClusteringRange, GcClock, Key, TraceInfo
from harness.codec.verbs.line import Line
from harness.codec.verbs.wire import ABSENT, U8, U32, U64, Absent, Flag, Number, Since, Uuid, sized


class DigestAlgorithm(IntEnum):
    """How a replica is to hash its result; 2026.3 knows only the first and the last."""

    NONE = 0
    MD5 = 1
    LEGACY_XXHASH_WITHOUT_NULL_DIGEST = 2
    XXHASH = 3


DigestAlgorithmNumber = Annotated[int, Number("u8", DigestAlgorithm)]


class SliceOption(IntFlag):
    """Bits of ``PartitionSlice.options``."""

    SEND_CLUSTERING_KEY = 1 << 0
    SEND_PARTITION_KEY = 1 << 1
    SEND_TIMESTAMP = 1 << 2
    SEND_EXPIRY = 1 << 3
    REVERSED = 1 << 4
    DISTINCT = 1 << 5
    COLLECTIONS_AS_MAPS = 1 << 6
    SEND_TTL = 1 << 7
    ALLOW_SHORT_READ = 1 << 8
    WITH_DIGEST = 1 << 9
    BYPASS_CACHE = 1 << 10
    ALWAYS_RETURN_STATIC_CONTENT = 1 << 11
    RANGE_SCAN_DATA_VARIANT = 1 << 12
    ALLOW_MUTATION_READ_PAGE_WITHOUT_LIVE_ROW = 1 << 13
    SEND_COLLECTION_TIMESTAMPS = 1 << 14


@sized
class SpecificRanges:
    """Row ranges that hold for one partition instead of the slice's, as on a page that begins inside it."""

    key: Key
    ranges: tuple[ClusteringRange, ...]


@sized
class PartitionSlice:
    """Which rows and columns of a partition."""

    row_ranges: tuple[ClusteringRange, ...]
    static_columns: tuple[U32, ...]
    """Ids, positions among the static columns sorted by name."""
    regular_columns: tuple[U32, ...]
    """Ids, positions among the regular columns sorted by name; result rows have their cells in this order."""
    options: U64
    """Bits of ``SliceOption``."""
    specific_ranges: SpecificRanges | None
    cql_format: U8
    """CQL protocol version in whose form collections are returned; 4 for internal reads."""
    partition_row_limit_low: U32
    partition_row_limit_high: Annotated[U32 | Absent, Since(Line.V5_0)] = ABSENT

    @property
    def partition_row_limit(self) -> int:
        """How many rows of one partition at most."""
        return _limit(self.partition_row_limit_low, self.partition_row_limit_high)


@sized
class MaxResultSize:
    """How large a result may grow, in bytes."""

    soft_limit_bytes: U64
    """A page ends here; an unpaged read logs a warning."""
    hard_limit_bytes: U64
    """An unpaged read fails here."""
    page_size_bytes: Annotated[U64 | Absent, Since(Line.V5_0)] = ABSENT


@sized
class ReadCommand:
    """One read, whatever the partitions."""

    table_id: Uuid
    schema_version: Uuid
    """For a reversed read not the table's, but one derived from it (2025.1 and later)."""
    partition_slice: PartitionSlice
    row_limit_low: U32
    read_timestamp: GcClock
    """The coordinator's clock: what has expired by then is left out."""
    trace: TraceInfo | Absent | None = ABSENT
    partition_limit: U32 | Absent = ABSENT
    query_id: Uuid | Absent = ABSENT
    """Of a paged query, by which replicas find what they kept of the last page; null: none."""
    is_first_page: Flag | Absent = ABSENT
    max_result_size: Annotated[MaxResultSize | Absent | None, Since(Line.V5_0)] = ABSENT
    row_limit_high: Annotated[U32 | Absent, Since(Line.V5_0)] = ABSENT
    tombstone_limit: Annotated[U64 | Absent, Since(Line.V5_4)] = ABSENT
    """A page ends after as many tombstones; 2**64 - 1: never."""

    @property
    def row_limit(self) -> int:
        """How many rows at most."""
        return _limit(self.row_limit_low, self.row_limit_high)


def _limit(low: int, high: int | Absent) -> int:
    return low if isinstance(high, Absent) else high << 32 | low
