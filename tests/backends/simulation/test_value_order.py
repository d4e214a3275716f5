"""The order of values: the same as that of the numbers and texts they stand for, and Scylla's own rules."""

import struct
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid1, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends.simulation.value_order import order_of
from harness.codec.cql.types import CqlType, ScalarType, type_from_cql
from harness.codec.cql.values import encode_value

_NUMBERS = {
    ScalarType.BIGINT: st.integers(-(2**63), 2**63 - 1),
    ScalarType.INT: st.integers(-(2**31), 2**31 - 1),
    ScalarType.TINYINT: st.integers(-128, 127),
    ScalarType.VARINT: st.integers(),
    ScalarType.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, places=5),
    ScalarType.DOUBLE: st.floats(allow_nan=False),
    ScalarType.TEXT: st.text(),
    ScalarType.BLOB: st.binary(),
    ScalarType.BOOLEAN: st.booleans(),
    ScalarType.TIMESTAMP: st.integers(-(2**63), 2**63 - 1),
}


def encoded(cql_type: CqlType, value: object) -> bytes:
    data = encode_value(cql_type, value)
    assert data is not None
    return data


def values_in_order(cql_type: CqlType, values: list[bytes], *, is_reversed: bool = False) -> list[bytes]:
    return sorted(values, key=order_of(cql_type, is_reversed=is_reversed))


@settings(max_examples=100)
@given(st.data())
def test_values_sort_as_what_they_stand_for(data: st.DataObject) -> None:
    scalar = data.draw(st.sampled_from(list(_NUMBERS)))
    values: list[Any] = data.draw(st.lists(_NUMBERS[scalar], max_size=6))
    # Texts sort by their bytes, which for UTF-8 is the order of code points.
    expected = sorted(values)
    bytes_of = [encoded(scalar, value) for value in values]
    assert values_in_order(scalar, bytes_of) == [encoded(scalar, value) for value in expected]


@settings(max_examples=50)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6))
def test_reversed_order_is_the_order_the_other_way_round(values: list[int]) -> None:
    bytes_of = [encoded(ScalarType.INT, value) for value in values]
    expected = [encoded(ScalarType.INT, value) for value in sorted(values, reverse=True)]
    assert values_in_order(ScalarType.INT, bytes_of, is_reversed=True) == expected


def test_nan_is_greater_than_infinity() -> None:
    nan, infinity = struct.pack(">d", float("nan")), struct.pack(">d", float("inf"))
    assert values_in_order(ScalarType.DOUBLE, [nan, infinity]) == [infinity, nan]


def test_time_uuids_sort_by_time_before_bytes() -> None:
    early = UUID("ffffffff-0000-1000-8000-000000000000")
    late = UUID("00000000-0001-1000-8000-000000000000")
    assert values_in_order(ScalarType.TIMEUUID, [late.bytes, early.bytes]) == [early.bytes, late.bytes]


def test_time_uuids_of_one_time_sort_by_signed_bytes() -> None:
    plus = UUID("00000000-0001-1000-8000-00000000007f").bytes
    minus = UUID("00000000-0001-1000-8000-000000000080").bytes
    assert values_in_order(ScalarType.TIMEUUID, [plus, minus]) == [minus, plus]


def test_uuids_sort_by_version_first() -> None:
    timed, drawn = uuid1().bytes, uuid4().bytes
    assert values_in_order(ScalarType.UUID, [drawn, timed]) == [timed, drawn]


@pytest.mark.parametrize("scalar", [ScalarType.INT, ScalarType.DOUBLE, ScalarType.TIMEUUID, ScalarType.UUID])
def test_empty_value_comes_first(scalar: ScalarType) -> None:
    some = {ScalarType.INT: bytes.fromhex("80000000"), ScalarType.DOUBLE: struct.pack(">d", float("-inf"))}
    value = some.get(scalar, bytes(16))
    assert values_in_order(scalar, [value, b""]) == [b"", value]


def test_frozen_list_sorts_by_elements_then_length() -> None:
    cql_type = type_from_cql("frozen<list<int>>", {})
    lists = [[2], [1, 2], [1], [-5, 9]]
    assert values_in_order(cql_type, [encoded(cql_type, value) for value in lists]) == [
        encoded(cql_type, value) for value in sorted(lists)
    ]


def test_tuple_with_null_comes_before_the_same_with_a_value() -> None:
    cql_type = type_from_cql("tuple<int, text>", {})
    null, value = encoded(cql_type, (1, None)), encoded(cql_type, (1, ""))
    assert values_in_order(cql_type, [value, null]) == [null, value]


def test_decimals_of_different_scale_are_compared_as_numbers() -> None:
    values = [encoded(ScalarType.DECIMAL, Decimal(text)) for text in ("1.10", "1.1000001", "-3")]
    assert values_in_order(ScalarType.DECIMAL, values) == [values[2], values[0], values[1]]
