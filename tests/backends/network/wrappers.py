"""A program that serves, ways to wrap it, and who is in the namespace of a node."""

import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from harness.backends.network.network import Network, NetworkNode
from harness.backends.network.process import Process
from harness.backends.network.process_identity import ProcessIdentity
from harness.waiting import wait_until

PORT = 9042
TIMEOUT_S = 60

SERVER = f"""
import _thread, os, signal, socket
# Whoever waits for a signal misses none; a handler would, in the moment before what it interrupts.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
listener = socket.create_server(("", {PORT}))
def serve():
    while True:
        with listener.accept()[0] as connection:
            connection.sendall(b"hello")
_thread.start_new_thread(serve, ())
print("serves", os.readlink("/proc/self"), flush=True)
signal.sigwait([signal.SIGTERM])
print("drained", flush=True)
os._exit(0)
"""
"""Python that needs nothing but the interpreter; has threads, and says its number in /proc."""

WRAPPERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "nothing": (),
        "script": ("sh", "-c", '"$@"; exit $?', "sh"),
        "session": ("setsid", "--wait"),
        # As it leads a session already, it starts the program and ends.
        "session without end": ("setsid",),
        "double fork": ("sh", "-c", '(setsid "$@" &)', "sh"),
        "job control": ("bash", "-c", 'set -m; "$@"; code=$?; echo "script goes on"; exit $code', "bash"),
        "own numbers": ("unshare", "--fork", "--pid", "--kill-child"),
        "script with own numbers": ("unshare", "--fork", "--pid", "sh", "-c", '"$@"; exit $?', "sh"),
        "tracer": ("strace", "-f", "-o", "/dev/null"),
        "all of it": ("setsid", "sh", "-c", 'unshare --fork --pid setsid "$@" | cat; exit 0', "sh"),
    }
)


def why_not(node: NetworkNode, wrapper: Sequence[str], *, log: Path) -> str:
    """Why a wrapper cannot be used here; empty: it can."""
    if wrapper and shutil.which(wrapper[0]) is None:
        return f"needs {wrapper[0]}"
    for words in (wrapper, ("unshare", "--fork", "--pid")):
        # Not everybody may have namespaces, or trace others.
        if words[:1] in (("unshare",), ("strace",)) and any(words[0] in word for word in wrapper):
            tried = node.start([*words, "true"], log=log)
            if tried.wait(timeout_s=TIMEOUT_S) != 0:
                return f"not permitted here: {log.read_text().strip()}"
    return ""


def wrapper_of(network: Network, name: str, folder: Path) -> Sequence[str]:
    """The wrapper of that name; skips where it cannot be used."""
    reason = why_not(network.nodes[0], WRAPPERS[name], log=folder / "wrapper.log")
    if reason:
        pytest.skip(reason)
    return WRAPPERS[name]


def start_wrapped(node: NetworkNode, wrapper: Sequence[str], *, log: Path) -> tuple[Process, ProcessIdentity]:
    """Start the program behind a wrapper, and wait until it serves; returns all of it, and the one that does."""
    count = len(servers_in(log))
    process = node.start([*wrapper, sys.executable, "-I", "-S", "-c", SERVER], log=log)
    assert wait_until(lambda: len(servers_in(log)) > count, timeout_s=TIMEOUT_S), process.last_words()
    identity = ProcessIdentity.of(servers_in(log)[-1])
    assert identity is not None
    return process, identity


def serves(network: Network, node: NetworkNode) -> bool:
    """Whether the program answers."""
    with network.client.socket() as near:
        near.settimeout(TIMEOUT_S)
        near.connect((node.address, PORT))
        return near.recv(5, socket.MSG_WAITALL) == b"hello"


def servers_in(log: Path) -> list[int]:
    """The numbers of those who have said that they serve, in order."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("serves ") and line.endswith("\n")]


def states_in(node: NetworkNode) -> dict[int, set[str]]:
    """The states of the threads of all processes in the namespace of a node, as ``ps`` shows them."""
    namespace = node.namespace.path.stat().st_ino
    found: dict[int, set[str]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if (path / "ns/net").stat().st_ino == namespace:
                found[int(path.name)] = {
                    (task / "stat").read_text().rpartition(")")[2].split()[0]
                    for task in (path / "task").iterdir()
                }
    return found
