"""The world of a node that is a process: real sockets, real time, real chance."""

import asyncio
import socket
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, TextIO

from harness.backends.simulation.world import Accept, Connection, Endpoint, Listener, Receiver

_BACKLOG = 128


class RealConnection(asyncio.Protocol):
    """A TCP connection; writes of one turn of the loop are joined, without Nagle's delay behind them.

    Args:
        make_receiver: makes what takes the peer's bytes.
        known: keeps the connection while it is open.
    """

    def __init__(self, make_receiver: Callable[[Connection], Receiver], known: "set[RealConnection]") -> None:
        self.local = self.peer = Endpoint("", 0)
        self._make_receiver = make_receiver
        self._known = known
        self._receiver: Receiver | None = None
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def is_open(self) -> bool:
        """Whether bytes can be written."""
        return self._transport is not None and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.is_open:
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    async def drained(self) -> None:
        """Return when little enough is waiting to be sent, or the connection is closed."""
        await self._room.wait()

    def close(self) -> None:
        """Send what was written and close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        opened = transport.get_extra_info("socket")
        with suppress(OSError):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Of a connection that the peer has reset already nobody can tell whose it was; its receiver hears of that next.
        self.local = Endpoint(*(transport.get_extra_info("sockname") or _NOWHERE)[:2])
        self.peer = Endpoint(*(transport.get_extra_info("peername") or _NOWHERE)[:2])
        self._known.add(self)
        self._receiver = self._make_receiver(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self._receiver is not None:
            self._receiver.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's name; any loss is the same)
        """End."""
        self._known.discard(self)
        self._waiting.clear()
        self._room.set()
        if self._receiver is not None:
            self._receiver.connection_lost()

    def pause_writing(self) -> None:
        """Let writers that ask wait."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Let them go on."""
        self._room.set()

    def _flush(self) -> None:
        if self._waiting and self._transport is not None:
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()


class RealListener:
    """A port that accepts connections.

    Args:
        server: asyncio's, which serves.
    """

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    def close(self) -> None:
        """Accept no more."""
        loop = asyncio.get_running_loop()
        for listening in self._server.sockets:
            loop.remove_reader(listening.fileno())
        # A connection that was accepted in this turn has to find its server still there, or its socket stays open.
        loop.call_soon(loop.call_soon, self._server.close)


class RealWorld:
    """Made inside a running event loop.

    Args:
        seed: of chance; None: the operating system's.
        log: where lines of the log go.
    """

    def __init__(self, *, seed: int | None = None, log: TextIO = sys.stderr) -> None:
        self.random = Random(seed)  # noqa: S311  (chance in protocols, not in secrets)
        self.failures: list[BaseException] = []
        """What work in the background has raised."""
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[RealConnection] = set()

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000

    @property
    def monotonic_s(self) -> float:
        """Seconds since some moment; never goes back."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after a while."""
        await asyncio.sleep(seconds)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run work in the background."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def connect(
        self,
        address: str,
        port: int,
        receiver: Callable[[Connection], Receiver],
        *,
        local_ports: Sequence[int] = (),
    ) -> Connection:
        """Open a connection.

        Raises:
            OSError: nobody listens there, or the peer cannot be reached.
        """
        loop = asyncio.get_running_loop()
        for local_port in (*local_ports, 0):
            opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            opened.setblocking(False)
            try:
                if local_port:
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    opened.bind(("0.0.0.0", local_port))  # noqa: S104  (the kernel chooses the address, as for any client)
                await loop.sock_connect(opened, (address, port))
            except OSError as error:
                opened.close()
                if local_port and error.errno in _TAKEN:
                    continue
                raise
            except BaseException:
                opened.close()
                raise
            _, connection = await loop.create_connection(
                lambda: RealConnection(receiver, self._connections), sock=opened
            )
            return connection
        raise AssertionError("the port 0 is never taken")

    async def listen(self, address: str, port: int, accept: Accept) -> Listener:
        """Accept connections.

        Raises:
            OSError: the port is in use, or the address is none of ours.
        """
        server = await asyncio.get_running_loop().create_server(
            lambda: RealConnection(accept, self._connections),
            address,
            port,
            backlog=_BACKLOG,
            reuse_address=True,
        )
        return RealListener(server)

    def log(self, text: str) -> None:
        """Write a line into the node's log."""
        moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        self._log.write(f"{moment} {text}\n")
        self._log.flush()

    async def close(self) -> None:
        """End all work in the background and all connections."""
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Closed connections say so in the next turn of the loop; one that was just accepted is made in the turns after.
        for _ in range(_CLOSING_TURNS):
            for connection in list(self._connections):
                connection.close()
            await asyncio.sleep(0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.failures.append(error)
            self.log(f"{task.get_name()} failed: {''.join(traceback.format_exception(error))}")


_CLOSING_TURNS = 4
_NOWHERE = ("", 0)
_TAKEN = frozenset({98, 99})
"""EADDRINUSE, EADDRNOTAVAIL."""
