"""Makes sure that other nodes know what this one says of itself, where the next rounds would tell them too late."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from harness.codec.verbs.gossip import GossipDigest

_TRY_S = 0.5
_TRIES = 10


class Telling:
    """Gossips with some nodes until all of them know.

    Args:
        address: this node's.
        send_syn: counts another heartbeat, and sends a node a SYN: it has something to ask for then, and tells in its
            ACK up to which version it knows.
    """

    def __init__(self, address: str, send_syn: Callable[[str], None]) -> None:
        self._address = address
        self._send_syn = send_syn
        self._answers: dict[str, asyncio.Event] = {}
        self._known_there: dict[str, int] = {}

    async def tell(self, addresses: Iterable[str], version: int, is_alive: Callable[[str], bool]) -> None:
        """Return when nodes know a version of this one's states, or are not alive any more."""
        await asyncio.gather(*(self._tell(address, version, is_alive) for address in addresses))

    async def _tell(self, address: str, version: int, is_alive: Callable[[str], bool]) -> None:
        for _ in range(_TRIES):
            answered = self._answers[address] = asyncio.Event()
            self._send_syn(address)
            with suppress(TimeoutError):
                async with asyncio.timeout(_TRY_S):
                    await answered.wait()
            if self._known_there.get(address, 0) >= version or not is_alive(address):
                return

    def hear(self, address: str, wanted: Iterable[GossipDigest]) -> None:
        """Take what a node's ACK asks for."""
        for digest in wanted:
            if digest.endpoint == self._address:
                self._known_there[address] = digest.max_version
        answered = self._answers.get(address)
        if answered is not None:
            answered.set()
