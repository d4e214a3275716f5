"""What a read asks for and what its result holds, with the schema.

Source:
    Scylla, query/query-request.hh, query/query-result-reader.hh; cql3/selection/ (which options a SELECT
    sets).
"""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from harness.codec.cql.types import CqlType, ListType, MapType, ScalarType, SetType
from harness.codec.verbs.common import ClusteringRange, PartitionRange, RingBound
from harness.codec.verbs.query_result import QueryResult, ResultCells, ResultPartition
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand, SliceOption
from harness.events.changes import RowBound
from harness.events.typed_value import CHARACTERS_MAX, NULL, Value, key_text, key_values, value_of
from harness.schema import Column, Schema, Table

ROWS_MAX = 8
"""How many rows the one-line form of a result shows."""
_NO_LIMIT = 2**31 - 1
"""Limits from here on mean: no limit."""


class RowRange(NamedTuple):
    """A range of rows of a partition."""

    start: RowBound | None
    """None: from the first row on."""
    end: RowBound | None
    """None: to the last row."""

    @property
    def is_everything(self) -> bool:
        """Whether it leaves no row out."""
        return self.start is None and self.end is None


class RingEdge(NamedTuple):
    """One end of a range of partitions."""

    ring_token: int
    key: tuple[Value, ...] | None
    """The partition key, where the end lies at a partition."""
    is_inclusive: bool
    """Whether the partitions of that token, or that partition, belong to the range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a read asks for."""

    table: Table | None
    """None: the id is unknown."""
    table_id: UUID
    key: tuple[Value, ...] | None
    """The partition key of a read of one partition; None: a range of them is read."""
    start: RingEdge | None
    """Of a range: where it begins; None: before all partitions."""
    end: RingEdge | None
    static_columns: tuple[str, ...]
    regular_columns: tuple[str, ...]
    """Names, ``#3`` where only the id is known; cells of the result stand in this order."""
    row_ranges: tuple[RowRange, ...]
    is_reversed: bool
    is_distinct: bool
    """Only partition keys and static columns."""
    row_limit: int | None
    """None: no limit."""
    partition_limit: int | None
    partition_row_limit: int | None

    @property
    def table_name(self) -> str:
        """Keyspace and table; the id where they are unknown."""
        return str(self.table_id) if self.table is None else self.table.full_name

    @property
    def text(self) -> str:
        """The read in one line: ``demo3.map(17) capital, country limit 100``."""
        return self.text_of()

    def text_of(self, *, characters_max: int = CHARACTERS_MAX) -> str:
        """The read in one line, with values no longer than that."""
        parts = [self.table_name + self._where_text(characters_max)]
        ranges = [_row_range_text(some, characters_max) for some in self.row_ranges if not some.is_everything]
        if ranges or not self.row_ranges:
            parts.append(" or ".join(ranges) or "no rows")
        columns = self.static_columns + self.regular_columns
        if columns:
            parts.append(", ".join(columns))
        if self.is_distinct:
            parts.append("distinct")
        if self.is_reversed:
            parts.append("reversed")
        limits = (
            ("limit", self.row_limit),
            ("partition limit", self.partition_limit),
            ("per partition limit", self.partition_row_limit),
        )
        parts += [f"{word} {limit}" for word, limit in limits if limit is not None]
        return " ".join(parts)

    def _where_text(self, characters_max: int) -> str:
        if self.key is not None:
            return f"({key_text(self.key, characters_max)})"
        bounds = []
        for edge, signs in ((self.start, (">", ">=")), (self.end, ("<", "<="))):
            if edge is not None:
                key = "" if edge.key is None else f" ({key_text(edge.key, characters_max)})"
                bounds.append(f"token {signs[edge.is_inclusive]} {edge.ring_token}{key}")
        return f" {' and '.join(bounds)}" if bounds else " all partitions"


class ResultRow(NamedTuple):
    """One row of a result."""

    partition_key: tuple[Value, ...] | None
    """None: the result does not say, as the read asked for it only once."""
    key: tuple[Value, ...] | None
    """The clustering key; None where it was not asked for."""
    values: tuple[tuple[str, Value], ...]
    """Static, then regular columns by name."""

    def text_of(self, *, characters_max: int = CHARACTERS_MAX) -> str:
        """The row in one line: ``(17) country='Germany' capital=null``."""
        parts = []
        if self.partition_key is not None:
            parts.append(f"({key_text(self.partition_key, characters_max)})")
        if self.key:
            parts.append(f"[{key_text(self.key, characters_max)}]")
        parts += [f"{name}={value.shortened(characters_max)}" for name, value in self.values]
        return " ".join(parts)


def read_of(command: ReadCommand, partitions: PartitionRange | None, schema: Schema) -> Read:
    """Read a read command with the schema; ``partitions`` is what stands beside it in the request."""
    table = schema.table_of(command.table_id, command.schema_version)
    of_slice = command.partition_slice
    key: tuple[Value, ...] | None = None
    start = end = None
    if partitions is not None:
        start = _edge(partitions.start, schema, table, is_start=True)
        end = _edge(partitions.end, schema, table, is_start=False)
        if partitions.singular and start is not None:
            key = start.key
    specific = of_slice.specific_ranges
    ranges = of_slice.row_ranges
    if specific is not None and key is not None:
        ranges = specific.ranges
    columns = () if table is None else table.clustering_key
    return Read(
        table=table,
        table_id=command.table_id,
        key=key,
        start=start,
        end=end,
        static_columns=tuple(name for name, _ in _columns(of_slice, schema, table, is_static=True)),
        regular_columns=tuple(name for name, _ in _columns(of_slice, schema, table, is_static=False)),
        row_ranges=tuple(_row_range(some, schema, table, columns) for some in ranges),
        is_reversed=bool(of_slice.options & SliceOption.REVERSED),
        is_distinct=bool(of_slice.options & SliceOption.DISTINCT),
        row_limit=_limit(command.row_limit),
        partition_limit=_limit(command.partition_limit) if isinstance(command.partition_limit, int) else None,
        partition_row_limit=_limit(of_slice.partition_row_limit),
    )


