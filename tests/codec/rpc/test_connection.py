import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.compression import wrap
from harness.codec.rpc.connection import FOREIGN_BYTES_MIN, ConnectionDecoder
from harness.codec.rpc.frame import Frame, FrameKind, encode_frame
from harness.codec.rpc.frame_search import SEARCH_BYTES_MAX
from harness.codec.rpc.headers import FRAME_BYTES_MAX
from harness.codec.rpc.negotiation import Negotiated, agree, answer, encode_negotiation, offer
from harness.codec.rpc.wrapper import COMPRESSIONS, LZ4_FRAGMENTED, SCYLLA_V3, Algorithm
from tests.codec.rpc.conversations import bytes_of, decoded, unmarked
from tests.codec.rpc.examples import (
    CLIENT_4_2,
    CLIENT_ID_4_2,
    LZ4_FRAGMENTED_REPLY,
    LZ4_FRAGMENTED_REQUEST,
    PING_CLIENT,
    PING_FIRST_REQUESTS,
    PING_REPLIES,
    PING_REQUESTS,
    PING_SERVER,
    SERVER_4_2,
    SYSTEM_CLIENT_4_2,
    SYSTEM_REPLIES_4_2,
    SYSTEM_REQUESTS_4_2,
    SYSTEM_SERVER_4_2,
    V3_RAW_CONTROL,
)

KINDS_OF_DATA = {FrameKind.REQUEST, FrameKind.REPLY, FrameKind.EXCEPTION}
PING_NEGOTIATED = Negotiated(
    has_timeout=True,
    has_duration=True,
    compression=None,
    is_stream=False,
    connection_id=5 << 16,
    cookie="statement:$system",
)


def negotiated_decoder(client: bytes = PING_CLIENT, server: bytes = PING_SERVER) -> ConnectionDecoder:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, client, 1)
    decoder.feed(False, server, 2)
    return decoder


def ids(frames: Sequence[Frame]) -> list[int | None]:
    return [frame.msg_id for frame in frames]


def kinds(frames: Sequence[Frame]) -> list[FrameKind]:
    return [frame.kind for frame in frames]


# Both negotiations seen.


def test_connection_of_2025_1_from_its_beginning() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    assert decoder.negotiated_hint() is None
    assert kinds(decoder.feed(True, PING_CLIENT, 1)) == [FrameKind.NEGOTIATION]
    assert kinds(decoder.feed(False, PING_SERVER, 2)) == [FrameKind.NEGOTIATION]
    assert decoder.negotiated == PING_NEGOTIATED
    requests = decoder.feed(True, PING_FIRST_REQUESTS, 3)
    assert [(frame.verb, frame.msg_id) for frame in requests] == [(0, 1), (63, 2)]
    (reply,) = decoder.feed(False, PING_REPLIES[0], 4)
    assert (reply.kind, reply.msg_id, reply.duration_us) == (FrameKind.REPLY, 2, 0)
    assert decoder.close() == []
    assert decoder.last_request_msg_id == 2
    assert decoder.last_reply_msg_id == 2
    assert decoder.held_mark is None
    assert decoder.resynchronisations == 0


def test_connection_of_4_2_has_replies_of_12_bytes() -> None:
    decoder = negotiated_decoder(SYSTEM_CLIENT_4_2, SYSTEM_SERVER_4_2)
    frames = decoder.feed(True, b"".join(SYSTEM_REQUESTS_4_2), 3)
    frames += decoder.feed(False, b"".join(SYSTEM_REPLIES_4_2), 4)
    assert ids(frames) == [1, 2, 3, 2, 3]
    assert [frame.duration_us for frame in frames] == [None] * 5


def test_negotiation_of_the_specification() -> None:
    decoder = negotiated_decoder(CLIENT_4_2, SERVER_4_2)
    assert decoder.client_negotiation is not None
    assert decoder.server_negotiation is not None
    assert decoder.server_negotiation.connection_id == 1 << 16 | 1
    assert kinds(decoder.feed(True, CLIENT_ID_4_2, 3)) == [FrameKind.REQUEST]


