"""What a backend gives for each node: a process somewhere, and the ways to start, end and disturb it."""

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.backends.network.link_shape import LinkShape
from harness.capture.tap import Tap
from harness.codec.verbs.line import Line

if TYPE_CHECKING:
    from cassandra.connection import Connection


class Machine(Protocol):
    """The place where one node runs; every method raises ``BackendError`` if it cannot be steered."""

    @property
    def name(self) -> str:
        """The node's name."""

    @property
    def address(self) -> str:
        """Where the node listens."""

    @property
    def datacenter(self) -> str:
        """The node's datacenter, as it is configured."""

    @property
    def rack(self) -> str:
        """The node's rack, as it is configured."""

    @property
    def is_seed(self) -> bool:
        """Whether others learn from it who is there; it joins without streaming."""

    def start(self) -> None:
        """Start the node's process, with the data that it has; returns at once."""

    def exit_code(self) -> int | None:
        """None while the process runs; also before it was first started."""

    def last_words(self) -> str:
        """The end of the node's log, as part of a sentence."""

    def kill(self) -> None:
        """End the process at once (SIGKILL); returns when it is gone."""

    def stop(self) -> None:
        """Let the node shut down (SIGTERM); returns when the process is gone."""

    def pause(self) -> None:
        """Let the process stand still (SIGSTOP)."""

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""

    def isolate(self, peers: Iterable[str] = ()) -> None:
        """Drop all packets between it and nodes of these names; none named: all of them."""

    def heal(self) -> None:
        """End ``isolate``."""

    def shape_links(self, peers: Iterable[str], shape: LinkShape) -> None:
        """Set how good the way from it to nodes of these names is."""


class Site(Protocol):
    """Where the machines of one cluster stand."""

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Those that there are, in order of their names."""

    @property
    def tap(self) -> Tap:
        """Where all packets pass."""

    @property
    def folder(self) -> Path:
        """For files of this run; gone after ``close``."""

    @property
    def connection_class(self) -> "type[Connection]":
        """The driver's class of connections that reach the nodes from here."""

    @property
    def line(self) -> Line | None:
        """The version line of the nodes; None: they are to be asked."""

    @property
    def has_tablets(self) -> bool | None:
        """Whether keyspaces have tablets unless they ask for none; None: the nodes are to be asked."""

    @property
    def boots_together(self) -> bool:
        """Whether all nodes may start at the same time; else one after the other."""

    def open_socket(self) -> socket.socket:
        """A TCP socket that reaches the nodes."""

    def prepare(self) -> None:
        """Begin, before any node starts, what takes them time to start and sends no packet; may do nothing."""

    def add_machine(self) -> Machine:
        """Make room for another node, in the datacenter that has the fewest.

        Raises:
            BackendError: there is no room for it.
        """

    def close(self) -> None:
        """End all processes and give everything back; the second call does nothing."""