def rows_of(result: QueryResult, command: ReadCommand, schema: Schema) -> tuple[ResultRow, ...]:
    """Read a result by the command that it answers; a partition with static values alone is one row."""
    if result.data is None:
        return ()
    table = schema.table_of(command.table_id, command.schema_version)
    static = _columns(command.partition_slice, schema, table, is_static=True)
    regular = _columns(command.partition_slice, schema, table, is_static=False)
    rows = []
    for partition in result.data.partitions:
        partition_key = None
        if partition.key is not None:
            columns = () if table is None else table.partition_key
            partition_key = key_values(schema, table, columns, partition.key.components)
        static_values = _values(partition.static_row, static)
        rows += _partition_rows(partition, partition_key, static_values, regular, schema, table)
    return tuple(rows)


def result_text(
    rows: tuple[ResultRow, ...], *, characters_max: int = CHARACTERS_MAX, rows_max: int = ROWS_MAX
) -> str:
    """Write rows in one line, with values and rows no longer and no more than that."""
    if not rows:
        return "no rows"
    parts = [row.text_of(characters_max=characters_max) for row in rows[:rows_max]]
    if len(rows) > rows_max:
        parts.append(f"{len(rows) - rows_max} more")
    return "; ".join(parts)


_NamedColumns = tuple[tuple[str, CqlType | None], ...]


def _columns(
    of_slice: PartitionSlice, schema: Schema, table: Table | None, *, is_static: bool
) -> _NamedColumns:
    ids = of_slice.static_columns if is_static else of_slice.regular_columns
    known: tuple[Column, ...] = ()
    if table is not None and table.has_all_columns:
        known = table.static_columns if is_static else table.regular_columns
    as_maps = bool(of_slice.options & SliceOption.COLLECTIONS_AS_MAPS)
    found: list[tuple[str, CqlType | None]] = []
    for column_id in ids:
        if table is None or column_id >= len(known):
            found.append((f"#{column_id}", None))
            continue
        column = known[column_id]
        cql_type = schema.type_of(table.keyspace, column.type)
        found.append((column.name, _as_map(cql_type) if as_maps else cql_type))
    return tuple(found)


def _as_map(cql_type: CqlType) -> CqlType:
    """Give the type in which a collection comes that was asked for as a map, with its inner keys."""
    match cql_type:
        case ListType(is_frozen=False):
            return MapType(ScalarType.TIMEUUID, cql_type.element)
        case SetType(is_frozen=False):
            return MapType(cql_type.element, ScalarType.EMPTY)
        case _:
            return cql_type


def _values(cells: ResultCells, columns: _NamedColumns) -> tuple[tuple[str, Value], ...]:
    return tuple(
        (name, NULL if cell is None else value_of(cql_type, cell.value))
        for (name, cql_type), cell in zip(columns, cells.cells, strict=False)
    )


def _partition_rows(
    partition: ResultPartition,
    partition_key: tuple[Value, ...] | None,
    static_values: tuple[tuple[str, Value], ...],
    regular: _NamedColumns,
    schema: Schema,
    table: Table | None,
) -> list[ResultRow]:
    clustering = () if table is None else table.clustering_key
    if not partition.rows:
        return [ResultRow(partition_key, None, static_values)]
    return [
        ResultRow(
            partition_key,
            None if row.key is None else key_values(schema, table, clustering, row.key.components),
            static_values + _values(row.cells, regular),
        )
        for row in partition.rows
    ]


def _edge(bound: RingBound | None, schema: Schema, table: Table | None, *, is_start: bool) -> RingEdge | None:
    if bound is None:
        return None
    position = bound.value
    if position.key is None:
        # Before or after all partitions of the token: no partition lies there, whatever the bound includes.
        is_after = position.bound > 0
        return RingEdge(position.token.value, None, is_inclusive=is_after != is_start)
    columns = () if table is None else table.partition_key
    key = key_values(schema, table, columns, position.key.components)
    return RingEdge(position.token.value, key, is_inclusive=bound.inclusive)


def _row_range(
    some: ClusteringRange, schema: Schema, table: Table | None, columns: tuple[Column, ...]
) -> RowRange:
    bounds = [
        None
        if bound is None or not bound.value.components
        else RowBound(key_values(schema, table, columns, bound.value.components), bound.inclusive)
        for bound in (some.start, some.end)
    ]
    return RowRange(bounds[0], bounds[0] if some.singular else bounds[1])


def _row_range_text(some: RowRange, characters_max: int) -> str:
    start, end = some.start, some.end
    if start is not None and start == end:
        return f"[{key_text(start.key, characters_max)}]"
    bounds = []
    if start is not None:
        bounds.append(f"{'>=' if start.is_inclusive else '>'} [{key_text(start.key, characters_max)}]")
    if end is not None:
        bounds.append(f"{'<=' if end.is_inclusive else '<'} [{key_text(end.key, characters_max)}]")
    return " and ".join(bounds)


def _limit(limit: int) -> int | None:
    return None if limit >= _NO_LIMIT else limit
