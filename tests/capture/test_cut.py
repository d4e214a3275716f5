from pathlib import Path

import pytest

from harness.capture.cut import cut
from harness.codec.pcapng import (
    CaptureDecoder,
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    PcapEncoder,
    PcapngEncoder,
    SectionStart,
)
from harness.errors import CaptureError


def events_of(path: Path) -> list[CaptureEvent]:
    decoder = CaptureDecoder()
    return decoder.feed(path.read_bytes()) + decoder.close()


def packets_of(path: Path) -> list[Packet]:
    return [event for event in events_of(path) if isinstance(event, Packet)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    encoder = PcapngEncoder()
    parts = [
        encoder.section(SectionStart(comments=("whole",), application="tests")),
        encoder.interface(Interface(number=0, link_type=1, name="first")),
        encoder.interface(Interface(number=1, link_type=101, name="second")),
        encoder.names([NameResolution(address="198.18.0.1", names=("n1",))]),
    ]
    for number in range(10):
        comments = ("five",) if number == 5 else ()
        dropped = 7 if number in (2, 4) else 0
        parts.append(
            encoder.packet(
                1000 + number,
                bytes([number]),
                interface=number % 2,
                comments=comments,
                dropped=dropped,
                original_bytes=50,
            )
        )
    parts.append(encoder.statistics(InterfaceStatistics(interface=0, time_ns=2000, received=10, dropped=14)))
    path = tmp_path / "source.pcapng"
    path.write_bytes(b"".join(parts))
    return path


def test_packets_of_the_span_stay_whole(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target.pcapng"
    assert cut(source, target, from_ns=1003, to_ns=1006) == 4
    packets = packets_of(target)
    assert [packet.time_ns for packet in packets] == [1003, 1004, 1005, 1006]
    assert [packet.data for packet in packets] == [b"\x03", b"\x04", b"\x05", b"\x06"]
    assert [packet.interface for packet in packets] == [1, 0, 1, 0]
    assert [packet.number for packet in packets] == [1, 2, 3, 4]
    assert packets[2].comments == ("five",)
    assert {packet.original_bytes for packet in packets} == {50}


def test_interfaces_names_and_counters_stay(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.pcapng"
    cut(source, target, from_ns=1003, to_ns=1006, comment="the second statement")
    kept = [
        event
        for event in events_of(source)
        if isinstance(event, Interface | NameResolution | InterfaceStatistics)
    ]
    events = events_of(target)
    assert [e for e in events if isinstance(e, Interface | NameResolution | InterfaceStatistics)] == kept
    assert events[0] == SectionStart(
        comments=("whole", "cut from source.pcapng: 1003 ns to 1006 ns since 1970", "the second statement"),
        application="tests",
    )


def test_losses_are_said_where_they_were(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.pcapng"
    cut(source, target, from_ns=1003, to_ns=1006)
    lost = [event for event in events_of(target) if isinstance(event, DroppedPackets)]
    assert lost == [DroppedPackets(interface=0, packet_count=7, before_packet=2)]


def test_packets_outside_can_be_kept(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.pcapng"
    assert cut(source, target, from_ns=1008, to_ns=2000, keep=lambda packet: packet.number <= 2) == 4
    assert [packet.time_ns for packet in packets_of(target)] == [1000, 1001, 1008, 1009]


def test_a_capture_that_still_grows_can_be_cut(source: Path, tmp_path: Path) -> None:
    data = source.read_bytes()
    source.write_bytes(data[:-100])
    target = tmp_path / "target.pcapng"
    assert cut(source, target, from_ns=1003, to_ns=1004) == 2
    assert len(packets_of(target)) == 2


def test_a_classic_capture_becomes_pcapng(tmp_path: Path) -> None:
    encoder = PcapEncoder(link_type=1)
    source, target = tmp_path / "old.pcap", tmp_path / "new.pcapng"
    source.write_bytes(encoder.header() + encoder.packet(1_000, b"a") + encoder.packet(2_000, b"b"))
    assert cut(source, target, from_ns=2_000, to_ns=3_000) == 1
    assert isinstance(events_of(target)[0], SectionStart)
    assert [packet.data for packet in packets_of(target)] == [b"b"]


def test_nothing_is_left_of_a_cut_that_failed(tmp_path: Path) -> None:
    source, target = tmp_path / "source.pcapng", tmp_path / "target.pcapng"
    source.write_bytes(b"no capture at all")
    with pytest.raises(CaptureError, match="neither pcapng nor pcap"):
        cut(source, target, from_ns=0, to_ns=1)
    assert not target.exists()


def test_an_older_cut_stays_if_there_is_nothing_to_cut(tmp_path: Path) -> None:
    target = tmp_path / "target.pcapng"
    target.write_bytes(b"older")
    with pytest.raises(CaptureError, match="No such file"):
        cut(tmp_path / "missing.pcapng", target, from_ns=0, to_ns=1)
    assert target.read_bytes() == b"older"


def test_a_capture_is_not_cut_into_itself(source: Path) -> None:
    data = source.read_bytes()
    with pytest.raises(ValueError, match="into itself"):
        cut(source, source, from_ns=0, to_ns=1)
    assert source.read_bytes() == data
