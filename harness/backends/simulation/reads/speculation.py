"""When a read asks more replicas than it needs: the property speculative_retry of its table.

Source:
    Scylla (branch 4.2), speculative_retry.hh (how it is written), service/storage_proxy.cc
    (speculating_read_executor: a percentile, but half the timeout at most).
"""

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from uuid import UUID

_LATENCIES_KEPT = 256
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|percentile)", re.IGNORECASE)


class SpeculationKind(Enum):
    """When another replica is asked."""

    NONE = "NONE"
    ALWAYS = "ALWAYS"
    """At once."""
    CUSTOM = "CUSTOM"
    """After some milliseconds."""
    PERCENTILE = "PERCENTILE"
    """After the time within which most reads are answered."""


@dataclass(frozen=True, slots=True)
class Speculation:
    """The property of a table."""

    kind: SpeculationKind
    value: float = 0.0
    """Milliseconds, or per cent."""


NO_SPECULATION = Speculation(SpeculationKind.NONE)


@lru_cache(maxsize=256)
def speculation_of(text: str) -> Speculation:
    """Read the property; what cannot be read means no speculation."""
    kind = text.strip().upper()
    if kind == "ALWAYS":
        return Speculation(SpeculationKind.ALWAYS)
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return NO_SPECULATION
    unit = found.group(2).lower()
    return Speculation(
        SpeculationKind.CUSTOM if unit == "ms" else SpeculationKind.PERCENTILE, float(found.group(1))
    )


class ReadLatencies:
    """How long reads of each table took lately."""

    def __init__(self) -> None:
        self._by_table: dict[UUID, deque[float]] = {}

    def add(self, table_id: UUID, seconds: float) -> None:
        """Take the time of one read."""
        known = self._by_table.get(table_id)
        if known is None:
            known = self._by_table[table_id] = deque(maxlen=_LATENCIES_KEPT)
        known.append(seconds)

    def percentile_s(self, table_id: UUID, per_cent: float) -> float | None:
        """Within which time so many of a hundred reads were done; None: there were none."""
        known = sorted(self._by_table.get(table_id, ()))
        if not known:
            return None
        return known[min(int(len(known) * per_cent / 100), len(known) - 1)]
