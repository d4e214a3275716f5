"""The times of messages in order of completion, which in captures go back now and then."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate


class Clock:
    """Bounds of times by position, and of positions by time.

    Args:
        times_ns: time of each position.
    """

    def __init__(self, times_ns: Sequence[int]) -> None:
        self._latest_ns = list(accumulate(times_ns, max))
        self._earliest_ns = list(accumulate(reversed(times_ns), min))[::-1]

    def time_from(self, position: int) -> int:
        """The earliest time of a position and all behind it."""
        return self._earliest_ns[position]

    def time_until(self, position: int) -> int:
        """The latest time of a position and all before it."""
        return self._latest_ns[position]

    def first_position(self, time_ns: int) -> int:
        """Nothing before this position is as late as a time."""
        return bisect_left(self._latest_ns, time_ns)

    def last_position(self, time_ns: int) -> int:
        """Nothing behind this position is as early as a time."""
        return bisect_right(self._earliest_ns, time_ns) - 1
