"""Deleted ranges, against a model that knows for each row what deletes it."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends.simulation.clustering_order import AFTER, BEFORE, ClusteringOrder, RowInterval
from harness.backends.simulation.storage.purging import Clock
from harness.backends.simulation.storage.range_tombstones import RangeDeletion, RangeTombstones
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE, later
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import Tombstone
from tests.backends.simulation.tables import deleted, i32

ORDER = ClusteringOrder([(ScalarType.INT, False)])
ROWS = range(8)


def deletion(
    first: int, last: int, timestamp: int, edges: tuple[int, int] = (BEFORE, AFTER)
) -> RangeDeletion:
    start = ORDER.before((i32(first),)) if edges[0] == BEFORE else ORDER.after((i32(first),))
    end = ORDER.after((i32(last),)) if edges[1] == AFTER else ORDER.before((i32(last),))
    return RangeDeletion(start, end, deleted(timestamp))


def covering(ranges: RangeTombstones) -> list[Tombstone]:
    return [ranges.covering(ORDER.position((i32(row),))) for row in ROWS]


def covering_by_hand(deletions: list[RangeDeletion]) -> list[Tombstone]:
    found = []
    for row in ROWS:
        position, strongest = ORDER.position((i32(row),)), NO_TOMBSTONE
        for start, end, tombstone in deletions:
            if start.position < position < end.position:
                strongest = later(tombstone, strongest)
        found.append(strongest)
    return found


_EDGES = st.sampled_from([BEFORE, AFTER])
_DELETIONS = st.lists(
    st.builds(deletion, st.integers(0, 7), st.integers(0, 7), st.integers(1, 3), st.tuples(_EDGES, _EDGES)),
    max_size=6,
)


@settings(max_examples=100)
@given(_DELETIONS)
def test_strongest_deletion_covers_each_row(deletions: list[RangeDeletion]) -> None:
    assert covering(RangeTombstones(deletions)) == covering_by_hand(deletions)


@settings(max_examples=100)
@given(_DELETIONS)
def test_ranges_are_in_order_and_never_overlap(deletions: list[RangeDeletion]) -> None:
    ranges = list(RangeTombstones(deletions))
    assert all(start.position < end.position for start, end, _ in ranges)
    for one, two in pairwise(ranges):
        assert one.end.position <= two.start.position
        assert one.end.position < two.start.position or one.tombstone != two.tombstone


@settings(max_examples=100)
@given(_DELETIONS, _DELETIONS)
def test_difference_brings_the_other_up_to_date(one: list[RangeDeletion], two: list[RangeDeletion]) -> None:
    both, other = RangeTombstones([*one, *two]), RangeTombstones(two)
    missing = both.difference(other)
    assert covering(RangeTombstones([*other, *missing])) == covering(both)
    assert not len(both.difference(both))


def test_within_keeps_what_lies_in_the_rows_asked_for() -> None:
    ranges = RangeTombstones([deletion(0, 7, 1)])
    asked = RowInterval(ORDER.before((i32(2),)), ORDER.after((i32(3),)))
    assert list(ranges.within([asked])) == [deletion(2, 3, 1)]


def test_compaction_drops_what_the_partition_deletes_anyway_and_what_is_old() -> None:
    ranges = RangeTombstones([deletion(0, 1, 1), deletion(2, 3, 5), deletion(4, 5, 9)])
    clock = Clock(now_s=0, gc_before_s=0)
    assert list(ranges.compacted(deleted(5), clock)) == [deletion(4, 5, 9)]
    assert not len(ranges.compacted(NO_TOMBSTONE, Clock(now_s=0, gc_before_s=2**62)))


def test_copy_is_changed_apart() -> None:
    ranges = RangeTombstones([deletion(0, 1, 1)])
    copied = ranges.copy()
    copied.apply(deletion(5, 6, 1))
    assert (len(ranges), len(copied)) == (1, 2)
