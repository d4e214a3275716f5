"""What clients are told when a catalog takes the place of another.

Source:
    Scylla (branch 4.2), db/schema_tables.cc (do_merge_schema: the order in which it notifies), transport/
    event_notifier.cc (views count as tables).
"""

from collections.abc import Iterator

from harness.backends.simulation.catalog import Catalog
from harness.codec.cql.events import SchemaChange
from harness.schema import UserType
from harness.table import Table


def schema_changes(before: Catalog, after: Catalog) -> tuple[SchemaChange, ...]:
    """The changes: keyspaces, types and tables that were made, changed and dropped."""
    return (
        *_keyspaces_made(before, after),
        *_types_made(before, after),
        *_tables(before, after),
        *_dropped(before, after),
    )


def _keyspaces_made(before: Catalog, after: Catalog) -> Iterator[SchemaChange]:
    for name, keyspace in after.schema.keyspaces.items():
        known = before.keyspace(name)
        if known is None:
            yield SchemaChange(change="CREATED", target="KEYSPACE", keyspace=name)
        elif known.replication != keyspace.replication:
            yield SchemaChange(change="UPDATED", target="KEYSPACE", keyspace=name)


def _types_made(before: Catalog, after: Catalog) -> Iterator[SchemaChange]:
    known = _types_by_name(before)
    for key, user_type in _types_by_name(after).items():
        if key not in known:
            yield SchemaChange(change="CREATED", target="TYPE", keyspace=key[0], name=key[1])
        elif known[key] != user_type:
            yield SchemaChange(change="UPDATED", target="TYPE", keyspace=key[0], name=key[1])


def _tables(before: Catalog, after: Catalog) -> Iterator[SchemaChange]:
    known = _tables_by_name(before)
    made, updated = [], []
    for key, table in _tables_by_name(after).items():
        if key not in known or known[key].id != table.id:
            made.append(SchemaChange(change="CREATED", target="TABLE", keyspace=key[0], name=key[1]))
        elif known[key].version != table.version:
            updated.append(SchemaChange(change="UPDATED", target="TABLE", keyspace=key[0], name=key[1]))
    yield from made
    yield from updated


def _dropped(before: Catalog, after: Catalog) -> Iterator[SchemaChange]:
    left = _tables_by_name(after)
    for keyspace, name in _tables_by_name(before):
        if (keyspace, name) not in left:
            yield SchemaChange(change="DROPPED", target="TABLE", keyspace=keyspace, name=name)
    types = _types_by_name(after)
    for keyspace, name in _types_by_name(before):
        if (keyspace, name) not in types:
            yield SchemaChange(change="DROPPED", target="TYPE", keyspace=keyspace, name=name)
    for name in before.schema.keyspaces:
        if after.keyspace(name) is None:
            yield SchemaChange(change="DROPPED", target="KEYSPACE", keyspace=name)


def _tables_by_name(catalog: Catalog) -> dict[tuple[str, str], Table]:
    return {(table.keyspace, table.name): table for table in catalog.schema.tables}


def _types_by_name(catalog: Catalog) -> dict[tuple[str, str], UserType]:
    return {
        (keyspace.name, user_type.name): user_type
        for keyspace in catalog.schema.known_keyspaces
        for user_type in keyspace.types
    }
