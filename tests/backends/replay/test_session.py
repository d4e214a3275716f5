from pathlib import Path

import cassandra
import pytest
from cassandra import ConsistencyLevel
from cassandra.query import BatchStatement, SimpleStatement

from harness.backends.replay.cluster import ReplayCluster
from harness.dissect.reading import read_context, read_trace
from harness.errors import BackendError
from tests.backends.conftest import Replay
from tests.written.written_capture import INSERT

SCAN = "SELECT * FROM demo3.scan"
PREPARED = "INSERT INTO demo3.map (id, country, capital) VALUES (?, ?, ?)"


def test_rows_come_as_named_tuples(demo: ReplayCluster) -> None:
    first = demo.session().execute(INSERT)
    assert first.was_applied
    assert first.one().applied is True
    assert first.column_names is not None
    assert first.column_names[0] == "[applied]"
    second = demo.session().execute(INSERT)
    assert not second.was_applied
    row = second.one()
    assert (row.id, row.country, row.capital) == (17, "Germany", "Berlin")
    assert [row.id for row in second] == [17]
    assert len(second.all()) == 1


def test_parameters_are_written_into_the_text_as_the_driver_writes_them(demo: ReplayCluster) -> None:
    session = demo.session()
    text = "INSERT INTO demo.map (id, country, capital) VALUES (%s, %s, %s) IF NOT EXISTS"
    assert session.execute(text, (17, "Germany", "Berlin")).was_applied
    named = "INSERT INTO demo.map (id, country, capital) VALUES (%(id)s, %(a)s, 'Berlin') IF NOT EXISTS"
    assert not session.execute(named, {"id": 17, "a": "Germany"}).was_applied


def test_consistency_and_coordinator_have_to_fit_if_they_are_given(demo: ReplayCluster) -> None:
    statement = SimpleStatement(INSERT, consistency_level=ConsistencyLevel.QUORUM)
    assert demo.session(demo.node("n1")).execute(statement).was_applied
    with pytest.raises(BackendError, match="at QUORUM to n3"):
        demo.session(demo.node("n3")).execute(statement)
    with pytest.raises(BackendError, match="at ALL"):
        demo.session().execute(SimpleStatement(INSERT, consistency_level=ConsistencyLevel.ALL))


def test_statements_can_be_sent_before_their_answers_are_asked_for(demo: ReplayCluster) -> None:
    answers = [demo.session().execute_async(INSERT) for _ in range(2)]
    assert [answer.result().was_applied for answer in reversed(answers)] == [False, True]


def test_what_is_given_lies_before_the_capture(demo: ReplayCluster) -> None:
    with demo.given("a row"):
        assert demo.session().execute("INSERT INTO demo.map (id) VALUES (1)").all() == []
        assert demo.session().execute(INSERT).one() is None
    assert demo.session().execute(INSERT).was_applied
    assert len(demo.conversation.taken) == 1


def test_a_change_of_the_schema_is_accepted_if_the_capture_knows_its_outcome(demo: ReplayCluster) -> None:
    session = demo.session()
    made = "CREATE TABLE demo.map (id int, country text, capital text, PRIMARY KEY (id))"
    assert not session.execute(made)
    with pytest.raises(BackendError, match="does not hold this statement"):
        session.execute("CREATE TABLE demo.map (id bigint PRIMARY KEY)")
    assert not demo.conversation.taken


def test_rows_without_a_condition_know_nothing_of_being_applied(demo: ReplayCluster) -> None:
    with demo.given():
        rows = demo.session().execute(INSERT)
    with pytest.raises(RuntimeError, match=r"no column \[applied\]"):
        assert rows.was_applied


def test_something_that_is_no_statement_is_refused(demo: ReplayCluster) -> None:
    with pytest.raises(TypeError, match="int is no statement"):
        demo.session().execute(17)


def test_tracing_has_to_be_in_the_capture(demo: ReplayCluster) -> None:
    with pytest.raises(BackendError, match="does not hold this statement traced"):
        demo.session().execute(INSERT, trace=True)


