"""What a change of the schema makes of a catalog; ids and versions of tables come from outside.

Source:
    Scylla (branch 4.2), cql3/statements/ (create_*, alter_*, drop_*), db/view/view.cc (what a column that is added to
    a table adds to its views).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from harness import ddl
from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.cql.events import SchemaChange
from harness.schema import Schema
from harness.schema_building import VIRTUAL_COLUMN_TYPE, SchemaBuilder
from harness.table import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPlan:
    """One statement that changes the schema, found to make sense."""

    change: ddl.Ddl | None
    """What it does; None: nothing, as IF NOT EXISTS allows."""
    keyspace: str
    event: SchemaChange | None = None
    """What clients are told."""
    table: str | None = None
    """The table or view that is made, changed or dropped."""
    properties: TableProperties | None = None
    """What that table is like afterwards, besides its columns."""
    dropped: tuple[str, ...] = ()
    """Tables and views that go with it, those behind indexes first."""
    touched: tuple[str, ...] = ()
    """Tables that get another version although their columns stay as they are."""
    durable_writes: bool = True
    """Of a keyspace."""
    timestamp_us: int | None = None
    """From USING TIMESTAMP of dropped columns."""
    where_clause: str | None = None
    """Of a view that is made."""

    def apply(
        self, catalog: Catalog, *, make_id: Callable[[], UUID], version_of: Callable[[Table], UUID]
    ) -> Catalog:
        """Do it.

        Args:
            catalog: the schema before.
            make_id: gives ids of new tables and views.
            version_of: gives the schema version of a table that is new or has changed.

        Returns:
            The schema afterwards; earlier versions of its tables stay known by their ids.
        """
        if self.change is None:
            return catalog
        before = catalog.schema
        builder = SchemaBuilder()
        builder.add(before)
        for table in before.tables:
            builder.keep(table)
        for name in self.dropped:
            builder.drop_table(self.keyspace, name)
        builder.apply(self.change, self.keyspace)
        if isinstance(self.change, ddl.AddColumns):
            self._add_to_views(builder, before, self.change)
        for table in builder.schema().tables:
            if table.id is None:
                builder.set_table(table.keyspace, table.name, id=make_id())
        for table in builder.schema().tables:
            if table.version is None or (table.keyspace == self.keyspace and table.name in self.touched):
                builder.set_version(table.keyspace, table.name, version_of(table))
        return Catalog(builder.schema(), self._properties(catalog.properties))

    def _properties(
        self, before: Mapping[tuple[str, str], TableProperties]
    ) -> dict[tuple[str, str], TableProperties]:
        gone = {(self.keyspace, name) for name in self.dropped}
        left = {
            key: value
            for key, value in before.items()
            if key not in gone and not (isinstance(self.change, ddl.DropKeyspace) and key[0] == self.keyspace)
        }
        if self.table is not None and self.properties is not None:
            left[self.keyspace, self.table] = self.properties
        return left

    def _add_to_views(self, builder: SchemaBuilder, before: Schema, change: ddl.AddColumns) -> None:
        """Views of all columns get the new ones too; others keep them without values if they live by them."""
        base = before.table(self.keyspace, change.name.name)
        assert base is not None
        regular = {column.name for column in base.regular_columns}
        added = [item for item in change.columns if not item.is_static]
        for view in before.views_of(base):
            known = {column.name for column in view.columns if column.type != VIRTUAL_COLUMN_TYPE}
            has_all = not view.is_index and regular <= known
            has_base_key = any(
                column.name in regular for column in (*view.partition_key, *view.clustering_key)
            )
            if has_all or not has_base_key:
                columns = [
                    Column(name=item.name, type=item.type if has_all else VIRTUAL_COLUMN_TYPE)
                    for item in added
                ]
                builder.set_columns(self.keyspace, view.name, columns, is_whole=False)