def test_requests_are_held_until_the_servers_negotiation_is_seen() -> None:
    """Directions can be captured in another order than they were sent."""
    decoder = ConnectionDecoder(syn_seen=True)
    assert len(decoder.feed(True, PING_CLIENT + PING_FIRST_REQUESTS, 5)) == 1
    assert decoder.held_mark == 5
    assert decoder.feed(True, PING_REQUESTS[0], 6) == []
    assert decoder.held_mark == 5
    frames = decoder.feed(False, PING_SERVER + PING_REPLIES[0], 7)
    assert ids(decoded(frames)) == [1, 2, 3, None, 2]
    assert [frame.first_mark for frame in decoded(frames)] == [5, 5, 6, 7, 7]
    assert decoder.held_mark is None


def test_replies_are_held_until_the_clients_negotiation_is_seen() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    assert kinds(decoder.feed(False, PING_SERVER + PING_REPLIES[0], 1)) == [FrameKind.NEGOTIATION]
    assert decoder.held_mark == 1
    assert ids(decoded(decoder.feed(True, PING_CLIENT + PING_FIRST_REQUESTS, 2))) == [None, 1, 2, 2]
    assert decoder.negotiated == PING_NEGOTIATED


def test_frame_over_several_packets_has_their_marks() -> None:
    decoder = negotiated_decoder()
    data = PING_FIRST_REQUESTS + PING_REQUESTS[0]
    assert decoder.feed(True, data[:10], 3) == []
    assert decoder.held_mark is None
    assert decoder.feed(True, data[10:50], 4) == []
    frames = decoder.feed(True, data[50:130], 6)
    frames += decoder.feed(True, data[130:], 7)
    assert [(frame.msg_id, frame.first_mark, frame.last_mark) for frame in frames] == [
        (1, 3, 6),
        (2, 6, 6),
        (3, 6, 7),
    ]


def test_byte_by_byte_is_the_same_as_whole() -> None:
    whole = ConnectionDecoder(syn_seen=True)
    single = ConnectionDecoder(syn_seen=True)
    for from_client, data in (
        (True, PING_CLIENT),
        (False, PING_SERVER),
        (True, PING_FIRST_REQUESTS + b"".join(PING_REQUESTS)),
        (False, b"".join(PING_REPLIES)),
    ):
        frames = whole.feed(from_client, data, 1)
        singles = [
            frame
            for position in range(len(data))
            for frame in single.feed(from_client, data[position : position + 1], 1)
        ]
        assert singles == frames


def test_what_the_end_cuts_off_is_undecoded() -> None:
    data = PING_FIRST_REQUESTS
    for size in range(1, 77):
        decoder = negotiated_decoder()
        assert decoder.feed(True, data[:size], 3) == []
        (frame,) = decoder.close()
        assert frame.kind is FrameKind.UNDECODED
        assert frame.payload == data[:size]
        assert "ends" in frame.reason
        assert (frame.first_mark, frame.last_mark, frame.from_client) == (3, 3, True)


def test_exception_frames_need_no_other_header() -> None:
    decoder = negotiated_decoder()
    data = bytes.fromhex("feffffffffffffff 10000000 ffffffff 01000000 08000000 5d00000000000000")
    (frame,) = decoder.feed(False, data, 3)
    assert (frame.kind, frame.msg_id, frame.duration_us) == (FrameKind.EXCEPTION, 2, 0xFFFFFFFF)


def test_empty_data_changes_nothing() -> None:
    decoder = negotiated_decoder()
    assert decoder.feed(True, b"", 3) == []
    assert ids(decoder.feed(True, PING_FIRST_REQUESTS, 4)) == [1, 2]


def test_connection_that_sent_nothing_leaves_nothing() -> None:
    assert ConnectionDecoder(syn_seen=True).close() == []
    assert ConnectionDecoder(syn_seen=False).close() == []
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, PING_CLIENT, 1)
    assert decoder.close() == []


def test_quick_way_is_open_only_where_nothing_is_pending_or_unknown() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    assert decoder.quick_requests() is None
    decoder.feed(True, PING_CLIENT, 1)
    assert decoder.quick_requests() is None
    decoder.feed(False, PING_SERVER, 2)
    requests, replies = decoder.quick_requests(), decoder.quick_replies()
    assert requests is not None
    assert requests.has_timeout
    assert replies is not None
    assert replies.has_duration
    decoder.feed(True, PING_REQUESTS[0][:5], 3)
    assert decoder.quick_requests() is None
    assert decoder.quick_replies() is replies
    assert ids(decoder.feed(True, PING_REQUESTS[0][5:], 4)) == [3]
    assert decoder.quick_requests() is requests


# Streams and compression.


