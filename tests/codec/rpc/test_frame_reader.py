import pytest

from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.frame_reader import (
    FrameReader,
    ReplyReader,
    RequestReader,
    StreamReader,
    plain_reader,
)
from harness.codec.rpc.headers import FRAME_BYTES_MAX
from harness.errors import DecodeError
from tests.codec.rpc.examples import (
    CLIENT_ID_4_2,
    EXCEPTION_HELLO,
    PING_FIRST_REQUESTS,
    PING_REPLIES,
    SYSTEM_REPLIES_4_2,
)

UNTIMED_REQUEST = bytes.fromhex("0500000000000000 0200000000000000 01000000 78")
STREAM_FRAMES = bytes.fromhex("0100000006 03000000616263 ffffffff")


def read(reader: FrameReader, data: bytes) -> tuple[list[Frame], int]:
    frames: list[Frame] = []
    position = reader.read(data, 7, 8, frames)
    return frames, position


def request_reader() -> FrameReader:
    return RequestReader(has_timeout=True)


def test_request_of_the_specification() -> None:
    frames, position = read(request_reader(), CLIENT_ID_4_2)
    assert position == len(CLIENT_ID_4_2)
    assert frames == [
        Frame(
            kind=FrameKind.REQUEST,
            first_mark=7,
            last_mark=8,
            verb=0,
            msg_id=1,
            timeout_ms=0,
            duration_us=None,
            payload=bytes.fromhex("0100000a 02000000 0000100000000000"),
            reason="",
            wrapper=None,
            from_client=True,
        )
    ]
    assert type(frames[0]) is Frame


def test_requests_of_one_packet_come_one_by_one() -> None:
    reader = request_reader()
    frames, position = read(reader, PING_FIRST_REQUESTS)
    assert position == len(PING_FIRST_REQUESTS)
    assert [(frame.verb, frame.msg_id, len(frame.payload)) for frame in frames] == [(0, 1, 49), (63, 2, 20)]
    assert [(frame.first_mark, frame.last_mark) for frame in frames] == [(7, 8), (8, 8)]
    assert reader.last_msg_id == 2


def test_huge_timeouts_of_raft_are_kept() -> None:
    data = (9_223_364_000_000).to_bytes(8, "little") + CLIENT_ID_4_2[8:]
    assert read(request_reader(), data)[0][0].timeout_ms == 9_223_364_000_000


def test_request_without_timeout() -> None:
    frames, position = read(RequestReader(has_timeout=False), UNTIMED_REQUEST)
    assert position == len(UNTIMED_REQUEST)
    (frame,) = frames
    assert (frame.verb, frame.msg_id, frame.timeout_ms, frame.payload) == (5, 2, None, b"x")


def test_reply_with_duration() -> None:
    (frame,) = read(ReplyReader(has_duration=True), PING_REPLIES[0])[0]
    assert frame.kind is FrameKind.REPLY
    assert (frame.msg_id, frame.duration_us, frame.payload.hex()) == (2, 0, "0a000000020500000001")
    unknown = PING_REPLIES[0][:12] + b"\xff" * 4 + PING_REPLIES[0][16:]
    (frame,) = read(ReplyReader(has_duration=True), unknown)[0]
    assert frame.duration_us == 0xFFFFFFFF


def test_reply_without_duration() -> None:
    (frame,) = read(ReplyReader(has_duration=False), SYSTEM_REPLIES_4_2[0])[0]
    assert (frame.msg_id, frame.duration_us, frame.payload.hex()) == (2, None, "0000000000000000")


def test_exception_has_a_positive_msg_id() -> None:
    (frame,) = read(ReplyReader(has_duration=False), EXCEPTION_HELLO)[0]
    assert frame.kind is FrameKind.EXCEPTION
    assert frame.msg_id == 9
    assert frame.payload.endswith(b"hello")


def test_stream_frames_and_their_end() -> None:
    for from_client in (True, False):
        frames, position = read(StreamReader(from_client=from_client), STREAM_FRAMES)
        assert position == len(STREAM_FRAMES)
        assert [(frame.kind, frame.payload) for frame in frames] == [
            (FrameKind.STREAM_DATA, b"\x06"),
            (FrameKind.STREAM_DATA, b"abc"),
            (FrameKind.STREAM_END, b""),
        ]
        assert all(frame.from_client is from_client for frame in frames)


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (RequestReader(has_timeout=True), CLIENT_ID_4_2),
        (RequestReader(has_timeout=False), UNTIMED_REQUEST),
        (ReplyReader(has_duration=True), PING_REPLIES[0]),
        (ReplyReader(has_duration=False), EXCEPTION_HELLO),
        (StreamReader(from_client=True), STREAM_FRAMES[:5]),
    ],
)
def test_frame_cut_at_any_byte_is_left_and_its_size_is_told(reader: FrameReader, data: bytes) -> None:
    for size in range(len(data)):
        assert read(reader, data[:size]) == ([], 0)
        needed = reader.need_bytes(data[:size], 0)
        assert needed == (len(data) if size >= reader.header_bytes else reader.header_bytes)
    frames, position = read(reader, data + data[:-1])
    assert len(frames) == 1
    assert position == len(data)


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (RequestReader(has_timeout=True), bytes(28)),
        (RequestReader(has_timeout=True), CLIENT_ID_4_2[:16] + b"\xff" * 8 + bytes(4)),
        (RequestReader(has_timeout=True), CLIENT_ID_4_2[:24] + b"\xff" * 4),
        (RequestReader(has_timeout=False), bytes(20)),
        (ReplyReader(has_duration=True), bytes(16)),
        (ReplyReader(has_duration=False), bytes(12)),
        (ReplyReader(has_duration=False), bytes.fromhex("0100000000000000 ffffffff")),
        (StreamReader(from_client=True), bytes.fromhex("feffffff")),
        (StreamReader(from_client=True), (FRAME_BYTES_MAX + 1).to_bytes(4, "little")),
    ],
)
def test_what_can_be_no_header_is_refused_and_not_read(reader: FrameReader, data: bytes) -> None:
    assert read(reader, data) == ([], 0)
    with pytest.raises(DecodeError):
        reader.need_bytes(data, 0)


def test_reply_beyond_the_greatest_id_is_refused() -> None:
    """A reply of 16 bytes without payload and the next one, read with 12, show an id in the upper half."""
    data = bytes.fromhex("0200000000000000 00000000 00000000 0300000000000000 00000000 00000000")
    reader = ReplyReader(has_duration=False, msg_id_max=1 << 32)
    assert read(reader, data)[1] == 12
    with pytest.raises(DecodeError):
        reader.need_bytes(data, 12)
    exception = bytes.fromhex("0000000000000080 00000000")
    assert read(reader, exception) == ([], 0)
    assert read(ReplyReader(has_duration=False), exception)[1] == 12


def test_form_of_the_connection_chooses_the_reader() -> None:
    form = {"has_timeout": True, "has_duration": True}
    assert isinstance(plain_reader(from_client=True, is_stream=False, **form), RequestReader)
    assert isinstance(plain_reader(from_client=False, is_stream=False, **form), ReplyReader)
    assert isinstance(plain_reader(from_client=False, is_stream=True, **form), StreamReader)
