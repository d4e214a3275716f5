from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.pcapng import (
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    PcapngEncoder,
    SectionStart,
    Truncated,
)
from harness.codec.pcapng.byte_order import ByteOrder
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX
from harness.errors import EncodeError
from tests.codec.pcapng.captures import INTERFACE_NS, SECTION_BIG, SECTION_LITTLE, decoded

ORDERS: tuple[ByteOrder, ByteOrder] = ("little", "big")


def encoded(events: Sequence[CaptureEvent], byte_order: ByteOrder = "little") -> bytes:
    encoder = PcapngEncoder(byte_order=byte_order)
    return b"".join(encoder.encode(event) for event in events)


EVERYTHING: list[CaptureEvent] = [
    SectionStart(comments=("one", "zwölf"), hardware="h", os="o", application="a"),
    Interface(
        number=0,
        link_type=1,
        snap_length_bytes=96,
        name="vh0",
        description="d",
        capture_filter="tcp port 7000",
        hardware="hw",
        os="OS",
        comments=("c",),
    ),
    Interface(number=1, link_type=101, ticks_per_second=1 << 20, offset_s=-5),
    NameResolution(address="10.0.0.1", names=("n1", "node-1")),
    NameResolution(address="fd00::1", names=("n1",)),
    Packet(1, 1_700_000_000_123_456_789, 1, b"abc", 9, 0, ("look", "here")),
    DroppedPackets(interface=1, packet_count=1 << 40, before_packet=2),
    Packet(2, 1_700_000_000_123_456_001, 101, b"", 0, 1, ()),
    Truncated(offset_bytes=1, what="said by a decoder"),
    InterfaceStatistics(
        interface=0,
        time_ns=7,
        received=1,
        dropped=0,
        filter_accepted=3,
        os_dropped=4,
        delivered=5,
        started_at_ns=1,
        ended_at_ns=6,
        comments=("end",),
    ),
    SectionStart(),
    Interface(number=0, link_type=113, ticks_per_second=1000),
    InterfaceStatistics(interface=0, time_ns=7_000_000),
    Packet(3, 1_000_000, 113, b"x" * 1500, 1500, 0, ()),
]


def test_blocks_are_written_as_by_hand() -> None:
    assert PcapngEncoder().section() == SECTION_LITTLE
    assert PcapngEncoder(byte_order="big").section() == SECTION_BIG
    encoder = PcapngEncoder()
    encoder.section()
    assert encoder.interface(Interface(number=0, link_type=1, name="vh0")) == INTERFACE_NS
    assert encoder.packet(0x1_0000_0002, b"abcde", original_bytes=9) == bytes.fromhex(
        "06000000 28000000 00000000 01000000 02000000 05000000 09000000 6162636465 000000 28000000"
    )
    assert encoder.packet(3, b"a", comments=("one",), dropped=7) == bytes.fromhex(
        "06000000 3c000000 00000000 00000000 03000000 01000000 01000000 61 000000"
        "0100 0300 6f6e65 00 0400 0800 0700000000000000 0000 0000 3c000000"
    )
    assert encoder.names([NameResolution(address="10.0.0.1", names=("n1", "nb"))]) == bytes.fromhex(
        "04000000 20000000 0100 0a00 0a000001 6e3100 6e6200 0000 0000 0000 20000000"
    )
    assert encoder.statistics(InterfaceStatistics(interface=0, time_ns=5, os_dropped=6)) == bytes.fromhex(
        "05000000 28000000 00000000 00000000 05000000 0700 0800 0600000000000000 0000 0000 28000000"
    )


@pytest.mark.parametrize("byte_order", ORDERS)
def test_every_event_decodes_to_the_same(byte_order: ByteOrder) -> None:
    # The packet on the interface with a power of 2 has a time between two of its ticks.
    tick = -(-(1_700_000_005_123_456_001 << 20) // 10**9)
    expected = [event for event in EVERYTHING if not isinstance(event, Truncated)]
    expected[7] = Packet(2, tick * 10**9 // (1 << 20) - 5 * 10**9, 101, b"", 0, 1, ())
    events = decoded(encoded(EVERYTHING, byte_order))
    assert events == expected
    assert decoded(encoded(events, byte_order)) == events


@given(
    st.sampled_from([10**0, 10**3, 10**6, 10**9, 10**12, 1 << 10, 1 << 31, 1 << 40]),
    st.integers(0, (1 << 64) - 1),
    st.integers(-100, 100),
)
@settings(max_examples=200)
def test_time_of_any_resolution_stays_the_same(ticks_per_second: int, ticks: int, offset_s: int) -> None:
    interface = Interface(number=0, link_type=1, ticks_per_second=ticks_per_second, offset_s=offset_s)
    time_ns = ticks * 10**9 // ticks_per_second + offset_s * 10**9
    event = Packet(1, time_ns, 1, b"a", 1, 0, ())
    assert decoded(encoded([SectionStart(), interface, event]))[2] == event


def test_what_cannot_be_written_is_refused() -> None:
    encoder = PcapngEncoder()
    encoder.section()
    with pytest.raises(EncodeError, match="interface 1 where 0 is the next"):
        encoder.interface(Interface(number=1, link_type=1))
    with pytest.raises(EncodeError, match="1500 ticks"):
        encoder.interface(Interface(number=0, link_type=1, ticks_per_second=1500))
    with pytest.raises(EncodeError, match="0 ticks"):
        encoder.interface(Interface(number=0, link_type=1, ticks_per_second=0))
    with pytest.raises(EncodeError, match="70000"):
        encoder.interface(Interface(number=0, link_type=70_000))
    with pytest.raises(EncodeError, match="interface 0 where 0 are described"):
        encoder.packet(0, b"")
    encoder.interface(Interface(number=0, link_type=1))
    with pytest.raises(EncodeError, match="time -1 ns"):
        encoder.packet(-1, b"")
    with pytest.raises(EncodeError, match="a packet of -1 bytes"):
        encoder.packet(0, b"", original_bytes=-1)
    with pytest.raises(EncodeError, match="the limit is"):
        encoder.packet(0, bytes(BLOCK_BYTES_MAX))
    with pytest.raises(EncodeError, match="option 1 of 65536 bytes"):
        encoder.packet(0, b"", comments=("x" * 65_536,))
    with pytest.raises(EncodeError, match="which is no address"):
        encoder.names([NameResolution(address="n1", names=())])
    with pytest.raises(EncodeError, match="in a pcapng block"):
        encoder.names([NameResolution(address="10.0.0.1", names=("x" * 65_536,))])
    with pytest.raises(EncodeError, match="the limit is"):
        encoder.names(NameResolution(address="10.0.0.1", names=("x" * 65_000,)) for _ in range(1100))
    with pytest.raises(EncodeError, match="in a pcapng block"):
        encoder.statistics(InterfaceStatistics(interface=0, time_ns=0, received=-1))
    # What was refused has left no trace.
    assert len(decoded(SECTION_LITTLE + INTERFACE_NS + encoder.packet(0, b"a"))) == 3


@pytest.mark.reference
@pytest.mark.parametrize("byte_order", ORDERS)
def test_capture_of_a_real_cluster_decodes_to_the_same(reference: Path, byte_order: ByteOrder) -> None:
    events = decoded((reference / "scylla-4.2" / "base" / "truncate.pcapng").read_bytes())
    assert decoded(encoded(events, byte_order)) == events
