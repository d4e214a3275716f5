from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.capture.merge import WINDOW_NS, CaptureMerger
from harness.codec.pcapng import (
    CaptureDecoder,
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    Packet,
    PcapngEncoder,
    SectionStart,
)
from harness.errors import EncodeError

ETHERNET, COOKED = 1, 276


def packet(time_ns: int, data: bytes, *, link_type: int = ETHERNET, interface: int = 0) -> Packet:
    return Packet(1, time_ns, link_type, data, len(data), interface)


def begun(*names: str) -> tuple[CaptureMerger, bytes]:
    """Taps of these names that have described their interface."""
    merger = CaptureMerger()
    written = b""
    for name in names:
        tap = merger.add(name)
        written += merger.feed(
            tap, [SectionStart(application="dumpcap"), Interface(number=0, link_type=ETHERNET, name="eth0")]
        )
    return merger, written


def rest_of(merger: CaptureMerger, *taps: int) -> bytes:
    """What is written when taps have ended, each by itself."""
    return b"".join(merger.end(tap) for tap in taps)


def events_of(data: bytes) -> list[CaptureEvent]:
    decoder = CaptureDecoder()
    return decoder.feed(data) + decoder.close()


def frames_of(data: bytes) -> list[tuple[int, bytes]]:
    return [(event.time_ns, event.data) for event in events_of(data) if isinstance(event, Packet)]


def test_frame_that_two_taps_saw_is_kept_once_as_the_first_saw_it() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(0, [packet(100, b"request"), packet(205, b"reply")])
    written += merger.feed(1, [packet(103, b"request"), packet(201, b"reply")])
    written += rest_of(merger, 0, 1)
    assert frames_of(written) == [(100, b"request"), (201, b"reply")]


def test_frame_that_was_sent_twice_stays_twice() -> None:
    merger, written = begun("n1", "n2")
    # The first copy on its way to n2 was lost between the taps.
    written += merger.feed(0, [packet(100, b"again"), packet(300, b"again")])
    written += merger.feed(1, [packet(302, b"again")])
    written += rest_of(merger, 0, 1)
    assert frames_of(written) == [(100, b"again"), (300, b"again")]


def test_equal_bytes_of_another_link_type_are_another_frame() -> None:
    merger, written = begun("n1", "n2")
    merger.add("host")
    written += merger.feed(2, [Interface(number=0, link_type=COOKED)])
    written += merger.feed(0, [packet(100, b"bytes")])
    written += merger.feed(2, [packet(101, b"bytes", link_type=COOKED)])
    written += rest_of(merger, 0, 1, 2)
    assert len(frames_of(written)) == 2


def test_copies_too_far_apart_are_two_frames() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(0, [packet(100, b"bytes")])
    written += merger.feed(1, [packet(101 + WINDOW_NS, b"bytes")])
    written += rest_of(merger, 0, 1)
    assert len(frames_of(written)) == 2


def test_nothing_is_written_before_what_another_tap_may_have_seen_earlier() -> None:
    merger, _ = begun("n1", "n2")
    merger.feed(1, [packet(10, b"mark")])
    merger.feed(0, [packet(11, b"mark")])
    assert merger.feed(0, [packet(100, b"late")]) == b""
    # Idle until its next mark, which came behind an earlier packet.
    written = merger.feed(1, [packet(90, b"early"), packet(110, b"mark 2")])
    head = begun("n1", "n2")[1]
    assert [data for _, data in frames_of(head + written)] == [b"early", b"late"]
    assert [data for _, data in frames_of(head + rest_of(merger, 0, 1))] == [b"mark 2"]


def test_tap_that_has_just_begun_holds_up_others_until_it_sees_a_mark() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(0, [packet(10, b"mark"), packet(50, b"a")])
    assert frames_of(written) == []
    written += merger.feed(1, [packet(11, b"mark")])
    assert frames_of(written) == [(10, b"mark")]


def test_taps_that_hold_up_another_are_known() -> None:
    merger, _ = begun("n1", "n2", "n3", "n4")
    merger.feed(0, [packet(50, b"a")])
    merger.feed(1, [packet(60, b"b")])
    merger.feed(2, [packet(20, b"c")])
    assert merger.behind(0) == (2, 3)
    assert merger.behind(1) == (0, 2, 3)
    merger.end(2)
    assert merger.behind(0) == (3,)
    assert merger.behind(3) == ()


def test_tap_that_has_ended_holds_up_nobody() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(1, [packet(10, b"mark")])
    written += merger.feed(0, [packet(11, b"mark"), packet(50, b"a")])
    assert [data for _, data in frames_of(written)] == [b"mark"]
    written += merger.end(1)
    assert [data for _, data in frames_of(written)] == [b"mark", b"a"]
    assert merger.end(1) == b""


def test_interfaces_are_numbered_through_and_described_by_their_tap() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(1, [packet(10, b"x")])
    written += rest_of(merger, 0, 1)
    interfaces = [event for event in events_of(written) if isinstance(event, Interface)]
    assert [(item.number, item.name, item.description) for item in interfaces] == [
        (0, "eth0", "n1"),
        (1, "eth0", "n2"),
    ]
    (only,) = [event for event in events_of(written) if isinstance(event, Packet)]
    assert only.interface == 1
    (section,) = [event for event in events_of(written) if isinstance(event, SectionStart)]
    assert section.application == "dumpcap"


