import io

import pytest
from cassandra.connection import segment_codec_lz4
from cassandra.segment import SegmentCodec, compute_crc24
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.segment import (
    PAYLOAD_BYTES_MAX,
    crc24,
    crc32,
    decode_segment_header,
    decode_segment_payload,
    encode_segments,
)
from harness.errors import DecodeError

DRIVER = {False: SegmentCodec(), True: segment_codec_lz4}


@given(data=st.binary(min_size=3, max_size=3) | st.binary(min_size=5, max_size=5))
def test_crc24_is_that_of_the_stock_driver(data: bytes) -> None:
    assert crc24(data) == compute_crc24(int.from_bytes(data, "little"), len(data))


def test_crc24_of_no_bytes_is_its_start() -> None:
    assert crc24(b"") == 0x875060


def test_crc32_covers_four_bytes_that_are_not_sent() -> None:
    # The CRC-32 of 0xfa2d55ca, then "123456789", as any implementation gives it.
    assert crc32(b"123456789") == 0xE2A261A7


@pytest.mark.parametrize("is_lz4", [False, True])
@pytest.mark.parametrize("size", [0, 1, 9, 5000, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX + 1, 300_000])
def test_segments_are_those_of_the_stock_driver(size: int, *, is_lz4: bool) -> None:
    frames = (b"abcdefgh" * (size // 8 + 1))[:size]
    buffer = io.BytesIO()
    DRIVER[is_lz4].encode(buffer, frames)
    assert encode_segments(frames, is_lz4=is_lz4) == buffer.getvalue()


@pytest.mark.parametrize("is_lz4", [False, True])
def test_header_and_payload_come_back(*, is_lz4: bool) -> None:
    data = encode_segments(b"abcdefgh" * 100, is_lz4=is_lz4)
    header = decode_segment_header(data, 0, is_lz4=is_lz4)
    assert header is not None
    assert header.is_self_contained
    assert header.segment_bytes == len(data)
    assert decode_segment_payload(data, 0, header) == b"abcdefgh" * 100


def test_payload_of_one_byte_stands_so_on_the_wire() -> None:
    data = encode_segments(b"\x00", is_lz4=False)
    assert data[:3].hex() == "010002"
    assert len(data) == 6 + 1 + 4


def test_damaged_header_is_none() -> None:
    data = bytearray(encode_segments(b"abc", is_lz4=False))
    data[0] ^= 1
    assert decode_segment_header(bytes(data), 0, is_lz4=False) is None


def test_damaged_payload_is_refused() -> None:
    data = bytearray(encode_segments(b"abc", is_lz4=False))
    data[6] ^= 1
    header = decode_segment_header(bytes(data), 0, is_lz4=False)
    assert header is not None
    with pytest.raises(DecodeError, match="checksum"):
        decode_segment_payload(bytes(data), 0, header)
