"""Row markers: what keeps a row there that has no values.

Source:
    Scylla, mutation_partition.hh (row_marker), mutation_partition.cc (compare_row_marker_for_merge).
"""

from harness.backends.simulation.storage.purging import Clock
from harness.codec.verbs.common import MISSING_TIMESTAMP, Tombstone
from harness.codec.verbs.mutation import DeadMarker, ExpiringMarker, LiveMarker, NoMarker

Marker = LiveMarker | ExpiringMarker | DeadMarker | NoMarker

NO_MARKER = NoMarker()


def live_marker(timestamp_us: int, ttl_s: int, now_s: int) -> LiveMarker | ExpiringMarker:
    """The marker of a row that was inserted; for a time only, unless ttl_s is 0."""
    marker = LiveMarker(created_at=timestamp_us)
    return ExpiringMarker(marker=marker, ttl_s=ttl_s, expiry=now_s + ttl_s) if ttl_s else marker


def timestamp_of(marker: Marker) -> int:
    """The write timestamp; ``MISSING_TIMESTAMP`` if there is none."""
    match marker:
        case LiveMarker():
            return marker.created_at
        case ExpiringMarker():
            return marker.marker.created_at
        case DeadMarker():
            return marker.tombstone.timestamp
        case NoMarker():
            return MISSING_TIMESTAMP


def is_live(marker: Marker) -> bool:
    """Whether it keeps its row, as long as it has not expired."""
    return isinstance(marker, LiveMarker | ExpiringMarker)


def compare(left: Marker, right: Marker) -> int:
    """Tell which marker of one row counts: 1 the left one, -1 the right one, 0 if they are the same."""
    difference = timestamp_of(left) - timestamp_of(right)
    if difference == 0:
        difference = is_live(right) - is_live(left)
    if difference == 0:
        difference = isinstance(left, ExpiringMarker) - isinstance(right, ExpiringMarker)
    if difference == 0 and isinstance(left, ExpiringMarker) and isinstance(right, ExpiringMarker):
        difference = left.expiry - right.expiry
    if difference == 0 and isinstance(left, DeadMarker) and isinstance(right, DeadMarker):
        difference = left.tombstone.deletion_time - right.tombstone.deletion_time
    return (difference > 0) - (difference < 0)


def compacted(marker: Marker, deleted_at: Tombstone, clock: Clock) -> Marker:
    """What a deletion and time leave of a marker."""
    if isinstance(marker, NoMarker) or timestamp_of(marker) <= deleted_at.timestamp:
        return NO_MARKER
    if isinstance(marker, ExpiringMarker) and marker.expiry <= clock.now_s:
        marker = DeadMarker(
            tombstone=Tombstone(
                timestamp=marker.marker.created_at, deletion_time=marker.expiry - marker.ttl_s
            )
        )
    if isinstance(marker, DeadMarker) and marker.tombstone.deletion_time < clock.gc_before_s:
        return NO_MARKER
    return marker
