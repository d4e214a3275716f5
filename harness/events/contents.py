"""What a mutation means with the schema: which rows and cells of which table change, and to what.

Source:
    Scylla, mutation/mutation_partition.hh, cql3/ (which statements make which cells and tombstones);
    docs/dev/ of Scylla, "Counters".
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID

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
    CanonicalMutationFrame,
    CollectionCell,
    CollectionElement,
    ColumnMapping,
    CounterCell,
    CounterDelta,
    CounterShard,
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
from harness.errors import DecodeError
from harness.events.typed_value import (
    CHARACTERS_MAX,
    NULL,
    Value,
    hashable_value_of,
    key_text,
    key_values,
    value_of,
)
from harness.schema import Column, Schema, Table

ROWS_MAX = 8
"""How many rows the one-line form of a change names."""


class CellKind(Enum):
    """What is written to a cell."""

    LIVE = "live"
    EXPIRING = "expiring"
    """A value with a TTL."""
    DEAD = "dead"
    """Nothing: the value is deleted."""
    COLLECTION = "collection"
    """Elements of a collection, or fields of a type, that are not frozen."""
    COUNTER = "counter"
    """A counter as its replicas hold it; the value is the sum."""
    COUNTER_UPDATE = "counter update"
    """What is to be added to a counter."""


class MarkerKind(Enum):
    """Whether a change says that the row exists, cells or not."""

    NONE = "none"
    """It does not (UPDATE)."""
    LIVE = "live"
    """It does (INSERT)."""
    EXPIRING = "expiring"
    DEAD = "dead"


class ElementChange(NamedTuple):
    """What is written to one element of a collection, or one field of a type."""

    key: Value
    """Element of a set, key of a map, time UUID of an element of a list, name of a field."""
    value: Value | None
    """None: it is deleted; or it is an element of a set, which has no other value than its key."""
    is_dead: bool
    timestamp_us: int
    ttl_s: int | None = None


class CellChange(NamedTuple):
    """What is written to one cell."""

    column: str
    """Name of the column; ``#3`` where only the id is known."""
    kind: CellKind
    value: object
    """None if it is deleted. Of a collection: what is written of it, as list, set or dict."""
    text: str
    """The CQL literal of the value."""
    timestamp_us: int
    """Write timestamp; of a collection, the newest of its elements and its deletion."""
    ttl_s: int | None = None
    elements: tuple[ElementChange, ...] = ()
    deleted_before_us: int | None = None
    """Of a collection: the timestamp up to which older elements are deleted; None: none are."""
    shards: tuple[CounterShard, ...] = ()
    """Of a counter: what each replica has counted."""
    is_virtual: bool = False
    """A column of a view that only says whether a cell of the base table lives."""


class RowChange(NamedTuple):
    """What changes in one row."""

    key: tuple[Value, ...]
    """The clustering key; empty where the table has none."""
    marker: MarkerKind
    marker_timestamp_us: int | None
    marker_ttl_s: int | None
    deleted_at_us: int | None
    """Write timestamp of the deletion of the row; None: it is not deleted."""
    is_shadowable: bool
    """The deletion counts only until the row is written again: rows of materialized views."""
    cells: tuple[CellChange, ...]


class RowBound(NamedTuple):
    """One end of a range of rows."""

    key: tuple[Value, ...]
    """The beginning of a clustering key."""
    is_inclusive: bool


