"""Two ends that talk to each other over loopback, in one event loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.real_world import RealWorld

A, B = "127.0.0.41", "127.0.0.42"

Talk = Callable[[RealWorld, Messaging, Messaging], Awaitable[Any]]


def free_port() -> int:
    """A port that nobody uses on either address."""
    with socket.socket() as first, socket.socket() as second:
        first.bind((A, 0))
        port: int = first.getsockname()[1]
        second.bind((B, port))
    return port


def talk(conversation: Talk, *, is_compressed: bool = False) -> Any:  # noqa: ANN401  (whatever it gives)
    """Let two nodes talk; nothing that works in the background may fail."""

    async def run() -> Any:  # noqa: ANN401  (the same)
        world, port = RealWorld(seed=1), free_port()
        a, b = (
            Messaging(
                world,
                address=address,
                port=port,
                compresses=lambda _: is_compressed,
                accepts_compression=is_compressed,
            )
            for address in (A, B)
        )
        await a.listen()
        await b.listen()
        try:
            async with asyncio.timeout(10):
                return await conversation(world, a, b)
        finally:
            a.close()
            b.close()
            await world.close()
            assert world.failures == []

    return asyncio.run(run())
