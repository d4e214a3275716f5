"""The client that drives real nodes, against the REST API of a simulated one."""

import asyncio
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID

import pytest

from harness.backends.live.node_api import NodeApi
from harness.backends.live.rest_client import RestClient
from harness.backends.simulation.server.gossip_api import GossipApi
from harness.backends.simulation.server.operations_api import OperationsApi
from harness.backends.simulation.server.rest_api import RestApi
from harness.backends.simulation.server.storage_api import StorageApi
from harness.codec.verbs.gossip import ApplicationState
from harness.errors import BackendError
from harness.partitioner import token_of
from harness.topology import Node
from tests.backends.simulation.server.single_node import ADDRESS, SingleNode, running_node

HOST_ID = UUID("922638fc-f198-4428-9e99-9a6b681652c3")
OTHER = Node(
    name="n2", address="127.0.0.2", datacenter="dc2", rack="r2", host_id=UUID(int=2), tokens=(-(2**62),)
)
OWN = Node(name="n1", address=ADDRESS, datacenter="dc1", rack="r1", host_id=HOST_ID, tokens=(0, 2**62))


class FakeGossip:
    known = (OWN, OTHER)

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        said = {ApplicationState.STATUS: "NORMAL,0", ApplicationState.DC: "dc1"}
        return said.get(state) if address == ADDRESS else None

    def generation_of(self, address: str) -> int | None:
        return 1_700_000_000 if address == ADDRESS else None

    def heartbeat_of(self, address: str) -> int | None:
        return 7 if address == ADDRESS else None


class FakeSchema:
    version = UUID(int=5)


class Operations:
    def __init__(self) -> None:
        self.repaired: list[str] = []
        self.has_left = False
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def repair(self, keyspace: str) -> None:
        await self.may_end.wait()
        self.repaired.append(keyspace)
        if keyspace == "broken":
            raise BackendError("no replica answers")

    async def decommission(self) -> None:
        if self.has_left:
            raise BackendError("the node has left already")
        self.has_left = True


class RestNode:
    """A node with its REST API, and clients of it."""

    def __init__(self, node: SingleNode, operations: Operations) -> None:
        self.operations = operations
        self.node = node
        self.port = node.config.api_port
        self.client = RestClient(ADDRESS, open_socket=socket.socket, port=self.port)
        self.api = NodeApi(self.client, name="n1")

    def call_soon(self, event: asyncio.Event, *, is_set: bool) -> None:
        async def change() -> None:
            if is_set:
                event.set()
            else:
                event.clear()

        self.node.call(change())


