"""SELECT: which rows come, in which order, through which reads; and what is refused."""

import pytest

from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.request_error import RequestError
from harness.codec.cql.errors import ErrorCode
from harness.codec.verbs.read_command import SliceOption
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import catalog_of, i32

TABLES = (
    "CREATE TABLE t (p int, c1 int, c2 text, s text static, v text, l list<int>, m map<text, int>, st set<int>,"
    " PRIMARY KEY (p, c1, c2));"
    "CREATE TABLE d (p int, c int, v int, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC);"
    "CREATE TABLE two (a int, b int, v int, PRIMARY KEY ((a, b)));"
    "CREATE TABLE i (p int, c int, v text, w int, PRIMARY KEY (p, c)); CREATE INDEX by_v ON i (v);"
    "CREATE INDEX by_w ON i ((p), w); CREATE INDEX by_c ON i (c)"
)


@pytest.fixture
def node() -> LocalNode:
    node = LocalNode(catalog_of(TABLES))
    for p in (1, 2):
        for c1 in (1, 2, 3):
            for c2 in ("a", "b"):
                node.run(f"INSERT INTO t (p, c1, c2, v) VALUES ({p}, {c1}, '{c2}', '{p}{c1}{c2}')")
    for c in range(5):
        node.run(f"INSERT INTO d (p, c, v) VALUES (1, {c}, {c * 10})")
    return node


def values(node: LocalNode, text: str) -> list[object]:
    """The first column of the rows."""
    return [row[0] for row in node.rows(text)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("c1 = 2", ["12a", "12b"]),
        ("c1 = 2 AND c2 = 'b'", ["12b"]),
        ("c1 IN (3, 1, 3)", ["11a", "11b", "13a", "13b"]),
        ("c1 IN (1, 3) AND c2 IN ('b')", ["11b", "13b"]),
        ("c1 > 1 AND c1 <= 3", ["12a", "12b", "13a", "13b"]),
        ("c1 >= 3", ["13a", "13b"]),
        ("c1 < 2", ["11a", "11b"]),
        ("c1 = 2 AND c2 > 'a'", ["12b"]),
        ("(c1, c2) = (2, 'a')", ["12a"]),
        ("(c1, c2) IN ((3, 'b'), (1, 'a'))", ["11a", "13b"]),
        ("(c1, c2) > (2, 'a')", ["12b", "13a", "13b"]),
        ("(c1, c2) >= (1, 'b') AND (c1) < (3)", ["11b", "12a", "12b"]),
        ("c1 > 3", []),
        ("c1 IN ()", []),
    ],
)
def test_rows_are_those_that_the_clustering_columns_name(
    node: LocalNode, where: str, expected: list[str]
) -> None:
    assert values(node, f"SELECT v FROM t WHERE p = 1 AND {where}") == expected


def test_descending_columns_turn_bounds_round(node: LocalNode) -> None:
    assert values(node, "SELECT v FROM d WHERE p = 1 AND c > 1 AND c <= 3") == [30, 20]
    assert values(node, "SELECT v FROM d WHERE p = 1 ORDER BY c ASC LIMIT 2") == [0, 10]
    assert values(node, "SELECT v FROM d WHERE p = 1 ORDER BY c DESC LIMIT 2") == [40, 30]
    assert values(node, "SELECT v FROM d WHERE p = 1 AND c IN (1, 4, 2) ORDER BY c ASC") == [10, 20, 40]


def test_partitions_of_in_come_in_the_order_of_the_ring(node: LocalNode) -> None:
    rows = node.rows("SELECT p, c1, c2 FROM t WHERE p IN (2, 1, 2) AND c1 = 1")
    assert rows == [(1, 1, "a"), (1, 1, "b"), (2, 1, "a"), (2, 1, "b")]
    both = node.rows("SELECT a, b FROM two WHERE a IN (1, 2) AND b IN (3, 4)")
    assert both == []
    assert len(node.reads[-1].ranges) == 4


