"""INSERT, UPDATE, DELETE: which rows they are about, and what is refused."""

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.write_plan import WriteKind, WritePlan
from harness.codec.cql.errors import ErrorCode
from harness.codec.verbs.common import BoundKind, Key
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import catalog_of, deleted, i32

TABLES = (
    "CREATE TABLE t (p int, c1 int, c2 int, s text static, v text, PRIMARY KEY (p, c1, c2));"
    "CREATE TABLE simple (id int PRIMARY KEY, v text);"
    "CREATE TABLE counts (p int PRIMARY KEY, n counter);"
    "CREATE MATERIALIZED VIEW by_v AS SELECT * FROM simple WHERE v IS NOT NULL AND id IS NOT NULL"
    " PRIMARY KEY (v, id)"
)


@pytest.fixture
def node() -> LocalNode:
    node = LocalNode(catalog_of(TABLES))
    for c1 in range(3):
        for c2 in range(3):
            node.run(f"INSERT INTO t (p, c1, c2, v) VALUES (1, {c1}, {c2}, '{c1}{c2}')")
    return node


def left(node: LocalNode) -> list[object]:
    return [row[0] for row in node.rows("SELECT v FROM t WHERE p = 1")]


@pytest.mark.parametrize(
    ("where", "gone"),
    [
        ("p = 1", {"00", "01", "02", "10", "11", "12", "20", "21", "22"}),
        ("p = 1 AND c1 = 1", {"10", "11", "12"}),
        ("p = 1 AND c1 = 1 AND c2 = 1", {"11"}),
        ("p = 1 AND c1 > 1", {"20", "21", "22"}),
        ("p = 1 AND c1 = 0 AND c2 >= 1 AND c2 < 2", {"01"}),
        ("p = 1 AND c1 IN (0, 2) AND c2 = 1", {"01", "21"}),
        ("p = 1 AND (c1, c2) > (1, 1)", {"12", "20", "21", "22"}),
        ("p IN (1, 2) AND c1 = 2", {"20", "21", "22"}),
        ("p = 2", set()),
    ],
)
def test_deletion_takes_the_rows_that_it_names(node: LocalNode, where: str, gone: set[str]) -> None:
    before = set(left(node))
    node.run(f"DELETE FROM t WHERE {where}")
    assert before - set(left(node)) == gone


def test_deletions_of_ranges_have_the_bounds_of_the_wire(node: LocalNode) -> None:
    planned = node.plan("DELETE FROM t WHERE p = 1 AND c1 = 1 AND c2 > 5")
    assert isinstance(planned, WritePlan)
    (one,) = planned.mutations(9)
    (deletion,) = one.mutation.partition.range_tombstones
    assert (deletion.start, deletion.start_kind) == (
        Key(components=(i32(1), i32(5))),
        BoundKind.EXCLUSIVE_START,
    )
    assert (deletion.end, deletion.end_kind) == (Key(components=(i32(1),)), BoundKind.INCLUSIVE_END)


def test_deletion_of_columns_leaves_the_row(node: LocalNode) -> None:
    node.run("DELETE v FROM t WHERE p = 1 AND c1 = 0 AND c2 = 0")
    assert node.rows("SELECT c1, c2, v FROM t WHERE p = 1 LIMIT 1") == [(0, 0, None)]


def test_update_reaches_every_row_that_in_names(node: LocalNode) -> None:
    node.run("UPDATE t SET v = 'new' WHERE p IN (1, 5) AND c1 = 0 AND c2 IN (0, 1)")
    assert left(node)[:3] == ["new", "new", "02"]
    assert len(node.rows("SELECT * FROM t WHERE p = 5")) == 2


