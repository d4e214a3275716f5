"""What keeps nodes from answering, or from hearing each other; a node may have several such troubles at a time."""

from collections.abc import Collection
from enum import Enum, auto


class Outage(Enum):
    """Why a node answers nobody."""

    KILLED = auto()
    STOPPED = auto()
    PAUSED = auto()
    ISOLATED = auto()


class Faults:
    """Faults that are not over yet, by names of nodes."""

    def __init__(self) -> None:
        self._halted: dict[str, Outage] = {}
        self._isolated: dict[str, set[str] | None] = {}
        """From whom; None: from all that there are and will be."""

    def outage(self, name: str) -> Outage | None:
        """Why a node answers no other one: its process does nothing, or it is isolated from all; None: it does answer."""
        is_alone = self._isolated.get(name, set()) is None
        return self._halted.get(name) or (Outage.ISOLATED if is_alone else None)

    def halted(self, name: str) -> Outage | None:
        """Why its process does nothing; None: it runs."""
        return self._halted.get(name)

    def is_isolated(self, name: str) -> bool:
        """Whether it was cut off from anybody."""
        return name in self._isolated

    def are_apart(self, one: str, other: str) -> bool:
        """Whether nothing passes between two nodes."""
        return any(
            (peers := self._isolated.get(name, set())) is None or peer in peers
            for name, peer in ((one, other), (other, one))
        )

    def halt(self, name: str, why: Outage) -> None:
        """Its process was ended, or stands still."""
        self._halted[name] = why

    def go_on(self, name: str) -> None:
        """Its process runs."""
        self._halted.pop(name, None)

    def isolate(self, name: str, peers: Collection[str]) -> None:
        """Nothing passes any more between it and some peers, beside those of before; none: all."""
        already = self._isolated.get(name, set())
        self._isolated[name] = None if not peers or already is None else already | {*peers}

    def heal(self, name: str) -> None:
        """It is no longer isolated by its own; what was said of its peers stays."""
        self._isolated.pop(name, None)