def test_a_capture_ends_with_what_all_taps_have_seen() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(0, [packet(10, b"mark"), packet(20, b"a"), packet(30, b"b")])
    written += merger.feed(1, [packet(11, b"mark"), packet(25, b"c")])
    written += merger.feed(0, [InterfaceStatistics(interface=0, time_ns=40, received=3, os_dropped=1)])
    # Of what came behind that, n2 may have missed the half.
    written += merger.close()
    assert [data for _, data in frames_of(written)] == [b"mark", b"a", b"c"]
    (counted,) = [event for event in events_of(written) if isinstance(event, InterfaceStatistics)]
    assert counted.os_dropped == 1


def test_losses_stay_with_their_interface() -> None:
    merger, written = begun("n1", "n2")
    written += merger.feed(
        1, [DroppedPackets(interface=0, packet_count=3, before_packet=1), packet(10, b"x")]
    )
    written += merger.feed(1, [InterfaceStatistics(interface=0, time_ns=20, received=5, os_dropped=3)])
    written += rest_of(merger, 0, 1)
    kinds = [event for event in events_of(written) if isinstance(event, DroppedPackets | InterfaceStatistics)]
    assert kinds == [
        DroppedPackets(interface=1, packet_count=3, before_packet=1),
        InterfaceStatistics(interface=1, time_ns=20, received=5, os_dropped=3),
    ]


def test_packet_of_an_interface_that_nobody_described_is_refused() -> None:
    merger, _ = begun("n1")
    with pytest.raises(EncodeError, match="interface 1 where 1 are described"):
        merger.feed(0, [packet(10, b"x", interface=4)])


@given(data=st.data())
def test_whatever_taps_see_the_traffic_is_put_together_again(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    taps: list[list[Packet]] = [[] for _ in range(count)]
    sent = []
    time_ns = 1000
    for _ in range(data.draw(st.integers(0, 30))):
        time_ns += data.draw(st.integers(20, 1000))
        frame = data.draw(st.sampled_from([b"a", b"b", b"c", b"d"]))
        sent.append((time_ns, frame))
        seen_by = data.draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))
        # Equal frames have the same two ends, hence the same taps.
        seen_by = [0, *seen_by] if 0 not in seen_by else seen_by
        for order, tap in enumerate(seen_by if frame in (b"a", b"b") else [frame[0] % count]):
            taps[tap].append(packet(time_ns + order, frame))
    for packets in taps:
        packets.sort(key=lambda item: item.time_ns)
    merger, written = begun(*(f"n{number}" for number in range(count)))
    while any(taps):
        number = data.draw(st.sampled_from([index for index, tap in enumerate(taps) if tap]))
        size = data.draw(st.integers(1, len(taps[number])))
        written += merger.feed(number, [*taps[number][:size]])
        del taps[number][:size]
    written += rest_of(merger, *range(count))
    found = frames_of(written)
    assert Counter(data for _, data in found) == Counter(frame for _, frame in sent)
    assert [moment for moment, _ in found] == sorted(moment for moment, _ in found)


@pytest.mark.parametrize("name", ["scylla-4.2/base/boot", "scylla-2025.1/base/materialized_view"])
def test_real_traffic_seen_at_both_ends_is_the_traffic(reference: Path, name: str) -> None:
    original = [
        event
        for event in events_of((reference / f"{name}.pcapng").read_bytes())
        if isinstance(event, Packet) and event.data[12:14] == b"\x08\x00"
    ]
    ends = [{str(ip_address(item.data[at : at + 4])) for at in (26, 30)} for item in original]
    nodes = sorted(set().union(*ends))
    seen: dict[str, list[Packet]] = {node: [] for node in nodes}
    random = Random(5)
    for item, both in zip(original, ends, strict=True):
        for node in sorted(both):
            # As far apart as the two ends of a veth are.
            seen[node].append(item._replace(interface=0, time_ns=item.time_ns + random.randrange(400)))
    merger, written = begun(*nodes)
    while any(seen.values()):
        number = random.randrange(len(nodes))
        part = seen[nodes[number]]
        size = random.randrange(200)
        written += merger.feed(number, part[:size])
        del part[:size]
    written += rest_of(merger, *range(len(nodes)))
    merged = frames_of(written)
    assert Counter(data for _, data in merged) == Counter(item.data for item in original)
    swapped = [at for at, (a, b) in enumerate(zip(merged, original, strict=True)) if a[1] != b.data]
    # Only packets within the same instant may change places.
    assert all(abs(merged[at][0] - original[at].time_ns) < 1000 for at in swapped)


def test_merged_capture_is_a_capture() -> None:
    encoder = PcapngEncoder()
    source = encoder.section() + encoder.interface(Interface(number=0, link_type=ETHERNET))
    source += encoder.packet(5, b"frame")
    merger = CaptureMerger()
    tap = merger.add("n1")
    assert frames_of(merger.feed(tap, events_of(source)) + rest_of(merger, tap)) == [(5, b"frame")]