def test_order_by_sorts_rows_of_several_partitions(node: LocalNode) -> None:
    rows = node.rows("SELECT p, c1 FROM t WHERE p IN (1, 2) AND c1 IN (1, 2) ORDER BY c1 DESC")
    assert [c1 for _, c1 in rows] == [2, 2, 2, 2, 1, 1, 1, 1]


def test_order_by_several_partitions_cannot_be_paged(node: LocalNode) -> None:
    with pytest.raises(RequestError, match="Cannot page queries with both ORDER BY and a IN restriction"):
        node.run("SELECT * FROM t WHERE p IN (1, 2) ORDER BY c1 DESC", page_rows=2)


def test_limits_count_rows_in_all_and_of_each_partition(node: LocalNode) -> None:
    assert len(node.rows("SELECT * FROM t LIMIT 7")) == 7
    assert len(node.rows("SELECT * FROM t PER PARTITION LIMIT 2")) == 4
    assert len(node.rows("SELECT * FROM t PER PARTITION LIMIT 2 LIMIT 3")) == 3


def test_token_names_a_part_of_the_ring(node: LocalNode) -> None:
    ((token,),) = node.rows("SELECT token(p) FROM t WHERE p = 1 LIMIT 1")
    assert {row[0] for row in node.rows(f"SELECT p FROM t WHERE token(p) >= {token}")} == {1, 2}
    assert {row[0] for row in node.rows(f"SELECT p FROM t WHERE token(p) > {token}")} == {2}
    assert {row[0] for row in node.rows(f"SELECT p FROM t WHERE token(p) = {token}")} == {1}
    assert {row[0] for row in node.rows("SELECT p FROM t WHERE token(p) <= token(1)")} == {1}
    assert node.rows(f"SELECT p FROM t WHERE token(p) > {token} AND token(p) < {token}") == []


def test_distinct_gives_each_partition_once(node: LocalNode) -> None:
    node.run("UPDATE t SET s = 'static' WHERE p = 2")
    assert node.rows("SELECT DISTINCT p, s FROM t") == [(1, None), (2, "static")]
    assert node.reads[-1].command.partition_slice.options & SliceOption.DISTINCT


def test_static_row_shows_without_other_rows_unless_rows_are_named(node: LocalNode) -> None:
    node.run("INSERT INTO t (p, s) VALUES (9, 'alone')")
    assert node.rows("SELECT p, c1, s FROM t WHERE p = 9") == [(9, None, "alone")]
    assert node.rows("SELECT p, c1, s FROM t WHERE p = 9 AND c1 > 0") == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("v = '12a'", ["12a"]),
        ("c2 = 'b' AND p = 1", ["11b", "12b", "13b"]),
        ("v > '21b' AND p = 2", ["22a", "22b", "23a", "23b"]),
        ("v IN ('11a', '13b', 'x')", ["11a", "13b"]),
        ("l CONTAINS 7", ["11a"]),
        ("m CONTAINS 8", ["12a"]),
        ("m CONTAINS KEY 'k'", ["12a"]),
        ("m['k'] = 8", ["12a"]),
        ("st CONTAINS 5", ["13a"]),
        ("c1 = 3 AND c2 = 'a'", ["13a", "23a"]),
        ("v = null", []),
    ],
)
def test_filtering_leaves_what_fulfils_all_conditions(
    node: LocalNode, where: str, expected: list[str]
) -> None:
    node.run("UPDATE t SET l = [6, 7] WHERE p = 1 AND c1 = 1 AND c2 = 'a'")
    node.run("UPDATE t SET m = {'k': 8} WHERE p = 1 AND c1 = 2 AND c2 = 'a'")
    node.run("UPDATE t SET st = {5} WHERE p = 1 AND c1 = 3 AND c2 = 'a'")
    assert values(node, f"SELECT v FROM t WHERE {where} ALLOW FILTERING") == expected


