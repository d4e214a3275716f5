"""Composed by hand."""

import uuid
from enum import IntEnum
from typing import Annotated

import pytest

from harness.codec.verbs.line import Line
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    IN_BLOB,
    IN_BLOB_OR_EMPTY,
    IN_FRAME,
    PLAIN,
    U8,
    U16,
    U32,
    WRITABLE,
    Absent,
    Blob,
    Digest,
    EmptyFrame,
    Flag,
    FramedI64,
    FramedU64,
    FramedUuid,
    Inet,
    Monostate,
    Number,
    Since,
    Text,
    Uuid,
    Void,
    arguments,
    declared_fields,
    decode_struct,
    encode_struct,
    field_names,
    final,
    is_declared,
    sized,
    struct_of,
    wire_type_of,
)
from harness.errors import DecodeError


class Colour(IntEnum):
    RED = 1


@sized
class Leaf:
    """One number."""

    number: U16


@final
class Nothing:
    """No fields."""


@arguments
class Everything:
    """One field of each kind."""

    number: U32
    colour: Annotated[int, Number("u8", Colour)]
    flag: Flag
    blob: Blob
    text: Text
    id: Uuid
    server: FramedUuid
    term: FramedU64
    version: FramedI64
    address: Inet
    digest: Digest
    leaf: Leaf
    nothing: Nothing
    leaves: tuple[Leaf, ...]
    names: tuple[tuple[Inet, Text], ...]
    maybe: Leaf | None
    plain: Annotated[Uuid | Leaf, PLAIN]
    writable: Annotated[Annotated[Nothing | Leaf, WRITABLE] | EmptyFrame, WRITABLE]
    framed: Annotated[U8, IN_FRAME]
    frozen: Annotated[Leaf, IN_BLOB]
    frozen_or_empty: Annotated[Leaf | None, IN_BLOB_OR_EMPTY]
    choices: tuple[Annotated[Monostate | U8, PLAIN] | None, ...]
    older: Blob | Absent = ABSENT
    newer: Annotated[Leaf | Absent | None, Since(Line.V5_4)] = ABSENT
    newest: Annotated[Annotated[Nothing | Leaf, PLAIN] | Absent, Since(Line.V2026_3)] = ABSENT


ID = "e011ab8967452301 efcdab8967452381"
REQUIRED = f"""
05000000 01 01 02000000 6162 01000000 63 {ID}
14000000 {ID} 0c000000 0600000000000000 0c000000 feffffffffffffff
0100000a {"07" * 16} 06000000 0100
02000000 06000000 0200 06000000 0300
01000000 0200000a 01000000 64
01 06000000 0400
01 06000000 0500
16000000 00000000 0e000000 01000000 06000000 0600
05000000 09
06000000 06000000 0700
00000000
03000000 00 01 00 01 01 08
"""


def test_every_annotation_has_its_form() -> None:
    data = bytes.fromhex(REQUIRED)
    body, undecoded_bytes = decode_struct(Everything, data)
    name = uuid.UUID("01234567-89ab-11e0-8123-456789abcdef")
    assert undecoded_bytes == 0
    assert body == Everything(
        number=5,
        colour=Colour.RED,
        flag=True,
        blob=b"ab",
        text="c",
        id=name,
        server=name,
        term=6,
        version=-2,
        address="10.0.0.1",
        digest=b"\x07" * 16,
        leaf=Leaf(number=1),
        nothing=Nothing(),
        leaves=(Leaf(number=2), Leaf(number=3)),
        names=(("10.0.0.2", "d"),),
        maybe=Leaf(number=4),
        plain=Leaf(number=5),
        writable=Leaf(number=6),
        framed=9,
        frozen=Leaf(number=7),
        frozen_or_empty=None,
        choices=(None, Monostate(), 8),
    )
    assert encode_struct(body) == data


