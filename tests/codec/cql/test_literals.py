from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.literals import cql_literal
from harness.codec.cql.notation import UNSET
from harness.codec.cql.scalars import Duration, TimeOfDay
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
)
from harness.codec.cql.values import EMPTY
from tests.codec.cql.any_type import TYPES

INT, TEXT = ScalarType.INT, ScalarType.TEXT
ADDRESS = UserType("demo2", "addr", (("street", TEXT), ("Zip", INT)))


@pytest.mark.parametrize(
    ("cql_type", "value", "text"),
    [
        (TEXT, "Germany", "'Germany'"),
        (TEXT, "it's", "'it''s'"),
        (INT, 17, "17"),
        (ScalarType.BLOB, b"h", "0x68"),
        (ScalarType.BOOLEAN, True, "true"),
        (ScalarType.DOUBLE, 2.5, "2.5"),
        (ScalarType.DOUBLE, float("nan"), "NaN"),
        (ScalarType.FLOAT, float("-inf"), "-Infinity"),
        (ScalarType.DECIMAL, Decimal("3.14159"), "3.14159"),
        (ScalarType.UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (ScalarType.INET, ip_address("10.1.2.3"), "'10.1.2.3'"),
        (ScalarType.TIMESTAMP, datetime(2020, 3, 30, 12), "'2020-03-30 12:00:00.000+0000'"),  # noqa: DTZ001 - as decoded
        (ScalarType.DATE, date(2020, 3, 30), "'2020-03-30'"),
        (ScalarType.TIME, TimeOfDay(48_654_234_000_000), "'13:30:54.234000000'"),
        (ScalarType.DURATION, Duration(0, 0, 5_400_000_000_000), "1h30m"),
        (ListType(INT), [1, 2], "[1, 2]"),
        (VectorType(INT, 2), [1, 2], "[1, 2]"),
        (SetType(INT), frozenset({2, -1, 1}), "{-1, 1, 2}"),
        (SetType(INT), frozenset({"b", "a"}), "{'a', 'b'}"),
        (MapType(TEXT, INT), {"k": 1}, "{'k': 1}"),
        (MapType(TEXT, INT), (("k", 1),), "{'k': 1}"),
        (TupleType((INT, TEXT)), (1, "x"), "(1, 'x')"),
        (CompositeType((INT, TEXT)), (1, "x"), "(1, 'x')"),
        (ADDRESS, {"street": "s", "Zip": None}, """{street: 's', "Zip": null}"""),
        (ADDRESS, ("s", 1), """{street: 's', "Zip": 1}"""),
        (CustomType("com.example.Point"), b"\x01", "0x01"),
        (CustomType("org.apache.cassandra.db.marshal.UTF8Type"), "a", "'a'"),
        (CustomType("ListType("), b"\x01", "0x01"),
        (INT, None, "null"),
        (INT, UNSET, "UNSET"),
        (INT, EMPTY, "EMPTY"),
        (INT, "odd", "'odd'"),
        (ListType(INT), 5, "5"),
        (MapType(TEXT, INT), (1,), "{1}"),
        (ADDRESS, 5, "5"),
    ],
)
def test_values_are_written_as_in_cql(cql_type: CqlType, value: object, text: str) -> None:
    assert cql_literal(cql_type, value) == text


def test_integer_too_long_for_str_is_shown() -> None:
    assert cql_literal(ScalarType.VARINT, 10**5000) == "1" + "0" * 5000


ODD: st.SearchStrategy[object] = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3) | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner)
    ),
    max_leaves=5,
)


@given(cql_type=TYPES, value=ODD)
def test_odd_values_are_shown_somehow(cql_type: CqlType, value: object) -> None:
    assert cql_literal(cql_type, value)
