"""The tables of a cluster, immutable: what ids on the wire mean."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from harness.replication import Replication
from harness.table import Column, ColumnKind, Table

__all__ = ["Column", "ColumnKind", "Keyspace", "Schema", "Table", "UserType"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserType:
    """A user-defined type."""

    keyspace: str
    name: str
    fields: tuple[tuple[str, str], ...]
    """Name and CQL type of each field, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyspace:
    """A keyspace with what is not in its tables."""

    name: str
    replication: Replication
    has_tablets: bool | None = None
    """None: not told."""
    types: tuple[UserType, ...] = ()


@dataclass(frozen=True)
class Schema:
    """Tables and keyspaces that were told or learnt; built-in tables are always known."""

    tables: tuple[Table, ...] = ()
    """Each at its last known version."""
    known_keyspaces: tuple[Keyspace, ...] = ()
    old_tables: tuple[Table, ...] = ()
    """Earlier versions; column ids shift when a column is added."""

    @cached_property
    def keyspaces(self) -> dict[str, Keyspace]:
        """The known keyspaces by name."""
        return {keyspace.name: keyspace for keyspace in self.known_keyspaces}

    def table(self, keyspace: str, name: str) -> Table | None:
        """The table of that name."""
        return self._by_name.get((keyspace, name))

    def table_of(self, table_id: UUID, version: UUID | None = None) -> Table | None:
        """The table with an id, as it looked at a schema version if that is known, else as it looked last."""
        if version is not None:
            found = self._by_version.get((table_id, version))
            if found is not None:
                return found
        return self._by_id.get(table_id)

    def views_of(self, base: Table) -> tuple[Table, ...]:
        """The materialized views (those behind secondary indexes too) of a table."""
        return tuple(
            table for table in self.tables if table.base == base.name and table.keyspace == base.keyspace
        )

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Table]:
        return {(table.keyspace, table.name): table for table in self.tables}

    @cached_property
    def _by_id(self) -> dict[UUID, Table]:
        return {table.id: table for table in self.tables if table.id is not None}

    @cached_property
    def _by_version(self) -> dict[tuple[UUID, UUID], Table]:
        return {
            (table.id, table.version): table
            for table in (*self.old_tables, *self.tables)
            if table.id is not None and table.version is not None
        }
