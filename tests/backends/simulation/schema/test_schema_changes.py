from pathlib import Path

import pytest

from harness.backends.simulation.schema.builtin_schema import schema_table_of
from harness.backends.simulation.schema.schema_mutations import frozen_of
from harness.backends.simulation.schema.schema_reading import rows_of
from harness.codec.verbs.mutation import CanonicalMutationFrame
from tests.backends.simulation.schema.captured_changes import canonical_mutations, changes_of, readable
from tests.backends.simulation.schema.local_schema import LocalSchema

KEYSPACE = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"


def schema_of(*statements: str) -> LocalSchema:
    """The schema after some statements in a keyspace ``k``."""
    schema = LocalSchema()
    schema.run(KEYSPACE)
    for statement in statements:
        schema.run(statement, "k")
    return schema


def tables_of(mutations: tuple[CanonicalMutationFrame, ...]) -> list[str | None]:
    return [schema_table_of(mutation.table_id) for mutation in mutations]


@pytest.mark.parametrize("capture", ["base/whole_base", "shards/lz4_two_shards"])
def test_a_change_is_told_cell_by_cell_as_real_nodes_tell_it(reference: Path, capture: str) -> None:
    schema = LocalSchema()
    schema.add_shared_keyspaces()
    seen = 0
    for change in changes_of(reference / "scylla-4.2" / f"{capture}.pcapng"):
        told = schema.run(change.text)
        assert readable(told) == readable(canonical_mutations(change.update)), change.text
        seen += 1
    assert seen >= 2


def test_both_forms_of_a_change_say_the_same_as_real_nodes(reference: Path) -> None:
    for change in changes_of(reference / "scylla-4.2/base/whole_base.pcapng"):
        canonical = canonical_mutations(change.update)
        assert change.update.mutations == tuple(frozen_of(mutation) for mutation in canonical)


def test_a_dropped_column_is_noted_with_its_type() -> None:
    schema = schema_of("CREATE TABLE t (p int PRIMARY KEY, v text, w set<int>)", "ALTER TABLE t DROP w")
    (row,) = rows_of(schema.storage, "dropped_columns", "k")
    assert row.key == ("t", "w")
    assert row.value("dropped_columns", "type") == "set<int>"
    assert [row.key for row in rows_of(schema.storage, "columns", "k")] == [("t", "p"), ("t", "v")]


def test_a_dropped_index_takes_its_view_and_its_row_with_it() -> None:
    schema = schema_of(
        "CREATE TABLE t (p int PRIMARY KEY, v text)", "CREATE INDEX i ON t (v)", "DROP INDEX i"
    )
    assert rows_of(schema.storage, "indexes", "k") == []
    assert rows_of(schema.storage, "views", "k") == []
    assert rows_of(schema.storage, "computed_columns", "k") == []
    assert [row.key[0] for row in rows_of(schema.storage, "columns", "k")] == ["t", "t"]


def test_a_dropped_keyspace_leaves_no_row() -> None:
    schema = schema_of(
        "CREATE TYPE a (x int)", "CREATE TABLE t (p int PRIMARY KEY, v text)", "CREATE INDEX ON t (v)"
    )
    schema.run("DROP KEYSPACE k")
    for table in ("keyspaces", "types", "tables", "columns", "views", "indexes", "scylla_tables"):
        assert rows_of(schema.storage, table, "k") == []
    assert schema.storage.catalog.keyspace("k") is None


def test_a_column_that_a_base_table_gets_is_told_for_its_view_too() -> None:
    schema = schema_of(
        "CREATE TABLE t (p int PRIMARY KEY, v text)",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t WHERE v IS NOT NULL AND p IS NOT NULL PRIMARY KEY (v, p)",
    )
    told = schema.run("ALTER TABLE t ADD w int", "k")
    assert tables_of(told).count("views") == 1
    view = schema.storage.catalog.schema.table("k", "m")
    assert view is not None
    assert [column.name for column in view.regular_columns] == ["w"]


def test_a_view_keeps_its_clause_when_its_options_change() -> None:
    schema = schema_of(
        "CREATE TABLE t (p int PRIMARY KEY, v text)",
        "CREATE MATERIALIZED VIEW m AS SELECT p FROM t WHERE v IS NOT NULL AND p IS NOT NULL PRIMARY KEY (v, p)",
        "ALTER MATERIALIZED VIEW m WITH comment = 'mine'",
    )
    (row,) = rows_of(schema.storage, "views", "k")
    assert row.value("views", "where_clause") == "v IS NOT null AND p IS NOT null"
    assert row.value("views", "include_all_columns") is False
    assert row.value("views", "comment") == "mine"


def test_a_renamed_key_column_is_told_for_its_views_too() -> None:
    schema = schema_of(
        "CREATE TABLE t (p int PRIMARY KEY, v text)",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t WHERE v IS NOT NULL AND p IS NOT NULL PRIMARY KEY (v, p)",
        "ALTER TABLE t RENAME p TO key",
    )
    assert {row.key for row in rows_of(schema.storage, "columns", "k")} == {
        ("t", "key"),
        ("t", "v"),
        ("m", "key"),
        ("m", "v"),
    }
    assert rows_of(schema.storage, "dropped_columns", "k") == []
    (row,) = rows_of(schema.storage, "views", "k")
    assert row.value("views", "where_clause") == "v IS NOT null AND key IS NOT null"


def test_a_local_index_names_its_partition_key() -> None:
    schema = schema_of(
        "CREATE TABLE t (p int, c int, v text, PRIMARY KEY (p, c))", "CREATE INDEX i ON t ((p), v)"
    )
    (row,) = rows_of(schema.storage, "indexes", "k")
    assert row.value("indexes", "options") == {"target": '{"ck":["v"],"pk":["p"]}'}
    assert rows_of(schema.storage, "computed_columns", "k") == []
    view = schema.storage.catalog.schema.table("k", "i_index")
    assert view is not None
    assert view.is_index


def test_a_type_that_changes_gives_its_tables_another_version() -> None:
    schema = schema_of("CREATE TYPE a (x int)", "CREATE TABLE t (p int PRIMARY KEY, u frozen<a>)")
    before = schema.version_of("k", "t")
    told = schema.run("ALTER TYPE a ADD y int", "k")
    assert tables_of(told)[0] == "types"
    assert schema.version_of("k", "t") != before
