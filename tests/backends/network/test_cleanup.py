import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.backends.network import cleanup
from harness.backends.network.cleanup import Kind, Removed, alias_of, clean
from harness.backends.network.interfaces import Interfaces
from harness.backends.network.lease import Lease, claims_of, lease_paths
from harness.backends.network.network import Network
from harness.waiting import wait_until
from tests.backends.network.networks import (
    RUN_VARIABLE,
    interfaces_with,
    own_subnet,
    processes_of,
    skip_without_root,
    written_on_interfaces,
)
from tests.backends.network.wrappers import servers_in

pytestmark = pytest.mark.namespaces

PROJECT = Path(__file__).parents[3]
TIMEOUT_S = 20
SUBNET = own_subnet(24)

RUN = """
import sys, time
from pathlib import Path
from harness.backends.network.network import Network
from harness.capture.dumpcap import RunningCapture
folder = Path(sys.argv[1])
print("begins", flush=True)
network = Network.create(3, state_folder=folder / "state")
for node in network.nodes:
    node.start(["sh", "-c", "sleep 1000 & sleep 1000"], log=folder / "log")
if sys.argv[2] == "capture":
    capture = RunningCapture.start(network.tap, folder / "capture.pcapng")
print("up", flush=True)
time.sleep(1000)
"""

WRAPPED_RUN = """
import sys
from pathlib import Path
from harness.backends.network.network import Network
from tests.backends.network.wrappers import WRAPPERS, start_wrapped, why_not
folder = Path(sys.argv[1])
network = Network.create(len(WRAPPERS), state_folder=folder / "state")
for number, (node, wrapper) in enumerate(zip(network.nodes, WRAPPERS.values())):
    if not why_not(node, wrapper, log=folder / "wrapper.log"):
        process, _ = start_wrapped(node, wrapper, log=folder / f"{node.name}.log")
        if number % 2:
            process.pause()
print("up", flush=True)
sys.stdin.readline()
network.close()
"""


