"""Whether what a statement defines is what a schema knows already."""

from collections.abc import Mapping
from dataclasses import replace

from harness import ddl
from harness.errors import BackendError, DecodeError
from harness.replication import NETWORK_TOPOLOGY_STRATEGY, Replication
from harness.schema import Schema
from harness.schema_building import INDEX_TOKEN_COLUMN, INDEX_VIEW_SUFFIX, VIRTUAL_COLUMN_TYPE, SchemaBuilder
from harness.table import Column, Table
from harness.topology import Topology


def table_defined(statement: str, schema: Schema, *, whose: str = "the capture") -> Table:
    """The table, view, or view behind an index, that a CREATE statement defines, as the schema knows it.

    Args:
        statement: CREATE TABLE, MATERIALIZED VIEW or INDEX.
        schema: what is known.
        whose: the schema is, in errors.

    Raises:
        BackendError: the statement defines no such thing, the schema does not know it, or knows another shape.
    """
    parsed = _parsed(statement)
    keyspace, name = _defined(parsed)
    known = schema.table(keyspace, name)
    if known is None:
        tables = ", ".join(sorted(table.full_name for table in schema.tables)) or "none"
        raise BackendError(f"{whose} knows no {keyspace}.{name}; its tables are: {tables}")
    wanted = _built(parsed, without=(keyspace, name), schema=schema).table(keyspace, name)
    if wanted is None or not known.has_all_columns:
        # What an index on elements of a collection, or a table known by name alone, looks like nobody tells.
        return known
    differences = _column_differences(_columns(wanted), _columns(known))
    if differences:
        raise BackendError(
            f"{keyspace}.{name} of {whose} has another shape: {differences}\n  {' '.join(statement.split())}"
        )
    return known


def name_defined(statement: str) -> tuple[str, str]:
    """Keyspace and name of the table, view, or view behind an index, that a CREATE statement defines.

    Raises:
        BackendError: it defines no such thing, or does not say in which keyspace.
    """
    return _defined(_parsed(statement))


def is_made(statement: str, schema: Schema) -> bool:
    """Whether a schema looks as if a statement that changes schemas had been run."""
    parsed = _parsed(statement)
    if isinstance(parsed, ddl.SetKeyspace):
        known = schema.keyspaces.get(parsed.name)
        return known is not None and parsed.replication in {None, known.replication}
    if isinstance(parsed, ddl.CreateTable | ddl.CreateView | ddl.CreateIndex):
        try:
            table_defined(statement, schema)
        except BackendError:
            return False
        return True
    after = _built(parsed, without=None, schema=schema)
    return _shape(after) == _shape(schema)


def replication_factors(replication: Replication, topology: Topology) -> dict[str, int]:
    """How many replicas each datacenter has; of strategies that do not count by datacenter, one count for all."""
    if replication.strategy == NETWORK_TOPOLOGY_STRATEGY:
        datacenters = sorted({node.datacenter for node in topology.nodes})
        return {name: replication.factor_in(name) for name in datacenters}
    return {} if replication.factor is None else {"": replication.factor}


def _parsed(statement: str) -> ddl.Ddl:
    try:
        return ddl.parse_ddl(statement)
    except DecodeError as error:
        raise BackendError(f"{error.what}: {' '.join(statement.split())}") from None


def _defined(parsed: ddl.Ddl) -> tuple[str, str]:
    match parsed:
        case ddl.CreateTable(name=named) | ddl.CreateView(name=named):
            keyspace, name = named.keyspace, named.name
        case ddl.CreateIndex(base=base, column=column):
            keyspace, name = base.keyspace, (parsed.name or f"{base.name}_{column}_idx") + INDEX_VIEW_SUFFIX
        case _:
            raise BackendError(f"{type(parsed).__name__} defines no table, view or index")
    if keyspace is None:
        raise BackendError(f"write {name} with its keyspace")
    return keyspace, name


def _built(parsed: ddl.Ddl, *, without: tuple[str, str] | None, schema: Schema) -> Schema:
    builder = SchemaBuilder()
    kept = tuple(table for table in schema.tables if (table.keyspace, table.name) != without)
    builder.add(replace(schema, tables=kept))
    builder.apply(parsed)
    return builder.schema()


def _shape(schema: Schema) -> dict[str, object]:
    tables = {table.full_name: _columns(table) for table in schema.tables}
    types = {
        f"{user_type.keyspace}.{user_type.name}": user_type.fields
        for keyspace in schema.known_keyspaces
        for user_type in keyspace.types
    }
    return {"keyspaces": tuple(sorted(schema.keyspaces)), "tables": tables, "types": types}


def _columns(table: Table) -> dict[str, str]:
    """Each column in words that two equal columns share."""
    columns = {
        column.name: _column_text(column) for column in table.columns if column.type != VIRTUAL_COLUMN_TYPE
    }
    if table.is_index and INDEX_TOKEN_COLUMN in columns:
        # A bigint, which old lines call a blob.
        columns[INDEX_TOKEN_COLUMN] = "token"
    return columns


def _column_text(column: Column) -> str:
    order = " descending" if column.is_reversed else ""
    return f"{column.type.replace(' ', '')} {column.kind.value} {column.position}{order}"


def _column_differences(wanted: Mapping[str, str], known: Mapping[str, str]) -> str:
    parts = [f"no column {name}" for name in wanted if name not in known]
    parts += [f"a column {name} more" for name in known if name not in wanted]
    parts += [
        f"{name} is {known[name]}, not {text}"
        for name, text in wanted.items()
        if name in known and known[name] != text
    ]
    return "; ".join(parts)
