"""Cutting nodes off from each other: each drops what comes from whom it is not to hear.

Rules are the receiver's, so a packet that is dropped was recorded when it was sent.

Source:
    Linux man page iptables(8).
"""

from collections import defaultdict
from collections.abc import Iterable

from harness.backends.docker.way_in import Steered, WayIn
from harness.errors import BackendError


class Firewall:
    """Who of a cluster's nodes does not hear whom.

    Args:
        way_in: to the containers.
    """

    def __init__(self, way_in: WayIn) -> None:
        self._way_in = way_in
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
        code, said = self._way_in.run(node, rules)
        if code != 0:
            raise BackendError(f"{node.name} cannot be cut off from others, nor joined to them again: {said}")


def _rule(action: str, address: str) -> list[str]:
    return ["iptables", "-w", action, "INPUT", "-s", address, "-j", "DROP"]
