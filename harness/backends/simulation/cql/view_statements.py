"""CREATE, ALTER and DROP MATERIALIZED VIEW and INDEX.

Source:
    Scylla (branch 4.2), cql3/statements/create_view_statement.cc, create_index_statement.cc and their like (what is
    refused); ScyllaDB docs, "Materialized Views", "Secondary Indexes".
"""

from harness import ddl
from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.keyspace_statements import refuse_long_name, refuse_system_keyspace
from harness.backends.simulation.cql.names import keyspace_of, table_named
from harness.backends.simulation.cql.request_error import already_exists, config_error, invalid
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.table_options import properties_of
from harness.backends.simulation.cql.table_statements import descending_of, refuse_as_key
from harness.backends.simulation.table_layout import TableLayout, is_multi_cell
from harness.backends.simulation.table_properties import DEFAULT_PROPERTIES
from harness.codec.cql.events import SchemaChange
from harness.codec.cql.types import ListType, MapType, ScalarType, SetType, identifier
from harness.schema_building import INDEX_VIEW_SUFFIX
from harness.table import ColumnKind

_ELEMENTS = {None: "index_values", "keys": "index_keys", "entries": "index_keys_and_values"}
"""What of a collection an index is of, as errors call it."""


def _event(change: str, keyspace: str, name: str) -> SchemaChange:
    return SchemaChange(change=change, target="TABLE", keyspace=keyspace, name=name)