@pytest.fixture
def rest(tmp_path: Path) -> Iterator[RestNode]:
    with running_node(tmp_path) as node:
        node.run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}")
        node.run(
            "CREATE KEYSPACE broken WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        node.run("CREATE TABLE ks.t (a int, b text, c blob, PRIMARY KEY ((a, b, c)))")

        async def start() -> tuple[RestApi, Operations]:
            node.context.members.join(OWN)
            node.context.members.join(OTHER)
            operations = Operations()
            api = RestApi(node.context)
            GossipApi(api, node.context, FakeGossip())
            StorageApi(api, node.context, FakeSchema(), FakeGossip(), has_clients_port=lambda: True)
            OperationsApi(api, node.context, repair=operations.repair, decommission=operations.decommission)
            await api.start()
            return api, operations

        api, operations = node.call(start())
        yield RestNode(node, operations)

        async def stop() -> None:
            api.stop()

        node.call(stop())


def test_who_is_alive_and_who_is_down(rest: RestNode) -> None:
    assert rest.api.live_endpoints() == {ADDRESS}
    assert rest.client.get("/gossiper/endpoint/down") == [OTHER.address]
    assert rest.client.get("/failure_detector/simple_states") == [
        {"key": ADDRESS, "value": "UP"},
        {"key": OTHER.address, "value": "DOWN"},
    ]
    (own, _) = _list(rest.client.get("/failure_detector/endpoints"))
    assert own == {
        "addrs": ADDRESS,
        "generation": 1_700_000_000,
        "version": 7,
        "is_alive": True,
        "application_state": [
            {"application_state": 0, "value": "NORMAL,0"},
            {"application_state": 3, "value": "dc1"},
        ],
    }


def test_what_the_node_is(rest: RestNode) -> None:
    assert rest.api.host_id() == HOST_ID
    assert rest.api.release_version().startswith("4.2.4")
    for path, value in {
        "/storage_service/release_version": "3.0.8",
        "/storage_service/schema_version": str(UUID(int=5)),
        "/storage_service/operation_mode": "NORMAL",
        "/storage_service/gossiping": True,
        "/storage_service/native_transport": True,
        "/storage_proxy/hinted_handoff_enabled": True,
        "/snitch/datacenter?host=127.0.0.2": "dc2",
        "/snitch/rack": "r1",
        "/storage_service/keyspaces?type=user": ["broken", "ks"],
    }.items():
        assert rest.client.get(path) == value, path


def test_whose_the_ring_is(rest: RestNode) -> None:
    tokens = [str(-(2**62)), "0", str(2**62)]
    assert rest.client.get("/storage_service/tokens") == tokens
    assert rest.client.get("/storage_service/tokens/127.0.0.2") == tokens[:1]
    assert rest.client.get("/storage_service/ownership") == [
        {"key": ADDRESS, "value": "0.5"},
        {"key": OTHER.address, "value": "0.5"},
    ]
    assert rest.client.get("/storage_service/ownership/ks") == [
        {"key": ADDRESS, "value": "1"},
        {"key": OTHER.address, "value": "1"},
    ]


def test_the_endpoints_of_a_key(rest: RestNode) -> None:
    # A key whose token lies in the range of the other node: (2**62, -(2**62)].
    number = next(
        number
        for number in range(100)
        if not -(2**62) < token_of([number.to_bytes(4, "big"), b"x", b"\xab"]) <= 2**62
    )
    found = rest.client.get("/storage_service/natural_endpoints/ks", {"cf": "t", "key": f"{number}:x:ab"})
    assert found == [OTHER.address, ADDRESS]
    with pytest.raises(BackendError, match="refused with 400"):
        rest.client.get("/storage_service/natural_endpoints/ks", {"cf": "t", "key": "1"})
    with pytest.raises(BackendError, match="refused with 400"):
        rest.client.get("/storage_service/natural_endpoints/ks", {"cf": "nothing", "key": "1:x:ab"})


def test_a_repair_runs_behind_its_number(rest: RestNode) -> None:
    rest.call_soon(rest.operations.may_end, is_set=False)
    path = "/storage_service/repair_async/ks"
    number = rest.client.post(path)
    assert rest.client.get(path, {"id": str(number)}) == "RUNNING"
    assert rest.client.get("/storage_service/active_repair") == [number]
    rest.call_soon(rest.operations.may_end, is_set=True)
    assert rest.client.get("/storage_service/repair_status", {"id": str(number)}) == "SUCCESSFUL"
    assert rest.operations.repaired == ["ks"]


def test_a_repair_that_fails_says_so(rest: RestNode) -> None:
    with pytest.raises(BackendError, match="FAILED"):
        rest.api.repair("broken")
    with pytest.raises(BackendError, match="400: Can't find a keyspace nothing"):
        rest.api.repair("nothing")
    with pytest.raises(BackendError, match="unknown repair id 99"):
        rest.client.get("/storage_service/repair_async/ks", {"id": "99"})


def test_a_node_leaves_once(rest: RestNode) -> None:
    rest.api.decommission()
    assert rest.operations.has_left
    with pytest.raises(BackendError, match="500: the node has left already"):
        rest.api.decommission()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("POST", "/gossiper/endpoint/live"), ("GET", "/")]
)
def test_what_is_not_there_is_404_as_json(rest: RestNode, method: str, path: str) -> None:
    connection = HTTPConnection(ADDRESS, rest.port)
    connection.request(method, path)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b'{"message": "Not found", "code": 404}')
    connection.close()


def test_a_connection_takes_one_request_after_the_other(rest: RestNode) -> None:
    with socket.create_connection((ADDRESS, rest.port), timeout=10) as opened:
        ask = b"GET /storage_service/release_version HTTP/1.1\r\nHost: n1\r\n\r\n"
        opened.sendall(ask + ask)
        answer = b""
        while answer.count(b'"3.0.8"') < 2:
            answer += opened.recv(4096)
    assert answer.count(b"HTTP/1.1 200") == 2


def test_what_is_no_http_is_refused_and_the_connection_closed(rest: RestNode) -> None:
    with socket.create_connection((ADDRESS, rest.port), timeout=10) as opened:
        opened.sendall(b"\x04\x00\x00\x00\x05\x00\x00\x00\x00\r\n\r\n")
        answer = b""
        while data := opened.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 400")


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
