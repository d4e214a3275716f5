"""DDL as users type it and as the driver exports it."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.ddl import (
    AddColumns,
    AddField,
    AlterColumn,
    CreateIndex,
    CreateTable,
    CreateType,
    CreateView,
    Definition,
    DropColumns,
    DropIndex,
    DropKeyspace,
    DropTable,
    DropType,
    FullName,
    OtherChange,
    Rename,
    RenameColumns,
    RenameFields,
    SetKeyspace,
    is_ddl,
    load_parser,
    parse_ddl,
    statements_of,
)
from harness.errors import DecodeError, HarnessError
from harness.replication import Replication

_USERS = """CREATE TABLE demo2.users (org text, name varchar, ck int, tags set<text>, st int static,
    PRIMARY KEY ((org, name), ck)) WITH CLUSTERING ORDER BY (ck DESC) AND comment = 'it''s; "one"'"""


def test_table_has_its_columns_key_and_order() -> None:
    assert parse_ddl(_USERS) == CreateTable(
        name=FullName("demo2", "users"),
        columns=(
            Definition("org", "text"),
            Definition("name", "text"),
            Definition("ck", "int"),
            Definition("tags", "set<text>"),
            Definition("st", "int", is_static=True),
        ),
        partition_key=("org", "name"),
        clustering_key=("ck",),
        descending=("ck",),
        id=None,
    )


def test_words_of_the_language_may_name_columns() -> None:
    table = parse_ddl("create table t (key int primary key, type text, timestamp timestamp, list list<int>)")
    assert isinstance(table, CreateTable)
    assert [column.name for column in table.columns] == ["key", "type", "timestamp", "list"]
    assert table.partition_key == ("key",)


def test_quoted_names_keep_their_case_and_quotes() -> None:
    table = parse_ddl('CREATE TABLE "Ks"."a""b" ("A b" frozen<map<text,"My T">> PRIMARY KEY)')
    assert isinstance(table, CreateTable)
    assert table.name == FullName("Ks", 'a"b')
    assert table.columns == (Definition("A b", 'frozen<map<text, "My T">>'),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vector<float, 3>", "vector<float, 3>"),
        ("FROZEN<Tuple<INT,text>>", "frozen<tuple<int, text>>"),
        ("ks.addr", "addr"),
        ("'org.apache.cassandra.db.marshal.X'", "'org.apache.cassandra.db.marshal.X'"),
    ],
)
def test_types_are_written_as_scylla_writes_them(text: str, expected: str) -> None:
    table = parse_ddl(f"CREATE TABLE t (a {text} PRIMARY KEY)")
    assert isinstance(table, CreateTable)
    assert table.columns[0].type == expected


@pytest.mark.parametrize(
    ("where", "is_restricted"),
    [
        ('a IS NOT NULL AND "B" IS NOT null', False),
        ("(a IS NOT NULL) AND b IS NOT NULL", False),
        ("a IS NOT NULL AND b > 3", True),
        ("a IS NOT NULL AND b < 3", True),
        ("a IS NOT NULL AND (b = 'x')", True),
        ("a IN (1, 2) AND b IS NOT NULL", True),
    ],
)
def test_view_that_asks_for_more_than_values_is_restricted(where: str, is_restricted: bool) -> None:
    view = parse_ddl(f"CREATE MATERIALIZED VIEW k.v AS SELECT * FROM k.t WHERE {where} PRIMARY KEY (a, b)")
    assert isinstance(view, CreateView)
    assert view.is_restricted is is_restricted


def test_view_may_be_updated_synchronously() -> None:
    text = "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE a IS NOT NULL PRIMARY KEY (a, b)"
    plain = parse_ddl(text)
    view = parse_ddl(f"{text} WITH comment = '' AND synchronous_updates = true")
    assert isinstance(plain, CreateView)
    assert not plain.is_synchronous
    assert isinstance(view, CreateView)
    assert view.is_synchronous


def test_view_has_base_columns_key_order_and_id() -> None:
    text = """CREATE MATERIALIZED VIEW IF NOT EXISTS k.v AS SELECT a, b FROM k.t
        WHERE a IS NOT NULL AND b >= 3 AND (c, d) > (1, 'x') AND e IN (1, 2) AND f = [1]
        PRIMARY KEY ((a, b), c) WITH CLUSTERING ORDER BY (c DESC)
        AND ID = 8878f050-e652-11f1-ae9c-000000000000 AND compaction = {'class': 'X'}"""
    assert parse_ddl(text) == CreateView(
        name=FullName("k", "v"),
        base=FullName("k", "t"),
        columns=("a", "b"),
        partition_key=("a", "b"),
        clustering_key=("c",),
        descending=("c",),
        id=UUID("8878f050-e652-11f1-ae9c-000000000000"),
        is_restricted=True,
    )


def test_view_of_all_columns_names_none() -> None:
    view = parse_ddl("CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE a IS NOT NULL PRIMARY KEY (a, b)")
    assert isinstance(view, CreateView)
    assert view.columns is None


def _index(text: str) -> CreateIndex:
    index = parse_ddl(text)
    assert isinstance(index, CreateIndex)
    return index


def test_index_may_have_no_name() -> None:
    index = _index("CREATE INDEX ON k.t (c)")
    assert (index.name, index.base, index.column) == (None, FullName("k", "t"), "c")


def test_local_index_names_the_partition_key() -> None:
    index = _index("CREATE INDEX i ON t ((p, q), v)")
    assert (index.partition_key, index.column) == (("p", "q"), "v")


def test_index_on_a_collection_says_on_what_of_it() -> None:
    index = _index("CREATE CUSTOM INDEX i ON t (keys(m)) USING 'x' WITH OPTIONS = {'a': 'b'}")
    assert (index.column, index.elements, index.is_custom) == ("m", "keys", True)


def test_keyspace_has_replication_and_tablets() -> None:
    text = """CREATE KEYSPACE demo WITH replication = {'class': 'org.x.NetworkTopologyStrategy', 'dc1': '2',
        'dc2': 3, 'dc3': ['r1', 'r2']} AND durable_writes = true AND tablets = {'enabled': false}"""
    assert parse_ddl(text) == SetKeyspace(
        name="demo",
        replication=Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 2), ("dc2", 3))),
        has_tablets=False,
        creates=True,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALTER TABLE t ADD a int", AddColumns(name=FullName(None, "t"), columns=(Definition("a", "int"),))),
        (
            "ALTER TABLE k.t ADD (a int, b text static)",
            AddColumns(
                name=FullName("k", "t"),
                columns=(Definition("a", "int"), Definition("b", "text", is_static=True)),
            ),
        ),
        ("ALTER TABLE t DROP a", DropColumns(name=FullName(None, "t"), columns=("a",))),
        (
            "ALTER TABLE t DROP (a, b) USING TIMESTAMP 3",
            DropColumns(name=FullName(None, "t"), columns=("a", "b")),
        ),
        (
            "ALTER TABLE t RENAME a TO b AND c TO d",
            RenameColumns(name=FullName(None, "t"), renames=(Rename("a", "b"), Rename("c", "d"))),
        ),
        ("ALTER TABLE t ALTER a TYPE blob", AlterColumn(name=FullName(None, "t"), column="a", type="blob")),
        ("ALTER TABLE t WITH comment = 'x'", OtherChange(name=FullName(None, "t"))),
        ("DROP TABLE IF EXISTS k.t;", DropTable(name=FullName("k", "t"))),
        ("DROP MATERIALIZED VIEW k.v", DropTable(name=FullName("k", "v"))),
        ("DROP INDEX k.i", DropIndex(name=FullName("k", "i"))),
        ("DROP KEYSPACE k", DropKeyspace(name="k")),
        ("DROP TYPE k.t", DropType(name=FullName("k", "t"))),
        (
            "CREATE TYPE k.t (a int, b frozen<list<int>>)",
            CreateType(
                name=FullName("k", "t"), fields=(Definition("a", "int"), Definition("b", "frozen<list<int>>"))
            ),
        ),
        ("ALTER TYPE t ADD c int", AddField(name=FullName(None, "t"), field=Definition("c", "int"))),
        ("ALTER TYPE t RENAME a TO b", RenameFields(name=FullName(None, "t"), renames=(Rename("a", "b"),))),
    ],
)
def test_statement_means(text: str, expected: object) -> None:
    assert parse_ddl(text) == expected


def test_semicolons_in_strings_and_comments_end_nothing() -> None:
    text = "CREATE x 'a;''b' \"c;d\"; /* e; f */ DROP y; -- g; h\n;$$i;j$$ - /"
    assert list(statements_of(text)) == [
        "CREATE x 'a;''b' \"c;d\"",
        "/* e; f */ DROP y",
        "-- g; h",
        "$$i;j$$ - /",
    ]


@pytest.mark.parametrize(
    "text",
    ["CREATE TABLE t (a int)", "CREATE TABLE t (a int, PRIMARY KEY (b))", "CREATE TABLE", "SELECT 1", ""],
)
def test_what_is_no_ddl_is_an_error(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_ddl(text)


def test_ddl_is_told_from_other_texts() -> None:
    assert is_ddl("  /* x */ -- y\n create  TABLE a.b (c int PRIMARY KEY)")
    assert not is_ddl("CREATE ROLE x")
    assert not is_ddl("SELECT * FROM creates")


def test_types_nested_without_end_are_an_error() -> None:
    with pytest.raises(DecodeError):
        parse_ddl(f"CREATE TABLE t (a {'list<' * 20_000}int{'>' * 20_000} PRIMARY KEY)")


@settings(max_examples=200)
@given(st.text(alphabet="CREATE TABLE k.t (a int, PRIMARY KEY)WITH='{}[];\"$-/*1", max_size=60))
def test_garbage_raises_only_errors_of_the_harness(text: str) -> None:
    list(statements_of(text))
    try:
        parse_ddl("CREATE TABLE " + text)
    except HarnessError:
        return


def test_every_schema_of_a_real_cluster_is_read(reference: Path) -> None:
    texts: set[str] = set()
    for path in reference.glob("*/*/*.json"):
        context = json.loads(path.read_text("utf-8"))
        for text in context["schema"].values():
            texts.update(statements_of(text))
        texts.update(step["cql"] for step in context["steps"] if is_ddl(step["cql"]))
    assert texts
    assert not [text for text in sorted(texts) if not is_ddl(text)]
    for text in sorted(texts):
        parse_ddl(text)


def test_a_parser_that_was_loaded_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    load_parser()
    monkeypatch.setattr("harness.ddl.parser_of", None)
    assert parse_ddl("DROP KEYSPACE ks") == DropKeyspace(name="ks")