def test_statement_without_conditions_is_a_plain_write(node: LocalNode) -> None:
    planned = node.plan("DELETE FROM simple WHERE id = 1")
    assert isinstance(planned, WritePlan)
    assert planned.kind is WriteKind.SIMPLE
    (one,) = planned.mutations(9)
    assert one.key == (i32(1),)
    assert one.mutation.partition.tombstone == deleted(9, node.now_us // 10**6)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("INSERT INTO nothing (a) VALUES (1)", "unconfigured table nothing"),
        ("INSERT INTO by_v (v, id) VALUES ('a', 1)", "Cannot directly modify a materialized view"),
        ("INSERT INTO simple (v) VALUES ('a')", "Missing mandatory PRIMARY KEY part id"),
        ("INSERT INTO t (p, c1, v) VALUES (1, 1, 'a')", "Missing mandatory PRIMARY KEY part c2"),
        ("INSERT INTO simple (id, x) VALUES (1, 1)", "Unknown identifier x"),
        ("INSERT INTO simple (id, id) VALUES (1, 1)", "contains duplicates"),
        ("INSERT INTO simple (id) VALUES (null)", "Invalid null value in condition for column id"),
        ("INSERT INTO counts (p, n) VALUES (1, 1)", "INSERT statement are not allowed on counter tables"),
        ("UPDATE t SET v = 'a' WHERE p = 1", "Some clustering keys are missing: c1, c2"),
        ("UPDATE t SET v = 'a' WHERE p = 1 AND c1 > 1", "Slice restrictions are not supported"),
        ("UPDATE t SET v = 'a' WHERE c1 = 1 AND c2 = 1", "Some partition key parts are missing: p"),
        ("UPDATE t SET v = 'a' WHERE p > 1 AND c1 = 1 AND c2 = 1", "Only EQ and IN relation are supported"),
        ("UPDATE t SET s = 'a' WHERE p = 1 AND c1 = 1", "modifies only static columns"),
        (
            "UPDATE simple SET v = 'a' WHERE id = 1 AND v = 'b'",
            "Non PRIMARY KEY columns found in where clause: v",
        ),
        ("UPDATE simple SET v = 'a' WHERE token(id) = 1", "token function cannot be used in WHERE clauses"),
        ("DELETE v FROM t WHERE p = 1 AND c1 > 1", "Range deletions are not supported for specific columns"),
        ("DELETE FROM t WHERE p = 1 AND c2 = 1", 'as preceding column "c1" is not restricted'),
        ("DELETE FROM simple USING TTL 5 WHERE id = 1", "TTL"),
        ("UPDATE counts USING TTL 1 SET n = n + 1 WHERE p = 1", "custom TTL for counter updates"),
        ("UPDATE counts USING TIMESTAMP 1 SET n = n + 1 WHERE p = 1", "custom timestamp for counter updates"),
        ("UPDATE simple USING TTL -1 SET v = 'a' WHERE id = 1", "A TTL must be greater or equal to 0"),
        ("UPDATE simple USING TTL 700000000 SET v = 'a' WHERE id = 1", "ttl is too large"),
        ("UPDATE simple USING TIMESTAMP null SET v = 'a' WHERE id = 1", "Invalid null value of timestamp"),
        ("UPDATE counts SET n = n + 1 WHERE p = 1 IF EXISTS", "not supported on counter tables"),
        (
            "UPDATE simple USING TIMESTAMP 1 SET v = 'a' WHERE id = 1 IF EXISTS",
            "custom timestamp for conditional",
        ),
        (
            "UPDATE simple SET v = 'a' WHERE id IN (1, 2) IF EXISTS",
            "IN on the partition key is not supported",
        ),
        (
            "UPDATE t SET v = 'a' WHERE p = 1 AND c1 = 1 AND c2 IN (1, 2) IF EXISTS",
            "IN on the clustering key",
        ),
        ("DELETE FROM t WHERE p = 1 AND c1 = 1 IF EXISTS", "must restrict all PRIMARY KEY columns"),
        ("UPDATE simple SET v = 'a' WHERE id = 1 IF id = 1", "cannot have IF conditions"),
        ("UPDATE simple SET v = 'a' WHERE id = 1 IF x = 1", "Unknown identifier x"),
        ("TRUNCATE by_v", "Cannot TRUNCATE materialized view directly"),
        ("TRUNCATE nothing", "unconfigured table nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(node: LocalNode, text: str, shown: str) -> None:
    with pytest.raises(RequestError) as error:
        node.run(text)
    assert error.value.code == ErrorCode.INVALID
    assert shown in error.value.text


def test_bound_values_are_checked(node: LocalNode) -> None:
    with pytest.raises(RequestError, match="Invalid amount of bind variables"):
        node.run("INSERT INTO simple (id, v) VALUES (?, ?)", (i32(1),))
    with pytest.raises(RequestError, match="Exception while binding column id"):
        node.run("INSERT INTO simple (id, v) VALUES (?, ?)", (b"123", b"x"))
    with pytest.raises(RequestError, match="Missing value for bind variable v"):
        node.run("INSERT INTO simple (id, v) VALUES (:id, :v)", {"id": i32(1)})


def test_truncated_table_and_its_views_are_empty(node: LocalNode) -> None:
    node.run("INSERT INTO simple (id, v) VALUES (1, 'a')")
    assert len(node.rows("SELECT * FROM by_v")) == 1
    node.run("TRUNCATE simple")
    assert node.rows("SELECT * FROM simple") == []
    assert node.rows("SELECT * FROM by_v") == []
