"""One transaction at a time for each partition: those of one coordinator do not get into each other's way.

Source:
    Scylla (branch 4.2), service/paxos/paxos_state.hh (key_lock_map).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TokenLocks:
    """Locks by ring token, kept as long as somebody holds one or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def held(self, token: int, timeout_s: float) -> AsyncIterator[None]:
        """Hold the lock of a token, in the order of asking.

        Raises:
            TimeoutError: it could not be had in time.
        """
        lock, users = self._locks.get(token) or (asyncio.Lock(), 0)
        self._locks[token] = lock, users + 1
        try:
            async with asyncio.timeout(timeout_s):
                await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, users = self._locks.pop(token)
            if users > 1:
                self._locks[token] = lock, users - 1
