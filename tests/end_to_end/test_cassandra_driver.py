"""The stock driver, as applications use it, with three nodes."""

import random
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from cassandra import AlreadyExists, ConsistencyLevel, InvalidRequest, ReadTimeout, Unavailable, WriteTimeout
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent
from cassandra.policies import FallthroughRetryPolicy, WhiteListRoundRobinPolicy
from cassandra.protocol import SyntaxException
from cassandra.query import BatchStatement, BatchType, SimpleStatement
from cassandra.util import Date, Duration, SortedSet, Time

from harness.events.filters import compile_filter
from harness.waiting import wait_until
from tests.end_to_end.simulated_cluster import DriverSession, SimulatedCluster

pytestmark = pytest.mark.namespaces

TIMEOUT_S = 20
ALL, QUORUM = ConsistencyLevel.ALL, ConsistencyLevel.QUORUM

ROUND_TRIPS: list[tuple[str, object]] = [
    ("ascii", "plain"),
    ("bigint", -(2**63)),
    ("blob", bytes(range(256))),
    ("boolean", True),
    ("date", Date(date(1969, 7, 20))),
    ("decimal", Decimal("-12345678901234567890.0123456789")),
    ("double", -1.5e300),
    ("duration", Duration(14, -3 * 0 + 3, 4_000_000_001)),
    ("float", 0.5),
    ("inet", "2001:db8::1"),
    ("inet", "192.0.2.7"),
    ("int", 2**31 - 1),
    ("smallint", -(2**15)),
    ("text", "Grüße, 世界 🚀"),
    ("time", Time(time(23, 59, 59, 999_999))),
    ("timestamp", datetime(2021, 3, 24, 12, 0, 0, 123_000)),  # noqa: DTZ001  (the driver gives those without)
    ("timeuuid", uuid.UUID("2fb2d0a0-8c6c-11eb-8080-808080808080")),
    ("tinyint", -128),
    ("uuid", uuid.UUID("f81d4fae-7dec-41d0-a765-00a0c91e6bf6")),
    ("varint", 2**200 - 1),
    ("list<int>", [3, 1, 3]),
    ("set<text>", SortedSet(["b", "a"])),
    ("map<text, timestamp>", {"then": datetime(1999, 12, 31)}),  # noqa: DTZ001  (the same)
    ("frozen<list<frozen<set<int>>>>", [SortedSet([2, 1]), SortedSet([5])]),
    ("frozen<tuple<int, text, list<double>>>", (1, "two", [3.0, 4.5])),
    ("tuple<int, int>", (1, None)),
    ("frozen<map<int, frozen<tuple<uuid, boolean>>>>", {7: (uuid.UUID(int=1), False)}),
]


class Address(NamedTuple):
    street: str
    numbers: list[int] | None
    since: Date | None = None


def only(driver: DriverSession, text: str, *parameters: object) -> DriverSession:
    """The one row of an answer."""
    (row,) = driver.execute(text, parameters or None)
    return row


@pytest.fixture(scope="module")
def types(driver: DriverSession) -> str:
    """A table with a column for each of the values above."""
    columns = ", ".join(f"v{number} {kind}" for number, (kind, _) in enumerate(ROUND_TRIPS))
    driver.execute(f"CREATE TABLE types (k int PRIMARY KEY, {columns})")
    return "types"


@pytest.mark.parametrize("number", range(len(ROUND_TRIPS)), ids=[kind for kind, _ in ROUND_TRIPS])
def test_values_come_back_as_they_were_written(driver: DriverSession, types: str, number: int) -> None:
    kind, value = ROUND_TRIPS[number]
    insert = driver.prepare(f"INSERT INTO {types} (k, v{number}) VALUES (?, ?)")
    insert.consistency_level = ALL
    driver.execute(insert, (1, value))
    driver.execute(insert, (2, None))
    read = driver.prepare(f"SELECT v{number} FROM {types} WHERE k = ?")
    assert driver.execute(read, (1,)).one() == (value,)
    assert driver.execute(read, (2,)).one() == (None,)
    # In text, as a literal that the driver writes: of decimals it is less precise, of durations and tuples none.
    if kind not in {"decimal", "duration"} and "tuple" not in kind:
        driver.execute(f"INSERT INTO {types} (k, v{number}) VALUES (3, %s)", (value,))
        assert driver.execute(read, (3,)).one() == (value,)


