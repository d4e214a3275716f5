"""When an operation has to be done: what is left of its timeout, for messages and for waiting."""

from dataclasses import dataclass
from typing import Self

from harness.backends.simulation.world import World


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of a node's monotonic clock."""

    world: World
    at_s: float

    @classmethod
    def within(cls, world: World, timeout_ms: int) -> Self:
        """The moment that many milliseconds from now."""
        return cls(world, world.monotonic_s + timeout_ms / 1000)

    @property
    def left_s(self) -> float:
        """What is left; nothing at all when it is over."""
        return max(self.at_s - self.world.monotonic_s, 0.0)

    @property
    def left_ms(self) -> int:
        """What is left, as messages carry it; at least one, for 0 means no timeout there."""
        return max(round(self.left_s * 1000), 1)

    @property
    def is_over(self) -> bool:
        """Whether the moment has come."""
        return self.world.monotonic_s >= self.at_s
