import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Protocol

import pytest

from harness.backends.network.process_identity import ProcessIdentity
from harness.backends.network.residents import listeners, remains, residents
from harness.waiting import wait_until

TIMEOUT_S = 20
NOBODY = 1 << 30
"""A session that there is not."""

# It says its number and that of its child when both are up; each waits for ever.
FAMILY = """
import os, signal, socket
ready, told = os.pipe()
child = os.fork()
if not child:
    {child}
    os.write(told, b"1")
    signal.pause()
os.read(ready, 1)
print(os.getpid(), child, flush=True)
signal.pause()
"""
LISTENS = "listener = socket.create_server(('127.0.0.1', 0))"


class Family(Protocol):
    def __call__(self, child: str = "pass") -> tuple[int, int]: ...


@pytest.fixture
def family() -> Iterator[Family]:
    """Starts a process, with a child that does what is given, in a session; returns the numbers of both."""
    parents: list[subprocess.Popen[str]] = []
    started: list[ProcessIdentity | None] = []

    def start(child: str = "pass") -> tuple[int, int]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", FAMILY.format(child=child)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        parents.append(process)
        assert process.stdout is not None
        parent_pid, child_pid = map(int, process.stdout.readline().split())
        started.extend(map(ProcessIdentity.of, (parent_pid, child_pid)))
        return parent_pid, child_pid

    yield start
    for identity in started:
        if identity is not None and identity.is_alive():
            os.kill(identity.pid, signal.SIGKILL)
    for process in parents:
        process.communicate()


def test_a_session_is_found_and_parents_before_children(family: Family) -> None:
    parent, child = family()
    with residents(session=parent, network=None) as found:
        assert [resident.pid for resident in found] == [parent, child]
        assert [resident.parent_pid for resident in found] == [os.getpid(), parent]


def test_a_network_namespace_is_searched_but_for_sessions_of_others(family: Family) -> None:
    parent, child = family("os.setsid()")
    network = os.readlink("/proc/self/ns/net")  # noqa: PTH115  (as it is written)
    with residents(session=NOBODY, network=network) as found:
        pids = {resident.pid for resident in found}
    assert {parent, child} <= pids
    assert os.getpid() not in pids
    with residents(session=NOBODY, network=network, others=[parent]) as found:
        pids = {resident.pid for resident in found}
    assert child in pids
    assert parent not in pids
    with residents(session=parent, network="net:[0]") as found:
        assert [resident.pid for resident in found] == [parent]


def test_who_waits_for_connections_is_told_from_who_does_not(family: Family) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        parent, child = family(f"{LISTENS}; near = socket.create_connection(('127.0.0.1', {port}))")
        with residents(session=parent, network=None) as found:
            assert [resident.pid for resident in listeners(found)] == [child]
        parent, child = family(f"near = socket.create_connection(('127.0.0.1', {port}))")
        with residents(session=parent, network=None) as found:
            assert listeners(found) == []


def test_it_stands_still_when_it_is_stopped(family: Family) -> None:
    parent, _ = family()
    with residents(session=parent, network=None) as found:
        first, second = found
        assert not first.stands_still()
        first.send(signal.SIGSTOP)
        assert wait_until(first.stands_still, timeout_s=TIMEOUT_S)
        assert not second.stands_still()
        first.send(signal.SIGCONT)
        assert wait_until(lambda: not first.stands_still(), timeout_s=TIMEOUT_S)


def test_what_has_ended_is_asked_and_sent_nothing(family: Family) -> None:
    parent, child = family()
    with residents(session=parent, network=None) as found:
        first, _ = found
        identity = ProcessIdentity(*first.identity)
        assert remains(*first.identity)
        assert not remains(parent, first.identity[1] + 1)
        first.send(signal.SIGKILL)
        assert wait_until(identity.has_ended, timeout_s=TIMEOUT_S)
        # Its exit code is left.
        assert remains(*first.identity)
        with residents(session=parent, network=None) as rest:
            assert [resident.pid for resident in rest] == [child]
        os.waitpid(parent, 0)
        assert not remains(*first.identity)
        first.send(signal.SIGKILL)
        assert first.stands_still()
        assert (first.inner_pids(), first.tracer_pid(), first.sockets()) == ([], 0, set())
        assert first.network_namespace() is None
        assert first.listening_sockets() == set()
