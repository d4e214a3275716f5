"""Rows of results: what replicas answered, as values by column.

Source:
    Scylla (branch 4.2), cql3/result_set.hh, query-result-reader.hh (a partition without rows shows its static row).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.query_result import QueryResult, ResultCell, ResultCells, ResultPartition, ResultRow
from harness.codec.verbs.read_command import PartitionSlice


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One row of a result, with its key where that was read."""

    partition_key: PartitionKey
    clustering_key: tuple[bytes, ...] | None
    """None: there is only a static row, or the key was not read."""
    values: Mapping[str, bytes | None]
    """By column, keys included."""
    cells: Mapping[str, ResultCell]
    """Of columns outside the key that are not null; timestamps and the like, as far as they were read."""


def rows_of(layout: TableLayout, partition_slice: PartitionSlice, result: QueryResult) -> Iterator[ReadRow]:
    """Give the rows of a result in their order.

    Args:
        layout: of the table that was read.
        partition_slice: what was asked for.
        result: what came.
    """
    if result.data is None:
        return
    static_names = [layout.static_names[number] for number in partition_slice.static_columns]
    regular_names = [layout.regular_names[number] for number in partition_slice.regular_columns]
    for partition in result.data.partitions:
        yield from _rows_of_partition(layout, partition, static_names, regular_names)


def _rows_of_partition(
    layout: TableLayout, partition: ResultPartition, static_names: Sequence[str], regular_names: Sequence[str]
) -> Iterator[ReadRow]:
    table = layout.table
    partition_key = () if partition.key is None else partition.key.components
    common: dict[str, bytes | None] = {
        column.name: part for column, part in zip(table.partition_key, partition_key, strict=False)
    }
    static_cells = _cells(partition.static_row, static_names)
    rows: Sequence[ResultRow | None] = partition.rows or (None,)
    for row in rows:
        cells = {**static_cells, **({} if row is None else _cells(row.cells, regular_names))}
        key = None if row is None or row.key is None else row.key.components
        values = dict(common)
        values.update(
            (column.name, part) for column, part in zip(table.clustering_key, key or (), strict=False)
        )
        values.update((name, cell.value) for name, cell in cells.items())
        yield ReadRow(partition_key, key, values, cells)


def _cells(cells: ResultCells, names: Sequence[str]) -> dict[str, ResultCell]:
    return {name: cell for name, cell in zip(names, cells.cells, strict=False) if cell is not None}
