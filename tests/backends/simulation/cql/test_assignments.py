"""What writes make of columns of every kind, as clients see them and as the wire has them."""

from uuid import UUID

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.write_plan import WritePlan
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.notation import UNSET
from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.codec.verbs.mutation import (
    CollectionCell,
    DeadCell,
    ExpiringCell,
    LiveMarker,
    Mutation,
    NoMarker,
)
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import NOW_S, catalog_of, deleted, i32

TABLES = (
    "CREATE TYPE addr (street text, zip int);"
    "CREATE TABLE t (p int PRIMARY KEY, v text, n int, l list<int>, s set<int>, m map<text, int>, u addr,"
    " f frozen<addr>, fl frozen<list<int>>, tp tuple<int, text>);"
    "CREATE TABLE st (p int, c int, s text static, v text, PRIMARY KEY (p, c));"
    "CREATE TABLE counts (p int PRIMARY KEY, a counter, b counter)"
)


@pytest.fixture
def node() -> LocalNode:
    return LocalNode(catalog_of(TABLES))


def value(node: LocalNode, column: str) -> object:
    ((found,),) = node.rows(f"SELECT {column} FROM t WHERE p = 1")
    return found


def mutation_of(node: LocalNode, text: str, values: tuple[bytes, ...] = ()) -> Mutation:
    planned = node.plan(text, values)
    assert isinstance(planned, WritePlan)
    (one,) = planned.mutations(node.now_us)
    return one.mutation


def test_insert_marks_its_row_and_update_does_not(node: LocalNode) -> None:
    (inserted,) = mutation_of(node, "INSERT INTO t (p) VALUES (1)").partition.rows
    assert inserted.marker == LiveMarker(created_at=node.now_us)
    (updated,) = mutation_of(node, "UPDATE t SET v = 'x' WHERE p = 1").partition.rows
    assert isinstance(updated.marker, NoMarker)
    node.run("UPDATE t SET v = 'x' WHERE p = 1")
    node.run("UPDATE t SET v = null WHERE p = 1")
    assert node.rows("SELECT * FROM t WHERE p = 1") == []


def test_null_deletes_and_unset_leaves_alone(node: LocalNode) -> None:
    node.run("INSERT INTO t (p, v, n) VALUES (1, 'x', 5)")
    node.run("INSERT INTO t (p, v, n) VALUES (?, ?, ?)", (i32(1), UNSET, None))
    assert node.rows("SELECT v, n FROM t WHERE p = 1") == [("x", None)]
    (row,) = mutation_of(node, "INSERT INTO t (p, n) VALUES (1, null)").partition.rows
    assert isinstance(row.cells.columns[0].cell, DeadCell)


def test_update_of_nothing_but_unset_values_writes_no_row(node: LocalNode) -> None:
    planned = node.plan("UPDATE t SET v = ? WHERE p = 1", (UNSET,))
    assert isinstance(planned, WritePlan)
    assert planned.mutations(1)[0].mutation.partition.rows == ()


def test_lists_are_set_extended_and_changed_by_index(node: LocalNode) -> None:
    node.run("INSERT INTO t (p, l) VALUES (1, [1, 2])")
    node.run("UPDATE t SET l = l + [3, 4] WHERE p = 1")
    node.run("UPDATE t SET l = [-1, 0] + l WHERE p = 1")
    node.run("UPDATE t SET l = [-3, -2] + l WHERE p = 1")
    assert value(node, "l") == [-3, -2, -1, 0, 1, 2, 3, 4]
    node.run("UPDATE t SET l[4] = 10 WHERE p = 1")
    node.run("DELETE l[0] FROM t WHERE p = 1")
    node.run("UPDATE t SET l = l - [0, 4, 99] WHERE p = 1")
    assert value(node, "l") == [-2, -1, 10, 2, 3]
    node.run("UPDATE t SET l[0] = null WHERE p = 1")
    assert value(node, "l") == [-1, 10, 2, 3]
    node.run("UPDATE t SET l = [7] WHERE p = 1")
    assert value(node, "l") == [7]
    node.run("UPDATE t SET l = null WHERE p = 1")
    assert value(node, "l") is None


def test_index_that_a_list_has_not_is_refused(node: LocalNode) -> None:
    with pytest.raises(RequestError, match="on a list which is null"):
        node.run("UPDATE t SET l[0] = 1 WHERE p = 1")
    node.run("INSERT INTO t (p, l) VALUES (1, [1])")
    with pytest.raises(RequestError, match="List index 1 out of bound, list l has size 1"):
        node.run("UPDATE t SET l[1] = 1 WHERE p = 1")


