"""Rows that a node writes into tables of its own, which are read like any others.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc.
"""

from collections.abc import Mapping
from typing import cast

from harness.backends.simulation.storage.cells import Cell
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.types import MapType, SetType
from harness.codec.cql.values import encode_value
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import CollectionCell, CollectionElement, DeadCell, LiveCell, LiveMarker


class LocalRows:
    """Writes rows of local tables; what stands in them follows from elsewhere when the node starts again.

    Args:
        storage: of the node.
        keyspace: of the tables.
    """

    def __init__(self, storage: Storage, keyspace: str = "system") -> None:
        self._storage = storage
        self._keyspace = keyspace

    def write(self, table: str, key: Mapping[str, object], values: Mapping[str, object], now_us: int) -> None:
        """Write a row.

        Args:
            table: its name.
            key: values of all key columns.
            values: of other columns; None deletes.
            now_us: the write timestamp.
        """
        layout = self._layout(table)
        partition = Partition(layout.order)
        row = partition.rows.make(_part(layout, [c.name for c in layout.table.clustering_key], key))
        row.apply_marker(LiveMarker(created_at=now_us))
        for name, value in values.items():
            row.cells[name] = _cell(layout, name, value, now_us)
        self._apply(layout, key, partition)

    def delete(self, table: str, key: Mapping[str, object], now_us: int) -> None:
        """Delete a row, or a partition if the key has no clustering columns."""
        layout = self._layout(table)
        partition = Partition(layout.order)
        tombstone = _tombstone(now_us)
        names = [column.name for column in layout.table.clustering_key]
        if names and names[0] in key:
            partition.rows.make(_part(layout, names, key)).apply_tombstone(tombstone)
        else:
            partition.delete(tombstone)
        self._apply(layout, key, partition)

    def _apply(self, layout: TableLayout, key: Mapping[str, object], partition: Partition) -> None:
        names = [column.name for column in layout.table.partition_key]
        self._storage.apply_unkept(mutation_of(layout, _part(layout, names, key), partition))

    def _layout(self, table: str) -> TableLayout:
        found = self._storage.catalog.table(self._keyspace, table)
        assert found is not None
        return found


def _part(layout: TableLayout, names: list[str], key: Mapping[str, object]) -> tuple[bytes, ...]:
    return tuple(cast("bytes", encode_value(layout.types[name], key[name])) for name in names)


def _cell(layout: TableLayout, name: str, value: object, now_us: int) -> Cell:
    cql_type = layout.types[name]
    if layout.is_multi_cell(name):
        entries: list[tuple[bytes, bytes]] = []
        match cql_type:
            case SetType() if isinstance(value, frozenset | set):
                entries = [(cast("bytes", encode_value(cql_type.element, item)), b"") for item in value]
            case MapType() if isinstance(value, dict):
                entries = [
                    (
                        cast("bytes", encode_value(cql_type.key, of)),
                        cast("bytes", encode_value(cql_type.value, item)),
                    )
                    for of, item in value.items()
                ]
            case _:
                assert value is None, "only sets and maps are written to local tables"
        elements = sorted(entries, key=lambda entry: layout.element_order(name)(entry[0]))
        return CollectionCell(
            tombstone=_tombstone(now_us - 1),
            elements=tuple(
                CollectionElement(key=key, cell=LiveCell(timestamp=now_us, value=item))
                for key, item in elements
            ),
        )
    data = encode_value(cql_type, value)
    return DeadCell(tombstone=_tombstone(now_us)) if data is None else LiveCell(timestamp=now_us, value=data)


def _tombstone(timestamp_us: int) -> Tombstone:
    return Tombstone(timestamp=timestamp_us, deletion_time=timestamp_us // 1_000_000)
