"""Cells as results have them.

Source:
    Scylla, mutation_partition.cc (get_compacted_row_slice, write_cell), query-result-writer.hh.
"""

import struct
from collections.abc import Iterable, Mapping

from harness.backends.simulation.composite_values import collection_of, tuple_of
from harness.backends.simulation.storage.cells import Cell, value_of
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.types import CqlType, MapType, SetType, UserType
from harness.codec.verbs.mutation import (
    CollectionCell,
    CounterCell,
    CounterShards,
    DeadCell,
    ExpiringCell,
    LiveCell,
)
from harness.codec.verbs.query_result import ResultCell, ResultCells
from harness.codec.verbs.read_command import SliceOption

_I64 = struct.Struct(">q").pack


def result_cells(
    layout: TableLayout, cells: Mapping[str, Cell], names: Iterable[str], options: int
) -> ResultCells:
    """Write cells, from which everything dead may still have to be left out, in the order of a read.

    Args:
        layout: of the table.
        cells: of a row after compaction.
        names: the columns that are read.
        options: bits of ``SliceOption``.
    """
    return ResultCells(cells=tuple([_result_cell(layout, name, cells.get(name), options) for name in names]))


def _result_cell(layout: TableLayout, name: str, cell: Cell | None, options: int) -> ResultCell | None:
    if cell is None or isinstance(cell, DeadCell):
        return None
    if isinstance(cell, CollectionCell):
        value = collection_value(
            layout.types[name], cell, as_map=bool(options & SliceOption.COLLECTIONS_AS_MAPS)
        )
        if value is None:
            return None
        return ResultCell(timestamp=None, expiry=None, value=value, ttl_s=None)
    has_timestamp = options & SliceOption.SEND_TIMESTAMP
    if isinstance(cell, CounterCell):
        timestamp = cell.created_at if has_timestamp else None
        return ResultCell(timestamp=timestamp, expiry=None, value=_I64(counter_total(cell)), ttl_s=None)
    inner = cell if isinstance(cell, LiveCell) else cell.cell
    expiring = cell if isinstance(cell, ExpiringCell) else None
    return ResultCell(
        timestamp=inner.timestamp if has_timestamp else None,
        expiry=expiring.expiry if expiring is not None and options & SliceOption.SEND_EXPIRY else None,
        value=inner.value,
        ttl_s=expiring.ttl_s if expiring is not None and options & SliceOption.SEND_TTL else None,
    )


def counter_total(cell: CounterCell) -> int:
    """What a counter has counted."""
    state = cell.state
    assert isinstance(state, CounterShards)
    total = sum(shard.value for shard in state.shards)
    return (total + 2**63) % 2**64 - 2**63  # as 64 bits add up


def collection_value(cql_type: CqlType, cell: CollectionCell, *, as_map: bool) -> bytes | None:
    """The CQL value of a collection, or of a user-defined type, whose elements have cells of their own.

    Args:
        cql_type: of the column.
        cell: after compaction.
        as_map: keys and values of lists and sets too, as reads ask for that look before they write.

    Returns:
        None if no element lives.
    """
    live = [
        (element.key, value_of(element.cell))
        for element in cell.elements
        if not isinstance(element.cell, DeadCell)
    ]
    if not live:
        return None
    match cql_type:
        case UserType():
            fields: list[bytes | None] = [None] * len(cql_type.fields)
            for key, value in live:
                fields[int.from_bytes(key, "big")] = value
            return tuple_of(fields)
        case SetType() if not as_map:
            return collection_of([key for key, _ in live])
        case MapType():
            return collection_of([part for pair in live for part in pair], parts_per_entry=2)
        case _ if as_map:
            return collection_of([part for pair in live for part in pair], parts_per_entry=2)
        case _:
            return collection_of([value for _, value in live])
