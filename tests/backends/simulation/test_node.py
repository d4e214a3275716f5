"""Whole nodes: what changes of the schema do to data on all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cassandra import InvalidRequest
from cassandra.metadata import TableMetadata

from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.errors import BackendError
from tests.backends.simulation.tables import i32, inserted, live, partition_with
from tests.backends.simulation.whole_nodes import WholeNodes, whole_nodes

KEYSPACE = "CREATE KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': {}}}"
NODES = range(3)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeNodes]:
    with whole_nodes(3, tmp_path_factory.mktemp("nodes")) as running:
        yield running


@pytest.fixture
def keyspace(nodes: WholeNodes, request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the test's own."""
    name = f"k{abs(hash(request.node.name)) % 10**9}"
    nodes.run(KEYSPACE.format(name, 3))
    yield name
    nodes.run(f"DROP KEYSPACE {name}")


def agree(nodes: WholeNodes) -> None:
    """Return when all nodes have the same schema."""
    nodes.until(lambda: len({node.node._schema.version for node in nodes.nodes}) == 1)


def everywhere(nodes: WholeNodes, text: str) -> list[tuple[object, ...]]:
    """Have each node run a SELECT; all give the same rows."""
    agree(nodes)
    found = [nodes.run(text, at=index) for index in NODES]
    assert found[1:] == found[:1] * (len(found) - 1)
    return found[0]


def eventually(nodes: WholeNodes, text: str, rows: list[tuple[object, ...]]) -> None:
    """Return when each node finds these rows, in some order."""
    for index in NODES:
        for _ in range(500):
            found = sorted(nodes.run(text, at=index))
            if found == rows:
                break
        assert found == rows


def test_a_dropped_column_is_gone_and_comes_back_empty(nodes: WholeNodes, keyspace: str) -> None:
    nodes.run(f"CREATE TABLE {keyspace}.t (p int, c int, v text, w int, PRIMARY KEY (p, c))")
    nodes.run(f"INSERT INTO {keyspace}.t (p, c, v, w) VALUES (1, 1, 'old', 5)", at=1)
    nodes.run(f"ALTER TABLE {keyspace}.t DROP v", at=2)
    assert everywhere(nodes, f"SELECT * FROM {keyspace}.t") == [(1, 1, 5)]
    nodes.run(f"ALTER TABLE {keyspace}.t ADD v int", at=1)
    assert everywhere(nodes, f"SELECT p, c, v, w FROM {keyspace}.t") == [(1, 1, None, 5)]
    nodes.run(f"UPDATE {keyspace}.t SET v = 7 WHERE p = 1 AND c = 1", at=2)
    assert everywhere(nodes, f"SELECT v FROM {keyspace}.t") == [(7,)]
    dropped = everywhere(
        nodes,
        f"SELECT column_name, type FROM system_schema.dropped_columns WHERE keyspace_name = '{keyspace}'",
    )
    assert dropped == [("v", "text")]


def test_a_renamed_key_column_has_its_new_name_in_tables_and_views(nodes: WholeNodes, keyspace: str) -> None:
    nodes.run(f"CREATE TABLE {keyspace}.t (p int, c int, v int, PRIMARY KEY (p, c))")
    nodes.run(f"INSERT INTO {keyspace}.t (p, c, v) VALUES (1, 2, 3)")
    nodes.run(
        f"CREATE MATERIALIZED VIEW {keyspace}.m AS SELECT * FROM {keyspace}.t WHERE v IS NOT NULL AND p IS NOT NULL"
        " AND c IS NOT NULL PRIMARY KEY (v, p, c)"
    )
    agree(nodes)
    nodes.run(f"ALTER TABLE {keyspace}.t RENAME c TO cc", at=1)
    assert everywhere(nodes, f"SELECT p, cc, v FROM {keyspace}.t WHERE p = 1 AND cc = 2") == [(1, 2, 3)]
    eventually(nodes, f"SELECT v, p, cc FROM {keyspace}.m", [(3, 1, 2)])
    nodes.run(f"INSERT INTO {keyspace}.t (p, cc, v) VALUES (1, 9, 4)", at=2)
    eventually(nodes, f"SELECT v, p, cc FROM {keyspace}.m WHERE v = 4", [(4, 1, 9)])
    (where,) = everywhere(
        nodes, f"SELECT where_clause FROM system_schema.views WHERE keyspace_name = '{keyspace}'"
    )
    assert where == ("v IS NOT null AND p IS NOT null AND cc IS NOT null",)


