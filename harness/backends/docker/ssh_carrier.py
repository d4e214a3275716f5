"""The way to an engine by ssh: each connection is a ``docker system dial-stdio`` on the machine where it is.

One ssh connection carries them all; where it does not (sshd's MaxSessions), ssh makes another one. Nobody is asked for a
password: what ssh has to know stands in its own files, or in its agent.

Source:
    docker/cli, cli/connhelper; OpenSSH, ssh(1), ssh_config(5).
"""

import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from harness.backends.network.syscalls import die_with_parent
from harness.waiting import wait_until

_CONNECT_TIMEOUT_S = 10
_READY_TIMEOUT_S = 30.0
_END_TIMEOUT_S = 5.0
_OPTIONS = ("BatchMode=yes", f"ConnectTimeout={_CONNECT_TIMEOUT_S}", "ClearAllForwardings=yes")
# A socket's address has 108 bytes, some systems' 104, and ssh makes it under a name that is 17 bytes longer.
_PATH_BYTES_MAX = 85


class SshCarrier:
    """Carries connections by processes of ssh.

    Args:
        url: of the engine, ``ssh://USER@HOST:PORT``; with a path, that of its socket there.
        folder: for files that ssh needs meanwhile.

    Raises:
        OSError: there is no ssh.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._words = folder / "w"
        self._words.touch()
        self._control = folder / "c"
        target, path = _target(url)
        self._target = target
        there = ["docker", *(["--host", f"unix://{path}"] if path else []), "system", "dial-stdio"]
        self._command = shlex.join(there)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._master: subprocess.Popen[bytes] | None = None
        self._is_begun = self._is_refused = False
        if shutil.which("ssh") is None:
            raise FileNotFoundError("there is no program ssh: apt install openssh-client (Debian, Ubuntu)")

    def carry(self, connection: socket.socket) -> None:
        """Take a connection over, and let ssh pass its bytes on."""
        if not self._is_begun:
            # Here, for processes end with the thread that has started them.
            self._is_begun = True
            self._begin()
        self._processes = [process for process in self._processes if process.poll() is None]
        with connection, suppress(OSError):
            if not self._is_refused:
                self._processes.append(self._start(self._shared, self._command, connection))

    def why_not(self) -> str:
        """The last line that ssh, or the docker command there, has said."""
        wait_until(
            lambda: all(process.poll() is not None for process in self._processes), timeout_s=_END_TIMEOUT_S
        )
        lines = self._words.read_text(errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else ""

    def close(self) -> None:
        """End all connections."""
        for process in (*self._processes, *([self._master] if self._master else [])):
            process.kill()
            process.wait()
        self._processes, self._master = [], None

    @property
    def _shared(self) -> tuple[str, ...]:
        return () if self._master is None else ("-S", str(self._control), "-o", "ControlMaster=no")

    def _begin(self) -> None:
        if len(str(self._control).encode()) > _PATH_BYTES_MAX:
            return
        options = ("-M", "-N", "-S", str(self._control), "-o", "ControlPersist=no")
        with suppress(OSError):
            master = self._master = self._start(options, "", None)
            wait_until(
                lambda: self._control.exists() or master.poll() is not None,
                timeout_s=_READY_TIMEOUT_S,
            )
            self._is_refused = master.poll() is not None

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
                preexec_fn=_die_with_us,  # noqa: PLW1509  (one system call, no locks)
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


def _die_with_us() -> None:
    if sys.platform == "linux":
        die_with_parent(signal.SIGKILL)
