import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.lz4_block import compress_block, decompress_block, decompress_block_of_unknown_size
from harness.errors import DecodeError, HarnessError
from tests.codec.rpc.examples import LZ4_FRAGMENTED_REQUEST, LZ4_FRAGMENTED_REQUEST_CONTENTS

BLOCK = LZ4_FRAGMENTED_REQUEST[8:]


def test_block_of_a_cluster() -> None:
    assert decompress_block(BLOCK, size_bytes=33) == LZ4_FRAGMENTED_REQUEST_CONTENTS
    assert decompress_block_of_unknown_size(BLOCK) == LZ4_FRAGMENTED_REQUEST_CONTENTS


def test_block_that_refers_back_needs_its_window() -> None:
    window = bytes(range(256)) * 8
    block = compress_block(window[100:1100], window=window)
    assert len(block) < 50
    assert decompress_block(block, size_bytes=1000, window=window) == window[100:1100]
    with pytest.raises(DecodeError):
        decompress_block(block, size_bytes=1000)


@pytest.mark.parametrize("size_bytes", [0, 32, 34, 5000, (1 << 31) - 1])
def test_another_size_is_refused(size_bytes: int) -> None:
    with pytest.raises(DecodeError):
        decompress_block(BLOCK, size_bytes=size_bytes)


def test_claim_is_checked_before_anything_is_allocated() -> None:
    with pytest.raises(DecodeError, match="claimed"):
        decompress_block(BLOCK, size_bytes=(1 << 32) - 1)


def test_block_cut_short_is_refused() -> None:
    for size in range(len(BLOCK)):
        with pytest.raises(DecodeError):
            decompress_block(BLOCK[:size], size_bytes=33)


def test_block_that_grows_much_is_decompressed_without_its_size() -> None:
    contents = bytes(1_000_000)
    assert decompress_block_of_unknown_size(compress_block(contents)) == contents


@settings(max_examples=100)
@given(st.binary(max_size=64), st.integers(0, 1 << 32))
def test_garbage_raises_nothing_but_harness_errors(block: bytes, size_bytes: int) -> None:
    try:
        decompress_block(block, size_bytes=size_bytes)
        decompress_block_of_unknown_size(block)
    except HarnessError:
        pass
