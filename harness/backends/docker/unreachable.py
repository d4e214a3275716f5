"""What to do where no engine answers: one message for each reason.

Source:
    OpenSSH, sshconnect.c, sshconnect2.c (what it says at its end); docker/cli, cli/command/system/dial_stdio.go; Go
    crypto/tls (alerts), net/http (what a server with TLS says to a client without).
"""

import shlex
import ssl
from urllib.parse import urlsplit

from harness.backends.docker.engine_address import CONTEXT, HOST, EngineAddress
from harness.errors import BackendError

_ELSEWHERE = f"{HOST}, {CONTEXT} or docker context use name another engine; --cluster=simulated needs none"


def unreachable(address: EngineAddress, error: Exception, reason: str) -> BackendError:
    """The error for an engine that cannot be talked to.

    Args:
        address: where it should be.
        error: what came instead.
        reason: the same in words.
    """
    lower = reason.lower()
    if address.url.startswith("ssh://"):
        return _by_ssh(address, reason, lower)
    if "permission denied" in lower or isinstance(error, PermissionError):
        return BackendError(
            f"this user may not use the Docker engine at {address.url}; run as root, or join the group that may: "
            "sudo usermod -aG docker $USER, then log in again"
        )
    if address.certificates is not None:
        found = _by_tls(address, error, reason, lower)
        if found is not None:
            return found
    if "http request to an https server" in lower:
        return BackendError(
            f"the engine at {address.url} wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with "
            "ca.pem, cert.pem and key.pem; or make a context with them (docker context create --docker)"
        )
    said = f"no Docker engine answers at {address.url}{_told_by(address)}: {reason}\n"
    if address.is_of_this_machine:
        return BackendError(
            f"{said}install and start one (Debian: sudo apt-get install docker.io; sudo systemctl start docker), name "
            f"another one with {HOST} or docker context use, or run without containers: --cluster=simulated"
        )
    return BackendError(
        f"{said}does dockerd run there, does it listen on that address (dockerd --host), does a firewall let this "
        f"machine through? {_ELSEWHERE}"
    )


def _by_tls(address: EngineAddress, error: Exception, reason: str, lower: str) -> BackendError | None:
    assert address.certificates is not None
    folder = address.certificates.folder
    if isinstance(error, ssl.SSLError):
        return BackendError(
            f"the certificates in {folder}, for the engine at {address.url}, cannot be used: {reason}\n"
            "cert.pem and key.pem have to belong together, and to be in PEM, as ca.pem"
        )
    if "certificate verify failed" in lower:
        return BackendError(
            f"what answers at {address.url} is not the engine that ca.pem in {folder} vouches for: {reason}\n"
            "take ca.pem from those who run the engine, and a name or address that its certificate is for"
        )
    if "alert" in lower:
        return BackendError(
            f"the engine at {address.url} refuses this client's certificate: {reason}\n"
            f"cert.pem and key.pem in {folder} have to be of the authority that the engine trusts (dockerd --tlscacert), "
            "and not expired"
        )
    if "wrong version number" in lower or "record layer" in lower:
        return BackendError(
            f"what answers at {address.url} does not speak TLS: {reason}\n"
            "set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH to nothing, or make the context without certificates"
        )
    return None


def _by_ssh(address: EngineAddress, reason: str, lower: str) -> BackendError:
    place = address.url.removeprefix("ssh://")
    parts = urlsplit(address.url)
    login = shlex.join(
        ["ssh", *(["-p", str(parts.port)] if parts.port else []), parts.netloc.removesuffix(f":{parts.port}")]
    )
    said = f"no Docker engine answers at {address.url}{_told_by(address)}: {reason or 'ssh says nothing'}\n"
    if "host key verification failed" in lower:
        todo = f"ssh does not know that host, or it is another one than before: {login}, once by hand, shows its key"
    elif "permission denied (" in lower:
        todo = (
            f"nobody can be asked for a password here, so ssh needs a key that {place} accepts: ssh-copy-id puts it there, "
            f"ssh-add opens it; {login} has to work without a question"
        )
    elif "raw stream connection" in lower and "permission denied" in lower:
        todo = (
            "that user may not use the engine there: sudo usermod -aG docker USER there, or name another user"
        )
    elif "raw stream connection" in lower:
        todo = (
            "is dockerd running there (sudo systemctl start docker)? Does it listen elsewhere? A path behind the name of "
            "the machine is that of its socket"
        )
    elif "not found" in lower and "docker" in lower:
        todo = f"the docker command is missing there (Debian: sudo apt-get install docker.io), or not in the PATH of {login}"
    else:
        todo = f"does {login} work by hand?"
    return BackendError(f"{said}{todo}; {_ELSEWHERE}")


def _told_by(address: EngineAddress) -> str:
    return f" (from {address.told_by})" if address.told_by else ""