def test_traced_statements_are_found(replay: Replay) -> None:
    rows = replay("base/tracing").session().execute("SELECT * FROM demo3.map WHERE id = 17", trace=True)
    assert rows.one().country == "Germany"


def test_pages_follow_each_other_as_in_the_capture(replay: Replay) -> None:
    cluster = replay("base/range_scan")
    rows = cluster.session().execute(SimpleStatement(SCAN, fetch_size=5))
    assert len(rows.current_rows) == 5
    assert rows.has_more_pages
    rows.fetch_next_page()
    assert len(rows.current_rows) == 5
    assert len(rows.all()) == 19
    assert rows.paging_state is None
    assert len(cluster.conversation.taken) == 5
    rows.fetch_next_page()
    assert not rows


def test_iterating_takes_every_page(replay: Replay) -> None:
    rows = replay("base/range_scan").session().execute(SCAN)
    assert len({(row.p, row.c) for row in rows}) == 24


def test_another_page_size_is_another_statement(replay: Replay) -> None:
    with pytest.raises(BackendError, match=r"7 rows a page:\n.*\nit was sent\n.*5 rows a page"):
        replay("base/range_scan").session().execute(SimpleStatement(SCAN, fetch_size=7))


def test_prepared_statements_are_found_by_their_values(replay: Replay) -> None:
    session = replay("base/prepared_writes").session()
    prepared = session.prepare(PREPARED)
    assert not session.execute(prepared, (1000, "country 0", "capital 0"))
    assert not session.execute(prepared.bind((1001, "country 1", "capital 1")))
    with pytest.raises(BackendError, match="does not hold this statement"):
        session.execute(prepared, (1000, "country 0", "another"))
    with pytest.raises(BackendError, match="holds this statement once, and"):
        session.execute(prepared, (1000, "country 0", "capital 0"))


def test_batches_of_the_driver_are_looked_for(demo: ReplayCluster) -> None:
    batch = BatchStatement()
    batch.add(SimpleStatement("INSERT INTO demo.map (id) VALUES (%s)"), (1,))
    with pytest.raises(BackendError, match=r"VALUES \(1\)"):
        demo.session().execute(batch)


def test_errors_are_the_drivers(replay: Replay) -> None:
    paused = replay("faults/paused_replica").session()
    with pytest.raises(cassandra.WriteTimeout) as write:
        paused.execute("INSERT INTO demo3.map (id, country, capital) VALUES (61, 'a', 'a')")
    assert (write.value.required_responses, write.value.received_responses) == (3, 2)
    with pytest.raises(cassandra.ReadTimeout):
        paused.execute("SELECT * FROM demo3.map WHERE id=60")
    stopped = replay("faults/graceful_stop_and_return").session()
    with pytest.raises(cassandra.Unavailable) as unavailable:
        stopped.execute("INSERT INTO demo3.map (id, country, capital) VALUES (70, 'a', 'a')")
    assert unavailable.value.alive_replicas == 2


CAPTURES = (
    "base/batch",
    "base/counter",
    "base/index_create",
    "base/index_read",
    "base/lwt_conditions",
    "base/lwt_insert_twice",
    "base/materialized_view",
    "base/range_scan",
    "base/read_cl",
    "base/schema",
    "base/types_and_large",
    "errors/non_frozen_udt",
    "faults/digest_mismatch",
    "multidc/multi_dc",
    "shards/lz4_two_shards",
    "views/index_rf3",
    "views/view_life_rf2",
)


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
@pytest.mark.parametrize("name", CAPTURES)
def test_answers_are_what_the_driver_gave_when_the_capture_was_taken(
    reference: Path, line: str, name: str
) -> None:
    path = reference / line / f"{name}.pcapng"
    cluster = ReplayCluster(read_trace(path), name)
    for step in read_context(path.with_suffix(".json")).statements:
        statement = SimpleStatement(step.cql)
        if step.consistency_level is not None:
            statement.consistency_level = ConsistencyLevel.name_to_value[step.consistency_level]
        node = cluster.topology.node_at(step.coordinator)
        rows = cluster.session(node).execute(statement).all()
        assert len(rows) == step.row_count
        assert [repr(row) for row in rows[: len(step.rows)]] == list(step.rows)
