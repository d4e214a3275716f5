"""Positions and bytes of one direction, whatever TCP and the capture do to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dissect.byte_window import ByteWindow, Positions


def window(*pieces: tuple[int, bytes]) -> ByteWindow:
    made = ByteWindow()
    for number, (position, payload) in enumerate(pieces):
        made.add(position, payload, frame=number + 1, time_ns=number)
    return made


def test_positions_count_on_when_sequence_numbers_wrap() -> None:
    positions = Positions(0xFFFFFFF0)
    assert [positions.of(sequence) for sequence in (0xFFFFFFF0, 0x00000010, 0x80000000, 0xFFFFFFFF)] == [
        0,
        0x20,
        0x80000010,
        0x10000000F,
    ]


def test_positions_before_the_first_byte_are_negative() -> None:
    assert Positions(100).of(90) == -10


def test_bytes_are_read_across_packets() -> None:
    assert window((0, b"abc"), (3, b"def"), (6, b"ghi")).read(1, 6) == b"bcdefg"


def test_reading_stops_at_a_hole() -> None:
    holed = window((0, b"abc"), (5, b"fgh"))
    assert holed.read(1, 6) == b"bc"
    assert holed.contiguous_end(0) == 3
    assert holed.read(3, 2) == b""


def test_a_late_packet_fills_a_hole() -> None:
    filled = window((0, b"abc"), (5, b"fgh"), (3, b"de"))
    assert filled.read(0, 8) == b"abcdefgh"
    assert filled.is_disordered
    late = filled.run_at(4)
    assert late is not None
    assert late.frame == 3


@pytest.mark.parametrize("again", [(0, b"XXX"), (1, b"XX"), (2, b"X")])
def test_the_first_copy_of_a_byte_stays(again: tuple[int, bytes]) -> None:
    twice = window((0, b"abc"), again)
    assert twice.read(0, 3) == b"abc"
    assert not twice.is_disordered


def test_an_overlap_adds_only_what_is_new() -> None:
    overlapping = window((0, b"abc"), (2, b"Xde"), (4, b"Xf"))
    assert overlapping.read(0, 6) == b"abcdef"


def test_released_bytes_do_not_come_back() -> None:
    released = window((0, b"abc"), (3, b"def"))
    released.release(3)
    released.add(0, b"XXX", frame=9, time_ns=0)
    assert released.run_at(1) is None
    assert released.read(3, 3) == b"def"


def test_packets_are_found_by_number() -> None:
    two = window((0, b"abc"), (3, b"def"))
    assert two.start_of_frame(2) == 3
    assert two.start_of_frame(7) is None


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=12))
def test_any_order_of_pieces_gives_the_true_bytes(pieces: list[tuple[int, int]]) -> None:
    truth = bytes(range(60))
    made = ByteWindow()
    known: set[int] = set()
    for number, (position, size_bytes) in enumerate(pieces):
        made.add(position, truth[position : position + size_bytes], frame=number, time_ns=0)
        known |= set(range(position, position + size_bytes))
    for position in range(60):
        expected = truth[position : position + 1] if position in known else b""
        assert made.read(position, 1) == expected
