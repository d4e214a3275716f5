import io
import struct
from pathlib import Path

import pytest
from cassandra.connection import segment_codec_lz4
from cassandra.protocol import ProtocolHandler, QueryMessage, StartupMessage
from cassandra.segment import SegmentCodec
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.compression import Compression, pack_body
from harness.codec.cql.connection import ConnectionDecoder
from harness.codec.cql.frame import UNDECODED, Frame, encode_frame
from tests.codec.cql.captures import captures, cql_bytes
from tests.codec.cql.real_frames import (
    ERROR_INVALID,
    EXECUTE,
    OPTIONS,
    PREPARED,
    QUERY,
    READY,
    REQUESTS,
    RESPONSES,
    ROWS,
    STARTUP,
    SUPPORTED,
    VOID,
)


def _startup(version: int, compression: str | None = None) -> bytes:
    """STARTUP as the stock driver sends it."""
    options = {} if compression is None else {"COMPRESSION": compression}
    message = StartupMessage(cqlversion="3.0.0", options=options)
    return bytes(ProtocolHandler.encode_message(message, 1, version, None, False))


def _query(version: int, text: str) -> bytes:
    """QUERY as the stock driver sends it."""
    message = QueryMessage(query=text, consistency_level=1)
    return bytes(ProtocolHandler.encode_message(message, 2, version, None, False))


def _segments(data: bytes, *, is_lz4: bool) -> bytes:
    """Segments as the stock driver sends them."""
    buffer = io.BytesIO()
    (segment_codec_lz4 if is_lz4 else SegmentCodec()).encode(buffer, data)
    return buffer.getvalue()


def _opcodes(frames: list[Frame]) -> list[int]:
    return [frame.opcode for frame in frames]


def test_requests_and_responses_are_told_apart_by_direction() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    assert _opcodes(decoder.feed(True, OPTIONS, 1)) == [5]
    assert _opcodes(decoder.feed(False, SUPPORTED, 2)) == [6]
    assert _opcodes(decoder.feed(True, STARTUP, 3)) == [1]
    assert _opcodes(decoder.feed(False, READY, 4)) == [2]
    assert _opcodes(decoder.feed(True, QUERY + EXECUTE, 5)) == [7, 10]
    assert _opcodes(decoder.feed(False, ROWS + VOID, 6)) == [8, 8]
    assert decoder.close() == []


def test_what_follows_the_negotiation_in_the_same_packet_is_cut_too() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    assert _opcodes(decoder.feed(True, OPTIONS + STARTUP + QUERY, 1)) == [5, 1, 7]
    assert _opcodes(decoder.feed(False, SUPPORTED + READY + ROWS, 2)) == [6, 2, 8]


@pytest.mark.parametrize("name", ["lz4", "snappy"])
def test_startup_decides_how_both_directions_are_compressed(name: str) -> None:
    from cassandra.connection import locally_supported_compressions  # noqa: PLC0415 - only this test needs it

    compress, _ = locally_supported_compressions[name]
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(4, name), 1)
    message = QueryMessage(query="SELECT " + "x" * 100, consistency_level=1)
    (frame,) = decoder.feed(True, ProtocolHandler.encode_message(message, 2, 4, compress, False), 2)
    assert frame.flags == 1
    assert frame.body[4:10] == b"SELECT"
    packed = compress(ROWS[9:])
    (frame,) = decoder.feed(False, struct.pack(">BBhBI", 0x84, 1, 2, 8, len(packed)) + packed, 3)
    assert (frame.body, frame.reason) == (ROWS[9:], "")