def test_user_defined_types_come_back_as_they_were_written(
    driver: DriverSession, connect: Callable[..., Cluster]
) -> None:
    driver.execute("CREATE TYPE app.address (street text, numbers frozen<list<int>>, since date)")
    driver.execute(
        "CREATE TABLE people (name text PRIMARY KEY, home frozen<address>, others list<frozen<address>>, now address)"
    )
    cluster = connect()
    cluster.register_user_type("app", "address", Address)
    session = cluster.connect("app")
    home = Address("Main", [1, 2], Date(date(2020, 2, 29)))
    insert = session.prepare("INSERT INTO people (name, home, others, now) VALUES (?, ?, ?, ?)")
    session.execute(insert, ("a", home, [home, Address("Side", None)], home))
    session.execute("UPDATE people SET now.street = 'Moved' WHERE name = 'a'")
    row = only(session, "SELECT home, others, now FROM people WHERE name = 'a'")
    assert row == (home, [home, Address("Side", None)], home._replace(street="Moved"))


def test_a_statement_goes_to_a_replica_of_its_row(driver: DriverSession, simulated: SimulatedCluster) -> None:
    driver.execute(
        "CREATE KEYSPACE single WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    driver.execute("CREATE TABLE single.t (k int PRIMARY KEY, v int)")
    insert = driver.prepare("INSERT INTO single.t (k, v) VALUES (?, ?)")
    # Until it is connected to all of them, the driver makes do with the others.
    assert wait_until(lambda: len(driver.get_pool_state()) == 3, timeout_s=TIMEOUT_S)
    before = len(simulated.trace().messages)
    futures = [driver.execute_async(insert, (key, key)) for key in range(60)]
    coordinators = []
    for future in futures:
        future.result()
        coordinators.append(future.coordinator_host.address)
    assert set(coordinators) == set(simulated.addresses)
    # No node had to ask another one; what nodes do about roles meanwhile is their own affair.
    trace = simulated.trace()
    said = trace.messages[before:]
    assert sum(message.verb_name == "EXECUTE" for message in said) >= 60
    between_nodes = trace.where(compile_filter("scylla and table == single.t"))
    assert [message for message in between_nodes if message.number >= before] == []


def test_the_driver_sees_the_schema_agree(driver: DriverSession, connect: Callable[..., Cluster]) -> None:
    cluster = connect(max_schema_agreement_wait=10)
    session = cluster.connect("app")
    for number in range(5):
        answer = session.execute(f"CREATE TABLE agreed_{number} (k int PRIMARY KEY)")
        assert answer.response_future.is_schema_agreed

    def versions() -> set[object]:
        told = {row.schema_version for row in session.execute("SELECT schema_version FROM system.peers")}
        return told | {only(session, "SELECT schema_version FROM system.local").schema_version}

    # Not each of these goes to the node that the driver has asked; gossip tells the others within a round.
    assert wait_until(lambda: len(versions()) == 1, timeout_s=10)
    assert set(cluster.metadata.keyspaces["app"].tables) >= {f"agreed_{number}" for number in range(5)}


def test_the_driver_knows_nodes_ring_tables_views_indexes_and_types(
    driver: DriverSession, connect: Callable[..., Cluster], simulated: SimulatedCluster
) -> None:
    driver.execute("CREATE TYPE kind (a int, b frozen<set<text>>)")
    driver.execute(
        "CREATE TABLE known (a int, b text, c timeuuid, s int static, v frozen<kind>, PRIMARY KEY ((a, b), c)) "
        "WITH CLUSTERING ORDER BY (c DESC) AND comment = 'what is known'"
    )
    driver.execute("CREATE INDEX known_by_v ON known (v)")
    driver.execute(
        "CREATE MATERIALIZED VIEW known_view AS SELECT a, b, c, v FROM known "
        "WHERE c IS NOT NULL AND a IS NOT NULL AND b IS NOT NULL PRIMARY KEY (c, a, b)"
    )
    cluster = connect()
    cluster.connect()
    metadata = cluster.metadata
    assert {host.address for host in metadata.all_hosts()} == set(simulated.addresses)
    assert {(host.datacenter, host.rack, host.is_up) for host in metadata.all_hosts()} == {
        ("datacenter1", "rack1", True)
    }
    assert len(metadata.token_map.ring) == 48
    assert len(metadata.get_replicas("app", b"\0\0\0\1")) == 3
    table = metadata.keyspaces["app"].tables["known"]
    assert [column.name for column in table.partition_key] == ["a", "b"]
    assert [(column.name, column.is_reversed) for column in table.clustering_key] == [("c", True)]
    assert table.columns["s"].is_static
    assert table.columns["v"].cql_type == "frozen<kind>"
    assert table.options["comment"] == "what is known"
    assert set(table.indexes) == {"known_by_v"}
    assert "known_view" in table.views
    assert metadata.keyspaces["app"].user_types["kind"].field_names == ["a", "b"]
    # What the driver writes of it, nodes understand.
    driver.execute(table.as_cql_query().replace("app.known", "app.copied"))
    driver.execute(table.views["known_view"].as_cql_query().replace("app.known", "app.copied"))


def test_ten_thousand_rows_come_page_by_page(driver: DriverSession) -> None:
    driver.execute("CREATE TABLE many (p int, c int, v text, PRIMARY KEY (p, c))")
    insert = driver.prepare("INSERT INTO many (p, c, v) VALUES (?, ?, ?)")
    rows = [(key % 40, key, f"value {key}") for key in range(10_000)]
    batches = [BatchStatement(BatchType.UNLOGGED) for _ in range(40)]
    for row in rows:
        batches[row[0]].add(insert, row)
    for success, result in execute_concurrent(driver, [(batch, ()) for batch in batches], concurrency=4):
        assert success, result
    scan = SimpleStatement("SELECT p, c, v FROM many", fetch_size=1000)
    answer = driver.execute(scan)
    assert len(answer.current_rows) == 1000
    assert answer.has_more_pages
    read = [tuple(row) for row in answer]
    assert len(read) == 10_000
    assert sorted(read) == sorted(rows)
    # A page is taken up by a session that has not begun it.
    first = driver.execute(SimpleStatement("SELECT c FROM many WHERE p = 7", fetch_size=60))
    seen = [row.c for row in first.current_rows]
    larger = SimpleStatement("SELECT c FROM many WHERE p = 7", fetch_size=300)
    seen += [row.c for row in driver.execute(larger, paging_state=first.paging_state)]
    assert seen == [key for key in range(10_000) if key % 40 == 7]


def test_200_requests_in_flight_get_each_its_own_answer(driver: DriverSession) -> None:
    driver.execute("CREATE TABLE busy (k int PRIMARY KEY, v text)")
    write = driver.prepare("UPDATE busy SET v = ? WHERE k = ?")
    read = driver.prepare("SELECT k, v FROM busy WHERE k = ?")
    write.consistency_level = read.consistency_level = QUORUM
    chance = random.Random(11)
    latest = {key: f"{key}: 0" for key in range(200)}
    for key, text in latest.items():
        driver.execute(write, (text, key))
    for number in range(1, 6):
        # One request a key, so that each answer is known beforehand.
        requests: list[tuple[int, str | None, Any]] = []
        for key in chance.sample(range(200), 200):
            if chance.random() < 0.5:
                written = f"{key}: {number}" + "x" * chance.randrange(2000)
                requests.append((key, written, driver.execute_async(write, (written, key))))
            else:
                requests.append((key, None, driver.execute_async(read, (key,))))
        for key, new, future in requests:
            rows = list(future.result())
            if new is not None:
                latest[key] = new
                assert rows == []
            else:
                assert rows == [(key, latest[key])]


def test_prepared_statements_are_prepared_anew_by_nodes_that_have_forgotten_them(
    driver: DriverSession, simulated: SimulatedCluster
) -> None:
    driver.execute("CREATE TABLE prepared (k int PRIMARY KEY, v int)")
    insert = driver.prepare("INSERT INTO prepared (k, v) VALUES (?, ?)")
    node = simulated.nodes[2]
    node.kill()
    node.start()
    assert wait_until(lambda: driver.hosts and all(host.is_up for host in driver.hosts), timeout_s=TIMEOUT_S)
    for key in range(30):
        driver.execute(insert, (key, key))
    assert only(driver, "SELECT count(*) FROM prepared").count == 30
    # A table that has changed since makes statements that have not.
    driver.execute("ALTER TABLE prepared ADD w int")
    driver.execute(insert, (1, 2))
    assert only(driver, "SELECT * FROM prepared WHERE k = 1") == (1, 2, None)


def test_conditions_decide(driver: DriverSession) -> None:
    driver.execute("CREATE TABLE decided (k int PRIMARY KEY, v int)")
    assert driver.execute("INSERT INTO decided (k, v) VALUES (1, 1) IF NOT EXISTS").was_applied
    refused = driver.execute("INSERT INTO decided (k, v) VALUES (1, 2) IF NOT EXISTS")
    assert not refused.was_applied
    assert refused.one() == (False, 1, 1)
    update = driver.prepare("UPDATE decided SET v = ? WHERE k = 1 IF v = ?")
    assert driver.execute(update, (5, 1)).was_applied
    assert driver.execute(update, (6, 1)).one() == (False, 5)
    serial = SimpleStatement("SELECT v FROM decided WHERE k = 1", consistency_level=ConsistencyLevel.SERIAL)
    assert driver.execute(serial).one().v == 5
    assert driver.execute("DELETE FROM decided WHERE k = 1 IF EXISTS").was_applied


def test_batches_write_all(driver: DriverSession) -> None:
    driver.execute("CREATE TABLE batched (k int, c int, v text, PRIMARY KEY (k, c))")
    insert = driver.prepare("INSERT INTO batched (k, c, v) VALUES (?, ?, ?)")
    for kind in (BatchType.LOGGED, BatchType.UNLOGGED):
        batch = BatchStatement(kind, consistency_level=QUORUM)
        for key in range(5):
            batch.add(insert, (key, kind.value, "prepared"))
            batch.add("INSERT INTO batched (k, c, v) VALUES (%s, %s, 'text')", (key, kind.value + 10))
        driver.execute(batch)
    assert only(driver, "SELECT count(*) FROM batched").count == 20
    conditional = BatchStatement()
    conditional.add(SimpleStatement("INSERT INTO batched (k, c, v) VALUES (9, 1, 'a') IF NOT EXISTS"))
    conditional.add(SimpleStatement("INSERT INTO batched (k, c, v) VALUES (9, 2, 'b') IF NOT EXISTS"))
    assert driver.execute(conditional).was_applied
    assert not driver.execute(conditional).was_applied


def test_counters_count(driver: DriverSession) -> None:
    driver.execute("CREATE TABLE counted (k int PRIMARY KEY, up counter, down counter)")
    add = driver.prepare("UPDATE counted SET up = up + ?, down = down - 1 WHERE k = 1")
    for success, result in execute_concurrent(driver, [(add, (n,)) for n in range(1, 51)], concurrency=20):
        assert success, result
    batch = BatchStatement(BatchType.COUNTER)
    batch.add(add, (1000,))
    driver.execute(batch)
    assert only(driver, "SELECT up, down FROM counted WHERE k = 1") == (1275 + 1000, -51)


def test_what_is_wrong_is_refused_with_its_code(driver: DriverSession) -> None:
    driver.execute("CREATE TABLE wrong (k int PRIMARY KEY, v int)")
    with pytest.raises(SyntaxException, match="line 1:0 no viable alternative at input 'SELEC'"):
        driver.execute("SELEC * FROM wrong")
    with pytest.raises(InvalidRequest, match="unconfigured table absent"):
        driver.execute("SELECT * FROM absent")
    with pytest.raises(InvalidRequest, match="nothing"):
        driver.execute("INSERT INTO wrong (k, nothing) VALUES (1, 1)")
    with pytest.raises(InvalidRequest):
        driver.prepare("SELECT * FROM wrong WHERE v = ?")
    with pytest.raises(AlreadyExists) as caught:
        driver.execute("CREATE TABLE wrong (k int PRIMARY KEY)")
    assert (caught.value.keyspace, caught.value.table) == ("app", "wrong")
    with pytest.raises(AlreadyExists) as caught:
        driver.execute(
            "CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
    assert (caught.value.keyspace, caught.value.table) == ("app", "")


@pytest.fixture
def patient(
    connect: Callable[..., Cluster], simulated: SimulatedCluster, driver: DriverSession
) -> DriverSession:
    """A session with the first node that sends nothing twice."""
    profile = ExecutionProfile(
        WhiteListRoundRobinPolicy([simulated.addresses[0]]), FallthroughRetryPolicy(), request_timeout=20
    )
    return connect(execution_profiles={EXEC_PROFILE_DEFAULT: profile}).connect("app")


@pytest.fixture
def table(driver: DriverSession, simulated: SimulatedCluster) -> Iterator[str]:
    """A table of which nobody has heard before, while something is done to nodes that is undone afterwards."""
    name = f"t{uuid.uuid4().hex}"
    driver.execute(f"CREATE TABLE {name} (k int PRIMARY KEY, v int)")
    yield name
    simulated.live.members.restore()


def test_a_paused_replica_is_missed_with_the_right_numbers(
    patient: DriverSession, simulated: SimulatedCluster, table: str
) -> None:
    paused = simulated.nodes[2]
    paused.pause()
    try:
        with pytest.raises(WriteTimeout) as write:
            patient.execute(
                SimpleStatement(f"INSERT INTO {table} (k, v) VALUES (1, 1)", consistency_level=ALL)
            )
        with pytest.raises(ReadTimeout) as read:
            patient.execute(SimpleStatement(f"SELECT v FROM {table} WHERE k = 1", consistency_level=ALL))
    finally:
        paused.resume()
    told = write.value
    assert (told.consistency, told.required_responses, told.received_responses, told.write_type) == (
        ALL,
        3,
        2,
        0,
    )
    asked = read.value
    assert (asked.consistency, asked.required_responses, asked.received_responses) == (ALL, 3, 2)
    assert asked.data_retrieved
    assert (
        patient.execute(SimpleStatement(f"SELECT v FROM {table} WHERE k = 1", consistency_level=ALL)).one().v
        == 1
    )


def test_drivers_hear_of_nodes_that_go_and_come_and_of_changes_to_the_schema(
    connect: Callable[..., Cluster],
    patient: DriverSession,
    simulated: SimulatedCluster,
    table: str,
) -> None:
    # News of a node's end may come before its connections close; the driver takes it for a rumour then, until it finds
    # them closed.
    watching = connect(idle_heartbeat_interval=1)
    session = watching.connect("app")
    gone = simulated.nodes[1]
    events: list[tuple[str, str]] = []
    control = watching.control_connection._connection
    control.register_watcher(
        "STATUS_CHANGE", lambda event: events.append((event["change_type"], event["address"][0]))
    )
    changes: list[tuple[str, str, str]] = []
    control.register_watcher(
        "SCHEMA_CHANGE",
        lambda event: changes.append((event["change_type"], event["target_type"], event.get("table", ""))),
    )
    assert control.endpoint.address != gone.address
    gone.stop()
    assert wait_until(lambda: ("DOWN", gone.address) in events, timeout_s=TIMEOUT_S)
    host = watching.metadata.get_host(gone.address)
    assert wait_until(lambda: not host.is_up, timeout_s=TIMEOUT_S)
    with pytest.raises(Unavailable) as caught:
        patient.execute(SimpleStatement(f"INSERT INTO {table} (k, v) VALUES (1, 1)", consistency_level=ALL))
    refused = caught.value
    assert (refused.consistency, refused.required_replicas, refused.alive_replicas) == (ALL, 3, 2)
    patient.execute(SimpleStatement(f"INSERT INTO {table} (k, v) VALUES (1, 1)", consistency_level=QUORUM))
    gone.start()
    assert wait_until(lambda: ("UP", gone.address) in events and host.is_up, timeout_s=TIMEOUT_S)
    patient.execute(f"ALTER TABLE {table} ADD w int")
    assert wait_until(lambda: ("UPDATED", "TABLE", table) in changes, timeout_s=TIMEOUT_S)
    assert wait_until(
        lambda: "w" in watching.metadata.keyspaces["app"].tables[table].columns, timeout_s=TIMEOUT_S
    )
    assert session.execute(SimpleStatement(f"SELECT * FROM {table}", consistency_level=QUORUM)).one().k == 1
