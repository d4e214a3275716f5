"""The links between nodes: cutting them, healing them, and making them slow or lossy.

The same for every backend whose nodes are joined by veths to a bridge of this machine.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from threading import Lock
from typing import Protocol

from harness.backends.network.delay_line import QUEUE_FRAMES, TUN_DEVICE, command_of
from harness.backends.network.interfaces import Interfaces
from harness.backends.network.link_shape import LinkShape
from harness.backends.network.port_rules import NetemMissingError, PortRules
from harness.errors import BackendError
from harness.waiting import wait_until

_DELAY_LINE_TIMEOUT_S = 10.0


class DelayLine(Protocol):
    """A program that holds packets back, as ``network.process.Process``."""

    def exit_code(self) -> int | None:
        """None while it runs."""

    def kill(self) -> None:
        """End it."""

    def last_words(self) -> str:
        """What it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    number: int
    address: IPv4Address
    rules: PortRules


class Links:
    """All links between the nodes of one bridge.

    Args:
        interfaces: those of the namespace where the bridge is.
        start_delay_line: starts a program in that namespace; it is needed where the kernel has no netem.
        seed: decides, where the kernel does not, which packets are lost.
    """

    def __init__(
        self,
        interfaces: Interfaces,
        *,
        start_delay_line: Callable[[str, list[str]], DelayLine],
        seed: int = 0,
    ) -> None:
        self._interfaces = interfaces
        self._start_delay_line = start_delay_line
        self._seed = seed
        self._lock = Lock()
        self._members: dict[str, _Member] = {}
        self._isolated: dict[str, set[str] | None] = {}
        """Whom each node wants to be cut off from; None: everybody, those who come later too."""
        self._cut_by: dict[tuple[str, str], set[str]] = defaultdict(set)
        """(sender, receiver) -> who has cut the way."""
        self._shapes: dict[tuple[str, str], LinkShape] = {}
        self._delay_lines: dict[tuple[str, str], DelayLine] = {}

    def add(self, name: str, *, port: str, address: IPv4Address) -> None:
        """Let a node have links.

        Args:
            name: of the node.
            port: the bridge's end of its veth.
            address: its own.

        Raises:
            BackendError: it cannot be cut off from a node that wants to be alone.
        """
        with self._lock:
            assert name not in self._members
            rules = PortRules(self._interfaces, port)
            self._members[name] = _Member(number=len(self._members), address=address, rules=rules)
            for node, peers in self._isolated.items():
                if peers is None:
                    self._cut(node, name, by=node)

    def isolate(self, node: str, peers: Iterable[str] = ()) -> None:
        """Drop all packets between a node and some peers, both ways; none named: all of them, now and later.

        Raises:
            BackendError: there is no such node, or the kernel refuses.
        """
        with self._lock:
            named = list(peers)
            for name in (node, *named):
                self._member(name)
            already = self._isolated.get(node, set())
            self._isolated[node] = None if not named or already is None else already | set(named)
            for peer in named or [name for name in self._members if name != node]:
                self._cut(node, peer, by=node)

    def heal(self, node: str) -> None:
        """End every ``isolate`` of a node; what a peer has asked for stays.

        Raises:
            BackendError: there is no such node, or the kernel refuses.
        """
        with self._lock:
            self._member(node)
            self._isolated.pop(node, None)
            for (sender, receiver), askers in self._cut_by.items():
                if node in askers:
                    askers.discard(node)
                    if not askers:
                        self._member(receiver).rules.uncut(self._member(sender).number)

    def is_cut(self, sender: str, receiver: str) -> bool:
        """Whether packets from one node to another are dropped."""
        return bool(self._cut_by.get((sender, receiver)))

    def shape(self, sender: str, receiver: str, shape: LinkShape) -> None:
        """Set how good the way from one node to another is; the way back is another link.

        Raises:
            BackendError: there is no such node, or the kernel refuses.
        """
        with self._lock:
            source, target = self._member(sender), self._member(receiver)
            link = (sender, receiver)
            if self._shapes.get(link, LinkShape()) == shape:
                return
            if shape.is_plain or link in self._delay_lines:
                self._unshape(link, source, target)
            if not shape.is_plain:
                try:
                    target.rules.shape(source.number, source.address, shape)
                except NetemMissingError:
                    self._hold_back(link, source, target, shape)
                self._shapes[link] = shape

    def shape_of(self, sender: str, receiver: str) -> LinkShape:
        """How good the way from one node to another has been made."""
        return self._shapes.get((sender, receiver), LinkShape())

    def _cut(self, node: str, peer: str, *, by: str) -> None:
        if node == peer:
            raise BackendError(f"{node} cannot be isolated from itself")
        for sender, receiver in ((node, peer), (peer, node)):
            source, target = self._member(sender), self._member(receiver)
            askers = self._cut_by[sender, receiver]
            if not askers:
                target.rules.cut(source.number, source.address)
            askers.add(by)

    def _unshape(self, link: tuple[str, str], source: _Member, target: _Member) -> None:
        target.rules.unshape(source.number)
        self._shapes.pop(link, None)
        delay_line = self._delay_lines.pop(link, None)
        if delay_line is not None:
            delay_line.kill()

    def _hold_back(self, link: tuple[str, str], source: _Member, target: _Member, shape: LinkShape) -> None:
        """Delay and lose packets without netem."""
        sender, receiver = link
        if not os.path.exists(TUN_DEVICE):  # noqa: PTH110  (a device is no path of ours)
            raise BackendError(
                "links cannot be delayed: this kernel has neither netem (sudo modprobe sch_netem) "
                f"nor {TUN_DEVICE} (sudo modprobe tun)"
            )
        # A limit of bandwidth that was there alone is now a matter of the delay line.
        target.rules.unshape(source.number)
        device = f"late{source.number}-{target.number}"
        seed = f"{self._seed} {sender} {receiver}"
        delay_line = self._start_delay_line(device, command_of(device, target.rules.port, shape, seed=seed))
        self._delay_lines[link] = delay_line

        def is_ready() -> bool:
            return self._interfaces.is_up(device) or delay_line.exit_code() is not None

        if not wait_until(is_ready, timeout_s=_DELAY_LINE_TIMEOUT_S) or delay_line.exit_code() is not None:
            raise BackendError(
                f"the link from {sender} to {receiver} cannot be delayed: {delay_line.last_words()}"
            )
        self._interfaces.set_queue_length(device, QUEUE_FRAMES)
        target.rules.redirect(source.number, source.address, device)

    def _member(self, name: str) -> _Member:
        member = self._members.get(name)
        if member is None:
            raise BackendError(
                f"there is no node {name} here; there are {', '.join(self._members) or 'none'}"
            )
        return member