def test_only_changes_by_index_or_value_of_a_list_read_first(node: LocalNode) -> None:
    for text, reads in (
        ("UPDATE t SET l = l + [1] WHERE p = 1", 0),
        ("UPDATE t SET l[0] = 1 WHERE p = 1", 1),
        ("UPDATE t SET l = l - [1] WHERE p = 1", 1),
        ("DELETE l[0] FROM t WHERE p = 1", 1),
        ("UPDATE t SET m['a'] = 1, s = s - {2} WHERE p = 1", 0),
    ):
        planned = node.plan(text)
        assert isinstance(planned, WritePlan)
        assert len(planned.prior_reads(node.moment)) == reads, text


def test_sets_and_maps_are_changed_by_element(node: LocalNode) -> None:
    node.run("INSERT INTO t (p, s, m) VALUES (1, {3, 1, 2}, {'b': 2, 'a': 1})")
    node.run("UPDATE t SET s = s + {4}, m = m + {'c': 3} WHERE p = 1")
    node.run("UPDATE t SET s = s - {1, 9}, m = m - {'a'}, m['d'] = 4 WHERE p = 1")
    assert value(node, "s") == {2, 3, 4}
    assert value(node, "m") == {"b": 2, "c": 3, "d": 4}
    node.run("DELETE s[2], m['b'] FROM t WHERE p = 1")
    node.run("UPDATE t SET m['c'] = null WHERE p = 1")
    assert value(node, "s") == {3, 4}
    assert value(node, "m") == {"d": 4}
    node.run("DELETE s, m FROM t WHERE p = 1")
    assert (value(node, "s"), value(node, "m")) == (None, None)


def test_negative_keys_sort_before_positive_ones_on_the_wire(node: LocalNode) -> None:
    (row,) = mutation_of(node, "INSERT INTO t (p, s) VALUES (1, {1, -1})").partition.rows
    cell = row.cells.columns[0].cell
    assert isinstance(cell, CollectionCell)
    assert [element.key for element in cell.elements] == [i32(-1), i32(1)]


def test_collection_as_a_whole_deletes_what_was_there_just_before(node: LocalNode) -> None:
    (row,) = mutation_of(node, "UPDATE t SET s = {1} WHERE p = 1").partition.rows
    cell = row.cells.columns[0].cell
    assert isinstance(cell, CollectionCell)
    assert cell.tombstone == deleted(node.now_us - 1, NOW_S)
    (row,) = mutation_of(node, "DELETE s FROM t WHERE p = 1").partition.rows
    assert row.cells.columns[0].cell == CollectionCell(tombstone=deleted(node.now_us, NOW_S), elements=())
    (row,) = mutation_of(node, "UPDATE t SET s = s + {1} WHERE p = 1").partition.rows
    cell = row.cells.columns[0].cell
    assert isinstance(cell, CollectionCell)
    assert cell.tombstone.timestamp == MISSING_TIMESTAMP


def test_user_defined_types_are_changed_by_field_unless_frozen(node: LocalNode) -> None:
    node.run("INSERT INTO t (p, u, f, tp) VALUES (1, {street: 'Main', zip: 7}, {zip: 8}, (1, 'x'))")
    node.run("UPDATE t SET u.zip = 9 WHERE p = 1")
    assert value(node, "u") == {"street": "Main", "zip": 9}
    assert value(node, "f") == {"street": None, "zip": 8}
    assert value(node, "tp") == (1, "x")
    assert node.rows("SELECT u.zip, f.zip, f.street FROM t WHERE p = 1") == [(9, 8, None)]
    node.run("DELETE u.street FROM t WHERE p = 1")
    assert value(node, "u") == {"street": None, "zip": 9}
    node.run("UPDATE t SET u = {street: 'Side'} WHERE p = 1")
    assert value(node, "u") == {"street": "Side", "zip": None}


def test_static_columns_are_written_without_a_row(node: LocalNode) -> None:
    node.run("INSERT INTO st (p, s) VALUES (1, 'a')")
    node.run("UPDATE st SET s = 'b' WHERE p = 1")
    assert node.rows("SELECT p, c, s FROM st") == [(1, None, "b")]
    mutation = mutation_of(node, "INSERT INTO st (p, c, s, v) VALUES (1, 2, 'x', 'y')")
    assert len(mutation.partition.static_row.columns) == 1
    assert len(mutation.partition.rows) == 1
    node.run("DELETE s FROM st WHERE p = 1")
    assert node.rows("SELECT * FROM st") == []


