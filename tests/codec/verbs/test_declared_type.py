"""Composed by hand."""

from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.byte_reader import ByteReader
from harness.codec.verbs.line import Line
from harness.codec.verbs.wire import (
    ABSENT,
    U8,
    U16,
    U32,
    Absent,
    Blob,
    FieldSpan,
    Flag,
    Number,
    Since,
    Uuid,
    arguments,
    decode_struct,
    encode_struct,
    field_spans,
    final,
    sized,
    struct_of,
    unread_of,
)
from harness.errors import DecodeError, EncodeError, HarnessError, TruncatedError


@sized
class Point:
    """Of fixed width throughout."""

    x: U16
    y: U16


@final
class Pair:
    """Two numbers and nothing else."""

    left: U8
    right: U8


@sized
class Line2:
    """Parts, then what came later."""

    start: Point
    end: Point
    width: U8 | Absent = ABSENT
    name: Annotated[Blob | Absent, Since(Line.V5_4)] = ABSENT


@arguments
class Drawing:
    """A whole payload."""

    ids: tuple[Uuid, ...]
    pair: Pair
    visible: Flag
    lines: tuple[Line2, ...]
    comment: Blob | Absent = ABSENT


LINE = "14000000 08000000 0100 0200 08000000 0300 0400"
DRAWING = f"00000000 07 08 01 01000000 {LINE} 02000000 6869"


def test_frame_is_counted_in_its_size() -> None:
    body, undecoded_bytes = decode_struct(Point, bytes.fromhex("08000000 0100 0200"))
    assert (body, undecoded_bytes) == (Point(x=1, y=2), 0)
    assert encode_struct(Point(x=1, y=2)) == bytes.fromhex("08000000 0100 0200")


def test_final_class_has_no_frame() -> None:
    assert decode_struct(Pair, b"\x07\x08") == (Pair(left=7, right=8), 0)
    assert encode_struct(Pair(left=7, right=8)) == b"\x07\x08"


def test_fields_that_an_older_sender_left_out_are_absent() -> None:
    shortest, _ = decode_struct(Line2, bytes.fromhex(LINE))
    assert (shortest.width, shortest.name) == (ABSENT, ABSENT)
    longer, _ = decode_struct(Line2, bytes.fromhex("15" + LINE[2:] + "09"))
    assert (longer.width, longer.name) == (9, ABSENT)


def test_frame_that_ends_within_a_field_is_truncated() -> None:
    with pytest.raises(TruncatedError, match="in <Line2>"):
        decode_struct(Line2, bytes.fromhex("17" + LINE[2:] + "09 0100"))


@pytest.mark.parametrize("tail", ["aa", "aabb", "00000000000000000000"])
def test_fields_of_a_newer_sender_are_kept_and_given_back(tail: str) -> None:
    extra = len(tail) // 2
    data = bytes.fromhex(f"{8 + extra:02x}000000 0100 0200 {tail}")
    body, undecoded_bytes = decode_struct(Point, data)
    assert (body.x, body.y, undecoded_bytes) == (1, 2, extra)
    assert unread_of(body) == bytes.fromhex(tail)
    assert encode_struct(body) == data


def test_unread_bytes_of_all_frames_are_counted_together() -> None:
    newer = "18000000 09000000 0100 0200 aa 08000000 0300 0400 05 00000000"
    data = bytes.fromhex(f"00000000 07 08 00 01000000 {newer.replace('18', '1a', 1)} 00000000 bbbb")
    body, undecoded_bytes = decode_struct(Drawing, data)
    assert undecoded_bytes == 3
    assert unread_of(body) == b"\xbb\xbb"
    assert unread_of(body.lines[0].start) == b"\xaa"
    assert encode_struct(body) == data


def test_payload_without_unread_bytes_equals_one_built_by_hand() -> None:
    body, _ = decode_struct(Drawing, bytes.fromhex(DRAWING))
    line = Line2(start=Point(x=1, y=2), end=Point(x=3, y=4))
    expected = Drawing(ids=(), pair=Pair(left=7, right=8), visible=True, lines=(line,), comment=b"hi")
    assert body == expected
    assert hash(body) == hash(expected)
    assert "unread" not in repr(body)


@pytest.mark.parametrize("size", ["00", "03", "07"])
def test_frame_too_small_for_its_fields_is_refused(size: str) -> None:
    with pytest.raises(DecodeError):
        decode_struct(Point, bytes.fromhex(f"{size}000000 0100 0200"))


