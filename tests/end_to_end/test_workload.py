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

from harness.backends.live.node import LiveNode
from harness.waiting import wait_until
from tests.end_to_end.register_history import Read, RegisterHistory, Write
from tests.end_to_end.simulated_cluster import DriverSession, SimulatedCluster

pytestmark = pytest.mark.namespaces

KEYS = 12
CLIENTS = 4
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


def test_no_acknowledged_write_is_lost_when_nodes_are_killed(
    driver: DriverSession, session: DriverSession, simulated: SimulatedCluster, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("--workload-seed")
    if seed is None:
        seed = random.SystemRandom().randrange(10**6)
    sys.stderr.write(f"--workload-seed={seed}\n")
    driver.execute("CREATE TABLE registers (k int PRIMARY KEY, v text)")
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
