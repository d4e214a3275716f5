import pytest
from cassandra import ConsistencyLevel, DriverException, WriteTimeout
from cassandra.query import FETCH_SIZE_UNSET

from harness.backends.replay.cluster import ReplayCluster
from harness.backends.statements import cql, race
from tests.backends.conftest import Replay
from tests.written.written_capture import INSERT


def test_a_statement_carries_how_it_is_sent() -> None:
    statement = cql("SELECT 1", "QUORUM", serial_consistency="LOCAL_SERIAL", page_size_rows=5)
    assert statement.query_string == "SELECT 1"
    assert statement.consistency_level == ConsistencyLevel.QUORUM
    assert statement.serial_consistency_level == ConsistencyLevel.LOCAL_SERIAL
    assert statement.fetch_size == 5


def test_what_is_not_said_is_left_to_the_session() -> None:
    statement = cql("SELECT 1")
    assert statement.consistency_level is None
    assert statement.serial_consistency_level is None
    assert statement.fetch_size is FETCH_SIZE_UNSET


def test_a_level_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no consistency level is called 'QUORAM'; there are: ALL, ANY"):
        cql("SELECT 1", "QUORAM")


def test_racers_all_run_each_statement(demo: ReplayCluster) -> None:
    session = demo.session()
    raced = race([session, session], [cql(INSERT)])
    assert [rows.was_applied for rows in raced.rows] == [True, False]
    assert raced.errors == ()


def test_losers_of_a_race_may_fail(replay: Replay) -> None:
    cluster = replay("faults/paused_replica")
    statements = [
        cql("INSERT INTO demo3.map (id, country, capital) VALUES (60, 'q', 'q')"),
        cql("INSERT INTO demo3.map (id, country, capital) VALUES (61, 'a', 'a')"),
    ]
    raced = race([cluster.session()], statements)
    assert len(raced.rows) == 1
    assert [type(error) for error in raced.errors] == [WriteTimeout]
    assert isinstance(raced.errors[0], DriverException)


def test_scenarios_find_everything_in_one_place() -> None:
    import harness  # noqa: PLC0415  (what is tested is what happens when it is asked)

    for name in harness.__all__:
        assert getattr(harness, name) is not None
    assert harness.cql is cql
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'session'"):
        _ = harness.session
