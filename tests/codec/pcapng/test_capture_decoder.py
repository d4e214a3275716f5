import subprocess
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.pcapng import CaptureDecoder, CaptureEvent, Interface, Packet, PacketRow, Truncated
from harness.errors import DecodeError
from tests.codec.pcapng.captures import (
    INTERFACE_NS,
    INTERFACE_US,
    PACKET_5,
    SECTION_BIG,
    SECTION_LITTLE,
    decoded,
    decoded_by_bytes,
)

SMALL = SECTION_LITTLE + INTERFACE_US + INTERFACE_NS + PACKET_5 + SECTION_BIG
SMALL_BLOCK_ENDS = (28, 48, 88, 128, 156)


@pytest.mark.parametrize(
    ("magic", "what"),
    [
        ("504b0304", "neither pcapng nor pcap: the file begins with 50 4b 03 04"),
        ("a1b2cd34", "modified by Kuznetzov"),
        ("34cdb2a1", "modified by Kuznetzov"),
        ("1f8b0800", "a gzip file"),
    ],
)
def test_what_is_not_a_capture_is_refused(magic: str, what: str) -> None:
    decoder = CaptureDecoder()
    with pytest.raises(DecodeError, match=what):
        decoder.feed(bytes.fromhex(magic) + bytes(100))
    with pytest.raises(DecodeError, match=what):
        decoder.close()


def test_file_shorter_than_a_magic_number_is_truncated_or_no_capture() -> None:
    assert decoded(b"") == [
        Truncated(offset_bytes=0, what="0 bytes, less than the magic number of a capture")
    ]
    assert isinstance(decoded(b"\x0a\x0d")[0], Truncated)
    with pytest.raises(DecodeError, match="the file begins with 61 62"):
        decoded(b"ab")


def test_file_cut_short_at_every_byte_gives_what_is_there_and_says_where_it_ends() -> None:
    whole = decoded(SMALL)
    assert len(whole) == len(SMALL_BLOCK_ENDS)
    for size in range(len(SMALL)):
        events = decoded(SMALL[:size])
        assert decoded_by_bytes(SMALL[:size]) == events
        ends = [end for end in SMALL_BLOCK_ENDS if end <= size]
        assert events[: len(ends)] == whole[: len(ends)]
        last_end = ends[-1] if ends else 0
        if last_end == size and size:
            assert len(events) == len(ends)
            continue
        last = events[-1]
        assert isinstance(last, Truncated)
        assert last.offset_bytes == last_end
        assert str(size - last_end) in last.what
        assert len(events) == len(ends) + 1


def test_error_is_raised_at_once_when_there_is_nothing_else_to_give() -> None:
    decoder = CaptureDecoder()
    assert len(decoder.feed(SMALL)) == len(SMALL_BLOCK_ENDS)
    with pytest.raises(DecodeError, match="a block of 0 bytes"):
        decoder.feed(bytes(12))


def test_error_comes_after_the_events_before_it() -> None:
    decoder = CaptureDecoder()
    assert len(decoder.feed(SMALL + bytes(12) + SMALL)) == len(SMALL_BLOCK_ENDS)
    with pytest.raises(DecodeError, match="a block of 0 bytes") as caught:
        decoder.close()
    assert caught.value.offset_bytes == len(SMALL)


@given(st.lists(st.integers(1, 60), max_size=30))
@settings(max_examples=100)
def test_chunks_of_any_size_give_the_same(sizes: list[int]) -> None:
    data = SMALL + SECTION_LITTLE + INTERFACE_NS + PACKET_5 * 5 + PACKET_5[:17]
    decoder = CaptureDecoder()
    events: list[CaptureEvent] = []
    position = 0
    for size in sizes:
        events += decoder.feed(data[position : position + size])
        position += size
    events += decoder.feed(data[position:]) + decoder.close()
    assert events == decoded(data)


def rows_outcome(data: bytes, chunk_bytes: int) -> tuple[list[CaptureEvent], list[PacketRow], str]:
    """The same by way of ``feed_rows``."""
    decoder = CaptureDecoder()
    events: list[CaptureEvent] = []
    rows: list[PacketRow] = []
    try:
        for position in range(0, len(data), chunk_bytes):
            some, packets = decoder.feed_rows(data[position : position + chunk_bytes])
            events += some
            rows += packets
        events += decoder.close()
    except DecodeError as error:
        return events, rows, str(error)
    return events, rows, ""


