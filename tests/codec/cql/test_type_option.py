from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.types import (
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    VectorType,
    decode_option,
    encode_option,
)
from harness.errors import DecodeError, HarnessError
from tests.codec.cql.any_type import ADDRESS, PACKAGE, TYPES


@given(cql_type=TYPES)
def test_options_come_back(cql_type: CqlType) -> None:
    writer = ByteWriter()
    encode_option(writer, cql_type)
    reader = ByteReader(writer.getvalue(), layer="cql")
    assert decode_option(reader) == cql_type
    assert reader.remaining == 0


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


@given(data=st.binary(max_size=60))
def test_garbage_raises_only_harness_errors(data: bytes) -> None:
    with suppress(HarnessError):
        decode_option(ByteReader(data, layer="cql"))
