"""How fast a simulated cluster is there, how much it does, and what it costs.

    start      three nodes from nothing to the first answer to a client, in a process that has started some before
    process    the same, with the process that loads the harness
    verdict    one scenario, from the start of pytest to its verdict, the report being written
    scenario   the same, to the end of pytest
    writes     writes a second at QUORUM, three replicas, by the stock driver with 128 of them in flight
    reads      the same, reads
    memory     of a node after that: resident, its own (private), and with its share of what others have too (PSS)
    idle       part of one CPU that the whole cluster takes when nobody asks it for anything

Of what is repeated, the median and the best. CPU seconds are user and system: they hold when other programs use the
machine too. They are those of all processes, but at the end of a scenario without its nodes, which have ended with their
network then. Modules are compiled before anything is measured, whatever PYTHONDONTWRITEBYTECODE says.

    python benchmarks/simulation.py [--repeat 5] [--writes 5000] [--nodes 3]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cassandra import ConsistencyLevel  # noqa: E402  (behind the path)
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile  # noqa: E402
from cassandra.concurrent import execute_concurrent_with_args  # noqa: E402
from cassandra.policies import RoundRobinPolicy, TokenAwarePolicy  # noqa: E402

from harness.backends.contract import Needs  # noqa: E402
from harness.backends.simulated import SimulatedSite  # noqa: E402
from harness.clusters import Opened, started  # noqa: E402
from harness.grammar import cache_folder  # noqa: E402

_TICKS_S = 1 / os.sysconf("SC_CLK_TCK")
_IDLE_S = 10.0
_IN_FLIGHT = 128
_VARIABLE = "HARNESS_BENCHMARK"
_SCENARIO = "scenarios/write_path/test_plain_write.py::test_quorum_write_waits_for_one_remote_replica"
_PROCESS = """
import sys; sys.path.insert(0, {root!r})
from harness.clusters import Choice, open_cluster
from harness.backends.contract import Needs
opened = open_cluster(Choice(backend="simulated", needs=Needs(nodes={nodes})))
opened.cluster.session(opened.cluster.nodes[0]).execute("SELECT key FROM system.local")
print("answered", flush=True)
sys.stdin.read()
opened.close()
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--writes", type=int, default=5000)
    parser.add_argument("--nodes", type=int, default=3)
    options = parser.parse_args()
    os.environ[_VARIABLE] = str(os.getpid())
    print(
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {options.nodes} nodes, Python {sys.version.split()[0]}"
    )
    # What later starts find in caches, the first one makes.
    _start(options.nodes)
    _show("start", [_start(options.nodes) for _ in range(options.repeat)])
    _process(options.nodes)
    _show("process", [_process(options.nodes) for _ in range(options.repeat)])
    _scenario()
    verdicts, ends = zip(*(_scenario() for _ in range(options.repeat)), strict=True)
    _show("verdict", verdicts)
    _show("scenario", ends)
    with _cluster(options.nodes) as (site, opened):
        _load(site, opened, options.writes)
        _costs(site)


def _show(name: str, times: Sequence[tuple[float, float]]) -> None:
    walls, cpus = zip(*times, strict=True)
    print(
        f"{name:10} wall {statistics.median(walls):6.2f} s (best {min(walls):.2f})"
        f"   CPU {statistics.median(cpus):6.2f} s (best {min(cpus):.2f})"
    )


@contextmanager
def _cluster(nodes: int) -> Iterator[tuple[SimulatedSite, Opened]]:
    site = SimulatedSite.create(Needs(nodes=nodes))
    opened = started(site)
    try:
        yield site, opened
    finally:
        opened.close()


def _start(nodes: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), _cpu_s()
    with _cluster(nodes) as (_, opened):
        opened.cluster.session(opened.cluster.nodes[0]).execute("SELECT key FROM system.local")
        return time.perf_counter() - wall, _cpu_s() - cpu


