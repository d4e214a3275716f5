"""Engines that really are elsewhere: on a machine whose bridges nobody here sees, by each way that leads there."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import CAPTURE, OWNER, owner
from harness.backends.docker.network import make_network
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.relay import RelaySocket
from harness.backends.docker.sidecar import SidecarTap
from harness.backends.docker.site import DockerSite
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.docker.elsewhere import DOCKER_PORT, SSH_PORT, Elsewhere, Keys
from tests.backends.docker.engines import containers_watched
from tests.backends.docker.image import PROJECT
from tests.backends.docker.test_scenarios import WRITE, assert_passed, run_scenarios

pytestmark = pytest.mark.docker
_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
_LEAVE = """
from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.network import make_network
print(make_network(Engine.connect(), "wire-test-left", labels={labels.OWNER: labels.owner()}).name)
"""


@pytest.fixture(autouse=True)
def no_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def far(elsewhere: Elsewhere) -> Iterator[Engine]:
    """To look at what happens there."""
    with elsewhere.engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def keys(elsewhere: Elsewhere) -> Keys:
    return elsewhere.start_sshd()


def ssh_url(elsewhere: Elsewhere) -> str:
    return f"ssh://root@{elsewhere.address}:{SSH_PORT}"


def make_context(elsewhere: Elsewhere, folder: Path) -> dict[str, str]:
    """A context with certificates, as the docker command makes it."""
    if shutil.which("docker") is None:
        pytest.skip("the docker command is missing, which makes contexts")
    files = ",".join(f"{name}={elsewhere.folder}/client/{name}.pem" for name in ("ca", "cert", "key"))
    subprocess.run(
        ["docker", "context", "create", "there", "--docker", f"host=tcp://{elsewhere.address}:{DOCKER_PORT},{files}"],
        env={**os.environ, "DOCKER_CONFIG": str(folder)},
        check=True,
        capture_output=True,
    )  # fmt: skip
    return {"DOCKER_CONFIG": str(folder), "DOCKER_CONTEXT": "there"}


@pytest.fixture(params=["certificates", "a context", "ssh"])
def way(
    request: pytest.FixtureRequest, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A way to the engine, in the environment."""
    if request.param == "ssh":
        keys: Keys = request.getfixturevalue("keys")
        wanted = {"DOCKER_HOST": ssh_url(elsewhere), "PATH": keys.path_with_ssh()}
    elif request.param == "a context":
        wanted = make_context(elsewhere, tmp_path / "docker")
    else:
        wanted = elsewhere.environment()
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return str(request.param)


def things_of_ours(engine: Engine) -> list[str]:
    wanted = {"label": OWNER}
    return [
        item["Id"]
        for item in (*engine.api.containers(all=True, filters=wanted), *engine.api.networks(filters=wanted))
    ]


@pytest.mark.usefixtures("way")
def test_scenario_passes_by_itself(far: Engine, options: DockerOptions, tmp_path: Path) -> None:
    with containers_watched(far, CAPTURE) as events:
        assert_passed(run_scenarios(WRITE, options, tmp_path), 1)

        def is_told(wanted: str) -> bool:
            return any(event["Action"].startswith(wanted) for event in events)

        # One that records, one through which clients go.
        assert wait_until(lambda: is_told("attach") and is_told("exec_start: python3"), timeout_s=20)
    (page,) = tmp_path.glob("*/*/report.html")
    assert {path.name for path in page.parent.glob("logs/*")} == {"n1.log", "n2.log", "n3.log"}
    assert things_of_ours(far) == []


