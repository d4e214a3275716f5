"""The other end of ``template_program``: starts copies of a loaded program in the namespaces of any network.

What takes a Python program most of its start is to load itself; here that happens once, beside other work, and serves
all networks that this process makes one after the other.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from harness.backends.network.keeper import Keeper, Namespace, Started
from harness.backends.network.template_program import MESSAGE_BYTES_MAX
from harness.errors import BackendError

_PROGRAM = "harness.backends.network.template_program"
_TIMEOUT_S = 60.0
_LOG_TAIL_BYTES = 2000


class Template:
    """A program that is being loaded, or is.

    Args:
        module: has the program's ``main(arguments)``, which gives the exit code; maybe also ``prepare()``, which does once
            what each copy would have to do.
        environment: all its variables, and those of its copies.
    """

    def __init__(self, module: str, *, environment: Mapping[str, str]) -> None:
        self.module = module
        """What the program is called."""
        self._lock = Lock()
        # No file: it belongs to no network, whose folder it could be in.
        self._log = os.memfd_create("template.log", os.MFD_CLOEXEC)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_TIMEOUT_S)
        # Our number is only for who looks at lists of processes.
        command = [sys.executable, "-m", _PROGRAM, module, str(theirs.fileno()), f"of={os.getpid()}"]
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603  (our own program)
                    command,
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    env=dict(environment),
                    # Ctrl-C is for us alone.
                    start_new_session=True,
                )
        except BaseException:
            self._control.close()
            os.close(self._log)
            raise

    @property
    def is_usable(self) -> bool:
        """Whether it is there, and was not closed."""
        return self._control.fileno() >= 0 and self._process.poll() is None

    def start(
        self,
        keeper: Keeper,
        namespace: Namespace,
        arguments: Sequence[str],
        *,
        name: str,
        log: Path,
        passed: int | None = None,
    ) -> Started:
        """Start a copy, as the leader of a session of its own; waits until the program is loaded.

        Args:
            keeper: of the network, with which the copy ends.
            namespace: where in it.
            arguments: of the program.
            name: what it is called among processes.
            log: file that standard output and standard error are added to.
            passed: a descriptor that the copy gets as well; its number there stands behind the arguments.

        Raises:
            OSError: the log cannot be opened, or there are too many processes.
            BackendError: the program cannot be loaded, or the keeper is gone.
        """
        with self._lock, Path(os.devnull).open("rb") as nothing, log.open("ab") as said:
            where = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC)
            files = {"pid": keeper.pid_namespace_descriptor, "net": where}
            if keeper.user_namespace_descriptor is not None:
                files["user"] = keeper.user_namespace_descriptor
            files |= {"0": nothing.fileno(), "1": said.fileno(), "2": said.fileno()}
            if passed is not None:
                files["passed"] = passed
            request = {"name": name, "arguments": [*arguments], "files": [*files]}
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [*files.values()])
                data = self._control.recv(MESSAGE_BYTES_MAX)
            except OSError as error:
                raise self._lost(str(error)) from error
            finally:
                os.close(where)
        if not data:
            raise self._lost("it has ended")
        reply: dict[str, int] = json.loads(data)
        if "error" in reply:
            raise OSError(reply["error"], os.strerror(reply["error"]))
        return keeper.adopt(namespace, reply["inner_pid"], pid=reply["pid"])

    def close(self) -> None:
        """Start nothing any more; copies go on. The second call does nothing."""
        if self._control.fileno() < 0:
            return
        self._control.close()
        os.close(self._log)
        # It has nothing to do but to end; while it is loaded, that cannot wait.
        self._process.kill()
        self._process.wait()

    def _lost(self, why: str) -> BackendError:
        """The error for one that does not answer; it is closed."""
        length = os.fstat(self._log).st_size
        told = os.pread(self._log, _LOG_TAIL_BYTES, max(0, length - _LOG_TAIL_BYTES))
        said = told.decode(errors="replace").rstrip()
        self.close()
        return BackendError(
            f"{self.module} cannot be loaded: {why}" + (f"; it said:\n{said}" if said else "")
        )


def template_of(module: str, *, environment: Mapping[str, str]) -> Template:
    """The template of a program, loaded for whoever asked for it first; it stays until this process ends.

    Args:
        module: as of ``Template``.
        environment: the same; another one than last time makes another template.
    """
    key = (os.getpid(), module, dict(environment))
    kept = _kept.get("template")
    if kept is not None and kept[0] == key and kept[1].is_usable:
        return kept[1]
    if kept is None:
        atexit.register(_close_kept)
    elif kept[0][0] == os.getpid():
        kept[1].close()
    template = Template(module, environment=environment)
    _kept["template"] = (key, template)
    return template


_kept: dict[str, tuple[tuple[int, str, dict[str, str]], Template]] = {}


def _close_kept() -> None:
    key, template = _kept.pop("template")
    if key[0] == os.getpid():
        template.close()
