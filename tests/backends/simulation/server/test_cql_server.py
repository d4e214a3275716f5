"""The stock driver against a node's CQL port."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cassandra import (
    AlreadyExists,
    ConsistencyLevel,
    InvalidRequest,
    ProtocolVersion,
    Unavailable,
    WriteTimeout,
)
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import FallthroughRetryPolicy
from cassandra.protocol import SyntaxException
from cassandra.query import BatchStatement, BatchType, SimpleStatement

from harness.backends.simulation.cql.request_error import RequestError
from harness.codec.cql import errors
from harness.waiting import wait_until
from tests.backends.simulation.server.single_node import SingleNode, running_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    with running_node(tmp_path_factory.mktemp("node")) as found:
        found.run(
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        found.run("CREATE TABLE ks.t (a int, b int, c text, PRIMARY KEY (a, b))")
        yield found


def cluster_of(node: SingleNode, **options: Any) -> Cluster:  # noqa: ANN401  (the driver's)
    return Cluster(
        ["127.0.0.1"],
        port=node.port,
        execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(retry_policy=FallthroughRetryPolicy())},
        **options,
    )


@pytest.fixture(
    params=[(3, False), (4, False), (4, "lz4"), (4, "snappy")],
    ids=["v3", "v4", "lz4", "snappy"],
    scope="module",
)
def session(request: pytest.FixtureRequest, node: SingleNode) -> Iterator[Session]:
    version, compression = request.param
    cluster = cluster_of(node, protocol_version=version, compression=compression)
    yield cluster.connect("ks")
    cluster.shutdown()


@pytest.fixture(autouse=True)
def empty(node: SingleNode) -> None:
    node.run("TRUNCATE ks.t")
    node.roles.asked.clear()
    node.roles.before_write = None


def test_a_driver_that_offers_newer_versions_steps_down_to_4(node: SingleNode) -> None:
    cluster = cluster_of(node)
    cluster.connect()
    try:
        assert cluster.protocol_version == ProtocolVersion.V4
        (host,) = cluster.metadata.all_hosts()
        assert (host.datacenter, host.rack, host.release_version) == ("datacenter1", "rack1", "3.0.8")
        assert cluster.metadata.partitioner == "org.apache.cassandra.dht.Murmur3Partitioner"
    finally:
        cluster.shutdown()


def test_statements_with_and_without_values(session: Session) -> None:
    session.execute("INSERT INTO t (a, b, c) VALUES (1, 2, 'x')")
    session.execute("INSERT INTO t (a, b, c) VALUES (%s, %s, %s)", (1, 3, None))
    assert session.execute("SELECT * FROM t WHERE a = 1").all() == [(1, 2, "x"), (1, 3, None)]


def test_prepared_statements_take_values_by_position_and_by_name(session: Session) -> None:
    insert = session.prepare("INSERT INTO t (a, b, c) VALUES (?, :second, ?)")
    session.execute(insert, (1, 2, "x"))
    session.execute(insert, {"a": 1, "second": 3, "c": "y"})
    select = session.prepare("SELECT c, b FROM t WHERE a = ?")
    assert session.execute(select, (1,)).all() == [("x", 2), ("y", 3)]
    # Version 3 does not tell; the driver looks at the table instead.
    if session.cluster.protocol_version > ProtocolVersion.V3:
        assert insert.routing_key_indexes == [0]


def test_more_rows_than_a_page(session: Session) -> None:
    insert = session.prepare("INSERT INTO t (a, b, c) VALUES (?, ?, ?)")
    execute_concurrent_with_args(session, insert, [(1, number, "x") for number in range(250)])
    select = session.prepare("SELECT b FROM t WHERE a = ?")
    select.fetch_size = 100
    found = session.execute(select, (1,))
    assert len(found.current_rows) == 100
    assert found.has_more_pages
    assert [row.b for row in found] == list(range(250))


def test_200_requests_in_flight_are_answered_each_with_its_own(session: Session) -> None:
    insert = session.prepare("INSERT INTO t (a, b, c) VALUES (?, 0, ?)")
    select = session.prepare("SELECT c FROM t WHERE a = ?")
    keys = range(600)
    execute_concurrent_with_args(session, insert, [(key, f"value {key}") for key in keys], concurrency=200)
    found = execute_concurrent_with_args(session, select, [(key,) for key in keys], concurrency=200)
    assert [answer.result_or_exc.all() for answer in found] == [[(f"value {key}",)] for key in keys]


def test_batches_of_texts_and_of_prepared_statements(session: Session, node: SingleNode) -> None:
    insert = session.prepare("INSERT INTO t (a, b, c) VALUES (?, ?, ?)")
    batch = BatchStatement(BatchType.LOGGED, consistency_level=ConsistencyLevel.QUORUM)
    batch.add(insert, (1, 1, "x"))
    batch.add("INSERT INTO t (a, b) VALUES (2, 2)")
    session.execute(batch)
    assert sorted(session.execute("SELECT a, b, c FROM t").all()) == [(1, 1, "x"), (2, 2, None)]
    assert [str(asked[0]) for asked in node.roles.asked][:1] == ["WriteType.BATCH"]


def test_conditional_writes_tell_whether_they_were_applied(session: Session) -> None:
    text = "INSERT INTO t (a, b, c) VALUES (1, 1, 'x') IF NOT EXISTS"
    assert session.execute(text).was_applied
    refused = session.execute(text)
    assert not refused.was_applied
    assert refused.one().c == "x"


def test_use_holds_for_the_connection(node: SingleNode) -> None:
    cluster = cluster_of(node)
    session = cluster.connect()
    try:
        with pytest.raises(InvalidRequest):
            session.execute("SELECT * FROM t")
        session.execute("USE ks")
        assert session.execute("SELECT * FROM t").all() == []
    finally:
        cluster.shutdown()


def test_a_prepared_statement_is_prepared_again_behind_the_client_s_back(
    node: SingleNode, session: Session
) -> None:
    node.run("CREATE TABLE ks.grows (a int PRIMARY KEY)")
    try:
        select = session.prepare("SELECT * FROM grows")
        assert session.execute(select).column_names == ["a"]
        node.run("ALTER TABLE ks.grows ADD b int")
        session.execute("INSERT INTO grows (a, b) VALUES (1, 2)")
        assert session.execute(select).all() == [(1, 2)]
    finally:
        node.run("DROP TABLE ks.grows")


def test_changes_of_the_schema_are_told_to_those_who_asked(node: SingleNode) -> None:
    cluster = cluster_of(node, schema_event_refresh_window=-1)
    session = cluster.connect()
    heard: list[Any] = []
    came = threading.Event()

    def hear(event: Any) -> None:  # noqa: ANN401  (the driver's)
        heard.append(event)
        came.set()

    try:
        cluster.control_connection._connection.register_watcher("SCHEMA_CHANGE", hear)
        node.run("CREATE TABLE ks.told (a int PRIMARY KEY)")
        assert came.wait(10)
        assert heard == [
            {"target_type": "TABLE", "change_type": "CREATED", "keyspace": "ks", "table": "told"}
        ]
    finally:
        session.execute("DROP TABLE ks.told")
        cluster.shutdown()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("SELEC 1", SyntaxException, "no viable alternative at input 'SELEC'"),
        ("SELECT * FROM nothing", InvalidRequest, "unconfigured table nothing"),
        (
            "SELECT * FROM system_virtual_schema.keyspaces",
            InvalidRequest,
            "system_virtual_schema does not exist",
        ),
        ("CREATE TABLE t (a int PRIMARY KEY)", AlreadyExists, "'ks.t' already exists"),
        ("INSERT INTO t (a, b, d) VALUES (1, 2, 3)", InvalidRequest, "Unknown identifier d"),
    ],
)
def test_what_is_refused_says_why(session: Session, text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        session.execute(text)


def test_errors_come_with_their_numbers(session: Session, node: SingleNode) -> None:
    async def times_out() -> None:
        raise RequestError(
            errors.ErrorCode.WRITE_TIMEOUT,
            "Operation timed out for ks.t - received only 2 responses from 3 CL=ALL.",
            errors.WriteTimeout(consistency=5, received=2, required=3, write_type="SIMPLE"),
        )

    node.roles.before_write = times_out
    with pytest.raises(WriteTimeout) as caught:
        session.execute(
            SimpleStatement("INSERT INTO t (a, b) VALUES (1, 1)", consistency_level=ConsistencyLevel.ALL)
        )
    assert (caught.value.received_responses, caught.value.required_responses) == (2, 3)

    async def is_unavailable() -> None:
        raise RequestError(
            errors.ErrorCode.UNAVAILABLE,
            "Cannot achieve consistency level for cl ALL. Requires 3, alive 2",
            errors.Unavailable(consistency=5, required=3, alive=2),
        )

    node.roles.before_write = is_unavailable
    with pytest.raises(Unavailable) as unavailable:
        session.execute("INSERT INTO t (a, b) VALUES (1, 1)")
    assert (unavailable.value.required_replicas, unavailable.value.alive_replicas) == (3, 2)


def test_connections_that_end_are_forgotten(tmp_path: Path) -> None:
    # A node of its own: drivers of other tests hear that tables are made, and connect anew when that takes long.
    with running_node(tmp_path) as node:
        cluster = cluster_of(node, protocol_version=4)
        try:
            # To be kept: the driver forgets sessions that nobody holds, and closes their connections.
            session = cluster.connect()
            assert node.server.clients_count == 2
            session.shutdown()
            assert wait_until(lambda: node.server.clients_count == 1, timeout_s=10)
        finally:
            cluster.shutdown()
        assert wait_until(lambda: node.server.clients_count == 0, timeout_s=10)
