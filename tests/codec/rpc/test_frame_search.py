import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.compression import wrap
from harness.codec.rpc.frame_search import MSG_ID_UNKNOWN_MAX, find_start
from harness.codec.rpc.header_chain import MsgIdBounds
from harness.codec.rpc.wire_format import WireFormat, possible_formats
from harness.codec.rpc.wrapper import COMPRESSIONS, LZ4_FRAGMENTED
from tests.codec.rpc.examples import (
    LZ4_FRAGMENTED_REQUEST,
    PING_REPLIES,
    PING_REQUESTS,
    SYSTEM_REPLIES_4_2,
    V3_EMPTY,
    V3_LZ4,
    V3_RAW_CONTROL,
)

PLAIN = WireFormat(None, is_stream=False, has_timeout=True, has_duration=False)
MODERN = PLAIN._replace(has_duration=True)
STREAM = PLAIN._replace(is_stream=True, has_timeout=False)
UNKNOWN = MsgIdBounds(1, MSG_ID_UNKNOWN_MAX)
ANY_REPLY = possible_formats(None, None, None)
ANY_REQUEST = tuple(dict.fromkeys(form._replace(has_duration=False) for form in ANY_REPLY))


def find(
    data: bytes,
    formats: tuple[WireFormat, ...],
    *,
    from_client: bool,
    bounds: MsgIdBounds = UNKNOWN,
    chunk_offsets: frozenset[int] = frozenset({0}),
    is_aligned: bool = False,
    is_last: bool = False,
    is_full: bool = False,
) -> tuple[int, WireFormat] | None:
    return find_start(
        data,
        formats,
        from_client=from_client,
        bounds=bounds,
        chunk_offsets=chunk_offsets,
        is_aligned=is_aligned,
        is_last=is_last,
        is_full=is_full,
    )


def test_one_request_that_fills_its_packet_decides() -> None:
    assert find(PING_REQUESTS[0], ANY_REQUEST, from_client=True) == (0, PLAIN)


def test_replies_of_12_and_16_bytes_are_told_apart() -> None:
    assert find(PING_REPLIES[0], ANY_REPLY, from_client=False) == (0, MODERN)
    assert find(b"".join(PING_REPLIES), ANY_REPLY, from_client=False) == (0, MODERN)
    assert find(SYSTEM_REPLIES_4_2[0], ANY_REPLY, from_client=False) == (0, PLAIN)
    assert find(b"".join(SYSTEM_REPLIES_4_2), ANY_REPLY, from_client=False) == (0, PLAIN)


def test_place_after_the_rest_of_a_frame_is_found() -> None:
    data = b"".join(PING_REQUESTS)
    for cut in range(1, len(PING_REQUESTS[0])):
        found = find(data[cut:], (PLAIN,), from_client=True)
        assert found is not None
        assert found[0] == len(PING_REQUESTS[0]) - cut


def test_equal_replies_are_not_read_at_the_same_wrong_place_in_each() -> None:
    """A reply of DIRECT_FD_PING holds its own size, so that a chain of false headers of one msg_id runs through."""
    data = b"".join(struct.pack("<qII", n, 10, 0) + PING_REPLIES[0][16:] for n in range(1000, 1040))
    for cut in range(1, 26):
        found = find(data[cut:], (MODERN,), from_client=False)
        assert found is not None
        assert (found[0] + cut) % 26 == 0


def test_huge_timeouts_of_raft_do_not_break_a_chain() -> None:
    huge = struct.pack("<QQqI", 9_223_364_000_000, 47, 8, 3) + b"abc"
    data = b"".join(PING_REQUESTS) + huge
    assert find(data[5:], (PLAIN,), from_client=True) == (43, PLAIN)
    assert find(huge, ANY_REQUEST, from_client=True) == (0, PLAIN)


def test_zero_bytes_are_frames_of_no_kind() -> None:
    for formats in (ANY_REQUEST, (PLAIN,), (STREAM,)):
        assert find(bytes(4096), formats, from_client=True, is_last=True) is None
    for formats in (ANY_REPLY, (PLAIN,), (MODERN,), (STREAM,)):
        assert find(bytes(4096), formats, from_client=False, is_last=True) is None


def test_request_that_is_still_coming_is_no_stream() -> None:
    gossip = struct.pack("<QQqI", 0, 6, 900, 4000) + bytes(4000)
    for size in range(1, len(gossip)):
        if size % 97 == 0:
            assert find(gossip[:size], ANY_REQUEST, from_client=True) is None
    assert find(gossip, ANY_REQUEST, from_client=True) == (0, PLAIN)


