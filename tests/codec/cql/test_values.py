from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from cassandra import cqltypes
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.types import (
    CompositeType,
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    VectorType,
    marshal_name,
    type_from_cql,
)
from harness.codec.cql.values import EMPTY, decode_value, encode_value, in_type_order
from harness.errors import DecodeError, EncodeError, HarnessError
from tests.codec.cql.any_type import TYPES

INT, TEXT = ScalarType.INT, ScalarType.TEXT
ADDRESS = UserType("demo2", "addr", (("street", TEXT), ("zip", INT)))
PACKAGE = "org.apache.cassandra.db.marshal."


@pytest.mark.parametrize(
    ("cql_type", "text", "value"),
    [
        (ListType(INT), "00000002 00000004 00000001 00000004 00000002", [1, 2]),
        (ListType(INT), "00000000", []),
        (ListType(INT), "00000001 ffffffff", [None]),
        (SetType(TEXT), "00000002 00000001 61 00000001 62", frozenset({"a", "b"})),
        (MapType(TEXT, INT), "00000001 00000001 6b 00000004 00000001", {"k": 1}),
        (TupleType((INT, TEXT)), "00000004 00000001 00000001 78", (1, "x")),
        (TupleType((INT, TEXT)), "ffffffff 00000000", (None, "")),
        (ADDRESS, "00000001 73 00000004 00000001", {"street": "s", "zip": 1}),
        (VectorType(ScalarType.FLOAT, 2), "3fc00000 40000000", [1.5, 2.0]),
        (VectorType(TEXT, 2), "01 61 00", ["a", ""]),
        (CompositeType((INT, TEXT)), "0004 00000001 00 0001 61 00", (1, "a")),
        (CustomType("com.example.Point"), "0102", b"\x01\x02"),
        (CustomType(f"{PACKAGE}DurationType"), "020406", None),
        (SetType(ListType(INT)), "00000001 00000008 00000001 00000000", frozenset({(EMPTY,)})),
        (MapType(ADDRESS, INT), "00000001 00000005 00000001 73 00000000", None),
    ],
)
def test_values_stand_so_on_the_wire(cql_type: CqlType, text: str, value: object) -> None:
    data = bytes.fromhex(text)
    decoded = decode_value(cql_type, data)
    if value is not None:
        assert decoded == value
        assert encode_value(cql_type, value) == data


def test_null_and_empty_are_themselves() -> None:
    for cql_type in (INT, ListType(INT), ADDRESS, ScalarType.EMPTY):
        assert decode_value(cql_type, None) is None
        assert encode_value(cql_type, None) is None
        assert decode_value(cql_type, b"") is EMPTY
        assert encode_value(cql_type, EMPTY) == b""
    assert decode_value(TEXT, b"") == ""


def test_fields_added_to_a_type_later_are_null() -> None:
    assert decode_value(ADDRESS, bytes.fromhex("00000001 73")) == {"street": "s", "zip": None}


def test_keys_and_elements_of_sets_are_hashable() -> None:
    cql_type = type_from_cql(
        "map<frozen<map<text, list<int>>>, frozen<set<tuple<int, text>>>>",
    )
    value = {(("k", (1, 2)),): frozenset({(1, "x")})}
    data = encode_value(cql_type, value)
    assert decode_value(cql_type, data) == value
    keyed = MapType(ADDRESS, INT)
    assert decode_value(keyed, encode_value(keyed, {("s", 1): 2})) == {("s", 1): 2}


def test_user_types_are_given_by_name_or_by_position() -> None:
    assert encode_value(ADDRESS, {"zip": 1}) == bytes.fromhex("ffffffff 00000004 00000001")
    assert encode_value(ADDRESS, ("s", 1)) == encode_value(ADDRESS, {"street": "s", "zip": 1})


def test_sets_are_in_the_order_of_their_type() -> None:
    data = encode_value(SetType(INT), {3, -1, 2})
    assert data == bytes.fromhex("00000003 00000004 ffffffff 00000004 00000002 00000004 00000003")
    first = UUID("00000001-0000-1000-8000-000000000000")
    second = UUID("00000000-0001-1000-8000-000000000000")
    encoded = [second.bytes, first.bytes]
    assert in_type_order(ScalarType.TIMEUUID, encoded) == [first.bytes, second.bytes]
    assert in_type_order(ScalarType.TIMESTAMP, [b"\xff" * 8, bytes(8), None]) == [None, b"\xff" * 8, bytes(8)]


