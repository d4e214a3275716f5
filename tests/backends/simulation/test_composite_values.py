"""Collections and tuples as their parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends.simulation.composite_values import (
    collection_of,
    collection_parts,
    tuple_of,
    tuple_parts,
)
from harness.errors import DecodeError, HarnessError


def test_list_of_captured_row_has_its_elements() -> None:
    """The value of ``fl2 = [4, 9]`` in types_and_large."""
    data = bytes.fromhex("00000002 00000004 00000004 00000004 00000009")
    assert collection_parts(data) == [bytes.fromhex("00000004"), bytes.fromhex("00000009")]
    assert collection_of(collection_parts(data)) == data


def test_map_counts_its_entries() -> None:
    data = bytes.fromhex("00000001 00000001 6b 00000004 00000001")
    assert collection_parts(data, parts_per_entry=2) == [b"k", bytes.fromhex("00000001")]
    assert collection_of([b"k", bytes.fromhex("00000001")], parts_per_entry=2) == data


def test_tuple_may_hold_null_and_end_early() -> None:
    data = bytes.fromhex("00000004 00000001 ffffffff")
    assert tuple_parts(data) == [bytes.fromhex("00000001"), None]
    assert tuple_of([bytes.fromhex("00000001"), None]) == data


@pytest.mark.parametrize(
    "text", ["", "000000", "00000001", "00000001 00000002 00", "ffffffff", "00000000 00"]
)
def test_broken_collection_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        collection_parts(bytes.fromhex(text))


@settings(max_examples=200)
@given(st.binary(max_size=40))
def test_garbage_raises_only_our_error(data: bytes) -> None:
    for read in (collection_parts, tuple_parts):
        try:
            read(data)
        except HarnessError:
            continue
