import uuid
from dataclasses import replace

import pytest

from harness.codec.rpc.compression import wrap
from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.frame_reader import FrameReader, RequestReader, StreamReader
from harness.codec.rpc.lz4_block import compress_block
from harness.codec.rpc.scylla_v3 import crc32c
from harness.codec.rpc.wrapped_reader import DictionaryNotes, WrappedReader
from harness.codec.rpc.wrapper import LZ4, LZ4_FRAGMENTED, SCYLLA_V3, Algorithm
from harness.errors import DecodeError
from tests.codec.rpc.examples import (
    CLIENT_ID_4_2,
    LZ4_FRAGMENTED_REQUEST,
    V3_CONTROL_ONLY,
    V3_EMPTY,
    V3_LZ4,
    V3_RAW,
    V3_RAW_CONTROL,
)
from tests.codec.rpc.test_wrapper import DICTIONARY


def reader_of(
    compression: str, inner: FrameReader | None = None, *, is_complete: bool = True
) -> WrappedReader:
    notes = DictionaryNotes(is_complete=is_complete)
    return WrappedReader(compression, inner or RequestReader(has_timeout=True), notes, from_client=True)


def read(reader: WrappedReader, data: bytes) -> tuple[list[Frame], int]:
    frames: list[Frame] = []
    position = reader.read(data, 1, 2, frames)
    return frames, position


def test_wrapped_request_is_read_like_a_plain_one() -> None:
    reader = reader_of(LZ4_FRAGMENTED)
    (frame,), position = read(reader, LZ4_FRAGMENTED_REQUEST)
    assert position == len(LZ4_FRAGMENTED_REQUEST)
    assert (frame.kind, frame.verb, frame.msg_id) == (FrameKind.REQUEST, 14, 3)
    assert frame.payload.hex() == "0500000001"
    assert frame.wrapper is not None
    assert frame.wrapper.compressed_bytes == 26
    assert reader.last_msg_id == 3


def test_frames_of_scylla_v3_keep_their_wrapper() -> None:
    frames, _ = read(reader_of(SCYLLA_V3), V3_RAW_CONTROL + V3_EMPTY + V3_CONTROL_ONLY)
    assert [frame.kind for frame in frames] == [FrameKind.REQUEST, FrameKind.WRAPPER, FrameKind.WRAPPER]
    assert frames[0].msg_id == 1
    wrappers = [frame.wrapper for frame in frames]
    assert [wrapper is not None and wrapper.control is not None for wrapper in wrappers] == [
        True,
        False,
        True,
    ]
    assert [(frame.first_mark, frame.last_mark) for frame in frames] == [(1, 2), (2, 2), (2, 2)]


def test_wrapped_stream_frames() -> None:
    frames, _ = read(reader_of(SCYLLA_V3, StreamReader(from_client=True)), V3_RAW + V3_LZ4)
    assert [frame.kind for frame in frames] == [FrameKind.STREAM_DATA, FrameKind.STREAM_END]
    assert frames[0].payload == b"\x06"


def test_frame_that_cannot_be_unwrapped_costs_no_other_frame() -> None:
    broken = bytearray(V3_RAW_CONTROL)
    broken[5] ^= 1
    frames, position = read(reader_of(SCYLLA_V3), bytes(broken) + V3_RAW_CONTROL)
    assert position == 2 * len(broken)
    assert [frame.kind for frame in frames] == [FrameKind.UNDECODED, FrameKind.REQUEST]
    assert frames[0].payload == bytes(broken)
    assert "checksum" in frames[0].reason


def test_wrapper_around_anything_but_one_frame_is_not_decoded() -> None:
    for contents in (CLIENT_ID_4_2 * 2, CLIENT_ID_4_2[:-1], CLIENT_ID_4_2 + b"x"):
        (frame,), _ = read(reader_of(LZ4), wrap(LZ4, contents))
        assert frame.kind is FrameKind.UNDECODED
        assert "not one frame" in frame.reason


def test_unknown_compression_is_split_into_its_frames() -> None:
    frames, position = read(reader_of("SNAPPY"), bytes.fromhex("01000000ff 02000000eeee"))
    assert position == 11
    assert [(frame.kind, frame.payload.hex()) for frame in frames] == [
        (FrameKind.UNDECODED, "01000000ff"),
        (FrameKind.UNDECODED, "02000000eeee"),
    ]
    assert "SNAPPY" in frames[0].reason


def test_frame_that_needs_a_dictionary_says_so() -> None:
    """The sender names a dictionary; then comes a frame whose block refers back to before its beginning."""
    dictionary = CLIENT_ID_4_2 * 100
    block = compress_block(CLIENT_ID_4_2, window=dictionary)
    cdata = b"\x41" + crc32c(CLIENT_ID_4_2).to_bytes(4, "little") + bytes([len(block) << 1 | 1]) + block
    needy = len(cdata).to_bytes(4, "little") + cdata
    update = wrap(SCYLLA_V3, b"", algorithm=Algorithm.RAW, control=(DICTIONARY, DICTIONARY))
    reader = reader_of(SCYLLA_V3)
    (before,), _ = read(reader, needy)
    assert "dictionary" not in before.reason
    (_, after), _ = read(reader, update + needy)
    assert after.kind is FrameKind.UNDECODED
    assert after.payload == needy
    assert "needs dictionary 9900aabb-ccdd-eeff-1122-334455667788" in after.reason
    assert "which the capture does not hold" in after.reason
    assert "ab" * 32 in after.reason


def test_dictionary_may_have_been_named_before_the_capture_began() -> None:
    broken = bytearray(V3_RAW_CONTROL)
    broken[5] ^= 1
    (frame,), _ = read(reader_of(SCYLLA_V3, is_complete=False), bytes(broken))
    assert "may need a dictionary" in frame.reason


def test_receivers_block_is_about_the_other_direction() -> None:
    notes = DictionaryNotes(is_complete=True)
    assert notes.dictionary_of(from_client=True) is None
    silent = replace(DICTIONARY, dictionary_id=uuid.UUID(int=0))
    notes.note((silent, DICTIONARY), from_client=True)
    assert notes.dictionary_of(from_client=True) is None
    assert notes.dictionary_of(from_client=False) == DICTIONARY


@pytest.mark.parametrize("head", ["00000000", "ffffffff", "01000010"])
def test_length_that_cannot_be_is_refused(head: str) -> None:
    reader = reader_of(LZ4)
    data = bytes.fromhex(head)
    assert read(reader, data + b"abc") == ([], 0)
    with pytest.raises(DecodeError):
        reader.need_bytes(data, 0)


def test_wrapper_cut_at_any_byte_is_left() -> None:
    reader = reader_of(LZ4_FRAGMENTED)
    for size in range(len(LZ4_FRAGMENTED_REQUEST)):
        assert read(reader, LZ4_FRAGMENTED_REQUEST[:size]) == ([], 0)
        assert reader.need_bytes(LZ4_FRAGMENTED_REQUEST[:size], 0) == (30 if size >= 4 else 4)
