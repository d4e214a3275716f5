"""Tokens against those of the protocol's example and of Cassandra's driver."""

import pytest
from cassandra.metadata import Murmur3Token
from hypothesis import given, settings
from hypothesis import strategies as st

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
