from harness.codec.cql.held_bytes import Piece
from harness.codec.cql.segment import encode_segments
from harness.codec.cql.segment_cutter import SegmentCutter, SegmentPayload

FIRST = encode_segments(b"first", is_lz4=False)
SECOND = encode_segments(b"second", is_lz4=False)


def test_payloads_come_whole_and_with_their_marks() -> None:
    cutter = SegmentCutter(is_lz4=False)
    data = FIRST + SECOND
    payloads = [
        payload for mark, byte in enumerate(data) for payload in cutter.cut(Piece(bytes([byte]), mark, mark))
    ]
    assert payloads == [
        SegmentPayload(b"first", True, 0, len(FIRST) - 1, ""),
        SegmentPayload(b"second", True, len(FIRST), len(data) - 1, ""),
    ]
    assert cutter.close() == []


def test_damage_is_shown_and_the_next_segment_found() -> None:
    cutter = SegmentCutter(is_lz4=False)
    payloads = cutter.cut(Piece(b"\x00\x01\x02" + SECOND, 7, 7))
    assert [(payload.data, bool(payload.reason)) for payload in payloads] == [
        (b"\x00\x01\x02", True),
        (b"second", False),
    ]


def test_segment_with_a_wrong_checksum_is_shown_as_its_bytes() -> None:
    cutter = SegmentCutter(is_lz4=False)
    damaged = FIRST[:-1] + bytes([FIRST[-1] ^ 1])
    payloads = cutter.cut(Piece(damaged + SECOND, 7, 7))
    assert payloads[0].data == damaged
    assert "checksum" in payloads[0].reason
    assert payloads[1].data == b"second"


def test_gap_and_end_give_up_what_is_held() -> None:
    cutter = SegmentCutter(is_lz4=True)
    assert cutter.cut(Piece(b"\x01\x02", 3, 3)) == []
    (payload,) = cutter.gap()
    assert (payload.data, payload.first_mark) == (b"\x01\x02", 3)
    assert payload.reason
    assert cutter.close() == []
