"""No acknowledged write is lost, whoever is killed.

pytest tests/end_to_end/test_workload.py --workload-s=120 --workload-seed=7
"""

import random
import sys
import time
from collections.abc import Callable
from itertools import count
from threading import Event, Thread

import pytest
from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import FallthroughRetryPolicy, RoundRobinPolicy
from cassandra.query import SimpleStatement

from harness.backends.live.node import LiveNode
from harness.waiting import wait_until
from tests.end_to_end.register_history import Read, RegisterHistory, Write
from tests.end_to_end.simulated_cluster import DriverSession, SimulatedCluster

pytestmark = pytest.mark.namespaces

KEYS = 12
CLIENTS = 4
TIMEOUT_S = 30
DOWN_S = (0.1, 0.8)

_FAILURES = (DriverException, NoHostAvailable, ConnectionException)


class Workload:
    """Clients that write and read by chance.

    Args:
        session: of the driver; sends nothing twice.
        seed: of chance.
    """

    def __init__(self, session: DriverSession, seed: int) -> None:
        self.history = RegisterHistory()
        self.failures: list[BaseException] = []
        self._session = session
        self._seed = seed
        self._timestamps = count(1_000_000)
        self._over = Event()
        self._threads = [Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        self._write = session.prepare("UPDATE registers USING TIMESTAMP ? SET v = ? WHERE k = ?")
        self._delete = session.prepare("DELETE FROM registers USING TIMESTAMP ? WHERE k = ?")
        self._read = session.prepare("SELECT v, WRITETIME(v) AS t FROM registers WHERE k = ?")

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when the last client has its answer."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def read(self, key: int) -> None:
        """Read a key, and keep what it is."""
        begin_s = time.monotonic()
        try:
            row = self._session.execute(self._read, (key,)).one()
        except _FAILURES:
            return
        value, timestamp = (None, None) if row is None else row
        self.history.reads.append(
            Read(key=key, value=value, timestamp=timestamp, begin_s=begin_s, end_s=time.monotonic())
        )

    def write(self, key: int, *, deletes: bool) -> None:
        """Write a key, and keep whether that was acknowledged."""
        timestamp = next(self._timestamps)
        value = None if deletes else f"value {timestamp}"
        write = Write(key=key, value=value, timestamp=timestamp, begin_s=time.monotonic())
        self.history.writes.append(write)
        statement = (
            self._delete.bind((timestamp, key)) if deletes else self._write.bind((timestamp, value, key))
        )
        try:
            self._session.execute(statement)
        except _FAILURES:
            # Without any node there are no answers to wait for.
            self._over.wait(0.01)
            return
        write.acknowledged_s = time.monotonic()

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        try:
            while not self._over.is_set():
                key = chance.randrange(KEYS)
                if chance.random() < 0.5:
                    self.read(key)
                else:
                    self.write(key, deletes=chance.random() < 0.1)
        except BaseException as error:  # noqa: BLE001  (told to the test)
            self.failures.append(error)


def disturb(nodes: tuple[LiveNode, ...], chance: random.Random, until_s: float) -> list[str]:
    """Kill nodes, now and then two at once, or let them stand still, until a time; give what was done."""
    done = []
    while time.monotonic() < until_s:
        what = chance.choice(["kill", "kill", "kill two", "pause"])
        hit = chance.sample(nodes, 2 if what == "kill two" else 1)
        done.append(f"{what} {', '.join(node.name for node in hit)}")
        for node in hit:
            node.pause() if what == "pause" else node.kill()
        over_s = time.monotonic() + chance.uniform(*DOWN_S)
        wait_until(lambda: time.monotonic() >= over_s, timeout_s=DOWN_S[1])  # noqa: B023  (asked at once)
        for node in hit:
            node.resume() if what == "pause" else node.start()
    return done


@pytest.fixture
def session(connect: Callable[..., Cluster], driver: DriverSession) -> DriverSession:
    """A session that goes round all nodes, and sends nothing twice."""
    profile = ExecutionProfile(
        RoundRobinPolicy(),
        FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.QUORUM,
        # A read that asks a node which has just been killed is answered by nobody.
        request_timeout=1,
    )
    return connect(execution_profiles={EXEC_PROFILE_DEFAULT: profile}, idle_heartbeat_interval=0).connect(
        "app"
    )


def answered(session: DriverSession, statement: object) -> DriverSession:
    """Ask until there is an answer: a session that was idle has yet to find out which of its connections are left."""

    def answer() -> list[DriverSession]:
        try:
            return [session.execute(statement)]
        except _FAILURES:
            return []

    (found,) = wait_until(answer, timeout_s=TIMEOUT_S)
    return found


def seed_of(config: pytest.Config) -> int:
    """The seed that was asked for, or one by chance; said where failing tests show it."""
    asked: int | None = config.getoption("--workload-seed")
    seed = random.SystemRandom().randrange(10**6) if asked is None else asked
    sys.stderr.write(f"--workload-seed={seed}\n")
    return seed


def test_no_acknowledged_write_is_lost_when_nodes_are_killed(
    driver: DriverSession, session: DriverSession, simulated: SimulatedCluster, pytestconfig: pytest.Config
) -> None:
    seed = seed_of(pytestconfig)
    answered(driver, "CREATE TABLE IF NOT EXISTS registers (k int PRIMARY KEY, v text)")
    workload = Workload(session, seed)
    workload.start()
    try:
        until_s = time.monotonic() + pytestconfig.getoption("--workload-s")
        done = disturb(simulated.nodes, random.Random(seed), until_s)
    finally:
        workload.stop()
    # With any of them gone, the others have it all.
    for node in simulated.nodes:
        node.kill()
        for key in range(KEYS):
            workload.read(key)
        node.start()
    history = workload.history
    wrongs = list(history.wrongs())
    assert wrongs == [], f"--workload-seed={seed}; {done}"
    acknowledged = sum(write.acknowledged_s < float("inf") for write in history.writes)
    sys.stderr.write(
        f"{acknowledged} of {len(history.writes)} writes acknowledged, {len(history.reads)} reads; {done}\n"
    )
    assert acknowledged > 50
    assert len(history.reads) > 50
    assert len(done) >= 2


class Increments:
    """Clients that add one to a number by transactions.

    Args:
        session: of the driver; sends nothing twice.
    """

    def __init__(self, session: DriverSession) -> None:
        self.taken: list[int] = []
        """What was there before each that was acknowledged."""
        self.unknown = 0
        """Of so many nobody knows whether they took place."""
        self._session = session
        self._over = Event()
        self._threads = [Thread(target=self._run) for _ in range(2)]
        self._update = session.prepare("UPDATE numbers SET v = ? WHERE k = 1 IF v = ?")

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when the last client has its answer."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        known = 0
        while not self._over.is_set():
            try:
                answer = self._session.execute(self._update, (known + 1, known))
            except _FAILURES:
                self.unknown += 1
                self._over.wait(0.01)
                continue
            row = answer.one()
            if answer.was_applied:
                self.taken.append(known)
                known += 1
            else:
                known = row.v


def test_no_acknowledged_transaction_is_lost_or_done_twice_when_nodes_are_killed(
    driver: DriverSession, session: DriverSession, simulated: SimulatedCluster, pytestconfig: pytest.Config
) -> None:
    seed = seed_of(pytestconfig)
    answered(driver, "CREATE TABLE IF NOT EXISTS numbers (k int PRIMARY KEY, v int)")
    answered(driver, "INSERT INTO numbers (k, v) VALUES (1, 0) IF NOT EXISTS")
    increments = Increments(session)
    increments.start()
    try:
        until_s = time.monotonic() + pytestconfig.getoption("--workload-s") / 2
        done = disturb(simulated.nodes, random.Random(seed), until_s)
    finally:
        increments.stop()
    why = f"--workload-seed={seed}; {done}"
    taken = increments.taken
    assert len(set(taken)) == len(taken), why
    read = SimpleStatement("SELECT v FROM numbers WHERE k = 1", consistency_level=ConsistencyLevel.SERIAL)
    value = answered(driver, read).one().v
    assert len(taken) <= value <= len(taken) + increments.unknown, why
    assert max(taken) < value, why
    sys.stderr.write(f"{len(taken)} transactions, {increments.unknown} unknown; {done}\n")
    assert len(taken) > 5
