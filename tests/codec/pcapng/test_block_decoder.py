import pytest

from harness.codec.pcapng import (
    CaptureDecoder,
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    SectionStart,
)
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX
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

TICKS = 0x1_0000_0002


def events_of(*blocks: str | bytes) -> list[CaptureEvent]:
    """The events of little-endian blocks, the same whole and byte by byte."""
    data = b"".join(bytes.fromhex(block) if isinstance(block, str) else block for block in blocks)
    events = decoded(data)
    assert decoded_by_bytes(data) == events
    return events


def test_enhanced_packet_has_time_data_and_original_size() -> None:
    events = events_of(SECTION_LITTLE, INTERFACE_US, PACKET_5, PACKET_5)
    assert events == [
        SectionStart(),
        Interface(number=0, link_type=1, snap_length_bytes=0x40000, ticks_per_second=1_000_000),
        Packet(1, TICKS * 1000, 1, b"abcde", 9, 0, ()),
        Packet(2, TICKS * 1000, 1, b"abcde", 9, 0, ()),
    ]


def test_interface_resolution_and_name_are_read() -> None:
    events = events_of(SECTION_LITTLE, INTERFACE_NS, PACKET_5)
    assert events[1:] == [
        Interface(number=0, link_type=1, ticks_per_second=10**9, name="vh0"),
        Packet(1, TICKS, 1, b"abcde", 9, 0, ()),
    ]


