"""The process that holds the namespaces of one network and starts everything that runs in them.

It is the first process of a namespace of process numbers: when it ends, however that comes about, the kernel ends
all processes in there, and with them go the network namespaces, the bridge, and both ends of every veth. It ends when
the process that started it does, or closes the socket between them.

It starts in 25 ms because it imports a few modules of the standard library and nothing else; routing messages are
sent by the other side, through sockets that are opened here.

Requests and replies are JSON, one in a datagram; see ``keeper`` for their fields. Descriptors travel beside them.
"""

import array
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import NoReturn

from harness.backends.network.child import Child
from harness.backends.network.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    be_inspectable,
    die_with_parent,
    enter_namespace,
    unshare,
)

MESSAGE_BYTES_MAX = 1 << 20
DESCRIPTORS_MAX = 8

_EXEC_FAILED = 127
_ORPHANS_MAX = 100


def main() -> None:
    """Become the keeper: arguments are the descriptors of control, owner and lease, and 1 for a user namespace."""
    control_fd, owner_fd, lease_fd, needs_user_namespace = map(int, sys.argv[1:])
    for descriptor in (control_fd, owner_fd, lease_fd):
        os.set_inheritable(descriptor, False)
    control = socket.socket(fileno=control_fd)
    step = ""
    try:
        if needs_user_namespace:
            step = "a user namespace"
            _enter_user_namespace()
        step = "a namespace of process numbers"
        unshare(CLONE_NEWPID)
        step = "a network namespace"
        unshare(CLONE_NEWNET)
        _prefer_ipv4()
        step = "a process in its own namespaces"
        init = os.fork()
    except OSError as error:
        _send(control, {"error": error.errno, "step": step})
        os._exit(1)
    if init:
        # The first process cannot be the child of one in its own namespace; this one stays so that it has a parent
        # whose end it shares.
        control.close()
        os.waitpid(init, 0)
        os._exit(0)
    die_with_parent(signal.SIGKILL)
    be_inspectable()
    _Keeper(control, owner_fd).serve()


def _enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123  (pathlib takes 10 ms)
            file.write(text)


def _prefer_ipv4() -> None:
    """Keep interfaces that come later from talking IPv6 to find neighbours; loopback keeps its address."""
    with (
        suppress(OSError),
        open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w", encoding="ascii") as file,  # noqa: PTH123
    ):
        file.write("1")