def test_filtering_without_leave_is_refused(node: LocalNode) -> None:
    for where in ("v = 'x'", "c1 = 1", "l CONTAINS 1", "p = 1 AND v = 'x'", "p > 1"):
        with pytest.raises(RequestError, match="use ALLOW FILTERING"):
            node.run(f"SELECT * FROM t WHERE {where}")


def test_pages_follow_each_other_without_loss(node: LocalNode) -> None:
    """Every page size gives the same rows, of single partitions, scans, reversed and filtered reads."""
    texts = (
        "SELECT v FROM t",
        "SELECT v FROM t WHERE p = 1",
        "SELECT v FROM t WHERE p = 1 ORDER BY c1 DESC",
        "SELECT v FROM t WHERE p = 1 AND c1 IN (1, 3)",
        "SELECT v FROM t WHERE p IN (1, 2) AND c1 > 1",
        "SELECT v FROM t WHERE c2 = 'b' ALLOW FILTERING",
        "SELECT v FROM t LIMIT 5",
        "SELECT v FROM t PER PARTITION LIMIT 4",
        "SELECT v FROM t WHERE c2 = 'b' PER PARTITION LIMIT 2 ALLOW FILTERING",
    )
    for text in texts:
        whole = values(node, text)
        for page_rows in (1, 2, 3, 5, 100):
            assert paged(node, text, page_rows) == whole, f"{text} by {page_rows}"


def paged(node: LocalNode, text: str, page_rows: int) -> list[object]:
    found: list[object] = []
    state: bytes | None = None
    for _ in range(40):
        rows = node.run(text, page_rows=page_rows, paging_state=state)
        assert rows is not None
        assert len(rows.rows) <= page_rows
        found += [row[0] for row in rows.values()]
        state = rows.metadata.paging_state
        if state is None:
            return found
    raise AssertionError(f"{text} never ends")


def test_index_leads_to_the_rows(node: LocalNode) -> None:
    for p, c, v in ((1, 1, "x"), (1, 2, "y"), (2, 1, "x"), (3, 7, "x")):
        node.run(f"INSERT INTO i (p, c, v, w) VALUES ({p}, {c}, '{v}', {c})")
    assert sorted(node.rows("SELECT p, c FROM i WHERE v = 'x'")) == [(1, 1), (2, 1), (3, 7)]
    assert node.rows("SELECT p, c FROM i WHERE p = 1 AND v = 'x'") == [(1, 1)]
    assert node.rows("SELECT p FROM i WHERE p = 1 AND w = 2") == [(1,)]
    assert sorted(node.rows("SELECT p FROM i WHERE c = 1")) == [(1,), (2,)]
    assert node.rows("SELECT p FROM i WHERE v = 'x' AND w = 7 ALLOW FILTERING") == [(3,)]
    assert node.rows("SELECT count(*) FROM i WHERE v = 'x'") == [(3,)]
    node.run("UPDATE i SET v = 'z' WHERE p = 1 AND c = 1")
    assert sorted(node.rows("SELECT p FROM i WHERE v = 'x'")) == [(2,), (3,)]
    for page_rows in (1, 2, 3):
        assert sorted(map(str, paged(node, "SELECT p FROM i WHERE v = 'x'", page_rows))) == ["2", "3"]


def test_rows_behind_an_index_are_read_one_two_four_at_a_time(node: LocalNode) -> None:
    for p in range(8):
        node.run(f"INSERT INTO i (p, c, v) VALUES ({p}, 1, 'x')")
    planned = node.plan("SELECT * FROM i WHERE v = 'x'")
    assert isinstance(planned, ReadPlan)
    reading = planned.run(node.moment)
    counts, reads = [], next(reading)
    try:
        while True:
            counts.append(len(reads))
            reads = reading.send(tuple(node.answer(read) for read in reads))
    except StopIteration:
        pass
    assert counts == [1, 1, 2, 4, 1]


