from contextlib import suppress

import pytest
from cassandra.cqltypes import lookup_casstype
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
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
    decode_option,
    encode_option,
    freeze,
    marshal_name,
    type_from_cql,
    type_from_marshal,
)
from harness.errors import DecodeError, HarnessError

PACKAGE = "org.apache.cassandra.db.marshal."
ADDRESS = UserType("demo2", "addr", (("street", ScalarType.TEXT), ("zip", ScalarType.INT)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", ScalarType.INT),
        ("VARCHAR", ScalarType.TEXT),
        ("list<int>", ListType(ScalarType.INT)),
        ("frozen<set<text>>", SetType(ScalarType.TEXT, is_frozen=True)),
        (
            "frozen<map<text, list<int>>>",
            MapType(ScalarType.TEXT, ListType(ScalarType.INT), is_frozen=True),
        ),
        ("tuple<int,text>", TupleType((ScalarType.INT, ScalarType.TEXT))),
        ("vector<float, 3>", VectorType(ScalarType.FLOAT, 3)),
        ("addr", ADDRESS),
        ('demo2."addr"', ADDRESS),
        ("frozen<addr>", freeze(ADDRESS)),
        ("frozen<int>", ScalarType.INT),
        ("'com.example.Point'", CustomType("com.example.Point")),
        (f"'{PACKAGE}Int32Type'", ScalarType.INT),
    ],
)
def test_types_are_read_as_cql_writes_them(text: str, expected: CqlType) -> None:
    assert type_from_cql(text, {"addr": ADDRESS}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "list",
        "list<>",
        "list<int",
        "list<int>>",
        "list<int, int>",
        "map<int>",
        "vector<float>",
        "vector<float, x>",
        "unknown",
        "int int",
        "int;",
        "frozen<" * 100 + "int" + ">" * 100,
    ],
)
def test_what_is_not_a_type_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        type_from_cql(text)


@pytest.mark.parametrize(
    "text",
    [
        "int",
        "frozen<map<text, list<int>>>",
        "set<frozen<tuple<int, text>>>",
        "vector<float, 3>",
        "frozen<addr>",
        "'com.example.Point'",
    ],
)
def test_a_type_is_shown_as_it_was_written(text: str) -> None:
    assert str(type_from_cql(text, {"addr": ADDRESS})) == text


def test_a_name_with_capitals_is_shown_in_quotes() -> None:
    assert str(UserType("ks", 'My"Type', ())) == '"My""Type"'


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


SCALARS = st.sampled_from([scalar for scalar in ScalarType if scalar is not ScalarType.EMPTY])
NAMES = st.text(min_size=1, max_size=5)


def _compound(inner: st.SearchStrategy[CqlType]) -> st.SearchStrategy[CqlType]:
    fields = st.lists(st.tuples(NAMES, inner), max_size=3).map(tuple)
    return st.one_of(
        inner.map(ListType),
        inner.map(SetType),
        st.builds(MapType, inner, inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda types: TupleType(tuple(types))),
        st.builds(UserType, st.sampled_from(["ks", "demo"]), NAMES, fields),
    )


TYPES: st.SearchStrategy[CqlType] = st.recursive(SCALARS, _compound, max_leaves=6)


@given(cql_type=TYPES)
def test_options_and_class_names_come_back(cql_type: CqlType) -> None:
    writer = ByteWriter()
    encode_option(writer, cql_type)
    reader = ByteReader(writer.getvalue(), layer="cql")
    assert decode_option(reader) == cql_type
    assert reader.remaining == 0
    assert type_from_marshal(marshal_name(freeze(cql_type))).cql_type in (cql_type, freeze(cql_type))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0009", ScalarType.INT),
        ("000d", ScalarType.TEXT),
        ("0015", ScalarType.DURATION),
        ("0020 0009", ListType(ScalarType.INT)),
        ("0021 000d 0009", MapType(ScalarType.TEXT, ScalarType.INT)),
        ("0022 000d", SetType(ScalarType.TEXT)),
        ("0031 0002 0009 000d", TupleType((ScalarType.INT, ScalarType.TEXT))),
        (
            "0030 0005 64656d6f32 0004 61646472 0002 0006 737472656574 000d 0003 7a6970 0009",
            ADDRESS,
        ),
        ("0000 0003 612e62", CustomType("a.b")),
    ],
)
def test_options_stand_so_on_the_wire(text: str, expected: CqlType) -> None:
    data = bytes.fromhex(text)
    assert decode_option(ByteReader(data, layer="cql")) == expected
    writer = ByteWriter()
    encode_option(writer, expected)
    assert writer.getvalue() == data


@pytest.mark.parametrize("text", ["", "00", "000a", "0020", "7fff", "0031 ffff 0009", "0020" * 1000])
def test_options_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        decode_option(ByteReader(bytes.fromhex(text), layer="cql"))


def test_types_without_a_number_go_by_their_class_name() -> None:
    writer = ByteWriter()
    encode_option(writer, VectorType(ScalarType.FLOAT, 3))
    assert decode_option(ByteReader(writer.getvalue(), layer="cql")) == CustomType(
        f"{PACKAGE}VectorType({PACKAGE}FloatType, 3)"
    )


@given(data=st.binary(max_size=60), text=st.text(alphabet="<>(),':.\" aint0list", max_size=30))
def test_garbage_raises_only_harness_errors(data: bytes, text: str) -> None:
    for attempt in (
        lambda: decode_option(ByteReader(data, layer="cql")),
        lambda: type_from_cql(text),
        lambda: type_from_marshal(text),
    ):
        with suppress(HarnessError):
            attempt()
