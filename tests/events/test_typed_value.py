"""Bytes as typed values."""

from harness.codec.cql.types import ListType, MapType, ScalarType
from harness.events.typed_value import (
    Value,
    hashable_value_of,
    key_text,
    key_values,
    shortened,
    value_of,
)
from harness.schema import Column, Schema, Table

_TABLE = Table(
    keyspace="ks", name="t", partition_key=(Column(name="p", type="int"), Column(name="q", type="text"))
)


def test_value_has_its_literal() -> None:
    assert value_of(ScalarType.TEXT, b"it's") == Value("it's", "'it''s'")


def test_value_of_no_known_type_is_its_bytes() -> None:
    assert value_of(None, b"\x01\xff") == Value(b"\x01\xff", "0x01ff")


def test_value_that_is_not_of_its_type_is_its_bytes() -> None:
    assert value_of(ScalarType.INT, b"\x01") == Value(b"\x01", "0x01")
    assert hashable_value_of(ScalarType.INT, b"\x01") == Value(b"\x01", "0x01")


def test_list_can_be_an_element_of_a_set() -> None:
    data = bytes.fromhex("00000001 00000004 00000007")
    assert hashable_value_of(ListType(ScalarType.INT), data) == Value((7,), "[7]")


def test_map_can_be_a_key() -> None:
    data = bytes.fromhex("00000001 00000004 00000007 00000001 61")
    value = hashable_value_of(MapType(ScalarType.INT, ScalarType.TEXT), data)
    assert value == Value(((7, "a"),), "{7: 'a'}")


def test_key_is_typed_as_far_as_its_columns_are_known() -> None:
    values = key_values(Schema(), _TABLE, _TABLE.partition_key, (b"\x00\x00\x00\x07", b"x", b"\x09"))
    assert key_text(values, 20) == "7, 'x', 0x09"
    assert key_text(key_values(Schema(), None, (), (b"\x07",)), 20) == "0x07"


def test_long_literal_is_cut_but_closed() -> None:
    assert shortened("'abcdefgh'", 6) == "'abc…'"
    assert shortened("0xabcdef", 6) == "0xabc…"
    assert shortened("'abcd'", 6) == "'abcd'"
