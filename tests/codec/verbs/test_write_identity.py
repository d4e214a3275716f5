import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.verbs.write_identity import (
    NO_FORWARDS_BYTES,
    WRITE_ID_BYTES,
    address_key,
    no_forwards_from,
    peek_write_identity,
    write_id,
)

MUTATION = 1
PAXOS_LEARN = 41
HINT_MUTATION = 42

BLOB = "03000000 616263"
"""A blob of three bytes in place of the mutation: it is passed over unread."""
FRAME = "07000000 616263"
"""A frame of seven bytes in place of the proposal."""
SHARD_AND_ID = "02000000 00806e8774010000"
"""Shard 2, response id 1600000000000."""
V6 = "ffffffff 20010db8000000000000000000000001"


def payload(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts))


@pytest.mark.parametrize("verb", [MUTATION, HINT_MUTATION])
def test_write_without_forwards_names_its_coordinator(verb: int) -> None:
    data = payload(BLOB, "00000000 0100000a", SHARD_AND_ID, "00")
    assert peek_write_identity(verb, data) == (0x0A000001, 2, 1600000000000)


def test_forwarded_write_names_its_coordinator() -> None:
    data = payload(BLOB, "03000000 0200000a", V6, "0300000a", "0100000a", SHARD_AND_ID, "00")
    assert peek_write_identity(MUTATION, data) == (0x0A000001, 2, 1600000000000)


def test_coordinator_with_an_ipv6_address() -> None:
    data = payload(BLOB, "00000000", V6, SHARD_AND_ID, "00")
    expected = bytes.fromhex("20010db8000000000000000000000001")
    assert peek_write_identity(MUTATION, data) == (expected, 2, 1600000000000)


def test_learn_has_a_frame_in_front() -> None:
    data = payload(FRAME, "00000000 0100000a", SHARD_AND_ID, "00")
    assert peek_write_identity(PAXOS_LEARN, data) == (0x0A000001, 2, 1600000000000)
    assert peek_write_identity(PAXOS_LEARN, payload("03000000", "00" * 40)) is None


def test_other_verbs_have_no_identity() -> None:
    assert peek_write_identity(2, payload(BLOB, "00000000 0100000a", SHARD_AND_ID)) is None


@pytest.mark.parametrize(
    ("verb", "data"),
    [
        (MUTATION, payload(BLOB, "00000000 0100000a", SHARD_AND_ID)),
        (MUTATION, payload(BLOB, "02000000 0200000a", V6, "0100000a", SHARD_AND_ID)),
        (MUTATION, payload(BLOB, "00000000", V6, SHARD_AND_ID)),
        (PAXOS_LEARN, payload(FRAME, "00000000 0100000a", SHARD_AND_ID)),
    ],
)
def test_bytes_that_end_too_early_have_no_identity(verb: int, data: bytes) -> None:
    assert peek_write_identity(verb, data) is not None
    for size_bytes in range(len(data)):
        assert peek_write_identity(verb, data[:size_bytes]) is None


def test_huge_claims_are_refused() -> None:
    assert peek_write_identity(MUTATION, payload("ffffffff", "00" * 64)) is None
    assert peek_write_identity(MUTATION, payload(BLOB, "ffffffff", "00" * 64)) is None


@given(verb=st.sampled_from([MUTATION, HINT_MUTATION, PAXOS_LEARN]), data=st.binary(max_size=96))
@settings(max_examples=200)
def test_garbage_gives_an_identity_or_none(verb: int, data: bytes) -> None:
    identity = peek_write_identity(verb, data)
    assert identity is None or len(identity) == 3


def test_acknowledgement_begins_with_the_write_id() -> None:
    # MUTATION_DONE: shard, response id, update backlog
    data = payload(SHARD_AND_ID, "14000000 0000000000000000 ffffffffffffffff")
    assert data[:WRITE_ID_BYTES] == write_id(2, 1600000000000)


def test_write_that_nobody_sends_on_is_known_by_the_bytes_before_its_id() -> None:
    data = payload(BLOB, "00000000 0100000a", SHARD_AND_ID, "00")
    behind = 4 + struct.unpack_from("<I", data)[0]
    assert data[behind:][:NO_FORWARDS_BYTES] == no_forwards_from(address_key("10.0.0.1"))
    assert data[behind + NO_FORWARDS_BYTES :][:WRITE_ID_BYTES] == write_id(2, 1600000000000)
    assert no_forwards_from(address_key("2001:db8::1")) == b""


def test_address_key_is_what_stands_on_the_wire() -> None:
    assert address_key("10.0.0.1") == struct.unpack("<I", bytes.fromhex("0100000a"))[0]
    assert address_key("2001:db8::1") == bytes.fromhex("20010db8000000000000000000000001")
    with pytest.raises(ValueError, match="nonsense"):
        address_key("nonsense")
