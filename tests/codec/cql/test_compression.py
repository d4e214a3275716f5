from contextlib import suppress

import pytest
from cassandra.connection import locally_supported_compressions
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.compression import (
    Compression,
    pack_body,
    pack_lz4_block,
    unpack_body,
    unpack_lz4_block,
)
from harness.errors import DecodeError, EncodeError, HarnessError

PACKED = [Compression.LZ4, Compression.SNAPPY]


@pytest.mark.parametrize("compression", PACKED)
@given(body=st.binary(max_size=2000))
def test_bodies_of_the_stock_driver_unpack_and_ours_unpack_there(
    compression: Compression, body: bytes
) -> None:
    compress, decompress = locally_supported_compressions[compression.value]
    if body:
        assert unpack_body(compression, compress(body)) == body
        assert decompress(pack_body(compression, body)) == body
    assert unpack_body(compression, pack_body(compression, body)) == body


def test_lz4_block_of_one_literal_run_unpacks() -> None:
    assert unpack_body(Compression.LZ4, bytes.fromhex("0000000330616263")) == b"abc"
    assert unpack_lz4_block(bytes.fromhex("30616263"), 3) == b"abc"
    assert pack_lz4_block(b"abc").hex() == "30616263"


def test_snappy_of_one_literal_unpacks() -> None:
    assert unpack_body(Compression.SNAPPY, bytes.fromhex("0308616263")) == b"abc"


@pytest.mark.parametrize(
    ("compression", "body"),
    [
        (Compression.LZ4, b"\x00\x00"),
        (Compression.LZ4, bytes.fromhex("ffffffff30616263")),
        (Compression.LZ4, bytes.fromhex("0000000430616263")),
        (Compression.LZ4, bytes.fromhex("0000000230616263")),
        (Compression.SNAPPY, b""),
        (Compression.SNAPPY, bytes.fromhex("ffffffff0f08616263")),
        (Compression.SNAPPY, bytes.fromhex("0408616263")),
        (Compression.NONE, b"abc"),
    ],
)
def test_claims_that_do_not_hold_are_refused(compression: Compression, body: bytes) -> None:
    with pytest.raises(DecodeError):
        unpack_body(compression, body)


def test_packing_needs_an_algorithm() -> None:
    with pytest.raises(EncodeError):
        pack_body(Compression.NONE, b"abc")


@given(compression=st.sampled_from(Compression), body=st.binary(max_size=100))
def test_garbage_raises_only_harness_errors(compression: Compression, body: bytes) -> None:
    with suppress(HarnessError):
        unpack_body(compression, body)
