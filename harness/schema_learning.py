"""The schema, learnt from what nodes and clients say to each other.

Source:
    Scylla, db/schema_tables.cc (the tables of system_schema and what DDL statements write to them),
    service/migration_manager.cc, service/raft/group0_state_machine.cc.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from harness.codec.cql.types import CqlType, type_from_marshal
from harness.codec.cql.values import decode_value
from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.codec.verbs.group0 import (
    BroadcastTableQuery,
    Group0Command,
    MixedChange,
    SchemaChange,
    TopologyChange,
    WriteMutations,
    decode_group0_command,
)
from harness.codec.verbs.mutation import (
    CanonicalMutationFrame,
    CollectionCell,
    ColumnMapping,
    CounterCell,
    DeadCell,
    DeadMarker,
    DeletableRow,
    ExpiringCell,
    ExpiringMarker,
    LiveCell,
    LiveMarker,
)
from harness.codec.verbs.mutation import (
    Column as CellColumn,
)
from harness.codec.verbs.raft import AddEntryRequest, AppendEntriesRequest, AppendEntriesRequestV50
from harness.codec.verbs.schema_verbs import DefinitionsUpdate, GetSchemaVersionReply, MigrationReply
from harness.context import Context
from harness.ddl import is_ddl, parse_ddl, statements_of
from harness.errors import DecodeError
from harness.replication import Replication
from harness.schema import Schema, UserType
from harness.schema_building import VIRTUAL_COLUMN_TYPE, SchemaBuilder
from harness.system_tables import system_table_id
from harness.table import Column, ColumnKind, Table

SCHEMA_VERBS = frozenset({11, 14, 21, 47, 55})
"""DEFINITIONS_UPDATE, MIGRATION_REQUEST, GET_SCHEMA_VERSION, RAFT_APPEND_ENTRIES, RAFT_ADD_ENTRY."""

Values = Mapping[str, object]
"""A row's values by name of column."""


_NOT_NULL = r"""(?:"[^"]+"|\w+)\s+IS\s+NOT\s+NULL"""
_NOT_NULLS = re.compile(rf"\s*(?:{_NOT_NULL}(?:\s+AND\s+{_NOT_NULL})*)?\s*", re.IGNORECASE)
"""WHERE of a view that shows every row whose key has no nulls."""


class _Row(NamedTuple):
    """A row of a table of system_schema."""

    keyspace: str
    key: tuple[str, ...]
    """Its clustering key; all of them are names."""
    values: Values
    written_at: int | None
    """Write timestamp in microseconds of the newest that is alive; None: nothing is."""
    deleted_at: int | None

    @property
    def is_alive(self) -> bool:
        return self.written_at is not None and (self.deleted_at is None or self.written_at > self.deleted_at)

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None and not self.is_alive

    @property
    def changed_at(self) -> int | None:
        return self.written_at if self.is_alive else self.deleted_at


_Rows = dict[str, list[_Row]]
"""By name of the table of system_schema."""


