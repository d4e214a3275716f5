"""Definitions, read from the rows of system_schema that a node holds.

Source:
    Scylla (branch 4.2), db/schema_tables.cc (create_table_from_mutations, calculate_schema_digest),
    schema_mutations.cc (the version of a table).
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple, cast
from uuid import UUID

from harness.backends.simulation.ring_ranges import place_of_key
from harness.backends.simulation.schema.builtin_schema import LOCAL_KEYSPACES, schema_layout
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.cql.values import decode_value
from harness.codec.verbs.mutation import LiveCell
from harness.replication import Replication
from harness.schema import Keyspace, UserType
from harness.schema_building import INDEX_VIEW_SUFFIX, VIRTUAL_COLUMN_TYPE
from harness.table import Column, ColumnKind, Table

SCHEMA_TABLES_TOLD = (
    "keyspaces",
    "scylla_tables",
    "types",
    "tables",
    "columns",
    "view_virtual_columns",
    "computed_columns",
    "dropped_columns",
    "indexes",
    "views",
)
"""The tables of system_schema that nodes tell each other of, in the order in which they do."""

_TABLE_PARTS = (
    "tables",
    "views",
    "columns",
    "view_virtual_columns",
    "computed_columns",
    "dropped_columns",
    "indexes",
    "scylla_tables",
)
_OPTION_COLUMNS = ("caching", "compaction", "compression")
_PROPERTY_COLUMNS = tuple(TableProperties.__dataclass_fields__)


class SchemaRow(NamedTuple):
    """What lives of a row of system_schema."""

    key: tuple[str, ...]
    cells: dict[str, LiveCell]

    def value(self, table: str, name: str) -> Any:  # noqa: ANN401  (what the column's type says)
        """The value of a column; None: there is none."""
        cell = self.cells.get(name)
        return None if cell is None else decode_value(schema_layout(table).types[name], cell.value)


def rows_of(storage: Storage, table: str, keyspace: str, about: Collection[str] = ()) -> list[SchemaRow]:
    """The rows of a table of system_schema about a keyspace.

    Args:
        storage: holds them.
        table: its name.
        keyspace: that they are about.
        about: only rows whose clustering key begins with one of these; none: all rows.
    """
    layout = schema_layout(table)
    assert layout.table.id is not None
    partition = storage.partition(layout.table.id, (keyspace.encode(),))
    if partition is None:
        return []
    wanted = {name.encode() for name in about}
    deleted_at = partition.tombstone.timestamp
    found = []
    for key, row in partition.rows.items():
        if wanted and key[0] not in wanted:
            continue
        dead_until = max(deleted_at, row.tombstone.regular.timestamp)
        cells = {
            name: cell
            for name, cell in row.cells.items()
            if isinstance(cell, LiveCell) and cell.timestamp > dead_until
        }
        if cells:
            found.append(SchemaRow(tuple(name.decode() for name in key), cells))
    return found


def keyspaces_of(storage: Storage) -> list[str]:
    """The keyspaces of which system_schema holds anything, in the order of the ring; local ones left out."""
    found: set[PartitionKey] = set()
    for table in SCHEMA_TABLES_TOLD:
        found |= set(storage.keys(cast("UUID", schema_layout(table).table.id)))
    names = [key[0].decode() for key in sorted(found, key=place_of_key)]
    return [name for name in names if name not in LOCAL_KEYSPACES]


class KeyspaceDefinition(NamedTuple):
    """A keyspace with all that is in it."""

    keyspace: Keyspace
    tables: tuple[Table, ...]
    properties: dict[tuple[str, str], TableProperties]


def read_keyspace(storage: Storage, name: str, about: Collection[str] = ()) -> KeyspaceDefinition | None:
    """Read a keyspace.

    Args:
        storage: holds the rows.
        name: of the keyspace.
        about: the tables to read; none: all.

    Returns:
        None: there is none.
    """
    found = rows_of(storage, "keyspaces", name)
    if not found:
        return None
    options = found[0].value("keyspaces", "replication") or {}
    replication = Replication.of(sorted(options.items()))
    types = tuple(
        UserType(keyspace=name, name=row.key[0], fields=_fields(row))
        for row in rows_of(storage, "types", name)
    )
    # Whether a view is that of an index, the rows of its base table tell.
    by_table = {
        part: _by_table(rows_of(storage, part, name, () if part == "indexes" else about))
        for part in _TABLE_PARTS
    }
    tables, properties = [], {}
    for part in ("tables", "views"):
        for table_name, (row,) in by_table[part].items():
            tables.append(_table_of(name, table_name, row, part, by_table))
            properties[name, table_name] = _properties_of(row, part)
    keyspace = Keyspace(name=name, replication=replication, types=types)
    return KeyspaceDefinition(keyspace, tuple(sorted(tables, key=lambda table: table.name)), properties)


def schema_version_of(storage: Storage) -> UUID:
    """The version of the whole schema: equal on nodes that have the same one."""
    tables: dict[str, list[tuple[str, UUID | None]]] = {}
    for table in storage.catalog.schema.tables:
        tables.setdefault(table.keyspace, []).append((table.name, table.version))
    digest = hashlib.md5(usedforsecurity=False)
    for keyspace in sorted(storage.catalog.schema.keyspaces.keys() - set(LOCAL_KEYSPACES)):
        for part in ("keyspaces", "types"):
            _feed(digest, part, keyspace, rows_of(storage, part, keyspace))
        digest.update(repr(sorted(tables.get(keyspace, ()))).encode())
    return _name_uuid(digest.digest())


def _by_table(rows: Iterable[SchemaRow]) -> dict[str, list[SchemaRow]]:
    found: dict[str, list[SchemaRow]] = {}
    for row in rows:
        found.setdefault(row.key[0], []).append(row)
    return found


def _fields(row: SchemaRow) -> tuple[tuple[str, str], ...]:
    names, types = row.value("types", "field_names") or [], row.value("types", "field_types") or []
    return tuple(zip(names, types, strict=True))


def _table_of(
    keyspace: str, name: str, row: SchemaRow, part: str, by_table: dict[str, dict[str, list[SchemaRow]]]
) -> Table:
    columns = [_column_of(item, "columns") for item in by_table["columns"].get(name, ())]
    columns += [_virtual_column_of(item) for item in by_table["view_virtual_columns"].get(name, ())]
    by_kind = {kind: [column for column in columns if column.kind is kind] for kind in ColumnKind}
    base = row.value(part, "base_table_name") if part == "views" else None
    indexes = {item.key[1] + INDEX_VIEW_SUFFIX for item in by_table["indexes"].get(base or "", ())}
    return Table(
        keyspace=keyspace,
        name=name,
        id=row.value(part, "id"),
        version=_version_of(keyspace, name, by_table),
        partition_key=_in_order(by_kind[ColumnKind.PARTITION_KEY]),
        clustering_key=_in_order(by_kind[ColumnKind.CLUSTERING]),
        static_columns=_by_name(by_kind[ColumnKind.STATIC]),
        regular_columns=_by_name(by_kind[ColumnKind.REGULAR]),
        base=base,
        is_index=name in indexes,
    )


def _in_order(columns: list[Column]) -> tuple[Column, ...]:
    return tuple(sorted(columns, key=lambda column: column.position))


def _by_name(columns: list[Column]) -> tuple[Column, ...]:
    return tuple(sorted(columns, key=lambda column: column.name.encode()))


def _column_of(row: SchemaRow, table: str) -> Column:
    kind = ColumnKind(row.value(table, "kind"))
    in_key = kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}
    return Column(
        name=row.key[1],
        type=row.value(table, "type"),
        kind=kind,
        position=row.value(table, "position") if in_key else 0,
        is_reversed=row.value(table, "clustering_order").lower() == "desc",
    )


def _virtual_column_of(row: SchemaRow) -> Column:
    return Column(name=row.key[1], type=VIRTUAL_COLUMN_TYPE)


def _properties_of(row: SchemaRow, table: str) -> TableProperties:
    values = {name: row.value(table, name) for name in _PROPERTY_COLUMNS}
    for name in _OPTION_COLUMNS:
        if values[name] is not None:
            values[name] = tuple(values[name].items())
    return TableProperties(**{name: value for name, value in values.items() if value is not None})


def _version_of(keyspace: str, name: str, by_table: dict[str, dict[str, list[SchemaRow]]]) -> UUID:
    for row in by_table["scylla_tables"].get(name, ()):
        told: UUID | None = row.value("scylla_tables", "version")
        if told is not None:
            return told
    digest = hashlib.md5(usedforsecurity=False)
    for part in _TABLE_PARTS:
        _feed(digest, part, keyspace, by_table[part].get(name, ()))
    return _name_uuid(digest.digest())


def _feed(digest: "hashlib._Hash", table: str, keyspace: str, rows: Iterable[SchemaRow]) -> None:
    for key, cells in rows:
        digest.update(repr((table, keyspace, key, sorted(_plain(cells)))).encode())


def _plain(cells: dict[str, LiveCell]) -> Iterator[tuple[str, int, bytes]]:
    for name, cell in cells.items():
        yield name, cell.timestamp, cell.value


def _name_uuid(name: bytes) -> UUID:
    """The UUID that follows from some bytes (version 3)."""
    return UUID(bytes=hashlib.md5(name, usedforsecurity=False).digest(), version=3)