def test_aggregates_make_one_row_of_all(node: LocalNode) -> None:
    assert node.rows("SELECT count(*), min(v), max(v), sum(v), avg(v) FROM d") == [(5, 0, 40, 100, 20)]
    assert node.rows("SELECT count(v) AS n FROM d WHERE p = 1 AND c > 2") == [(2,)]
    assert node.rows("SELECT count(*), sum(v), max(v) FROM d WHERE p = 77") == [(0, 0, None)]
    rows = node.run("SELECT count(*), system.max(v) FROM d LIMIT 1")
    assert rows is not None
    assert [column.name for column in rows.columns] == ["count", "system.max(v)"]
    assert node.reads[-1].command.row_limit_low == 10_000


def test_aggregates_read_all_pages_behind_the_back_of_the_client(node: LocalNode) -> None:
    rows = node.run("SELECT count(*) FROM t", page_rows=2)
    assert rows is not None
    assert rows.values() == ((12,),)
    assert rows.metadata.paging_state is None


def test_write_time_and_time_to_live_are_selected(node: LocalNode) -> None:
    node.run("INSERT INTO d (p, c, v) VALUES (7, 7, 7) USING TIMESTAMP 1234 AND TTL 100")
    assert node.rows("SELECT writetime(v), ttl(v) FROM d WHERE p = 7 AND c = 7") == [(1234, 100)]
    node.now_us += 40 * 10**6
    assert node.rows("SELECT ttl(v) FROM d WHERE p = 7 AND c = 7") == [(60,)]
    node.now_us += 60 * 10**6
    assert node.rows("SELECT ttl(v) FROM d WHERE p = 7 AND c = 7") == []
    assert node.rows("SELECT ttl(v) FROM d WHERE p = 1 AND c = 1") == [(None,)]


def test_columns_are_read_in_the_order_in_which_they_are_selected(node: LocalNode) -> None:
    node.run("SELECT v, l, p FROM t WHERE p = 1 LIMIT 1")
    partition_slice = node.reads[-1].command.partition_slice
    assert partition_slice.regular_columns == (3, 0)
    assert partition_slice.options == SliceOption.SEND_PARTITION_KEY


def test_markers_stand_for_values_anywhere(node: LocalNode) -> None:
    rows = node.run("SELECT v FROM t WHERE p = ? AND c1 IN ? LIMIT ?", (i32(1), _list(1, 2), i32(3)))
    assert rows is not None
    assert [row[0] for row in rows.values()] == ["11a", "11b", "12a"]
    named = node.run("SELECT v FROM t WHERE p = :p AND (c1, c2) > (:c, 'a')", {"p": i32(1), "c": i32(3)})
    assert named is not None
    assert named.values() == (("13b",),)


