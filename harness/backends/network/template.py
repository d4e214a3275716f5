"""The other end of ``template_program``: starts copies of a loaded program in namespaces.

What takes a Python program most of its start is to load itself; here that happens once, beside other work.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from harness.backends.network.keeper import Keeper, Namespace, Started
from harness.backends.network.template_program import FILE_COUNT, MESSAGE_BYTES_MAX
from harness.errors import BackendError

_PROGRAM = "harness.backends.network.template_program"
_CONTROL = 3
_TIMEOUT_S = 60.0
_LOG_TAIL = 2000


class Template:
    """A program that is being loaded, or is.

    Args:
        keeper: of the namespaces.
        module: has the program's ``main(arguments)``, which gives the exit code; maybe also ``prepare()``, which does once
            what each copy would have to do.
        log: file for what it says while it is loaded.
        environment: all its variables, and those of its copies.

    Raises:
        BackendError: the keeper is gone.
        OSError: the log cannot be opened.
    """

    def __init__(self, keeper: Keeper, module: str, *, log: Path, environment: Mapping[str, str]) -> None:
        self._keeper = keeper
        self.module = module
        """What the program is called."""
        self._log = log
        self._lock = Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_TIMEOUT_S)
        # The folder is only for who looks at lists of processes: it says which network they belong to.
        command = [sys.executable, "-m", _PROGRAM, module, str(_CONTROL), str(log.parent)]
        try:
            with theirs:
                keeper.start(
                    keeper.hub, command, stdout=log, environment=environment, passed=(theirs.fileno(),)
                )
        except BaseException:
            self._control.close()
            raise

    def start(
        self,
        namespace: Namespace,
        arguments: Sequence[str],
        *,
        name: str,
        log: Path,
        gate: int | None = None,
    ) -> Started:
        """Start a copy, as the leader of a session of its own; waits until the program is loaded.

        Args:
            namespace: where.
            arguments: of the program.
            name: what it is called among processes.
            log: file that standard output and standard error are added to.
            gate: the reading end of a pipe; the copy begins when a byte is written to the other one, which nobody else
                holds, and ends if that is closed before. None: it begins at once.

        Raises:
            OSError: the log cannot be opened, or there are too many processes.
            BackendError: the program cannot be loaded, or the keeper is gone.
        """
        request = json.dumps({"name": name, "arguments": [*arguments]}).encode()
        with self._lock, Path(os.devnull).open("rb") as nothing, log.open("ab") as said:
            where = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC)
            files = [where, nothing.fileno(), said.fileno(), said.fileno()]
            assert len(files) == FILE_COUNT
            if gate is not None:
                files.append(gate)
            try:
                socket.send_fds(self._control, [request], files)
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
        return self._keeper.adopt(reply["inner_pid"], pid=reply["pid"])

    def close(self) -> None:
        """Start nothing any more; copies go on."""
        self._control.close()

    def _lost(self, why: str) -> BackendError:
        try:
            said = self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].rstrip()
        except OSError:
            said = ""
        return BackendError(
            f"{self.module} cannot be loaded: {why}" + (f"; it said:\n{said}" if said else "")
        )
