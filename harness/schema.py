"""The tables of a cluster, immutable: what ids on the wire mean."""

from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from harness.codec.cql.types import CqlType, CustomType, type_from_cql
from harness.codec.cql.types import UserType as CqlUserType
from harness.errors import DecodeError
from harness.replication import Replication
from harness.system_tables import system_tables_by_id, system_tables_by_name
from harness.table import Column, ColumnKind, Table

__all__ = ["Column", "ColumnKind", "Keyspace", "Schema", "Table", "UserType"]

_REVERSED_BITS = 0x3FFF << 48
"""What the schema version of a reversed read inverts in the low half of the table's."""


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
    """Earlier versions, as column ids shift when a column is added; and tables that were dropped."""
    _types: dict[tuple[str, str], CqlType] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )
    _user_types_by_keyspace: dict[str, dict[str, CqlUserType]] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    @cached_property
    def keyspaces(self) -> dict[str, Keyspace]:
        """The known keyspaces by name."""
        return {keyspace.name: keyspace for keyspace in self.known_keyspaces}

    def table(self, keyspace: str, name: str) -> Table | None:
        """The table of that name."""
        return self._by_name.get((keyspace, name)) or system_tables_by_name().get((keyspace, name))

    def table_of(self, table_id: UUID, version: UUID | None = None) -> Table | None:
        """The table with an id, as it looked at a schema version if that is known, else as it looked last.

        Reversed reads name a version of their own, which is derived from the table's.
        """
        if version is not None:
            found = self._by_version.get((table_id, version))
            if found is None and self._by_version:
                found = self._by_version.get((table_id, UUID(int=version.int ^ _REVERSED_BITS)))
            if found is not None:
                return found
        return self._by_id.get(table_id) or system_tables_by_id().get(table_id)

    def views_of(self, base: Table) -> tuple[Table, ...]:
        """The materialized views (those behind secondary indexes too) of a table."""
        return tuple(
            table for table in self.tables if table.base == base.name and table.keyspace == base.keyspace
        )

    def type_of(self, keyspace: str, text: str) -> CqlType:
        """The type that a text means in a keyspace; a ``CustomType`` if it cannot be understood."""
        found = self._types.get((keyspace, text))
        if found is None:
            try:
                found = type_from_cql(text, self._user_types(keyspace))
            except DecodeError:
                found = CustomType(text)
            self._types[keyspace, text] = found
        return found

    def _user_types(self, keyspace: str) -> dict[str, CqlUserType]:
        """Resolve the types of a keyspace; of each other they use only those that are there already."""
        resolved = self._user_types_by_keyspace.get(keyspace)
        if resolved is None:
            resolved = self._user_types_by_keyspace[keyspace] = {}
            known = self.keyspaces.get(keyspace)
            waiting = list(known.types) if known is not None else []
            while waiting:
                left = [user_type for user_type in waiting if not _resolve(user_type, resolved)]
                if len(left) == len(waiting):
                    break
                waiting = left
        return resolved

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Table]:
        return {(table.keyspace, table.name): table for table in self.tables}

    @cached_property
    def _by_id(self) -> dict[UUID, Table]:
        return {table.id: table for table in (*self.old_tables, *self.tables) if table.id is not None}

    @cached_property
    def _by_version(self) -> dict[tuple[UUID, UUID], Table]:
        return {
            (table.id, table.version): table
            for table in (*self.old_tables, *self.tables)
            if table.id is not None and table.version is not None
        }


def _resolve(user_type: UserType, resolved: dict[str, CqlUserType]) -> bool:
    """Add a type to those that are resolved, if all that it needs is among them."""
    try:
        fields = tuple((name, type_from_cql(text, resolved)) for name, text in user_type.fields)
    except DecodeError:
        return False
    resolved[user_type.name] = CqlUserType(user_type.keyspace, user_type.name, fields)
    return True
