"""The grammar: what it takes, what it makes of it, and what it refuses by name."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.parser import parse
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.terms import (
    Call,
    Constant,
    ConstantKind,
    ListTerm,
    MapTerm,
    Marker,
    SetTerm,
    Term,
    TupleTerm,
)
from harness.codec.cql.errors import ErrorCode
from harness.ddl import Definition, FullName, Rename, statements_of


def number(text: str) -> Constant:
    return Constant(ConstantKind.NUMBER, text)


def value_in(text: str) -> Term:
    statement = parse(f"INSERT INTO t (a) VALUES ({text})")
    assert isinstance(statement, s.Insert)
    return statement.values[0]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("'it''s'", Constant(ConstantKind.STRING, "it's")),
        ("$$it's$$", Constant(ConstantKind.STRING, "it's")),
        ("-17", number("-17")),
        ("1.5e-3", number("1.5e-3")),
        ("0xCafe", Constant(ConstantKind.BLOB, "0xCafe")),
        (
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            Constant(ConstantKind.UUID, "50554d6e-29bb-11e5-b345-feff819cdc9f"),
        ),
        ("1h30m", Constant(ConstantKind.DURATION, "1h30m")),
        ("P1Y2M3DT4H5M6S", Constant(ConstantKind.DURATION, "P1Y2M3DT4H5M6S")),
        ("TRUE", Constant(ConstantKind.WORD, "true")),
        ("null", Constant(ConstantKind.WORD, "null")),
        ("-Infinity", Constant(ConstantKind.WORD, "-infinity")),
        ("[1, 2]", ListTerm((number("1"), number("2")))),
        ("{1, 2}", SetTerm((number("1"), number("2")))),
        ("{}", SetTerm(())),
        ("{1: 2}", MapTerm(((number("1"), number("2")),))),
        ("{zip: 7}", MapTerm(((Constant(ConstantKind.WORD, "zip"), number("7")),))),
        ("(1, 2)", TupleTerm((number("1"), number("2")))),
        ("now()", Call("now", ())),
        ("system.toDate(now())", Call("todate", (Call("now", ()),), "system")),
    ],
)
def test_terms_are_what_they_are_written_as(text: str, term: Term) -> None:
    assert value_in(text) == term


def test_markers_know_their_place_and_name() -> None:
    assert value_in("?") == Marker(26)
    assert value_in("{:a : :b}") == MapTerm(((Marker(27, "a"), Marker(32, "b")),))


def test_select_is_taken_with_all_its_clauses() -> None:
    text = (
        "SELECT DISTINCT a AS b, count(*), writetime(c), d.e FROM ks.t WHERE p = 1 AND token(p) >= ? AND (c1, c2) IN"
        " ((1, 2)) AND m['k'] = 3 AND l CONTAINS 4 AND m CONTAINS KEY 5 ORDER BY c1 DESC, c2 ASC PER PARTITION LIMIT 2"
        " LIMIT 10 ALLOW FILTERING BYPASS CACHE;"
    )
    statement = parse(text)
    assert isinstance(statement, s.Select)
    assert statement.table == FullName("ks", "t")
    assert statement.is_distinct
    assert [aliased.alias for aliased in statement.selectors] == ["b", None, None, None]
    assert statement.selectors[1].selector == s.FunctionSelector("count", (), is_of_all=True)
    assert statement.selectors[3].selector == s.FieldSelector("d", "e")
    assert [str(relation) for relation in statement.where] == [
        "p = 1",
        "token(p) >= ?",
        "(c1, c2) IN ((1, 2))",
        "m['k'] = 3",
        "l CONTAINS 4",
        "m CONTAINS KEY 5",
    ]
    assert statement.order_by == (s.Ordering("c1", True), s.Ordering("c2", False))
    assert (statement.per_partition_limit, statement.limit) == (number("2"), number("10"))
    assert statement.allows_filtering
    assert statement.bypasses_cache


@pytest.mark.parametrize(("text", "timeout_ms"), [("2000ms", 2000), ("1m5s", 65_000), ("0s", 0)])
def test_a_read_may_say_how_long_it_may_take(text: str, timeout_ms: int) -> None:
    statement = parse(f"SELECT timeout FROM t WHERE k = 1 LIMIT 1 ALLOW FILTERING USING TIMEOUT {text}")
    assert isinstance(statement, s.Select)
    assert statement.timeout_ms == timeout_ms
    plain = parse("SELECT * FROM t")
    assert isinstance(plain, s.Select)
    assert plain.timeout_ms is None


@pytest.mark.parametrize(
    ("text", "why"), [("1d", "days/months"), ("1us", "finer than milliseconds"), ("-1s", "non-negative")]
)
def test_other_timeouts_are_refused(text: str, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        parse(f"SELECT * FROM t USING TIMEOUT {text}")


def test_columns_may_be_called_like_words_of_the_language() -> None:
    statement = parse('SELECT key, ttl, timestamp, type, "Select", values FROM t WHERE key = 1')
    assert isinstance(statement, s.Select)
    names = [aliased.selector for aliased in statement.selectors]
    assert names == [
        s.ColumnSelector(name) for name in ("key", "ttl", "timestamp", "type", "Select", "values")
    ]


@pytest.mark.parametrize(
    ("assigned", "change", "value"),
    [
        ("a = 1", s.Change.SET, "1"),
        ("a = a + 1", s.Change.ADD, "1"),
        ("a = a - 1", s.Change.SUBTRACT, "1"),
        ("a = a -1", s.Change.SUBTRACT, "1"),
        ("a = [1] + a", s.Change.PREPEND, "[1]"),
        ("a[2] = 1", s.Change.SET_ELEMENT, "1"),
        ("a.f = 1", s.Change.SET_FIELD, "1"),
    ],
)
def test_assignments_are_told_apart(assigned: str, change: s.Change, value: str) -> None:
    statement = parse(f"UPDATE t SET {assigned} WHERE p = 1")
    assert isinstance(statement, s.Update)
    (assignment,) = statement.assignments
    assert (assignment.column, assignment.change, str(assignment.value)) == ("a", change, value)


def test_conditions_and_using_are_taken() -> None:
    statement = parse(
        "UPDATE t USING TTL 5 AND TIMESTAMP ? SET a = 1 WHERE p = 1 IF b = 2 AND c[1] IN (3) AND d.e != null"
    )
    assert isinstance(statement, s.Update)
    assert statement.using == s.Using(ttl=number("5"), timestamp=Marker(35))
    assert statement.condition is not None
    assert [str(one) for one in statement.condition.comparisons] == ["b = 2", "c[1] IN (3)", "d.e != null"]
    insert = parse("INSERT INTO t (a) VALUES (1) IF NOT EXISTS USING TTL 3")
    assert isinstance(insert, s.Insert)
    assert insert.condition == s.Condition(if_not_exists=True)
    delete = parse("DELETE a, m['x'], u.f FROM t USING TIMESTAMP 1 WHERE p = 1 IF EXISTS")
    assert isinstance(delete, s.Delete)
    assert [one.change for one in delete.deletions] == [
        s.Change.DELETE,
        s.Change.DELETE_ELEMENT,
        s.Change.DELETE_FIELD,
    ]
    assert delete.condition == s.Condition(if_exists=True)


def test_batches_hold_their_statements() -> None:
    batch = parse(
        "BEGIN UNLOGGED BATCH USING TIMESTAMP 5 INSERT INTO t (a) VALUES (1); DELETE FROM t WHERE a = 1"
        " APPLY BATCH"
    )
    assert isinstance(batch, s.Batch)
    assert batch.kind is s.BatchKind.UNLOGGED
    assert [type(one) for one in batch.statements] == [s.Insert, s.Delete]
    logged = parse("BEGIN BATCH APPLY BATCH;")
    assert logged == s.Batch(kind=s.BatchKind.LOGGED, statements=())


def test_tables_are_taken_with_columns_keys_and_options() -> None:
    statement = parse(
        "CREATE TABLE IF NOT EXISTS ks.t (p int, c text, s set<text> STATIC, v frozen<map<int, varchar>>,"
        " PRIMARY KEY ((p), c)) WITH CLUSTERING ORDER BY (c DESC) AND comment = 'x'"
        " AND compaction = {'class': 'LeveledCompactionStrategy', 'n': 5} AND gc_grace_seconds = 7"
    )
    assert statement == s.CreateTable(
        name=FullName("ks", "t"),
        columns=(
            Definition("p", "int"),
            Definition("c", "text"),
            Definition("s", "set<text>", is_static=True),
            Definition("v", "frozen<map<int, text>>"),
        ),
        partition_key=("p",),
        clustering_key=("c",),
        options=s.Options(
            named=(
                ("comment", "x"),
                ("compaction", (("class", "LeveledCompactionStrategy"), ("n", "5"))),
                ("gc_grace_seconds", "7"),
            ),
            orderings=(s.Ordering("c", True),),
        ),
        if_not_exists=True,
    )


def test_other_changes_of_the_schema_are_taken() -> None:
    assert parse("ALTER TABLE t ADD (a int, b text static)") == s.AlterTable(
        name=FullName(None, "t"),
        change=s.AddColumns((Definition("a", "int"), Definition("b", "text", is_static=True))),
    )
    assert parse("ALTER TABLE t RENAME a TO b AND c TO d") == s.AlterTable(
        name=FullName(None, "t"), change=s.RenameColumns((Rename("a", "b"), Rename("c", "d")))
    )
    index = parse("CREATE INDEX ON t ((p), a)")
    assert isinstance(index, s.CreateIndex)
    assert (index.name, index.partition_key, index.columns) == (None, ("p",), ("a",))
    assert parse("DROP TYPE IF EXISTS ks.u") == s.DropType(name=FullName("ks", "u"), if_exists=True)
    assert parse('USE "Upper"') == s.Use(keyspace="Upper")
    assert parse("TRUNCATE TABLE t") == s.Truncate(table=FullName(None, "t"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELEC * FROM t", "SELEC"),
        ("SELECT * FROM t GROUP BY a", "GROUP"),
        ("SELECT * FROM table", "table"),
        ("SELECT a FROM", "<EOF>"),
        ("SELECT CAST(a AS text) FROM t", "AS"),
        ("INSERT INTO t (a) VALUES ({1: })", "}"),
        ("CREATE ROLE x", "ROLE"),
        ("CREATE FUNCTION f", "FUNCTION"),
        ("GRANT x TO y", "GRANT"),
        ("LIST ROLES", "LIST"),
        ("SELECT * FROM t WHERE foo(a) > 1", "foo"),
        ("UPDATE t SET a = b + 1 WHERE p = 1", "X = X + <value>"),
        ("UPDATE t USING TTL 1 AND TTL 2 SET a = 1 WHERE p = 1", "Multiple definition"),
        ("SELECT * FROM t WHERE a = 'x", "'x"),
        ("", "<EOF>"),
    ],
)
def test_what_is_no_cql_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(RequestError) as error:
        parse(text)
    assert error.value.code == ErrorCode.SYNTAX_ERROR
    assert named in error.value.text


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT JSON * FROM t", "JSON"),
        ("INSERT INTO t JSON '{}'", "JSON"),
        ("INSERT INTO t (a, b) VALUES (1)", "Unmatched"),
        ("CREATE TABLE t (a int)", "PRIMARY KEY"),
        ("CREATE TABLE t (a int PRIMARY KEY, b int PRIMARY KEY)", "PRIMARY KEY"),
        ("CREATE CUSTOM INDEX i ON t (a)", "CUSTOM"),
    ],
)
def test_what_makes_no_sense_in_itself_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(RequestError) as error:
        parse(text)
    assert error.value.code == ErrorCode.INVALID
    assert named in error.value.text


def test_error_says_where_it_is() -> None:
    with pytest.raises(RequestError) as error:
        parse("SELECT *\nFROM t WHERE a ~ 1")
    assert error.value.text == "line 2:15 no viable alternative at input '~'"
    assert error.value.message.code == 0x2000


@pytest.mark.reference
def test_every_statement_of_the_captures_is_understood(reference: Path) -> None:
    """Those that clients ran, and the schema as the stock driver writes it."""
    texts: set[str] = set()
    for path in reference.rglob("*.json"):
        context = json.loads(path.read_text("utf-8"))
        texts |= {step["cql"] for step in context.get("steps", ())}
        if "2025" not in str(path):
            texts |= {one for cql in (context.get("schema") or {}).values() for one in statements_of(cql)}
    for text in texts:
        parse(text)
    assert len(texts) > 200


def test_nesting_and_length_have_limits() -> None:
    for text in ("[" * 20_000, "SELECT * FROM t WHERE a = '" + "x" * (1 << 20) + "'"):
        with pytest.raises(RequestError):
            parse(f"INSERT INTO t (a) VALUES ({text})")


_PIECES = st.sampled_from(
    ["SELECT", "*", "FROM", "t", "WHERE", "a", "=", "1", "'x'", "(", ")", ",", "?", ":", "{", "}", "[", "]", "IF",
     "INSERT", "INTO", "VALUES", "UPDATE", "SET", "DELETE", "BEGIN", "BATCH", "AND", "-", "+", "0x", "1h", "$$"]
)  # fmt: skip


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=15).map(" ".join)))
def test_garbage_is_refused_as_a_request(text: str) -> None:
    found: s.Statement | RequestError
    try:
        found = parse(text)
    except RequestError as error:
        found = error
    assert isinstance(found, s.Statement) or found.code in {ErrorCode.SYNTAX_ERROR, ErrorCode.INVALID}
