import hashlib
import json
from pathlib import Path

import pytest

from harness.backends.docker.engine_address import DEFAULT, EngineAddress, address_of_engine
from harness.errors import BackendError


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The docker command's folder, in which nothing is; nor is anything said by variables."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def make_context(folder: Path, name: str, host: str, *files: str, **more: object) -> Path:
    """As ``docker context create`` of 28.2 writes it; returns the folder of certificates."""
    identity = hashlib.sha256(name.encode()).hexdigest()
    meta, tls = folder / "contexts" / "meta" / identity, folder / "contexts" / "tls" / identity / "docker"
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False, **more}
    (meta / "meta.json").write_text(
        json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}})
    )
    tls.mkdir(parents=True)
    for file in files:
        (tls / file).touch()
    return tls


def test_nobody_has_named_one() -> None:
    assert address_of_engine() == EngineAddress(url=DEFAULT)
    assert address_of_engine().is_of_this_machine


def test_context_is_found_where_the_docker_command_has_no_other_settings(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = make_context(configuration, "there", "tcp://10.0.0.1:2376", "ca.pem", "cert.pem", "key.pem")
    monkeypatch.setenv("DOCKER_CONTEXT", "there")
    found = address_of_engine()
    assert found.url == "tcp://10.0.0.1:2376"
    assert found.told_by == "the Docker context there"
    assert not found.is_of_this_machine
    assert found.certificates is not None
    assert (found.certificates.authority, found.certificates.certificate, found.certificates.key) == tuple(
        tls / name for name in ("ca.pem", "cert.pem", "key.pem")
    )
    assert found.certificates.is_verified


def test_context_in_use_is_that_of_the_settings(configuration: Path) -> None:
    make_context(configuration, "far", "ssh://me@far")
    (configuration / "config.json").write_text('{"currentContext": "far"}')
    assert address_of_engine() == EngineAddress(url="ssh://me@far", told_by="the Docker context far")


def test_host_wins_over_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "there")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")
    assert address_of_engine().url == "unix:///run/other.sock"


def test_context_without_certificates_has_no_tls_unless_it_skips_its_checks(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_context(configuration, "plain", "tcp://10.0.0.1:2375")
    make_context(configuration, "any", "tcp://10.0.0.1:2376", SkipTLSVerify=True)
    monkeypatch.setenv("DOCKER_CONTEXT", "plain")
    assert address_of_engine().certificates is None
    monkeypatch.setenv("DOCKER_CONTEXT", "any")
    certificates = address_of_engine().certificates
    assert certificates is not None
    assert not certificates.is_verified
    assert certificates.authority is None


def test_certificates_of_the_environment_are_for_tcp_alone(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    (configuration / "ca.pem").touch()
    for url, has_tls in (
        ("tcp://there:2376", True),
        ("there:2376", True),
        ("ssh://there", False),
        (DEFAULT, False),
    ):
        monkeypatch.setenv("DOCKER_HOST", url)
        assert (address_of_engine().certificates is not None) is has_tls, url
    # Nothing counts as false.
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "")
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:2376")
    assert address_of_engine().certificates is None


def test_authority_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(BackendError, match=f"there is no ca.pem in {tmp_path}: set DOCKER_CERT_PATH"):
        address_of_engine()


@pytest.mark.parametrize("text", ["", "[]", '{"Endpoints": {}}'])
def test_context_that_cannot_be_read_is_told(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    tls = make_context(configuration, "broken", "ssh://there")
    (configuration / "contexts" / "meta" / tls.parent.name / "meta.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONTEXT", "broken")
    with pytest.raises(BackendError, match="the Docker context broken cannot be read from"):
        address_of_engine()
