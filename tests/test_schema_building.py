"""Schemas built from statements, rows and told tables."""

from uuid import UUID

from harness.ddl import parse_ddl
from harness.schema import Column, ColumnKind, Schema, Table
from harness.schema_building import SchemaBuilder


def _built(*statements: str, keyspace: str | None = "ks") -> Schema:
    builder = SchemaBuilder()
    for statement in statements:
        builder.apply(parse_ddl(statement), keyspace)
    return builder.schema()


def _table(schema: Schema, name: str) -> Table:
    table = schema.table("ks", name)
    assert table is not None
    return table


def _shape(table: Table) -> tuple[list[str], list[str], list[str], list[str]]:
    parts = (table.partition_key, table.clustering_key, table.static_columns, table.regular_columns)
    partition_key, clustering_key, static, regular = ([column.name for column in part] for part in parts)
    return partition_key, clustering_key, static, regular


_TABLE = """CREATE TABLE t (b int, a text, "B" int, c2 int, c1 int, s2 int static, s1 int static, p int, q int,
    PRIMARY KEY ((q, p), c1, c2)) WITH CLUSTERING ORDER BY (c1 DESC, c2 ASC)"""


def test_columns_are_in_key_order_and_the_others_sorted_by_bytes() -> None:
    table = _table(_built(_TABLE), "t")
    assert _shape(table) == (["q", "p"], ["c1", "c2"], ["s1", "s2"], ["B", "a", "b"])
    assert [column.is_reversed for column in table.clustering_key] == [True, False]


def test_added_and_dropped_columns_shift_the_others() -> None:
    added = _built(_TABLE, "ALTER TABLE t ADD (aa int, z int static)")
    assert _shape(_table(added, "t"))[2:] == (["s1", "s2", "z"], ["B", "a", "aa", "b"])
    dropped = _built(_TABLE, "ALTER TABLE ks.t DROP a", "ALTER TABLE t ADD a int")
    assert _table(dropped, "t").column("a") == Column(name="a", type="int")


def test_added_column_that_is_there_already_keeps_its_type() -> None:
    assert _built(_TABLE, "ALTER TABLE t ADD a blob") == _built(_TABLE)


def test_renamed_column_keeps_its_place_in_the_key() -> None:
    schema = _built(_TABLE, "ALTER TABLE t RENAME q TO r AND c1 TO d1")
    assert _shape(_table(schema, "t"))[:2] == (["r", "p"], ["d1", "c2"])


def test_column_may_change_its_type() -> None:
    column = _table(_built(_TABLE, "ALTER TABLE t ALTER a TYPE blob"), "t").column("a")
    assert column == Column(name="a", type="blob")


def test_second_create_table_changes_nothing() -> None:
    assert _built(_TABLE, "CREATE TABLE IF NOT EXISTS t (x int PRIMARY KEY)") == _built(_TABLE)


def test_statement_without_keyspace_means_nothing_where_none_is_in_use() -> None:
    assert _built(_TABLE, keyspace=None) == Schema()


def test_view_of_all_columns_follows_its_base_table() -> None:
    schema = _built(
        _TABLE,
        """CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE a IS NOT NULL
           PRIMARY KEY (a, q, p, c1, c2) WITH CLUSTERING ORDER BY (q DESC, p ASC, c1 ASC, c2 ASC)""",
        "ALTER TABLE t ADD e int",
    )
    view = _table(schema, "v")
    assert _shape(view) == (["a"], ["q", "p", "c1", "c2"], [], ["B", "b", "e"])
    assert [column.is_reversed for column in view.clustering_key] == [True, False, False, False]
    assert (view.base, view.is_index) == ("t", False)
    assert view.partition_key[0].type == "text"


def test_view_with_a_new_key_column_has_only_the_columns_it_selects() -> None:
    schema = _built(
        "CREATE TABLE t (p int PRIMARY KEY, a int, b int, c int)",
        "CREATE MATERIALIZED VIEW v AS SELECT a, b, p FROM t WHERE a IS NOT NULL PRIMARY KEY (a, p)",
    )
    assert _shape(_table(schema, "v")) == (["a"], ["p"], [], ["b"])


def test_view_with_the_key_columns_of_its_base_has_the_others_as_virtual_ones() -> None:
    schema = _built(
        "CREATE TABLE t (p int, c int, a int, b int, PRIMARY KEY (p, c))",
        "CREATE MATERIALIZED VIEW v AS SELECT p, c, b FROM t WHERE c IS NOT NULL PRIMARY KEY (c, p)",
    )
    view = _table(schema, "v")
    assert [(column.name, column.type) for column in view.regular_columns] == [("a", "empty"), ("b", "int")]


def test_index_makes_a_view_with_the_token_of_the_base_key() -> None:
    schema = _built("CREATE TABLE t (p int, c text, v int, PRIMARY KEY (p, c))", "CREATE INDEX ON t (v)")
    view = _table(schema, "t_v_idx_index")
    assert _shape(view) == (["v"], ["idx_token", "p", "c"], [], [])
    assert [column.type for column in view.clustering_key] == ["bigint", "int", "text"]
    assert (view.is_index, view.base) == (True, "t")


def test_local_index_keeps_the_partition_key_of_its_base() -> None:
    schema = _built(
        "CREATE TABLE t (p int, c text, v int, PRIMARY KEY (p, c))", "CREATE INDEX i ON t ((p), v)"
    )
    assert _shape(_table(schema, "i_index")) == (["p"], ["v", "c"], [], [])