def test_a_type_gets_fields_while_there_are_values_of_it(nodes: WholeNodes, keyspace: str) -> None:
    nodes.run(f"CREATE TYPE {keyspace}.place (street text, zip int)")
    nodes.run(f"CREATE TABLE {keyspace}.t (p int PRIMARY KEY, at frozen<place>, all_of list<frozen<place>>)")
    nodes.run(f"INSERT INTO {keyspace}.t (p, at, all_of) VALUES (1, {{street: 's', zip: 1}}, [{{zip: 2}}])")
    nodes.run(f"ALTER TYPE {keyspace}.place ADD town text", at=1)
    agree(nodes)
    nodes.run(f"INSERT INTO {keyspace}.t (p, at) VALUES (2, {{zip: 2, town: 'b'}})", at=2)
    nodes.run(f"ALTER TYPE {keyspace}.place RENAME zip TO code", at=2)
    rows = everywhere(nodes, f"SELECT p, at.street, at.code, at.town FROM {keyspace}.t")
    assert sorted(rows) == [(1, "s", 1, None), (2, None, 2, "b")]
    with pytest.raises(InvalidRequest, match="still used by table"):
        nodes.run(f"DROP TYPE {keyspace}.place")
    nodes.run(f"DROP TABLE {keyspace}.t", at=1)
    agree(nodes)
    nodes.run(f"DROP TYPE {keyspace}.place", at=2)
    of_keyspace = f"SELECT type_name FROM system_schema.types WHERE keyspace_name = '{keyspace}'"
    assert everywhere(nodes, of_keyspace) == []


def test_an_index_finds_what_was_there_before_it(nodes: WholeNodes, keyspace: str) -> None:
    nodes.run(
        f"CREATE TABLE {keyspace}.t (p int, q int, c int, v int, fl frozen<list<int>>, PRIMARY KEY ((p, q), c))"
    )
    for number in range(12):
        nodes.run(
            f"INSERT INTO {keyspace}.t (p, q, c, v, fl) VALUES ({number}, {number % 2}, {number % 3}, {number % 4},"
            f" [1, {number % 2}])",
            at=number % 3,
        )
    for target in ("q", "c", "v", "(p, q), v", "FULL(fl)"):
        nodes.run(f"CREATE INDEX ON {keyspace}.t ({target})", at=1)
    agree(nodes)
    select = f"SELECT p FROM {keyspace}.t WHERE "
    eventually(nodes, select + "q = 1", [(1,), (3,), (5,), (7,), (9,), (11,)])
    eventually(nodes, select + "c = 2", [(2,), (5,), (8,), (11,)])
    eventually(nodes, select + "v = 3", [(3,), (7,), (11,)])
    eventually(nodes, select + "p = 7 AND q = 1 AND v = 3", [(7,)])
    eventually(nodes, select + "fl = [1, 0]", [(0,), (2,), (4,), (6,), (8,), (10,)])
    nodes.run(f"UPDATE {keyspace}.t SET v = 30 WHERE p = 3 AND q = 1 AND c = 0", at=2)
    eventually(nodes, select + "v = 3", [(7,), (11,)])
    eventually(nodes, select + "v = 30", [(3,)])


def test_a_column_that_an_index_is_on_can_be_dropped_when_the_index_is_gone(
    nodes: WholeNodes, keyspace: str
) -> None:
    nodes.run(f"CREATE TABLE {keyspace}.t (p int PRIMARY KEY, v int, w int)")
    nodes.run(f"CREATE INDEX by_v ON {keyspace}.t (v)", at=1)
    agree(nodes)
    with pytest.raises(InvalidRequest, match="by_v_index"):
        nodes.run(f"ALTER TABLE {keyspace}.t DROP v", at=2)
    nodes.run(f"DROP INDEX {keyspace}.by_v", at=2)
    agree(nodes)
    nodes.run(f"ALTER TABLE {keyspace}.t DROP v", at=1)
    assert everywhere(nodes, f"SELECT * FROM {keyspace}.t") == []
    of_keyspace = f"WHERE keyspace_name = '{keyspace}'"
    assert everywhere(nodes, f"SELECT index_name FROM system_schema.indexes {of_keyspace}") == []
    assert everywhere(nodes, f"SELECT view_name FROM system_schema.views {of_keyspace}") == []


