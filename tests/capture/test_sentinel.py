import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.capture.sentinel import Sentinel, decode_sentinel, encode_sentinel
from harness.codec.pcapng import Packet

MARK_ID = bytes(range(16))
FRAME = bytes.fromhex(
    "0180c200000e 020000000000 88b5"
    "737768206d61726b"
    "000102030405060708090a0b0c0d0e0f"
    "05 626567696e"
    "00000000000000000000000000000000"
)


def packet(data: bytes, *, link_type: int = 1) -> Packet:
    return Packet(1, 0, link_type, data, len(data), 0)


def test_a_mark_is_an_ethernet_frame_that_no_bridge_forwards() -> None:
    assert encode_sentinel(Sentinel(MARK_ID, "begin")) == FRAME
    assert len(FRAME) == 60


def test_a_mark_is_found_again() -> None:
    assert decode_sentinel(packet(FRAME)) == Sentinel(MARK_ID, "begin")
    label = "ein Ende, über das jeder spricht " * 10
    found = decode_sentinel(packet(encode_sentinel(Sentinel(MARK_ID, label))))
    assert found is not None
    assert label.startswith(found.label.rstrip("�"))


@pytest.mark.parametrize("size", range(len(FRAME)))
def test_a_mark_cut_short_is_none_or_has_less_of_its_label(size: int) -> None:
    found = decode_sentinel(packet(FRAME[:size]))
    assert found is None or (found.mark_id == MARK_ID and "begin".startswith(found.label))
    assert (found is None) == (size <= 38)


def test_other_packets_are_no_marks() -> None:
    assert decode_sentinel(packet(FRAME, link_type=113)) is None
    assert decode_sentinel(packet(b"\xff" + FRAME[1:])) is None


@given(st.binary(max_size=100))
def test_garbage_is_no_mark(data: bytes) -> None:
    assert decode_sentinel(packet(data)) is None


@given(st.binary(max_size=300))
def test_garbage_behind_the_magic_is_a_mark_or_none(data: bytes) -> None:
    found = decode_sentinel(packet(FRAME[:22] + data))
    # An id and the length of a label are the least.
    assert (found is None) == (len(data) <= 16)
    assert found is None or found.mark_id == data[:16]


def test_ids_have_one_size() -> None:
    with pytest.raises(ValueError, match="15 bytes"):
        encode_sentinel(Sentinel(bytes(15), ""))