@pytest.mark.parametrize("is_lz4", [False, True])
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_version_5_is_read_from_segments_after_the_negotiation(step: int, *, is_lz4: bool) -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    requests = [_query(5, "SELECT 1"), _query(5, "SELECT " + "long " * 80_000), _query(5, "SELECT 3")]
    stream = _startup(5, "lz4" if is_lz4 else None)
    # The second does not fit in one segment; the first and the third share none with it.
    stream += b"".join(_segments(request, is_lz4=is_lz4) for request in requests)
    if step == 1:
        stream = stream[:600]
    (ready,) = decoder.feed(False, bytes.fromhex("850000010200000000"), 0)
    frames = [
        frame
        for start in range(0, len(stream), step)
        for frame in decoder.feed(True, stream[start : start + step], start)
    ]
    assert ready.version == 5
    assert [frame.reason for frame in frames] == [""] * len(frames)
    assert b"".join(map(encode_frame, frames[1:]))[: len(requests[0])] == requests[0]
    if step > 1:
        assert b"".join(map(encode_frame, frames[1:])) == b"".join(requests)
        assert decoder.close() == []


@pytest.mark.parametrize("answer", ["850000010200000000", "8500000103000000070005506c61696e"])
def test_answers_of_version_5_are_segments_after_ready_or_authenticate(answer: str) -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(5), 1)
    response = b"\x85" + VOID[1:]
    segments = _segments(response + response, is_lz4=False)
    frames = decoder.feed(False, bytes.fromhex(answer) + segments, 2)
    assert [frame.opcode for frame in frames[1:]] == [8, 8]
    assert [encode_frame(frame) for frame in frames[1:]] == [response, response]


def test_refused_version_5_leaves_the_connection_as_it_was() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(5), 1)
    assert _opcodes(decoder.feed(False, ERROR_INVALID, 2)) == [0]
    assert _opcodes(decoder.feed(True, STARTUP, 3)) == [1]
    assert _opcodes(decoder.feed(False, READY, 4)) == [2]
    assert _opcodes(decoder.feed(True, QUERY, 5)) == [7]


def test_damaged_segment_costs_its_frames_only() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(5), 1)
    damaged = bytearray(_segments(_query(5, "SELECT 1"), is_lz4=False))
    damaged[10] ^= 1
    frames = decoder.feed(True, bytes(damaged) + _segments(_query(5, "SELECT 2"), is_lz4=False), 2)
    assert _opcodes(frames) == [UNDECODED, 7]
    assert frames[0].body == bytes(damaged)
    assert "checksum" in frames[0].reason


@pytest.mark.parametrize("is_lz4", [False, True])
def test_version_5_entered_in_the_middle_is_recognised(*, is_lz4: bool) -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    request = _query(5, "SELECT " + "1" * 100)
    assert _opcodes(decoder.feed(True, _segments(request, is_lz4=is_lz4), 1)) == [7]
    response = b"\x85" + ROWS[1:]
    assert _opcodes(decoder.feed(False, _segments(response, is_lz4=is_lz4), 2)) == [8]


def test_lost_part_of_a_large_frame_in_segments_costs_that_frame_only() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(5), 1)
    large = _segments(_query(5, "SELECT " + "long " * 80_000), is_lz4=False)
    frames = decoder.feed(True, large[:150_000], 2)
    frames += decoder.gap(True, 3)
    frames += decoder.feed(True, large[200_000:] + _segments(_query(5, "SELECT 2"), is_lz4=False), 4)
    decoded = [frame for frame in frames if frame.opcode != UNDECODED]
    assert [encode_frame(frame) for frame in decoded] == [_query(5, "SELECT 2")]
    assert len(decoded) < len(frames)


def test_connection_entered_in_the_middle_starts_with_the_first_packet() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert _opcodes(decoder.feed(True, QUERY[:-3], 1)) == []
    assert _opcodes(decoder.feed(True, QUERY[-3:], 2)) == [7]
    assert _opcodes(decoder.feed(False, ROWS + PREPARED, 3)) == [8, 8]


def test_gap_shows_even_where_no_frame_was_cut() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    (frame,) = decoder.gap(False, 9)
    assert (frame.opcode, frame.from_client, frame.first_mark, frame.body) == (UNDECODED, False, 9, b"")
    assert _opcodes(decoder.feed(False, ROWS[20:] + ROWS, 10)) == [UNDECODED, 8]


def test_startup_among_the_missing_bytes_leaves_the_compression_to_be_found_out() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.gap(True, 1)
    packed = pack_body(Compression.SNAPPY, ROWS[9:])
    (frame,) = decoder.feed(False, struct.pack(">BBhBI", 0x84, 1, 2, 8, len(packed)) + packed, 3)
    assert (frame.body, frame.reason) == (ROWS[9:], "")


