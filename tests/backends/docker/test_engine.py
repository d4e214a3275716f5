import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
import requests
from docker.errors import APIError

from harness.backends.docker.engine import Engine, connected
from harness.backends.docker.engine_address import EngineAddress
from harness.backends.docker.labels import OWNER, owner
from harness.errors import BackendError
from tests.backends.docker.image import PROJECT

MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 2,
            "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        },
        "layers": [],
    }
).encode()
_CONNECT = "from harness.backends.docker.engine import Engine; Engine.connect()"


def refusal(explanation: str) -> APIError:
    """What the SDK raises when an engine says so."""
    response = requests.Response()
    response.status_code = 500
    return APIError("500 Server Error", response=response, explanation=explanation)


def test_where_no_engine_is_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(BackendError) as caught:
        Engine.connect()
    said = str(caught.value)
    assert said.startswith(
        "no Docker engine answers at unix:///nonexistent/docker.sock (from DOCKER_HOST): [Errno 2] No such file"
    )
    assert "sudo apt-get install docker.io" in said
    assert "--cluster=simulated" in said


def test_context_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "no-such-context")
    with pytest.raises(BackendError, match="there is no Docker context no-such-context"):
        Engine.connect()


def test_engine_of_a_context_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    script = (
        "from docker.context import ContextAPI; ContextAPI.create_context('there', host='tcp://127.0.0.1:9');"
        + _CONNECT
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "DOCKER_CONTEXT": "there"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no Docker engine answers at https://127.0.0.1:9" in answer.stderr, answer.stderr


def test_user_who_may_not_is_told_which_group_may() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become a user who may not")
    with tempfile.TemporaryDirectory(dir="/tmp") as name, socket.socket(socket.AF_UNIX) as listener:
        path = Path(name, "docker.sock")
        listener.bind(str(path))
        path.chmod(0o600)
        Path(name).chmod(0o755)
        pid = os.fork()
        if pid == 0:
            os.setuid(65534)
            os.environ["DOCKER_HOST"] = f"unix://{path}"
            try:
                Engine.connect()
            except BackendError as error:
                os._exit(0 if "sudo usermod -aG docker $USER" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize(
    ("explanation", "advice"),
    [
        ("mkdir /var/lib/docker/overlay2/1-init: no space left on device", "docker system prune"),
        ("Pool overlaps with other one on this address space", "--docker-subnet names another one"),
        ("Address already in use", "another container has that address"),
    ],
)
@pytest.mark.docker
def test_refusals_say_what_to_do(engine: Engine, explanation: str, advice: str) -> None:
    with pytest.raises(BackendError) as caught, engine.refusing("n1 cannot be started"):
        raise refusal(explanation)
    assert str(caught.value).startswith("n1 cannot be started: ")
    assert explanation in str(caught.value)
    assert advice in str(caught.value)


@pytest.mark.docker
def test_image_that_nobody_has_is_told_by_name(engine: Engine) -> None:
    with pytest.raises(BackendError) as caught:
        engine.image_id("localhost:9/no/such-image:7")
    said = str(caught.value)
    assert "has no image localhost:9/no/such-image:7, and cannot pull it" in said
    assert "docker pull localhost:9/no/such-image:7" in said


class Registry(BaseHTTPRequestHandler):
    """Has an image that lacks what it is made of."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v2/" or "/manifests/" in self.path else 404)
        self.send_header("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
        self.send_header("Content-Length", str(len(MANIFEST)))
        self.end_headers()
        self.wfile.write(MANIFEST)

    def do_HEAD(self) -> None:
        # So the manifest itself is asked for.
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.mark.docker
def test_pull_that_fails_when_it_has_begun_is_told(engine: Engine) -> None:
    if not engine.is_of_this_machine:
        pytest.skip("the engine does not see a registry of this machine")
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as registry:
        server = Thread(target=registry.serve_forever)
        server.start()
        name = f"localhost:{registry.server_port}/half/image:7"
        with pytest.raises(BackendError) as caught:
            engine.image_id(name)
        registry.shutdown()
        server.join()
    assert f"has no image {name}, and cannot pull it: " in str(caught.value)
    # Not what it says to whoever asks for the image then.
    assert "No such image" not in str(caught.value)


@pytest.mark.docker
def test_network_is_removed_whose_containers_the_engine_has_lost(engine: Engine) -> None:
    gone, asked = "ep-1234", []

    class Api:
        """Of an engine whose disk was full when a container was removed."""

        def remove_network(self, network: str) -> None:
            asked.append(network)
            if len(asked) == 1:
                raise refusal(f"error while removing network: network {network} has active endpoints")

        def inspect_network(self, _: str) -> object:
            return {"Containers": {gone: {"Name": "n1"}}}

        def inspect_container(self, container: str) -> object:
            return engine.api.inspect_container(container)

        def disconnect_container_from_network(self, name: str, network: str, *, force: bool) -> None:
            assert (name, network, force) == ("n1", "net", True)
            asked.append("disconnect")

    client = SimpleNamespace(api=Api())
    Engine(client, EngineAddress(url="unix:///nowhere")).remove_network("net")
    assert asked == ["net", "disconnect", "net"]


@pytest.mark.docker
def test_nothing_is_left_of_what_is_run_once(engine: Engine, image: str) -> None:
    written = {OWNER: owner(), "scylla-wire-harness.test": "run once"}
    assert engine.run_once(engine.image_id(image), ["sh", "-c", "echo said; exit 3"], labels=written) == (
        3,
        "said",
    )
    with pytest.raises(BackendError, match="no-such-program cannot be run in a container"):
        engine.run_once(engine.image_id(image), ["no-such-program"], labels=written)
    assert engine.api.containers(all=True, filters={"label": "scylla-wire-harness.test"}) == []


def test_engines_at_one_place_are_told_apart_by_their_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Engine, "connect", lambda address: [address.certificates.folder])
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
    folders = [tmp_path / name for name in ("before", "now")]
    found: list[object] = []
    for folder in (*folders, folders[0]):
        monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
        found.append(connected())
    assert found == [[folder] for folder in (*folders, folders[0])]
    assert found[2] is found[0]
