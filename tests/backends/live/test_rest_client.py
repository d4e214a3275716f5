import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from harness.backends.live.node_api import NodeApi
from harness.backends.live.rest_client import RestClient
from harness.errors import BackendError


class Api(HTTPServer):
    """Answers from a table of paths, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[tuple[int, str]]] = {}
        super().__init__(("127.0.0.1", 0), Handler)

    def client(self) -> RestClient:
        port = self.server_address[1]
        return RestClient("127.0.0.1", port=port, open_socket=socket.socket, name="n1")


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        asked = f"{self.command} {self.path}"
        self.server.asked.append(asked)
        answers = self.server.answers.get(asked, [(404, '{"message": "Not found", "code": 404}')])
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_answers_are_values(api: Api) -> None:
    api.answers["GET /a?b=c+d"] = [(200, '["10.0.0.1"]')]
    api.answers["POST /nothing"] = [(200, "")]
    assert api.client().get("/a", {"b": "c d"}) == ["10.0.0.1"]
    assert api.client().post("/nothing") is None


def test_a_refusal_says_what_the_node_says(api: Api) -> None:
    with pytest.raises(
        BackendError, match=r"GET /x on n1 \(127\.0\.0\.1:\d+\) is refused with 404: Not found"
    ):
        api.client().get("/x")
    api.answers["GET /x"] = [(500, "broken")]
    with pytest.raises(BackendError, match="is refused with 500: broken"):
        api.client().get("/x")


def test_what_is_no_json_is_an_error(api: Api) -> None:
    api.answers["GET /x"] = [(200, "<html>")]
    with pytest.raises(BackendError, match="is answered with no JSON: '<html>'"):
        api.client().get("/x")


def test_a_node_that_does_not_answer_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = RestClient("127.0.0.1", port=unused.getsockname()[1], open_socket=socket.socket, name="n7")
        with pytest.raises(BackendError, match=r"GET /x on n7 .* is not answered: .*refused"):
            client.get("/x")


def test_who_is_alive_is_asked_of_gossip(api: Api) -> None:
    api.answers["GET /gossiper/endpoint/live"] = [(200, '["10.0.0.1", "10.0.0.2"]')]
    node = NodeApi(api.client(), name="n1")
    assert node.live_endpoints() == {"10.0.0.1", "10.0.0.2"}
    api.answers["GET /gossiper/endpoint/live"] = [(200, "{}")]
    with pytest.raises(BackendError, match="gives no list"):
        node.live_endpoints()


def test_a_repair_is_waited_for(api: Api) -> None:
    api.answers["POST /storage_service/repair_async/ks?primaryRange=false"] = [(200, "3")]
    status = "GET /storage_service/repair_async/ks?id=3"
    api.answers[status] = [(200, json.dumps(text)) for text in ("RUNNING", "RUNNING", "SUCCESSFUL")]
    node = NodeApi(api.client(), name="n1")
    node.repair("ks")
    assert api.asked.count(status) == 3
    api.answers[status] = [(200, '"FAILED"')]
    with pytest.raises(BackendError, match="the repair of ks on n1 has failed: FAILED"):
        node.repair("ks")


def test_a_decommission_is_over_when_it_is_answered(api: Api) -> None:
    api.answers["POST /storage_service/decommission"] = [(200, "")]
    NodeApi(api.client(), name="n1").decommission()
    assert api.asked == ["POST /storage_service/decommission"]


def test_a_host_id_is_a_uuid(api: Api) -> None:
    api.answers["GET /storage_service/hostid/local"] = [(200, '"485fafd5-619a-4600-a2ae-c5abf114d426"')]
    assert str(NodeApi(api.client(), name="n1").host_id()) == "485fafd5-619a-4600-a2ae-c5abf114d426"
    api.answers["GET /storage_service/hostid/local"] = [(200, '"none"')]
    with pytest.raises(BackendError, match="n1 says that its host id is 'none'"):
        NodeApi(api.client(), name="n1").host_id()
