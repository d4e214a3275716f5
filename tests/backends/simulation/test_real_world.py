import asyncio
import io
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.backends.simulation.real_world import RealConnection, RealWorld
from harness.backends.simulation.world import Connection, Endpoint

HERE = "127.0.0.1"


class Kept:
    """Keeps what comes, and says when the connection is lost."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pieces: list[bytes] = []
        self.news = asyncio.Event()
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.news.set()

    def connection_lost(self) -> None:
        self.lost.set()


class Ends:
    """Both ends of one connection."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []

    def receiver(self, connection: Connection) -> Kept:
        self.kept.append(Kept(connection))
        return self.kept[-1]


def in_world(work: Callable[[RealWorld], Awaitable[Any]], log: io.StringIO | None = None) -> Any:  # noqa: ANN401  (whatever it gives)
    async def run() -> Any:  # noqa: ANN401  (the same)
        world = RealWorld(seed=1, log=log or io.StringIO())
        try:
            async with asyncio.timeout(10):
                return await work(world)
        finally:
            await world.close()

    return asyncio.run(run())


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HERE, 0))
        port: int = taken.getsockname()[1]
        return port


async def connected(world: RealWorld, ends: Ends) -> Connection:
    port = free_port()
    listener = await world.listen(HERE, port, ends.receiver)
    connection = await world.connect(HERE, port, ends.receiver)
    listener.close()
    return connection


def test_a_connection_that_its_peer_resets_at_once_is_lost() -> None:
    async def work(_: RealWorld) -> Endpoint:
        ends = Ends()
        with socket.create_server((HERE, 0)) as server:
            opened = socket.create_connection(server.getsockname())
            accepted, _address = server.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
        opened.setblocking(False)
        await asyncio.get_running_loop().create_connection(
            lambda: RealConnection(ends.receiver, set()), sock=opened
        )
        (kept,) = ends.kept
        await kept.lost.wait()
        return kept.connection.peer

    assert in_world(work) == Endpoint("", 0)


def test_writes_of_one_turn_leave_together() -> None:
    async def work(world: RealWorld) -> list[bytes]:
        ends = Ends()
        connection = await connected(world, ends)
        connection.write(b"one ")
        connection.write(b"two")
        (server,) = [kept for kept in ends.kept if kept.connection is not connection]
        await server.news.wait()
        return server.pieces

    assert in_world(work) == [b"one two"]


def test_both_ends_know_each_other() -> None:
    async def work(world: RealWorld) -> None:
        ends = Ends()
        connection = await connected(world, ends)
        (server,) = [kept.connection for kept in ends.kept if kept.connection is not connection]
        assert (server.local, server.peer) == (connection.peer, connection.local)
        assert connection.local.address == HERE

    in_world(work)


def test_what_was_written_before_closing_arrives_and_both_ends_hear_of_it() -> None:
    async def work(world: RealWorld) -> list[bytes]:
        ends = Ends()
        connection = await connected(world, ends)
        connection.write(b"last words")
        connection.close()
        connection.write(b"too late")
        assert not connection.is_open
        for kept in ends.kept:
            await kept.lost.wait()
        (server,) = [kept for kept in ends.kept if kept.connection is not connection]
        return server.pieces

    assert in_world(work) == [b"last words"]


def test_local_port_is_the_first_that_is_free() -> None:
    async def work(world: RealWorld) -> tuple[int, int]:
        ends = Ends()
        taken, free, port = free_port(), free_port(), free_port()
        holder = await world.listen("0.0.0.0", taken, ends.receiver)
        listener = await world.listen(HERE, port, ends.receiver)
        connection = await world.connect(HERE, port, ends.receiver, local_ports=(taken, free))
        holder.close()
        listener.close()
        return connection.local.port, free

    chosen, free = in_world(work)
    assert chosen == free


def test_nobody_listening_is_an_error() -> None:
    async def work(world: RealWorld) -> None:
        with pytest.raises(ConnectionRefusedError):
            await world.connect(HERE, free_port(), Ends().receiver)

    in_world(work)


def test_failed_work_is_logged_with_its_name() -> None:
    log = io.StringIO()

    async def fail() -> None:
        raise ValueError("of my own making")

    async def work(world: RealWorld) -> None:
        with pytest.raises(ValueError, match="of my own making"):
            await world.start(fail(), "the gossiper")
        # The task's own callback runs in the turn after it ends.
        await asyncio.sleep(0)
        assert [str(error) for error in world.failures] == ["of my own making"]

    in_world(work, log)
    assert "the gossiper failed" in log.getvalue()
    assert "ValueError: of my own making" in log.getvalue()


def test_closing_ends_work_without_calling_it_failed() -> None:
    log = io.StringIO()

    async def work(world: RealWorld) -> RealWorld:
        world.start(world.sleep(1000), "sleeper")
        await world.sleep(0)
        return world

    assert in_world(work, log).failures == []
    assert log.getvalue() == ""


def test_same_seed_gives_the_same_chance() -> None:
    async def work(world: RealWorld) -> float:
        return world.random.random()

    assert in_world(work) == in_world(work)
