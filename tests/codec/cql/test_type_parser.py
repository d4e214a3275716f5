from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.types import (
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    VectorType,
    freeze,
    type_from_cql,
)
from harness.errors import DecodeError, HarnessError
from tests.codec.cql.any_type import ADDRESS, PACKAGE


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


@given(text=st.text(alphabet="<>(),':.\" aint0list", max_size=30))
def test_garbage_raises_only_harness_errors(text: str) -> None:
    with suppress(HarnessError):
        type_from_cql(text)
