"""Composed by hand."""

import uuid
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.verbs.leaf_types import Address, Bool, Bytes, Fixed, Number, String, UuidPair, WireType
from harness.errors import DecodeError, EncodeError, HarnessError, TruncatedError


class Colour(IntEnum):
    RED = 1
    BLUE = 250


CASES = [
    (Number("u8"), "fe", 254),
    (Number("i8"), "fe", -2),
    (Number("u16"), "feff", 65534),
    (Number("u32"), "feffffff", 2**32 - 2),
    (Number("i32"), "feffffff", -2),
    (Number("u64"), "feffffffffffffff", 2**64 - 2),
    (Number("i64"), "0000000000000080", -(2**63)),
    (Number("u8", Colour), "01", Colour.RED),
    (Number("u32", Colour), "fa000000", Colour.BLUE),
    (Number("u8", Colour), "07", 7),
    (Bool(), "00", False),
    (Bool(), "01", True),
    (Bytes(), "03000000 616263", b"abc"),
    (Bytes(), "00000000", b""),
    (String(), "04000000 c3a44f4b", "äOK"),
    (String(), "02000000 ff41", "\udcffA"),
    (Fixed(3), "010203", b"\x01\x02\x03"),
    (
        UuidPair(),
        "e011ab8967452301 efcdab8967452381",
        uuid.UUID("01234567-89ab-11e0-8123-456789abcdef"),
    ),
    (Address(), "0100000a", "10.0.0.1"),
    (Address(), "00000000", "0.0.0.0"),
    (Address(), "feffffff", "255.255.255.254"),
    (Address(), "ffffffff 20010db8000000000000000000000001", "2001:db8::1"),
    (Address(), "ffffffff 00000000000000000000ffff0a000001", "::ffff:a00:1"),
]


def read(wire: WireType, data: bytes) -> tuple[object, int]:
    reader = ByteReader(data, layer="verbs")
    return wire.decode(reader), reader.position


def written(wire: WireType, value: object) -> bytes:
    writer = ByteWriter()
    wire.encode(writer, value)
    return writer.getvalue()


@pytest.mark.parametrize(("wire", "text", "value"), CASES)
def test_leaf_is_read_and_written(wire: WireType, text: str, value: object) -> None:
    data = bytes.fromhex(text)
    assert read(wire, data) == (value, len(data))
    assert read(wire, data + b"\xaa") == (value, len(data))
    assert type(read(wire, data)[0]) is type(value)
    assert written(wire, value) == data
    assert wire.accepts(value)
    for size_bytes in range(len(data)):
        with pytest.raises(TruncatedError):
            read(wire, data[:size_bytes])


@pytest.mark.parametrize(("wire", "text", "value"), CASES)
def test_leaf_stops_at_the_end_of_its_frame(wire: WireType, text: str, value: object) -> None:
    data = bytes.fromhex(text)
    reader = ByteReader(data, end=len(data) - 1, layer="verbs")
    with pytest.raises(TruncatedError):
        wire.decode(reader)


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (Number("u8"), 256),
        (Number("u8"), -1),
        (Number("i8"), 128),
        (Number("u64"), 2**64),
        (Number("u32"), "1"),
        (Number("u32"), 1.0),
        (Number("u32"), None),
        (Bool(), 1),
        (Bool(), None),
        (Bytes(), "abc"),
        (Bytes(), bytearray(b"abc")),
        (String(), b"abc"),
        (String(), "\ud800"),
        (Fixed(3), b"ab"),
        (Fixed(3), "abc"),
        (UuidPair(), "01234567-89ab-11e0-8123-456789abcdef"),
        (Address(), "nonsense"),
        (Address(), 5),
        (Address(), "255.255.255.255"),
    ],
)
def test_value_without_a_form_on_the_wire_is_refused(wire: WireType, value: object) -> None:
    with pytest.raises(EncodeError):
        written(wire, value)


def test_flag_is_0_or_1() -> None:
    with pytest.raises(DecodeError, match="flag 2"):
        read(Bool(), b"\x02")


def test_huge_length_allocates_nothing() -> None:
    with pytest.raises(TruncatedError, match="4294967295 bytes"):
        read(Bytes(), b"\xff\xff\xff\xff")


def test_error_names_the_place() -> None:
    reader = ByteReader(bytes.fromhex("0100"), position=1, layer="verbs")
    with pytest.raises(TruncatedError) as caught:
        Number("u32").decode(reader)
    assert (caught.value.layer, caught.value.offset_bytes) == ("verbs", 1)


@pytest.mark.parametrize(
    ("wire", "layout"),
    [
        (Number("u16"), "u16"),
        (Number("u8", Colour), "u8 Colour"),
        (Bool(), "bool"),
        (Bytes(), "bytes"),
        (String(), "string"),
        (Fixed(16), "16 bytes"),
        (UuidPair(), "UUID"),
        (Address(), "inet"),
    ],
)
def test_layout_in_a_word(wire: WireType, layout: str) -> None:
    assert wire.describe() == layout


@given(case=st.sampled_from(CASES), data=st.binary(max_size=40))
@settings(max_examples=200)
def test_garbage_is_read_or_refused(case: tuple[WireType, str, object], data: bytes) -> None:
    wire = case[0]
    try:
        value, position = read(wire, data)
    except HarnessError:
        return
    assert written(wire, value) == data[:position]
