"""Ranges of partitions as reads name them."""

from harness.backends.simulation.ring_ranges import (
    FIRST_TOKEN,
    LAST_TOKEN,
    WHOLE_RING,
    edges_of,
    place_of,
    place_of_key,
    single_partition,
    token_edge,
    token_interval,
)
from harness.codec.verbs.wire import encode_struct
from harness.partitioner import token_of
from tests.backends.simulation.tables import i32


def test_range_of_one_partition_is_that_of_the_wire_example() -> None:
    """The 101 bytes of int key 1 in the protocol's page."""
    position = (
        "2a000000 14000000 01000000 08000000 c78499982ae4e0cf 00 01 10000000 01000000 04000000 00000001"
    )
    expected = f"65000000 01 2f000000 {position} 01 01 2f000000 {position} 01 01"
    assert encode_struct(single_partition((i32(1),))) == bytes.fromhex(expected)


def test_range_between_tokens_of_nodes_excludes_the_first_and_includes_the_last() -> None:
    """As in the captured scans: both edges lie behind the keys of their token."""
    keys = [(i32(number),) for number in range(50)]
    tokens = sorted(token_of(key) for key in keys)
    start, end, includes_start, includes_end = edges_of(token_interval(tokens[10], tokens[20]))
    inside = [key for key in keys if start < place_of_key(key) < end]
    assert {token_of(key) for key in inside} == set(tokens[11:21])
    assert (includes_start, includes_end) == (False, True)


def test_ends_of_the_ring_enclose_every_key() -> None:
    place = place_of_key((b"",))
    assert place_of(token_edge(FIRST_TOKEN, -1)) < place < place_of(token_edge(LAST_TOKEN, 1))
    start, end, _, _ = edges_of(WHOLE_RING)
    assert start < place < end