def stream_decoder(compressions: Sequence[str] = ()) -> ConnectionDecoder:
    client = offer(stream_parent=1 << 16, cookie="streaming", has_duration=True, compressions=compressions)
    server = answer(client, connection_id=2 << 16, has_duration=True, compressions=compressions)
    return negotiated_decoder(encode_negotiation(client), encode_negotiation(server))


def test_stream_connection_has_stream_frames_both_ways() -> None:
    decoder = stream_decoder()
    assert decoder.negotiated is not None
    assert decoder.negotiated.stream_parent == 1 << 16
    assert decoder.quick_requests() is None
    assert decoder.quick_replies() is None
    for from_client in (True, False):
        frames = decoder.feed(from_client, bytes.fromhex("0300000061626300000000ffffffff"), 3)
        assert [(frame.kind, frame.payload) for frame in frames] == [
            (FrameKind.STREAM_DATA, b"abc"),
            (FrameKind.STREAM_DATA, b""),
            (FrameKind.STREAM_END, b""),
        ]
    assert decoder.negotiated_hint() is None


def test_compressed_connection_of_4_2() -> None:
    client = offer(compressions=("LZ4_FRAGMENTED", "LZ4"))
    server = answer(client, connection_id=1, compressions=("LZ4_FRAGMENTED", "LZ4"), answers_whole_list=True)
    decoder = negotiated_decoder(encode_negotiation(client), encode_negotiation(server))
    (request,) = decoder.feed(True, LZ4_FRAGMENTED_REQUEST, 3)
    (reply,) = decoder.feed(False, LZ4_FRAGMENTED_REPLY, 4)
    assert (request.verb, request.msg_id, reply.msg_id) == (14, 3, 5)
    assert decoder.quick_requests() is None
    assert decoder.quick_replies() is None
    assert decoder.negotiated_hint() == Negotiated(
        has_timeout=True, has_duration=False, compression=LZ4_FRAGMENTED, is_stream=False, assumed=True
    )


# The middle of a connection.


def test_middle_of_a_connection_is_recognised_at_once() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert ids(decoder.feed(True, PING_REQUESTS[0], 1)) == [3]
    (reply,) = decoder.feed(False, PING_REPLIES[1], 2)
    assert (reply.msg_id, reply.duration_us) == (3, 0)
    assert decoder.negotiated == Negotiated(
        has_timeout=True, has_duration=True, compression=None, is_stream=False, assumed=True
    )
    assert decoder.negotiated_hint() == decoder.negotiated
    assert decoder.resynchronisations == 0


def test_hint_waits_for_a_reply() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert decoder.negotiated_hint() is None
    decoder.feed(True, PING_REQUESTS[0], 1)
    assert decoder.negotiated_hint() is None


def test_replies_of_4_2_in_the_middle_of_a_connection() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert ids(decoder.feed(False, SYSTEM_REPLIES_4_2[0], 1)) == [2]
    assert decoder.negotiated is not None
    assert not decoder.negotiated.has_duration


def test_compressed_middle_of_a_connection() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert ids(decoder.feed(False, LZ4_FRAGMENTED_REPLY, 1)) == [5]
    assert ids(decoder.feed(True, LZ4_FRAGMENTED_REQUEST, 2)) == [3]
    assert decoder.negotiated is not None
    assert decoder.negotiated.compression == LZ4_FRAGMENTED
    assert not decoder.negotiated.has_duration
    other = ConnectionDecoder(syn_seen=False)
    assert ids(other.feed(True, V3_RAW_CONTROL, 1)) == [1]
    assert other.negotiated is not None
    assert other.negotiated.compression == SCYLLA_V3


def test_assumption_is_dropped_where_the_bytes_disagree() -> None:
    assumed = Negotiated(
        has_timeout=True, has_duration=False, compression=LZ4_FRAGMENTED, is_stream=False, assumed=True
    )
    decoder = ConnectionDecoder(syn_seen=False, assumed=assumed)
    assert ids(decoder.feed(True, PING_REQUESTS[0], 1)) == [3]
    assert ids(decoder.feed(False, PING_REPLIES[1], 2)) == [3]
    assert decoder.negotiated is not None
    assert decoder.negotiated.compression is None
    assert decoder.negotiated.has_duration


