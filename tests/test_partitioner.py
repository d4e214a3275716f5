"""Tokens against those of the protocol's example and of Cassandra's driver."""

from pathlib import Path

import pytest
from cassandra.metadata import Murmur3Token
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.verbs.read import ReadRequest
from harness.dissect.reading import read_trace
from harness.partitioner import MINIMUM_TOKEN, serialized_key, token_of, token_of_serialized


def test_token_of_int_1_is_that_of_the_wire_example() -> None:
    assert token_of((bytes.fromhex("00000001"),)) == -4069959284402364209


def test_component_of_several_has_length_and_end() -> None:
    assert serialized_key((b"ab", b"")) == bytes.fromhex("0002 6162 00 0000 00")


def test_single_component_stands_as_it_is() -> None:
    assert serialized_key((b"ab",)) == b"ab"


def test_empty_key_has_the_minimum_token() -> None:
    assert token_of((b"",)) == MINIMUM_TOKEN


@pytest.mark.parametrize("size_bytes", range(1, 40))
def test_bytes_above_127_in_the_tail_are_signed(size_bytes: int) -> None:
    key = bytes(range(255, 255 - size_bytes, -1))
    assert token_of_serialized(key) == Murmur3Token.hash_fn(key)


@settings(max_examples=200)
@given(st.binary(min_size=1, max_size=80))
def test_tokens_are_those_of_the_driver(key: bytes) -> None:
    assert token_of_serialized(key) == Murmur3Token.hash_fn(key)


def test_key_longer_than_its_length_can_say_still_has_a_token() -> None:
    assert isinstance(token_of((b"a" * 70_000, b"b")), int)


@pytest.mark.parametrize(
    "capture",
    [
        "scylla-4.2/base/read_cl",
        "scylla-4.2/base/index_read",
        "scylla-4.2/base/types_and_large",
        "scylla-2025.1/base/read_cl",
        "scylla-2025.1/views/index_rf3",
    ],
)
def test_tokens_are_those_that_reads_of_real_clusters_carry(reference: Path, capture: str) -> None:
    seen = 0
    for message in read_trace(reference / f"{capture}.pcapng").rpc:
        body = message.body
        if not isinstance(body, ReadRequest) or not body.partitions.singular:
            continue
        assert body.partitions.start is not None
        position = body.partitions.start.value
        assert position.key is not None
        assert token_of(position.key.components) == position.token.value
        seen += 1
    assert seen > 0
