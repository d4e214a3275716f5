from harness.codec.rpc.direction import Direction
from harness.codec.rpc.frame import FrameKind
from harness.codec.rpc.frame_reader import RequestReader


def buffered() -> Direction:
    direction = Direction(from_client=True)
    for mark, data in ((3, b"abc"), (4, b"de"), (7, b"fghi")):
        direction.append(data, mark)
    return direction


def test_front_keeps_the_marks_of_its_pieces() -> None:
    direction = buffered()
    frame = direction.take_front(4, "why")
    assert frame is not None
    assert (frame.kind, frame.payload, frame.reason) == (FrameKind.UNDECODED, b"abcd", "why")
    assert (frame.first_mark, frame.last_mark, frame.from_client) == (3, 4, True)
    assert direction.chunks == [(4, b"e"), (7, b"fghi")]
    assert direction.buffered_bytes == 5
    assert direction.joined() == b"efghi"
    assert direction.chunk_offsets() == {0, 1}


def test_front_at_the_border_of_pieces_cuts_none() -> None:
    direction = buffered()
    frame = direction.take_front(5, "why")
    assert frame is not None
    assert (frame.payload, frame.last_mark) == (b"abcde", 4)
    assert direction.chunks == [(7, b"fghi")]


def test_front_of_nothing_is_none() -> None:
    direction = buffered()
    assert direction.take_front(0, "why") is None
    assert direction.joined() == b"abcdefghi"
    assert Direction(from_client=True).take_front(10, "why") is None


def test_gaps_among_the_pieces_are_no_bytes() -> None:
    direction = buffered()
    direction.chunks.insert(1, (3, b""))
    frame = direction.take_front(9, "why")
    assert frame is not None
    assert frame.payload == b"abcdefghi"
    assert direction.chunks == []


def test_missing_bytes_are_known_once_the_header_is_whole() -> None:
    direction = buffered()
    assert direction.missing_bytes() == 0
    direction.reader = RequestReader(has_timeout=True)
    direction.need_bytes = 28
    assert direction.missing_bytes() == 0
    direction.append(bytes(19), 8)
    direction.need_bytes = 100
    assert direction.missing_bytes() == 72


def test_last_msg_id_outlives_its_reader() -> None:
    direction = Direction(from_client=True)
    assert direction.update_last_msg_id() == 0
    reader = RequestReader(has_timeout=True)
    reader.last_msg_id = 5
    direction.reader = reader
    assert direction.update_last_msg_id() == 5
    direction.reader = RequestReader(has_timeout=True)
    assert direction.update_last_msg_id() == 5
