"""scylla-driver and cqlsh, each in a process of its own."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.client_programs import NotInstallableError, client_programs
from tests.end_to_end.simulated_cluster import SimulatedCluster

pytestmark = pytest.mark.namespaces

TIMEOUT_S = 90

SCRIPT = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import Cluster

cluster = Cluster([sys.argv[1]])
session = cluster.connect()
told = {"shard_aware": cluster.is_shard_aware()}
session.execute("CREATE KEYSPACE sd WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
answer = session.execute("CREATE TABLE sd.t (k int PRIMARY KEY, v text, m map<text, int>)")
told["agreed"] = answer.response_future.is_schema_agreed
told["columns"] = list(cluster.metadata.keyspaces["sd"].tables["t"].columns)
insert = session.prepare("INSERT INTO sd.t (k, v, m) VALUES (?, ?, ?)")
for key in range(5):
    session.execute(insert, (key, None, None))
futures = [session.execute_async(insert, (key, str(key), {"key": key})) for key in range(300)]
asked = []
for future in futures:
    future.result()
    asked.append(future.coordinator_host.address)
replicas = []
for key in range(300):
    routing_key = insert.bind((key, None, None)).routing_key
    (replica,) = cluster.metadata.get_replicas("sd", routing_key)
    replicas.append(replica.address)
told["asked the replica"] = sum(a == b for a, b in zip(asked, replicas))
told["nodes asked"] = len(set(asked))
select = session.prepare("SELECT k, v, m FROM sd.t WHERE k = ?")
with ThreadPoolExecutor(20) as threads:
    rows = list(threads.map(lambda key: session.execute(select, (key,)).one(), range(300)))
told["right"] = sum(row == (key, str(key), {"key": key}) for key, row in enumerate(rows))
session.default_fetch_size = 70
told["paged"] = len({row.k for row in session.execute("SELECT k FROM sd.t")})
told["applied"] = session.execute("UPDATE sd.t SET v = 'x' WHERE k = 1 IF v = '1'").was_applied
try:
    session.execute("SELECT nothing FROM sd.t")
except InvalidRequest as error:
    told["refused"] = str(error)
told["shards"] = sorted(stats["shards_count"] for stats in cluster.shard_aware_stats().values())
cluster.shutdown()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    try:
        return client_programs()
    except NotInstallableError as error:
        pytest.skip(str(error))


Run = Callable[..., str]


@pytest.fixture
def run(simulated: SimulatedCluster, programs: Path, tmp_path: Path) -> Run:
    """Run a program where the nodes can be reached; gives its standard output."""

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [*simulated.site.command_prefix, str(programs / program), *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_scylla_driver_works(run: Run, simulated: SimulatedCluster) -> None:
    told = json.loads(run("python", "-W", "ignore", "-c", SCRIPT, simulated.addresses[1]))
    refused = told.pop("refused")
    assert "nothing" in refused
    assert told == {
        "shard_aware": True,
        "agreed": True,
        "columns": ["k", "m", "v"],
        "asked the replica": 300,
        "nodes asked": 3,
        "right": 300,
        "paged": 300,
        "applied": True,
        "shards": [1, 1, 1],
    }


def test_cqlsh_works(run: Run, simulated: SimulatedCluster, tmp_path: Path) -> None:
    def cqlsh(text: str) -> str:
        return run("cqlsh", simulated.addresses[0], "-e", text)

    cqlsh(
        "CREATE KEYSPACE cs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3};"
        "CREATE TYPE cs.place (street text, number int);"
        "CREATE TABLE cs.t (k int, c text, v list<double>, p frozen<place>, PRIMARY KEY (k, c))"
        " WITH CLUSTERING ORDER BY (c DESC);"
        "CREATE MATERIALIZED VIEW cs.by_c AS SELECT * FROM cs.t WHERE c IS NOT NULL AND k IS NOT NULL"
        " PRIMARY KEY (c, k);"
        "INSERT INTO cs.t (k, c, v, p) VALUES (1, 'a', [1.5, 2], {street: 'Main', number: 3});"
        "INSERT INTO cs.t (k, c, v) VALUES (1, 'b', []);"
    )
    described = cqlsh("DESCRIBE KEYSPACES; DESCRIBE KEYSPACE cs")
    for part in (
        "CREATE KEYSPACE cs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '3'}",
        "CREATE TYPE cs.place (\n    street text,\n    number int\n);",
        (
            "CREATE TABLE cs.t (\n    k int,\n    c text,\n    p frozen<place>,\n    v list<double>,\n"
            "    PRIMARY KEY (k, c)\n) WITH CLUSTERING ORDER BY (c DESC)"
        ),
        "CREATE MATERIALIZED VIEW cs.by_c AS",
    ):
        assert part in described
    assert {"system_schema", "system_auth", "cs"} <= set(described.split())
    selected = cqlsh("CONSISTENCY ALL; SELECT * FROM cs.t; TRACING ON; SELECT c FROM cs.by_c WHERE c = 'a'")
    selected, _, traced = selected.partition("Now Tracing is enabled")
    assert "Tracing session:" in traced
    rows = [[part.strip() for part in line.split("|")] for line in selected.splitlines() if "|" in line]
    assert rows == [
        ["k", "c", "p", "v"],
        ["1", "b", "null", "null"],
        ["1", "a", "{street: 'Main', number: 3}", "[1.5, 2]"],
    ]
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"{key},name {key}\n" for key in range(500)), encoding="utf-8")
    copied = tmp_path / "copied.csv"
    said = cqlsh(f"COPY cs.t (k, c) FROM '{file}'; COPY cs.t (k, c) TO '{copied}'")
    assert "500 rows imported from 1 files" in said
    assert "502 rows exported to 1 files" in said
    lines = set(copied.read_text(encoding="utf-8").splitlines())
    assert lines == {*file.read_text(encoding="utf-8").splitlines(), "1,a", "1,b"}
