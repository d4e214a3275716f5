"""The other end of ``keeper_program``: makes namespaces, opens sockets in them, starts programs in them."""

import array
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from harness.backends.network.keeper_program import DESCRIPTORS_MAX, MESSAGE_BYTES_MAX
from harness.backends.network.privileges import may_make_namespaces, refused
from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError
from harness.waiting import wait_until

_ROOT = str(Path(__file__).parents[3])
# Neither site-packages nor the user's settings: looking for them takes as long as all the rest.
_PROGRAM = f"import sys; sys.path.append({_ROOT!r}); from harness.backends.network import keeper_program as k; k.main()"

_END_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A network namespace that lives as long as its keeper."""

    number: int
    path: Path
    """For ``nsenter --net=PATH``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A program that runs in a namespace."""

    number: int
    pid: int
    """As seen from here; it has another number where it runs."""


class Keeper:
    """Holds the namespaces of one network.

    Args:
        lease_descriptor: an open file that stays open, and locked, until everything in the namespaces has ended.
        log: file for what nobody expects the keeper to say.

    Raises:
        BackendError: the kernel does not let us make namespaces.
    """

    def __init__(self, *, lease_descriptor: int, log: Path) -> None:
        self._lock = Lock()
        self._request_count = 0
        self._log = log
        self._namespace_descriptors: list[int] = []
        self.is_rootless = not may_make_namespaces()
        """Whether there is a user namespace around the network, so that the host is out of reach from there."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES_MAX)
        owner = os.pidfd_open(os.getpid())
        passed = (theirs.fileno(), owner, lease_descriptor)
        try:
            with theirs, log.open("ab") as log_file:
                self._process = subprocess.Popen(  # noqa: S603  (our own program)
                    [
                        sys.executable,
                        *("-I", "-S", "-c", _PROGRAM),
                        *map(str, passed),
                        str(int(self.is_rootless)),
                    ],
                    pass_fds=passed,
                    stdin=subprocess.DEVNULL,
                    stdout=log_file,
                    stderr=log_file,
                    # Ctrl-C is for us alone, who then take everything down in order.
                    start_new_session=True,
                )
        finally:
            os.close(owner)
        self.outer_pid = self._process.pid
        """Of the parent of the first process in the namespaces."""
        try:
            reply, descriptors = self._receive()
            _check_greeting(reply)
        except BaseException:
            self.close()
            raise
        self.pid = _int(reply["pid"])
        """Of the first process in the namespaces; a new one starts in the hub."""
        self.hub = self._namespace(0, reply)
        """The first network namespace, which the bridge is for."""
        self._hub_descriptor = descriptors[0]
        # Open as long as the keeper is: its number could soon be that of another process.
        self.pid_namespace_descriptor = self._open_namespace("pid")
        """The namespace of process numbers, in which all ends with the keeper."""
        self.user_namespace_descriptor = self._open_namespace("user") if self.is_rootless else None
        """The user namespace around the network, if there is one."""

    @property
    def hub_descriptor(self) -> int:
        """The hub, open as long as the keeper is."""
        return self._hub_descriptor

    def add_namespace(self) -> tuple[Namespace, int]:
        """Make a network namespace; return it, and a descriptor of it that the caller closes.

        Raises:
            BackendError: the kernel refuses, or the keeper is gone.
        """
        reply, descriptors = self._ask({"do": "namespace"})
        if "error" in reply:
            raise refused("a network namespace", _int(reply["error"]))
        return self._namespace(_int(reply["namespace"]), reply), descriptors[0]

    def open_socket(self, namespace: Namespace, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket that belongs to a namespace, for use from here.

        Raises:
            OSError: there is no such socket, or it is not permitted.
            BackendError: the keeper is gone.
        """
        request = {"namespace": namespace.number, "family": family, "type": kind, "protocol": protocol}
        reply, descriptors = self._ask({"do": "socket", **request})
        _raise_os_error(reply)
        return socket.socket(fileno=descriptors[0])

    def start(
        self,
        namespace: Namespace,
        command: Sequence[str],
        *,
        stdout: Path,
        stderr: Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        is_appended: bool = False,
        passed: Sequence[int] = (),
    ) -> Started:
        """Start a program, as the leader of a session of its own.

        Args:
            namespace: where.
            command: program and arguments; the program is looked for in the PATH of its environment.
            stdout: file for standard output.
            stderr: file for standard error; None: the same.
            environment: all its variables; None: ours.
            folder: where it starts; None: where we are.
            is_appended: keep what stands in the files.
            passed: descriptors that it gets as 3, 4 ...

        Raises:
            OSError: the program, a file or the folder cannot be opened.
            BackendError: the keeper is gone.
        """
        mode = "ab" if is_appended else "wb"
        with (
            Path(os.devnull).open("rb") as stdin_file,
            stdout.open(mode) as stdout_file,
            (stderr or stdout).open("ab" if stderr is None else mode) as stderr_file,
        ):
            files = [
                stdin_file.fileno(),
                stdout_file.fileno(),
                (stderr_file if stderr else stdout_file).fileno(),
                *passed,
            ]
            reply, _ = self._ask(
                {
                    "do": "start",
                    "namespace": namespace.number,
                    "command": [*command],
                    "environment": dict(os.environ if environment is None else environment),
                    "folder": str(folder or Path.cwd()),
                },
                files,
            )
        _raise_os_error(reply)
        return Started(number=_int(reply["process"]), pid=_int(reply["pid"]))

    def adopt(self, namespace: Namespace, inner_pid: int, *, pid: int) -> Started:
        """Take a process of the namespaces, left alone by its parent, for one that was started here.

        Args:
            namespace: where it is.
            inner_pid: its number in there; it leads a session.
            pid: as seen from here.

        Raises:
            BackendError: the keeper is gone.
        """
        reply, _ = self._ask({"do": "adopt", "namespace": namespace.number, "pid": inner_pid, "session": pid})
        return Started(number=_int(reply["process"]), pid=pid)

    def signal(self, started: Started, number: int) -> None:
        """Send a signal to a program and to what it has started; nothing happens if all that has ended.

        Raises:
            BackendError: the keeper is gone.
        """
        self._ask_about(started, {"do": "signal", "signal": number})

    def pause(self, started: Started) -> bool:
        """Let a program and what it has started stop, those first who have started others; to be called until it is so.

        Returns:
            Whether all stand still.

        Raises:
            BackendError: the keeper is gone.
        """
        return self._ask_about(started, {"do": "pause"})["paused"] is True

    def terminate(self, started: Started, *, is_patient: bool) -> tuple[ProcessIdentity, ...]:
        """Let a program shut down (SIGTERM), paused or not.

        Args:
            started: the program.
            is_patient: tell those of its processes that serve, or all if none does; otherwise all that were not told yet.

        Returns:
            Who was told to.

        Raises:
            BackendError: the keeper is gone.
        """
        asked = self._ask_about(started, {"do": "terminate", "is_patient": is_patient})["asked"]
        assert isinstance(asked, list)
        return tuple(ProcessIdentity(*identity) for identity in asked)

    def exit_code(self, started: Started) -> int | None:
        """The exit code of a program once nothing is left of it, negative for a signal; None while it runs."""
        try:
            # Who cannot be looked for at the moment counts as running.
            status = self._ask({"do": "status", "process": started.number})[0].get("status")
        except BackendError:
            # Whatever ended the keeper has ended everything in there as well.
            return -signal.SIGKILL
        return None if status is None else _int(status)

    def close(self) -> None:
        """End everything that runs in the namespaces, and thereby the namespaces; returns when nothing runs."""
        with self._lock:
            self._control.close()
            if hasattr(self, "_hub_descriptor"):
                os.close(self._hub_descriptor)
                del self._hub_descriptor
            while self._namespace_descriptors:
                os.close(self._namespace_descriptors.pop())
        if not wait_until(lambda: self._process.poll() is not None, timeout_s=_END_TIMEOUT_S):
            self._process.kill()
            self._process.wait()

    def _open_namespace(self, kind: str) -> int:
        """Open a namespace of the keeper's."""
        try:
            descriptor = os.open(f"/proc/{self.pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.close()
            raise self._gone() from None
        self._namespace_descriptors.append(descriptor)
        return descriptor

    def _namespace(self, number: int, reply: dict[str, object]) -> Namespace:
        return Namespace(
            number=number,
            path=Path(f"/proc/{_int(reply['pid']) if number == 0 else self.pid}/fd/{reply['descriptor']}"),
        )

    def _ask_about(self, started: Started, request: dict[str, object]) -> dict[str, object]:
        reply, _ = self._ask({**request, "process": started.number})
        if "error" in reply:
            why = os.strerror(_int(reply["error"]))
            raise BackendError(f"cannot tell which processes belong to process {started.pid}: {why}")
        return reply

    def _ask(
        self, request: dict[str, object], descriptors: Sequence[int] = ()
    ) -> tuple[dict[str, object], list[int]]:
        with self._lock:
            self._request_count += 1
            data = json.dumps({"request": self._request_count, **request}).encode()
            if self._control.fileno() < 0:
                raise BackendError("the network of these nodes has been closed")
            try:
                socket.send_fds(self._control, [data], descriptors)
            except (BrokenPipeError, ConnectionResetError):
                raise self._gone() from None
            except OSError as error:
                raise BackendError(
                    f"a request of {len(data)} bytes does not reach the keeper of the namespaces: {error.strerror}"
                ) from error
            while True:
                reply, opened = self._receive()
                if reply["request"] == self._request_count:
                    return reply, opened
                # Of a request whose asker was interrupted, by Ctrl-C for example.
                for descriptor in opened:
                    os.close(descriptor)

    def _receive(self) -> tuple[dict[str, object], list[int]]:
        try:
            data, ancillary, _, _ = self._control.recvmsg(
                MESSAGE_BYTES_MAX, socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
            )
        except ConnectionResetError:
            raise self._gone() from None
        if not data:
            raise self._gone()
        numbers = array.array("i")
        for level, kind, part in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers.frombytes(part[: len(part) - len(part) % numbers.itemsize])
        for number in numbers:
            os.set_inheritable(number, False)
        reply = json.loads(data)
        assert isinstance(reply, dict)
        return reply, list(numbers)

    def _gone(self) -> BackendError:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        said = f"; its last words: {lines[-1]!r}" if lines else ""
        return BackendError(f"the keeper of the namespaces has ended, and all nodes with it{said}")


def _check_greeting(reply: dict[str, object]) -> None:
    if "error" in reply:
        raise refused(str(reply["step"]), _int(reply["error"]))


def _raise_os_error(reply: dict[str, object]) -> None:
    if "error" in reply:
        number = _int(reply["error"])
        raise OSError(number, os.strerror(number), reply["step"])


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
