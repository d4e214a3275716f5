"""Ballots: time UUIDs of which the half behind the time is chance.

Source:
    Scylla (branch 4.2), utils/UUID_gen.hh (get_random_time_UUID_from_micros), service/query_state.hh
    (get_timestamp_for_paxos).
"""

from random import Random
from uuid import UUID

_EPOCH_100NS = 0x01B2_1DD2_1381_4000
"""1970 in units of 100 ns since 15 October 1582."""

NO_BALLOT = UUID(int=0x1000 << 64)
"""Older than all others: where nothing has been promised yet."""


class Ballots:
    """Gives the ballots of one coordinator, each newer than the one before.

    Args:
        random: chooses what tells apart ballots of several coordinators in the same microsecond.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._last_us = 0

    def make(self, now_us: int, newer_than_us: int = 0) -> UUID:
        """Give the ballot of a moment, or of the next one that is newer than others are known to be."""
        timestamp_us = max(now_us, self._last_us + 1, newer_than_us + 1)
        self._last_us = timestamp_us
        ticks = timestamp_us * 10 + _EPOCH_100NS
        high = (ticks & 0xFFFFFFFF) << 32 | (ticks >> 32 & 0xFFFF) << 16 | 0x1000 | ticks >> 48 & 0x0FFF
        return UUID(int=high << 64 | self._random.getrandbits(64))


def is_newer(ballot: UUID, other: UUID) -> bool:
    """Whether one ballot is newer than another; of the same moment, neither is."""
    return ballot.time > other.time
