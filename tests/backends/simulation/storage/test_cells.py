"""Which of two cells counts, and what time and deletions leave."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends.simulation.storage.cells import (
    Cell,
    SimpleCell,
    compacted,
    compare,
    difference,
    in_shard_order,
    live_cell,
    merged,
    since,
)
from harness.backends.simulation.storage.purging import Clock, clock_without_purging
from harness.backends.simulation.storage.tombstones import NO_ROW_TOMBSTONE, NO_TOMBSTONE, RowTombstone
from harness.backends.simulation.value_order import order_of
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import (
    CollectionCell,
    CollectionElement,
    CounterCell,
    CounterDelta,
    CounterShard,
    CounterShards,
    DeadCell,
    ExpiringCell,
    LiveCell,
)
from tests.backends.simulation.tables import NOW_S, deleted, live

BLOBS = order_of(ScalarType.BLOB)
CLOCK = clock_without_purging(NOW_S)


def dead(timestamp: int, deletion_time: int = NOW_S) -> DeadCell:
    return DeadCell(tombstone=deleted(timestamp, deletion_time))


def expiring(value: bytes, timestamp: int, ttl_s: int, expiry: int) -> ExpiringCell:
    return ExpiringCell(ttl_s=ttl_s, expiry=expiry, cell=live(value, timestamp))


def collection(*elements: tuple[bytes, SimpleCell], tombstone: Tombstone | None = None) -> CollectionCell:
    return CollectionCell(
        tombstone=NO_ROW_TOMBSTONE.regular if tombstone is None else tombstone,
        elements=tuple(CollectionElement(key=key, cell=cell) for key, cell in elements),
    )


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (live(b"a", 2), live(b"b", 1)),
        (live(b"a", 2), dead(1)),
        (dead(1), live(b"z", 1)),
        (dead(1), expiring(b"z", 1, 10, NOW_S)),
        (dead(1, 8), dead(1, 7)),
        (live(b"b", 1), live(b"a", 1)),
        (live(b"b", 1), expiring(b"a", 1, 10, NOW_S)),
        (live(b"ab", 1), live(b"a", 1)),
        (live(b"\x80", 1), live(b"\x7f", 1)),
        (expiring(b"a", 1, 10, NOW_S), live(b"a", 1)),
        (expiring(b"a", 1, 10, NOW_S + 1), expiring(b"a", 1, 10, NOW_S)),
        (expiring(b"a", 1, 9, NOW_S), expiring(b"a", 1, 10, NOW_S)),
    ],
)
def test_stronger_cell_counts_in_either_order(stronger: SimpleCell, weaker: SimpleCell) -> None:
    """Newest timestamp; deletion; value; what expires, later; what was written later."""
    assert compare(stronger, weaker) == 1
    assert compare(weaker, stronger) == -1
    assert compare(stronger, stronger) == 0
    assert merged(stronger, weaker, BLOBS) == merged(weaker, stronger, BLOBS) == stronger
    assert difference(stronger, weaker) == stronger
    assert difference(weaker, stronger) is None


def test_ttl_counts_from_the_write() -> None:
    assert live_cell(b"v", 5, 3600, NOW_S) == expiring(b"v", 5, 3600, NOW_S + 3600)
    assert live_cell(b"v", 5, 0, NOW_S) == live(b"v", 5)


def test_expired_cell_is_dead_since_it_was_written() -> None:
    cell = expiring(b"v", 1, 10, NOW_S)
    assert compacted(cell, NO_ROW_TOMBSTONE, CLOCK) == (dead(1, NOW_S - 10), False)
    assert compacted(cell, NO_ROW_TOMBSTONE, clock_without_purging(NOW_S - 1)) == (cell, True)


def test_deletion_of_the_row_covers_cells_of_the_same_timestamp() -> None:
    tombstone = NO_ROW_TOMBSTONE.with_regular(deleted(5))
    assert compacted(live(b"v", 5), tombstone, CLOCK) == (None, False)
    assert compacted(live(b"v", 6), tombstone, CLOCK) == (live(b"v", 6), True)


def test_old_deletion_is_purged() -> None:
    assert compacted(dead(1, 99), NO_ROW_TOMBSTONE, Clock(NOW_S, 100)) == (None, False)
    assert compacted(dead(1, 100), NO_ROW_TOMBSTONE, Clock(NOW_S, 100)) == (dead(1, 100), False)


def test_collections_merge_by_element() -> None:
    left = collection((b"a", live(b"1", 1)), (b"c", live(b"1", 1)))
    right = collection((b"b", live(b"2", 2)), (b"c", dead(2)))
    both = collection((b"a", live(b"1", 1)), (b"b", live(b"2", 2)), (b"c", dead(2)))
    assert merged(left, right, BLOBS) == merged(right, left, BLOBS) == both


def test_collection_written_as_a_whole_drops_older_elements() -> None:
    old = collection((b"a", live(b"1", 5)))
    new = collection((b"b", live(b"2", 10)), tombstone=deleted(9))
    assert merged(old, new, BLOBS) == merged(new, old, BLOBS) == new


def test_collection_difference_is_what_the_other_lacks() -> None:
    left = collection((b"a", live(b"1", 1)), (b"b", live(b"2", 2)), tombstone=deleted(0))
    assert difference(left, collection((b"a", live(b"1", 1)), tombstone=deleted(0))) == collection(
        (b"b", live(b"2", 2))
    )
    assert difference(left, left) is None


def test_elements_of_a_collection_expire_one_by_one() -> None:
    cell = collection((b"a", expiring(b"1", 1, 10, NOW_S)), (b"b", live(b"2", 2)))
    left, is_live = compacted(cell, NO_ROW_TOMBSTONE, CLOCK)
    assert left == collection((b"a", dead(1, NOW_S - 10)), (b"b", live(b"2", 2)))
    assert is_live


def test_collection_under_a_deletion_is_gone_unless_it_was_written_since() -> None:
    cell = collection((b"a", live(b"1", 1)), tombstone=deleted(0))
    tombstone = NO_ROW_TOMBSTONE.with_regular(deleted(1))
    assert compacted(cell, tombstone, CLOCK) == (None, False)
    emptied = collection(tombstone=deleted(2))
    assert compacted(emptied, tombstone, CLOCK) == (emptied, False)


LEADERS = [UUID(int=2**127 + 1), UUID(int=7)]


def counter(created_at: int, *shards: tuple[UUID, int, int]) -> CounterCell:
    return CounterCell(
        created_at=created_at,
        state=CounterShards(
            shards=tuple(CounterShard(id=leader, value=value, clock=clock) for leader, value, clock in shards)
        ),
    )


def test_counters_merge_by_leader_and_clock() -> None:
    left = counter(5, (LEADERS[1], 1, 1), (LEADERS[0], 7, 3))
    right = counter(6, (LEADERS[0], 5, 2))
    assert merged(left, right, BLOBS) == merged(right, left, BLOBS) == replace(left, created_at=6)


def test_counter_updates_of_one_batch_add_up() -> None:
    one = CounterCell(created_at=5, state=CounterDelta(delta=1))
    two = CounterCell(created_at=5, state=CounterDelta(delta=2))
    assert merged(one, two, BLOBS) == CounterCell(created_at=5, state=CounterDelta(delta=3))


def test_deleted_counter_never_comes_back() -> None:
    later = counter(99, (LEADERS[0], 1, 1))
    assert merged(later, dead(1), BLOBS) == merged(dead(1), later, BLOBS) == dead(1)
    tombstone = RowTombstone(deleted(1), deleted(1))
    assert compacted(later, tombstone, CLOCK, is_counter=True) == (None, False)


def test_counter_difference_is_the_newer_counts() -> None:
    left = counter(6, (LEADERS[1], 1, 1), (LEADERS[0], 7, 3))
    assert difference(left, counter(5, (LEADERS[1], 1, 1))) == counter(6, (LEADERS[0], 7, 3))
    assert difference(left, left) is None


def test_shards_sort_by_id_without_sign() -> None:
    shards = [CounterShard(id=leader, value=0, clock=0) for leader in LEADERS]
    assert [shard.id for shard in in_shard_order(shards)] == [LEADERS[1], LEADERS[0]]


_SIMPLE = st.one_of(
    st.builds(live, st.binary(max_size=1), st.integers(0, 2)),
    st.builds(dead, st.integers(0, 2), st.integers(0, 2)),
    st.builds(expiring, st.binary(max_size=1), st.integers(0, 2), st.integers(1, 2), st.integers(3, 4)),
)
_COLLECTIONS = st.builds(
    lambda elements, tombstone: collection(*sorted(elements.items()), tombstone=tombstone),
    st.dictionaries(st.binary(min_size=1, max_size=1), _SIMPLE, max_size=3),
    st.builds(deleted, st.integers(-1, 1), st.integers(0, 1)),
)


@settings(max_examples=100)
@given(st.one_of(st.tuples(_SIMPLE, _SIMPLE, _SIMPLE), st.tuples(_COLLECTIONS, _COLLECTIONS, _COLLECTIONS)))
def test_order_of_writes_does_not_matter(cells: tuple[Cell, Cell, Cell]) -> None:
    one, two, three = cells
    all_at_once = merged(merged(one, two, BLOBS), three, BLOBS)
    assert merged(one, merged(three, two, BLOBS), BLOBS) == all_at_once


@settings(max_examples=100)
@given(st.one_of(st.tuples(_SIMPLE, _SIMPLE), st.tuples(_COLLECTIONS, _COLLECTIONS)))
def test_difference_brings_the_other_up_to_date(cells: tuple[Cell, Cell]) -> None:
    one, two = cells
    both = merged(one, two, BLOBS)
    missing = difference(both, two)
    repaired = two if missing is None else merged(two, missing, BLOBS)
    # Elements that their own collection deletes may still be there; no read shows them.
    assert compacted(repaired, NO_ROW_TOMBSTONE, CLOCK) == compacted(both, NO_ROW_TOMBSTONE, CLOCK)


def test_live_cell_is_left_as_it_is() -> None:
    cell = LiveCell(timestamp=1, value=b"")
    assert compacted(cell, NO_ROW_TOMBSTONE, CLOCK) == (cell, True)


def test_of_a_cell_is_left_what_was_written_after_a_moment() -> None:
    old, new = LiveCell(timestamp=5, value=b"o"), LiveCell(timestamp=6, value=b"n")
    assert since(old, 5) is None
    assert since(new, 5) == new
    elements = (CollectionElement(key=b"a", cell=old), CollectionElement(key=b"b", cell=new))
    emptied = Tombstone(timestamp=4, deletion_time=0)
    kept = since(CollectionCell(tombstone=emptied, elements=elements), 5)
    assert kept == CollectionCell(tombstone=NO_TOMBSTONE, elements=elements[1:])
    assert since(CollectionCell(tombstone=emptied, elements=elements[:1]), 5) is None
    assert since(CollectionCell(tombstone=emptied, elements=()), 3) is not None
