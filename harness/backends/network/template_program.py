"""A process that has loaded a program, and becomes it anew, in a moment, as often as it is asked.

    python -m harness.backends.network.template_program MODULE DESCRIPTOR [WORDS ...]

It imports the module, calls its ``prepare()`` if it has one, and then waits for requests on the socket that the
descriptor is of; each makes a copy of this process that calls the module's ``main(arguments)``, whose result is its
exit code. The copy is in the namespaces of a network, and has no parent but their first process (see
``keeper_program``), in a session of its own, as if it had been started by that. The number of a descriptor that is
passed on to it stands behind its arguments. The template ends when the socket is closed. Further words mean nothing to
it; lists of processes show them.

Requests and replies are JSON, one in a datagram; see ``template`` for their fields.
"""

import array
import gc
import importlib
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from harness.backends.network.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    be_called,
    enter_namespace,
)

MESSAGE_BYTES_MAX = 1 << 16
_FILES_MAX = 7
"""Descriptors beside a request, which names them: namespaces (user, pid, net), standard files (0, 1, 2), passed."""


def main() -> int:
    """Load a program and serve."""
    module_name, control_fd = sys.argv[1], int(sys.argv[2])
    os.set_inheritable(control_fd, False)
    control = socket.socket(fileno=control_fd)
    # Of what is being loaded, next to nothing becomes garbage; to look for it takes a sixth of the time.
    gc.disable()
    module = importlib.import_module(module_name)
    if hasattr(module, "prepare"):
        module.prepare()
    program = module.main
    # It stays as it is, so that copies share its memory.
    gc.collect()
    gc.freeze()
    gc.enable()
    while True:
        data, ancillary, _, _ = control.recvmsg(
            MESSAGE_BYTES_MAX, socket.CMSG_SPACE(_FILES_MAX * array.array("i").itemsize)
        )
        if not data:
            return 0
        numbers = array.array("i")
        for _, _, part in ancillary:
            numbers.frombytes(part[: len(part) - len(part) % numbers.itemsize])
        request = json.loads(data)
        control.send(_copied(control, program, request, dict(zip(request["files"], numbers, strict=True))))
        for number in numbers:
            os.close(number)


def _copied(
    control: socket.socket,
    program: Callable[[list[str]], int],
    request: dict[str, object],
    files: dict[str, int],
) -> bytes:
    """Make a copy; what it says of itself before it begins is the reply."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    parent = os.fork()
    if not parent:
        # Namespaces of users cannot be left again; those of processes are entered by who is born there.
        try:
            if "user" in files:
                enter_namespace(files["user"], CLONE_NEWUSER)
            enter_namespace(files["pid"], CLONE_NEWPID)
            first = os.fork()
        except OSError as error:
            _fail(error, writer)
        if first:
            os.waitpid(first, 0)
            os._exit(0)
        # The copy's parent ends at once, and leaves it to the first process of the namespace.
        if os.fork():
            os._exit(0)
        control.close()
        os.close(reader)
        _become(program, request, files, writer)
    os.close(writer)
    os.waitpid(parent, 0)
    said = b""
    while part := os.read(reader, MESSAGE_BYTES_MAX):
        said += part
    os.close(reader)
    return said


def _become(
    program: Callable[[list[str]], int], request: dict[str, object], files: dict[str, int], writer: int
) -> NoReturn:
    exit_code = 1
    try:
        os.setsid()
        passed = files.pop("passed", None)
        enter_namespace(files["net"], CLONE_NEWNET)
        for target in range(3):
            os.dup2(files[str(target)], target)
        for descriptor in files.values():
            os.close(descriptor)
        be_called(str(request["name"]))
        arguments = request["arguments"]
        assert isinstance(arguments, list)
        if passed is not None:
            arguments.append(str(passed))
        sys.argv = [sys.argv[1], *arguments]
        said = {"pid": int(os.readlink("/proc/self")), "inner_pid": os.getpid()}  # noqa: PTH115  (no pathlib needed)
    except OSError as error:
        _fail(error, writer)
    os.write(writer, json.dumps(said).encode())
    os.close(writer)
    try:
        exit_code = program(arguments)
    except BaseException:  # noqa: BLE001  (it ends here, and has to say why)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


def _fail(error: OSError, writer: int) -> NoReturn:
    os.write(writer, json.dumps({"error": error.errno}).encode())
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
