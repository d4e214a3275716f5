"""A journal that outlives a node but not a test."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.backends.simulation.journal import RecordKind


@dataclass(slots=True)
class MemoryJournal:
    """Keeps records in a list; gives all that there are."""

    kept: list[tuple[RecordKind, bytes]] = field(default_factory=list)

    def append(self, kind: RecordKind, data: bytes) -> None:
        self.kept.append((kind, data))

    def records(self) -> Iterator[tuple[RecordKind, bytes]]:
        return iter(list(self.kept))
