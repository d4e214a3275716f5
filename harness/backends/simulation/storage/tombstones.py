"""Deletions and which of them counts.

Source:
    Scylla, tombstone.hh, mutation_partition.hh (row tombstones and shadowable tombstones).
"""

from typing import NamedTuple

from harness.codec.verbs.common import MISSING_TIMESTAMP, Tombstone

NO_TOMBSTONE = Tombstone(timestamp=MISSING_TIMESTAMP, deletion_time=0)
"""Nothing is deleted."""

_END_OF_TIME = Tombstone(timestamp=2**63 - 1, deletion_time=2**63 - 1)


def is_later(left: Tombstone, right: Tombstone) -> bool:
    """Whether left deletes more than right."""
    if left.timestamp != right.timestamp:
        return left.timestamp > right.timestamp
    return left.deletion_time > right.deletion_time


def later(left: Tombstone, right: Tombstone) -> Tombstone:
    """The one that deletes more."""
    return left if is_later(left, right) else right


class RowTombstone(NamedTuple):
    """What deletes a row: for good, or, in a view, until a newer row marker comes."""

    regular: Tombstone = NO_TOMBSTONE
    shadowable: Tombstone = NO_TOMBSTONE
    """Never less than the regular one; equal to it if nothing is deleted in this way."""

    def with_regular(self, tombstone: Tombstone) -> "RowTombstone":
        """Delete for good besides."""
        return RowTombstone(later(tombstone, self.regular), later(tombstone, self.shadowable))

    def with_shadowable(self, tombstone: Tombstone) -> "RowTombstone":
        """Delete until a newer row marker comes."""
        return RowTombstone(self.regular, later(tombstone, self.shadowable))

    def unless_shadowed(self, marker_timestamp: int) -> "RowTombstone":
        """Drop the shadowable deletion if a row marker is newer."""
        if marker_timestamp > self.shadowable.timestamp:
            return RowTombstone(self.regular, self.regular)
        return self

    def merged(self, other: "RowTombstone") -> "RowTombstone":
        """What both delete."""
        return RowTombstone(later(other.regular, self.regular), later(other.shadowable, self.shadowable))

    def is_later(self, other: "RowTombstone") -> bool:
        """Whether this deletes more, be it for good or not."""
        return is_later(self.shadowable, other.shadowable)

    @property
    def exists(self) -> bool:
        """Whether anything is deleted."""
        return self.shadowable.exists


NO_ROW_TOMBSTONE = RowTombstone()
WHOLE_ROW_SHADOWED = RowTombstone(NO_TOMBSTONE, _END_OF_TIME)
"""What a view's row is under whose marker has died: nothing of it shows."""
