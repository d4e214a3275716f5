import pytest

from harness.codec.cql.compression import Compression
from harness.codec.cql.frame import BODY_BYTES_MAX, UNDECODED, Frame, encode_frame, undecoded
from harness.errors import EncodeError


def test_request_of_version_4_has_nine_bytes_of_header() -> None:
    frame = Frame(1, 2, True, 4, 0x02, 258, 0x07, b"\xab")
    assert encode_frame(frame).hex() == "040201020700000001ab"


def test_response_has_the_direction_bit() -> None:
    frame = Frame(1, 2, False, 3, 0, -1, 0x0C, b"")
    assert encode_frame(frame).hex() == "8300ffff0c00000000"


def test_compressed_body_is_packed_again() -> None:
    # One literal run of two bytes: token 0x20.
    frame = Frame(1, 1, True, 4, 0x01, 0, 0x07, b"ab")
    assert encode_frame(frame, compression=Compression.LZ4).hex() == "04010000070000000700000002206162"


def test_body_that_could_not_be_unpacked_is_left_as_it_is() -> None:
    frame = Frame(1, 1, True, 4, 0x01, 0, 0x07, b"ab", "damaged")
    assert encode_frame(frame).hex() == "0401000007000000026162"


def test_undecoded_frame_is_its_bytes() -> None:
    frame = undecoded(b"\x01\x02", 3, 4, from_client=False, reason="why")
    assert (frame.opcode, frame.first_mark, frame.last_mark, frame.reason) == (UNDECODED, 3, 4, "why")
    assert encode_frame(frame) == b"\x01\x02"


@pytest.mark.parametrize(
    "frame",
    [
        Frame(1, 1, True, 4, 0, 40_000, 7, b""),
        Frame(1, 1, True, 4, 256, 0, 7, b""),
        Frame(1, 1, True, 4, 0, 0, 7, bytes(BODY_BYTES_MAX + 1)),
        Frame(1, 1, True, 4, 1, 0, 7, b"without an algorithm"),
    ],
    ids=["stream_id", "flags", "body", "compression"],
)
def test_what_does_not_fit_is_refused(frame: Frame) -> None:
    with pytest.raises(EncodeError):
        encode_frame(frame)
