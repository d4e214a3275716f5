"""The schema as one node knows it: tables with their properties and layouts, keyspaces, types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.table_properties import DEFAULT_PROPERTIES, TableProperties
from harness.codec.cql.types import CqlType
from harness.replication import LOCAL_STRATEGY
from harness.schema import Keyspace, Schema
from harness.table import Table


@dataclass(frozen=True)
class Catalog:
    """A schema with what storage and statements derive from it; a change of the schema makes a new one."""

    schema: Schema = field(default_factory=Schema)
    properties: Mapping[tuple[str, str], TableProperties] = field(default_factory=dict)
    """By keyspace and table; those that are not here have the defaults."""
    _layouts: dict[tuple[str, str, UUID | None, UUID | None], TableLayout] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def has_keyspace(self, name: str) -> bool:
        """Whether there is a keyspace of that name; those of built-in tables are."""
        return name in self.schema.keyspaces or any(table.keyspace == name for table in self.schema.tables)

    def keyspace(self, name: str) -> Keyspace | None:
        """The keyspace of that name."""
        return self.schema.keyspaces.get(name)

    def is_local(self, name: str) -> bool:
        """Whether each node has a keyspace of that name for itself alone, and answers reads of it alone."""
        known = self.schema.keyspaces.get(name)
        return known is not None and known.replication.strategy == LOCAL_STRATEGY

    def table(self, keyspace: str, name: str) -> TableLayout | None:
        """The table of that name."""
        table = self.schema.table(keyspace, name)
        return None if table is None else self.layout(table)

    def table_of(self, table_id: UUID, version: UUID) -> TableLayout | None:
        """The table as it looks at a schema version; None if table or version are not known.

        Built-in tables without a version of their own are known at any.
        """
        table = self.schema.table_of(table_id, version)
        if table is None or table.version not in {None, version}:
            return None
        return self.layout(table)

    def last_table_of(self, table_id: UUID) -> TableLayout | None:
        """The table as it looks now."""
        table = self.schema.table_of(table_id)
        return None if table is None else self.layout(table)

    def layout(self, table: Table) -> TableLayout:
        """The layout of a table."""
        key = (table.keyspace, table.name, table.id, table.version)
        layout = self._layouts.get(key)
        if layout is None:
            properties = self.properties_of(table.keyspace, table.name)
            layout = self._layouts[key] = TableLayout(
                self.schema,
                table,
                gc_grace_s=properties.gc_grace_seconds,
                default_ttl_s=properties.default_time_to_live,
            )
        return layout

    def views_of(self, base: Table) -> tuple[TableLayout, ...]:
        """The views of a table, those behind secondary indexes included."""
        return tuple([self.layout(view) for view in self.schema.views_of(base)])

    def properties_of(self, keyspace: str, name: str) -> TableProperties:
        """The properties of a table."""
        return self.properties.get((keyspace, name), DEFAULT_PROPERTIES)

    def type_of(self, keyspace: str, text: str) -> CqlType:
        """The type that a text means in a keyspace; a ``CustomType`` if it cannot be understood."""
        return self.schema.type_of(keyspace, text)
