"""How good the way from one node to another is."""

from dataclasses import dataclass

_KBIT_PER_S_MIN = 8
_DELAY_MS_MAX = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShape:
    """What happens to each packet on its way in one direction; by default nothing.

    Raises:
        ValueError: a number that cannot be.
    """

    delay_ms: float = 0
    loss_percent: float = 0
    """How many of a hundred packets are lost, chosen at random."""
    bandwidth_kbit_per_s: int | None = None
    """None: as fast as the machine is."""

    def __post_init__(self) -> None:
        if not 0 <= self.delay_ms <= _DELAY_MS_MAX:
            raise ValueError(f"a delay of {self.delay_ms} ms; 0 to {_DELAY_MS_MAX} can be had")
        if not 0 <= self.loss_percent <= 100:
            raise ValueError(f"a loss of {self.loss_percent} percent")
        if self.bandwidth_kbit_per_s is not None and self.bandwidth_kbit_per_s < _KBIT_PER_S_MIN:
            raise ValueError(
                f"a bandwidth of {self.bandwidth_kbit_per_s} kbit/s; {_KBIT_PER_S_MIN} is the least"
            )

    @property
    def is_plain(self) -> bool:
        """Whether nothing happens."""
        return self == LinkShape()

    @property
    def needs_netem(self) -> bool:
        """Whether it takes more than a limit of bandwidth."""
        return bool(self.delay_ms or self.loss_percent)
