import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.server.request_cutter import BODY_BYTES_MAX, RequestCutter, RequestFrame

OPTIONS = bytes.fromhex("0400000005" + "00000000")
REGISTER = bytes.fromhex("0400000b0b" + "0000000f" + "0001" + "000b" + b"STATUS_CHAN".hex())


def test_frames_come_out_whole_however_the_bytes_are_cut() -> None:
    data = OPTIONS + REGISTER + OPTIONS
    wanted = [
        RequestFrame(4, 0, 0, 5, b"", 0),
        RequestFrame(4, 0, 11, 11, REGISTER[9:], 15),
        RequestFrame(4, 0, 0, 5, b"", 0),
    ]
    for size in range(1, len(data) + 1):
        cutter = RequestCutter()
        frames = [
            frame for start in range(0, len(data), size) for frame in cutter.cut(data[start : start + size])
        ]
        assert frames == wanted


@pytest.mark.parametrize("version", [1, 2, 5, 6, 0x41, 0x42, 0x84, ord("G")])
def test_a_version_that_is_not_spoken_is_refused_so_that_drivers_try_an_older_one(version: int) -> None:
    with pytest.raises(RequestError, match="unsupported protocol version"):
        list(RequestCutter().cut(bytes([version])))


def test_version_3_is_spoken() -> None:
    cutter = RequestCutter()
    assert [frame.version for frame in cutter.cut(b"\x03" + OPTIONS[1:])] == [3]
    assert cutter.version == 3


def test_a_first_frame_of_more_than_100_000_bytes_is_refused() -> None:
    with pytest.raises(RequestError, match="Initial message size too large"):
        list(RequestCutter().cut(bytes.fromhex("0400000001" + "000186a1")))


def test_a_huge_frame_is_passed_over_and_the_next_one_is_read() -> None:
    cutter = RequestCutter()
    assert len(list(cutter.cut(OPTIONS))) == 1
    head = bytes.fromhex("0400000707") + (BODY_BYTES_MAX + 1).to_bytes(4, "big")
    assert list(cutter.cut(head)) == [RequestFrame(4, 0, 7, 7, None, BODY_BYTES_MAX + 1)]
    left = BODY_BYTES_MAX + 1
    block = bytes(1 << 20)
    while left > len(block):
        assert not list(cutter.cut(block))
        left -= len(block)
    assert [frame.opcode for frame in cutter.cut(bytes(left) + OPTIONS)] == [5]