@pytest.fixture
def run(state_folder: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a run of its own that makes a network, and wait until it has said something."""
    runs: list[subprocess.Popen[str]] = []

    def start(*, program: str = RUN, until: str = "up", more: str = "") -> subprocess.Popen[str]:
        run = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), more],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, RUN_VARIABLE: str(tmp_path), "TMPDIR": str(tmp_path)},
        )
        runs.append(run)
        assert run.stdout is not None
        while run.stdout.readline() != f"{until}\n":
            assert run.poll() is None
        return run

    yield start
    for run in runs:
        run.kill()
        run.communicate()
    clean(state_folder=state_folder)


def sleepers_of(folder: Path) -> set[int]:
    """The processes that a run's nodes run in the end, two on each of three nodes."""
    found = set()
    for pid in processes_of(folder):
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001000\x00":
                found.add(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def end(run: subprocess.Popen[str]) -> None:
    run.kill()
    run.wait()


def test_nothing_is_left_of_a_run_killed_at_any_moment(
    run: Callable[..., subprocess.Popen[str]], state_folder: Path, tmp_path: Path
) -> None:
    moments = random.Random(4)
    for number in range(5):
        killed = run(until="begins", more="capture" if number % 2 else "")
        assert wait_until(killed.poll, timeout_s=moments.uniform(0.1, 0.9)) is None
        end(killed)
        written = written_on_interfaces(state_folder)
        clean(state_folder=state_folder)
        assert processes_of(tmp_path) == set()
        assert not state_folder.is_dir() or not list(state_folder.iterdir())
        assert list(tmp_path.glob("scylla-wire-harness-*")) == []
        assert not interfaces_with(written)


@pytest.mark.parametrize("is_killed", [False, True], ids=["closed", "killed"])
def test_nothing_is_left_of_nodes_behind_wrappers(
    run: Callable[..., subprocess.Popen[str]], state_folder: Path, tmp_path: Path, is_killed: bool
) -> None:
    ended = run(program=WRAPPED_RUN)
    servers = {pid for log in tmp_path.glob("n*.log") for pid in servers_in(log)}
    assert len(servers) > 1
    assert servers < processes_of(tmp_path)
    if is_killed:
        end(ended)
        clean(state_folder=state_folder)
    else:
        ended.communicate("\n", timeout=60)
    assert processes_of(tmp_path) == set()
    assert list(lease_paths(state_folder)) == []
    assert list(tmp_path.glob("scylla-wire-harness-*")) == []


def test_it_is_told_what_was_removed(
    run: Callable[..., subprocess.Popen[str]], state_folder: Path, tmp_path: Path
) -> None:
    end(run())
    (lease,) = lease_paths(state_folder)
    (folder,) = tmp_path.glob("scylla-wire-harness-*")
    removed = clean(state_folder=state_folder)
    assert Removed(kind=Kind.FOLDER, name=str(folder)) in removed
    assert Removed(kind=Kind.LEASE, name=str(lease)) in removed
    assert str(removed[-1]) == f"lease {lease}"
    assert clean(state_folder=state_folder) == ()


def test_the_next_run_cleans_up(
    run: Callable[..., subprocess.Popen[str]], state_folder: Path, tmp_path: Path
) -> None:
    end(run())
    # Left-overs may not count as taken: the kernel needs a moment to end what the first run has started.
    assert wait_until(lambda: not processes_of(tmp_path), timeout_s=TIMEOUT_S)
    with Network.create(1, state_folder=state_folder):
        assert len(list(lease_paths(state_folder))) == 1
        assert list(tmp_path.glob("scylla-wire-harness-*")) == []


def test_a_living_run_is_left_alone(
    run: Callable[..., subprocess.Popen[str]], state_folder: Path, tmp_path: Path
) -> None:
    living = run()
    # Shells that only start others come and go by themselves: the set has to be settled before it is compared.
    assert wait_until(lambda: len(sleepers_of(tmp_path)) == 6, timeout_s=TIMEOUT_S)
    (lease,) = lease_paths(state_folder)
    keepers = {keeper.pid for keeper in claims_of(lease).keepers}
    staying = {living.pid, *keepers, *sleepers_of(tmp_path)}
    assert keepers
    assert staying <= processes_of(tmp_path)
    assert clean(state_folder=state_folder) == ()
    assert staying <= processes_of(tmp_path)
    assert living.poll() is None
    assert list(tmp_path.glob("scylla-wire-harness-*"))


def test_a_keeper_that_has_outlived_its_run_is_ended(
    run: Callable[..., subprocess.Popen[str]], state_folder: Path, tmp_path: Path
) -> None:
    run_to_kill = run()
    (lease,) = lease_paths(state_folder)
    keepers = claims_of(lease).keepers
    for keeper in keepers:
        os.kill(keeper.pid, signal.SIGSTOP)
    end(run_to_kill)
    assert all(keeper.is_alive() for keeper in keepers)
    removed = clean(state_folder=state_folder)
    assert {name.name for name in removed if name.kind is Kind.PROCESS} <= {
        str(keeper.pid) for keeper in keepers
    }
    assert any(name.kind is Kind.PROCESS for name in removed)
    assert processes_of(tmp_path) == set()
    assert list(lease_paths(state_folder)) == []


def test_a_process_that_has_got_the_number_of_a_keeper_is_left_alone(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "_LEASE_TIMEOUT_S", 0.1)
    state_folder.mkdir()
    lease = Lease.take(state_folder, SUBNET)
    assert lease is not None
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        path, inherited = lease.path, os.dup(lease.descriptor)
        path.write_text(f'{{"owner": [{bystander.pid}, 1], "keepers": [[{bystander.pid}, 1]]}}\n')
        os.close(lease.descriptor)
        assert clean(state_folder=state_folder) == ()
        os.close(inherited)
        assert [removed.kind for removed in clean(state_folder=state_folder)] == [Kind.LEASE]
        assert bystander.poll() is None
        bystander.kill()


def test_an_interface_of_the_same_name_that_is_not_ours_is_left_alone(
    network: Network, state_folder: Path
) -> None:
    skip_without_root(network)
    state_folder.mkdir()
    lease = Lease.take(state_folder, network.subnet)
    assert lease is not None
    lease.record(interface=network.name)
    os.close(lease.descriptor)
    assert [removed.kind for removed in clean(state_folder=state_folder)] == [Kind.LEASE]
    assert Path("/sys/class/net", network.name).exists()


def test_an_interface_that_was_left_over_is_removed(
    network: Network, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_root(network)
    monkeypatch.setattr(cleanup, "_INTERFACE_TIMEOUT_S", 0.1)
    state_folder.mkdir()
    lease = Lease.take(state_folder, SUBNET)
    assert lease is not None
    lease.record(interface=lease.name)
    with Interfaces() as host:
        host.add_bridge(lease.name)
        host.set_alias(lease.name, alias_of(lease.path.stat()))
        os.close(lease.descriptor)
        assert Removed(kind=Kind.INTERFACE, name=lease.name) in clean(state_folder=state_folder)
        assert host.index_of(lease.name) is None


def test_the_folder_of_nodes_with_another_root_goes_with_the_network(
    state_folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    with Network.create(1, state_folder=state_folder) as network:
        folder = network.own_folder_of(root)
        assert folder == root / network.folder.relative_to("/")
        folder.mkdir(parents=True)
        (lease,) = lease_paths(state_folder)
        assert claims_of(lease).other_folder == folder
        assert network.own_folder_of(Path("/")) == network.folder
    assert not folder.exists()
    assert folder.parent.is_dir()
    assert network.folder.parent.is_dir()


def test_a_folder_in_another_root_that_was_left_over_is_removed(state_folder: Path, tmp_path: Path) -> None:
    state_folder.mkdir()
    lease = Lease.take(state_folder, SUBNET)
    assert lease is not None
    folder = tmp_path / "root" / "tmp" / "x"
    lease.record(other_folder=folder)
    (folder / "n1").mkdir(parents=True)
    os.close(lease.descriptor)
    assert Removed(kind=Kind.FOLDER, name=str(folder)) in clean(state_folder=state_folder)
    assert list(folder.parent.iterdir()) == []


def test_without_any_run_there_is_nothing_to_clean(tmp_path: Path) -> None:
    assert clean(state_folder=tmp_path / "nothing") == ()