class _Keeper:
    """The first process of the namespaces."""

    def __init__(self, control: socket.socket, owner_fd: int) -> None:
        self._control = control
        self._owner_fd = owner_fd
        self._hub = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._namespaces = [self._hub]
        self._children: list[Child] = []
        self._level = _level()
        self._orphans: dict[int, int] = {}
        """Exit codes of processes that were left to the first one, and have ended."""

    def serve(self) -> NoReturn:
        """Answer requests until the owner is gone."""
        wake_reader, wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        poll = select.poll()
        for descriptor in (wake_reader, self._owner_fd, self._control.fileno()):
            poll.register(descriptor, select.POLLIN)
        _send(self._control, {"pid": _outer_pid(), "descriptor": self._hub}, [self._hub])
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake_reader:
                    os.read(wake_reader, 4096)
                    self._reap()
                elif descriptor == self._owner_fd:
                    os._exit(0)
                else:
                    self._answer()

    def _answer(self) -> None:
        data, ancillary, _, _ = self._control.recvmsg(
            MESSAGE_BYTES_MAX, socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
        )
        if not data:
            os._exit(0)
        descriptors = _descriptors(ancillary)
        request = json.loads(data)
        opened: list[int] = []
        try:
            reply, opened = self._do(request, descriptors)
        except OSError as error:
            reply = {"error": error.errno, "step": error.filename or request["do"]}
        _send(self._control, {"request": request["request"], **reply}, opened)
        for descriptor in descriptors:
            os.close(descriptor)
        if request["do"] == "socket":
            for descriptor in opened:
                os.close(descriptor)

    def _do(self, request: dict[str, object], descriptors: list[int]) -> tuple[dict[str, object], list[int]]:
        match request:
            case {"do": "namespace"}:
                return self._add_namespace()
            case {
                "do": "socket",
                "namespace": int(number),
                "family": int(a),
                "type": int(b),
                "protocol": int(c),
            }:
                return {}, [self._socket(number, a, b, c)]
            case {"do": "start", "namespace": int(number), "command": [*command], "environment": environment}:
                variables = (
                    {str(k): str(v) for k, v in environment.items()} if isinstance(environment, dict) else {}
                )
                folder = request.get("folder")
                started = self._start(
                    number,
                    [str(part) for part in command],
                    variables,
                    folder if isinstance(folder, str) else None,
                    descriptors,
                )
                return {**started}, []
            case {"do": "adopt", "namespace": int(number), "pid": int(pid), "session": int(session)}:
                added = self._add_child(number, pid, session)
                self._children[-1].exit_code = self._orphans.pop(pid, None)
                return {**added}, []
            case {"do": "signal", "process": int(process), "signal": int(number)}:
                self._children[process].send(number, others=self._others(process))
                return {}, []
            case {"do": "pause", "process": int(process)}:
                return {"paused": self._children[process].pause(others=self._others(process))}, []
            case {"do": "terminate", "process": int(process), "is_patient": bool(is_patient)}:
                child = self._children[process]
                return {"asked": child.terminate(is_patient=is_patient, others=self._others(process))}, []
            case {"do": "status", "process": int(process)}:
                self._reap()
                child = self._children[process]
                is_gone = child.has_ended(others=self._others(process))
                return {"status": child.exit_code if is_gone else None}, []
            case _:
                return {"error": 0, "step": f"unknown request {request['do']}"}, []

    def _add_namespace(self) -> tuple[dict[str, object], list[int]]:
        unshare(CLONE_NEWNET)
        try:
            _prefer_ipv4()
            descriptor = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            enter_namespace(self._hub, CLONE_NEWNET)
        self._namespaces.append(descriptor)
        return {"namespace": len(self._namespaces) - 1, "descriptor": descriptor}, [descriptor]

    def _socket(self, namespace: int, family: int, kind: int, protocol: int) -> int:
        """Open a socket that belongs to a namespace, wherever it is used."""
        enter_namespace(self._namespaces[namespace], CLONE_NEWNET)
        try:
            return socket.socket(family, kind, protocol).detach()
        finally:
            enter_namespace(self._hub, CLONE_NEWNET)

    def _start(
        self,
        namespace: int,
        command: list[str],
        environment: dict[str, str],
        folder: str | None,
        files: list[int],
    ) -> dict[str, int]:
        """Start a program as the leader of a session; files are its standard input, output and error."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if not child:
            try:
                self._become(namespace, command, environment, folder, files, writer)
            except OSError as error:
                os.write(writer, json.dumps({"error": error.errno, "step": error.filename}).encode())
            finally:
                os._exit(_EXEC_FAILED)
        os.close(writer)
        said = b""
        # The pipe closes when the program has taken over.
        while part := os.read(reader, 4096):
            said += part
        os.close(reader)
        reply: dict[str, int] = {}
        for line in said.splitlines():
            reply |= json.loads(line)
        if "error" in reply:
            os.waitpid(child, 0)
            return reply
        return reply | self._add_child(namespace, child, reply["pid"])

    def _add_child(self, namespace: int, pid: int, session: int) -> dict[str, int]:
        """Take a process for a program; what is in its namespace and in no session of another one is its own.

        The hub is nobody's: programs there have their sessions alone.
        """
        network = None
        if self._namespaces[namespace] != self._hub:
            network = f"net:[{os.fstat(self._namespaces[namespace]).st_ino}]"
            for child in self._children:
                if child.network == network:
                    child.network = None
        self._children.append(
            Child(pid, session=session, network=network, inner_level=self._level, orphans=self._orphans)
        )
        return {"process": len(self._children) - 1}

    def _others(self, process: int) -> list[int]:
        """The sessions of other programs."""
        mine = self._children[process]
        return [child.session for child in self._children if child is not mine and not child.is_gone]

    def _become(
        self,
        namespace: int,
        command: list[str],
        environment: dict[str, str],
        folder: str | None,
        files: list[int],
        writer: int,
    ) -> NoReturn:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (
            signal.SIGCHLD,
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGHUP,
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):
            signal.signal(number, signal.SIG_DFL)
        enter_namespace(self._namespaces[namespace], CLONE_NEWNET)
        os.write(writer, json.dumps({"pid": _outer_pid()}).encode() + b"\n")
        for target, descriptor in enumerate(files):
            os.dup2(descriptor, target)
        if folder is not None:
            os.chdir(folder)
        try:
            os.execvpe(command[0], command, environment)  # noqa: S606  (no shell is what is wanted)
        except OSError as error:
            raise OSError(error.errno, error.strerror, command[0]) from error

    def _reap(self) -> None:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not child:
                return
            exit_code = os.waitstatus_to_exitcode(status)
            self._orphans[child] = exit_code
            if len(self._orphans) > _ORPHANS_MAX:
                # Whoever wanted to adopt it has done so long ago.
                del self._orphans[next(iter(self._orphans))]
            for known in self._children:
                if known.pid == child and known.exit_code is None:
                    known.exit_code = exit_code
                    self._orphans.pop(child, None)


def _outer_pid() -> int:
    """This process's number for those outside, whose /proc this is."""
    return int(os.readlink("/proc/self"))  # noqa: PTH115  (pathlib takes 10 ms)


def _level() -> int:
    """At which place /proc tells the number of a process for this one; before it, those for outer namespaces stand.

    Source:
        Linux man page proc_pid_status(5).
    """
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123  (pathlib takes 10 ms)
        return next(len(line.split()) - 2 for line in file if line.startswith("NSpid:"))


def _send(control: socket.socket, message: dict[str, object], descriptors: list[int] | None = None) -> None:
    data = json.dumps(message).encode()
    with suppress(BrokenPipeError, ConnectionResetError):
        if descriptors:
            socket.send_fds(control, [data], descriptors)
        else:
            control.send(data)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    numbers = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    for number in numbers:
        os.set_inheritable(number, False)
    return list(numbers)