def _list(*numbers: int) -> bytes:
    return i32(len(numbers)) + b"".join(i32(4) + i32(number) for number in numbers)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT * FROM nothing", "unconfigured table nothing"),
        ("SELECT * FROM other.t", "Keyspace other does not exist"),
        ("SELECT x FROM t", "Undefined name x in selection clause"),
        ("SELECT * FROM t WHERE x = 1", "Undefined name x in where clause ('x = 1')"),
        ("SELECT * FROM t WHERE p = 'x'", 'Invalid STRING constant (x) for "p" of type int'),
        ("SELECT * FROM t WHERE p = null", "Invalid null value in condition for column p"),
        ("SELECT * FROM t WHERE p = 1 AND p = 2", "p cannot be restricted by more than one relation"),
        ("SELECT * FROM t WHERE p = 1 AND c1 > 1 AND c1 > 2", "More than one restriction was found"),
        ("SELECT * FROM t WHERE p = 1 AND c2 = 'a'", 'as preceding column "c1" is not restricted'),
        ("SELECT * FROM t WHERE p = 1 AND c1 > 1 AND c2 = 'a'", "is restricted by a non-EQ relation"),
        ("SELECT * FROM t WHERE p = 1 AND (c2) = ('a')", "cannot be restricted as preceding column"),
        ("SELECT * FROM t WHERE p = 1 AND (c1, v) = (1, 'a')", "can only be applied to clustering columns"),
        ("SELECT * FROM t WHERE p = 1 AND (c2, c1) = ('a', 1)", "must appear in the PRIMARY KEY order"),
        ("SELECT * FROM t WHERE p = 1 AND (c1, c2) = (1, 'a', 2)", "Expected 2 elements"),
        ("SELECT * FROM t WHERE p = 1 AND c1 = 1 AND (c1) > (1)", "Mixing single column relations"),
        (
            "SELECT * FROM t WHERE token(p) > 1 AND p = 1",
            "restricted by the token function and by their values",
        ),
        ("SELECT * FROM t WHERE token(c1) > 1", "must be applied to all partition key components"),
        ("SELECT * FROM two WHERE token(b, a) > 1", "must be in the partition key order: a, b"),
        ("SELECT * FROM t WHERE v LIKE 'x%'", "LIKE restriction is only supported"),
        ("SELECT * FROM t WHERE v CONTAINS 'x'", "Cannot use CONTAINS on non-collection column v"),
        ("SELECT * FROM t WHERE v IS NOT NULL", "only supported in materialized view creation"),
        ("SELECT * FROM t WHERE p = 1 ORDER BY c2", "ordering of columns following their declared order"),
        ("SELECT * FROM t WHERE p = 1 ORDER BY v", "only supported on the clustered columns"),
        ("SELECT * FROM t WHERE p = 1 ORDER BY x", "Order by on unknown column x"),
        ("SELECT * FROM t WHERE p = 1 ORDER BY c1 ASC, c2 DESC", "Unsupported order by relation"),
        ("SELECT * FROM t ORDER BY c1", "ORDER BY is only supported when the partition key is restricted"),
        ("SELECT * FROM i WHERE v = 'x' ORDER BY c", "ORDER BY with 2ndary indexes"),
        ("SELECT DISTINCT v FROM t", "must only request partition key columns and/or static columns (not v)"),
        ("SELECT DISTINCT a FROM two", "must request all the partition key columns (missing b)"),
        ("SELECT * FROM t LIMIT 0", "LIMIT must be strictly positive"),
        ("SELECT * FROM t PER PARTITION LIMIT -1", "PER PARTITION LIMIT must be strictly positive"),
        ("SELECT writetime(p) FROM t", "Cannot use selection function writetime on PRIMARY KEY part p"),
        ("SELECT ttl(l) FROM t", "Cannot use selection function ttl on collections"),
        ("SELECT sum(v) FROM t", "Invalid call to function sum"),
        ("SELECT nothing(v) FROM t", "Unknown function 'nothing'"),
        ("SELECT max(count(*)) FROM t", "aggregate functions cannot be used as arguments"),
        ("SELECT v.x FROM t", "has no field x"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(node: LocalNode, text: str, shown: str) -> None:
    with pytest.raises(RequestError) as error:
        node.run(text)
    assert error.value.code == ErrorCode.INVALID
    assert shown in error.value.text


def test_without_a_keyspace_names_need_one() -> None:
    node = LocalNode(catalog_of(TABLES), keyspace=None)
    with pytest.raises(RequestError, match="No keyspace has been specified"):
        node.run("SELECT * FROM t")
    assert node.rows("SELECT * FROM ks.t") == []


def test_paging_state_of_somebody_else_is_refused(node: LocalNode) -> None:
    for state in (b"", b"nonsense", bytes(4) + b"\xff" * 30):
        with pytest.raises(RequestError) as error:
            node.run("SELECT * FROM t", page_rows=2, paging_state=state)
        assert error.value.code == ErrorCode.PROTOCOL_ERROR