def _process(nodes: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), _cpu_s()
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS.format(root=str(ROOT), nodes=nodes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return time.perf_counter() - wall, _cpu_s() - cpu


def _scenario() -> tuple[tuple[float, float], tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), _cpu_s()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", _SCENARIO]
        with subprocess.Popen(
            [*command, f"--report-dir={folder}"], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            # What pytest says of a test that has passed.
            assert process.stdout.read(1) == b"."
            verdict = time.perf_counter() - wall, _cpu_s() - cpu
            process.stdout.read()
        assert process.returncode == 0
        return verdict, (time.perf_counter() - wall, _cpu_s() - cpu)


def _environment() -> dict[str, str]:
    """Ours, but that output comes as it is written, and modules are compiled once."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", "") and "PYTHONPYCACHEPREFIX" not in environment:
        environment["PYTHONPYCACHEPREFIX"] = str(cache_folder() / "bytecode")
    return environment


def _load(site: SimulatedSite, opened: Opened, count: int) -> None:
    profile = ExecutionProfile(
        TokenAwarePolicy(RoundRobinPolicy()), consistency_level=ConsistencyLevel.QUORUM, request_timeout=60
    )
    cluster = Cluster(
        [node.address for node in opened.cluster.nodes],
        connection_class=site.connection_class,
        protocol_version=4,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    try:
        session = cluster.connect()
        session.execute(
            "CREATE KEYSPACE load WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
        )
        session.execute("CREATE TABLE load.t (k int PRIMARY KEY, v text)")
        insert = session.prepare("INSERT INTO load.t (k, v) VALUES (?, ?)")
        select = session.prepare("SELECT v FROM load.t WHERE k = ?")

        def write() -> None:
            rows = [(key, f"value {key}") for key in range(count)]
            execute_concurrent_with_args(session, insert, rows, concurrency=_IN_FLIGHT)

        def read() -> None:
            keys = [(key,) for key in range(count)]
            results = execute_concurrent_with_args(session, select, keys, concurrency=_IN_FLIGHT)
            assert [result.one().v for _, result in results] == [f"value {key}" for key in range(count)]

        _rate("writes", write, count)
        _rate("reads", read, count)
    finally:
        cluster.shutdown()


def _rate(name: str, work: Callable[[], None], count: int) -> None:
    wall, cpu = time.perf_counter(), _cpu_s()
    work()
    wall, cpu = time.perf_counter() - wall, _cpu_s() - cpu
    print(
        f"{name:10} {count / wall:7.0f} a second; {1e6 * cpu / count:5.0f} us of CPU each, the driver's included"
    )


def _costs(site: SimulatedSite) -> None:
    pids = _nodes(site)
    resident, private, shared = [], [], []
    for pid in pids:
        sizes = dict(_sizes(pid))
        resident.append(sizes["Rss"] / 1024)
        private.append((sizes["Private_Clean"] + sizes["Private_Dirty"]) / 1024)
        shared.append(sizes["Pss"] / 1024)
    print(
        f"memory     {statistics.mean(resident):5.1f} MB resident a node, of which {statistics.mean(private):.1f} MB"
        f" are its own; {statistics.mean(shared):.1f} MB proportional"
    )
    before = sum(map(_process_s, pids))
    time.sleep(_IDLE_S)
    used = (sum(map(_process_s, pids)) - before) / _IDLE_S
    print(f"idle       {100 * used:5.1f} % of one CPU, {len(pids)} nodes together")


def _nodes(site: SimulatedSite) -> list[int]:
    names = {machine.name for machine in site.machines}
    return [pid for pid in _ours() if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() in names]


def _sizes(pid: int) -> Iterator[tuple[str, int]]:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]:
        name, _, rest = line.partition(":")
        yield name, int(rest.split()[0])


def _ours() -> list[int]:
    """All processes that this one has started, wherever they run."""
    mark = f"{_VARIABLE}={os.getpid()}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _process_s(pid: int) -> float:
    """CPU seconds of a process, more finely than in ticks: of one with a single thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8").split()[0]) / 1e9


def _cpu_s() -> float:
    """What this process has used, and those that it has started: whether they have ended or not."""
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    for pid in _ours():
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += sum(int(ticks) for ticks in fields[11:15]) * _TICKS_S
    return total


if __name__ == "__main__":
    main()
