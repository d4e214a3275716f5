"""Composed by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.verbs.compound_types import (
    Framed,
    FramedOrEmpty,
    Group,
    Maybe,
    PlainVariant,
    Vector,
    WritableVariant,
)
from harness.codec.verbs.leaf_types import Bytes, Number, String, WireType
from harness.errors import DecodeError, EncodeError, HarnessError, TruncatedError

U16 = Number("u16")
TEXT = String()

CASES = [
    (Vector(U16), "02000000 0100 0200", (1, 2)),
    (Vector(U16), "00000000", ()),
    (Vector(Vector(U16)), "01000000 01000000 0500", ((5,),)),
    (Group([U16, TEXT]), "0100 01000000 61", (1, "a")),
    (Vector(Group([U16, TEXT])), "01000000 0100 01000000 61", ((1, "a"),)),
    (Maybe(U16), "00", None),
    (Maybe(U16), "01 0500", 5),
    (PlainVariant([U16, TEXT]), "00 0500", 5),
    (PlainVariant([U16, TEXT]), "01 01000000 61", "a"),
    (WritableVariant([U16, TEXT]), "0a000000 00000000 0500", 5),
    (WritableVariant([U16, TEXT]), "0d000000 01000000 01000000 61", "a"),
    (WritableVariant([WritableVariant([U16]), TEXT]), "12000000 00000000 0a000000 00000000 0500", 5),
    (Framed(U16, counts_itself=True), "06000000 0500", 5),
    (Framed(U16, counts_itself=False), "02000000 0500", 5),
    (FramedOrEmpty(U16), "02000000 0500", 5),
    (FramedOrEmpty(U16), "00000000", None),
]


def read(wire: WireType, data: bytes) -> tuple[object, int]:
    reader = ByteReader(data, layer="verbs")
    value = wire.decode(reader)
    assert reader.end == len(data)
    return value, reader.position


def written(wire: WireType, value: object) -> bytes:
    writer = ByteWriter()
    wire.encode(writer, value)
    return writer.getvalue()


@pytest.mark.parametrize(("wire", "text", "value"), CASES)
def test_compound_is_read_and_written(wire: WireType, text: str, value: object) -> None:
    data = bytes.fromhex(text)
    assert read(wire, data) == (value, len(data))
    assert read(wire, data + b"\xaa") == (value, len(data))
    assert wire.accepts(value)
    assert written(wire, value) == data
    for size_bytes in range(len(data)):
        with pytest.raises(DecodeError):
            read(wire, data[:size_bytes])


@pytest.mark.parametrize(
    ("wire", "text", "message"),
    [
        (Vector(U16), "ffffffff 0000", "4294967295 elements in 2 bytes"),
        (Maybe(U16), "02", "flag 2 of an optional"),
        (PlainVariant([U16, TEXT]), "02 0500", "variant index 2"),
        (WritableVariant([U16, TEXT]), "0a000000 02000000 0500", "variant index 2"),
        (WritableVariant([U16, TEXT]), "0b000000 00000000 0500 00", "1 bytes left in a variant"),
        (WritableVariant([U16, TEXT]), "07000000 00000000", "size 7 of a variant"),
        (WritableVariant([U16, TEXT]), "08000000 00000000 0500", "a u16 needs 2 bytes, 0 are left"),
        (Framed(U16, counts_itself=True), "07000000 0500 00", "1 bytes left in a frame"),
        (Framed(U16, counts_itself=True), "03000000 0500", "size 3 of a frame"),
        (Framed(U16, counts_itself=False), "03000000 0500 00", "1 bytes left in a frame"),
        (Framed(U16, counts_itself=False), "01000000 0500", "a u16 needs 2 bytes, 1 are left"),
        (Framed(U16, counts_itself=False), "00000000 0500", "a u16 needs 2 bytes, 0 are left"),
        (FramedOrEmpty(U16), "01000000 0500", "a u16 needs 2 bytes, 1 are left"),
    ],
)
def test_broken_frame_is_refused(wire: WireType, text: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        read(wire, bytes.fromhex(text))


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (WritableVariant([U16]), "0b000000 00000000 0500"),
        (Framed(U16, counts_itself=True), "ffffffff 0500"),
        (Framed(U16, counts_itself=False), "ffffffff 0500"),
        (FramedOrEmpty(U16), "03000000 0500"),
    ],
)
def test_frame_larger_than_what_is_there_is_truncated(wire: WireType, text: str) -> None:
    with pytest.raises(TruncatedError, match="size"):
        read(wire, bytes.fromhex(text))


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (Vector(U16), [1]),
        (Vector(U16), ("a",)),
        (Group([U16, TEXT]), (1,)),
        (Group([U16, TEXT]), "ab"),
        (Maybe(U16), "a"),
        (PlainVariant([U16, TEXT]), b"a"),
        (WritableVariant([U16, TEXT]), None),
        (Framed(U16, counts_itself=True), None),
    ],
)
def test_value_of_another_kind_is_refused(wire: WireType, value: object) -> None:
    with pytest.raises(EncodeError):
        written(wire, value)


def test_variant_takes_the_first_alternative_that_fits() -> None:
    wire = PlainVariant([Maybe(Bytes()), U16])
    assert wire.accepts(None)
    assert not wire.accepts("a")
    assert written(wire, None) == b"\x00\x00"
    assert written(wire, 5) == b"\x01\x05\x00"


@pytest.mark.parametrize(
    ("wire", "layout"),
    [
        (Vector(U16), "[u16]"),
        (Group([U16, TEXT]), "(u16, string)"),
        (Maybe(U16), "?u16"),
        (PlainVariant([U16, TEXT]), "VP<u16 | string>"),
        (WritableVariant([U16, TEXT]), "VW<u16 | string>"),
        (Framed(U16, counts_itself=True), "S{u16}"),
        (Framed(U16, counts_itself=False), "blob{u16}"),
        (FramedOrEmpty(U16), "blob{?u16}"),
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