def create_view(catalog: Catalog, statement: s.CreateView, keyspace: str | None) -> SchemaPlan:
    """Plan CREATE MATERIALIZED VIEW.

    Raises:
        RequestError: it makes no sense, or has conditions other than IS NOT NULL.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    refuse_long_name("Table", name)
    base = table_named(catalog, statement.base, keyspace)
    if base.table.keyspace != of:
        raise invalid(
            f"Cannot create a materialized view on a table in a separate keyspace ('{base.table.keyspace}' != '{of}')"
        )
    if base.table.base is not None:
        raise invalid("Materialized views cannot be created against other materialized views")
    if base.is_counter:
        raise invalid("Materialized views are not supported on counter tables")
    selected = _selected(base, statement)
    _check_view_key(base, statement)
    properties, id_text = properties_of(statement.options, DEFAULT_PROPERTIES)
    if id_text is not None:
        raise config_error("Cannot specify an id for a materialized view")
    if catalog.table(of, name) is not None:
        if statement.if_not_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise already_exists(of, name)
    return SchemaPlan(
        change=ddl.CreateView(
            name=ddl.FullName(of, name),
            base=ddl.FullName(of, base.table.name),
            columns=selected,
            partition_key=statement.partition_key,
            clustering_key=statement.clustering_key,
            descending=descending_of(statement.options.orderings, statement.clustering_key),
            id=None,
        ),
        keyspace=of,
        event=_event("CREATED", of, name),
        table=name,
        properties=properties,
        where_clause=_where_clause(statement),
    )


def _where_clause(statement: s.CreateView) -> str:
    """The conditions as nodes write them; all of them are IS NOT NULL."""
    names = [name for relation in statement.where for name in relation.columns]
    return " AND ".join(f"{identifier(name)} IS NOT null" for name in names)


def _selected(base: TableLayout, statement: s.CreateView) -> tuple[str, ...] | None:
    names = []
    for aliased in statement.selectors:
        if not isinstance(aliased.selector, s.ColumnSelector) or aliased.alias is not None:
            raise invalid("Cannot use functions or aliases when defining a materialized view")
        column = base.column(aliased.selector.name)
        if column is None:
            raise invalid(
                f"Unknown column name detected in CREATE MATERIALIZED VIEW statement: {aliased.selector.name}"
            )
        if column.kind is ColumnKind.STATIC:
            raise invalid(
                f"Unable to include static column '{column.name}' which would be included by Materialized View"
            )
        names.append(column.name)
    if not names:
        for column in base.table.static_columns:
            raise invalid(
                f"Unable to include static column '{column.name}' which would be included by Materialized View SELECT *"
                " statement"
            )
    return tuple(names) if names else None


def _check_view_key(base: TableLayout, statement: s.CreateView) -> None:
    key = (*statement.partition_key, *statement.clustering_key)
    table = base.table
    base_key = [column.name for column in (*table.partition_key, *table.clustering_key)]
    not_null = set()
    for relation in statement.where:
        if relation.operator is not s.Operator.IS_NOT_NULL:
            raise invalid(
                f"conditions of materialized views other than IS NOT NULL are not simulated: {relation}"
            )
        not_null |= set(relation.columns)
    new = []
    for index, name in enumerate(key):
        column = base.column(name)
        if column is None:
            raise invalid(f"Unknown definition {name} referenced in PRIMARY KEY")
        if name in key[:index]:
            raise invalid(f"Duplicate entry found in PRIMARY KEY: {name}")
        if column.kind is ColumnKind.STATIC:
            raise invalid(f"Cannot use Static column '{name}' in PRIMARY KEY of materialized view")
        refuse_as_key(name, base.types[name])
        if name not in base_key:
            new.append(name)
        if name not in not_null:
            raise invalid(f"Primary key column '{name}' is required to be filtered by 'IS NOT NULL'")
    if len(new) > 1:
        raise invalid(
            f"Cannot include more than one non-primary key column '{new[1]}' in materialized view primary key"
        )
    missing = [name for name in base_key if name not in key]
    if missing:
        raise invalid(
            f"Cannot create Materialized View {statement.name.name} without primary key columns from base"
            f" {table.name} ({', '.join(missing)})"
        )
    for name in not_null:
        if base.column(name) is None:
            raise invalid(f"Undefined name {name} in where clause ('{name} IS NOT NULL')")


def alter_view(catalog: Catalog, statement: s.AlterView, keyspace: str | None) -> SchemaPlan:
    """Plan ALTER MATERIALIZED VIEW.

    Raises:
        RequestError: it makes no sense.
    """
    of = keyspace_of(statement.name, keyspace)
    refuse_system_keyspace(of)
    view = table_named(catalog, statement.name, keyspace).table
    if view.base is None:
        raise invalid("Cannot use ALTER MATERIALIZED VIEW on Table")
    if not statement.options.named:
        raise invalid("ALTER MATERIALIZED VIEW WITH invoked, but no parameters found")
    properties, id_text = properties_of(statement.options, catalog.properties_of(of, view.name))
    if id_text is not None:
        raise config_error("Cannot alter table id.")
    return SchemaPlan(
        change=ddl.OtherChange(name=ddl.FullName(of, view.name)),
        keyspace=of,
        event=_event("UPDATED", of, view.name),
        table=view.name,
        properties=properties,
        touched=(view.name,),
    )


def drop_view(catalog: Catalog, statement: s.DropView, keyspace: str | None) -> SchemaPlan:
    """Plan DROP MATERIALIZED VIEW.

    Raises:
        RequestError: there is none.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    layout = catalog.table(of, name)
    if layout is None:
        if statement.if_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise config_error(f"Cannot drop non existing materialized view '{name}' in keyspace '{of}'.")
    if layout.table.base is None:
        raise invalid("Cannot use DROP MATERIALIZED VIEW on Table")
    if layout.table.is_index:
        raise invalid(f"Cannot drop materialized view {name}: it is used by a secondary index")
    return SchemaPlan(
        change=ddl.DropTable(name=ddl.FullName(of, name)),
        keyspace=of,
        event=_event("DROPPED", of, name),
    )


# Indexes.


