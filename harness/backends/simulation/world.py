"""What a simulated node takes from outside: time, chance and the network.

The roles of a node (coordinator, replica, gossiper, ...) are coroutines. They use futures, locks and timeouts of
``asyncio``, whose clock is that of the event loop they run in, and everything else from here: nothing in a role reads
a clock, draws a random number or opens a socket by itself. ``real_world`` has real sockets and real time; a world of
virtual time is another event loop with another network, and needs no other node.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any, NamedTuple, Protocol


class Endpoint(NamedTuple):
    """One end of a connection."""

    address: str
    port: int


class Connection(Protocol):
    """Bytes to a peer. What is written in one turn of the event loop leaves together, as in one packet."""

    @property
    def local(self) -> Endpoint:
        """Our end."""

    @property
    def peer(self) -> Endpoint:
        """The other end."""

    @property
    def is_open(self) -> bool:
        """Whether bytes can be written; on a closed connection they are dropped."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    async def drained(self) -> None:
        """Return when little enough is waiting to be sent, or the connection is closed."""

    def close(self) -> None:
        """Send what was written and close; the receiver hears ``connection_lost``."""


class Receiver(Protocol):
    """Takes what comes from a peer."""

    def data_received(self, data: bytes) -> None:
        """Take bytes."""

    def connection_lost(self) -> None:
        """Hear, once, that nothing more comes and nothing can be sent."""


class Listener(Protocol):
    """A port that accepts connections."""

    def close(self) -> None:
        """Accept no more; connections that are open stay so."""


Accept = Callable[[Connection], Receiver]
"""Makes the receiver of an accepted connection."""


class World(Protocol):
    """Time, chance and network of one node."""

    @property
    def random(self) -> Random:
        """Chance."""

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""

    @property
    def monotonic_s(self) -> float:
        """Seconds since some moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Return after a while."""

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run work in the background; what it raises, unless cancelled, is logged as a bug of the node."""

    async def connect(
        self,
        address: str,
        port: int,
        receiver: Callable[[Connection], Receiver],
        *,
        local_ports: Sequence[int] = (),
    ) -> Connection:
        """Open a connection.

        Args:
            address: of the peer.
            port: of the peer.
            receiver: makes what takes the peer's bytes.
            local_ports: ports to try for our end, in this order; behind them, and if there are none, any.

        Raises:
            OSError: nobody listens there, or the peer cannot be reached.
        """

    async def listen(self, address: str, port: int, accept: Accept) -> Listener:
        """Accept connections.

        Raises:
            OSError: the port is in use, or the address is none of ours.
        """

    def log(self, text: str) -> None:
        """Write a line into the node's log."""