class SchemaLearner:
    """Collects what a capture tells about the schema, whoever tells it."""

    def __init__(self) -> None:
        self._builder = SchemaBuilder()

    def schema(self) -> Schema:
        """What is known so far; the same value until something new is learnt."""
        return self._builder.schema()

    def learn_context(self, context: Context) -> None:
        """Take what was told beforehand."""
        self._builder.add(context.schema)

    def learn_statement(self, text: str, keyspace: str | None = None) -> None:
        """Take a CQL text; nothing is learnt from texts that change no schema, or cannot be read.

        Args:
            text: one statement or several.
            keyspace: the one in use on the connection.
        """
        if not is_ddl(text):
            return
        for statement in statements_of(text):
            try:
                self._builder.apply(parse_ddl(statement), keyspace)
            except DecodeError:
                continue

    def learn_rows(
        self, keyspace: str, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Take the result of a SELECT; tables other than those of system_schema teach nothing.

        Args:
            keyspace: of the table that was read.
            table: its name.
            columns: names of the columns of the result.
            rows: values as ``codec.cql.values`` decodes them.
        """
        name_column = _NAME_COLUMNS.get(table)
        if keyspace != "system_schema" or name_column is None:
            return
        found = []
        for row in rows:
            values = dict(zip(columns, row, strict=False))
            names = [values.get(name) for name in ("keyspace_name", *name_column)]
            if all(isinstance(name, str) for name in names):
                of, *key = [str(name) for name in names]
                found.append(_Row(of, tuple(key), values, MISSING_TIMESTAMP, None))
        self._take({table: found}, is_whole=False, has_timestamps=False)

    def learn_rpc(self, body: object) -> None:
        """Take the body of a message between nodes; those of verbs not in ``SCHEMA_VERBS`` teach nothing."""
        match body:
            case DefinitionsUpdate() | MigrationReply():
                if isinstance(body.canonical_mutations, tuple):
                    # A version that is pushed is the sender's for the moment; applying it makes another.
                    is_whole = isinstance(body, MigrationReply)
                    self._take_mutations(body.canonical_mutations, is_whole=is_whole, has_versions=is_whole)
            case GetSchemaVersionReply():
                self._take_frozen_schema(body)
            case AppendEntriesRequest() | AppendEntriesRequestV50():
                for entry in body.append.entries:
                    if isinstance(entry.data, bytes):
                        self._take_command(entry.data)
            case AddEntryRequest():
                self._take_command(body.command)
            case _:
                return

    def _take_command(self, data: bytes) -> None:
        try:
            command = decode_group0_command(data)
        except DecodeError:
            # A command of another group.
            return
        self._take_mutations(_mutations_of(command), is_whole=False)

    def _take_mutations(
        self, mutations: Iterable[CanonicalMutationFrame], *, is_whole: bool, has_versions: bool = True
    ) -> None:
        rows: _Rows = {}
        for mutation in mutations:
            table = _TABLES_BY_ID.get(mutation.table_id)
            if table is not None and (has_versions or table != "scylla_tables"):
                key_size = len(_NAME_COLUMNS[table])
                found = [row for row in _rows_of(mutation) if len(row.key) == key_size]
                rows.setdefault(table, []).extend(found)
        if rows:
            self._take(rows, is_whole=is_whole, has_timestamps=True)

    def _take_frozen_schema(self, reply: GetSchemaVersionReply) -> None:
        parts = reply.schema.mutations
        mutations = (
            parts.columns,
            parts.tables,
            parts.indexes,
            parts.scylla_tables,
            parts.view_virtual_columns,
        )
        whole = [part for part in mutations if isinstance(part, CanonicalMutationFrame)]
        alone = SchemaLearner()
        alone._take_mutations(whole, is_whole=True)
        for table in alone.schema().tables:
            alone._builder.set_version(table.keyspace, table.name, reply.schema.version)
        for table in alone.schema().tables:
            self._builder.keep(table)
            known = self.schema().table(table.keyspace, table.name)
            # The definition for reversed reads has the clustering order flipped; it is not the table's.
            if known is None or known.id != table.id or _shape(known) != _shape(table):
                self._take_mutations(whole, is_whole=True)
                self._builder.set_version(table.keyspace, table.name, reply.schema.version)

    def _take(self, rows: _Rows, *, is_whole: bool, has_timestamps: bool) -> None:
        """Take rows that belong together, such as those that one DDL statement has written."""
        changed_at: dict[tuple[str, str], int] = {}
        for some in rows.values():
            for row in some:
                if has_timestamps and row.key and row.changed_at is not None:
                    key = (row.keyspace, row.key[0])
                    changed_at[key] = max(changed_at.get(key, row.changed_at), row.changed_at)
        taker = _Taker(self._builder, changed_at, is_whole=is_whole)
        for table, take in _TAKERS.items():
            if table in rows:
                take(taker, rows[table])


class _Taker:
    """Hands rows to a builder, table by table."""

    def __init__(
        self, builder: SchemaBuilder, changed_at: dict[tuple[str, str], int], *, is_whole: bool
    ) -> None:
        self.builder = builder
        self.changed_at = changed_at
        self.is_whole = is_whole

    def keyspaces(self, rows: list[_Row]) -> None:
        for row in rows:
            if row.is_deleted:
                self.builder.drop_keyspace(row.keyspace, row.deleted_at)
            if not row.is_alive:
                continue
            options = row.values.get("replication")
            replication = None
            if isinstance(options, dict):
                replication = Replication.of((str(name), str(value)) for name, value in options.items())
            self.builder.set_keyspace(row.keyspace, replication=replication)

    def scylla_keyspaces(self, rows: list[_Row]) -> None:
        for row in rows:
            if row.is_alive and "initial_tablets" in row.values:
                has_tablets = row.values["initial_tablets"] is not None
                self.builder.set_keyspace(row.keyspace, has_tablets=has_tablets)

    def types(self, rows: list[_Row]) -> None:
        for row in rows:
            names, types = row.values.get("field_names"), row.values.get("field_types")
            if row.is_deleted:
                self.builder.drop_type(row.keyspace, row.key[0])
            elif isinstance(names, list) and isinstance(types, list):
                fields = tuple((str(name), str(of)) for name, of in zip(names, types, strict=False))
                self.builder.set_type(UserType(keyspace=row.keyspace, name=row.key[0], fields=fields))

    def tables(self, rows: list[_Row]) -> None:
        for row in rows:
            if row.is_deleted:
                self.builder.drop_table(row.keyspace, row.key[0], row.deleted_at)
            if not row.is_alive:
                continue
            table_id, base = row.values.get("id"), row.values.get("base_table_name")
            where = row.values.get("where_clause")
            self.builder.set_table(
                row.keyspace,
                row.key[0],
                id=table_id if isinstance(table_id, UUID) else None,
                base=base if isinstance(base, str) else None,
                is_restricted=_NOT_NULLS.fullmatch(where) is None if isinstance(where, str) else None,
                changed_at=self.changed_at.get((row.keyspace, row.key[0])),
            )

    def columns(self, rows: list[_Row]) -> None:
        by_table: dict[tuple[str, str], list[_Row]] = {}
        for row in rows:
            by_table.setdefault((row.keyspace, row.key[0]), []).append(row)
        for (keyspace, table), some in by_table.items():
            columns = [column for row in some if row.is_alive and (column := _column_of(row)) is not None]
            dropped = [row for row in some if row.is_deleted]
            has_key = any(column.kind is ColumnKind.PARTITION_KEY for column in columns)
            changed_at = self.changed_at.get((keyspace, table))
            for row in dropped:
                self.builder.drop_column(keyspace, table, row.key[1], changed_at)
            if columns:
                # CREATE writes all columns, ALTER those that it changes.
                is_whole = has_key and (self.is_whole or not dropped)
                self.builder.set_columns(keyspace, table, columns, is_whole=is_whole, changed_at=changed_at)

    def virtual_columns(self, rows: list[_Row]) -> None:
        for row in rows:
            if row.is_alive:
                self.builder.set_columns(
                    row.keyspace,
                    row.key[0],
                    [Column(name=row.key[1], type=VIRTUAL_COLUMN_TYPE)],
                    is_whole=False,
                    changed_at=self.changed_at.get((row.keyspace, row.key[0])),
                )

    def indexes(self, rows: list[_Row]) -> None:
        for row in rows:
            if row.is_alive:
                self.builder.set_index(row.keyspace, row.key[1])

    def scylla_tables(self, rows: list[_Row]) -> None:
        for row in rows:
            version = row.values.get("version")
            if row.is_alive and isinstance(version, UUID):
                self.builder.set_version(row.keyspace, row.key[0], version)


_TAKERS: dict[str, Callable[[_Taker, list[_Row]], None]] = {
    "keyspaces": _Taker.keyspaces,
    "scylla_keyspaces": _Taker.scylla_keyspaces,
    "types": _Taker.types,
    "tables": _Taker.tables,
    "views": _Taker.tables,
    "columns": _Taker.columns,
    "view_virtual_columns": _Taker.virtual_columns,
    "indexes": _Taker.indexes,
    "scylla_tables": _Taker.scylla_tables,
}
"""In the order in which the tables have to be taken."""

_NAME_COLUMNS: dict[str, tuple[str, ...]] = {
    "keyspaces": (),
    "scylla_keyspaces": (),
    "types": ("type_name",),
    "tables": ("table_name",),
    "views": ("view_name",),
    "columns": ("table_name", "column_name"),
    "view_virtual_columns": ("view_name", "column_name"),
    "indexes": ("table_name", "index_name"),
    "scylla_tables": ("table_name",),
}
"""Clustering key of each table; the partition key is keyspace_name throughout."""

_TABLES_BY_ID = {system_table_id("system_schema", table): table for table in _TAKERS}


def _mutations_of(command: Group0Command) -> tuple[CanonicalMutationFrame, ...]:
    match command.change:
        case SchemaChange() | TopologyChange() | WriteMutations() | MixedChange():
            return command.change.mutations
        case BroadcastTableQuery():
            return ()


def _shape(table: Table) -> list[tuple[str, str, ColumnKind, int]]:
    return [(column.name, column.type, column.kind, column.position) for column in table.columns]


def _column_of(row: _Row) -> Column | None:
    values = row.values
    kind, type_text, position = values.get("kind"), values.get("type"), values.get("position")
    if not isinstance(kind, str) or not isinstance(type_text, str) or kind not in _KINDS:
        return None
    in_key = kind in {"partition_key", "clustering"}
    return Column(
        name=row.key[1],
        type=type_text,
        kind=ColumnKind(kind),
        position=position if in_key and isinstance(position, int) else 0,
        is_reversed=str(values.get("clustering_order")).lower() == "desc",
    )


_KINDS = {kind.value for kind in ColumnKind}


def _rows_of(mutation: CanonicalMutationFrame) -> Iterator[_Row]:
    """Give the rows of a mutation of a table of system_schema, deleted ones too."""
    names = _texts(mutation.key.components)
    if len(names) != 1:
        return
    partition = mutation.partition
    partition_deleted = partition.tombstone.timestamp if partition.tombstone.exists else None
    if partition_deleted is not None and not partition.rows:
        yield _Row(names[0], (), {}, None, partition_deleted)
    for row in partition.rows:
        deletions = [row.deleted_at.timestamp, partition.tombstone.timestamp]
        deleted_at = max(deletions)
        values, written_at = _values_of(row, mutation.mapping)
        marked_at = _marked_at(row)
        stamps = [stamp for stamp in (written_at, marked_at) if stamp is not None]
        yield _Row(
            names[0],
            _texts(row.key.components),
            values,
            max(stamps) if stamps else None,
            None if deleted_at == MISSING_TIMESTAMP else deleted_at,
        )


def _texts(components: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(component.decode("utf-8", "replace") for component in components)


def _marked_at(row: DeletableRow) -> int | None:
    match row.marker:
        case LiveMarker():
            return row.marker.created_at
        case ExpiringMarker():
            return row.marker.marker.created_at
        case DeadMarker():
            return None
        case _:
            return None


def _values_of(row: DeletableRow, mapping: ColumnMapping) -> tuple[Values, int | None]:
    """Give the live values of a row by name, and the newest of their timestamps."""
    values: dict[str, object] = {}
    written_at: int | None = None
    for cell in row.cells.columns:
        index = mapping.static_count + cell.id
        if index >= len(mapping.columns):
            continue
        entry = mapping.columns[index]
        value, timestamp = _value_of(cell, entry.type_name)
        values[entry.name.decode("utf-8", "replace")] = value
        if value is not None and timestamp is not None:
            written_at = timestamp if written_at is None else max(written_at, timestamp)
    return values, written_at


def _value_of(column: CellColumn, type_name: str) -> tuple[object, int | None]:
    match column.cell:
        case LiveCell() as cell:
            return _decoded(type_name, cell.value), cell.timestamp
        case ExpiringCell() as cell:
            return _decoded(type_name, cell.cell.value), cell.cell.timestamp
        case DeadCell() as cell:
            return None, cell.tombstone.timestamp
        case CollectionCell() | CounterCell():
            # What the schema depends on is frozen.
            return None, None


def _decoded(type_name: str, data: bytes) -> object:
    try:
        cql_type: CqlType = type_from_marshal(type_name).cql_type
        return decode_value(cql_type, data)
    except DecodeError:
        return None
