"""Mutations: a partition's cells, markers and tombstones, as writes, reads and repair carry them.

Source:
    Scylla, idl/mutation.idl.hh, idl/frozen_mutation.idl.hh, idl/frozen_schema.idl.hh;
    mutation_partition_serializer.cc, canonical_mutation.cc.
"""

from typing import Annotated

from harness.codec.verbs.common import BoundKind, GcClock, Key, Tombstone, TtlSeconds
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    IN_BLOB,
    U32,
    WRITABLE,
    Absent,
    Blob,
    Number,
    Text,
    Uuid,
    final,
    sized,
)


@sized
class LiveCell:
    """A value without an end."""

    timestamp: I64
    """Write timestamp in microseconds."""
    value: Blob


@sized
class ExpiringCell:
    """A value with a TTL."""

    ttl_s: TtlSeconds
    expiry: GcClock
    """Seconds since 1970."""
    cell: LiveCell


@final
class DeadCell:
    """A deleted value."""

    tombstone: Tombstone


@final
class CounterShard:
    """What one replica has counted."""

    id: Uuid
    value: I64
    clock: I64


@final
class CounterShards:
    """A counter as its replicas hold it."""

    shards: tuple[CounterShard, ...]


@final
class CounterDelta:
    """A counter update that no leader has applied yet."""

    delta: I64


@sized
class CounterCell:
    """A counter, or an update of one."""

    created_at: I64
    state: Annotated[CounterShards | CounterDelta, WRITABLE]


AtomicCell = Annotated[LiveCell | ExpiringCell | DeadCell | CounterCell, WRITABLE]


@sized
class CollectionElement:
    """One element of a collection."""

    key: Blob
    """List: 16-byte time UUID; set: the element; map: the key; non-frozen UDT: 2-byte big-endian index."""
    cell: Annotated[LiveCell | ExpiringCell | DeadCell, WRITABLE]


@sized
class CollectionCell:
    """A non-frozen collection or UDT: what is deleted of it, and elements sorted by key."""

    tombstone: Tombstone
    elements: tuple[CollectionElement, ...]


@sized
class Column:
    """One cell with its column."""

    id: U32
    """Position among the regular (or static) columns, which are sorted by name."""
    cell: Annotated[AtomicCell | CollectionCell, WRITABLE]


@sized
class Row:
    """Cells in ascending order of column id."""

    columns: tuple[Column, ...]


@sized
class LiveMarker:
    """A row that exists by itself (written by INSERT)."""

    created_at: I64


@sized
class ExpiringMarker:
    """A row that exists by itself until it expires."""

    marker: LiveMarker
    ttl_s: TtlSeconds
    expiry: GcClock


@final
class DeadMarker:
    """A row marker that was deleted."""

    tombstone: Tombstone


@final
class NoMarker:
    """A row that exists only by its cells (written by UPDATE)."""


@sized
class DeletableRow:
    """One row of a partition."""

    key: Key
    """The clustering key; no components where the table has none."""
    marker: Annotated[LiveMarker | ExpiringMarker | DeadMarker | NoMarker, WRITABLE]
    deleted_at: Tombstone
    cells: Row
    shadowable_deleted_at: Tombstone | Absent = ABSENT
    """Equal to ``deleted_at`` for an ordinary deletion; alone in rows of materialized views."""


@sized
class RangeTombstone:
    """A deletion of a range of rows."""

    start: Key
    tombstone: Tombstone
    start_kind: Annotated[int, Number("u8", BoundKind)] | Absent = ABSENT
    end: Key | Absent = ABSENT
    end_kind: Annotated[int, Number("u8", BoundKind)] | Absent = ABSENT


@sized
class MutationPartition:
    """The contents of a mutation."""

    tombstone: Tombstone
    static_row: Row
    range_tombstones: tuple[RangeTombstone, ...]
    rows: tuple[DeletableRow, ...]


@sized
class Mutation:
    """A change of one partition of one table."""

    table_id: Uuid
    schema_version: Uuid
    key: Key
    partition: MutationPartition


FrozenMutation = Annotated[Mutation, IN_BLOB]


@sized
class ColumnMappingEntry:
    """A column by name and type."""

    name: Blob
    type_name: Text
    """The marshal class, such as ``org.apache.cassandra.db.marshal.UTF8Type``."""


@sized
class ColumnMapping:
    """What the column ids of a canonical mutation mean."""

    columns: tuple[ColumnMappingEntry, ...]
    static_count: U32
    """The first ones are static; ids count within static and within regular columns."""


@sized
class CanonicalMutationFrame:
    """A mutation that carries its own column names, so that it outlives changes of the schema."""

    table_id: Uuid
    schema_version: Uuid
    key: Key
    mapping: ColumnMapping
    partition: MutationPartition


CanonicalMutation = Annotated[CanonicalMutationFrame, IN_BLOB]
