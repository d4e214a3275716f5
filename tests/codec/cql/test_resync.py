import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.resync import WAIT_BYTES_MAX, find_frame
from tests.codec.cql.real_frames import EXECUTE, QUERY, REQUESTS, RESPONSES, ROWS, VOID


def _find(data: bytes, *, from_client: bool = True, is_end: bool = False) -> tuple[int, int]:
    return find_frame(data, 0, from_client=from_client, packet_starts=(), is_end=is_end)


@pytest.mark.parametrize("frame", REQUESTS)
def test_every_request_is_found_after_garbage(frame: bytes) -> None:
    assert _find(b"\x04\x00garbage" + frame) == (9, 0)


@pytest.mark.parametrize("frame", RESPONSES)
def test_every_response_is_found_after_garbage(frame: bytes) -> None:
    assert _find(b"\x84\x00garbage" + frame, from_client=False) == (9, 0)


def test_half_a_frame_is_waited_for() -> None:
    assert _find(b"xx" + QUERY[:-1]) == (2, 2 + len(QUERY))
    assert _find(b"xx" + QUERY[:7]) == (2, 2 + 9)


def test_half_a_frame_is_taken_where_a_packet_starts() -> None:
    data = b"xx" + QUERY[:-1]
    assert find_frame(data, 0, from_client=True, packet_starts=(2,), is_end=False) == (2, 0)


def test_half_a_frame_at_the_end_is_none() -> None:
    offset, needed = _find(b"xx" + QUERY[:-1], is_end=True)
    assert offset > 2
    assert needed > offset


def test_long_frame_inside_a_packet_is_not_waited_for() -> None:
    header = bytes.fromhex("0400000007") + (WAIT_BYTES_MAX + 1).to_bytes(4, "big")
    offset, _ = _find(b"xx" + header + b"\x00\x00\x00\x10" + bytes(100))
    assert offset > 2


def test_a_header_that_nothing_follows_up_is_passed_over() -> None:
    # The same bytes as a header, with a body that ends where no frame starts.
    fake = bytes.fromhex("040000000500000000")
    assert _find(fake + b"\xff" * 20 + QUERY + EXECUTE) == (29, 0)


def test_bytes_of_the_other_direction_hold_no_frame() -> None:
    assert _find(ROWS + VOID)[1] > 0
    assert _find(QUERY + EXECUTE, from_client=False)[1] > 0


@given(data=st.binary(max_size=300), from_client=st.booleans(), is_end=st.booleans())
def test_garbage_never_gives_an_offset_outside(data: bytes, *, from_client: bool, is_end: bool) -> None:
    offset, needed = _find(data, from_client=from_client, is_end=is_end)
    assert 0 <= offset <= max(len(data), 0)
    assert needed == 0 or needed > offset
