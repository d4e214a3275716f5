"""Definitions as rows of system_schema: what stands in which column.

Source:
    Scylla (branch 4.2), db/schema_tables.cc (add_table_params_to_mutations, make_columns_mutation and their like),
    cql3/statements/index_target.cc (the text of an index's target).
"""

import json
from collections.abc import Mapping

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.schema.builtin_schema import flags_of
from harness.backends.simulation.table_properties import Options, TableProperties
from harness.codec.cql.types import CqlType, ListType, MapType, SetType, TupleType, identifier
from harness.replication import LOCAL_STRATEGY, SIMPLE_STRATEGY, Replication
from harness.schema import UserType
from harness.schema_building import INDEX_TOKEN_COLUMN
from harness.table import Column, ColumnKind, Table

Values = dict[str, object]
"""A row's values by column; None: deleted."""

_STRATEGIES = "org.apache.cassandra.locator."
_COMPRESSORS = "org.apache.cassandra.io.compress."


def keyspace_values(replication: Replication, *, durable_writes: bool) -> Values:
    """A row of keyspaces."""
    return {"durable_writes": durable_writes, "replication": _replication_options(replication)}


def _replication_options(replication: Replication) -> dict[str, str]:
    options = {"class": _STRATEGIES + replication.strategy}
    if replication.factor is not None and replication.strategy != LOCAL_STRATEGY:
        options["replication_factor"] = str(replication.factor)
    if replication.strategy != SIMPLE_STRATEGY:
        options |= {name: str(factor) for name, factor in replication.factors}
    return options


def type_values(catalog: Catalog, user_type: UserType) -> Values:
    """A row of types."""
    return {
        "field_names": [name for name, _ in user_type.fields],
        "field_types": [type_text(catalog, user_type.keyspace, text) for _, text in user_type.fields],
    }


def table_values(catalog: Catalog, table: Table) -> Values:
    """A row of tables."""
    flags = flags_of(table.keyspace, table.name)
    if any(column.type == "counter" for column in table.columns):
        flags = (*flags, "counter")
    return {
        **_property_values(catalog.properties_of(table.keyspace, table.name)),
        "flags": frozenset(flags),
        "id": table.id,
    }


def view_values(catalog: Catalog, view: Table, base: Table, told: Mapping[str, object]) -> Values:
    """A row of views.

    Args:
        catalog: with its properties.
        view: the view.
        base: the table that it is a view of.
        told: what only the statement says: where_clause and include_all_columns.
    """
    return {
        **_property_values(catalog.properties_of(view.keyspace, view.name)),
        "base_table_id": base.id,
        "base_table_name": base.name,
        "id": view.id,
        **told,
    }


def _property_values(properties: TableProperties) -> Values:
    return {
        "bloom_filter_fp_chance": properties.bloom_filter_fp_chance,
        "caching": dict(properties.caching),
        "comment": properties.comment,
        "compaction": _with_class(properties.compaction),
        "compression": _compression(properties.compression),
        "crc_check_chance": properties.crc_check_chance,
        "dclocal_read_repair_chance": properties.dclocal_read_repair_chance,
        "default_time_to_live": properties.default_time_to_live,
        "extensions": {},
        "gc_grace_seconds": properties.gc_grace_seconds,
        "max_index_interval": properties.max_index_interval,
        "memtable_flush_period_in_ms": properties.memtable_flush_period_in_ms,
        "min_index_interval": properties.min_index_interval,
        "read_repair_chance": properties.read_repair_chance,
        "speculative_retry": properties.speculative_retry,
    }


def _with_class(options: Options) -> dict[str, str]:
    return {name: value.rpartition(".")[2] if name == "class" else value for name, value in options}


def _compression(options: Options) -> dict[str, str]:
    found = {}
    for name, value in options:
        is_class = name in {"sstable_compression", "class"} and value
        found["sstable_compression" if name == "class" else name] = (
            _COMPRESSORS + value.rpartition(".")[2] if is_class else value
        )
    return found


def column_values(catalog: Catalog, table: Table, column: Column) -> Values:
    """A row of columns, or of view_virtual_columns."""
    in_key = column.kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}
    order = "NONE"
    if column.kind is ColumnKind.CLUSTERING:
        order = "DESC" if column.is_reversed else "ASC"
    text = type_text(catalog, table.keyspace, column.type)
    if table.is_index and column.name == INDEX_TOKEN_COLUMN:
        # Its type is the one of the token, but 4.2 takes the bytes as they are.
        text = "blob"
    return {
        "clustering_order": order,
        "column_name_bytes": column.name.encode(),
        "kind": column.kind.value,
        "position": column.position if in_key else -1,
        "type": text,
    }


def type_text(catalog: Catalog, keyspace: str, text: str) -> str:
    """A type as system_schema writes it."""
    return _written(catalog.type_of(keyspace, text)) if text != "empty" else text


def _written(cql_type: CqlType) -> str:
    match cql_type:
        case TupleType():
            inner = ", ".join(_written(component) for component in cql_type.components)
            return f"frozen<tuple<{inner}>>"
        case ListType():
            return _collection(cql_type, f"list<{_written(cql_type.element)}>")
        case SetType():
            return _collection(cql_type, f"set<{_written(cql_type.element)}>")
        case MapType():
            return _collection(cql_type, f"map<{_written(cql_type.key)}, {_written(cql_type.value)}>")
        case _:
            return str(cql_type)


def _collection(cql_type: ListType | SetType | MapType, text: str) -> str:
    return f"frozen<{text}>" if cql_type.is_frozen else text


def index_values(target: str, partition_key: tuple[str, ...]) -> Values:
    """A row of indexes.

    Args:
        target: the column.
        partition_key: of the base table, if the index is a local one; else empty.
    """
    text = target
    if partition_key:
        text = json.dumps({"ck": [target], "pk": list(partition_key)}, separators=(",", ":"))
    return {"kind": "COMPOSITES", "options": {"target": text}}


def not_null_clause(columns: tuple[str, ...], *, null: str = "null") -> str:
    """The WHERE of a view that shows every row in which some columns have values."""
    return " AND ".join(f"{identifier(name)} IS NOT {null}" for name in columns)