def test_index_on_a_clustering_column_has_the_columns_of_its_base_as_virtual_ones() -> None:
    schema = _built("CREATE TABLE t (p int, c int, v int, PRIMARY KEY (p, c))", "CREATE INDEX i ON t (c)")
    view = _table(schema, "i_index")
    assert _shape(view) == (["c"], ["idx_token", "p"], [], ["v"])
    assert view.regular_columns[0].type == "empty"


def test_dropped_index_takes_its_view_along() -> None:
    schema = _built("CREATE TABLE t (p int PRIMARY KEY, v int)", "CREATE INDEX i ON t (v)", "DROP INDEX i")
    assert schema.table("ks", "i_index") is None


def test_types_are_created_altered_and_dropped() -> None:
    statements = (
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TYPE addr (street text, zip int)",
        "ALTER TYPE addr ADD city text",
        "ALTER TYPE addr RENAME zip TO code",
        "CREATE TYPE gone (x int)",
        "DROP TYPE gone",
    )
    (user_type,) = _built(*statements).keyspaces["ks"].types
    assert user_type.fields == (("street", "text"), ("code", "int"), ("city", "text"))


def test_dropped_keyspace_takes_its_tables_along_but_not_their_ids() -> None:
    builder = SchemaBuilder()
    builder.apply(parse_ddl("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy'}"))
    builder.set_table("ks", "t", id=UUID(int=1))
    builder.apply(parse_ddl("DROP KEYSPACE ks"))
    schema = builder.schema()
    assert (schema.keyspaces, schema.tables) == ({}, ())
    known = schema.table_of(UUID(int=1))
    assert known is not None
    assert known.full_name == "ks.t"


def test_altered_keyspace_keeps_what_is_not_altered() -> None:
    schema = _built(
        "CREATE KEYSPACE ks WITH replication = {'class': 'X', 'replication_factor': 1} AND tablets = {'enabled': true}",
        "ALTER KEYSPACE ks WITH replication = {'class': 'X', 'replication_factor': 2}",
    )
    assert schema.keyspaces["ks"].has_tablets is True
    assert schema.keyspaces["ks"].replication.factor == 2


def test_schema_stays_the_same_value_until_something_is_new() -> None:
    builder = SchemaBuilder()
    first = builder.schema()
    assert builder.schema() is first
    builder.set_table("ks", "t", id=UUID(int=1))
    assert builder.schema() is not first


def test_older_change_does_not_undo_a_newer_one() -> None:
    builder = SchemaBuilder()
    key = Column(name="p", type="int", kind=ColumnKind.PARTITION_KEY)
    builder.set_columns("ks", "t", [key, Column(name="a", type="int")], is_whole=True, changed_at=10)
    builder.set_columns("ks", "t", [key], is_whole=True, changed_at=9)
    builder.drop_column("ks", "t", "a", 9)
    builder.drop_table("ks", "t", 9)
    assert _shape(_table(builder.schema(), "t"))[3] == ["a"]
    builder.drop_table("ks", "t", 11)
    builder.set_columns("ks", "t", [key], is_whole=True, changed_at=10)
    assert builder.schema().table("ks", "t") is None


def test_each_version_of_a_table_is_kept() -> None:
    builder = SchemaBuilder()
    key = Column(name="p", type="int", kind=ColumnKind.PARTITION_KEY)
    builder.set_table("ks", "t", id=UUID(int=1))
    builder.set_columns("ks", "t", [key], is_whole=True)
    builder.set_version("ks", "t", UUID(int=100))
    builder.set_columns("ks", "t", [Column(name="a", type="int")], is_whole=False)
    builder.set_version("ks", "t", UUID(int=101))
    schema = builder.schema()
    old, new = schema.table_of(UUID(int=1), UUID(int=100)), schema.table_of(UUID(int=1), UUID(int=101))
    assert old is not None
    assert new is not None
    assert (len(old.regular_columns), len(new.regular_columns)) == (0, 1)
    assert schema.table_of(UUID(int=1)) == new


def test_table_of_the_same_name_with_another_id_takes_the_place_of_the_first() -> None:
    builder = SchemaBuilder()
    builder.set_table("ks", "t", id=UUID(int=1))
    builder.set_table("ks", "t", id=UUID(int=2))
    schema = builder.schema()
    assert schema.table_of(UUID(int=1)) is not None
    assert _table(schema, "t").id == UUID(int=2)


def test_schema_that_is_added_comes_out_again() -> None:
    schema = _built(
        "CREATE KEYSPACE ks WITH replication = {'class': 'X', 'replication_factor': 1}",
        "CREATE TYPE addr (street text, zip int)",
        _TABLE,
        "CREATE TABLE u (p int PRIMARY KEY, v int)",
        "CREATE INDEX i ON u (v)",
    )
    builder = SchemaBuilder()
    builder.add(schema)
    assert builder.schema() == schema


def test_view_keeps_that_it_is_restricted_and_synchronous() -> None:
    schema = _built(
        "CREATE TABLE u (p int PRIMARY KEY, v int)",
        "CREATE MATERIALIZED VIEW w AS SELECT * FROM u WHERE v > 3 AND p IS NOT NULL PRIMARY KEY (v, p) "
        "WITH synchronous_updates = true",
    )
    view = _table(schema, "w")
    assert (view.is_restricted, view.is_synchronous) == (True, True)
    builder = SchemaBuilder()
    builder.add(schema)
    assert builder.schema() == schema
