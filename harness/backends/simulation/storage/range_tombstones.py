"""Deletions of ranges of rows, cut so that none overlaps another.

Source:
    Scylla, range_tombstone_list.cc.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.backends.simulation.clustering_order import Bound, RowInterval
from harness.backends.simulation.storage.purging import Clock
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE, is_later, later
from harness.backends.simulation.value_order import OrderKey
from harness.codec.verbs.common import Tombstone


class RangeDeletion(NamedTuple):
    """A deletion of the rows between two edges."""

    start: Bound
    end: Bound
    tombstone: Tombstone


class RangeTombstones:
    """The deleted ranges of one partition, in the order of its rows."""

    __slots__ = ("_deletions",)

    def __init__(self, deletions: Iterable[RangeDeletion] = ()) -> None:
        self._deletions: list[RangeDeletion] = []
        for deletion in deletions:
            self.apply(deletion)

    def __iter__(self) -> Iterator[RangeDeletion]:
        return iter(self._deletions)

    def __len__(self) -> int:
        return len(self._deletions)

    def apply(self, deletion: RangeDeletion) -> None:
        """Delete a range; where it overlaps others, the strongest counts."""
        start, end, tombstone = deletion
        if end.position <= start.position:
            return
        pieces: list[RangeDeletion] = []
        for known in self._deletions:
            if known.end.position <= start.position:
                pieces.append(known)
                continue
            if start.position >= end.position or known.start.position >= end.position:
                if start.position < end.position:
                    pieces.append(RangeDeletion(start, end, tombstone))
                    start = end
                pieces.append(known)
                continue
            if known.start.position < start.position:
                pieces.append(known._replace(end=start))
            elif start.position < known.start.position:
                pieces.append(RangeDeletion(start, known.start, tombstone))
                start = known.start
            common_end = known.end if known.end.position < end.position else end
            pieces.append(RangeDeletion(start, common_end, later(known.tombstone, tombstone)))
            if common_end.position < known.end.position:
                pieces.append(RangeDeletion(common_end, known.end, known.tombstone))
            start = common_end
        if start.position < end.position:
            pieces.append(RangeDeletion(start, end, tombstone))
        self._deletions = _joined(pieces)

    def covering(self, position: OrderKey) -> Tombstone:
        """The deletion of the range that a row lies in."""
        index = bisect_right(self._deletions, position, key=lambda deletion: deletion.start.position) - 1
        if index >= 0 and position < self._deletions[index].end.position:
            return self._deletions[index].tombstone
        return NO_TOMBSTONE

    def within(self, intervals: Iterable[RowInterval]) -> "RangeTombstones":
        """What is deleted of some rows."""
        found = RangeTombstones()
        for interval in intervals:
            for start, end, tombstone in self._deletions:
                first = start if start.position > interval.start.position else interval.start
                last = end if end.position < interval.end.position else interval.end
                found.apply(RangeDeletion(first, last, tombstone))
        return found

    def compacted(self, partition_tombstone: Tombstone, clock: Clock) -> "RangeTombstones":
        """What is left of them when the partition's own deletion and time are taken into account."""
        left = RangeTombstones()
        left._deletions = [
            deletion
            for deletion in self._deletions
            if is_later(deletion.tombstone, partition_tombstone)
            and deletion.tombstone.deletion_time >= clock.gc_before_s
        ]
        return left

    def difference(self, other: "RangeTombstones") -> "RangeTombstones":
        """What has to be deleted where others are, so that these are there too."""
        left = RangeTombstones()
        for deletion in self._deletions:
            left._deletions += _uncovered(deletion, other)
        left._deletions = _joined(left._deletions)
        return left

    def copy(self) -> "RangeTombstones":
        """The same, to be changed apart."""
        copied = RangeTombstones()
        copied._deletions = list(self._deletions)
        return copied


def _uncovered(deletion: RangeDeletion, others: Iterable[RangeDeletion]) -> list[RangeDeletion]:
    """Cut out of a deletion what others delete as strongly."""
    pieces: list[RangeDeletion] = []
    start, end, tombstone = deletion
    for other in others:
        if other.end.position <= start.position or other.start.position >= end.position:
            continue
        if is_later(tombstone, other.tombstone):
            continue
        if start.position < other.start.position:
            pieces.append(RangeDeletion(start, other.start, tombstone))
        start = other.end
    if start.position < end.position:
        pieces.append(RangeDeletion(start, end, tombstone))
    return pieces


def _joined(pieces: Iterable[RangeDeletion]) -> list[RangeDeletion]:
    """Join neighbours that the same statement deleted."""
    joined: list[RangeDeletion] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.tombstone == piece.tombstone
            and last.end.position == piece.start.position
        ):
            joined[-1] = last._replace(end=piece.end)
        else:
            joined.append(piece)
    return joined
