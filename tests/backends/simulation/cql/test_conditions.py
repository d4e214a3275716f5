"""Lightweight transactions: when they apply, and what the client is shown."""

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.write_plan import ConditionalPlan
from harness.codec.verbs.common import ClusteringRange
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import catalog_of

TABLES = (
    "CREATE TYPE addr (street text, zip int);"
    "CREATE TABLE t (p int, c int, s int static, v int, l list<int>, m map<text, int>, st set<int>, u addr,"
    " PRIMARY KEY (p, c));"
    "CREATE TABLE simple (id int PRIMARY KEY, v int, w text)"
)


@pytest.fixture
def node() -> LocalNode:
    node = LocalNode(catalog_of(TABLES))
    node.run("INSERT INTO simple (id, v, w) VALUES (1, 5, 'five')")
    node.run(
        "INSERT INTO t (p, c, s, v, l, m, st, u) VALUES (1, 1, 7, 5, [1, 2], {'k': 3}, {4}, {street: 'a', zip: 9})"
    )
    return node


def is_applied(node: LocalNode, text: str) -> bool:
    applied = {row[0] for row in node.rows(text)}
    assert len(applied) == 1
    return applied == {True}


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ("v = 5", True),
        ("v = 6", False),
        ("v != 6", True),
        ("v < 6", True),
        ("v >= 6", False),
        ("v IN (1, 5)", True),
        ("v IN (1, 2)", False),
        ("v = null", False),
        ("v != null", True),
        ("v = 5 AND s = 7", True),
        ("v = 5 AND s = 8", False),
        ("l = [1, 2]", True),
        ("l = [2, 1]", False),
        ("l[1] = 2", True),
        ("l[5] = null", True),
        ("m = {'k': 3}", True),
        ("m['k'] = 3", True),
        ("m['x'] = null", True),
        ("m['k'] IN (3, 4)", True),
        ("st = {4}", True),
        ("u = {street: 'a', zip: 9}", True),
        ("u.zip = 9", True),
        ("u.zip > 9", False),
    ],
)
def test_condition_looks_at_the_row_as_it_was(node: LocalNode, condition: str, applies: bool) -> None:
    text = f"UPDATE t SET v = 100 WHERE p = 1 AND c = 1 IF {condition}"
    assert is_applied(node, text) is applies
    assert node.rows("SELECT v FROM t WHERE p = 1 AND c = 1") == [(100 if applies else 5,)]


@pytest.mark.parametrize(
    ("condition", "applies"),
    [("v = 5", False), ("v = null", True), ("v != 5", True), ("v < 5", False), ("v IN (null)", True)],
)
def test_missing_row_has_nothing_but_nulls(node: LocalNode, condition: str, applies: bool) -> None:
    assert is_applied(node, f"UPDATE simple SET v = 1 WHERE id = 9 IF {condition}") is applies


def test_comparison_with_null_has_no_order(node: LocalNode) -> None:
    with pytest.raises(RequestError, match="Invalid comparison with null"):
        node.run("UPDATE simple SET v = 1 WHERE id = 1 IF v < null")


def test_existence_is_asked_for(node: LocalNode) -> None:
    assert not is_applied(node, "INSERT INTO simple (id, v) VALUES (1, 1) IF NOT EXISTS")
    assert is_applied(node, "INSERT INTO simple (id, v) VALUES (2, 1) IF NOT EXISTS")
    assert is_applied(node, "UPDATE simple SET v = 2 WHERE id = 2 IF EXISTS")
    assert not is_applied(node, "UPDATE simple SET v = 2 WHERE id = 3 IF EXISTS")
    assert is_applied(node, "DELETE FROM simple WHERE id = 2 IF EXISTS")
    assert not is_applied(node, "DELETE FROM simple WHERE id = 2 IF EXISTS")


def test_client_is_shown_what_the_conditions_look_at(node: LocalNode) -> None:
    """As 4.2 does, whether applied or not: of IF EXISTS every column, else those of the comparisons."""
    rows = node.run("INSERT INTO simple (id, v) VALUES (1, 1) IF NOT EXISTS")
    assert rows is not None
    assert [column.name for column in rows.columns] == ["[applied]", "id", "v", "w"]
    assert rows.values() == ((False, 1, 5, "five"),)
    rows = node.run("UPDATE simple SET v = 6 WHERE id = 1 IF w = 'five' AND v = 5")
    assert rows is not None
    assert [column.name for column in rows.columns] == ["[applied]", "v", "w"]
    assert rows.values() == ((True, 5, "five"),)
    assert node.rows("INSERT INTO simple (id, v) VALUES (8, 1) IF NOT EXISTS") == [(True, None, None, None)]


def test_static_condition_reads_one_row_of_the_partition(node: LocalNode) -> None:
    planned = node.plan("UPDATE t SET v = 1 WHERE p = 1 AND c = 55 IF s = 7")
    assert isinstance(planned, ConditionalPlan)
    command = planned.read_command(node.moment)
    assert command.partition_slice.row_ranges == (ClusteringRange(start=None, end=None, singular=False),)
    assert command.partition_slice.partition_row_limit_low == 1
    assert is_applied(node, "UPDATE t SET v = 1 WHERE p = 1 AND c = 55 IF s = 7")
    assert not is_applied(node, "UPDATE t SET v = 1 WHERE p = 1 AND c = 56 IF s = 8")


def test_existence_of_static_columns_alone(node: LocalNode) -> None:
    node.run("INSERT INTO t (p, c, v) VALUES (2, 1, 1)")
    assert is_applied(node, "INSERT INTO t (p, s) VALUES (2, 1) IF NOT EXISTS")
    assert not is_applied(node, "INSERT INTO t (p, s) VALUES (2, 1) IF NOT EXISTS")


def test_batch_applies_as_a_whole(node: LocalNode) -> None:
    text = (
        "BEGIN BATCH INSERT INTO t (p, c, v) VALUES (1, 2, 2) IF NOT EXISTS;"
        " UPDATE t SET v = 3 WHERE p = 1 AND c = 1 IF v = {}; APPLY BATCH"
    )
    assert not is_applied(node, text.format(6))
    assert node.rows("SELECT c FROM t WHERE p = 1") == [(1,)]
    assert is_applied(node, text.format(5))
    assert node.rows("SELECT c, v FROM t WHERE p = 1") == [(1, 3), (2, 2)]


def test_list_can_be_changed_by_index_under_a_condition(node: LocalNode) -> None:
    assert is_applied(node, "UPDATE t SET l[0] = 9 WHERE p = 1 AND c = 1 IF v = 5")
    assert node.rows("SELECT l FROM t WHERE p = 1 AND c = 1") == [([9, 2],)]


def test_proposal_without_its_condition_writes_nothing(node: LocalNode) -> None:
    planned = node.plan("DELETE FROM simple WHERE id = 1 IF v = 99")
    assert isinstance(planned, ConditionalPlan)
    nothing = planned.nothing()
    assert nothing.partition.rows == ()
    assert not nothing.partition.tombstone.exists
