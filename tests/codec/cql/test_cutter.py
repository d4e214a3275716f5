import struct
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.compression import Compression, pack_body
from harness.codec.cql.cutter import FrameCutter
from harness.codec.cql.frame import UNDECODED, Frame, encode_frame
from tests.codec.cql.real_frames import EXECUTE, QUERY, REQUESTS, RESPONSES, ROWS, STARTUP, VOID

STREAMS = [(True, b"".join(REQUESTS), len(REQUESTS)), (False, b"".join(RESPONSES), len(RESPONSES))]


def _cutter(*, from_client: bool, is_lost: bool = False) -> FrameCutter:
    cutter = FrameCutter(from_client=from_client, is_lost=is_lost)
    cutter.is_negotiating = False
    return cutter


@pytest.mark.parametrize(("from_client", "data", "count"), STREAMS)
def test_frames_come_whole_byte_by_byte_and_with_a_tail(
    *, from_client: bool, data: bytes, count: int
) -> None:
    whole = _cutter(from_client=from_client).cut(data, 1, 1)
    assert len(whole) == count
    assert b"".join(map(encode_frame, whole)) == data
    cutter = _cutter(from_client=from_client)
    bytewise = [frame for mark, byte in enumerate(data) for frame in cutter.cut(bytes([byte]), mark, mark)]
    assert [frame[2:] for frame in bytewise] == [frame[2:] for frame in whole]
    assert bytewise[0].first_mark == 0
    for frame, following in pairwise(bytewise):
        assert following.first_mark == frame.last_mark + 1
    assert _cutter(from_client=from_client).cut(data + data[:5], 1, 1) == whole


@pytest.mark.parametrize(("from_client", "data", "count"), STREAMS)
def test_cut_short_anywhere_the_rest_is_shown(*, from_client: bool, data: bytes, count: int) -> None:
    for end in range(len(data)):
        cutter = _cutter(from_client=from_client)
        frames = cutter.cut(data[:end], 1, 1) + cutter.close()
        assert b"".join(map(encode_frame, frames)) == data[:end]
        assert sum(frame.opcode == UNDECODED for frame in frames) <= 1


def test_fields_are_those_of_the_header() -> None:
    (frame,) = _cutter(from_client=True).cut(EXECUTE, 3, 4)
    assert frame == Frame(3, 4, True, 4, 0, 0xE6, 0x0A, EXECUTE[9:], "")


def test_negotiation_stops_the_cut_and_leaves_the_rest() -> None:
    cutter = FrameCutter(from_client=True, is_lost=False)
    assert len(cutter.cut(STARTUP + QUERY, 5, 5)) == 1
    assert [piece.data for piece in cutter.rest] == [QUERY]


@pytest.mark.parametrize("compression", [Compression.LZ4, Compression.SNAPPY])
@pytest.mark.parametrize("is_known", [True, False])
def test_compressed_bodies_are_unpacked(compression: Compression, *, is_known: bool) -> None:
    body = b"\x00\x00\x00\x01" + b"x" * 100
    packed = pack_body(compression, body)
    data = struct.pack(">BBhBI", 0x84, 1, 5, 8, len(packed)) + packed
    cutter = _cutter(from_client=False)
    cutter.compression = compression if is_known else None
    for _ in range(2):
        (frame,) = cutter.cut(data, 1, 1)
        assert (frame.flags, frame.body, frame.reason) == (1, body, "")
    assert cutter.compression is compression


@pytest.mark.parametrize("compression", [Compression.LZ4, Compression.SNAPPY, Compression.NONE, None])
def test_body_that_does_not_unpack_stays_packed_and_says_why(compression: Compression | None) -> None:
    data = struct.pack(">BBhBI", 0x84, 1, 5, 8, 5) + b"\xff\xff\xff\xff\x00"
    cutter = _cutter(from_client=False)
    cutter.compression = compression
    (frame,) = cutter.cut(data, 1, 1)
    assert frame.body == b"\xff\xff\xff\xff\x00"
    assert frame.opcode == 8
    assert frame.reason
    assert encode_frame(frame) == data


def test_claim_of_4_gib_is_no_frame_and_allocates_nothing() -> None:
    cutter = _cutter(from_client=True)
    tracemalloc.start()
    frames = cutter.cut(bytes.fromhex("0400000007ffffffff") + bytes(20) + QUERY, 1, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert [frame.opcode for frame in frames] == [UNDECODED, 7]


def test_after_damage_frames_go_on_with_exact_marks() -> None:
    cutter = _cutter(from_client=False)
    frames = cutter.cut(ROWS, 1, 1)
    frames += cutter.cut(b"\xff" * 11 + ROWS[:20], 2, 2)
    frames += cutter.cut(ROWS[20:] + VOID + VOID[:3], 3, 3)
    frames += cutter.cut(VOID[3:], 4, 4)
    assert [frame[:2] for frame in frames if frame.opcode == 8] == [(1, 1), (2, 3), (3, 3), (3, 4)]
    assert b"".join(map(encode_frame, frames)) == ROWS + b"\xff" * 11 + ROWS + VOID + VOID


def test_after_a_gap_the_frame_that_was_cut_is_shown_and_the_next_found() -> None:
    cutter = _cutter(from_client=False)
    cutter.cut(ROWS[:30], 1, 1)
    (lost,) = cutter.gap()
    assert (lost.opcode, lost.body) == (UNDECODED, ROWS[:30])
    tail = cutter.cut(ROWS[40:] + VOID, 3, 3)
    assert [frame.opcode for frame in tail] == [UNDECODED, 8]


def test_stream_entered_in_the_middle_is_found() -> None:
    cutter = _cutter(from_client=True, is_lost=True)
    frames = cutter.cut(QUERY[7:] + QUERY + EXECUTE, 1, 1)
    assert [frame.opcode for frame in frames] == [UNDECODED, 7, 10]


@given(
    chunks=st.lists(
        st.binary(max_size=40)
        | st.sampled_from(REQUESTS + RESPONSES)
        | st.sampled_from([QUERY[:20], ROWS[:12]]),
        max_size=12,
    ),
    from_client=st.booleans(),
    is_lost=st.booleans(),
)
def test_no_byte_is_lost_whatever_comes(chunks: list[bytes], *, from_client: bool, is_lost: bool) -> None:
    cutter = _cutter(from_client=from_client, is_lost=is_lost)
    cutter.compression = Compression.NONE
    frames = [frame for mark, chunk in enumerate(chunks) for frame in cutter.cut(chunk, mark, mark)]
    frames += cutter.close()
    assert b"".join(map(encode_frame, frames)) == b"".join(chunks)
    assert all(frame.first_mark <= frame.last_mark for frame in frames)
