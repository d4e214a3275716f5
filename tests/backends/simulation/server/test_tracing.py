"""What the stock driver finds of a trace, and what is written for it."""

from collections.abc import Iterator

import pytest
from cassandra.cluster import Cluster, Session
from cassandra.query import BatchStatement

from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.server.single_node import SingleNode, running_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    with running_node(tmp_path_factory.mktemp("node")) as found:
        found.run(
            "CREATE KEYSPACE demo3 WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
        )
        found.run("CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)")
        yield found


@pytest.fixture
def session(node: SingleNode) -> Iterator[Session]:
    node.roles.asked.clear()
    node.roles.traces.clear()
    cluster = Cluster(["127.0.0.1"], port=node.port, protocol_version=4)
    yield cluster.connect()
    cluster.shutdown()


# base/tracing.pcapng of Scylla 4.2 has the same statement.
INSERT = "INSERT INTO demo3.map (id, country) VALUES (17, 'Germany')"


def test_a_traced_query_says_where_its_trace_is(session: Session) -> None:
    trace = session.execute(INSERT, trace=True).get_query_trace()
    assert (trace.request_type, str(trace.coordinator), str(trace.client)) == (
        "Execute CQL3 query",
        "127.0.0.1",
        "127.0.0.1",
    )
    assert set(trace.parameters) == {
        "consistency_level",
        "page_size",
        "query",
        "serial_consistency_level",
        "user_timestamp",
    }
    assert trace.parameters["query"] == INSERT
    assert trace.parameters["serial_consistency_level"] == "SERIAL"
    assert [event.description for event in trace.events] == [
        "Parsing a statement",
        "Processing a statement",
        "Done processing - preparing a result",
    ]
    ((request_size, response_size),) = session.execute(
        "SELECT request_size, response_size FROM system_traces.sessions WHERE session_id = %s",
        (trace.trace_id,),
    )
    assert (request_size, response_size) == (77, 20)


def test_a_trace_is_written_in_three_writes_and_lives_a_day(session: Session, node: SingleNode) -> None:
    trace_id = session.execute(INSERT, trace=True).get_query_trace().trace_id
    written = [asked for asked in node.roles.asked if asked[0] == "timeout" or asked[0] is WriteType.SIMPLE]
    wanted = [("timeout", 5000), (WriteType.SIMPLE, ConsistencyLevel.ANY, 1)]
    assert written[1:] == wanted * 3
    ((ttl_s,),) = session.execute(
        "SELECT ttl(duration) FROM system_traces.sessions WHERE session_id = %s", (trace_id,)
    )
    assert ttl_s in {86_398, 86_399, 86_400}
    by_time = session.execute(
        "SELECT minute, started_at, session_id FROM system_traces.sessions_time_idx"
    ).all()
    assert trace_id in [row.session_id for row in by_time]
    assert all(row.minute.second == 0 and row.minute <= row.started_at for row in by_time)


def test_replicas_are_told_to_trace_their_part(session: Session, node: SingleNode) -> None:
    trace_id = session.execute(INSERT, trace=True).get_query_trace().trace_id
    (told,) = node.roles.traces
    assert (told.session_id, told.type, told.write_on_close) == (trace_id, 1, True)
    assert (told.properties, told.slow_threshold_us, told.slow_ttl_s) == (11, 500_000, 86_400)
    assert told.parent.value < 2**48


def test_a_prepared_statement_is_named_by_its_text(session: Session) -> None:
    select = session.prepare("SELECT * FROM demo3.map WHERE id = ?")
    trace = session.execute(select, (17,), trace=True).get_query_trace()
    assert trace.request_type == "Execute CQL3 prepared query"
    assert trace.parameters["query"] == "SELECT * FROM demo3.map WHERE id = ?"
    assert trace.parameters["param[0]"] == "17"


def test_values_in_a_batch_are_told_by_statement(session: Session) -> None:
    insert = session.prepare("INSERT INTO demo3.map (id, country) VALUES (?, ?)")
    batch = BatchStatement()
    batch.add(insert, (1, "x" * 70))
    batch.add(insert, (2, None))
    trace = session.execute(batch, trace=True).get_query_trace()
    told = {name: text for name, text in trace.parameters.items() if name.startswith("param")}
    assert told == {
        "param[0][0]": "1",
        "param[0][1]": "x" * 64 + "...",
        "param[1][0]": "2",
        "param[1][1]": "null",
    }


def test_what_was_not_asked_for_is_not_traced(session: Session, node: SingleNode) -> None:
    assert session.execute(INSERT).get_query_trace() is None
    assert node.roles.traces == []
