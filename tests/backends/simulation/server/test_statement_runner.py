from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.server.client_state import ClientState
from harness.backends.simulation.world import Endpoint
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.consistency import Consistency
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.requests import Batch, BatchStatement, Execute, Prepare, Query, query_parameters
from harness.codec.cql.results import FLAG_NO_METADATA, PreparedResult, Rows, SchemaChanged, Void
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.server.single_node import SingleNode, running_node

TABLES = (
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE ks.t (a int, b int, l list<int>, PRIMARY KEY (a, b))",
    "CREATE TABLE ks.hits (a int PRIMARY KEY, n counter)",
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    with running_node(tmp_path_factory.mktemp("node")) as found:
        for text in TABLES:
            found.run(text)
        yield found


@pytest.fixture(autouse=True)
def nothing_asked(node: SingleNode) -> None:
    node.roles.asked.clear()


def client() -> ClientState:
    return ClientState(Endpoint("127.0.0.1", 50_000), keyspace="ks")


def run(
    node: SingleNode,
    text: str,
    consistency: Consistency = Consistency.QUORUM,
    serial: Consistency | None = None,
) -> object:
    parameters = query_parameters(consistency, serial_consistency=serial)
    return node.call(node.runner.run(Query(query=text, parameters=parameters), client()))


def batch(node: SingleNode, kind: int, *texts: str) -> object:
    statements = tuple(BatchStatement(query=text, statement_id=None) for text in texts)
    request = Batch(batch_type=kind, statements=statements, parameters=query_parameters(Consistency.QUORUM))
    return node.call(node.runner.run(request, client()))


QUORUM = ConsistencyLevel.QUORUM
ONE, OTHER = "INSERT INTO t (a, b) VALUES (1, 1)", "INSERT INTO t (a, b) VALUES (2, 1)"


def test_writes_are_named_by_how_many_partitions_they_write(node: SingleNode) -> None:
    run(node, ONE)
    batch(node, 1, ONE, OTHER)
    batch(node, 0, ONE, OTHER)
    batch(node, 0, ONE, ONE)
    run(node, "DELETE FROM t WHERE a IN (1, 2)")
    run(node, "UPDATE hits SET n = n + 1 WHERE a = 1")
    assert node.roles.asked == [
        (WriteType.SIMPLE, QUORUM, 1),
        (WriteType.UNLOGGED_BATCH, QUORUM, 2),
        (WriteType.BATCH, QUORUM, 2),
        (WriteType.SIMPLE, QUORUM, 1),
        (WriteType.UNLOGGED_BATCH, QUORUM, 2),
        (WriteType.COUNTER, QUORUM, 1),
    ]


def test_an_empty_batch_writes_nothing(node: SingleNode) -> None:
    assert batch(node, 0) == Void()
    assert node.roles.asked == []


def test_serial_reads_and_conditional_writes_go_through_paxos(node: SingleNode) -> None:
    run(node, f"{ONE} IF NOT EXISTS", serial=Consistency.LOCAL_SERIAL)
    run(node, f"{ONE} IF NOT EXISTS")
    run(node, "SELECT * FROM t WHERE a = 1", Consistency.SERIAL)
    assert node.roles.asked[:3] == [
        ("paxos", QUORUM, ConsistencyLevel.LOCAL_SERIAL),
        ("paxos", QUORUM, ConsistencyLevel.SERIAL),
        ("paxos read", ConsistencyLevel.SERIAL),
    ]


def test_a_write_that_depends_on_rows_reads_them_first(node: SingleNode) -> None:
    run(node, "UPDATE t SET l = [1, 2] WHERE a = 5 AND b = 1")
    node.roles.asked.clear()
    run(node, "UPDATE t SET l[0] = 7 WHERE a = 5 AND b = 1")
    assert node.roles.asked == [("read", QUORUM), (WriteType.SIMPLE, QUORUM, 1)]


@pytest.mark.parametrize(
    ("text", "consistency", "code"),
    [
        ("SELECT * FROM t", Consistency.ANY, ErrorCode.INVALID),
        ("SELECT * FROM t", Consistency.EACH_QUORUM, ErrorCode.INVALID),
        (ONE, Consistency.SERIAL, ErrorCode.INVALID),
        (f"{ONE} IF NOT EXISTS", Consistency.SERIAL, ErrorCode.INVALID),
        ("UPDATE hits SET n = n + 1 WHERE a = 1", Consistency.ANY, ErrorCode.INVALID),
        ("UPDATE t SET l[0] = 7 WHERE a = 5 AND b = 1", Consistency.ANY, ErrorCode.INVALID),
    ],
)
def test_levels_that_make_no_sense_are_refused_before_anything_is_done(
    node: SingleNode, text: str, consistency: Consistency, code: ErrorCode
) -> None:
    with pytest.raises(RequestError) as caught:
        run(node, text, consistency)
    assert caught.value.code == code
    assert node.roles.asked == []


def test_a_level_without_a_name_breaks_the_protocol(node: SingleNode) -> None:
    request = Query(query=ONE, parameters=replace(query_parameters(1), consistency=17))
    with pytest.raises(RequestError) as caught:
        node.call(node.runner.run(request, client()))
    assert caught.value.code == ErrorCode.PROTOCOL_ERROR


def test_a_condition_takes_no_level_of_other_writes(node: SingleNode) -> None:
    with pytest.raises(RequestError):
        run(node, f"{ONE} IF NOT EXISTS", serial=Consistency.QUORUM)


def test_rows_come_without_metadata_if_the_client_has_it(node: SingleNode) -> None:
    prepared = node.call(node.runner.run(Prepare(query="SELECT * FROM t WHERE a = ?"), client()))
    assert isinstance(prepared, PreparedResult)
    node.call(node.runner.run(Query(query=ONE, parameters=query_parameters(1)), client()))
    execute = Execute(
        statement_id=prepared.statement_id,
        parameters=query_parameters(1, (b"\0\0\0\1",), skip_metadata=True),
    )
    rows = node.call(node.runner.run(execute, client()))
    assert isinstance(rows, Rows)
    assert (rows.metadata.flags, rows.metadata.columns_count, rows.metadata.columns) == (
        FLAG_NO_METADATA,
        3,
        (),
    )
    assert len(rows.rows) == 1


def test_changes_of_the_schema_tell_what_they_did_and_if_not_exists_nothing(node: SingleNode) -> None:
    created = run(node, "CREATE TABLE IF NOT EXISTS told (a int PRIMARY KEY)")
    assert isinstance(created, SchemaChanged)
    assert (created.change.change, created.change.target, created.change.name) == ("CREATED", "TABLE", "told")
    assert run(node, "CREATE TABLE IF NOT EXISTS told (a int PRIMARY KEY)") == Void()


def test_timestamps_of_the_node_never_repeat(node: SingleNode) -> None:
    for number in range(3):
        run(node, f"INSERT INTO t (a, b, l) VALUES (9, {number}, [])")
    found = [node.runner._timestamp_us(query_parameters(1)) for _ in range(100)]
    assert found == sorted(set(found))


def test_the_timestamp_of_the_client_is_taken(node: SingleNode, tmp_path: Path) -> None:
    node.run("CREATE TABLE ks.stamped (a int PRIMARY KEY, b int)")
    parameters = query_parameters(1, default_timestamp_us=1_600_000_000_000_000)
    insert = Query(query="INSERT INTO stamped (a, b) VALUES (1, 1)", parameters=parameters)
    node.call(node.runner.run(insert, client()))
    rows = run(node, "SELECT writetime(b) FROM stamped")
    assert isinstance(rows, Rows)
    assert rows.values() == ((1_600_000_000_000_000,),)
