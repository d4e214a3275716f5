"""Composed by hand."""

from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.codec.verbs.query_result import (
    QueryResult,
    ReconcilableResult,
    ResultCell,
    ResultPartitions,
    ResultRow,
)
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.hex_layout import MUTATION
from tests.codec.verbs.payload_checks import assert_payload

RESULT_4_2 = """
61000000 45000000
45000000 01000000 3d000000 01 10000000010000000400000000000001 08000000 00000000
01000000 1c000000 00 17000000 02000000 01 0d000000 00 00 02000000 6162 00 00
00 0000000000000080 00 01 01000000 01 01000000
"""
"""One partition with key, one row: "ab" and null; no digest; 97 bytes."""


def test_result_of_one_row() -> None:
    body = assert_payload(QueryResult, RESULT_4_2)
    assert body.data is not None
    (partition,) = body.data.partitions
    assert partition.key is not None
    assert partition.key.components == (b"\x00\x00\x00\x01",)
    (row,) = partition.rows
    assert row.key is None
    assert row.cells.cells == (ResultCell(timestamp=None, expiry=None, value=b"ab", ttl_s=None), None)
    assert (body.digest, body.last_modified) == (None, MISSING_TIMESTAMP)
    assert (body.row_count_low, body.partition_count, body.short_read) == (1, 1, 0)
    assert (body.row_count_high, body.last_position) == (ABSENT, ABSENT)


def test_empty_result_is_not_the_same_as_none() -> None:
    nothing_found = assert_payload(
        QueryResult, "24000000 08000000 08000000 00000000 00 0000000000000080 00 01 00000000 01 00000000"
    )
    assert nothing_found.data == ResultPartitions(partitions=())
    only_digest = assert_payload(
        QueryResult,
        "24000000 00000000 01 0000000000000000 04eff922c9ab160e 0000a40731af0500 00 00 00",
    )
    assert only_digest.data is None
    assert (only_digest.row_count_low, only_digest.partition_count) == (None, None)


def test_cells_with_all_that_can_be_asked_for() -> None:
    body = assert_payload(
        ResultRow,
        "2e000000 00 29000000 01000000"
        "01 20000000 01 0000a40731af0500 01 00105e5f00000000 01000000 61 01 0a000000",
    )
    assert body.cells.cells == (
        ResultCell(timestamp=1600000000000000, expiry=1600000000, value=b"a", ttl_s=10),
    )


def test_row_counts_have_high_halves_and_a_position_follows() -> None:
    position = "1b000000 10000000 01000000 04000000 00000001 07000000 00 00 00"
    body = assert_payload(
        QueryResult,
        "45000000 08000000 08000000 00000000 00 0000000000000080 01 01 05000000 01 01000000"
        f"01 01000000 01 {position}",
    )
    assert (body.row_count_low, body.row_count_high, body.short_read) == (5, 1, 1)
    assert body.last_position not in (None, ABSENT)


def test_mutations_to_reconcile() -> None:
    body = assert_payload(
        ReconcilableResult, f"1a010000 01000000 01000000 0d010000 01000000 01010000 {MUTATION} 00"
    )
    (partition,) = body.partitions
    assert (body.row_count_low, partition.row_count_low) == (1, 1)
    assert len(partition.mutation.partition.rows) == 1
    assert (partition.row_count_high, body.row_count_high) == (ABSENT, ABSENT)


def test_mutations_to_reconcile_with_high_halves() -> None:
    body = assert_payload(
        ReconcilableResult,
        f"22010000 01000000 01000000 11010000 01000000 01010000 {MUTATION} 00000000 00 00000000",
    )
    assert (body.partitions[0].row_count_high, body.row_count_high) == (0, 0)
