"""Running programs in the network namespace of a node's container.

From here as root on the engine's machine, else through a container that joins it.

Source:
    Linux man page nsenter(1).
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from harness.backends.docker.container_stream import ContainerStream, Sink
from harness.backends.docker.engine import Engine
from harness.errors import BackendError

_TIMEOUT_S = 60.0


class Steered(Protocol):
    """A node's container."""

    @property
    def name(self) -> str:
        """The node's name."""

    @property
    def address(self) -> str:
        """The node's address."""

    @property
    def container(self) -> str:
        """The container's id."""


class WayIn:
    """How to get at the network of a cluster's nodes.

    Args:
        engine: where the containers are.
        image: has the programs, for where this process cannot run them by itself.
        labels: written on containers that do it.
    """

    def __init__(self, engine: Engine, *, image: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._image = image
        self._labels = labels

    def is_open(self, node: Steered) -> bool:
        """Whether the container runs; else it has no network.

        Raises:
            BackendError: it is gone.
        """
        return self._engine.is_running(node.container)

    def run(self, node: Steered, commands: Sequence[Sequence[str]]) -> tuple[int, str]:
        """Run commands one after the other until one fails; return the last exit code and what they said.

        Raises:
            BackendError: the engine refuses, or one of them does not end.
        """
        prefix = self._from_here(node, {command[0] for command in commands})
        if prefix is None:
            return self._run_in_container(node, commands)
        code, said = 0, ""
        for command in commands:
            try:
                answer = subprocess.run(  # noqa: S603  (our own commands)
                    [*prefix, *command], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
                )
            except subprocess.TimeoutExpired as error:
                raise BackendError(
                    f"{shlex.join(command)} in the network of {node.name} does not end within {_TIMEOUT_S:g} s"
                ) from error
            code = answer.returncode
            if code != 0:
                return code, f"{shlex.join(command)} says: {(answer.stderr or answer.stdout).strip()}"
            said += answer.stdout
        return code, said.strip()

    def start(
        self,
        node: Steered,
        command: Sequence[str],
        *,
        output: Sink,
        errors: Sink,
        name: str,
        devices: Sequence[str],
    ) -> ContainerStream:
        """Start a program that goes on, always in a container that joins the node's network.

        Args:
            node: whose network.
            command: program and arguments.
            output: takes what it writes.
            errors: takes its standard error.
            name: in errors.
            devices: of the engine's machine, that it may use.

        Raises:
            BackendError: it cannot be started.
        """
        return ContainerStream(
            self._engine,
            image=self._image,
            command=command,
            labels=self._labels,
            network_mode=f"container:{node.container}",
            output=output,
            errors=errors,
            name=name,
            devices=devices,
        )

    def _from_here(self, node: Steered, programs: set[str]) -> list[str] | None:
        """What stands before a command that is to run in a node's network; None: it is out of reach from here."""
        if os.geteuid() != 0 or not self._engine.is_of_this_machine:
            return None
        if not all(shutil.which(program) for program in ("nsenter", *programs)):
            return None
        state = self._engine.inspect(node.container)["State"]
        path = Path(f"/proc/{state['Pid']}/ns/net")
        # In a virtual machine the number is somebody else's, or nobody's.
        if not state["Pid"] or not path.exists() or node.container not in _control_group(state["Pid"]):
            return None
        return ["nsenter", f"--net={path}"]

    def _run_in_container(self, node: Steered, commands: Sequence[Sequence[str]]) -> tuple[int, str]:
        code, said = self._engine.run_once(
            self._engine.image_id(self._image),
            ["sh", "-c", " && ".join(shlex.join(command) for command in commands)],
            labels=self._labels,
            network_mode=f"container:{node.container}",
            capabilities=["NET_ADMIN"],
        )
        return code, f"in a container of {self._image}: {said}" if code != 0 else said


def _control_group(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
    except OSError:
        return ""