def test_bytes_behind_a_frame_are_refused() -> None:
    with pytest.raises(DecodeError, match="1 bytes left after Point"):
        decode_struct(Point, bytes.fromhex("08000000 0100 0200 aa"))


def test_frame_does_not_read_into_its_neighbour() -> None:
    reader = ByteReader(bytes.fromhex("06000000 0100 08000000 0100 0200"), layer="verbs")
    with pytest.raises(TruncatedError):
        struct_of(Point).decode(reader)


def test_error_names_the_innermost_class() -> None:
    with pytest.raises(DecodeError, match=r"flag 9 in <Drawing> \(at byte 6\)"):
        decode_struct(Drawing, bytes.fromhex("00000000 07 08 09"))
    broken = "00000000 07 08 00 01000000 14000000 08000000 0100 0200 07000000 0300 0400"
    with pytest.raises(DecodeError, match="in <Point>"):
        decode_struct(Drawing, bytes.fromhex(broken))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Point(x=1, y=70000), "Point.y: 70000 does not fit in u16"),
        (Line2(start=Point(x=1, y=2), end=Point(x=3, y=4), name=b"n"), "name stands behind width"),
        (
            Drawing(ids=(), pair=Pair(left=1, right=300), visible=True, lines=()),
            "Drawing.pair: Pair.right: 300 does not fit in u8",
        ),
    ],
)
def test_value_without_a_form_is_refused_by_name(value: object, message: str) -> None:
    with pytest.raises(EncodeError, match=message):
        encode_struct(value)


def test_required_field_cannot_be_absent() -> None:
    body = Point(x=ABSENT, y=2)  # type: ignore[arg-type]  # the mistake that is looked for
    with pytest.raises(EncodeError, match="cannot be absent"):
        encode_struct(body)


def test_unread_bytes_behind_an_absent_field_have_no_form() -> None:
    body = Line2(
        start=Point(x=1, y=2),
        end=Point(x=3, y=4),
        unread=b"\xaa",  # type: ignore[call-arg]  # every sized class has it, unseen by the type checker
    )
    with pytest.raises(EncodeError, match="unread bytes behind name"):
        encode_struct(body)


def test_instance_of_another_class_is_refused() -> None:
    body = Drawing(ids=(), pair=Point(x=1, y=2), visible=True, lines=())  # type: ignore[arg-type]  # on purpose
    with pytest.raises(EncodeError, match="is no Pair"):
        encode_struct(body)


def test_spans_go_from_outer_to_inner_fields() -> None:
    spans = field_spans(Drawing, bytes.fromhex(DRAWING))
    assert spans == (
        FieldSpan(path="ids", start=0, end=4),
        FieldSpan(path="pair", start=4, end=6),
        FieldSpan(path="pair.left", start=4, end=5),
        FieldSpan(path="pair.right", start=5, end=6),
        FieldSpan(path="visible", start=6, end=7),
        FieldSpan(path="lines", start=7, end=31),
        FieldSpan(path="lines.start", start=15, end=23),
        FieldSpan(path="lines.start.x", start=19, end=21),
        FieldSpan(path="lines.start.y", start=21, end=23),
        FieldSpan(path="lines.end", start=23, end=31),
        FieldSpan(path="lines.end.x", start=27, end=29),
        FieldSpan(path="lines.end.y", start=29, end=31),
        FieldSpan(path="comment", start=31, end=37),
    )


def test_neighbours_of_fixed_width_are_read_alike_one_by_one() -> None:
    @sized
    class Mixed:
        """Neighbours of fixed width between others."""

        first: U8
        name: Blob
        kind: Annotated[int, Number("u8")]
        id: Uuid
        count: U32
        last: Blob

    data = bytes.fromhex(f"24000000 01 01000000 61 02 {'11' * 16} 03000000 01000000 62")
    body, _ = decode_struct(Mixed, data)
    assert (body.first, body.name, body.kind, body.count, body.last) == (1, b"a", 2, 3, b"b")
    assert body.id.bytes == b"\x11" * 16
    assert encode_struct(body) == data
    for size_bytes in range(4, len(data)):
        with pytest.raises(TruncatedError):
            decode_struct(Mixed, bytes([size_bytes]) + data[1:size_bytes])


@given(data=st.binary(max_size=60))
@settings(max_examples=200)
def test_garbage_is_refused_or_given_back(data: bytes) -> None:
    for cls in (Point, Line2, Drawing):
        body: object
        try:
            body, _ = decode_struct(cls, data)
        except HarnessError:
            continue
        assert encode_struct(body) == data