def test_assumption_stands_until_a_reply_is_seen() -> None:
    for has_duration in (True, False):
        assumed = Negotiated(
            has_timeout=True, has_duration=has_duration, compression=None, is_stream=False, assumed=True
        )
        decoder = ConnectionDecoder(syn_seen=False, assumed=assumed)
        decoder.feed(True, PING_REQUESTS[0], 1)
        assert decoder.negotiated is not None
        assert decoder.negotiated.has_duration is has_duration


def test_what_is_held_is_decided_when_nothing_is_on_its_way() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert decoder.feed(False, PING_REPLIES[1][5:], 1) == []
    (rest,) = decoder.settle()
    assert (rest.kind, rest.first_mark) == (FrameKind.UNDECODED, 1)
    assert decoder.held_mark is None
    assert ids(decoder.feed(True, PING_REQUESTS[0], 2)) == [3]
    assert ids(decoder.feed(False, PING_REPLIES[1], 3)) == [3]
    assert decoder.settle() == []


def test_negotiation_is_waited_for_whatever_the_caller_knows() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, PING_CLIENT + PING_REQUESTS[0], 1)
    assert decoder.settle() == []
    assert decoder.held_mark == 1
    assert ids(decoder.feed(False, PING_SERVER, 2))[-1] == 3


def test_rest_of_a_frame_before_the_capture_is_undecoded() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    frames = decoder.feed(True, PING_FIRST_REQUESTS[20:] + PING_REQUESTS[0], 1)
    assert kinds(frames) == [FrameKind.UNDECODED, FrameKind.REQUEST, FrameKind.REQUEST]
    assert ids(frames) == [None, 2, 3]
    assert len(frames[0].payload) == 57
    assert "before the capture" in frames[0].reason
    assert decoder.resynchronisations == 0


def test_held_bytes_are_decided_by_the_other_direction() -> None:
    """A stream frame that is not whole says nothing; the other direction's frames do."""
    decoder = ConnectionDecoder(syn_seen=False)
    assert decoder.feed(True, bytes.fromhex("0500000061"), 1) == []
    assert decoder.held_mark == 1
    assert decoder.feed(False, bytes.fromhex("0300000061626302000000"), 2) == []
    frames = decoder.feed(False, b"de", 3)
    frames += decoder.feed(False, bytes.fromhex("03000000666768"), 4)
    assert kinds(frames) == [FrameKind.STREAM_DATA] * 3
    assert kinds(decoder.feed(True, b"bcde", 5)) == [FrameKind.STREAM_DATA]
    assert decoder.negotiated is not None
    assert decoder.negotiated.is_stream


def test_negotiation_is_read_where_only_the_syn_is_missing() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    decoder.feed(True, PING_CLIENT, 1)
    decoder.feed(False, PING_SERVER, 2)
    assert decoder.negotiated == PING_NEGOTIATED


def test_servers_negotiation_alone_decides() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    assert ids(decoder.feed(True, PING_FIRST_REQUESTS[-48:], 1)) == [2]
    decoder.feed(False, PING_SERVER, 2)
    assert ids(decoder.feed(False, PING_REPLIES[0], 3)) == [2]
    assert decoder.server_negotiation is not None
    assert decoder.client_negotiation is None


def test_lost_negotiation_of_the_server_is_inferred() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, PING_CLIENT, 1)
    assert decoder.feed(True, PING_FIRST_REQUESTS, 3) == []
    assert ids(decoder.gap(False, 4, len(PING_SERVER))) == [1, 2]
    assert ids(decoder.feed(False, PING_REPLIES[0], 5)) == [2]
    assert decoder.negotiated is not None
    assert decoder.negotiated.assumed
    assert decoder.negotiated.has_duration
    assert decoder.negotiated.cookie == "statement:$system"


def test_direction_that_was_not_captured_is_inferred_at_the_end() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, PING_CLIENT, 1)
    decoder.feed(True, PING_FIRST_REQUESTS, 2)
    assert decoder.held_mark == 2
    assert ids(decoder.close()) == [1, 2]
    assert decoder.held_mark is None


TLS_CLIENT_HELLO = bytes.fromhex("16030100c8010000c4030312345678")


def test_connection_that_begins_without_negotiation_is_no_rpc() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    frames = decoder.feed(True, TLS_CLIENT_HELLO[:1], 1)
    frames += decoder.feed(True, TLS_CLIENT_HELLO[1:], 2)
    frames += decoder.gap(True, 3)
    frames += decoder.feed(False, PING_REPLIES[0], 4)
    assert kinds(frames) == [FrameKind.UNDECODED] * 3
    assert all("does not begin with a negotiation" in frame.reason for frame in frames)
    assert decoder.held_mark is None
    assert decoder.close() == []


