"""Cutting nodes off from each other: each drops what comes from whom it is not to hear.

Rules are the receiver's, so a packet that is dropped was recorded when it was sent. They are set in the network
namespace of its container: from here as root on the engine's machine, else through a container that joins it.

Source:
    Linux man pages iptables(8), nsenter(1).
"""

import os
import shlex
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

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


class Firewall:
    """Who of a cluster's nodes does not hear whom.

    Args:
        engine: where the containers are.
        image: has iptables, for where this process cannot set rules by itself.
        labels: written on containers that do it.
    """

    def __init__(self, engine: Engine, *, image: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._image = image
        self._labels = labels
        self._members: dict[str, Steered] = {}
        self._cut_by: dict[tuple[str, str], set[str]] = defaultdict(set)
        """(sender, receiver) -> who wanted that."""

    def add(self, node: Steered) -> None:
        """Let a node have rules."""
        self._members[node.name] = node

    def remove(self, name: str) -> None:
        """Forget a node that is gone."""
        self._members.pop(name, None)
        self._cut_by = defaultdict(
            set, {link: askers for link, askers in self._cut_by.items() if name not in link}
        )

    def isolate(self, name: str, peers: Iterable[str] = ()) -> None:
        """Drop all packets between a node and some peers; none named: all of them.

        Raises:
            BackendError: there is no such node, or rules cannot be set.
        """
        named = list(peers) or [other for other in self._members if other != name]
        for peer in named:
            if peer not in self._members or peer == name:
                raise BackendError(f"{name} cannot be isolated from {peer}: there is no such other node")
        wanted = defaultdict(list)
        for peer in named:
            for sender, receiver in ((name, peer), (peer, name)):
                if not self._cut_by[sender, receiver]:
                    wanted[receiver].append(_rule("-I", self._members[sender].address))
        for receiver, rules in wanted.items():
            self._run(self._members[receiver], rules)
        for peer in named:
            self._cut_by[name, peer].add(name)
            self._cut_by[peer, name].add(name)

    def heal(self, name: str) -> None:
        """End every ``isolate`` of a node.

        Raises:
            BackendError: rules cannot be removed.
        """
        wanted = defaultdict(list)
        for (sender, receiver), askers in self._cut_by.items():
            if askers == {name}:
                wanted[receiver].append(_rule("-D", self._members[sender].address))
        for receiver, rules in wanted.items():
            self._run(self._members[receiver], rules)
        for askers in self._cut_by.values():
            askers.discard(name)

    def restarted(self, name: str) -> None:
        """Set the rules of a node anew, whose namespace is another one now.

        Raises:
            BackendError: they cannot be set.
        """
        rules = [
            _rule("-I", self._members[sender].address)
            for (sender, receiver), askers in self._cut_by.items()
            if receiver == name and askers
        ]
        if rules:
            self._run(self._members[name], rules)

    def _run(self, node: Steered, rules: list[list[str]]) -> None:
        what = f"{node.name} cannot be cut off from others, nor joined to them again"
        prefix = self._way_in(node)
        if prefix is None:
            self._run_in_container(node, rules, what)
            return
        for rule in rules:
            answer = subprocess.run(  # noqa: S603  (our own rules)
                [*prefix, *rule], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
            if answer.returncode != 0:
                raise BackendError(f"{what}: {shlex.join(rule)} says: {answer.stderr.strip()}")

    def _way_in(self, node: Steered) -> list[str] | None:
        """What stands before a command that is to run in a node's network; None: it is out of reach from here."""
        if os.geteuid() != 0 or not self._engine.is_of_this_machine:
            return None
        if shutil.which("nsenter") is None or shutil.which("iptables") is None:
            return None
        state = self._engine.inspect(node.container)["State"]
        path = Path(f"/proc/{state['Pid']}/ns/net")
        # In a virtual machine the number is somebody else's, or nobody's.
        if not state["Pid"] or not path.exists() or node.container not in _control_group(state["Pid"]):
            return None
        return ["nsenter", f"--net={path}"]

    def _run_in_container(self, node: Steered, rules: list[list[str]], what: str) -> None:
        script = " && ".join(shlex.join(rule) for rule in rules)
        code, said = self._engine.run_once(
            self._engine.image_id(self._image),
            ["sh", "-c", script],
            labels=self._labels,
            network_mode=f"container:{node.container}",
            capabilities=["NET_ADMIN"],
        )
        if code != 0:
            raise BackendError(f"{what}: in a container of {self._image}: {said}")


def _rule(action: str, address: str) -> list[str]:
    return ["iptables", "-w", action, "INPUT", "-s", address, "-j", "DROP"]


def _control_group(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
    except OSError:
        return ""
