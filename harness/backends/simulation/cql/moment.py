"""What a statement takes from the world while it runs: the time, and values that nobody has had before."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Moment:
    """The clock and the sources of chance of the node that runs a statement."""

    now_us: int
    """Microseconds since 1970."""
    make_timeuuid: Callable[[], UUID]
    """Gives time UUIDs (version 1), each later than the one before."""
    make_uuid: Callable[[], UUID]
    """Gives random UUIDs (version 4)."""

    @property
    def now_s(self) -> int:
        """Seconds since 1970, by which values expire."""
        return self.now_us // 1_000_000

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.now_us // 1000