def test_bytes_that_are_no_rpc_are_undecoded_and_not_held_for_ever() -> None:
    decoder = ConnectionDecoder(syn_seen=False)
    piece = TLS_CLIENT_HELLO[:5] + bytes(range(7, 251)) * 60
    frames: list[Frame] = []
    fed_bytes = 0
    while fed_bytes < 2 * FOREIGN_BYTES_MIN:
        frames += decoder.feed(True, piece, 1)
        fed_bytes += len(piece)
    assert kinds(frames) == [FrameKind.UNDECODED] * len(frames)
    assert decoder.held_mark is None
    assert b"".join(frame.payload for frame in frames) == piece * (fed_bytes // len(piece))
    assert decoder.close() == []


def test_what_cannot_be_recognised_is_held_up_to_a_limit() -> None:
    decoder = negotiated_decoder()
    decoder.gap(True, 3)
    fed_bytes = 0
    frames: list[Frame] = []
    while not frames:
        frames += decoder.feed(True, bytes(range(7, 251)) * 20, 4)
        fed_bytes += 244 * 20
    assert SEARCH_BYTES_MAX < fed_bytes < SEARCH_BYTES_MAX + 244 * 21
    assert kinds(frames) == [FrameKind.UNDECODED]
    assert len(frames[0].payload) == SEARCH_BYTES_MAX // 2
    frames += decoder.feed(True, b"".join(PING_REQUESTS), 5)
    frames += decoder.close()
    assert ids(frames)[-5:] == [3, 4, 5, 6, 7]


# Lost bytes.


def test_gap_within_a_frame_of_known_size_costs_only_that_frame() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS + PING_REQUESTS[0][:30], 3)
    frames = decoder.gap(True, 5, 10)
    frames += decoder.feed(True, PING_REQUESTS[0][40:] + PING_REQUESTS[1], 5)
    assert kinds(frames) == [FrameKind.UNDECODED, FrameKind.UNDECODED, FrameKind.REQUEST]
    assert [len(frame.payload) for frame in frames[:2]] == [30, 8]
    assert frames[2].msg_id == 4


def test_gap_up_to_the_end_of_a_frame_of_known_size_leaves_alignment() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS + PING_REQUESTS[0][:30], 3)
    assert kinds(decoder.gap(True, 5, 18)) == [FrameKind.UNDECODED]
    assert decoder.feed(True, PING_REQUESTS[1][:20], 5) == []
    assert ids(decoder.feed(True, PING_REQUESTS[1][20:], 6)) == [4]
    assert decoder.resynchronisations == 0


def test_gaps_one_after_another_within_a_frame() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS + PING_REQUESTS[0][:30], 3)
    decoder.gap(True, 5, 4)
    assert kinds(decoder.feed(True, PING_REQUESTS[0][34:36], 5)) == [FrameKind.UNDECODED]
    assert decoder.gap(True, 6, 12) == []
    assert ids(decoder.feed(True, PING_REQUESTS[1], 7)) == [4]


def test_gap_of_no_bytes_is_none() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS[:30], 3)
    assert decoder.gap(True, 4, 0) == []
    assert ids(decoder.feed(True, PING_FIRST_REQUESTS[30:], 5)) == [1, 2]


@pytest.mark.parametrize("cut", range(0, 48, 5))
def test_requests_are_found_again_after_a_gap_of_unknown_size(cut: int) -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS + PING_REQUESTS[0][:11], 3)
    frames = decoder.gap(True, 4)
    assert kinds(frames) == [FrameKind.UNDECODED]
    assert "lost" in frames[0].reason
    frames = decoder.feed(True, (PING_REQUESTS[1] + b"".join(PING_REQUESTS[2:]))[cut:], 5)
    assert ids([frame for frame in frames if frame.kind is FrameKind.REQUEST]) == (
        [4, 5, 6, 7] if not cut else [5, 6, 7]
    )
    assert decoder.resynchronisations == 1


@pytest.mark.parametrize("cut", range(0, 26, 5))
def test_replies_are_found_again_after_a_gap_of_unknown_size(cut: int) -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS + b"".join(PING_REQUESTS), 3)
    assert decoder.gap(False, 4) == []
    frames = decoder.feed(False, b"".join(PING_REPLIES[:3])[cut:], 5)
    for number, reply in enumerate(PING_REPLIES[3:]):
        frames += decoder.feed(False, reply, 6 + number)
    assert ids(frames)[-4:] == [4, 5, 6, 7]
    assert decoder.resynchronisations == 1


