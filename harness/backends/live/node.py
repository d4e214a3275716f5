"""A node that runs, and what can be done to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from harness.backends.live.machine import Machine
from harness.backends.network.link_shape import LinkShape
from harness.backends.placed_table import Named


class Steering(Protocol):
    """What a node leaves to its cluster, which knows the others."""

    def kill(self, machine: Machine) -> None:
        """End its process."""

    def stop(self, machine: Machine) -> None:
        """Let it shut down."""

    def start(self, machine: Machine) -> None:
        """Start it again."""

    def pause(self, machine: Machine) -> None:
        """Let it stand still."""

    def resume(self, machine: Machine) -> None:
        """Let it go on."""

    def isolate(self, machine: Machine, peers: tuple[str, ...]) -> None:
        """Cut it off from nodes of these names; none: from all."""

    def heal(self, machine: Machine) -> None:
        """End ``isolate``."""

    def shape_links(self, machine: Machine, peers: tuple[str, ...], shape: LinkShape) -> None:
        """Set how good the way from it to nodes of these names is; none: to all."""

    def repair(self, machine: Machine, keyspace: str) -> None:
        """Run a repair."""

    def decommission(self, machine: Machine) -> None:
        """Let it leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveNode:
    """A node of a running cluster; the contract's ``Node``."""

    machine: Machine
    steering: Steering

    @property
    def name(self) -> str:
        """Such as ``n1``."""
        return self.machine.name

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.machine.address

    @property
    def datacenter(self) -> str:
        """The datacenter's name."""
        return self.machine.datacenter

    @property
    def rack(self) -> str:
        """The rack's name."""
        return self.machine.rack

    def __str__(self) -> str:
        return self.name

    def kill(self) -> None:
        """End its process at once (SIGKILL); returns when it is gone. Others find out by themselves, later.

        Raises:
            BackendError: it is not gone in time.
        """
        self.steering.kill(self.machine)

    def stop(self) -> None:
        """Let it shut down in order; returns when its process is gone and the others take it for down.

        Raises:
            BackendError: it is not gone in time.
        """
        self.steering.stop(self.machine)

    def start(self) -> None:
        """Start it again with its data; returns when it answers CQL and all that run take each other for alive.

        Raises:
            BackendError: it ends instead, or is not ready in time; its last log lines are told.
        """
        self.steering.start(self.machine)

    def pause(self) -> None:
        """Let its process stand still (SIGSTOP); its connections stay.

        Raises:
            BackendError: it does not run.
        """
        self.steering.pause(self.machine)

    def resume(self) -> None:
        """Let a paused process go on; returns when it answers CQL, and the others take it for alive.

        Raises:
            BackendError: it does not run, or does not answer in time.
        """
        self.steering.resume(self.machine)

    def isolate(self, peers: Iterable[Named] = ()) -> None:
        """Drop all packets between it and some peers; none named: all of them. Clients still reach it."""
        self.steering.isolate(self.machine, tuple(peer.name for peer in peers))

    def heal(self) -> None:
        """End ``isolate``; links that are slow or lossy stay so."""
        self.steering.heal(self.machine)

    def shape_links(
        self,
        peers: Iterable[Named] = (),
        *,
        delay_ms: float = 0,
        loss_percent: float = 0,
        bandwidth_kbit_per_s: int | None = None,
    ) -> None:
        """Make the way from it to some peers worse, as the contract says; clients notice only what nodes wait for.

        Raises:
            BackendError: the kernel lacks what it takes, or refuses.
            ValueError: a number that cannot be.
        """
        shape = LinkShape(
            delay_ms=delay_ms, loss_percent=loss_percent, bandwidth_kbit_per_s=bandwidth_kbit_per_s
        )
        self.steering.shape_links(self.machine, tuple(peer.name for peer in peers), shape)

    def repair(self, keyspace: str) -> None:
        """Run a repair of a keyspace with this node as the master; returns when it is done.

        Raises:
            BackendError: it failed.
        """
        self.steering.repair(self.machine, keyspace)

    def decommission(self) -> None:
        """Let it hand over its data and leave; returns when it has left, and the others know.

        Raises:
            BackendError: it did not.
        """
        self.steering.decommission(self.machine)