class RangeDeletion(NamedTuple):
    """A deletion of a range of rows."""

    start: RowBound
    end: RowBound
    timestamp_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionChange:
    """What changes in one partition."""

    table: Table | None
    """None: the id is unknown."""
    table_id: UUID
    schema_version: UUID
    key: tuple[Value, ...]
    """The partition key."""
    deleted_at_us: int | None = None
    """Write timestamp of the deletion of the whole partition; None: it is not deleted."""
    static_cells: tuple[CellChange, ...] = ()
    rows: tuple[RowChange, ...] = ()
    range_deletions: tuple[RangeDeletion, ...] = ()

    @property
    def partition_deleted(self) -> bool:
        """Whether the whole partition is deleted."""
        return self.deleted_at_us is not None

    @property
    def table_name(self) -> str:
        """Keyspace and table; the id where they are unknown."""
        return str(self.table_id) if self.table is None else self.table.full_name

    @property
    def text(self) -> str:
        """The change in one line: ``demo3.buildings('Burj Khalifa') city='Dubai' height=828``."""
        return self.text_of()

    def text_of(self, *, characters_max: int = CHARACTERS_MAX, rows_max: int = ROWS_MAX) -> str:
        """The change in one line, with values and rows no longer and no more than that."""
        parts = []
        if self.deleted_at_us is not None:
            parts.append("deleted")
        parts += [_range_text(deletion, characters_max) for deletion in self.range_deletions[:rows_max]]
        if self.static_cells:
            parts.append(_cells_text(self.static_cells, None, characters_max))
        parts += [_row_text(row, characters_max) for row in self.rows[:rows_max]]
        left = sum(max(0, len(some) - rows_max) for some in (self.range_deletions, self.rows))
        if left:
            parts.append(f"{left} more")
        head = f"{self.table_name}({key_text(self.key, characters_max)})"
        if not (parts or self.rows):
            return f"{head} unchanged"
        return f"{head} {'; '.join(part for part in parts if part)}".rstrip()


def changes_of(mutation: Mutation | CanonicalMutationFrame, schema: Schema) -> PartitionChange:
    """Read a mutation with the schema; what is not known of the table stays bytes and column ids."""
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


# One line.


def _row_text(row: RowChange, characters_max: int) -> str:
    parts = []
    if row.key:
        parts.append(f"[{key_text(row.key, characters_max)}]")
    if row.deleted_at_us is not None:
        parts.append("deleted (shadowable)" if row.is_shadowable else "deleted")
    cells = _cells_text(row.cells, row.marker_ttl_s, characters_max)
    if cells:
        parts.append(cells)
    return " ".join(parts)


def _cells_text(cells: tuple[CellChange, ...], marker_ttl_s: int | None, characters_max: int) -> str:
    """Write cells; a TTL that all of them have stands once, behind them."""
    shown = [cell for cell in cells if not cell.is_virtual]
    ttls = {cell.ttl_s for cell in shown if cell.kind is not CellKind.DEAD}
    common = marker_ttl_s if not shown else ttls.pop() if len(ttls) == 1 else None
    parts = [_cell_text(cell, characters_max) for cell in shown]
    if common is None:
        parts = [
            part if cell.ttl_s is None else f"{part} ttl={cell.ttl_s}s"
            for cell, part in zip(shown, parts, strict=True)
        ]
    else:
        parts.append(f"ttl={common}s")
    return " ".join(parts)


def _cell_text(cell: CellChange, characters_max: int) -> str:
    match cell.kind:
        case CellKind.DEAD:
            return f"-{cell.column}"
        case CellKind.COUNTER_UPDATE:
            sign = "-=" if isinstance(cell.value, int) and cell.value < 0 else "+="
            return f"{cell.column}{sign}{cell.text.removeprefix('-')}"
        case CellKind.COLLECTION:
            return _collection_change_text(cell, characters_max)
        case _:
            return f"{cell.column}={Value(cell.value, cell.text).shortened(characters_max)}"


def _collection_change_text(cell: CellChange, characters_max: int) -> str:
    dead = [element.key for element in cell.elements if element.is_dead]
    is_alive = len(dead) < len(cell.elements)
    text = Value(cell.value, cell.text).shortened(characters_max)
    if cell.deleted_before_us is not None:
        # Overwritten as a whole: what was there before is deleted.
        return f"{cell.column}={text}" if is_alive else f"-{cell.column}"
    parts = []
    if is_alive:
        parts.append(f"{cell.column}+={text}")
    if dead:
        parts.append(f"{cell.column}-={{{key_text(dead, characters_max)}}}")
    return " ".join(parts)


def _range_text(deletion: RangeDeletion, characters_max: int) -> str:
    start, end = deletion.start, deletion.end
    start_text, end_text = key_text(start.key, characters_max), key_text(end.key, characters_max)
    if start == end and start.is_inclusive:
        return f"[{start_text}, *] deleted" if start.key else "[*] deleted"
    bounds = []
    if start.key:
        bounds.append(f"{'>=' if start.is_inclusive else '>'} [{start_text}]")
    if end.key:
        bounds.append(f"{'<=' if end.is_inclusive else '<'} [{end_text}]")
    return f"{' and '.join(bounds) or '[*]'} deleted"