def test_a_dropped_keyspace_comes_back_empty(nodes: WholeNodes) -> None:
    for _ in range(2):
        nodes.run(KEYSPACE.format("again", 3))
        nodes.run("CREATE TABLE again.t (p int PRIMARY KEY, v int)", at=1)
        assert everywhere(nodes, "SELECT * FROM again.t") == []
        nodes.run("INSERT INTO again.t (p, v) VALUES (1, 1)", at=2)
        nodes.run("DROP KEYSPACE again", at=2)
        agree(nodes)


def test_altered_keyspaces_and_views_have_what_was_said_last(nodes: WholeNodes, keyspace: str) -> None:
    """Of durable_writes: where ALTER KEYSPACE says nothing, the writes become durable again, as in Scylla.

    Source: Scylla, cql3/statements/ks_prop_defs.cc (as_ks_metadata_update).
    """
    read = (
        f"SELECT durable_writes, replication FROM system_schema.keyspaces WHERE keyspace_name = '{keyspace}'"
    )
    nodes.run(f"ALTER KEYSPACE {keyspace} WITH durable_writes = false", at=1)
    simple = {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "3"}
    ((durable, replication),) = everywhere(nodes, read)
    assert (durable, dict(replication)) == (False, simple)  # type: ignore[call-overload]  # the driver's map
    nodes.run(KEYSPACE.format(keyspace, 2).replace("CREATE", "ALTER"), at=2)
    ((durable, replication),) = everywhere(nodes, read)
    assert (durable, replication["replication_factor"]) == (True, "2")  # type: ignore[index]  # the same
    nodes.run(f"CREATE TABLE {keyspace}.t (p int PRIMARY KEY, v int)")
    nodes.run(
        f"CREATE MATERIALIZED VIEW {keyspace}.m AS SELECT * FROM {keyspace}.t WHERE v IS NOT NULL AND p IS NOT NULL"
        " PRIMARY KEY (v, p)"
    )
    nodes.run(f"ALTER MATERIALIZED VIEW {keyspace}.m WITH comment = 'hi' AND gc_grace_seconds = 5", at=2)
    assert everywhere(
        nodes,
        f"SELECT comment, gc_grace_seconds FROM system_schema.views WHERE keyspace_name = '{keyspace}'",
    ) == [("hi", 5)]


def test_the_driver_knows_what_other_nodes_have_changed(nodes: WholeNodes, keyspace: str) -> None:
    nodes.run(f"CREATE TABLE {keyspace}.t (p int PRIMARY KEY, v int)", at=1)
    nodes.run(f"ALTER TABLE {keyspace}.t ADD w text", at=2)
    nodes.run(f"CREATE INDEX by_w ON {keyspace}.t (w)", at=1)
    agree(nodes)
    metadata = nodes.session(0).cluster.metadata

    def known() -> TableMetadata | None:
        found = metadata.keyspaces.get(keyspace)
        table: TableMetadata | None = None if found is None else found.tables.get("t")
        return table if table is not None and table.indexes else None

    nodes.until(known)
    table = known()
    assert table is not None
    assert {name: column.cql_type for name, column in table.columns.items()} == {
        "p": "int",
        "v": "int",
        "w": "text",
    }
    assert list(table.indexes) == ["by_w"]


