"""The time of a read: what has expired by then, and which deletions nobody needs any more."""

from typing import NamedTuple


class Clock(NamedTuple):
    """When a partition is looked at."""

    now_s: int
    """Seconds since 1970."""
    gc_before_s: int
    """Deletions older than this are forgotten; seconds since 1970."""


def clock_of(now_s: int, gc_grace_s: int) -> Clock:
    """The clock of a read of a table whose deletions are kept for a time."""
    return Clock(now_s, now_s - gc_grace_s)


def clock_without_purging(now_s: int) -> Clock:
    """The clock of a read that shows deletions however old they are."""
    return Clock(now_s, -(2**63))
