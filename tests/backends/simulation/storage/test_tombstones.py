"""Deletions: which counts, and shadowable ones."""

from harness.backends.simulation.storage.tombstones import (
    NO_ROW_TOMBSTONE,
    NO_TOMBSTONE,
    RowTombstone,
    is_later,
    later,
)
from harness.codec.verbs.wire import encode_struct
from tests.backends.simulation.tables import deleted


def test_no_tombstone_is_that_of_the_wire() -> None:
    assert encode_struct(NO_TOMBSTONE) == bytes.fromhex("14000000 0000000000000080 0000000000000000")


def test_newer_timestamp_counts_then_later_deletion() -> None:
    assert later(deleted(1, 9), deleted(2, 1)) == deleted(2, 1)
    assert later(deleted(1, 9), deleted(1, 10)) == deleted(1, 10)
    assert not is_later(deleted(1), deleted(1))


def test_regular_deletion_counts_as_shadowable_too() -> None:
    tombstone = NO_ROW_TOMBSTONE.with_shadowable(deleted(3)).with_regular(deleted(5))
    assert tombstone == RowTombstone(deleted(5), deleted(5))


def test_shadowable_deletion_vanishes_under_a_newer_marker_only() -> None:
    tombstone = RowTombstone(deleted(1), deleted(5))
    assert tombstone.unless_shadowed(5) == tombstone
    assert tombstone.unless_shadowed(6) == RowTombstone(deleted(1), deleted(1))
