"""Composed by hand."""

import pytest

from harness.codec.verbs.common import (
    MISSING_TIMESTAMP,
    BoundKind,
    ClusteringRange,
    DecoratedKey,
    FullPosition,
    Key,
    PartitionRange,
    PartitionRegion,
    PositionInPartition,
    RingPosition,
    Token,
    TokenKind,
    TokenRange,
    Tombstone,
    TraceInfo,
    UpdateBacklog,
)
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.hex_layout import KEY_1, NOTHING_DELETED, TOKEN_OF_1
from tests.codec.verbs.payload_checks import assert_payload

POSITION_OF_1 = f"2a000000 {TOKEN_OF_1} 00 01 {KEY_1}"
RANGE_OF_KEY_1 = f"65000000 01 2f000000 {POSITION_OF_1} 01 01 2f000000 {POSITION_OF_1} 01 01"
"""The partition with the int key 1; 101 bytes."""


def test_token_is_big_endian_in_its_bytes() -> None:
    token = assert_payload(Token, TOKEN_OF_1)
    assert (token.kind, token.value) == (TokenKind.KEY, -4069959284402364209)


@pytest.mark.parametrize(
    ("kind", "name"), [("00000000", TokenKind.BEFORE_ALL_KEYS), ("02000000", TokenKind.AFTER_ALL_KEYS)]
)
def test_edges_of_the_ring_have_kinds_of_their_own(kind: str, name: TokenKind) -> None:
    token = assert_payload(Token, f"14000000 {kind} 08000000 0000000000000000")
    assert (token.kind, token.value) == (name, 0)


def test_key_has_components() -> None:
    assert assert_payload(Key, KEY_1).components == (b"\x00\x00\x00\x01",)
    assert assert_payload(Key, "08000000 00000000").components == ()
    two = assert_payload(Key, "13000000 02000000 03000000 616263 00000000")
    assert two.components == (b"abc", b"")


def test_decorated_key_is_a_token_and_a_key() -> None:
    body = assert_payload(DecoratedKey, f"28000000 {TOKEN_OF_1} {KEY_1}")
    assert body.token.value == -4069959284402364209


def test_ring_position_has_a_key_or_a_bound() -> None:
    at_key = assert_payload(RingPosition, POSITION_OF_1)
    assert (at_key.bound, at_key.key) == (0, Key(components=(b"\x00\x00\x00\x01",)))
    after_token = assert_payload(RingPosition, f"1a000000 {TOKEN_OF_1} 01 00")
    assert (after_token.bound, after_token.key) == (1, None)
    before_token = assert_payload(RingPosition, f"1a000000 {TOKEN_OF_1} ff 00")
    assert before_token.bound == -1


def test_singular_range_writes_its_bound_twice() -> None:
    assert len(bytes.fromhex(RANGE_OF_KEY_1)) == 101
    body = assert_payload(PartitionRange, RANGE_OF_KEY_1)
    assert body.singular
    assert body.start == body.end


def test_full_range_has_no_bounds() -> None:
    body = assert_payload(ClusteringRange, "07000000 00 00 00")
    assert (body.start, body.end, body.singular) == (None, None, False)


def test_token_range_excludes_its_start() -> None:
    bound = "19000000 14000000 01000000 08000000"
    data = f"39000000 01 {bound} 0000000000000001 00 01 {bound} 0000000000000002 01 00"
    body = assert_payload(TokenRange, data)
    assert body.start
    assert body.end
    assert (body.start.value.value, body.start.inclusive) == (1, False)
    assert (body.end.value.value, body.end.inclusive) == (2, True)


def test_position_has_region_weight_and_key() -> None:
    start = assert_payload(PositionInPartition, "07000000 00 00 00")
    assert (start.region, start.weight, start.key) == (PartitionRegion.PARTITION_START, 0, None)
    after_a = assert_payload(PositionInPartition, "14000000 02 01 01 0d000000 01000000 01000000 61")
    assert (after_a.region, after_a.weight, after_a.key) == (
        PartitionRegion.CLUSTERED,
        1,
        Key(components=(b"a",)),
    )
    full = assert_payload(FullPosition, f"1b000000 {KEY_1} 07000000 03 ff 00")
    assert full.position.region is PartitionRegion.PARTITION_END
    assert full.position.weight == -1


def test_bound_kinds_have_the_numbers_that_are_cast() -> None:
    assert [int(kind) for kind in BoundKind] == [0, 1, 6, 7]


def test_tombstone_without_a_timestamp_deletes_nothing() -> None:
    nothing = assert_payload(Tombstone, NOTHING_DELETED)
    assert (nothing.timestamp, nothing.exists) == (MISSING_TIMESTAMP, False)
    assert assert_payload(Tombstone, "14000000 0500000000000000 0700000000000000").exists


def test_trace_information_grew_by_a_start_time() -> None:
    fields = f"{'11' * 16} 01 01 0b00000000000000 20a10700 80510100 0c000000 0900000000000000"
    old = assert_payload(TraceInfo, f"32000000 {fields}")
    assert (old.parent.value, old.started_us) == (9, ABSENT)
    modern = assert_payload(TraceInfo, f"3a000000 {fields} 0000a40731af0500")
    assert modern.started_us == 1600000000000000


def test_backlog_of_an_idle_node_has_no_limit() -> None:
    body = assert_payload(UpdateBacklog, "14000000 0000000000000000 ffffffffffffffff")
    assert (body.current_bytes, body.limit_bytes) == (0, 2**64 - 1)
