import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.compression import unwrap, wrap
from harness.codec.rpc.wrapper import COMPRESSIONS, LZ4, LZ4_FRAGMENTED, SCYLLA_V3, Algorithm
from harness.errors import DecodeError, EncodeError, HarnessError
from tests.codec.rpc.examples import (
    LZ4_FRAGMENTED_REPLY,
    LZ4_FRAGMENTED_REPLY_CONTENTS,
    LZ4_FRAGMENTED_REQUEST,
    LZ4_FRAGMENTED_REQUEST_CONTENTS,
)

# No capture has LZ4: the block of a captured LZ4_FRAGMENTED frame behind a size, as the format says.
LZ4_REQUEST = LZ4_FRAGMENTED_REQUEST[:4] + bytes.fromhex("21000000") + LZ4_FRAGMENTED_REQUEST[8:]

EXAMPLES = [
    (LZ4_FRAGMENTED, LZ4_FRAGMENTED_REQUEST, LZ4_FRAGMENTED_REQUEST_CONTENTS),
    (LZ4_FRAGMENTED, LZ4_FRAGMENTED_REPLY, LZ4_FRAGMENTED_REPLY_CONTENTS),
    (LZ4, LZ4_REQUEST, LZ4_FRAGMENTED_REQUEST_CONTENTS),
    # Empty frames, as newer lines may send them: an empty block is one zero byte.
    (LZ4_FRAGMENTED, bytes.fromhex("05000000 00000080 00"), b""),
    (LZ4, bytes.fromhex("05000000 00000000 00"), b""),
]


@pytest.mark.parametrize(("compression", "wrapped", "contents"), EXAMPLES)
def test_frame_comes_out_and_goes_back(compression: str, wrapped: bytes, contents: bytes) -> None:
    found, wrapper = unwrap(compression, wrapped[4:])
    assert found == contents
    assert wrapper.compression == compression
    assert wrapper.compressed_bytes == len(wrapped) - 4
    assert wrap(compression, contents) == wrapped


@pytest.mark.parametrize(("compression", "wrapped", "contents"), EXAMPLES)
def test_frame_cut_short_is_refused(compression: str, wrapped: bytes, contents: bytes) -> None:
    for size in range(len(wrapped) - 4):
        with pytest.raises(DecodeError):
            unwrap(compression, wrapped[4 : 4 + size])


def test_chunks_refer_back_to_earlier_chunks_of_their_frame() -> None:
    """Two chunks by hand. The first: 8 literals and a match up to 32763 bytes, 5 literals, 32768 in all.

    The second begins with a match of 8 bytes, 32768 back, which is the very first byte.
    """
    match_bytes = 32768 - 8 - 5
    more, rest = divmod(match_bytes - 4 - 15, 255)
    first = (
        bytes.fromhex("8f 6162636465666768 0800")
        + b"\xff" * more
        + bytes([rest])
        + bytes.fromhex("50 3132333435")
    )
    second = bytes.fromhex("04 0080 50 6e6f706172")
    cdata = len(first).to_bytes(4, "little") + first + bytes.fromhex("0d000080") + second
    contents, _ = unwrap(LZ4_FRAGMENTED, cdata)
    assert len(contents) == 32768 + 13
    assert contents[:16] == b"abcdefghabcdefgh"
    assert contents[32763:] == b"12345abcdefghnopar"


@pytest.mark.parametrize(
    ("compression", "cdata"),
    [
        (LZ4, bytes.fromhex("ffffffff 00")),
        (LZ4_FRAGMENTED, bytes.fromhex("ffffffff 00")),
        (LZ4_FRAGMENTED, bytes.fromhex("ffffff7f 00")),
        # A chunk that is not the last must hold 32768 bytes.
        (LZ4_FRAGMENTED, bytes.fromhex("02000000 1061 01000080 1062")),
        ("SNAPPY", b"abc"),
    ],
)
def test_claims_and_unknown_compressions_are_refused(compression: str, cdata: bytes) -> None:
    with pytest.raises(DecodeError):
        unwrap(compression, cdata)


def test_unknown_compression_cannot_be_encoded() -> None:
    with pytest.raises(EncodeError):
        wrap("SNAPPY", b"abc")


@settings(max_examples=100)
@given(
    st.binary(min_size=1, max_size=500),
    st.integers(0, 300),
    st.sampled_from(COMPRESSIONS),
    st.sampled_from(Algorithm),
)
def test_contents_survive(seed: bytes, times: int, compression: str, algorithm: Algorithm) -> None:
    contents = seed * times
    wrapped = wrap(compression, contents, algorithm=algorithm)
    assert int.from_bytes(wrapped[:4], "little") == len(wrapped) - 4
    assert unwrap(compression, wrapped[4:])[0] == contents


@pytest.mark.parametrize("size", [32767, 32768, 32769, 65536, 65537, 200_000])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_frames_at_the_borders_of_chunks_survive(compression: str, size: int) -> None:
    contents = (bytes(range(251)) * 1000)[:size]
    assert unwrap(compression, wrap(compression, contents)[4:])[0] == contents


@given(st.sampled_from((LZ4, LZ4_FRAGMENTED, SCYLLA_V3)), st.binary(max_size=64))
def test_garbage_raises_nothing_but_harness_errors(compression: str, cdata: bytes) -> None:
    with contextlib.suppress(HarnessError):
        unwrap(compression, cdata)