def outcome(data: bytes, chunk_bytes: int) -> tuple[list[CaptureEvent], str]:
    """The events before the first error, and the error."""
    decoder = CaptureDecoder()
    events: list[CaptureEvent] = []
    try:
        for position in range(0, len(data), chunk_bytes):
            events += decoder.feed(data[position : position + chunk_bytes])
        events += decoder.close()
    except DecodeError as error:
        return events, str(error)
    return events, ""


MAGICS = [
    b"",
    SECTION_LITTLE,
    SECTION_BIG,
    SECTION_LITTLE + INTERFACE_US + PACKET_5,
    bytes.fromhex("d4c3b2a1"),
]


@given(st.sampled_from(MAGICS), st.binary(max_size=200))
@settings(max_examples=200)
def test_garbage_gives_events_and_a_decode_error_at_most(magic: bytes, noise: bytes) -> None:
    events, error = outcome(magic + noise, 1000)
    assert outcome(magic + noise, 1) == (events, error)
    packets = [event[:4] for event in events if isinstance(event, Packet)]
    others = [event for event in events if not isinstance(event, Packet)]
    for chunk_bytes in (1, 1000):
        assert rows_outcome(magic + noise, chunk_bytes) == (others, packets, error)


@given(st.dictionaries(st.integers(0, 235), st.integers(0, 255), max_size=4))
@settings(max_examples=200)
def test_damaged_file_gives_events_and_a_decode_error_at_most(damage: dict[int, int]) -> None:
    data = bytearray(SMALL + SECTION_LITTLE + INTERFACE_NS + PACKET_5)
    for position, byte in damage.items():
        if position < len(data):
            data[position] = byte
    assert outcome(bytes(data), 1) == outcome(bytes(data), 1000)


SMALL_REFERENCES = [
    "scylla-4.2/base/truncate.pcapng",
    "scylla-4.2/errors/non_frozen_udt.pcapng",
    "scylla-2025.1/base/truncate.pcapng",
]


@pytest.mark.reference
@pytest.mark.tshark
@pytest.mark.parametrize("name", SMALL_REFERENCES)
def test_numbers_times_and_sizes_are_those_of_tshark(reference: Path, name: str) -> None:
    if which("tshark") is None:
        pytest.skip("tshark is not installed")
    fields = ("frame.number", "frame.time_epoch", "frame.cap_len", "frame.len")
    command = ["tshark", "-r", str(reference / name), "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    packets = [event for event in decoded((reference / name).read_bytes()) if isinstance(event, Packet)]
    assert packets
    assert lines == [
        f"{packet.number}\t{packet.time_ns // 10**9}.{packet.time_ns % 10**9:09}"
        f"\t{len(packet.data)}\t{packet.original_bytes}"
        for packet in packets
    ]


@pytest.mark.reference
def test_real_capture_fed_by_bytes_gives_the_same(reference: Path) -> None:
    data = (reference / "scylla-4.2" / "base" / "truncate.pcapng").read_bytes()
    events = decoded(data)
    assert isinstance(events[1], Interface)
    assert decoded_by_bytes(data) == events


def test_rows_hold_the_beginning_of_every_packet_and_events_the_rest() -> None:
    # The packet in the middle has a comment, "hi", and so takes the careful way.
    with_comment = bytes.fromhex(
        "06000000 34000000 00000000 01000000 03000000 05000000 09000000 6162636465 000000"
        "0100 0200 6869 0000 0000 0000 34000000"
    )
    data = SECTION_LITTLE + INTERFACE_NS + PACKET_5 + with_comment + PACKET_5
    expected = [(number, (1 << 32) + low, 1, b"abcde") for number, low in ((1, 2), (2, 3), (3, 2))]
    for chunk_bytes in (1, 7, 1000):
        events, rows, error = rows_outcome(data, chunk_bytes)
        assert (rows, error) == (expected, "")
        assert events == [event for event in decoded(data) if not isinstance(event, Packet)]
