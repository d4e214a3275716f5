import os
import signal
import sys
from pathlib import Path

import pytest

from harness.backends.network.network import Network
from harness.backends.network.process_identity import ProcessIdentity, is_stopped
from harness.errors import BackendError
from harness.waiting import wait_until

pytestmark = pytest.mark.namespaces

POLITE = """
import signal, sys
def leave(*_):
    print("bye", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
signal.pause()
"""


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
    assert is_stopped(process.pid)
    process.resume()
    assert wait_until(lambda: not is_stopped(process.pid), timeout_s=10)
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
