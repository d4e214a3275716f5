import pytest

from harness.codec.pcapng import CaptureDecoder, Interface, Packet, Truncated
from harness.errors import DecodeError
from tests.codec.pcapng.captures import decoded, decoded_by_bytes

LITTLE = "0200 0400 00000000 00000000 00000400 01000000 05000000 06000000 03000000 09000000 616263"
BIG = "0002 0004 00000000 00000000 00040000 00000001 00000005 00000006 00000003 00000009 616263"


@pytest.mark.parametrize(
    ("capture", "ticks_per_second", "time_ns"),
    [
        ("d4c3b2a1" + LITTLE, 10**6, 5_000_006_000),
        ("a1b2c3d4" + BIG, 10**6, 5_000_006_000),
        ("4d3cb2a1" + LITTLE, 10**9, 5_000_000_006),
        ("a1b23c4d" + BIG, 10**9, 5_000_000_006),
    ],
)
def test_all_four_forms_are_read(capture: str, ticks_per_second: int, time_ns: int) -> None:
    data = bytes.fromhex(capture)
    events = [
        Interface(number=0, link_type=1, snap_length_bytes=0x40000, ticks_per_second=ticks_per_second),
        Packet(1, time_ns, 1, b"abc", 9, 0, ()),
        Packet(2, time_ns, 1, b"abc", 9, 0, ()),
    ]
    assert decoded(data + data[24:]) == events
    assert decoded_by_bytes(data + data[24:]) == events
    rows = [(1, time_ns, 1, b"abc"), (2, time_ns, 1, b"abc")]
    assert CaptureDecoder().feed_rows(data + data[24:]) == (events[:1], rows)


def test_check_sequences_announced_beside_the_link_type_do_not_change_it() -> None:
    header = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000014")
    assert decoded(header) == [
        Interface(number=0, link_type=1, snap_length_bytes=0x40000, ticks_per_second=10**6)
    ]


def test_packet_without_data_is_a_packet() -> None:
    data = bytes.fromhex("d4c3b2a1" + LITTLE)[:24] + bytes(16)
    assert decoded(data)[1:] == [Packet(1, 0, 1, b"", 0, 0, ())]
    assert decoded_by_bytes(data)[1:] == [Packet(1, 0, 1, b"", 0, 0, ())]


def test_other_version_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"pcap version 3\.4"):
        CaptureDecoder().feed(bytes.fromhex("d4c3b2a1 0300 0400 00000000 00000000 00000400 01000000"))


def test_huge_record_is_refused_without_waiting_for_it() -> None:
    data = bytes.fromhex("d4c3b2a1" + LITTLE)[:24] + bytes(8) + b"\xff\xff\xff\xff" + bytes(4)
    decoder = CaptureDecoder()
    assert len(decoder.feed(data)) == 1
    with pytest.raises(DecodeError, match="a packet of 4294967295 bytes") as caught:
        decoder.close()
    assert caught.value.offset_bytes == 24


def test_file_that_ends_early_says_where() -> None:
    data = bytes.fromhex("d4c3b2a1" + LITTLE)
    for size in range(len(data)):
        events = decoded(data[:size])
        assert events == decoded_by_bytes(data[:size])
        if size == 24:
            assert len(events) == 1
            continue
        last = events[-1]
        assert isinstance(last, Truncated)
        assert last.offset_bytes == (0 if size < 24 else 24)
        assert str(size - last.offset_bytes) in last.what
