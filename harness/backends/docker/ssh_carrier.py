"""The way to an engine by ssh: each connection is a ``docker system dial-stdio`` on the machine where it is.

Each ssh connection carries several; where sshd allows fewer, ssh itself makes more. Nobody is asked for a
password: what ssh has to know stands in its own files, or in its agent.

Source:
    docker/cli, cli/connhelper; OpenSSH, ssh(1), ssh_config(5).
"""

import shlex
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.backends.network.syscalls import die_with_parent
from harness.waiting import wait_until

_CONNECT_TIMEOUT_S = 10
_READY_TIMEOUT_S = 30.0
_REFUSED_S = 10.0
_END_TIMEOUT_S = 1.0
_CONNECTIONS_MAX = 8
"""On one ssh connection; sshd's MaxSessions is 10 unless somebody has changed it."""
_OPTIONS = (
    "BatchMode=yes",
    f"ConnectTimeout={_CONNECT_TIMEOUT_S}",
    "ClearAllForwardings=yes",
    # Half a minute after the other machine is gone without a word.
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
)
# A socket's address has 108 bytes, some systems' 104, and ssh makes it under a name that is 17 bytes longer.
_PATH_BYTES_MAX = 85


@dataclass(frozen=True, slots=True)
class _Trunk:
    """An ssh connection that others go through."""

    path: Path
    """Of the socket that they find it by."""
    process: "subprocess.Popen[bytes]"
    carried: "list[subprocess.Popen[bytes]]" = field(default_factory=list)


class SshCarrier:
    """Carries connections by processes of ssh.

    Args:
        url: of the engine, ``ssh://USER@HOST:PORT``; with a path, that of its socket there.
        folder: for files that ssh needs meanwhile.

    Raises:
        OSError: there is no ssh.
    """

    def __init__(self, url: str, folder: Path) -> None:
        if shutil.which("ssh") is None:
            raise FileNotFoundError("there is no program ssh: apt install openssh-client (Debian, Ubuntu)")
        self._folder = folder
        self._words = folder / "w"
        self._words.touch()
        self._target, path = _target(url)
        there = ["docker", *(["--host", f"unix://{path}"] if path else []), "system", "dial-stdio"]
        self._command = shlex.join(there)
        self._trunks: list[_Trunk] = []
        self._alone: list[subprocess.Popen[bytes]] = []
        self._count = 0
        self._refused_until_s = 0.0

    def carry(self, connection: socket.socket) -> None:
        """Take a connection over, and let ssh pass its bytes on."""
        for carried in (self._alone, *(trunk.carried for trunk in self._trunks)):
            carried[:] = [process for process in carried if process.poll() is None]
        # Where no process can be started, the connection ends at once.
        with connection, suppress(OSError):
            # Here, for processes end with the thread that has started them.
            if not self._has_trunks:
                self._alone.append(self._start((), self._command, connection))
                return
            trunk = self._trunk()
            if trunk is not None:
                options = ("-S", str(trunk.path), "-o", "ControlMaster=no")
                trunk.carried.append(self._start(options, self._command, connection))

    def why_not(self) -> str:
        """The last line that ssh, or the docker command there, has said."""
        wait_until(
            lambda: all(process.poll() is not None for process in self._carried), timeout_s=_END_TIMEOUT_S
        )
        lines = self._words.read_text(errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else ""

    def close(self) -> None:
        """End all connections."""
        for process in (*self._carried, *(trunk.process for trunk in self._trunks)):
            process.kill()
            process.wait()
        self._trunks, self._alone = [], []

    @property
    def _carried(self) -> "list[subprocess.Popen[bytes]]":
        return [*self._alone, *(process for trunk in self._trunks for process in trunk.carried)]

    @property
    def _has_trunks(self) -> bool:
        """Whether the path of their sockets is short enough."""
        return len(str(self._path_of_trunk).encode()) <= _PATH_BYTES_MAX

    @property
    def _path_of_trunk(self) -> Path:
        return self._folder / f"c{self._count}"

    def _trunk(self) -> _Trunk | None:
        """One that has room for another connection; None: there is no way."""
        for trunk in tuple(self._trunks):
            if trunk.process.poll() is not None:
                self._trunks.remove(trunk)
                self._alone += trunk.carried
            elif len(trunk.carried) < _CONNECTIONS_MAX:
                return trunk
        # Others have waited for what has just failed, and are not to wait once more.
        if time.monotonic() < self._refused_until_s:
            return None
        self._count += 1
        path = self._path_of_trunk
        process = self._start(("-M", "-N", "-S", str(path), "-o", "ControlPersist=no"), "", None)
        wait_until(lambda: path.exists() or process.poll() is not None, timeout_s=_READY_TIMEOUT_S)
        if path.exists() and process.poll() is None:
            self._trunks.append(_Trunk(path, process))
            return self._trunks[-1]
        process.kill()
        process.wait()
        self._refused_until_s = time.monotonic() + _REFUSED_S
        return None

    def _start(
        self, options: tuple[str, ...], command: str, connection: socket.socket | None
    ) -> "subprocess.Popen[bytes]":
        common = [word for option in _OPTIONS for word in ("-o", option)]
        ends = subprocess.DEVNULL if connection is None else connection.fileno()
        with self._words.open("ab") as words:
            return subprocess.Popen(  # noqa: S603  (ssh, from the PATH)
                ["ssh", "-T", *common, *options, *self._target, *([command] if command else [])],  # noqa: S607
                stdin=ends,
                stdout=ends,
                stderr=words,
                # Ctrl-C is for us alone, who then take everything down in order.
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  (one system call, no locks)
            )


def _target(url: str) -> tuple[list[str], str]:
    """Arguments of ssh that say where to, and the path of the engine's socket there."""
    parts = urlsplit(url)
    # Not parts.hostname, which is in lower case: names in ssh's own files need not be.
    host = parts.netloc.rpartition("@")[2]
    if parts.port is not None:
        host = host.rpartition(":")[0]
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    return [*user, *port, "--", host.strip("[]")], parts.path.rstrip("/")