def test_reply_to_a_request_that_was_not_sent_is_not_believed() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS, 3)
    decoder.gap(False, 4)
    assert decoder.feed(False, PING_REPLIES[3], 5) == []
    assert decoder.held_mark == 5
    decoder.feed(True, b"".join(PING_REQUESTS), 6)
    assert ids(decoder.feed(False, PING_REPLIES[4], 7)) == [5, 6]


def test_stream_is_found_again_after_a_gap() -> None:
    decoder = stream_decoder()
    data = b"".join(struct.pack("<I", 5) + bytes([number] * 5) for number in range(1, 20))
    decoder.feed(True, data[:13], 3)
    decoder.gap(True, 4)
    frames = decoder.feed(True, data[40:], 5)
    assert kinds(frames) == [FrameKind.UNDECODED] + [FrameKind.STREAM_DATA] * 14
    assert len(frames[0].payload) == 5
    assert kinds(decoder.feed(True, b"\xff\xff\xff\xff", 6)) == [FrameKind.STREAM_END]


def test_compressed_frames_are_found_again_after_a_gap() -> None:
    client = offer(compressions=(LZ4_FRAGMENTED,))
    server = answer(client, connection_id=1, compressions=(LZ4_FRAGMENTED,))
    decoder = negotiated_decoder(encode_negotiation(client), encode_negotiation(server))
    decoder.gap(True, 3)
    frames = decoder.feed(True, LZ4_FRAGMENTED_REQUEST[7:] + LZ4_FRAGMENTED_REQUEST, 4)
    assert kinds(frames) == [FrameKind.UNDECODED, FrameKind.REQUEST]


def test_gap_while_frames_are_held_keeps_what_is_held() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    decoder.feed(True, PING_CLIENT, 1)
    decoder.feed(True, PING_FIRST_REQUESTS, 2)
    assert decoder.gap(True, 3) == []
    decoder.feed(True, PING_REQUESTS[1], 4)
    assert ids(decoded(decoder.feed(False, PING_SERVER, 5))) == [1, 2, 4, None]


def test_message_id_that_cannot_be_loses_alignment_and_finds_it_again() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS, 3)
    frames = decoder.feed(True, bytes(40) + b"".join(PING_REQUESTS), 4)
    assert kinds(frames) == [FrameKind.UNDECODED] + [FrameKind.REQUEST] * 5
    assert "msg_id 0" in frames[0].reason
    assert decoder.resynchronisations == 1


def test_format_that_was_inferred_wrongly_is_corrected() -> None:
    """Half a reply of 16 bytes that ends where one of 12 bytes would."""
    decoder = ConnectionDecoder(syn_seen=False)
    first = decoder.feed(False, PING_REPLIES[0][:22], 1)
    assert len(first) == 1
    assert first[0].duration_us is None
    frames = decoder.feed(False, PING_REPLIES[0][22:] + b"".join(PING_REPLIES[1:]), 2)
    frames += decoder.feed(False, struct.pack("<qII", 8, 0, 0), 3)
    assert ids(frames) == [None, 3, 4, 5, 6, 7, 8]
    assert decoder.negotiated is not None
    assert decoder.negotiated.has_duration


# Limits.


def test_claim_of_four_gib_is_not_waited_for() -> None:
    decoder = negotiated_decoder()
    decoder.feed(True, PING_FIRST_REQUESTS, 3)
    claim = PING_REQUESTS[0][:24] + b"\xff\xff\xff\xff"
    frames = decoder.feed(True, claim + b"".join(PING_REQUESTS), 4)
    assert kinds(frames) == [FrameKind.UNDECODED] + [FrameKind.REQUEST] * 5
    assert frames[0].payload == claim
    assert "4294967295" in frames[0].reason


def test_frame_at_the_limit_is_awaited_and_allocates_nothing() -> None:
    decoder = negotiated_decoder()
    claim = struct.pack("<QQqI", 0, 1, 1, FRAME_BYTES_MAX)
    assert decoder.feed(True, claim, 3) == []
    assert decoder.held_mark is None
    (frame,) = decoder.close()
    assert frame.payload == claim


