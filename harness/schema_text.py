"""A schema as CQL: what makes the same tables again, without the properties that no id depends on."""

import re
from collections.abc import Iterable

from harness.replication import Replication
from harness.reserved_words import RESERVED_WORDS
from harness.schema import Keyspace, Schema
from harness.schema_building import INDEX_TOKEN_COLUMN, INDEX_VIEW_SUFFIX, VIRTUAL_COLUMN_TYPE
from harness.table import Column, ColumnKind, Table


def schema_text(schema: Schema, keyspace: str) -> str:
    """Write everything in a keyspace, each thing after what it needs."""
    known = schema.keyspaces.get(keyspace)
    parts = []
    if known is not None:
        parts.append(keyspace_text(known))
        for user_type in known.types:
            fields = ", ".join(f"{_quoted(name)} {type_text}" for name, type_text in user_type.fields)
            parts.append(f"CREATE TYPE {_quoted(keyspace)}.{_quoted(user_type.name)} ({fields})")
    tables = [table for table in schema.tables if table.keyspace == keyspace and table.partition_key]
    parts += [_table_text(table) for table in tables if table.base is None]
    for view in tables:
        if view.base is not None:
            if view.is_index:
                parts.append(_index_text(view, view.base))
            parts.append(_view_text(view, view.base))
    return ";\n\n".join(parts) + ";" if parts else ""


def keyspace_text(keyspace: Keyspace) -> str:
    """Write CREATE KEYSPACE."""
    tablets = ""
    if keyspace.has_tablets is not None:
        tablets = f" AND tablets = {{'enabled': {'true' if keyspace.has_tablets else 'false'}}}"
    options = ", ".join(f"'{name}': '{value}'" for name, value in _options(keyspace.replication))
    return f"CREATE KEYSPACE {_quoted(keyspace.name)} WITH replication = {{{options}}}{tablets}"


def _options(replication: Replication) -> Iterable[tuple[str, str]]:
    yield "class", replication.strategy
    if replication.factor is not None:
        yield "replication_factor", str(replication.factor)
    for datacenter, factor in replication.factors:
        yield datacenter.replace("'", "''"), str(factor)


def _table_text(table: Table) -> str:
    columns = [
        f"{_quoted(column.name)} {column.type}{' static' if column.kind is ColumnKind.STATIC else ''}"
        for column in table.columns
    ]
    return (
        f"CREATE TABLE {_full_name(table)} ({', '.join(columns)}, PRIMARY KEY {_key_text(table)})"
        f"{_order_text(table)}"
    )


def _view_text(view: Table, base: str) -> str:
    selected = [column.name for column in view.columns if column.type != VIRTUAL_COLUMN_TYPE]
    key = [column.name for column in view.partition_key + view.clustering_key]
    where = " AND ".join(f"{_quoted(name)} IS NOT NULL" for name in key)
    lines = (
        f"CREATE MATERIALIZED VIEW {_full_name(view)} AS",
        f"SELECT {', '.join(map(_quoted, selected))}",
        f"FROM {_quoted(view.keyspace)}.{_quoted(base)}",
        f"WHERE {where}",
        f"PRIMARY KEY {_key_text(view)}{_order_text(view)}",
    )
    return " ".join(lines)


def _index_text(view: Table, base: str) -> str:
    name = view.name.removesuffix(INDEX_VIEW_SUFFIX)
    target = _quoted(view.partition_key[0].name)
    if view.column(INDEX_TOKEN_COLUMN) is None and view.clustering_key:
        # A local index: its view is partitioned as the base table is.
        partition = ", ".join(_quoted(column.name) for column in view.partition_key)
        target = f"({partition}), {_quoted(view.clustering_key[0].name)}"
    return f"CREATE INDEX {_quoted(name)} ON {_quoted(view.keyspace)}.{_quoted(base)} ({target})"


def _key_text(table: Table) -> str:
    partition = ", ".join(_quoted(column.name) for column in table.partition_key)
    clustering = "".join(f", {_quoted(column.name)}" for column in table.clustering_key)
    return f"(({partition}){clustering})"


def _order_text(table: Table) -> str:
    def order(column: Column) -> str:
        return f"{_quoted(column.name)} {'DESC' if column.is_reversed else 'ASC'}"

    if not table.clustering_key:
        return ""
    return f" WITH CLUSTERING ORDER BY ({', '.join(map(order, table.clustering_key))})"


def _full_name(table: Table) -> str:
    return f"{_quoted(table.keyspace)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    """Write a name, in quotes unless it is read as the same name without them."""
    if re.fullmatch("[a-z][a-z0-9_]*", name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


_RESERVED = RESERVED_WORDS | {"mbean", "mbeans", "static"}
"""With words that drivers and other versions quote; quotes too many change nothing."""
