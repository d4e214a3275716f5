"""The processes that a program in a namespace consists of, found in /proc and held open.

Wrappers may begin sessions, make namespaces of process numbers, or end before what they have started. What all that
leaves as it is: the network namespace that a process is in, and, of a program that stays in it, its session.

Numbers of processes are those of /proc, which may be others where the program runs.

Source:
    Linux man pages proc_pid_stat(5), proc_pid_status(5), proc_pid_ns(5), proc_pid_net(5), pidfd_send_signal(2).
"""

import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

_ZOMBIE = (b"Z", b"X", b"x")
_STANDING = (b"T", b"t", *_ZOMBIE)
_LISTEN = b"0A"
_SOCKET = b"socket:["
_READ_BYTES = 1 << 16

_GONE = (FileNotFoundError, NotADirectoryError, ProcessLookupError)


class Resident:
    """One process; what it is asked and sent cannot reach another one that gets its number."""

    def __init__(self, descriptor: int, pid: int, stat: list[bytes]) -> None:
        self._descriptor = descriptor
        """Of its folder in /proc, which takes signals as well."""
        self.pid = pid
        self.parent_pid = int(stat[1])
        self.session = int(stat[3])
        self.identity = (pid, int(stat[19]))
        """With its start in ticks since boot, as the kernel counts."""

    def send(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended, or is not ours to send signals to."""
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._descriptor, number)

    def inner_pids(self) -> list[int]:
        """Its numbers, from that in /proc to that in its own namespace."""
        return self._status(b"NSpid:")

    def tracer_pid(self) -> int:
        """Who is told of its signals before it gets them, as strace is; 0: nobody."""
        return sum(self._status(b"TracerPid:"))

    def stands_still(self) -> bool:
        """Whether all its threads are stopped, or it has ended."""
        for task in _names("task", self._descriptor):
            with suppress(*_GONE):
                if _stat_in(_read(f"task/{task}/stat", self._descriptor))[0] not in _STANDING:
                    return False
        return True

    def network_namespace(self) -> str | None:
        """What /proc calls it; None if that is not told, as of what has ended."""
        with suppress(*_GONE, PermissionError):
            return os.readlink("ns/net", dir_fd=self._descriptor)
        return None

    def listening_sockets(self) -> set[bytes]:
        """The numbers of all TCP sockets in its network namespace that wait for connections."""
        found = set()
        for name in ("net/tcp", "net/tcp6"):
            with suppress(*_GONE):
                for line in _read(name, self._descriptor).splitlines()[1:]:
                    words = line.split()
                    if words[3] == _LISTEN:
                        found.add(words[9])
        return found

    def sockets(self) -> set[bytes]:
        """The numbers of the sockets that it has open."""
        found = set()
        for name in _names("fd", self._descriptor):
            with suppress(*_GONE):
                target = os.readlink(os.fsencode(f"fd/{name}"), dir_fd=self._descriptor)
                if target.startswith(_SOCKET):
                    found.add(target[len(_SOCKET) : -1])
        return found

    def is_in_reach(self) -> bool:
        """Whether it is below our namespace of process numbers, as all that was started there is."""
        try:
            signal.pidfd_send_signal(self._descriptor, 0)
        except PermissionError:
            return True
        except OSError:
            # Whoever comes from outside into the network, such as somebody's tcpdump, is not the program's.
            return False
        return True

    def _status(self, name: bytes) -> list[int]:
        with suppress(*_GONE):
            for line in _read("status", self._descriptor).splitlines():
                if line.startswith(name):
                    return [int(number) for number in line.split()[1:]]
        return []


@contextmanager
def residents(*, session: int, network: str | None, others: Collection[int] = ()) -> Iterator[list[Resident]]:
    """Find the processes of one program; they are held open for the time of the context.

    What is started while they are looked for may be missing: it takes a second look to know that there is no more.

    Args:
        session: of the program.
        network: the network namespace that it has for itself, as /proc calls it; None: it has none.
        others: sessions of other programs in there.

    Yields:
        Them, those who have started others before these.
    """
    found: list[Resident] = []
    ourselves = os.readlink("/proc/self")  # noqa: PTH115  (pathlib takes the keeper 10 ms)
    try:
        for name in os.listdir("/proc"):  # noqa: PTH208
            if name.isdecimal() and name != ourselves:
                resident = _resident(int(name), session=session, network=network, others=others)
                if resident is not None:
                    found.append(resident)
        yield _parents_first(found)
    finally:
        for resident in found:
            os.close(resident._descriptor)  # noqa: SLF001  (opened here)


def listeners(found: Collection[Resident]) -> list[Resident]:
    """Those among processes of one program that clients and other nodes can connect to."""
    listening: dict[str | None, set[bytes]] = {}
    servers = []
    for resident in found:
        namespace = resident.network_namespace()
        if namespace not in listening:
            listening[namespace] = resident.listening_sockets()
        if listening[namespace] and not listening[namespace].isdisjoint(resident.sockets()):
            servers.append(resident)
    return servers


def remains(pid: int, started_ticks: int) -> bool:
    """Whether a process is there, if only as an exit code that nobody has asked for."""
    try:
        return int(_stat_in(_read(f"/proc/{pid}/stat"))[19]) == started_ticks
    except _GONE:
        return False


def _resident(pid: int, *, session: int, network: str | None, others: Collection[int]) -> Resident | None:
    """Open a process if it is the program's."""
    try:
        descriptor = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (*_GONE, PermissionError):
        return None
    is_ours = False
    try:
        stat = _stat_in(_read("stat", descriptor))
        resident = Resident(descriptor, pid, stat)
        is_ours = (
            stat[0] not in _ZOMBIE
            and (
                resident.session == session
                or (
                    network is not None
                    and resident.session not in others
                    and resident.network_namespace() == network
                )
            )
            and resident.is_in_reach()
        )
    except _GONE:
        return None
    else:
        return resident if is_ours else None
    finally:
        if not is_ours:
            os.close(descriptor)


def _parents_first(found: list[Resident]) -> list[Resident]:
    parents = {resident.pid: resident.parent_pid for resident in found}

    def depth(resident: Resident) -> int:
        count, pid = 0, resident.parent_pid
        # A number that was used again in between could close a circle.
        while pid in parents and count < len(parents):
            count, pid = count + 1, parents[pid]
        return count

    return sorted(found, key=depth)


def _stat_in(data: bytes) -> list[bytes]:
    """The fields from the third, the state, on; the second is a name in parentheses, which may hold anything."""
    return data[data.rindex(b")") + 1 :].split()


def _read(name: str, folder: int | None = None) -> bytes:
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        data = b""
        while part := os.read(file, _READ_BYTES):
            data += part
        return data
    finally:
        os.close(file)


def _names(name: str, folder: int) -> list[str]:
    """What is in a folder; nothing if there is none any more, or it may not be read."""
    with suppress(*_GONE, PermissionError):
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            return os.listdir(descriptor)  # noqa: PTH208  (it has no path)
        finally:
            os.close(descriptor)
    return []