def test_long_frame_in_many_segments_takes_linear_time() -> None:
    """Some 200,000 segments; joining what is buffered at each of them would take minutes."""
    decoder = negotiated_decoder()
    payload = bytes(4_000_000)
    data = struct.pack("<QQqI", 0, 1, 1, len(payload)) + payload
    frames: list[Frame] = []
    for position in range(0, len(data), 20):
        frames += decoder.feed(True, data[position : position + 20], position)
    (frame,) = frames
    assert frame.payload == payload
    assert frame.first_mark == 0
    assert frame.last_mark == (len(data) - 1) // 20 * 20


def test_negotiation_that_claims_too_much_is_not_awaited() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    (frame,) = decoder.feed(True, b"SSTARRPC\xff\xff\xff\xff", 1)
    assert frame.kind is FrameKind.UNDECODED


def test_negotiation_with_malformed_records_is_no_negotiation() -> None:
    decoder = ConnectionDecoder(syn_seen=True)
    frames = decoder.feed(True, b"SSTARRPC" + bytes.fromhex("08000000 01000000 ff000000"), 1)
    assert decoder.client_negotiation is None
    assert kinds(frames + decoder.close()) == [FrameKind.UNDECODED]


# What hypothesis finds.


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Negotiated, list[bytes], list[Frame], bytes, bytes]:
    """A connection of any form: what is in force, negotiations, frames, and the bytes of each direction."""
    compressions = draw(st.sampled_from([(), *[(name,) for name in COMPRESSIONS]]))
    is_stream = draw(st.booleans())
    client = offer(
        has_timeout=draw(st.booleans()),
        has_duration=draw(st.booleans()),
        compressions=compressions,
        stream_parent=1 if is_stream else None,
        cookie=draw(st.sampled_from([None, "gossip"])),
    )
    server = answer(client, connection_id=2, compressions=compressions, has_duration=draw(st.booleans()))
    negotiated = agree(client, server)
    frames: list[Frame] = []
    sides = {True: b"", False: b""}
    for number in range(1, draw(st.integers(1, 8))):
        from_client = draw(st.booleans())
        payload = draw(st.binary(max_size=60)) * draw(st.sampled_from([1, 1, 1, 30]))
        frame = _frame_of(negotiated, number, payload, from_client=from_client, draw=draw)
        wire = encode_frame(frame, negotiated)
        if negotiated.compression is not None:
            wire = wrap(negotiated.compression, wire, algorithm=draw(st.sampled_from(Algorithm)))
        frames.append(frame)
        sides[from_client] += wire
    negotiations = [encode_negotiation(client), encode_negotiation(server)]
    return negotiated, negotiations, frames, sides[True], sides[False]


def _frame_of(
    negotiated: Negotiated, number: int, payload: bytes, *, from_client: bool, draw: st.DrawFn
) -> Frame:
    if negotiated.is_stream:
        kind = draw(st.sampled_from([FrameKind.STREAM_DATA, FrameKind.STREAM_END]))
        payload = payload if kind is FrameKind.STREAM_DATA else b""
        return Frame(kind, 0, 0, None, None, None, None, payload, "", None, from_client)
    if from_client:
        timeout_ms = draw(st.integers(0, (1 << 64) - 1)) if negotiated.has_timeout else None
        verb = draw(st.integers(0, (1 << 64) - 1))
        return Frame(FrameKind.REQUEST, 0, 0, verb, number, timeout_ms, None, payload, "", None, True)
    kind = draw(st.sampled_from([FrameKind.REPLY, FrameKind.EXCEPTION]))
    duration_us = draw(st.integers(0, (1 << 32) - 1)) if negotiated.has_duration else None
    return Frame(kind, 0, 0, None, number, None, duration_us, payload, "", None, False)