@pytest.mark.parametrize(
    ("resolution", "ticks_per_second", "time_ns"),
    [
        ("00", 1, TICKS * 10**9),
        ("06", 10**6, TICKS * 1000),
        ("0c", 10**12, TICKS // 1000),
        ("80", 1, TICKS * 10**9),
        ("8a", 1024, TICKS * 10**9 // 1024),
        ("a0", 1 << 32, 1_000_000_000),
        ("ff", 1 << 127, 0),
    ],
)
def test_resolutions_are_powers_of_10_and_2(resolution: str, ticks_per_second: int, time_ns: int) -> None:
    interface = f"01000000 20000000 0100 0000 00000000 0900 0100 {resolution} 000000 0000 0000 20000000"
    events = events_of(SECTION_LITTLE, interface, PACKET_5)
    assert events[1:] == [
        Interface(number=0, link_type=1, ticks_per_second=ticks_per_second),
        Packet(1, time_ns, 1, b"abcde", 9, 0, ()),
    ]


@pytest.mark.parametrize(("offset", "offset_s"), [("0300000000000000", 3), ("fdffffffffffffff", -3)])
def test_time_offset_is_added(offset: str, offset_s: int) -> None:
    interface = f"01000000 24000000 0100 0000 00000000 0e00 0800 {offset} 0000 0000 24000000"
    events = events_of(SECTION_LITTLE, interface, PACKET_5)
    assert events[1:] == [
        Interface(number=0, link_type=1, ticks_per_second=10**6, offset_s=offset_s),
        Packet(1, TICKS * 1000 + offset_s * 10**9, 1, b"abcde", 9, 0, ()),
    ]


def test_interface_texts_are_read() -> None:
    interface = (
        "01000000 44000000 0100 0000 00000000"
        "0100 0100 63 000000"  # a comment
        "0300 0100 64 000000"  # if_description
        "0b00 0400 00 746370"  # if_filter, as text
        "0c00 0200 4f53 0000"  # if_os
        "0f00 0200 6877 0000"  # if_hardware
        "0d00 0100 04 000000"  # if_fcslen, not used
        "44000000"  # opt_endofopt may be missing
    )
    assert events_of(SECTION_LITTLE, interface)[1:] == [
        Interface(
            number=0,
            link_type=1,
            ticks_per_second=10**6,
            description="d",
            capture_filter="tcp",
            hardware="hw",
            os="OS",
            comments=("c",),
        )
    ]


def test_filter_in_another_form_than_text_is_left_out() -> None:
    interface = "01000000 1c000000 0100 0000 00000000 0b00 0200 01 aa 0000 1c000000"
    assert events_of(SECTION_LITTLE, interface)[1:] == [
        Interface(number=0, link_type=1, ticks_per_second=10**6)
    ]


def test_section_tells_what_wrote_it() -> None:
    section = (
        "0a0d0d0a 48000000 4d3c2b1a 0100 0000 ffffffffffffffff"
        "0100 0300 6f6e65 00  0100 0300 74776f 00"
        "0200 0100 68 000000  0300 0100 6f 000000  0400 0100 61 000000"
        "0000 0000 48000000"
    )
    assert events_of(section) == [
        SectionStart(comments=("one", "two"), hardware="h", os="o", application="a")
    ]


def test_packet_comments_and_drops_are_read() -> None:
    packet = (
        "06000000 40000000 00000000 00000000 01000000 01000000 01000000 61 000000"
        "0100 0300 6f6e65 00  0100 0300 74776f 00"
        "0400 0800 0700000000000000"
        "40000000"
    )
    assert events_of(SECTION_LITTLE, INTERFACE_US, packet)[2:] == [
        DroppedPackets(interface=0, packet_count=7, before_packet=1),
        Packet(1, 1000, 1, b"a", 1, 0, ("one", "two")),
    ]


def test_packet_without_data_is_a_packet() -> None:
    packet = "06000000 20000000 00000000 00000000 01000000 00000000 09000000 20000000"
    assert events_of(SECTION_LITTLE, INTERFACE_US, packet)[2:] == [Packet(1, 1000, 1, b"", 9, 0, ())]


def test_simple_packet_has_no_time_and_is_cut_to_the_snap_length() -> None:
    interface = "01000000 14000000 0100 0000 03000000 14000000"
    packet = "03000000 14000000 09000000 616263 00 14000000"
    assert events_of(SECTION_LITTLE, interface, packet)[2:] == [Packet(1, 0, 1, b"abc", 9, 0, ())]
    packet = "03000000 14000000 02000000 6162 0000 14000000"
    assert events_of(SECTION_LITTLE, interface, packet)[2:] == [Packet(1, 0, 1, b"ab", 2, 0, ())]


@pytest.mark.parametrize("drops", ["0200", "ffff", "0000"])
def test_obsolete_packet_block_is_read(drops: str) -> None:
    packet = f"02000000 24000000 0000 {drops} 00000000 01000000 01000000 04000000 61 000000 24000000"
    expected: list[CaptureEvent] = [Packet(1, 1000, 1, b"a", 4, 0, ())]
    if drops == "0200":
        expected.insert(0, DroppedPackets(interface=0, packet_count=2, before_packet=1))
    assert events_of(SECTION_LITTLE, INTERFACE_US, packet)[2:] == expected


def test_names_of_addresses_are_read() -> None:
    block = (
        "04000000 50000000"
        "0100 0a00 0a000001 6e3100 6e6200 0000"
        "0200 1300 fd000000000000000000000000000001 6e3200 00"
        "0300 0800 0102030405066d00"  # EUI-48, not used
        "0000 0000"
        "0100 0100 63 000000"  # an option
        "0000 0000 50000000"
    )
    assert events_of(SECTION_LITTLE, block)[1:] == [
        NameResolution(address="10.0.0.1", names=("n1", "nb")),
        NameResolution(address="fd00::1", names=("n2",)),
    ]


def test_interface_statistics_are_read() -> None:
    block = (
        "05000000 70000000 00000000 00000000 0a000000"
        "0200 0800 00000000 01000000"  # isb_starttime
        "0300 0800 00000000 02000000"  # isb_endtime
        "0400 0800 0300000000000000"  # isb_ifrecv
        "0500 0800 0400000000000000"  # isb_ifdrop
        "0600 0800 0500000000000000"  # isb_filteraccept
        "0700 0800 0600000000000000"  # isb_osdrop
        "0800 0800 0700000000000000"  # isb_usrdeliv
        "0000 0000 70000000"
    )
    assert events_of(SECTION_LITTLE, INTERFACE_US, block)[2:] == [
        InterfaceStatistics(
            interface=0,
            time_ns=10_000,
            started_at_ns=1000,
            ended_at_ns=2000,
            received=3,
            dropped=4,
            filter_accepted=5,
            os_dropped=6,
            delivered=7,
        )
    ]


def test_counts_that_were_not_recorded_are_none() -> None:
    block = "05000000 18000000 00000000 00000000 0a000000 18000000"
    assert events_of(SECTION_LITTLE, INTERFACE_US, block)[2:] == [
        InterfaceStatistics(interface=0, time_ns=10_000)
    ]


def test_unknown_blocks_are_skipped() -> None:
    block = "ad0b0000 10000000 12345678 10000000"
    assert events_of(SECTION_LITTLE, block, INTERFACE_US, block, PACKET_5)[2:] == [
        Packet(1, TICKS * 1000, 1, b"abcde", 9, 0, ())
    ]


def test_sections_may_differ_in_byte_order_and_number_their_interfaces_anew() -> None:
    interface_big = "00000001 00000014 0065 0000 00000060 00000014"
    packet_big = "00000006 00000024 00000000 00000000 00000003 00000002 00000002 6162 0000 00000024"
    big: tuple[str | bytes, ...] = (SECTION_BIG, interface_big, packet_big)
    little: tuple[str | bytes, ...] = (SECTION_LITTLE, INTERFACE_NS, PACKET_5)
    of_big = [
        SectionStart(),
        Interface(number=0, link_type=101, snap_length_bytes=0x60, ticks_per_second=10**6),
        Packet(1, 3000, 101, b"ab", 2, 0, ()),
    ]
    assert events_of(*big, *little)[:3] == of_big
    assert events_of(*big, *little)[5] == Packet(2, TICKS, 1, b"abcde", 9, 0, ())
    assert events_of(*little, *big, *little)[5] == Packet(2, 3000, 101, b"ab", 2, 0, ())


def test_two_interfaces_of_a_section_are_told_apart() -> None:
    second = PACKET_5[:8] + b"\x01" + PACKET_5[9:]
    events = events_of(SECTION_LITTLE, INTERFACE_US, INTERFACE_NS, second, PACKET_5)
    assert events[3:] == [
        Packet(1, TICKS, 1, b"abcde", 9, 1, ()),
        Packet(2, TICKS * 1000, 1, b"abcde", 9, 0, ()),
    ]


@pytest.mark.parametrize(
    ("block", "what"),
    [
        ("06000000 08000000 00000000", "a block of 8 bytes"),
        ("06000000 21000000 00000000", "a block of 33 bytes"),
        ("06000000 ffffffff 00000000", "a block of 4294967295 bytes"),
        ("06000000 04000004 00000000", f"the limit is {BLOCK_BYTES_MAX}"),
        (PACKET_5[:-4].hex() + "24000000", "differs from the 40"),
        (PACKET_5[:8].hex() + "01" + PACKET_5[9:].hex(), "interface 1 where 1 are described"),
        (PACKET_5[:20].hex() + "09" + PACKET_5[21:].hex(), "a packet of 9 bytes"),
        ("06000000 10000000 00000000 10000000", "an enhanced packet block with a body of 4 bytes"),
        ("01000000 0c000000 0c000000", "an interface description block with a body of 0 bytes"),
        ("03000000 10000000 05000000 10000000", "a simple packet of 5 bytes"),
        ("05000000 18000000 01000000 00000000 00000000 18000000", "interface 1 where 1"),
        (
            "02000000 20000000 0100 0000 00000000 00000000 00000000 00000000 20000000",
            "interface 1 where 1 are described",
        ),
        ("04000000 10000000 0100 0800 10000000", "a name record of 8 bytes where 0 are left"),
        ("04000000 14000000 0100 0200 00000000 14000000", "less than its address"),
        ("01000000 1c000000 0100 0000 00000000 0200 0900 61626364 1c000000", "option 2 of 9 bytes"),
        ("01000000 1c000000 0100 0000 00000000 0900 0200 0606 0000 1c000000", "option 9 of 2 bytes"),
        ("0a0d0d0a 1c000000 4d3c2b1b 00000000", "byte-order magic 4d 3c 2b 1b"),
        ("0a0d0d0a 1c000000 4d3c2b1a 0200 0000 ffffffffffffffff 1c000000", "pcapng version 2.0"),
        ("0a0d0d0a 0c000000 4d3c2b1a", "the length at the end"),
    ],
)
def test_impossible_block_is_an_error_after_all_before_it_was_given(block: str, what: str) -> None:
    good = SECTION_LITTLE + INTERFACE_US + PACKET_5
    bad = bytes.fromhex(block)
    decoder = CaptureDecoder()
    assert len(decoder.feed(good + bad + PACKET_5)) == 3
    for _ in range(2):
        with pytest.raises(DecodeError, match="pcapng: ") as caught:
            decoder.feed(b"")
        assert what in str(caught.value)
    assert len(good) <= caught.value.offset_bytes <= len(good) + len(bad)
    with pytest.raises(DecodeError):
        decoder.close()
    by_bytes = CaptureDecoder()
    events = [event for byte in good for event in by_bytes.feed(bytes([byte]))]
    assert len(events) == 3
    with pytest.raises(DecodeError) as again:
        _feed_by_bytes(by_bytes, bad)
    assert str(again.value) == str(caught.value)


def _feed_by_bytes(decoder: CaptureDecoder, data: bytes) -> None:
    for byte in data:
        assert decoder.feed(bytes([byte])) == []


def test_interfaces_are_limited() -> None:
    decoder = CaptureDecoder()
    assert len(decoder.feed(SECTION_LITTLE + INTERFACE_US * 65_536)) == 65_537
    with pytest.raises(DecodeError, match="more than 65536 interfaces"):
        decoder.feed(INTERFACE_US)
