import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from harness.backends.live.machine import Machine
from harness.backends.live.node_api import NodeApi
from harness.backends.live.readiness import Readiness, expect_running
from harness.backends.live.rest_client import RestClient
from harness.errors import BackendError
from tests.backends.live.machines import FakeMachine

SUPPORTED = bytes.fromhex("84 00 0000 06 00000002 0000")
ERROR = bytes.fromhex("84 00 0000 00 00000002 0000")


class Alive(NodeApi):
    """An API that says who is alive; each answer once, the last one for ever; None: it cannot tell."""

    def __init__(self, *answers: set[str] | None) -> None:
        super().__init__(RestClient("127.0.0.1", open_socket=socket.socket), name="n1")
        self.answers = list(answers)

    def live_endpoints(self) -> frozenset[str]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise BackendError("n1 refuses with 500")
        return frozenset(answer)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port on which OPTIONS are answered, whatever with."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                with near:
                    if near.recv(9) == bytes.fromhex("04 00 0000 05 00000000"):
                        near.sendall(answer)

        server = Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def readiness(apis: dict[str, NodeApi] | None = None, *, port: int = 1, timeout_s: float = 0.05) -> Readiness:
    known = apis or {}

    def api_of(machine: Machine) -> NodeApi:
        return known[machine.name]

    return Readiness(socket.socket, api_of, timeout_s=timeout_s, cql_port=port)


def test_a_node_that_answers_options_answers_cql() -> None:
    with answering(SUPPORTED) as port:
        readiness(port=port, timeout_s=5).wait_for_cql([FakeMachine("n1")])


def test_another_answer_is_none() -> None:
    with (
        answering(ERROR) as port,
        pytest.raises(
            BackendError, match=r"n1 does not answer CQL on 127\.0\.0\.1:\d+ after 0\.05 s; its log ends"
        ),
    ):
        readiness(port=port).wait_for_cql([FakeMachine("n1")])


def test_a_node_that_dies_while_it_starts_is_told_at_once_with_its_last_words() -> None:
    with pytest.raises(
        BackendError, match=r"n2 has ended with exit code 3; its log ends with:\n  cannot bind"
    ):
        readiness(timeout_s=60).wait_for_cql([FakeMachine("n1"), FakeMachine("n2", ended=3)])
    with pytest.raises(BackendError, match="n1 was ended by signal 9"):
        expect_running(FakeMachine("n1", ended=-9))


def test_nodes_are_ready_when_all_take_all_others_for_alive() -> None:
    first, second = FakeMachine("n1", "10.0.0.1"), FakeMachine("n2", "10.0.0.2")
    apis: dict[str, NodeApi] = {
        "n1": Alive({"10.0.0.1"}, {"10.0.0.1", "10.0.0.2"}),
        "n2": Alive({"10.0.0.1"}),
    }
    readiness(apis, timeout_s=5).wait_for_peers([first, second])
    apis["n2"] = Alive({"10.0.0.2"})
    with pytest.raises(BackendError, match=r"n2 does not take n1 for alive after 0\.05 s"):
        readiness(apis).wait_for_peers([first, second])


def test_a_node_is_down_when_nobody_takes_it_for_alive() -> None:
    gone, other = FakeMachine("n1", "10.0.0.1"), FakeMachine("n2", "10.0.0.2")
    apis: dict[str, NodeApi] = {"n2": Alive({"10.0.0.1", "10.0.0.2"}, {"10.0.0.2"})}
    readiness(apis, timeout_s=5).wait_for_down(gone, [gone, other])
    apis["n2"] = Alive({"10.0.0.1"})
    with pytest.raises(BackendError, match="others still take n1 for alive"):
        readiness(apis).wait_for_down(gone, [other])


def test_who_cannot_tell_for_a_moment_who_is_alive_is_asked_again() -> None:
    gone, other = FakeMachine("n1", "10.0.0.1"), FakeMachine("n2", "10.0.0.2")
    apis: dict[str, NodeApi] = {"n2": Alive(None, {"10.0.0.2"})}
    readiness(apis, timeout_s=5).wait_for_down(gone, [other])
    apis["n2"] = Alive(None)
    with pytest.raises(BackendError, match=r"after 0\.05 s still n1 refuses with 500"):
        readiness(apis).wait_for_down(gone, [other])
    with pytest.raises(BackendError, match="n2 has ended with exit code 3"):
        readiness(apis, timeout_s=60).wait_for_down(gone, [FakeMachine("n2", "10.0.0.2", ended=3)])


class Schemas(NodeApi):
    """An API that says which schema its node has; each answer once, the last one for ever."""

    def __init__(self, *versions: str) -> None:
        super().__init__(RestClient("127.0.0.1", open_socket=socket.socket), name="n1")
        self.versions = list(versions)

    def schema_version(self) -> str:
        return self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]


def test_nodes_agree_when_they_have_one_schema() -> None:
    machines = [FakeMachine("n1"), FakeMachine("n2")]
    apis: dict[str, NodeApi] = {"n1": Schemas("new"), "n2": Schemas("old", "new")}
    readiness(apis, timeout_s=5).wait_for_schema(machines)
    apis["n2"] = Schemas("old")
    with pytest.raises(BackendError, match="nodes still have several schemas: n1 new, n2 old"):
        readiness(apis).wait_for_schema(machines)
