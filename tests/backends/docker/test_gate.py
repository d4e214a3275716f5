import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.backends.docker.gate import Gate
from harness.backends.docker.temporary_folder import make_folder


class Carrier:
    """What comes is answered by a function, or kept."""

    def __init__(self, answer: Callable[[socket.socket], None] | None) -> None:
        self._answer = answer
        self._kept: list[socket.socket] = []

    def carry(self, connection: socket.socket) -> None:
        if self._answer is None:
            self._kept.append(connection)
            return
        with connection:
            self._answer(connection)

    def why_not(self) -> str:
        return "the way is blocked"

    def close(self) -> None:
        for connection in self._kept:
            connection.close()


def engine(connection: socket.socket) -> None:
    assert connection.recv(4096).startswith(b"GET /_ping HTTP/1.1\r\n")
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def run_out(_: socket.socket) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.fixture
def opened() -> Iterator[Callable[[Carrier], Gate]]:
    gates: list[Gate] = []

    def make(carrier: Carrier) -> Gate:
        gates.append(Gate(make_folder(), carrier))
        return gates[-1]

    yield make
    for gate in gates:
        gate.close()


def test_engine_that_answers_is_one(opened: Callable[[Carrier], Gate]) -> None:
    opened(Carrier(engine)).knock(timeout_s=10)


def test_way_that_ends_at_once_is_told_with_its_reason(opened: Callable[[Carrier], Gate]) -> None:
    with pytest.raises(ConnectionError, match=r"^the way is blocked$"):
        opened(Carrier(hang_up)).knock(timeout_s=10)


def test_silence_is_told(opened: Callable[[Carrier], Gate]) -> None:
    with pytest.raises(TimeoutError, match=r"^no answer within 0\.1 s$"):
        opened(Carrier(None)).knock(timeout_s=0.1)


def test_gate_that_can_let_nobody_in_refuses_whoever_comes_next(opened: Callable[[Carrier], Gate]) -> None:
    gate = opened(Carrier(run_out))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            gate.knock(timeout_s=10)


def test_nothing_is_left_when_it_is_closed(opened: Callable[[Carrier], Gate]) -> None:
    gate = opened(Carrier(engine))
    path = Path(gate.url.removeprefix("unix://"))
    assert path.is_socket()
    gate.close()
    assert not path.parent.exists()
    with pytest.raises(OSError, match="No such file"):
        gate.knock(timeout_s=1)
