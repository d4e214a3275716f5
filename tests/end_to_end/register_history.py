"""What clients wrote and read, and whether any cluster that keeps what it has acknowledged could have answered so.

Each key is a register: the write with the greatest timestamp wins. A read at QUORUM has to see every write that was
acknowledged at QUORUM before it began, and nothing older than what an earlier read has seen; a write that failed, or
was under way, may be seen or not.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf


@dataclass(slots=True, kw_only=True, eq=False)
class Write:
    """One write; ``value`` None deletes."""

    key: int
    value: str | None
    timestamp: int
    """As the client gives it; no two are the same."""
    begin_s: float
    acknowledged_s: float = inf
    """inf: it failed, or nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read and what it saw."""

    key: int
    value: str | None
    timestamp: int | None
    """WRITETIME of the value; None where there is none."""
    begin_s: float
    end_s: float


@dataclass(slots=True)
class RegisterHistory:
    """All that happened."""

    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)

    def wrongs(self) -> Iterator[str]:
        """Say, of each read that cannot be right, why."""
        writes, reads = defaultdict(list), defaultdict(list)
        for write in self.writes:
            writes[write.key].append(write)
        for read in self.reads:
            reads[read.key].append(read)
        for key, of_key in reads.items():
            yield from _wrongs(writes[key], sorted(of_key, key=lambda read: read.begin_s))


def _wrongs(writes: list[Write], reads: list[Read]) -> Iterator[str]:
    seen: list[tuple[float, int]] = []
    """When reads ended, and the timestamps that they saw at least."""
    for read in reads:
        known = [write for write in writes if write.acknowledged_s < read.begin_s]
        newest = max(known, key=lambda write: write.timestamp, default=None)
        floor = -1 if newest is None else newest.timestamp
        earlier = max((timestamp for end_s, timestamp in seen if end_s < read.begin_s), default=-1)
        possible = [
            write.timestamp for write in writes if write.value == read.value and write.begin_s < read.end_s
        ]
        if read.value is None:
            # Nothing is what there is before the first write, too.
            possible.append(-1)
        if read.timestamp is not None:
            possible = [timestamp for timestamp in possible if timestamp == read.timestamp]
        fitting = [timestamp for timestamp in possible if timestamp >= max(floor, earlier)]
        what = f"key {read.key}: a read from {read.begin_s:.3f} to {read.end_s:.3f} s saw {read.value!r}"
        if not possible:
            yield f"{what}, which nobody has written"
        elif not fitting and floor >= earlier:
            assert newest is not None
            yield f"{what}, not {newest.value!r}, acknowledged at {newest.acknowledged_s:.3f} s"
        elif not fitting:
            yield f"{what}, older than what was seen before (timestamp {earlier})"
        else:
            seen.append((read.end_s, min(fitting)))