def test_counters_add_up(node: LocalNode) -> None:
    node.run("UPDATE counts SET a = a + 5, b = b - 2 WHERE p = 1")
    node.run("UPDATE counts SET a = a + ? WHERE p = 1", ((7).to_bytes(8, "big"),))
    assert node.rows("SELECT a, b FROM counts WHERE p = 1") == [(12, -2)]
    node.run("DELETE a FROM counts WHERE p = 1")
    assert node.rows("SELECT a, b FROM counts WHERE p = 1") == [(None, -2)]


def test_time_to_live_and_timestamp_are_those_of_the_statement(node: LocalNode) -> None:
    (row,) = mutation_of(
        node, "INSERT INTO t (p, v) VALUES (1, 'x') USING TTL 60 AND TIMESTAMP 7"
    ).partition.rows
    cell = row.cells.columns[0].cell
    assert isinstance(cell, ExpiringCell)
    assert (cell.ttl_s, cell.expiry, cell.cell.timestamp) == (60, NOW_S + 60, 7)
    node.run("UPDATE t USING TTL ? SET v = 'x' WHERE p = 1", (i32(60),))
    node.now_us += 59 * 10**6
    assert value(node, "v") == "x"
    node.now_us += 10**6
    assert node.rows("SELECT v FROM t WHERE p = 1") == []


def test_elements_in_front_have_older_keys_than_all_others(node: LocalNode) -> None:
    (row,) = mutation_of(node, "UPDATE t SET l = [1] + l WHERE p = 1").partition.rows
    cell = row.cells.columns[0].cell
    assert isinstance(cell, CollectionCell)
    # 2010, in ticks of a tenth of a microsecond since 1582.
    assert UUID(bytes=cell.elements[0].key).time < 134_816_832_000_000_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("UPDATE t SET x = 1 WHERE p = 1", "Unknown identifier x"),
        ("UPDATE t SET p = 1 WHERE p = 1", "PRIMARY KEY part p found in SET part"),
        ("DELETE p FROM t WHERE p = 1", "Invalid identifier p for deletion"),
        ("UPDATE t SET n = n + 1 WHERE p = 1", "for non counter column n"),
        ("UPDATE t SET f.zip = 1 WHERE p = 1", "for frozen UDT column f"),
        ("UPDATE t SET u.x = 1 WHERE p = 1", "does not have a field named x"),
        ("UPDATE t SET v.x = 1 WHERE p = 1", "Invalid operation (v.x)"),
        ("UPDATE t SET v[1] = 1 WHERE p = 1", "Invalid operation (v[1])"),
        ("UPDATE t SET fl = fl + [1] WHERE p = 1", "for non counter column fl"),
        ("UPDATE t SET s[1] = 1 WHERE p = 1", "Invalid operation (s[1] = 1)"),
        ("UPDATE t SET s = {1} + s WHERE p = 1", "Invalid operation ({1} + s)"),
        ("UPDATE t SET l = l + {1} WHERE p = 1", "Invalid set literal for l of type list<int>"),
        ("UPDATE t SET l = [null] WHERE p = 1", "null is not supported inside collections"),
        ("UPDATE t SET u = {x: 1} WHERE p = 1", "Unknown field 'x'"),
        ("UPDATE t SET tp = (1, 'x', 2) WHERE p = 1", "too many elements"),
        ("UPDATE counts SET a = 5 WHERE p = 1", "Cannot set the value of counter column a"),
        ("UPDATE counts SET a = a + null WHERE p = 1", "Invalid null value for counter increment"),
    ],
)
def test_what_cannot_be_done_with_a_column_is_refused(node: LocalNode, text: str, shown: str) -> None:
    with pytest.raises(RequestError) as error:
        node.run(text)
    assert error.value.code == ErrorCode.INVALID
    assert shown in error.value.text


def test_column_set_as_a_whole_cannot_be_set_once_more(node: LocalNode) -> None:
    for text in (
        "UPDATE t SET l = [1], l = [2] WHERE p = 1",
        "UPDATE t SET l = l + [1], l = [2] WHERE p = 1",
        "UPDATE t SET l = [1], l[0] = 2 WHERE p = 1",
    ):
        with pytest.raises(RequestError, match="Multiple incompatible setting of column l") as error:
            node.run(text)
        assert error.value.code == ErrorCode.SYNTAX_ERROR