def create_index(catalog: Catalog, statement: s.CreateIndex, keyspace: str | None) -> SchemaPlan:
    """Plan CREATE INDEX, which makes a view behind it.

    Raises:
        RequestError: it makes no sense, or is of a kind that is not simulated.
    """
    base = table_named(catalog, statement.base, keyspace)
    table, of = base.table, base.table.keyspace
    refuse_system_keyspace(of)
    if statement.custom_class is not None:
        raise invalid(f"custom indexes are not simulated: {statement.custom_class}")
    if statement.options != s.Options():
        raise invalid("Cannot specify options for a non-CUSTOM index")
    if table.base is not None:
        raise invalid("Secondary indexes are not supported on materialized views")
    if base.is_counter:
        raise invalid("Secondary indexes are not supported on counter tables")
    if len(statement.columns) != 1:
        raise invalid("Only CUSTOM indexes support multiple columns")
    (target,) = statement.columns
    _check_target(base, target, statement.elements)
    partition = tuple(column.name for column in table.partition_key)
    if statement.partition_key and statement.partition_key != partition:
        raise invalid(
            "Local index definition must contain full partition key only. Redundant column: "
            + ", ".join(statement.partition_key)
        )
    name = statement.name or _free_name(catalog, of, f"{table.name}_{target}_idx")
    refuse_long_name("Index", name)
    plan = SchemaPlan(
        change=ddl.CreateIndex(
            name=name,
            base=ddl.FullName(of, table.name),
            partition_key=statement.partition_key,
            column=target,
            elements=None,
            is_custom=False,
        ),
        keyspace=of,
        event=_event("UPDATED", of, table.name),
        table=name + INDEX_VIEW_SUFFIX,
        properties=DEFAULT_PROPERTIES,
        touched=(table.name,),
    )
    if catalog.table(of, name + INDEX_VIEW_SUFFIX) is not None:
        if statement.if_not_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise invalid("Index already exists")
    same = _same_index(catalog, base, target, is_local=bool(statement.partition_key))
    if same is not None:
        if statement.if_not_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise invalid(f"Index {name} is a duplicate of existing index {same}")
    return plan


def _check_target(base: TableLayout, target: str, elements: str | None) -> None:
    column = base.column(target)
    if column is None:
        raise invalid(f"No column definition found for column {target}")
    if column.kind is ColumnKind.STATIC:
        raise invalid("Indexing static columns is not implemented yet.")
    if column.kind is ColumnKind.PARTITION_KEY and len(base.table.partition_key) == 1:
        raise invalid(f"Cannot create secondary index on partition key column {target}")
    cql_type = base.types[target]
    if cql_type is ScalarType.DURATION:
        raise invalid("Secondary indexes are not supported on duration columns")
    if is_multi_cell(cql_type):
        raise invalid(f"Cannot create secondary index on non-frozen collection or UDT column {target}")
    if isinstance(cql_type, ListType | SetType | MapType):
        if elements != "full":
            kind = _ELEMENTS.get(elements, elements)
            raise invalid(f"Cannot create index on {kind} of frozen<map> column {target}")
    elif elements == "full":
        raise invalid("full() indexes can only be created on frozen collections")
    elif elements is not None:
        raise invalid(f"Cannot create index on {elements} of column {target}; it is no collection")


def _free_name(catalog: Catalog, keyspace: str, name: str) -> str:
    found, number = name, 0
    while catalog.table(keyspace, found + INDEX_VIEW_SUFFIX) is not None:
        number += 1
        found = f"{name}_{number}"
    return found


def _same_index(catalog: Catalog, base: TableLayout, target: str, *, is_local: bool) -> str | None:
    """The index on the same column, if there is one of the kind."""
    for view in catalog.schema.views_of(base.table):
        column = view.clustering_key[0] if is_local else view.partition_key[0]
        is_same_kind = (len(view.partition_key) == len(base.table.partition_key)) or not is_local
        if view.is_index and column.name == target and is_same_kind:
            return view.name.removesuffix(INDEX_VIEW_SUFFIX)
    return None


def drop_index(catalog: Catalog, statement: s.DropIndex, keyspace: str | None) -> SchemaPlan:
    """Plan DROP INDEX.

    Raises:
        RequestError: there is none.
    """
    of, name = keyspace_of(statement.name, keyspace), statement.name.name
    refuse_system_keyspace(of)
    layout = catalog.table(of, name + INDEX_VIEW_SUFFIX)
    if layout is None or not layout.table.is_index or layout.table.base is None:
        if statement.if_exists:
            return SchemaPlan(change=None, keyspace=of)
        raise invalid(f"Index '{name}' could not be found in any of the tables of keyspace '{of}'")
    return SchemaPlan(
        change=ddl.DropIndex(name=ddl.FullName(of, name)),
        keyspace=of,
        event=_event("UPDATED", of, layout.table.base),
        touched=(layout.table.base,),
    )
