"""With an ``ssh`` that stays here; real ones are in test_elsewhere.py."""

import os
import shlex
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.backends.docker.gate import Gate
from harness.backends.docker.ssh_carrier import SshCarrier
from harness.backends.docker.temporary_folder import make_folder
from harness.waiting import wait_until

# A trunk makes the file that others find it by; what goes through one says what it was sent.
_SSH = """\
#!/bin/sh
echo "$*" >>{words}
for word in "$@"; do
    if [ "$before" = -S ]; then control=$word; fi
    if [ "$word" = -N ]; then is_trunk=1; fi
    before=$word
done
{refusal}
if [ -n "$is_trunk" ]; then : >"$control"; exec sleep 60; fi
exec cat
"""


class Ssh:
    """A program in the PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._words = folder / "words"
        self._words.touch()

    def install(self, *, refusal: str = "") -> None:
        program = self._folder / "ssh"
        program.write_text(_SSH.format(words=shlex.quote(str(self._words)), refusal=refusal))
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._words.read_text().splitlines()


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    ssh = Ssh(tmp_path)
    ssh.install()
    return ssh


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def opened(stack: ExitStack, url: str = "ssh://me@There:2222") -> Gate:
    folder = make_folder()
    gate = Gate(folder, SshCarrier(url, folder))
    stack.callback(gate.close)
    return gate


def connected(stack: ExitStack, gate: Gate) -> socket.socket:
    connection = stack.enter_context(socket.socket(socket.AF_UNIX))
    connection.settimeout(20)
    connection.connect(gate.url.removeprefix("unix://"))
    return connection


def said_back(connection: socket.socket) -> bytes:
    connection.sendall(b"ping")
    return connection.recv(4, socket.MSG_WAITALL)


def test_bytes_go_both_ways_until_one_side_ends(ssh: Ssh, stack: ExitStack) -> None:
    connection = connected(stack, opened(stack))
    assert said_back(connection) == b"ping"
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""
    trunk, carried = ssh.calls
    assert " -M -N " in trunk
    assert "BatchMode=yes" in trunk
    assert carried.endswith("-o ControlMaster=no -l me -p 2222 -- There docker system dial-stdio")


def test_path_is_that_of_the_socket_there(ssh: Ssh, stack: ExitStack) -> None:
    assert said_back(connected(stack, opened(stack, "ssh://There/run/user/1000/docker.sock"))) == b"ping"
    assert ssh.calls[-1].endswith(
        " -- There docker --host unix:///run/user/1000/docker.sock system dial-stdio"
    )


def test_no_trunk_carries_more_than_sshd_allows(ssh: Ssh, stack: ExitStack) -> None:
    gate = opened(stack)
    connections = [connected(stack, gate) for _ in range(17)]
    assert [said_back(connection) for connection in connections] == [b"ping"] * 17
    assert len([call for call in ssh.calls if " -N " in call]) == 3
    for connection in connections:
        connection.close()
    # Those that have ended make room.
    assert said_back(connected(stack, gate)) == b"ping"
    assert len([call for call in ssh.calls if " -N " in call]) == 3


def test_last_word_of_ssh_says_why_not(ssh: Ssh, stack: ExitStack) -> None:
    ssh.install(
        refusal='echo "Connection closed" >&2; echo "me@There: Permission denied (publickey)." >&2; exit 255'
    )
    gate = opened(stack)
    with pytest.raises(ConnectionError, match=r"^me@There: Permission denied \(publickey\)\.$"):
        gate.knock(timeout_s=20)
    # It is asked once, not once more for each connection.
    with pytest.raises(ConnectionError):
        gate.knock(timeout_s=20)
    assert len(ssh.calls) == 1


def test_what_is_no_engine_is_told_from_one(ssh: Ssh, stack: ExitStack) -> None:
    ssh.install(refusal='if [ -z "$is_trunk" ]; then exit 0; fi')
    with pytest.raises(ConnectionError, match="what answers there is no engine"):
        opened(stack).knock(timeout_s=20)


def test_nothing_is_left_when_it_is_closed(ssh: Ssh, stack: ExitStack) -> None:
    gate = opened(stack)
    connection = connected(stack, gate)
    assert said_back(connection) == b"ping"
    folder = Path(gate.url.removeprefix("unix://")).parent
    gate.close()
    assert connection.recv(1) == b""
    assert not folder.exists()
    assert wait_until(lambda: not _runs(folder), timeout_s=10)


def _runs(folder: Path) -> bool:
    """Whether a process knows a folder by its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


def test_without_ssh_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt install openssh-client"):
        SshCarrier("ssh://there", tmp_path)