def test_answer_to_startup_among_the_missing_bytes_leaves_the_framing_to_be_found_out() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(5) + _segments(_query(5, "SELECT 1"), is_lz4=False)[:20], 1)
    decoder.gap(False, 2)
    response = b"\x85" + ROWS[1:]
    assert _opcodes(decoder.feed(False, _segments(response, is_lz4=False), 3)) == [8]
    assert _opcodes(decoder.feed(True, _segments(_query(5, "SELECT 1"), is_lz4=False)[20:], 4)) == [7]


def test_refusal_of_startup_and_what_settles_framing_are_left_for_feed() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, _startup(4, "lz4"), 1)
    assert not {0, 2, 3} & _quick_opcodes(decoder, from_client=False)
    decoder.feed(False, ERROR_INVALID, 2)
    assert 1 not in _quick_opcodes(decoder, from_client=True)
    decoder.feed(True, STARTUP, 3)
    decoder.feed(False, READY, 4)
    assert {7, 10} <= _quick_opcodes(decoder, from_client=True)
    assert {0, 8} <= _quick_opcodes(decoder, from_client=False)


def test_quick_way_is_closed_while_a_frame_is_held_and_in_segments() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, QUERY[:20], 1)
    assert decoder.quick_kinds(True) is None
    decoder.feed(True, QUERY[20:], 2)
    assert decoder.quick_kinds(True) is not None
    assert ConnectionDecoder(syn_seen=False).quick_kinds(True) is None
    segmented = ConnectionDecoder(syn_seen=True)
    segmented.feed(True, _startup(5), 1)
    assert segmented.quick_kinds(True) is None


def _quick_opcodes(decoder: ConnectionDecoder, *, from_client: bool) -> frozenset[int]:
    kinds = decoder.quick_kinds(from_client)
    assert kinds is not None
    return kinds[1]


def test_unfinished_frames_of_both_directions_are_shown_at_the_end() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, QUERY[:20], 1)
    decoder.feed(False, ROWS[:20], 2)
    assert [(frame.from_client, frame.body) for frame in decoder.close()] == [
        (True, QUERY[:20]),
        (False, ROWS[:20]),
    ]
    assert decoder.close() == []


@given(
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.none()
            | st.binary(max_size=60)
            | st.sampled_from(
                (*REQUESTS, *RESPONSES, _startup(5), _startup(5, "lz4"), bytes.fromhex("850000010200000000"))
            )
            | st.sampled_from((_segments(QUERY, is_lz4=False), _segments(QUERY * 9, is_lz4=True))),
        ),
        max_size=14,
    ),
    syn_seen=st.booleans(),
)
def test_whatever_comes_nothing_is_raised(steps: list[tuple[bool, bytes | None]], *, syn_seen: bool) -> None:
    decoder = ConnectionDecoder(syn_seen=syn_seen)
    for mark, (from_client, data) in enumerate(steps):
        if data is None:
            assert decoder.gap(from_client, mark)
        else:
            decoder.feed(from_client, data, mark)
    decoder.close()
    assert decoder.close() == []


@pytest.mark.reference
def test_every_connection_of_the_captures_is_frames_to_its_last_byte(reference: Path) -> None:
    """Source: all captures of ScyllaDB 4.2.4 and 2025.1.15, the connections entered in the middle among them."""
    frames_count = 0
    for path in captures(reference):
        decoders: dict[bytes, ConnectionDecoder] = {}
        for item in cql_bytes(path):
            decoder = decoders.get(item.connection)
            if decoder is None:
                decoder = decoders[item.connection] = ConnectionDecoder(syn_seen=item.syn_seen)
            frames = decoder.feed(item.from_client, item.data, item.packet)
            assert all(not frame.reason for frame in frames), f"{path}: {frames}"
            frames_count += len(frames)
        for decoder in decoders.values():
            assert decoder.close() == [], path
    assert frames_count > 50_000
