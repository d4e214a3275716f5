import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from harness.backends.network import process as process_module
from harness.backends.network.network import Network, NetworkNode
from harness.backends.network.process import Process
from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.network.networks import skip_without_root
from tests.backends.network.wrappers import (
    WRAPPERS,
    servers_in,
    serves,
    start_wrapped,
    states_in,
    wrapper_of,
)

pytestmark = pytest.mark.namespaces

Start = Callable[..., tuple[Process, ProcessIdentity]]

# A handler would not be called if the signal came between "up" and the call that waits.
POLITE = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("up", flush=True)
signal.sigwait([signal.SIGTERM])
print("bye", flush=True)
sys.exit(7)
"""


@pytest.fixture(autouse=True)
def nothing_is_left(network: Network) -> Iterator[None]:
    """Ends what a test has left running, so that the next one is alone on the nodes, whatever happened."""
    yield
    for node in network.nodes:
        for pid in states_in(node):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not any(map(states_in, network.nodes)), timeout_s=10)


@pytest.fixture
def started(tmp_path: Path) -> Start:
    """Starts the program that serves."""

    def start(node: NetworkNode, wrapper: Sequence[str] = ()) -> tuple[Process, ProcessIdentity]:
        return start_wrapped(node, wrapper, log=tmp_path / "log")

    return start


def test_a_killed_process_is_gone(network: Network, tmp_path: Path) -> None:
    process = network.node("n1").start(["sleep", "1000"], log=tmp_path / "log")
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    process.kill()
    assert identity.has_ended()
    assert process.exit_code() == -signal.SIGKILL


def test_a_stopped_process_shuts_down_even_if_it_was_paused(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = network.node("n1").start([sys.executable, "-c", POLITE], log=log)
    assert wait_until(log.read_text, timeout_s=10) == "up\n"
    process.pause()
    assert process.stop() == 7
    assert log.read_text() == "up\nbye\n"


def test_a_paused_process_stands_still_until_it_is_resumed(network: Network, tmp_path: Path) -> None:
    process = network.node("n1").start(["sleep", "1000"], log=tmp_path / "log")
    process.pause()
    assert states_in(network.node("n1")) == {process.pid: {"T"}}
    process.resume()
    assert wait_until(lambda: states_in(network.node("n1")) == {process.pid: {"S"}}, timeout_s=10)
    process.pause()
    process.kill()


def test_what_has_ended_cannot_be_paused(network: Network, tmp_path: Path) -> None:
    process = network.node("n2").start(["true"], log=tmp_path / "log")
    assert process.wait(timeout_s=10) == 0
    with pytest.raises(BackendError, match="cannot pause n2: it has ended with exit code 0"):
        process.pause()
    with pytest.raises(BackendError, match="cannot resume n2"):
        process.resume()


def test_a_timeout_shows_the_end_of_the_log(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = network.node("n1").start(["sh", "-c", "seq 100; sleep 1000"], log=log)
    assert wait_until(lambda: log.read_text().endswith("100\n"), timeout_s=10)
    with pytest.raises(BackendError, match=r"still runs after 0\.01 s; its log ends with:\n  96\n  97\n"):
        process.wait(timeout_s=0.01)
    process.kill()


def test_the_log_of_a_restarted_node_goes_on(network: Network, tmp_path: Path) -> None:
    for word in ("first", "second"):
        assert network.node("n1").start(["echo", word], log=tmp_path / "log").wait(timeout_s=10) == 0
    assert (tmp_path / "log").read_text() == "first\nsecond\n"


def test_a_program_that_is_missing_is_named_with_its_node(network: Network, tmp_path: Path) -> None:
    with pytest.raises(
        BackendError, match="cannot start no-such-program on n3: no-such-program: No such file"
    ):
        network.node("n3").start(["no-such-program"], log=tmp_path / "log")


def test_programs_see_other_numbers_than_we_do(network: Network, tmp_path: Path) -> None:
    process = network.node("n1").start(["sh", "-c", "echo $$; sleep 1000"], log=tmp_path / "log")
    assert wait_until((tmp_path / "log").read_text, timeout_s=10) != f"{process.pid}\n"
    assert Path(f"/proc/{process.pid}/ns/pid").stat().st_ino != os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116
    process.kill()


@pytest.mark.parametrize("name", WRAPPERS)
def test_signals_reach_what_a_wrapper_has_started(
    network: Network, started: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(process_module, "_WRAPPER_TIMEOUT_S", 60)
    wrapper, node, log = wrapper_of(network, name, tmp_path), network.node("n2"), tmp_path / "log"
    process, server = started(node, wrapper)
    assert process.exit_code() is None
    process.pause()
    states = states_in(node)
    assert server.pid in states
    assert all(threads <= {"T", "t"} for threads in states.values())
    process.resume()
    assert serves(network, node)
    process.pause()
    assert process.stop() == 0
    assert server.has_ended()
    assert states_in(node) == {}
    # In order, and once: a script has not gone on while what it waits for stood still.
    said = [line for line in log.read_text().splitlines() if not line.startswith("serves")]
    assert said == ["drained", "script goes on"][: 2 if name == "job control" else 1]

    process, server = started(node, wrapper)
    process.kill()
    assert server.has_ended()
    assert states_in(node) == {}
    # Of who was killed, not of a wrapper that had ended well before.
    assert process.exit_code() == -signal.SIGKILL
    assert log.read_text().endswith(f"serves {server.pid}\n")


def test_a_wrapper_that_starts_it_again_is_stopped_too(
    network: Network, started: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "_WRAPPER_TIMEOUT_S", 0.1)
    node, log = network.node("n3"), tmp_path / "log"
    forever = ("sh", "-c", 'while :; do "$@"; done', "sh")
    process, _ = started(node, forever)
    assert process.stop() == -signal.SIGTERM
    assert states_in(node) == {}
    process, _ = started(node, forever)
    count = len(servers_in(log))
    process.kill()
    assert states_in(node) == {}
    assert len(servers_in(log)) == count


def test_what_has_no_server_is_stopped_as_a_whole(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = network.node("n3").start(
        ["sh", "-c", "setsid sleep 1000 & sleep 1000 & echo up; wait"], log=log
    )
    assert wait_until(lambda: len(states_in(network.node("n3"))) == 3 and log.read_text(), timeout_s=10)
    assert process.stop() == -signal.SIGTERM
    assert states_in(network.node("n3")) == {}


def test_how_a_server_has_ended_is_told_though_its_wrapper_ended_well_before(
    network: Network, tmp_path: Path
) -> None:
    network.node("n3").start(["sleep", "1000"], log=tmp_path / "other")
    (tmp_path / "gate").touch()
    script = "while [ -e gate ]; do sleep 0.01; done; exit 3"
    process = network.node("n1").start(
        ["sh", "-c", f"(setsid sh -c '{script}' &)"], log=tmp_path / "log", folder=tmp_path
    )
    assert wait_until(lambda: not Path(f"/proc/{process.pid}").exists(), timeout_s=10)
    assert process.exit_code() is None
    (tmp_path / "gate").unlink()
    assert process.wait(timeout_s=10) == 3


def test_programs_of_one_node_end_each_for_itself(network: Network, tmp_path: Path) -> None:
    node = network.node("n1")
    first = node.start(["sleep", "1000"], log=tmp_path / "log")
    second = node.start(["sleep", "1000"], log=tmp_path / "log")
    second.kill()
    assert first.exit_code() is None
    third = node.start(["sleep", "1000"], log=tmp_path / "log")
    first.kill()
    assert third.exit_code() is None
    third.kill()


def test_who_looks_at_a_node_from_outside_is_left_alone(network: Network, started: Start) -> None:
    skip_without_root(network)
    node = network.node("n2")
    process, _ = started(node)
    with subprocess.Popen(["nsenter", f"--net={node.namespace.path}", "sleep", "1000"]) as onlooker:
        assert wait_until(lambda: onlooker.pid in states_in(node), timeout_s=10)
        process.pause()
        assert states_in(node)[onlooker.pid] == {"S"}
        process.kill()
        assert [*states_in(node)] == [onlooker.pid]
        onlooker.kill()
