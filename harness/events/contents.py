"""What a mutation means with the schema: which rows and cells of which table change, and to what.

Source:
    Scylla, mutation/mutation_partition.hh, cql3/ (which statements make which cells and tombstones);
    docs/dev/ of Scylla, "Counters".
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

from harness.codec.byte_reader import ByteReader
from harness.codec.cql.types import (
    CqlType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    UserType,
    type_from_marshal,
)
from harness.codec.verbs.common import BoundKind, Key, Tombstone
from harness.codec.verbs.mutation import (
    CanonicalMutation,
    CanonicalMutationFrame,
    CollectionCell,
    CollectionElement,
    ColumnMapping,
    CounterCell,
    CounterDelta,
    DeadCell,
    DeadMarker,
    DeletableRow,
    ExpiringCell,
    ExpiringMarker,
    LiveCell,
    LiveMarker,
    Mutation,
    RangeTombstone,
    Row,
)
from harness.codec.verbs.wire import wire_type_of
from harness.errors import DecodeError
from harness.events.changes import (
    CellChange,
    CellKind,
    ElementChange,
    MarkerKind,
    PartitionChange,
    RangeDeletion,
    RowBound,
    RowChange,
)
from harness.events.typed_value import NULL, Value, hashable_value_of, key_values, value_of
from harness.schema import Column, Schema, Table


def changes_of(mutation: Mutation | CanonicalMutationFrame, schema: Schema) -> PartitionChange:
    """Read a mutation with the schema; what is not known of the table stays bytes and column ids.

    Of a mutation of the batchlog, the mutations that it keeps are read as well.
    """
    change = _change_of(mutation, schema)
    if change.table_name not in _BATCHLOGS:
        return change
    batched = [
        # What is in a batch is not looked into again, however deep somebody may have nested it.
        _change_of(kept, schema)
        for row in change.rows
        for cell in row.cells
        if cell.column == "data" and isinstance(cell.value, bytes)
        for kept in _batched(cell.value)
    ]
    return replace(change, batched=tuple(batched))


_BATCHLOGS = frozenset({"system.batchlog", "system.batchlog_v2"})
_CANONICAL_MUTATION = wire_type_of(CanonicalMutation)


def _batched(data: bytes) -> Iterator[CanonicalMutationFrame]:
    """Give the mutations that a logged batch keeps: canonical ones, one behind the other."""
    reader = ByteReader(data, layer="verbs")
    try:
        while reader.remaining:
            yield cast("CanonicalMutationFrame", _CANONICAL_MUTATION.decode(reader))
    except DecodeError:
        return


def _change_of(mutation: Mutation | CanonicalMutationFrame, schema: Schema) -> PartitionChange:
    table = schema.table_of(mutation.table_id, mutation.schema_version)
    columns: _Columns
    if isinstance(mutation, CanonicalMutationFrame):
        columns = _MappedColumns(mutation.mapping)
    else:
        columns = _SchemaColumns(schema, table)
    partition = mutation.partition
    partition_columns = () if table is None else table.partition_key
    return PartitionChange(
        table=table,
        table_id=mutation.table_id,
        schema_version=mutation.schema_version,
        key=key_values(schema, table, partition_columns, mutation.key.components),
        deleted_at_us=_deleted_at_us(partition.tombstone),
        static_cells=_cells(partition.static_row, columns, is_static=True),
        rows=tuple(_row(row, schema, table, columns) for row in partition.rows),
        range_deletions=tuple(
            _range_deletion(tombstone, schema, table) for tombstone in partition.range_tombstones
        ),
    )


# Columns by id.


class _KnownColumn(NamedTuple):
    name: str
    cql_type: CqlType | None


class _Columns(Protocol):
    def column(self, column_id: int, *, is_static: bool) -> _KnownColumn: ...


class _SchemaColumns:
    def __init__(self, schema: Schema, table: Table | None) -> None:
        self._schema = schema
        self._table = table

    def column(self, column_id: int, *, is_static: bool) -> _KnownColumn:
        table = self._table
        columns: tuple[Column, ...] = ()
        if table is not None and table.has_all_columns:
            columns = table.static_columns if is_static else table.regular_columns
        if table is None or column_id >= len(columns):
            return _KnownColumn(f"#{column_id}", None)
        column = columns[column_id]
        return _KnownColumn(column.name, self._schema.type_of(table.keyspace, column.type))


class _MappedColumns:
    def __init__(self, mapping: ColumnMapping) -> None:
        self._mapping = mapping

    def column(self, column_id: int, *, is_static: bool) -> _KnownColumn:
        mapping = self._mapping
        index = column_id if is_static else mapping.static_count + column_id
        end = mapping.static_count if is_static else len(mapping.columns)
        if index >= min(end, len(mapping.columns)):
            return _KnownColumn(f"#{column_id}", None)
        entry = mapping.columns[index]
        return _KnownColumn(entry.name.decode("utf-8", "replace"), _marshal_type(entry.type_name))


@lru_cache(maxsize=1024)
def _marshal_type(type_name: str) -> CqlType | None:
    try:
        return type_from_marshal(type_name).cql_type
    except DecodeError:
        return None


# Rows.


def _deleted_at_us(tombstone: Tombstone) -> int | None:
    return tombstone.timestamp if tombstone.exists else None


def _row(row: DeletableRow, schema: Schema, table: Table | None, columns: _Columns) -> RowChange:
    marker, timestamp_us, ttl_s = MarkerKind.NONE, None, None
    match row.marker:
        case LiveMarker() as live:
            marker, timestamp_us = MarkerKind.LIVE, live.created_at
        case ExpiringMarker() as expiring:
            marker, timestamp_us, ttl_s = MarkerKind.EXPIRING, expiring.marker.created_at, expiring.ttl_s
        case DeadMarker() as dead:
            marker, timestamp_us = MarkerKind.DEAD, dead.tombstone.timestamp
        case _:
            pass
    deleted_at_us, is_shadowable = _deleted_at_us(row.deleted_at), False
    if isinstance(row.shadowable_deleted_at, Tombstone):
        shadowable_us = _deleted_at_us(row.shadowable_deleted_at)
        if shadowable_us is not None and (deleted_at_us is None or shadowable_us > deleted_at_us):
            deleted_at_us, is_shadowable = shadowable_us, True
    return RowChange(
        key=_clustering_values(row.key, schema, table),
        marker=marker,
        marker_timestamp_us=timestamp_us,
        marker_ttl_s=ttl_s,
        deleted_at_us=deleted_at_us,
        is_shadowable=is_shadowable,
        cells=_cells(row.cells, columns, is_static=False),
    )


def _clustering_values(key: Key, schema: Schema, table: Table | None) -> tuple[Value, ...]:
    return key_values(schema, table, () if table is None else table.clustering_key, key.components)


def _range_deletion(tombstone: RangeTombstone, schema: Schema, table: Table | None) -> RangeDeletion:
    start = _clustering_values(tombstone.start, schema, table)
    # A sender that writes no end means the rows that begin with the start.
    end = start
    if isinstance(tombstone.end, Key):
        end = _clustering_values(tombstone.end, schema, table)
    return RangeDeletion(
        start=RowBound(start, tombstone.start_kind != BoundKind.EXCLUSIVE_START),
        end=RowBound(end, tombstone.end_kind != BoundKind.EXCLUSIVE_END),
        timestamp_us=tombstone.tombstone.timestamp,
    )


# Cells.


def _cells(row: Row, columns: _Columns, *, is_static: bool) -> tuple[CellChange, ...]:
    return tuple(
        _cell(column.cell, *columns.column(column.id, is_static=is_static)) for column in row.columns
    )


def _cell(
    cell: LiveCell | ExpiringCell | DeadCell | CounterCell | CollectionCell,
    name: str,
    cql_type: CqlType | None,
) -> CellChange:
    match cell:
        case LiveCell():
            value = value_of(cql_type, cell.value)
            is_virtual = cql_type is ScalarType.EMPTY
            return CellChange(
                name, CellKind.LIVE, value.value, value.text, cell.timestamp, is_virtual=is_virtual
            )
        case ExpiringCell():
            value = value_of(cql_type, cell.cell.value)
            is_virtual = cql_type is ScalarType.EMPTY
            return CellChange(
                name,
                CellKind.EXPIRING,
                value.value,
                value.text,
                cell.cell.timestamp,
                cell.ttl_s,
                is_virtual=is_virtual,
            )
        case DeadCell():
            return CellChange(name, CellKind.DEAD, None, "null", cell.tombstone.timestamp)
        case CounterCell():
            return _counter(cell, name)
        case CollectionCell():
            return _collection(cell, name, cql_type)


def _counter(cell: CounterCell, name: str) -> CellChange:
    if isinstance(cell.state, CounterDelta):
        delta = cell.state.delta
        return CellChange(name, CellKind.COUNTER_UPDATE, delta, str(delta), cell.created_at)
    shards = cell.state.shards
    total = sum(shard.value for shard in shards)
    return CellChange(name, CellKind.COUNTER, total, str(total), cell.created_at, shards=shards)


def _collection(cell: CollectionCell, name: str, cql_type: CqlType | None) -> CellChange:
    elements = tuple(_element(element, cql_type) for element in cell.elements)
    deleted_before_us = _deleted_at_us(cell.tombstone)
    alive = [element for element in elements if not element.is_dead]
    stamps = [element.timestamp_us for element in elements]
    if deleted_before_us is not None:
        stamps.append(deleted_before_us)
    ttls = {element.ttl_s for element in alive}
    return CellChange(
        name,
        CellKind.COLLECTION,
        _collection_value(alive, cql_type),
        _collection_text(alive, cql_type),
        max(stamps, default=0),
        ttls.pop() if len(ttls) == 1 else None,
        elements,
        deleted_before_us,
    )


def _element(element: CollectionElement, cql_type: CqlType | None) -> ElementChange:
    key_type: CqlType | None = None
    value_type: CqlType | None = None
    key: Value | None = None
    match cql_type:
        case ListType():
            key_type, value_type = ScalarType.TIMEUUID, cql_type.element
        case SetType():
            key_type = cql_type.element
        case MapType():
            key_type, value_type = cql_type.key, cql_type.value
        case UserType():
            index = int.from_bytes(element.key, "big")
            if len(element.key) == 2 and index < len(cql_type.fields):
                field, value_type = cql_type.fields[index]
                key = Value(field, field)
        case _:
            pass
    if key is None:
        key = hashable_value_of(key_type, element.key)
    is_set = isinstance(cql_type, SetType)
    match element.cell:
        case LiveCell() as live:
            value = None if is_set else value_of(value_type, live.value)
            return ElementChange(key, value, is_dead=False, timestamp_us=live.timestamp)
        case ExpiringCell() as expiring:
            live = expiring.cell
            value = None if is_set else value_of(value_type, live.value)
            return ElementChange(key, value, is_dead=False, timestamp_us=live.timestamp, ttl_s=expiring.ttl_s)
        case DeadCell() as dead:
            return ElementChange(key, None, is_dead=True, timestamp_us=dead.tombstone.timestamp)


def _collection_value(alive: list[ElementChange], cql_type: CqlType | None) -> object:
    if not alive:
        return None
    match cql_type:
        case ListType():
            return [element.value.value for element in alive if element.value is not None]
        case SetType():
            return frozenset(element.key.value for element in alive)
        case _:
            return {
                element.key.value: None if element.value is None else element.value.value for element in alive
            }


def _collection_text(alive: list[ElementChange], cql_type: CqlType | None) -> str:
    if not alive:
        return NULL.text
    pairs = [(element.key.text, (element.value or NULL).text) for element in alive]
    match cql_type:
        case ListType():
            return f"[{', '.join([text for _, text in pairs])}]"
        case SetType():
            return f"{{{', '.join([text for text, _ in pairs])}}}"
        case _:
            return f"{{{', '.join([f'{key}: {text}' for key, text in pairs])}}}"