@pytest.mark.parametrize(
    ("tail", "older", "newer", "newest"),
    [
        ("", ABSENT, ABSENT, ABSENT),
        ("01000000 6f", b"o", ABSENT, ABSENT),
        ("01000000 6f 00", b"o", None, ABSENT),
        ("01000000 6f 01 06000000 0900", b"o", Leaf(number=9), ABSENT),
        ("01000000 6f 00 00", b"o", None, Nothing()),
    ],
)
def test_trailing_fields_are_there_as_far_as_the_bytes_go(
    tail: str, older: object, newer: object, newest: object
) -> None:
    data = bytes.fromhex(REQUIRED + tail)
    body, _ = decode_struct(Everything, data)
    assert (body.older, body.newer, body.newest) == (older, newer, newest)
    assert encode_struct(body) == data


def test_payload_cut_short_is_an_older_one_or_refused() -> None:
    data = bytes.fromhex(REQUIRED + "01000000 6f 01 06000000 0900 01 06000000 0a00")
    required = len(bytes.fromhex(REQUIRED))
    ends = {required, required + 5, required + 12, len(data)}
    for size_bytes in range(len(data)):
        if size_bytes in ends:
            body, _ = decode_struct(Everything, data[:size_bytes])
            assert encode_struct(body) == data[:size_bytes]
        else:
            with pytest.raises(DecodeError):
                decode_struct(Everything, data[:size_bytes])


def test_fields_know_their_first_line() -> None:
    lines = {spec.name: spec.since for spec in declared_fields(Everything) if spec.is_trailing}
    assert lines == {"older": None, "newer": Line.V5_4, "newest": Line.V2026_3}


def test_declared_values_are_told_from_others() -> None:
    assert is_declared(Leaf(number=1))
    assert not is_declared(5)
    assert field_names(Leaf(number=1)) == ("number",)
    with pytest.raises(TypeError, match="int is not declared"):
        struct_of(int)


def test_empty_classes() -> None:
    assert encode_struct(EmptyFrame()) == bytes.fromhex("04000000")
    assert encode_struct(Void()) == b""
    assert decode_struct(Void, b"") == (Void(), 0)
    body, undecoded_bytes = decode_struct(Void, b"\xaa")
    assert undecoded_bytes == 1
    assert encode_struct(body) == b"\xaa"


@pytest.mark.parametrize(
    ("annotation", "layout"),
    [
        (U8, "u8"),
        (tuple[U8, ...], "[u8]"),
        (tuple[U8, Text], "(u8, string)"),
        (U8 | None, "?u8"),
        (U8 | Absent, "u8"),
        (U8 | Absent | None, "?u8"),
        (Annotated[U8 | Text, PLAIN], "VP<u8 | string>"),
        (Annotated[U8 | Text | Absent, PLAIN], "VP<u8 | string>"),
        (Annotated[U8 | Text, WRITABLE], "VW<u8 | string>"),
        (Annotated[Leaf, IN_BLOB], "blob{S{Leaf}}"),
        (Annotated[Leaf | None, IN_BLOB_OR_EMPTY], "blob{?S{Leaf}}"),
        (Annotated[U8, IN_FRAME], "S{u8}"),
        (Annotated[Annotated[U8, IN_FRAME], IN_BLOB], "blob{S{u8}}"),
        (Annotated[Annotated[U8 | Text, PLAIN], IN_BLOB, Since(Line.V5_4)], "blob{VP<u8 | string>}"),
        (Nothing, "F{Nothing}"),
    ],
)
def test_annotation_becomes_a_wire_type(annotation: object, layout: str) -> None:
    assert wire_type_of(annotation).describe() == layout


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (int, "is no wire type"),
        (list[U8], "is no wire type"),
        (U8 | Text, "PLAIN or WRITABLE"),
        (U8 | Text | None, "PLAIN or WRITABLE"),
        (Annotated[Leaf, IN_BLOB_OR_EMPTY], "holds T | None"),
    ],
)
def test_annotation_without_a_form_is_refused(annotation: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wire_type_of(annotation)


def test_field_after_a_trailing_one_must_be_trailing() -> None:
    with pytest.raises(TypeError, match="must be trailing as well"):

        @sized
        class Wrong:
            """What is required stands too late."""

            first: U8 | Absent = ABSENT
            second: I64


def test_final_class_cannot_grow() -> None:
    with pytest.raises(TypeError, match="no end of its own"):

        @final
        class Wrong:
            """Where would the field end?"""

            first: U8 | Absent = ABSENT
