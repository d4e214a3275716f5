"""Rows: markers, deletions of every kind, and what is left."""

import pytest

from harness.backends.simulation.storage.markers import NO_MARKER, compare, live_marker
from harness.backends.simulation.storage.purging import Clock, clock_without_purging
from harness.backends.simulation.storage.rows import Row
from harness.backends.simulation.storage.tombstones import NO_ROW_TOMBSTONE, NO_TOMBSTONE
from harness.codec.verbs.mutation import DeadMarker, ExpiringMarker, LiveMarker
from tests.backends.simulation.tables import NOW_S, deleted, inserted, layout_of, live

TABLE = layout_of("CREATE TABLE t (p int, c int, a text, b text, PRIMARY KEY (p, c))")
CLOCK = clock_without_purging(NOW_S)


def expiring_marker(timestamp: int, expiry: int) -> ExpiringMarker:
    return ExpiringMarker(marker=inserted(timestamp), ttl_s=10, expiry=expiry)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (inserted(1), NO_MARKER),
        (inserted(2), inserted(1)),
        (DeadMarker(tombstone=deleted(1)), inserted(1)),
        (expiring_marker(1, NOW_S), inserted(1)),
        (expiring_marker(1, NOW_S + 1), expiring_marker(1, NOW_S)),
        (DeadMarker(tombstone=deleted(1, 2)), DeadMarker(tombstone=deleted(1, 1))),
    ],
)
def test_stronger_marker_counts(stronger: LiveMarker, weaker: LiveMarker) -> None:
    assert compare(stronger, weaker) == 1
    assert compare(weaker, stronger) == -1
    assert compare(weaker, weaker) == 0


def test_inserted_row_without_values_lives() -> None:
    row = Row(marker=inserted(1))
    assert row.compacted(TABLE, NO_TOMBSTONE, CLOCK).is_live


def test_row_made_by_update_dies_with_its_last_value() -> None:
    row = Row()
    row.apply_cell(TABLE, "a", live(b"x", 1))
    assert row.compacted(TABLE, NO_TOMBSTONE, CLOCK).is_live
    row.apply_tombstone(deleted(1))
    assert not row.compacted(TABLE, NO_TOMBSTONE, CLOCK).is_live


def test_expired_marker_no_longer_keeps_its_row() -> None:
    row = Row(marker=live_marker(1, 10, NOW_S - 10))
    left = row.compacted(TABLE, NO_TOMBSTONE, CLOCK)
    assert not left.is_live
    assert left.row.marker == DeadMarker(tombstone=deleted(1, NOW_S - 10))


def test_deletion_of_the_partition_hides_an_older_one_of_the_row() -> None:
    row = Row(marker=inserted(9))
    row.apply_tombstone(deleted(3))
    left = row.compacted(TABLE, deleted(5), CLOCK)
    assert left.row.tombstone == NO_ROW_TOMBSTONE
    assert left.tombstone.regular == deleted(5)
    assert left.is_live


def test_deletion_older_than_the_grace_period_is_forgotten() -> None:
    row = Row()
    row.apply_tombstone(deleted(3, 99))
    assert row.compacted(TABLE, NO_TOMBSTONE, Clock(NOW_S, 100)).row.is_empty


def test_newer_marker_undoes_a_shadowable_deletion() -> None:
    """The view row comes back with values older than its deletion."""
    row = Row()
    row.apply_cell(TABLE, "a", live(b"x", 1))
    row.apply_shadowable(deleted(5))
    assert not row.compacted(TABLE, NO_TOMBSTONE, CLOCK).is_live
    row.apply_marker(inserted(6))
    left = row.compacted(TABLE, NO_TOMBSTONE, CLOCK)
    assert left.row.cells == {"a": live(b"x", 1)}
    assert left.tombstone == NO_ROW_TOMBSTONE


def test_marker_does_not_undo_a_deletion_for_good() -> None:
    row = Row()
    row.apply_cell(TABLE, "a", live(b"x", 1))
    row.apply_tombstone(deleted(5))
    row.apply_marker(inserted(6))
    assert row.compacted(TABLE, NO_TOMBSTONE, CLOCK).row.cells == {}


def test_merging_rows_in_either_order_gives_the_same() -> None:
    one, two = Row(marker=inserted(6)), Row()
    one.apply_cell(TABLE, "a", live(b"x", 1))
    two.apply_shadowable(deleted(5))
    two.apply_cell(TABLE, "b", live(b"y", 7))
    left, right = one.copy(), two.copy()
    left.apply(TABLE, two)
    right.apply(TABLE, one)
    assert left == right


def test_difference_is_empty_for_equal_rows_and_all_for_none() -> None:
    row = Row(marker=inserted(6))
    row.apply_cell(TABLE, "a", live(b"x", 1))
    assert row.difference(row).is_empty
    assert row.difference(None) == row


def test_row_of_a_view_dies_with_its_marker_where_a_base_value_is_in_its_key() -> None:
    view = layout_of(
        "CREATE TABLE t (p int PRIMARY KEY, a text, b text);"
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE a IS NOT NULL AND p IS NOT NULL PRIMARY KEY (a, p)",
        "v",
    )
    row = Row(marker=live_marker(1, 10, NOW_S - 10))
    row.apply_cell(view, "b", live(b"x", 1))
    assert not row.compacted(view, NO_TOMBSTONE, CLOCK).is_live
