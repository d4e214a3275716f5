"""The Docker engine: which one, and what its refusals mean.

Podman answers to the same API.

Source:
    Docker documentation, "Docker contexts", "Environment variables"; Docker Engine API 1.41.
"""

import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from harness.backends.docker.engine_address import EngineAddress, address_of_engine
from harness.backends.docker.gate import Gate
from harness.backends.docker.ssh_carrier import SshCarrier
from harness.backends.docker.temporary_folder import make_folder, remove_folder
from harness.backends.docker.tls_carrier import TlsCarrier
from harness.backends.docker.unix_transport import close_what_does_not_connect
from harness.backends.docker.unreachable import unreachable
from harness.errors import BackendError
from harness.interrupts import interrupts_wait

TIMEOUT_S = 120.0
_KNOCK_TIMEOUT_S = 10.0
_PORT = 2375
_GATE_TIMEOUT_S = 40.0
_IN_USE = "has active endpoints"


class Engine:
    """A connection to an engine; every method raises ``BackendError`` if it refuses.

    Args:
        client: the SDK's.
        address: where it is.
        gate: that the connection goes through; closed with it.
    """

    def __init__(self, client: docker.DockerClient, address: EngineAddress, gate: Gate | None = None) -> None:
        self.client = client
        self.api = client.api
        self._address = address
        self._gate = gate

    @classmethod
    def connect(cls, address: EngineAddress | None = None) -> "Engine":
        """Connect to an engine.

        Args:
            address: where it is; None: what the environment says.

        Raises:
            BackendError: none answers.
        """
        address = address or address_of_engine()
        try:
            client, gate = _opened(address)
        except (DockerException, requests.RequestException, OSError, ValueError) as error:
            raise unreachable(address, error, _reason(error)) from error
        return cls(client, address, gate)

    @property
    def address(self) -> str:
        """Where it is."""
        return self._address.url

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it is reached through a socket of this machine; it may be in a virtual machine all the same."""
        return self._address.is_of_this_machine

    @contextmanager
    def refusing(self, what: str) -> Iterator[None]:
        """Turn what the engine says inside into an error that says what could not be done, and what to do.

        Args:
            what: as part of a sentence, such as ``n1 cannot be started``.
        """
        before = sys.exception()
        try:
            yield
        except (DockerException, requests.RequestException) as error:
            reason = _reason(error, before)
            if isinstance(error, requests.ConnectionError | requests.Timeout):
                raise BackendError(f"{what}: {self._gone(reason)}") from error
            raise BackendError(f"{what}: {_explained(reason)}") from error

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
        said = ""
        try:
            said = self.api.pull(repository, tag=tag)
            return str(self.api.inspect_image(name)["Id"])
        except (DockerException, requests.RequestException) as error:
            reason = _failure_of_pull(said) or _reason(error)
            if says_disk_is_full(reason):
                raise BackendError(f"image {name} cannot be pulled: {disk_is_full(reason)}") from error
            raise BackendError(
                f"the engine at {self.address} has no image {name}, and cannot pull it: {reason}\n"
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

    def is_running(self, container: str) -> bool:
        """Whether a container runs, paused or not.

        Raises:
            BackendError: it is gone.
        """
        return bool(self.inspect(container)["State"]["Running"])

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
                    host_config=self.host_config(network_mode, capabilities),
                )["Id"]
                self.api.start(container)
            with self.refusing(failure):
                code = int(self.api.wait(container, timeout=TIMEOUT_S)["StatusCode"])
                said = self.api.logs(container).decode(errors="replace").strip()
        finally:
            if container:
                self.remove_container(container)
        return code, said

    def host_config(self, network_mode: str, capabilities: Sequence[str], **more: object) -> dict[str, Any]:
        """What a container is given of the engine's machine.

        Whoever joins the network of that machine has to have its users, too, where others have users of their own
        (``dockerd --userns-remap``).

        Args:
            network_mode: such as ``host``, or ``container:ID``.
            capabilities: rights besides the usual ones.
            more: as the SDK has it.
        """
        users = {"userns_mode": "host"} if network_mode == "host" else {}
        return dict(
            self.api.create_host_config(
                network_mode=network_mode, cap_add=list(capabilities), **users, **more
            )
        )

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
                try:
                    self.api.remove_network(network)
                except APIError as error:
                    if _IN_USE not in str(error) or not self._forget_the_gone(network):
                        raise
                    self.api.remove_network(network)
            except NotFound:
                return

    def _gone(self, reason: str) -> str:
        why_not = "" if self._gate is None else self._gate.why_not()
        return (
            f"the engine at {self.address} has answered before, but does not any more ({why_not or reason}); what is left "
            "there is removed when it does again, by the next start or harness clean"
        )

    def _forget_the_gone(self, network: str) -> bool:
        """Disconnect containers that there are no more: an engine whose disk was full has not written that down."""
        gone = []
        for container, told in (self.api.inspect_network(network)["Containers"] or {}).items():
            try:
                self.api.inspect_container(container)
            except NotFound:
                gone.append(told["Name"])
        for name in gone:
            self.api.disconnect_container_from_network(name, network, force=True)
        return bool(gone)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()
        if self._gate is not None:
            self._gate.close()


def connected() -> Engine:
    """The engine that the environment names; a connection to each is made once.

    Raises:
        BackendError: none answers.
    """
    return _connected(address_of_engine())


@lru_cache
def _connected(address: EngineAddress) -> Engine:
    return Engine.connect(address)


def _opened(address: EngineAddress) -> tuple[docker.DockerClient, Gate | None]:
    gate = None
    if address.url.startswith("ssh://") or address.certificates is not None:
        gate = _gate(address)
    try:
        if gate is None:
            _knock(address.url)
        else:
            gate.knock(timeout_s=_GATE_TIMEOUT_S)
        client = docker.DockerClient(base_url=address.url if gate is None else gate.url, timeout=TIMEOUT_S)
        close_what_does_not_connect(client.api)
    except BaseException:
        if gate is not None:
            gate.close()
        raise
    return client, gate


def _gate(address: EngineAddress) -> Gate:
    folder = make_folder()
    try:
        if address.certificates is None:
            return Gate(folder, SshCarrier(address.url, folder))
        return Gate(folder, TlsCarrier(address.url, address.certificates))
    except BaseException:
        remove_folder(folder)
        raise


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


def _explained(reason: str) -> str:
    lower = reason.lower()
    if says_disk_is_full(reason):
        return disk_is_full(reason)
    if _IN_USE in lower:
        return (
            f"{reason}; docker network inspect shows by whom; if by nobody, the engine has lost track, as when its disk was "
            "full: sudo systemctl restart docker, then harness clean"
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


def says_disk_is_full(words: str) -> bool:
    """Whether somebody, an engine or a node on it, says so."""
    return any(known in words.lower() for known in ("no space left on device", "disk quota"))


def disk_is_full(reason: str) -> str:
    """What to do then, as part of a sentence."""
    return (
        f"the disk of the Docker engine is full ({reason}); make room there: docker system df shows what takes it, "
        "docker system prune removes what nobody uses"
    )


def _failure_of_pull(said: str) -> str:
    """Once it has begun, a pull tells its failure in one of the objects that say how far it is."""
    for line in said.splitlines():
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and told.get("error"):
                return str(told["error"])
    return ""


def _reason(error: BaseException, before: BaseException | None = None) -> str:
    """What an error says; what was being handled before it came is none of its causes."""
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation).strip()
    # Of what requests wraps around an error, the innermost says what it was.
    if isinstance(error.__context__, Exception) and error.__context__ is not before:
        return _reason(error.__context__, before)
    return str(error).strip() or type(error).__name__