def test_payload_of_a_long_reply_is_not_taken_for_replies() -> None:
    """A reply with a payload of sizes and what they span, as a schema has, of which only the beginning has come."""
    payload = b"".join(struct.pack("<qII", n, 8, 0) + bytes(8) for n in range(40, 52))
    long_reply = struct.pack("<qI", 43, 100_000) + payload
    assert find(long_reply, ANY_REPLY, from_client=False, chunk_offsets=frozenset({0, 12})) is None


def test_msg_id_must_have_been_asked_for() -> None:
    data = b"".join(PING_REPLIES)
    assert find(data, (MODERN,), from_client=False, bounds=MsgIdBounds(1, 7)) == (0, MODERN)
    assert find(data, (MODERN,), from_client=False, bounds=MsgIdBounds(1, 1)) is None
    requests = b"".join(PING_REQUESTS)
    assert find(requests, (PLAIN,), from_client=True, bounds=MsgIdBounds(8, 100)) is None


def test_stream_is_believed_only_where_two_packets_begin_with_its_frames() -> None:
    data = bytes.fromhex("0300000061626302000000646503000000666768")
    both = frozenset({0, 7})
    assert find(data, ANY_REQUEST, from_client=True, chunk_offsets=both) == (0, STREAM)
    assert find(b"rest" + data, ANY_REQUEST, from_client=True, chunk_offsets=frozenset({0, 4, 11})) == (
        4,
        STREAM,
    )
    assert find(data, ANY_REQUEST, from_client=True) is None
    assert find(data, ANY_REQUEST, from_client=True, is_last=True) == (0, STREAM)
    assert find(data[1:], ANY_REQUEST, from_client=True, is_last=True) is None
    assert find(data + b"\x09\x00", ANY_REQUEST, from_client=True, chunk_offsets=both) is None
    # Where the form is known, a frame that fills its piece of data is enough.
    assert find(b"junk" + data, (STREAM,), from_client=True, chunk_offsets=frozenset({0, 4})) == (4, STREAM)
    assert find(bytes.fromhex("ffffffff"), (STREAM,), from_client=True) == (0, STREAM)
    assert find(bytes.fromhex("ffffffff"), ANY_REQUEST, from_client=True, is_last=True) is None


def test_empty_wrappers_are_not_taken_for_a_stream() -> None:
    data = b"rest" + V3_EMPTY * 4
    starts = frozenset({0, 4, 13, 22})
    assert find(data, ANY_REQUEST, from_client=True, chunk_offsets=starts) is None


def test_compressed_frames_prove_themselves() -> None:
    compressed = PLAIN._replace(compression=LZ4_FRAGMENTED)
    assert find(LZ4_FRAGMENTED_REQUEST, ANY_REQUEST, from_client=True) == (0, compressed)
    junk = bytes.fromhex("0007000000050000000000")
    assert find(junk + LZ4_FRAGMENTED_REQUEST, ANY_REQUEST, from_client=True) == (len(junk), compressed)
    v3 = PLAIN._replace(compression="SCYLLA_V3")
    assert find(V3_RAW_CONTROL, ANY_REQUEST, from_client=True) == (0, v3)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_both_reply_headers_are_told_apart_inside_every_compression(compression: str) -> None:
    for form, plain in ((MODERN, PING_REPLIES[0]), (PLAIN, SYSTEM_REPLIES_4_2[0])):
        found = find(wrap(compression, plain), ANY_REPLY, from_client=False)
        assert found == (0, form._replace(compression=compression))


def test_empty_wrappers_alone_do_not_decide_before_the_end() -> None:
    """They stand on connections of requests and of rpc streams alike."""
    assert find(V3_EMPTY, ANY_REQUEST, from_client=True) is None
    found = find(V3_EMPTY, ANY_REQUEST, from_client=True, is_last=True)
    assert found is not None
    assert found[1].compression == "SCYLLA_V3"
    assert find(V3_EMPTY + V3_LZ4, ANY_REQUEST, from_client=True) == (
        0,
        STREAM._replace(compression="SCYLLA_V3"),
    )


def test_aligned_bytes_are_read_from_the_first_or_not_at_all() -> None:
    data = b"\x00" * 3 + b"".join(PING_REQUESTS)
    assert find(data, ANY_REQUEST, from_client=True) == (3, PLAIN)
    assert find(data, ANY_REQUEST, from_client=True, is_aligned=True) is None


def test_claim_of_four_gib_is_no_header() -> None:
    data = PING_REQUESTS[0][:24] + b"\xff\xff\xff\xff" + bytes(40)
    assert find(data, ANY_REQUEST, from_client=True, is_last=True, is_full=True) is None


@settings(max_examples=100)
@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.booleans())
def test_garbage_raises_nothing(data: bytes, from_client: bool, is_last: bool, is_full: bool) -> None:
    found = find(
        data,
        ANY_REQUEST if from_client else ANY_REPLY,
        from_client=from_client,
        is_last=is_last,
        is_full=is_full,
    )
    assert found is None or 0 <= found[0] < len(data)
