"""Changes of the schema, planned: each statement by its kind."""

from typing import assert_never

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.evaluation import Evaluation
from harness.backends.simulation.cql.keyspace_statements import (
    alter_keyspace,
    alter_type,
    create_keyspace,
    create_type,
    drop_keyspace,
    drop_type,
)
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.table_statements import alter_table, create_table, drop_table
from harness.backends.simulation.cql.view_statements import (
    alter_view,
    create_index,
    create_view,
    drop_index,
    drop_view,
)


def plan_schema(
    catalog: Catalog, statement: s.SchemaStatement, keyspace: str | None, evaluation: Evaluation
) -> SchemaPlan:
    """Plan a change of the schema.

    Args:
        catalog: the schema before.
        statement: the statement.
        keyspace: the one in use; None: none.
        evaluation: what values in it are.

    Raises:
        RequestError: it makes no sense, or is not simulated.
    """
    match statement:
        case s.CreateKeyspace():
            return create_keyspace(catalog, statement)
        case s.AlterKeyspace():
            return alter_keyspace(catalog, statement)
        case s.DropKeyspace():
            return drop_keyspace(catalog, statement)
        case s.CreateTable():
            return create_table(catalog, statement, keyspace)
        case s.AlterTable():
            return alter_table(catalog, statement, keyspace, evaluation)
        case s.DropTable():
            return drop_table(catalog, statement, keyspace)
        case s.CreateView():
            return create_view(catalog, statement, keyspace)
        case s.AlterView():
            return alter_view(catalog, statement, keyspace)
        case s.DropView():
            return drop_view(catalog, statement, keyspace)
        case s.CreateIndex():
            return create_index(catalog, statement, keyspace)
        case s.DropIndex():
            return drop_index(catalog, statement, keyspace)
        case s.CreateType():
            return create_type(catalog, statement, keyspace)
        case s.AlterType():
            return alter_type(catalog, statement, keyspace)
        case s.DropType():
            return drop_type(catalog, statement, keyspace)
        case _:
            assert_never(statement)
