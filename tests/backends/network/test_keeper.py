import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.backends.network.keeper import Keeper
from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError
from harness.waiting import wait_until

pytestmark = pytest.mark.namespaces

TIMEOUT_S = 10


def started(keeper: Keeper, folder: Path, *command: str) -> ProcessIdentity:
    started = keeper.start(keeper.hub, command, stdout=folder / "out")
    identity = ProcessIdentity.of(started.pid)
    assert identity is not None
    return identity


def test_a_program_runs_in_the_namespace_and_not_in_ours(keeper: Keeper, tmp_path: Path) -> None:
    namespace, descriptor = keeper.add_namespace()
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)
    program = keeper.start(namespace, ["readlink", "/proc/self/ns/net"], stdout=tmp_path / "out")
    assert wait_until(lambda: keeper.exit_code(program) == 0, timeout_s=TIMEOUT_S)
    assert (tmp_path / "out").read_text() == f"net:[{inode}]\n"
    assert inode != Path("/proc/self/ns/net").stat().st_ino
    assert namespace.path.stat().st_ino == inode


def test_a_program_gets_its_environment_folder_and_files(keeper: Keeper, tmp_path: Path) -> None:
    program = keeper.start(
        keeper.hub,
        ["sh", "-c", "pwd; echo $COLOUR >&2; cat"],
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        environment={"COLOUR": "blue", "PATH": os.environ["PATH"]},
        folder=tmp_path,
    )
    assert wait_until(lambda: keeper.exit_code(program) == 0, timeout_s=TIMEOUT_S)
    assert (tmp_path / "out").read_text() == f"{tmp_path}\n"
    assert (tmp_path / "err").read_text() == "blue\n"


def test_exit_codes_and_signals_are_told(keeper: Keeper, tmp_path: Path) -> None:
    three = keeper.start(keeper.hub, ["sh", "-c", "exit 3"], stdout=tmp_path / "out")
    killed = keeper.start(keeper.hub, ["sleep", "1000"], stdout=tmp_path / "out")
    assert keeper.exit_code(killed) is None
    keeper.signal(killed, signal.SIGKILL)
    assert wait_until(lambda: keeper.exit_code(killed) == -signal.SIGKILL, timeout_s=TIMEOUT_S)
    assert wait_until(lambda: keeper.exit_code(three) == 3, timeout_s=TIMEOUT_S)
    keeper.signal(killed, signal.SIGKILL)


def test_a_program_that_cannot_be_started_is_named(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        keeper.start(keeper.hub, ["no-such-program"], stdout=tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no-such-folder"):
        keeper.start(keeper.hub, ["true"], stdout=tmp_path / "out", folder=Path("/no-such-folder"))
    with pytest.raises(FileNotFoundError, match="no-such-place"):
        keeper.start(keeper.hub, ["true"], stdout=Path("/no-such-place/out"))


def test_a_wrapper_has_not_ended_before_what_it_has_started(keeper: Keeper, tmp_path: Path) -> None:
    wrapper = keeper.start(keeper.hub, ["sh", "-c", "sleep 1000 & echo $! ; exit 0"], stdout=tmp_path / "out")
    assert wait_until((tmp_path / "out").read_text, timeout_s=TIMEOUT_S)
    assert wait_until(lambda: keeper.exit_code(wrapper) is not None, timeout_s=0.1) is False
    keeper.signal(wrapper, signal.SIGTERM)
    assert wait_until(lambda: keeper.exit_code(wrapper) is not None, timeout_s=TIMEOUT_S)


def test_sockets_belong_to_the_namespace(keeper: Keeper) -> None:
    with (
        keeper.open_socket(keeper.hub, socket.AF_INET, socket.SOCK_STREAM) as theirs,
        pytest.raises(OSError, match="Network is unreachable"),
    ):
        # There, loopback is down.
        theirs.connect(("127.0.0.1", 9))


def test_everything_ends_with_close(keeper: Keeper, tmp_path: Path) -> None:
    sleeper = started(keeper, tmp_path, "sleep", "1000")
    # Out of its session, and with another parent.
    keeper.start(
        keeper.hub, ["setsid", "-f", "sh", "-c", "echo $$; exec sleep 1000"], stdout=tmp_path / "loose"
    )
    assert wait_until((tmp_path / "loose").read_text, timeout_s=TIMEOUT_S)
    count = len(list(Path("/proc").glob("[0-9]*")))
    keeper.close()
    assert sleeper.has_ended()
    assert wait_until(lambda: len(list(Path("/proc").glob("[0-9]*"))) <= count - 3, timeout_s=TIMEOUT_S)
    with pytest.raises(BackendError, match="has been closed"):
        keeper.add_namespace()
    keeper.close()


@pytest.mark.parametrize("which", ["pid", "outer_pid"])
def test_everything_ends_with_the_keeper(keeper: Keeper, tmp_path: Path, which: str) -> None:
    sleeper = started(keeper, tmp_path, "sleep", "1000")
    program = keeper.start(keeper.hub, ["sleep", "1000"], stdout=tmp_path / "out")
    os.kill(getattr(keeper, which), signal.SIGKILL)
    assert wait_until(sleeper.has_ended, timeout_s=TIMEOUT_S)
    assert wait_until(lambda: keeper.exit_code(program) == -signal.SIGKILL, timeout_s=TIMEOUT_S)
    with pytest.raises(BackendError, match="the keeper of the namespaces has ended"):
        keeper.add_namespace()


def test_ctrl_c_is_for_us_alone(keeper: Keeper, tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(keeper.pid, number)
    assert os.getsid(keeper.pid) != os.getsid(0)
    assert started(keeper, tmp_path, "sleep", "1000").is_alive()


OWNER = """
import sys, time
from pathlib import Path
from harness.backends.network.keeper import Keeper
folder = Path(sys.argv[1])
with (folder / "lease").open("wb") as lease:
    keeper = Keeper(lease_descriptor=lease.fileno(), log=folder / "keeper.log")
program = keeper.start(keeper.hub, ["sleep", "1000"], stdout=folder / "out")
print(program.pid, flush=True)
time.sleep(1000)
"""


def test_everything_ends_with_the_process_that_made_it(namespaces: None, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        sleeper = ProcessIdentity.of(int(owner.stdout.readline()))
        assert sleeper is not None
        owner.kill()
    assert wait_until(sleeper.has_ended, timeout_s=TIMEOUT_S)


def test_the_answer_to_a_question_that_was_interrupted_is_not_taken_for_the_next(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(keeper, "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            keeper.add_namespace()
    program = keeper.start(keeper.hub, ["sh", "-c", "exit 5"], stdout=tmp_path / "out")
    assert wait_until(lambda: keeper.exit_code(program) == 5, timeout_s=TIMEOUT_S)


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_request_that_is_too_long_is_an_error(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="does not reach the keeper"):
        keeper.start(keeper.hub, ["true", "x" * 4_000_000], stdout=tmp_path / "out")
    assert started(keeper, tmp_path, "sleep", "1000").is_alive()
