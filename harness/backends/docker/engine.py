"""The Docker engine: which one, and what its refusals mean.

``DOCKER_HOST`` wins, then the context (``DOCKER_CONTEXT``, or the one that ``docker context use`` chose), as with
the command line. Podman answers to the same API.

Source:
    Docker documentation, "Docker contexts", "Environment variables"; Docker Engine API 1.41.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from harness.errors import BackendError
from harness.interrupts import interrupts_wait

TIMEOUT_S = 120.0
_KNOCK_TIMEOUT_S = 10.0
_PORT = 2375
_HOST = "DOCKER_HOST"
_CONTEXT = "DOCKER_CONTEXT"
_OWN_SOCKETS = ("unix://", "http+unix://", "npipe://")


class Engine:
    """A connection to an engine; every method raises ``BackendError`` if it refuses.

    Args:
        client: the SDK's.
        address: where it is, for errors.
    """

    def __init__(self, client: docker.DockerClient, address: str) -> None:
        self.client = client
        self.api = client.api
        self.address = address

    @classmethod
    def connect(cls) -> "Engine":
        """Connect to the engine that the environment names.

        Raises:
            BackendError: none answers.
        """
        address = "the default address"
        try:
            address, make = _chosen()
            _knock(address)
            client = make()
        except (DockerException, requests.RequestException, OSError, ValueError) as error:
            raise _unreachable(address, error) from error
        return cls(client, address)

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it is reached through a socket of this machine; it may be in a virtual machine all the same."""
        return self.address.startswith(_OWN_SOCKETS)

    @contextmanager
    def refusing(self, what: str) -> Iterator[None]:
        """Turn what the engine says inside into an error that says what could not be done, and what to do.

        Args:
            what: as part of a sentence, such as ``n1 cannot be started``.
        """
        try:
            yield
        except ImageNotFound as error:
            raise BackendError(f"{what}: {_explained(error)}") from error
        except (DockerException, requests.RequestException) as error:
            raise BackendError(f"{what}: {_explained(error)}") from error

    @contextmanager
    def changing(self, what: str) -> Iterator[None]:
        """As ``refusing``, for what makes or removes something: an interrupt waits until the engine has answered.

        Nobody could tell otherwise what it still does: it finishes what it was asked for, whoever waits for that.
        """
        with self.refusing(what), interrupts_wait():
            yield

    def image_id(self, name: str) -> str:
        """The id of an image, which is pulled if the engine does not have it.

        Raises:
            BackendError: there is no such image.
        """
        try:
            with self.refusing(f"image {name}"):
                return str(self.api.inspect_image(name)["Id"])
        except BackendError as error:
            if not isinstance(error.__cause__, NotFound):
                raise
        repository, tag = _with_tag(name)
        try:
            self.api.pull(repository, tag=tag)
            return str(self.api.inspect_image(name)["Id"])
        except (DockerException, requests.RequestException) as error:
            raise BackendError(
                f"the engine at {self.address} has no image {name}, and cannot pull it: {_reason(error)}\n"
                f"fetch it by hand (docker pull {name}; or docker save there, docker load here), or name another one "
                "(--image, --sidecar-image)"
            ) from error

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine knows of a container.

        Raises:
            BackendError: it is gone.
        """
        with self.refusing(f"container {container[:12]}"):
            return dict(self.api.inspect_container(container))

    def run_once(
        self,
        image: str,
        command: Sequence[str],
        *,
        labels: Mapping[str, str],
        network_mode: str = "none",
        capabilities: Sequence[str] = (),
    ) -> tuple[int, str]:
        """Run a program in a container of its own, which is gone afterwards; return its exit code and what it said.

        Args:
            image: id of the image.
            command: program and arguments.
            labels: written on the container.
            network_mode: such as ``container:ID``.
            capabilities: rights besides the usual ones.

        Raises:
            BackendError: it cannot be started, or does not end.
        """
        failure = f"{command[0]} cannot be run in a container"
        container = ""
        try:
            with self.changing(failure):
                container = self.api.create_container(
                    image,
                    list(command[1:]),
                    entrypoint=command[0],
                    user="0",
                    labels=dict(labels),
                    host_config=self.api.create_host_config(
                        network_mode=network_mode, cap_add=list(capabilities)
                    ),
                )["Id"]
                self.api.start(container)
            with self.refusing(failure):
                code = int(self.api.wait(container, timeout=TIMEOUT_S)["StatusCode"])
                said = self.api.logs(container).decode(errors="replace").strip()
        finally:
            if container:
                self.remove_container(container)
        return code, said

    def remove_container(self, container: str) -> None:
        """Remove a container with its data, running or not; nothing happens if it is gone."""
        with self.changing(f"container {container[:12]} cannot be removed"):
            try:
                self.api.remove_container(container, v=True, force=True)
            except NotFound:
                return
            except APIError as error:
                # Somebody else, such as another run that cleans up, is about it.
                if error.status_code != requests.codes.conflict:
                    raise

    def remove_network(self, network: str) -> None:
        """Remove a network; nothing happens if it is gone."""
        with self.changing(f"network {network[:12]} cannot be removed"):
            try:
                self.api.remove_network(network)
            except NotFound:
                return

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def _chosen() -> tuple[str, Callable[[], docker.DockerClient]]:
    host = os.environ.get(_HOST)
    if host:
        return host, lambda: docker.DockerClient.from_env(
            timeout=TIMEOUT_S, use_ssh_client=host.startswith("ssh:")
        )
    context = ContextAPI.get_context(os.environ.get(_CONTEXT) or None)
    if context is None or not context.Host:
        if os.environ.get(_CONTEXT):
            raise ValueError(f"there is no Docker context {os.environ[_CONTEXT]}")
        return "unix:///var/run/docker.sock", lambda: docker.DockerClient.from_env(timeout=TIMEOUT_S)
    address = str(context.Host)
    is_ssh = address.startswith("ssh:")
    return address, lambda: docker.DockerClient(
        base_url=address, tls=context.TLSConfig, timeout=TIMEOUT_S, use_ssh_client=is_ssh
    )


def _knock(address: str) -> None:
    """Find out whether anybody answers, where that is easy: the SDK leaves sockets open when nobody does.

    Raises:
        OSError: nobody does, or this user may not ask.
    """
    kind, _, place = address.partition("://")
    if kind in {"unix", "http+unix"}:
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_KNOCK_TIMEOUT_S)
            knocking.connect(place)
    elif kind in {"tcp", "http", "https"}:
        parts = urlsplit(address)
        with socket.create_connection((parts.hostname, parts.port or _PORT), timeout=_KNOCK_TIMEOUT_S):
            pass


def _with_tag(name: str) -> tuple[str, str]:
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "latest")


def _unreachable(address: str, error: Exception) -> BackendError:
    text = str(error)
    if "Permission denied" in text or isinstance(error, PermissionError):
        return BackendError(
            f"this user may not use the Docker engine at {address}; run as root, or join the group that may: "
            "sudo usermod -aG docker $USER, then log in again"
        )
    return BackendError(
        f"no Docker engine answers at {address}: {_reason(error)}\n"
        "install and start one (Debian: sudo apt-get install docker.io; sudo systemctl start docker), name another one "
        f"with {_HOST} or docker context use, or run without containers: --cluster=simulated"
    )


def _explained(error: Exception) -> str:
    reason = _reason(error)
    lower = reason.lower()
    if "no space left on device" in lower or "disk quota" in lower:
        return (
            f"the disk of the Docker engine is full ({reason}); make room there: docker system df shows what takes it, "
            "docker system prune removes what nobody uses"
        )
    if "overlaps with other one" in lower or "pool overlaps" in lower:
        return (
            f"the subnet is taken ({reason}); docker network ls shows by whom; harness clean removes what killed runs "
            "have left, --docker-subnet names another one"
        )
    if "address already in use" in lower:
        return (
            f"another container has that address ({reason}); harness clean removes what killed runs have left"
        )
    return reason


def _reason(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation).strip()
    # Of what requests wraps around an error, the innermost says what it was.
    while error.__context__ is not None and isinstance(error.__context__, Exception):
        error = error.__context__
    return str(error).strip() or type(error).__name__
