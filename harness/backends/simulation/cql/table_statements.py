"""CREATE, ALTER and DROP TABLE.

Source:
    Scylla (branch 4.2), cql3/statements/create_table_statement.cc, alter_table_statement.cc,
    drop_table_statement.cc (what is refused).
"""

from collections.abc import Sequence
from uuid import UUID

from harness import ddl
from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.evaluation import Evaluation
from harness.backends.simulation.cql.keyspace_statements import refuse_long_name, refuse_system_keyspace
from harness.backends.simulation.cql.names import keyspace_of, table_named
from harness.backends.simulation.cql.request_error import already_exists, config_error, invalid
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.statements import Ordering
from harness.backends.simulation.cql.table_options import properties_of
from harness.backends.simulation.table_layout import TableLayout, is_multi_cell
from harness.backends.simulation.table_properties import DEFAULT_PROPERTIES
from harness.codec.cql.events import SchemaChange
from harness.codec.cql.types import (
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    VectorType,
)
from harness.table import ColumnKind, Table


def _event(change: str, keyspace: str, table: str) -> SchemaChange:
    return SchemaChange(change=change, target="TABLE", keyspace=keyspace, name=table)


def create_table(catalog: Catalog, statement: s.CreateTable, keyspace: str | None) -> SchemaPlan:
    """Plan CREATE TABLE.

    Raises:
        RequestError: it makes no sense.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    refuse_long_name("Table", name)
    if not catalog.has_keyspace(of):
        raise config_error(f"Cannot add table '{name}' to non existing keyspace '{of}'.")
    properties, id_text = properties_of(statement.options, DEFAULT_PROPERTIES)
    _check_columns(catalog, of, statement)
    if catalog.table(of, name) is not None:
        if statement.if_not_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise already_exists(of, name)
    change = ddl.CreateTable(
        name=ddl.FullName(of, name),
        columns=statement.columns,
        partition_key=statement.partition_key,
        clustering_key=statement.clustering_key,
        descending=descending_of(statement.options.orderings, statement.clustering_key),
        id=_table_id(id_text),
    )
    return SchemaPlan(
        change=change,
        keyspace=of,
        event=_event("CREATED", of, name),
        table=name,
        properties=properties,
    )


def _table_id(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise config_error(f"Invalid table id {text}") from None


def descending_of(orderings: Sequence[Ordering], clustering_key: Sequence[str]) -> tuple[str, ...]:
    """Which clustering columns CLUSTERING ORDER puts in descending order.

    Raises:
        RequestError: INVALID: it names other columns, or not all of them in their order.
    """
    for index, ordering in enumerate(orderings):
        if ordering.column not in clustering_key:
            raise invalid(
                "Only clustering key columns can be defined in CLUSTERING ORDER directive: " + ordering.column
            )
        if clustering_key[index] != ordering.column:
            raise invalid(
                "The order of columns in the CLUSTERING ORDER directive must be the one of the clustering key"
                f" ({clustering_key[index]} must appear before {ordering.column})"
            )
    if orderings and len(orderings) < len(clustering_key):
        raise invalid(f"Missing CLUSTERING ORDER for column {clustering_key[len(orderings)]}")
    return tuple(ordering.column for ordering in orderings if ordering.is_descending)


def _check_columns(catalog: Catalog, keyspace: str, statement: s.CreateTable) -> None:
    types: dict[str, CqlType] = {}
    for column in statement.columns:
        if column.name in types:
            raise invalid(f"Multiple definition of identifier {column.name}")
        types[column.name] = checked_type(catalog, keyspace, column.type)
    static = {column.name for column in statement.columns if column.is_static}
    key = (*statement.partition_key, *statement.clustering_key)
    for index, name in enumerate(key):
        if name not in types:
            raise invalid(f"Unknown definition {name} referenced in PRIMARY KEY")
        if name in key[:index]:
            raise invalid(f"Multiple definition of identifier {name} in PRIMARY KEY")
        if name in static:
            raise invalid(f"Static column {name} cannot be part of the PRIMARY KEY")
        refuse_as_key(name, types[name])
    if static and not statement.clustering_key:
        raise invalid(
            "Static columns are only useful (and thus allowed) if the table has at least one clustering column"
        )
    counters = [types[name] is ScalarType.COUNTER for name in types if name not in key]
    if any(counters) and not all(counters):
        raise invalid("Cannot mix counter and non counter columns in the same table")


def refuse_as_key(name: str, cql_type: CqlType) -> None:
    """Refuse types that no key can have.

    Raises:
        RequestError: INVALID: it is one.
    """
    if is_multi_cell(cql_type):
        kind = "non-frozen user type" if isinstance(cql_type, UserType) else "collection type"
        raise invalid(f"Invalid {kind} {cql_type} for PRIMARY KEY component {name}")
    if cql_type is ScalarType.COUNTER:
        raise invalid(f"counter type is not supported for PRIMARY KEY part {name}")
    if cql_type is ScalarType.DURATION:
        raise invalid(f"duration type is not supported for PRIMARY KEY part {name}")


def checked_type(catalog: Catalog, keyspace: str, text: str) -> CqlType:
    """The type that a text means.

    Raises:
        RequestError: INVALID: there is none, or it cannot be nested like this.
    """
    cql_type = catalog.type_of(keyspace, text)
    if isinstance(cql_type, CustomType):
        if text.startswith("'"):
            raise invalid(f"custom types are not simulated: {text}")
        raise invalid(f"Unknown type {keyspace}.{text}")
    _check_nested(cql_type, is_inner=False)
    return cql_type


def _check_nested(cql_type: CqlType, *, is_inner: bool) -> None:
    if is_inner and cql_type is ScalarType.COUNTER:
        raise invalid("Counters are not allowed inside collections")
    inner: tuple[CqlType, ...] = ()
    match cql_type:
        case VectorType():
            raise invalid(f"vectors are not simulated: {cql_type}")
        case ListType() | SetType():
            inner = (cql_type.element,)
        case MapType():
            inner = (cql_type.key, cql_type.value)
            if cql_type.key is ScalarType.DURATION:
                raise invalid(f"Durations are not allowed as map keys: {cql_type}")
        case TupleType():
            inner = cql_type.components
        case _:
            pass
    if isinstance(cql_type, SetType) and cql_type.element is ScalarType.DURATION:
        raise invalid(f"Durations are not allowed inside sets: {cql_type}")
    for one in inner:
        if is_multi_cell(one) and not getattr(cql_type, "is_frozen", False):
            raise invalid(
                f"Non-frozen user types or collections are not allowed inside collections: {cql_type}"
            )
        _check_nested(one, is_inner=True)


def alter_table(
    catalog: Catalog, statement: s.AlterTable, keyspace: str | None, evaluation: Evaluation
) -> SchemaPlan:
    """Plan ALTER TABLE.

    Raises:
        RequestError: it makes no sense.
    """
    of = keyspace_of(statement.name, keyspace)
    refuse_system_keyspace(of)
    layout = table_named(catalog, statement.name, keyspace)
    table = layout.table
    if table.base is not None:
        raise invalid("Cannot use ALTER TABLE on Materialized View")
    full_name = ddl.FullName(of, table.name)
    timestamp_us: int | None = None
    change: ddl.Ddl
    properties = catalog.properties_of(of, table.name)
    touched: tuple[str, ...] = ()
    match statement.change:
        case s.AddColumns(columns=columns):
            _check_added(catalog, layout, columns)
            change = ddl.AddColumns(name=full_name, columns=columns)
        case s.DropColumns(columns=columns, using=using):
            _check_dropped(catalog, layout, columns)
            change = ddl.DropColumns(name=full_name, columns=columns)
            if using.timestamp is not None:
                value = evaluation.required(using.timestamp, ScalarType.BIGINT, "[timestamp]")
                timestamp_us = int.from_bytes(value, "big", signed=True)
        case s.RenameColumns(renames=renames):
            _check_renamed(layout, renames)
            change = ddl.RenameColumns(name=full_name, renames=renames)
        case s.AlterColumn(column=column):
            raise invalid(f"Altering of types of columns is not simulated: {column}")
        case s.Options():
            if statement.change.orderings:
                raise invalid("Cannot alter CLUSTERING ORDER of a table")
            properties, id_text = properties_of(statement.change, properties)
            if id_text is not None:
                raise config_error("Cannot alter table id.")
            change = ddl.OtherChange(name=full_name)
            touched = (table.name,)
    return SchemaPlan(
        change=change,
        keyspace=of,
        event=_event("UPDATED", of, table.name),
        table=table.name,
        properties=properties,
        touched=touched,
        timestamp_us=timestamp_us,
    )


def _check_added(catalog: Catalog, layout: TableLayout, columns: Sequence[ddl.Definition]) -> None:
    table = layout.table
    seen = {column.name for column in table.columns}
    for item in columns:
        if item.name in seen:
            raise invalid(f"Invalid column name {item.name} because it conflicts with an existing column")
        seen.add(item.name)
        cql_type = checked_type(catalog, table.keyspace, item.type)
        if (cql_type is ScalarType.COUNTER) != layout.is_counter and layout.table.regular_columns:
            raise invalid(f"Cannot add column {item.name}: counter and other columns cannot be mixed")
        if item.is_static and not table.clustering_key:
            raise invalid(
                "Static columns are only useful (and thus allowed) if the table has at least one clustering column"
            )


def _check_dropped(catalog: Catalog, layout: TableLayout, columns: Sequence[str]) -> None:
    table = layout.table
    for name in columns:
        column = table.column(name)
        if column is None:
            raise invalid(f"Column {name} was not found in table {table.name}")
        if column.kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}:
            raise invalid(f"Cannot drop PRIMARY KEY part {name}")
        for view in catalog.schema.views_of(table):
            if view.column(name) is not None:
                raise invalid(
                    f"Cannot drop column {name} from base table {table.full_name} with materialized views"
                    f" ({view.name}) that need it"
                )


def _check_renamed(layout: TableLayout, renames: Sequence[ddl.Rename]) -> None:
    for rename in renames:
        column = layout.column(rename.old)
        if column is None:
            raise invalid(f"Cannot rename unknown column {rename.old} in table {layout.table.name}")
        if layout.column(rename.new) is not None:
            raise invalid(
                f"Cannot rename column {rename.old} to {rename.new} in table {layout.table.name}; another column of"
                " that name already exist"
            )
        if column.kind not in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}:
            raise invalid(f"Cannot rename non PRIMARY KEY part {rename.old}")


def drop_table(catalog: Catalog, statement: s.DropTable, keyspace: str | None) -> SchemaPlan:
    """Plan DROP TABLE; the views behind its indexes go with it.

    Raises:
        RequestError: there is none, or views need it.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    layout = catalog.table(of, name)
    if layout is None:
        if statement.if_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise config_error(f"Cannot drop non existing table '{name}' in keyspace '{of}'.")
    if layout.table.base is not None:
        raise invalid("Cannot use DROP TABLE on Materialized View")
    views: tuple[Table, ...] = catalog.schema.views_of(layout.table)
    needed = [view.name for view in views if not view.is_index]
    if needed:
        raise invalid(
            f"Cannot drop table when materialized views still depend on it ({of}.{{{', '.join(needed)}}})"
        )
    return SchemaPlan(
        change=ddl.DropTable(name=ddl.FullName(of, name)),
        keyspace=of,
        event=_event("DROPPED", of, name),
        dropped=tuple(view.name for view in views),
    )