VALUES: dict[ScalarType, st.SearchStrategy[Any]] = {
    ScalarType.ASCII: st.text(alphabet="abc'", max_size=5),
    ScalarType.BIGINT: st.integers(-(2**63), 2**63 - 1),
    ScalarType.BLOB: st.binary(max_size=5),
    ScalarType.BOOLEAN: st.booleans(),
    ScalarType.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False).filter(lambda value: value != 0),
    ScalarType.DOUBLE: st.floats(allow_nan=False),
    ScalarType.FLOAT: st.floats(width=32, allow_nan=False),
    ScalarType.INT: st.integers(-(2**31), 2**31 - 1),
    ScalarType.SMALLINT: st.integers(-(2**15), 2**15 - 1),
    ScalarType.TEXT: st.text(max_size=5),
    ScalarType.TINYINT: st.integers(-128, 127),
    ScalarType.UUID: st.uuids(),
    ScalarType.VARINT: st.integers(),
}


@st.composite
def _typed_values(draw: st.DrawFn) -> tuple[CqlType, object]:
    element = draw(st.sampled_from(sorted(VALUES, key=str)))
    values = draw(st.lists(VALUES[element], min_size=1, max_size=4))
    match draw(st.integers(0, 4)):
        case 0:
            return ListType(element), values
        case 1:
            return SetType(element), frozenset(values)
        case 2:
            return MapType(element, ListType(element)), dict.fromkeys(values, values)
        case 3:
            return TupleType((element,) * len(values)), tuple(values)
        case _:
            return VectorType(element, len(values)), values


def _plain(value: object) -> object:
    """What the stock driver gives, as this codec gives it."""
    if hasattr(value, "items") and not isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if type(value).__name__ == "SortedSet":
        assert isinstance(value, type(value))
        return frozenset(list(value))  # type: ignore[call-overload]
    return value


@given(typed=_typed_values())
def test_collections_are_those_of_the_stock_driver(typed: tuple[CqlType, object]) -> None:
    cql_type, value = typed
    driver_type = cqltypes.lookup_casstype(marshal_name(cql_type))
    data = encode_value(cql_type, value)
    assert data is not None
    assert decode_value(cql_type, data) == value
    if not isinstance(cql_type, SetType):
        assert driver_type.serialize(value, 5) == data
    assert _plain(driver_type.from_binary(data, 5)) == value


@pytest.mark.parametrize(
    ("cql_type", "text"),
    [
        (ListType(INT), "0000"),
        (ListType(INT), "7fffffff"),
        (ListType(INT), "ffffffff"),
        (ListType(INT), "00000001 00000005 00000001"),
        (ListType(INT), "00000000 00"),
        (ListType(INT), "00000002 00000004 00000001 0000"),
        (MapType(INT, INT), "00000001 00000004 00000001"),
        (TupleType((INT,)), "00000004 00000001 00000004 00000001"),
        (TupleType((INT, INT)), "00000004 00000001 00"),
        (VectorType(INT, 2), "00000001"),
        (VectorType(TEXT, 2), "01 61"),
        (VectorType(TEXT, 1), "05 61"),
        (VectorType(TEXT, 1), "01 61 00"),
        (CompositeType((INT,)), "00"),
        (CompositeType((INT,)), "0004 00000001"),
        (CompositeType((INT,)), "0004 00000001 00 00"),
    ],
)
def test_bytes_of_the_wrong_form_are_refused(cql_type: CqlType, text: str) -> None:
    with pytest.raises(DecodeError):
        decode_value(cql_type, bytes.fromhex(text))


@pytest.mark.parametrize(
    ("cql_type", "value"),
    [
        (ListType(INT), 1),
        (ListType(INT), "ab"),
        (ListType(INT), ["a"]),
        (MapType(INT, INT), [1]),
        (MapType(INT, INT), 5),
        (TupleType((INT,)), (1, 2)),
        (VectorType(INT, 2), [1]),
        (VectorType(INT, 1), [EMPTY]),
        (CompositeType((INT,)), (1, 2)),
        (CompositeType((TEXT,)), ("x" * 70_000,)),
        (ADDRESS, 7),
        (CustomType("com.example.Point"), 7),
    ],
)
def test_values_of_another_type_are_refused(cql_type: CqlType, value: object) -> None:
    with pytest.raises(EncodeError):
        encode_value(cql_type, value)


@given(cql_type=TYPES, data=st.binary(max_size=50))
def test_garbage_raises_only_harness_errors(cql_type: CqlType, data: bytes) -> None:
    with suppress(HarnessError):
        value = decode_value(cql_type, data)
        encoded = encode_value(cql_type, value)
        # What was understood means the same again, unless it holds a NaN.
        assert repr(decode_value(cql_type, encoded)).count("nan") or decode_value(cql_type, encoded) == value


def test_decimal_of_a_huge_scale_allocates_nothing() -> None:
    assert decode_value(ScalarType.DECIMAL, bytes.fromhex("80000000 01")) == Decimal((0, (1,), 2**31))