def cleaned() -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", "clean"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("way")
def test_what_killed_runs_left_there_is_removed(far: Engine) -> None:
    left = subprocess.run(
        [sys.executable, "-c", _LEAVE], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert left.stdout == "wire-test-left\n", left.stderr
    assert len(things_of_ours(far)) == 1
    clean = cleaned()
    # Others may have left something here.
    assert "removed network wire-test-left\n" in clean.stdout, clean.stderr
    assert things_of_ours(far) == []


def test_network_here_with_the_same_addresses_is_not_taken_for_it(
    engine: Engine, elsewhere: Elsewhere, options: DockerOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = make_network(engine, f"wire-test-{secrets.token_hex(4)}", labels={OWNER: owner()})
    try:
        for name, value in elsewhere.environment().items():
            monkeypatch.setenv(name, value)
        site = DockerSite.create(Needs(nodes=1), replace(options, subnet=str(near.subnet)))
        try:
            assert site.network.subnet == near.subnet
            assert isinstance(site.tap, SidecarTap)
            with site.open_socket() as connection:
                assert isinstance(connection, RelaySocket)
        finally:
            site.remove()
    finally:
        engine.remove_network(near.id)


def refusal() -> str:
    """What is said of the engine that the environment names."""
    with pytest.raises(BackendError) as caught:
        Engine.connect().close()
    return str(caught.value)


@pytest.mark.parametrize(
    ("folder", "reason", "todo"),
    [
        ("stranger", "is not the engine that ca.pem in", "take ca.pem from those who run the engine"),
        ("wrong", "refuses this client's certificate", "have to be of the authority that the engine trusts"),
        ("none", "there is no ca.pem in", "set DOCKER_CERT_PATH to the folder with ca.pem"),
    ],
    ids=["the engine's", "the client's", "none"],
)
def test_certificate_that_is_not_trusted_is_told(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, reason: str, todo: str
) -> None:
    for name, value in elsewhere.environment(folder).items():
        monkeypatch.setenv(name, value)
    if folder == "wrong":
        for name, source in (("ca.pem", "client"), ("cert.pem", "stranger"), ("key.pem", "stranger")):
            (tmp_path / name).symlink_to(elsewhere.folder / source / name)
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    said = refusal()
    assert reason in said
    assert todo in said


def test_engine_that_wants_certificates_is_told_from_one_that_has_none(
    elsewhere: Elsewhere, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in elsewhere.environment().items():
        monkeypatch.setenv(name, value)
    # Any server without TLS.
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{elsewhere.address}:{SSH_PORT}")
    assert "does not speak TLS" in refusal()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{elsewhere.address}:{DOCKER_PORT}")
    monkeypatch.delenv("DOCKER_TLS_VERIFY")
    monkeypatch.delenv("DOCKER_CERT_PATH")
    assert "wants TLS: set DOCKER_TLS_VERIFY=1" in refusal()


@pytest.mark.parametrize(
    ("key", "hosts", "reason", "todo"),
    [
        ("stranger", "known", "Permission denied (publickey", "ssh-copy-id puts it there"),
        ("client", "unknown", "Host key verification failed", "once by hand, shows its key"),
        ("client", "changed", "Host key verification failed", "once by hand, shows its key"),
    ],
    ids=["key", "unknown host", "changed host"],
)
def test_what_ssh_refuses_is_told(
    elsewhere: Elsewhere, keys: Keys, monkeypatch: pytest.MonkeyPatch,
    key: str, hosts: str, reason: str, todo: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("DOCKER_HOST", ssh_url(elsewhere))
    monkeypatch.setenv("PATH", keys.path_with_ssh(key=key, hosts=hosts))
    said = refusal()
    assert reason in said
    assert todo in said


@pytest.mark.parametrize("kind", ["tcp", "tls", "ssh"])
def test_where_nobody_listens_is_told(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "tls":
        for name, value in elsewhere.environment().items():
            monkeypatch.setenv(name, value)
    url = f"{'ssh' if kind == 'ssh' else 'tcp'}://{elsewhere.address}:9"
    monkeypatch.setenv("DOCKER_HOST", url)
    said = refusal()
    assert said.startswith(f"no Docker engine answers at {url} (from DOCKER_HOST): ")
    assert "refused\n" in said
    assert ("by hand?" if kind == "ssh" else "does dockerd run there") in said


def test_error_is_one_message(
    elsewhere: Elsewhere, options: DockerOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in elsewhere.environment("stranger").items():
        monkeypatch.setenv(name, value)
    # Nor is it passed over where somebody only wants to clean up.
    for run in (run_scenarios(WRITE, options, tmp_path, "--reruns=0"), cleaned()):
        said = run.stdout + run.stderr
        assert run.returncode != 0, said
        # pytest's summary has it again, whole or cut.
        said, _, _ = said.partition("short test summary info")
        assert said.count("is not the engine that ca.pem in") == 1, said
        assert "Traceback" not in said
