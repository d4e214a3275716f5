"""The keyspaces that every node brings along, as definitions.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc, db/schema_tables.cc, db/system_distributed_keyspace.cc,
    auth/common.cc, tracing/trace_keyspace_helper.cc (replication of the keyspaces).
"""

from dataclasses import replace
from functools import cache
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.schema.builtin_table import BuiltinTable
from harness.backends.simulation.schema.shared_keyspaces import (
    AUTH_TABLES,
    DISTRIBUTED_TABLES,
    TRACES_TABLES,
)
from harness.backends.simulation.schema.system_keyspace import SYSTEM_TABLES
from harness.backends.simulation.schema.system_schema_keyspace import SCHEMA_TABLES
from harness.backends.simulation.table_layout import TableLayout
from harness.replication import LOCAL_STRATEGY, SIMPLE_STRATEGY, Replication
from harness.schema import Keyspace, Schema
from harness.table import Table

LOCAL_KEYSPACES = ("system", "system_schema")
"""Each node has its own; peers are told nothing of them."""

_LOCAL_TABLES: dict[str, tuple[BuiltinTable, ...]] = {
    "system": SYSTEM_TABLES,
    "system_schema": SCHEMA_TABLES,
}
_SHARED_TABLES: dict[str, tuple[BuiltinTable, ...]] = {
    "system_auth": AUTH_TABLES,
    "system_distributed": DISTRIBUTED_TABLES,
    "system_traces": TRACES_TABLES,
}
_SHARED_FACTORS = {"system_auth": 1, "system_distributed": 3, "system_traces": 2}

_WIRE_SCYLLA_TABLES = UUID("6fbc8021-14c3-3b6b-80eb-8571f80b89a0")
"""Peers see scylla_tables without the column ``cdc`` unless all nodes have that feature."""


@cache
def local_catalog() -> Catalog:
    """The catalog of a node that has just been installed: system and system_schema."""
    return _catalog_of(_LOCAL_TABLES, Replication(strategy=LOCAL_STRATEGY))


@cache
def shared_keyspace(name: str) -> Catalog:
    """The catalog of one of the keyspaces that the first node of a cluster makes."""
    replication = Replication(strategy=SIMPLE_STRATEGY, factor=_SHARED_FACTORS[name])
    return _catalog_of({name: _SHARED_TABLES[name]}, replication)


SHARED_KEYSPACES = tuple(_SHARED_TABLES)
"""Names of the keyspaces that the first node of a cluster makes."""


@cache
def flags_of(keyspace: str, table: str) -> tuple[str, ...]:
    """What system_schema.tables says of the form of a built-in table; of others, of one without counters."""
    for builtin in (*_LOCAL_TABLES.get(keyspace, ()), *_SHARED_TABLES.get(keyspace, ())):
        if builtin.name == table:
            return builtin.flags
    return ("compound",)


@cache
def schema_layout(name: str) -> TableLayout:
    """A table of system_schema as this node stores it."""
    found = local_catalog().table("system_schema", name)
    assert found is not None
    return found


@cache
def wire_layout(name: str) -> TableLayout:
    """A table of system_schema as nodes tell each other of its rows."""
    layout = schema_layout(name)
    if name != "scylla_tables":
        return layout
    table = layout.table
    regular = tuple(column for column in table.regular_columns if column.name != "cdc")
    return TableLayout(Schema(), replace(table, version=_WIRE_SCYLLA_TABLES, regular_columns=regular))


@cache
def schema_table_of(table_id: UUID) -> str | None:
    """The name of the table of system_schema that has an id."""
    for table in local_catalog().schema.tables:
        if table.keyspace == "system_schema" and table.id == table_id:
            return table.name
    return None


def _catalog_of(tables: dict[str, tuple[BuiltinTable, ...]], replication: Replication) -> Catalog:
    made: list[Table] = []
    properties = {}
    for keyspace, builtins in tables.items():
        for builtin in builtins:
            made.append(builtin.table(keyspace))
            properties[keyspace, builtin.name] = builtin.properties
    keyspaces = tuple(Keyspace(name=name, replication=replication) for name in tables)
    return Catalog(Schema(tuple(made), keyspaces), properties)
