"""What a change of the schema writes to system_schema, mutation by mutation in the order of 4.2.

Source:
    Scylla (branch 4.2), db/schema_tables.cc (make_create_table_mutations, make_update_table_mutations,
    make_drop_table_or_view_mutations and their like), service/migration_manager.cc (announce_*).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from harness import ddl
from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.schema.schema_mutations import SchemaRows
from harness.backends.simulation.schema.schema_reading import SCHEMA_TABLES_TOLD, rows_of
from harness.backends.simulation.schema.schema_values import (
    Values,
    column_values,
    index_values,
    keyspace_values,
    not_null_clause,
    table_values,
    type_values,
    view_values,
)
from harness.backends.simulation.storage.storage import Storage
from harness.codec.cql.types import identifier
from harness.codec.verbs.mutation import CanonicalMutationFrame
from harness.schema_building import INDEX_TOKEN_COLUMN, INDEX_VIEW_SUFFIX, VIRTUAL_COLUMN_TYPE
from harness.table import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaWriter:
    """Writes the difference that a plan makes."""

    storage: Storage
    """Holds the rows before."""
    plan: SchemaPlan
    before: Catalog
    after: Catalog
    timestamp_us: int

    def mutations(self) -> tuple[CanonicalMutationFrame, ...]:
        """The mutations, those of the keyspace's own row last."""
        change = self.plan.change
        match change:
            case None:
                return ()
            case ddl.SetKeyspace():
                return (self._keyspace_row().canonical(),)
            case ddl.DropKeyspace():
                rows = [self._rows(table).delete_all() for table in SCHEMA_TABLES_TOLD]
                return tuple(one.canonical() for one in rows)
            case ddl.CreateTable():
                made = self._whole_table(change.name.name)
            case ddl.CreateView():
                made = [
                    *self._whole_table(change.base.name),
                    *self._whole_view(change.name.name, self._told_of_view(change)),
                ]
            case ddl.CreateIndex():
                made = self._create_index(change)
            case ddl.DropIndex():
                made = self._drop_index(change)
            case ddl.DropTable():
                made = [one for name in self.plan.dropped for one in self._drop(name)]
                made += self._drop(change.name.name)
            case ddl.CreateType() | ddl.DropType():
                made = [self._type_row(change.name.name)]
            case ddl.AddField() | ddl.RenameFields():
                made = [self._type_row(change.name.name)]
                made += [one for name in self.plan.touched for one in self._update(name)]
            case ddl.AddColumns() | ddl.DropColumns() | ddl.RenameColumns() | ddl.AlterColumn():
                made = self._update(change.name.name)
                made += self._update_views(change.name.name)
            case ddl.OtherChange():
                made = self._update(change.name.name)
        kept = self._rows("keyspaces")
        return (*(one.canonical() for one in made), self._kept_keyspace(kept))

    # Keyspaces and types.

    def _keyspace_row(self) -> SchemaRows:
        keyspace = self.after.keyspace(self.plan.keyspace)
        assert keyspace is not None
        values = keyspace_values(keyspace.replication, durable_writes=self.plan.durable_writes)
        return self._rows("keyspaces").set((), values)

    def _kept_keyspace(self, rows: SchemaRows) -> CanonicalMutationFrame:
        """The row of the keyspace as it is, so that receivers who lack it have it first."""
        for row in rows_of(self.storage, "keyspaces", self.plan.keyspace):
            rows.partition.rows.make(()).cells.update(row.cells)
        return rows.canonical()

    def _type_row(self, name: str) -> SchemaRows:
        keyspace = self.after.keyspace(self.plan.keyspace)
        assert keyspace is not None
        for user_type in keyspace.types:
            if user_type.name == name:
                return self._rows("types").set((name,), type_values(self.after, user_type))
        return self._rows("types").delete((name,))

    # Tables.

    def _whole_table(self, name: str) -> list[SchemaRows]:
        table = self._table(self.after, name)
        return [
            self._rows("tables").set((name,), table_values(self.after, table)),
            self._columns(table, "columns"),
            *self._empty("computed_columns", "indexes", "dropped_columns"),
            self._version_row(name, table.version),
        ]

    def _whole_view(self, name: str, told: Values) -> list[SchemaRows]:
        view = self._table(self.after, name)
        return [
            self._view_row(view, told),
            self._columns(view, "columns"),
            self._columns(view, "view_virtual_columns"),
            self._computed_columns(view),
            *self._empty("indexes", "dropped_columns"),
            self._version_row(name, view.version),
        ]

    def _table_row(self, name: str, version: UUID | None) -> list[SchemaRows]:
        table = self._table(self.after, name)
        if table.base is None:
            first = [self._rows("tables").set((name,), table_values(self.after, table))]
            empty: tuple[str, ...] = ("columns", "computed_columns", "indexes", "dropped_columns")
        else:
            first = [self._view_row(table, self._told_before(name))]
            empty = ("columns", "view_virtual_columns", "computed_columns", "indexes", "dropped_columns")
        return [*first, *self._empty(*empty), self._version_row(name, version)]

    def _view_row(self, view: Table, told: Values) -> SchemaRows:
        assert view.base is not None
        base = self._table(self.after, view.base)
        return self._rows("views").set((view.name,), view_values(self.after, view, base, told))

    def _update(self, name: str, indexes: SchemaRows | None = None) -> list[SchemaRows]:
        return [
            *self._table_row(name, self._table(self.after, name).version),
            *([] if self._table(self.after, name).base is not None else [indexes or self._rows("indexes")]),
            *self._changed_columns(name),
        ]

    def _changed_columns(self, name: str) -> list[SchemaRows]:
        before, after = self._table(self.before, name), self._table(self.after, name)
        columns = self._columns(after, "columns")
        virtual = self._columns(after, "view_virtual_columns")
        dropped = self._rows("dropped_columns")
        renamed = self.plan.change.renames if isinstance(self.plan.change, ddl.RenameColumns) else ()
        for column in before.columns:
            if after.column(column.name) is None:
                is_virtual = column.type == VIRTUAL_COLUMN_TYPE
                (virtual if is_virtual else columns).delete((name, column.name))
                if after.base is None and all(rename.old != column.name for rename in renamed):
                    self._note_dropped(dropped, column, name)
        changed = [columns, virtual, self._computed_columns(after)]
        return [*changed, dropped] if len(dropped.partition.rows) else changed

    def _note_dropped(self, rows: SchemaRows, column: Column, table: str) -> None:
        at_us = self.timestamp_us if self.plan.timestamp_us is None else self.plan.timestamp_us
        type_value = column_values(self.before, self._table(self.before, table), column)["type"]
        rows.set((table, column.name), {"dropped_time": at_us // 1000, "type": type_value})

    def _update_views(self, base: str) -> list[SchemaRows]:
        made: list[SchemaRows] = []
        for view in self.after.schema.views_of(self._table(self.after, base)):
            if view != self.before.schema.table(view.keyspace, view.name):
                made += self._update(view.name)
        return made

    def _drop(self, name: str) -> list[SchemaRows]:
        table = self._table(self.before, name)
        made = [self._rows("views" if table.base is not None else "tables").delete((name,))]
        for part in ("columns", "view_virtual_columns", "computed_columns", "dropped_columns", "indexes"):
            rows = self._rows(part)
            for row in rows_of(self.storage, part, self.plan.keyspace):
                if row.key[0] == name:
                    rows.delete(row.key)
            if part == "columns" or len(rows.partition.rows):
                made.append(rows)
        return [*made, self._rows("scylla_tables").delete((name,))]

    # Indexes and views.

    def _create_index(self, change: ddl.CreateIndex) -> list[SchemaRows]:
        assert change.name is not None
        view, base = change.name + INDEX_VIEW_SUFFIX, change.base.name
        told: Values = {
            "include_all_columns": False,
            "where_clause": not_null_clause((change.column,), null="NULL"),
        }
        index = self._rows("indexes").set(
            (base, change.name), index_values(change.column, change.partition_key)
        )
        return [
            *self._table_row(base, self._table(self.after, base).version),
            *self._whole_view(view, told),
            index,
            *self._changed_columns(base),
        ]

    def _drop_index(self, change: ddl.DropIndex) -> list[SchemaRows]:
        view = change.name.name + INDEX_VIEW_SUFFIX
        base = self._table(self.before, view).base
        assert base is not None
        return [
            *self._table_row(base, self._table(self.after, base).version),
            *self._drop(view),
            self._rows("indexes").delete((base, change.name.name)),
            *self._changed_columns(base),
        ]

    def _told_of_view(self, change: ddl.CreateView) -> Values:
        where = self.plan.where_clause or not_null_clause((*change.partition_key, *change.clustering_key))
        return {"include_all_columns": change.columns is None, "where_clause": where}

    def _told_before(self, view: str) -> Values:
        for row in rows_of(self.storage, "views", self.plan.keyspace):
            if row.key == (view,):
                clause = _renamed(row.value("views", "where_clause") or "", self.plan.change)
                all_columns = row.value("views", "include_all_columns")
                return {"include_all_columns": all_columns, "where_clause": clause}
        return {}

    # Rows.

    def _columns(self, table: Table, part: str) -> SchemaRows:
        rows = self._rows(part)
        for column in table.columns:
            if (column.type == VIRTUAL_COLUMN_TYPE) == (part == "view_virtual_columns"):
                rows.set((table.name, column.name), column_values(self.after, table, column))
        return rows

    def _computed_columns(self, table: Table) -> SchemaRows:
        rows = self._rows("computed_columns")
        if table.is_index:
            for column in table.clustering_key:
                if column.name == INDEX_TOKEN_COLUMN:
                    rows.set((table.name, column.name), {"computation": b'{"type":"token"}'})
        return rows

    def _version_row(self, name: str, version: UUID | None) -> SchemaRows:
        return self._rows("scylla_tables").set((name,), {"partitioner": None, "version": version})

    def _empty(self, *parts: str) -> Iterator[SchemaRows]:
        return (self._rows(part) for part in parts)

    def _rows(self, part: str) -> SchemaRows:
        return SchemaRows(part, self.plan.keyspace, self.timestamp_us)

    def _table(self, catalog: Catalog, name: str) -> Table:
        found = catalog.schema.table(self.plan.keyspace, name)
        assert found is not None
        return found


def _renamed(clause: str, change: ddl.Ddl | None) -> str:
    """The WHERE of a view after columns of its base table got other names."""
    for rename in change.renames if isinstance(change, ddl.RenameColumns) else ():
        old = re.escape(identifier(rename.old))
        new = identifier(rename.new).replace("\\", "\\\\")
        clause = re.sub(rf'(?<![\w"]){old}(?![\w"])', new, clause)
    return clause


def definition_mutations(
    catalog: Catalog, keyspace: str, timestamp_us: int, tables: Sequence[Table]
) -> tuple[CanonicalMutationFrame, ...]:
    """A keyspace and tables as a node writes those that it brings along."""
    known = catalog.keyspace(keyspace)
    assert known is not None
    parts = {
        part: SchemaRows(part, keyspace, timestamp_us)
        for part in ("keyspaces", "tables", "columns", "scylla_tables")
    }
    parts["keyspaces"].set((), keyspace_values(known.replication, durable_writes=True))
    for table in tables:
        parts["tables"].set((table.name,), table_values(catalog, table))
        parts["scylla_tables"].set((table.name,), {"partitioner": None})
        for column in table.columns:
            parts["columns"].set((table.name, column.name), column_values(catalog, table, column))
    return tuple(rows.canonical() for rows in parts.values())
