import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from select import select
from threading import Thread
from typing import cast

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.relay import Relay
from tests.backends.docker.conftest import Started
from tests.backends.docker.test_scenarios import WRITE, assert_passed, run_scenarios

pytestmark = pytest.mark.docker
OPTIONS = bytes.fromhex("04 00 0000 05 00000000")


@pytest.fixture
def relay(engine: Engine, started: Started) -> Relay:
    """Through the container that holds the bridge up, which has Python in the test image."""
    return Relay(engine, f"{started.site.name}-anchor")


def test_connection_begins_among_the_nodes(relay: Relay, started: Started) -> None:
    address = started.site.machines[0].address
    with relay.socket() as connection:
        connection.settimeout(10)
        connection.connect((address, 9042))
        connection.sendall(OPTIONS)
        assert connection.recv(9)[4] == 0x06
        assert connection.getsockname()[0] == str(started.site.network.subnet[2])
        assert connection.getpeername() == (address, 9042)


def test_port_where_nobody_listens_refuses(relay: Relay, started: Started) -> None:
    with relay.socket() as connection, pytest.raises(ConnectionRefusedError):
        connection.connect((started.site.machines[0].address, 9))


def test_end_of_the_node_is_the_end_here(relay: Relay, started: Started) -> None:
    with relay.socket() as connection:
        connection.settimeout(10)
        connection.connect((started.site.machines[0].address, 9042))
        # No request begins so, and nodes hang up, with or without a word.
        connection.sendall(b"\xff" * 64)
        while connection.recv(1024):
            pass


class HangsUp:
    """An engine that ends the connection to a program in the midst of it, as one does whose container is killed."""

    def __init__(self) -> None:
        self.api = self
        self.near, self._far = socket.socketpair()
        self._server = Thread(target=self._serve)

    def refusing(self, _: str) -> AbstractContextManager[None]:
        return nullcontext()

    def exec_create(self, *_: object, **__: object) -> dict[str, str]:
        return {"Id": "1"}

    def exec_start(self, *_: object, **__: object) -> socket.socket:
        self._server.start()
        return self.near

    def close(self) -> None:
        self._server.join()

    def _serve(self) -> None:
        # What is not read when it is closed resets the connection.
        select([self._far], [], [])
        self._far.close()


def test_nothing_stays_open_when_the_engine_hangs_up() -> None:
    engine = HangsUp()
    with closing(engine), Relay(cast("Engine", engine), "container").socket() as connection:
        with pytest.raises(ConnectionRefusedError):
            connection.connect(("198.18.0.1", 9042))
        assert engine.near.fileno() == -1
        assert connection.recv(1) == b""


@contextmanager
def engine_elsewhere(engine: Engine, *, quiet_s: float = 0) -> Iterator[str]:
    """The engine's address as that of one that is reached by TCP.

    Args:
        engine: near.
        quiet_s: what it says comes together, when it has said nothing more for so long.
    """
    path = engine.address.partition("://")[2]

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                while quiet_s and source.family == socket.AF_UNIX and select([source], [], [], quiet_s)[0]:
                    more = source.recv(65536)
                    data += more
                    if not more:
                        break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    opened: list[socket.socket] = []
    carriers: list[Thread] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                opened.extend((near, far))
                far.connect(path)
                for ends in ((near, far), (far, near)):
                    carriers.append(Thread(target=carry, args=ends, daemon=True))
                    carriers[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
            for end in opened:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            for carrier in carriers:
                carrier.join()
            for end in opened:
                end.close()


def test_nothing_is_lost_of_what_comes_with_the_answer_of_the_engine(
    engine: Engine, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not engine.is_of_this_machine:
        pytest.skip("the engine is elsewhere already")
    address = started.site.machines[0].address
    with engine_elsewhere(engine, quiet_s=1) as there:
        monkeypatch.setenv("DOCKER_HOST", there)
        far = Engine.connect()
        with Relay(far, f"{started.site.name}-anchor").socket() as connection:
            connection.settimeout(10)
            connection.connect((address, 9042))
            assert connection.getpeername() == (address, 9042)
        far.close()


def test_scenario_passes_on_an_engine_elsewhere(
    engine: Engine, options: DockerOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not engine.address.removeprefix("http+").startswith("unix://"):
        pytest.skip("the engine is elsewhere already")
    with engine_elsewhere(engine) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        run = run_scenarios(WRITE, options, tmp_path, "--connect-by=relay", "--capture-by=sidecar")
    assert_passed(run, 1)
