import pytest

from harness.backends.docker.engine_address import EngineAddress
from harness.backends.docker.unreachable import unreachable

# What ssh, and the docker command of 20.10 and 28.2 at its other end, have said.
_NO_SOCKET = "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: no such file or directory"
_NOT_ALLOWED = (
    "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: permission denied"
)
_UNKNOWN = "ssh: Could not resolve hostname there: Name or service not known"


@pytest.mark.parametrize(
    ("reason", "todo"),
    [
        ("Host key verification failed.", "ssh -p 22 me@there, once by hand, shows its key"),
        ("me@there: Permission denied (publickey).", "ssh needs a key that me@there:22 accepts"),
        (_NO_SOCKET, "is dockerd running there"),
        (_NOT_ALLOWED, "sudo usermod -aG docker USER there"),
        ("bash: line 1: docker: command not found", "the docker command is missing there"),
        ("sh: 1: docker: not found", "the docker command is missing there"),
        (_UNKNOWN, "does ssh -p 22 me@there work by hand?"),
        ("", "does ssh -p 22 me@there work by hand?"),
    ],
)
def test_what_ssh_says_is_told_with_what_to_do(reason: str, todo: str) -> None:
    error = unreachable(
        EngineAddress(url="ssh://me@there:22", told_by="DOCKER_HOST"), OSError(reason), reason
    )
    first, _, second = str(error).partition("\n")
    assert first.startswith("no Docker engine answers at ssh://me@there:22 (from DOCKER_HOST): ")
    assert first.endswith(reason or "ssh says nothing")
    assert todo in second


def test_engine_elsewhere_is_not_to_be_installed_here() -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    there = str(unreachable(EngineAddress(url="tcp://there:2375"), refused, str(refused)))
    here = str(unreachable(EngineAddress(url="unix:///var/run/docker.sock"), refused, str(refused)))
    assert "does dockerd run there" in there
    assert "apt-get install" not in there
    assert "apt-get install docker.io" in here
