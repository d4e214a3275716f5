"""Catalogs of a few tables, as statements define them, and what was written to them in short."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.storage.cells import Cell
from harness.backends.simulation.storage.markers import NO_MARKER, Marker
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import LiveCell, LiveMarker
from harness.ddl import parse_ddl, statements_of
from harness.schema_building import SchemaBuilder
from harness.table import Table

NOW_S = 1_700_000_000
NOW_US = NOW_S * 1_000_000


def catalog_of(cql: str, properties: Mapping[tuple[str, str], TableProperties] | None = None) -> Catalog:
    """The tables of a keyspace ``ks``, each with an id and a schema version that are counted."""
    builder = SchemaBuilder()
    builder.apply(
        parse_ddl(
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
        )
    )
    for statement in statements_of(cql):
        builder.apply(parse_ddl(statement), "ks")
    schema = builder.schema()
    numbered = [
        replace(table, id=table.id or UUID(int=1000 + number), version=UUID(int=2000 + number))
        for number, table in enumerate(schema.tables)
    ]
    return Catalog(replace(schema, tables=tuple(numbered)), properties or {})


def layout_of(cql: str, name: str | None = None) -> TableLayout:
    """The layout of the one table that a statement defines, or of one of several."""
    catalog = catalog_of(cql)
    table: Table = catalog.schema.tables[0]
    found = catalog.table("ks", table.name if name is None else name)
    assert found is not None
    return found


def i32(number: int) -> bytes:
    return number.to_bytes(4, "big", signed=True)


def live(value: bytes, timestamp: int) -> LiveCell:
    return LiveCell(timestamp=timestamp, value=value)


def inserted(timestamp: int) -> LiveMarker:
    return LiveMarker(created_at=timestamp)


def deleted(timestamp: int, deletion_time: int = NOW_S) -> Tombstone:
    return Tombstone(timestamp=timestamp, deletion_time=deletion_time)


def partition_with(
    layout: TableLayout,
    key: tuple[bytes, ...] = (),
    cells: Mapping[str, Cell] | None = None,
    *,
    marker: Marker = NO_MARKER,
    tombstone: Tombstone = NO_TOMBSTONE,
) -> Partition:
    """A partition with one row."""
    partition = Partition(layout.order)
    row = partition.rows.make(key)
    row.apply_marker(marker)
    row.apply_tombstone(tombstone)
    for name, cell in (cells or {}).items():
        row.apply_cell(layout, name, cell)
    return partition