@settings(max_examples=150)
@given(conversations(), st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_frames_of_any_form_survive_however_they_are_cut(
    conversation: tuple[Negotiated, list[bytes], list[Frame], bytes, bytes], sizes: list[int]
) -> None:
    negotiated, (client, server), frames, from_client, from_server = conversation
    decoder = ConnectionDecoder(syn_seen=True)
    found: list[Frame] = []
    for is_client, data in ((True, client), (False, server), (True, from_client), (False, from_server)):
        position = 0
        turn = 0
        while position < len(data):
            size = sizes[turn % len(sizes)]
            found += decoder.feed(is_client, data[position : position + size], position)
            position += size
            turn += 1
    assert decoder.close() == []
    assert decoder.negotiated == negotiated
    plain = [
        frame._replace(wrapper=None) for frame in unmarked(found) if frame.kind is not FrameKind.NEGOTIATION
    ]
    assert decoded(plain) == decoded(frames)
    for is_client, negotiation in ((True, client), (False, server)):
        expected = negotiation + b"".join(
            encode_frame(frame, negotiated) for frame in frames if frame.from_client is is_client
        )
        assert bytes_of(found, negotiated, from_client=is_client) == expected


def _bulk(count: int, compression: str | None, *, from_client: bool) -> list[bytes]:
    """Frames as a busy connection has them, of many sizes."""
    frames: list[bytes] = []
    for number in range(1, count + 1):
        payload = bytes(range(97, 97 + 20)) * (1 + number * 7 % 13)
        if from_client:
            frame = struct.pack("<QQqI", 2000, 1, number, len(payload)) + payload
        else:
            frame = struct.pack("<qII", number, len(payload), number % 3) + payload
        frames.append(frame if compression is None else wrap(compression, frame))
    return frames


@settings(max_examples=100)
@given(
    st.sampled_from([None, *COMPRESSIONS]),
    st.booleans(),
    st.integers(0, 4000),
    st.integers(1, 3000),
    st.integers(200, 1500),
    st.booleans(),
)
def test_frames_are_found_again_after_a_gap_anywhere(
    compression: str | None,
    from_client: bool,
    gap_at: int,
    gap_bytes: int,
    segment_bytes: int,
    is_size_known: bool,
) -> None:
    client = offer(has_duration=True, compressions=(compression,) if compression else ())
    server = answer(
        client, connection_id=1, has_duration=True, compressions=(compression,) if compression else ()
    )
    decoder = negotiated_decoder(encode_negotiation(client), encode_negotiation(server))
    count = 120
    if not from_client:
        for request in _bulk(count, compression, from_client=True):
            decoder.feed(True, request, 1)
    frames = _bulk(count, compression, from_client=from_client)
    data = b"".join(frames)
    found: list[Frame] = []
    rest_from = gap_at + gap_bytes
    for start, stop in ((0, gap_at), (rest_from, len(data))):
        if start:
            found += decoder.gap(from_client, 1, gap_bytes if is_size_known else None)
        for position in range(start, stop, segment_bytes):
            found += decoder.feed(from_client, data[position : min(stop, position + segment_bytes)], 2)
    found += decoder.close()
    ends = [sum(map(len, frames[: number + 1])) for number in range(count)]
    expected = [
        number + 1
        for number, (frame, end) in enumerate(zip(frames, ends, strict=True))
        if end <= gap_at or end - len(frame) >= rest_from
    ]
    assert ids([frame for frame in found if frame.kind in KINDS_OF_DATA]) == expected


@settings(max_examples=150)
@given(
    st.booleans(),
    st.sampled_from(
        [
            (b"", b""),
            (PING_CLIENT, b""),
            (b"", PING_SERVER),
            (PING_CLIENT, PING_SERVER),
            (CLIENT_4_2, SERVER_4_2),
        ]
    ),
    st.lists(
        st.tuples(
            st.booleans(),
            st.one_of(
                st.binary(max_size=100),
                st.sampled_from(
                    [None, b"\x00" * 64, b"\xff" * 64, *PING_REQUESTS, *PING_REPLIES, V3_RAW_CONTROL]
                ),
            ),
        ),
        max_size=12,
    ),
)
def test_garbage_yields_nothing_but_frames_and_loses_no_byte(
    syn_seen: bool, begin: tuple[bytes, bytes], pieces: list[tuple[bool, bytes | None]]
) -> None:
    decoder = ConnectionDecoder(syn_seen=syn_seen)
    found = decoder.feed(True, begin[0], 0) + decoder.feed(False, begin[1], 0)
    fed = {True: begin[0], False: begin[1]}
    for mark, (from_client, data) in enumerate(pieces):
        if data is None:
            found += decoder.gap(from_client, mark)
        else:
            found += decoder.feed(from_client, data, mark)
            fed[from_client] += data
    found += decoder.close()
    negotiated = decoder.negotiated
    if negotiated is None or not (negotiated.compression or negotiated.assumed):
        for from_client in (True, False):
            assert bytes_of(found, negotiated, from_client=from_client) == fed[from_client]
