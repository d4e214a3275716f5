"""UUIDs with the time in them (version 1), as ballots, plans and ids of tables are.

Source:
    RFC 4122, "4.2. Algorithms for Creating a Time-Based UUID"; Scylla, utils/UUID_gen.hh.
"""

from random import Random
from uuid import UUID

_TICKS_PER_US = 10
_EPOCH_TICKS = 0x01B2_1DD2_1381_4000
"""1970 in units of 100 ns since 15 October 1582."""


class TimeUuids:
    """Gives time UUIDs of one node, each later than the one before.

    Args:
        random: chooses the part that tells nodes apart.
    """

    def __init__(self, random: Random) -> None:
        # The bit of a multicast address says that it is none of a network card.
        node = random.getrandbits(48) | 1 << 40
        self._low = 0x8000 << 48 | random.getrandbits(14) << 48 | node
        self._last_ticks = 0

    def make(self, now_us: int) -> UUID:
        """Give the UUID of a moment; if that has been given, of the next one that has not."""
        ticks = max(now_us * _TICKS_PER_US + _EPOCH_TICKS, self._last_ticks + 1)
        self._last_ticks = ticks
        return _uuid_of(ticks, self._low)


def timestamp_us_of(timeuuid: UUID) -> int:
    """The microseconds since 1970 that a time UUID holds."""
    return (timeuuid.time - _EPOCH_TICKS) // _TICKS_PER_US


def _uuid_of(ticks: int, low: int) -> UUID:
    high = (ticks & 0xFFFFFFFF) << 32 | (ticks >> 32 & 0xFFFF) << 16 | 0x1000 | ticks >> 48 & 0x0FFF
    return UUID(int=high << 64 | low)
