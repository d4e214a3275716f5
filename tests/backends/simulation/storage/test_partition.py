"""Partitions: rows in order, deletions of every level, differences."""

from harness.backends.simulation.clustering_order import RowInterval
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.purging import Clock, clock_without_purging
from tests.backends.simulation.tables import NOW_S, deleted, i32, inserted, layout_of, live, partition_with

TABLE = layout_of("CREATE TABLE t (p int, c int, v text, s text static, PRIMARY KEY (p, c))")
CLOCK = clock_without_purging(NOW_S)


def written(*numbers: int, timestamp: int = 1) -> Partition:
    partition = Partition(TABLE.order)
    for number in numbers:
        row = partition.rows.make((i32(number),))
        row.apply_marker(inserted(timestamp))
        row.apply_cell(TABLE, "v", live(b"v", timestamp))
    return partition


def keys_of(partition: Partition, *, is_reversed: bool = False) -> list[int]:
    return [
        int.from_bytes(key[0], "big")
        for key, row in partition.compacted_rows(TABLE, [TABLE.order.whole], CLOCK, is_reversed=is_reversed)
        if row.is_live
    ]


def test_rows_come_in_their_order_and_backwards() -> None:
    partition = written(3, 1, 2)
    assert keys_of(partition) == [1, 2, 3]
    assert keys_of(partition, is_reversed=True) == [3, 2, 1]


def test_range_deletion_hides_its_rows_only() -> None:
    partition = written(1, 2, 3)
    order = TABLE.order
    partition.delete_range(RowInterval(order.before((i32(2),)), order.after((i32(2),))), deleted(1))
    assert keys_of(partition) == [1, 3]


def test_partition_deletion_hides_what_is_older() -> None:
    partition = written(1, 2)
    partition.static["s"] = live(b"s", 1)
    partition.delete(deleted(1))
    partition.apply(TABLE, written(3, timestamp=2))
    assert keys_of(partition) == [3]
    assert partition.compacted_static(TABLE, CLOCK) == ({}, False)


def test_compaction_leaves_deletions_and_what_lives() -> None:
    partition = written(1, 2)
    partition.delete(deleted(1))
    partition.apply(TABLE, written(3, timestamp=2))
    left = partition.compacted(TABLE, CLOCK)
    assert left.tombstone == deleted(1)
    assert [key for key, _ in left.rows.items()] == [(i32(3),)]


def test_compaction_forgets_deletions_behind_the_grace_period() -> None:
    partition = written(1)
    partition.delete(deleted(1, 99))
    assert partition.compacted(TABLE, Clock(NOW_S, 100)).is_empty


def test_difference_brings_the_other_up_to_date() -> None:
    one, two = written(1, 2), written(2, 3, timestamp=5)
    two.delete(deleted(1))
    two.static["s"] = live(b"s", 5)
    both = one.copy(TABLE)
    both.apply(TABLE, two)
    repaired = one.copy(TABLE)
    repaired.apply(TABLE, both.compacted(TABLE, CLOCK).difference(one))
    assert keys_of(repaired) == keys_of(both) == [2, 3]
    assert repaired.static == both.static
    assert both.difference(both).is_empty


def test_copy_is_changed_apart() -> None:
    partition = partition_with(TABLE, (i32(1),), {"v": live(b"v", 1)})
    partition.copy(TABLE).rows.make((i32(1),)).apply_tombstone(deleted(9))
    assert keys_of(partition) == [1]
