import contextlib
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.scylla_v3 import crc32c, decode_control, unwrap_scylla_v3, wrap_scylla_v3
from harness.codec.rpc.wrapper import Algorithm, ControlKind
from harness.errors import DecodeError, HarnessError
from tests.codec.rpc.examples import (
    V3_CONTROL_ONLY,
    V3_EMPTY,
    V3_LZ4,
    V3_LZ4_CONTENTS,
    V3_RAW,
    V3_RAW_CONTENTS,
    V3_RAW_CONTROL,
    V3_RAW_CONTROL_CONTENTS,
    V3_ZSTD,
)
from tests.codec.rpc.test_wrapper import DICTIONARY


def test_checksum_begins_with_zero_and_is_not_inverted() -> None:
    """The value of one byte follows from the polynomial 82f63b78: the bits of 80 shifted out."""
    assert crc32c(b"") == 0
    assert crc32c(b"\x00" * 10) == 0
    assert crc32c(b"\x80") == 0x82F63B78


@pytest.mark.parametrize(
    ("wrapped", "contents", "algorithm"),
    [
        (V3_RAW, V3_RAW_CONTENTS, Algorithm.RAW),
        (V3_RAW_CONTROL, V3_RAW_CONTROL_CONTENTS, Algorithm.RAW),
        (V3_LZ4, V3_LZ4_CONTENTS, Algorithm.LZ4),
        (V3_EMPTY, b"", Algorithm.RAW),
        (V3_CONTROL_ONLY, b"", Algorithm.RAW),
        # Without a checksum; laid out by hand.
        (bytes.fromhex("06000000 00 0100000006"), V3_RAW_CONTENTS, Algorithm.RAW),
    ],
)
def test_frames_of_a_cluster_come_out_and_go_back(
    wrapped: bytes, contents: bytes, algorithm: Algorithm
) -> None:
    found, wrapper = unwrap_scylla_v3(wrapped[4:])
    assert found == contents
    assert wrapper.algorithm is algorithm
    assert wrapper.compressed_bytes == len(wrapped) - 4
    again = wrap_scylla_v3(
        found, algorithm=algorithm, has_checksum=wrapper.checksum is not None, control=wrapper.control
    )
    assert again == wrapped[4:]


def test_control_blocks_are_decoded() -> None:
    _, wrapper = unwrap_scylla_v3(V3_CONTROL_ONLY[4:])
    assert wrapper.control is not None
    sender, receiver = wrapper.control
    assert (sender.kind, sender.epoch, sender.algorithms) == (ControlKind.COMMIT, 4, 4)
    assert (receiver.kind, receiver.epoch, receiver.algorithms) == (ControlKind.NONE, 0, 1)
    assert decode_control(V3_CONTROL_ONLY[4:]) == wrapper.control
    assert decode_control(V3_EMPTY[4:]) is None
    assert decode_control(b"") is None


def test_zstd_frame_has_no_magic_and_no_size() -> None:
    contents, wrapper = unwrap_scylla_v3(V3_ZSTD[4:])
    assert wrapper.algorithm is Algorithm.ZSTD
    assert wrapper.checksum == 0x6624E936
    assert len(contents) == 30298
    assert contents[:48] == bytes.fromhex(
        "d007000000000000 0100000000000000 2300000000000000 3e760000 0476000004760000f1115ae6e045d642d16d533a"
    )
    assert contents.count(b"long text ") == 3000
    digest = "20fde7e9f56d5faaeb757b8f080e081e7057c63fbc4e1e0249898915a978761b"
    assert hashlib.sha256(contents).hexdigest() == digest


@pytest.mark.parametrize("wrapped", [V3_RAW, V3_RAW_CONTROL, V3_LZ4, V3_ZSTD])
def test_frame_with_a_changed_byte_fails_its_checksum(wrapped: bytes) -> None:
    """A byte of the checksum, the last one of the contents; whatever is changed, nothing false comes out."""
    for position in (5, len(wrapped) - 1):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        with pytest.raises(DecodeError):
            unwrap_scylla_v3(bytes(changed[4:]))


@pytest.mark.parametrize("wrapped", [V3_RAW_CONTROL, V3_LZ4, V3_ZSTD, V3_CONTROL_ONLY])
def test_frame_cut_short_is_refused(wrapped: bytes) -> None:
    for size in range(len(wrapped) - 4):
        with pytest.raises(DecodeError):
            unwrap_scylla_v3(wrapped[4 : 4 + size])


@pytest.mark.parametrize("wrapped", [V3_LZ4, V3_ZSTD, V3_RAW])
def test_bytes_after_the_frame_are_refused(wrapped: bytes) -> None:
    with pytest.raises(DecodeError):
        unwrap_scylla_v3(wrapped[4:] + b"\x00")


@pytest.mark.parametrize(
    "cdata",
    [
        bytes.fromhex("03"),
        bytes.fromhex("3f 00"),
        # LZ4: a size that begins with a zero byte, one that is cut, one beyond the frame, one of nothing.
        bytes.fromhex("01 00"),
        bytes.fromhex("01 02"),
        bytes.fromhex("01 fd ff"),
        bytes.fromhex("01 01"),
    ],
)
def test_malformed_frame_is_refused(cdata: bytes) -> None:
    with pytest.raises(DecodeError):
        unwrap_scylla_v3(cdata)


def test_lz4_blocks_refer_back_to_earlier_blocks_of_their_frame() -> None:
    """Two blocks by hand: "abcdefgh" as literals; a match of 8 bytes, 8 back, then "12345" as literals."""
    cdata = bytes.fromhex("01138061626364656667681304 080050 3132333435")
    assert unwrap_scylla_v3(cdata)[0] == b"abcdefghabcdefgh12345"


def test_zstd_window_is_limited() -> None:
    """A window of 2 GiB, of which nothing may be allocated."""
    with pytest.raises(DecodeError):
        unwrap_scylla_v3(bytes.fromhex("02 00 a8 010000"))


@settings(max_examples=100)
@given(
    st.binary(max_size=300),
    st.integers(0, 400),
    st.sampled_from(Algorithm),
    st.booleans(),
    st.booleans(),
)
def test_contents_survive(
    seed: bytes, times: int, algorithm: Algorithm, has_checksum: bool, has_control: bool
) -> None:
    contents = seed * times
    control = (DICTIONARY, DICTIONARY) if has_control else None
    cdata = wrap_scylla_v3(contents, algorithm=algorithm, has_checksum=has_checksum, control=control)
    found, wrapper = unwrap_scylla_v3(cdata)
    assert found == contents
    assert wrapper.control == control
    assert (wrapper.checksum is not None) is has_checksum


@given(st.binary(max_size=80))
def test_garbage_raises_nothing_but_harness_errors(cdata: bytes) -> None:
    for call in (unwrap_scylla_v3, decode_control):
        with contextlib.suppress(HarnessError):
            call(cdata)