def test_a_node_with_a_shorter_journal_knows_what_it_knew(tmp_path: Path) -> None:
    with whole_nodes(1, tmp_path) as nodes:
        nodes.run(KEYSPACE.format("k", 1))
        nodes.run("CREATE TABLE k.t (p int, c int, v text, w int, PRIMARY KEY (p, c))")
        nodes.run("CREATE TABLE k.n (p int PRIMARY KEY, v counter)")
        nodes.run("CREATE TABLE k.gone (p int PRIMARY KEY)")
        nodes.run("CREATE TABLE k.emptied (p int PRIMARY KEY)")
        for number in range(30):
            nodes.run(f"INSERT INTO k.t (p, c, v, w) VALUES ({number % 3}, 1, '{number}', 1)")
            nodes.run("UPDATE k.n SET v = v + 2 WHERE p = 1")
            nodes.run(f"INSERT INTO k.gone (p) VALUES ({number})")
            nodes.run(f"INSERT INTO k.emptied (p) VALUES ({number})")
            nodes.run(f"INSERT INTO k.t (p, c, v) VALUES (7, 7, '{number}') IF NOT EXISTS")
        nodes.run("DELETE FROM k.t WHERE p = 0")
        nodes.run("ALTER TABLE k.t DROP w")
        nodes.run("DROP TABLE k.gone")
        nodes.run("TRUNCATE k.emptied")
        before = sorted(nodes.run("SELECT * FROM k.t"))
        assert before == [(1, 1, "28"), (2, 1, "29"), (7, 7, "0")]
        nodes.disconnect(0)
        nodes.call(nodes[0].stop())
        longer = (tmp_path / "n1" / "journal").stat().st_size
        nodes.call(nodes[0].start(is_shortened=True))
        assert (tmp_path / "n1" / "journal").stat().st_size < longer
        assert sorted(nodes.run("SELECT * FROM k.t")) == before
        assert nodes.run("SELECT * FROM k.n") == [(1, 60)]
        assert nodes.run("SELECT * FROM k.emptied") == []
        (applied, *_) = nodes.run("INSERT INTO k.t (p, c, v) VALUES (7, 7, 'x') IF NOT EXISTS")[0]
        assert applied is False
        # And once more, from the shorter one.
        nodes.disconnect(0)
        nodes.call(nodes[0].stop())
        nodes.call(nodes[0].start())
        assert sorted(nodes.run("SELECT * FROM k.t")) == before


def test_a_node_that_was_decommissioned_does_not_start_again(tmp_path: Path) -> None:
    """Source: Scylla (branch 4.2), service/storage_service.cc (prepare_to_join, unbootstrap)."""
    with whole_nodes(2, tmp_path, write_request_timeout_in_ms=250) as nodes:
        nodes.run(KEYSPACE.format("k", 1))
        nodes.run("CREATE TABLE k.t (p int PRIMARY KEY, v int)")
        agree(nodes)
        # A batch in the log of the leaver, whose coordinator is gone.
        table = nodes[0].context.catalog.table("k", "t")
        assert table is not None
        batchlog = nodes[1].node._writes.batchlog
        lost = [
            mutation_of(table, (i32(key),), partition_with(table, (), {"v": live(i32(5), 1)}))
            for key in range(8)
        ]
        nodes.call(at_once(lambda: nodes[1].context.storage.apply(batchlog._entry((bytes(16),), lost))))
        # Younger than twice the timeout of writes, it would be left to its coordinator.
        kept_us = nodes[1].context.world.now_us
        nodes.until(lambda: nodes[1].context.world.now_us > kept_us + 510_000)
        nodes.call(nodes[1].node._membership.decommission())
        nodes.call(nodes[1].stop())
        assert len(nodes.run("SELECT v FROM k.t")) == 8
        with pytest.raises(BackendError, match="This node was decommissioned and will not rejoin the ring"):
            nodes.call(nodes[1].start())


async def at_once(work: Callable[[], object]) -> None:
    work()


def test_a_hint_from_before_a_column_was_dropped_does_not_fill_the_new_one(
    nodes: WholeNodes, keyspace: str
) -> None:
    nodes.run(f"CREATE TABLE {keyspace}.t (p int PRIMARY KEY, v text, l list<int>, w int)")
    agree(nodes)
    before = nodes[0].context.catalog.table(keyspace, "t")
    assert before is not None
    late_us = nodes[0].context.world.now_us
    nodes.run(f"ALTER TABLE {keyspace}.t DROP v", at=1)
    nodes.run(f"ALTER TABLE {keyspace}.t DROP w", at=1)
    nodes.run(f"ALTER TABLE {keyspace}.t ADD v int", at=2)
    agree(nodes)
    cells = {"v": live(b"text of before", late_us), "w": live(i32(5), late_us)}
    late = mutation_of(before, (i32(1),), partition_with(before, (), cells, marker=inserted(late_us)))
    for node in nodes.nodes:
        nodes.call(node.node._writes.replica.apply(late))
    assert everywhere(nodes, f"SELECT p, v FROM {keyspace}.t WHERE p = 1") == [(1, None)]
    nodes.run(f"UPDATE {keyspace}.t SET v = 3 WHERE p = 1")
    assert everywhere(nodes, f"SELECT p, v FROM {keyspace}.t WHERE p = 1") == [(1, 3)]
