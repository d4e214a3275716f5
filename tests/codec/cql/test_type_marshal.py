from contextlib import suppress

import pytest
from cassandra.cqltypes import lookup_casstype
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
    VectorType,
    freeze,
    marshal_name,
    type_from_marshal,
)
from harness.errors import DecodeError, HarnessError
from tests.codec.cql.any_type import ADDRESS, PACKAGE, TYPES


@pytest.mark.parametrize("scalar", [scalar for scalar in ScalarType if scalar is not ScalarType.EMPTY])
def test_class_names_of_scalars_are_those_of_the_stock_driver(scalar: ScalarType) -> None:
    assert lookup_casstype(marshal_name(scalar)).cql_parameterized_type() == str(scalar)
    assert type_from_marshal(marshal_name(scalar)) == (scalar, False)


@pytest.mark.parametrize(
    ("class_name", "expected"),
    [
        ("Int32Type", ScalarType.INT),
        (f"{PACKAGE}DateType", ScalarType.TIMESTAMP),
        (
            f"{PACKAGE}MapType({PACKAGE}UTF8Type,{PACKAGE}ListType({PACKAGE}Int32Type))",
            MapType(ScalarType.TEXT, ListType(ScalarType.INT)),
        ),
        (
            f"{PACKAGE}FrozenType({PACKAGE}SetType({PACKAGE}UTF8Type))",
            SetType(ScalarType.TEXT, is_frozen=True),
        ),
        (
            f"{PACKAGE}TupleType({PACKAGE}Int32Type,{PACKAGE}UTF8Type)",
            TupleType((ScalarType.INT, ScalarType.TEXT)),
        ),
        (
            f"{PACKAGE}UserType(demo2,61646472,737472656574:{PACKAGE}UTF8Type,7a6970:{PACKAGE}Int32Type)",
            ADDRESS,
        ),
        (
            f"{PACKAGE}CompositeType({PACKAGE}Int32Type,{PACKAGE}UTF8Type)",
            CompositeType((ScalarType.INT, ScalarType.TEXT)),
        ),
        (f"{PACKAGE}VectorType({PACKAGE}FloatType , 3)", VectorType(ScalarType.FLOAT, 3)),
        (f"{PACKAGE}EmptyType", ScalarType.EMPTY),
        ("com.example.Point", CustomType("com.example.Point")),
        (
            f"{PACKAGE}DynamicCompositeType(a=>{PACKAGE}Int32Type)",
            CustomType(f"{PACKAGE}DynamicCompositeType(a=>{PACKAGE}Int32Type)"),
        ),
    ],
)
def test_types_are_read_as_class_names(class_name: str, expected: CqlType) -> None:
    assert type_from_marshal(class_name) == (expected, False)


def test_descending_order_is_told_apart() -> None:
    class_name = f"{PACKAGE}ReversedType({PACKAGE}UTF8Type)"
    assert type_from_marshal(class_name) == (ScalarType.TEXT, True)
    assert marshal_name(ScalarType.TEXT, is_reversed=True) == class_name


@pytest.mark.parametrize(
    "class_name",
    [
        "ListType(Int32Type",
        "ListType(Int32Type))(",
        "ListType(a,b)",
        "UserType(ks,zz)",
        "ListType(" * 99 + ")" * 99,
    ],
)
def test_class_names_that_cannot_be_are_refused(class_name: str) -> None:
    with pytest.raises(DecodeError):
        type_from_marshal(class_name)


@given(cql_type=TYPES)
def test_class_names_come_back(cql_type: CqlType) -> None:
    assert type_from_marshal(marshal_name(cql_type)).cql_type == cql_type
    assert type_from_marshal(marshal_name(freeze(cql_type))).cql_type in (cql_type, freeze(cql_type))


@given(text=st.text(alphabet="<>(),':. aUserTypeList", max_size=30))
def test_garbage_raises_only_harness_errors(text: str) -> None:
    with suppress(HarnessError):
        type_from_marshal(text)
