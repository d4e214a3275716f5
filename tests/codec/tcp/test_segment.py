import subprocess
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.pcapng import CaptureDecoder, Packet, PcapEncoder
from harness.codec.tcp.segment import (
    Endpoint,
    Segment,
    decode_segment,
    encode_segment,
    endpoints_of,
    flow_key_of,
    reversed_flow,
    why_not_tcp,
)
from harness.errors import EncodeError

MACS = bytes.fromhex("beaadbd751c9 b2ceeac0c170")
# Captured between two nodes: a SYN with options, and the RST which answers it. Scylla 2025.1, base/boot.
SYN_IP = bytes.fromhex(
    "4500003c466b400040068a06ac1f0901ac1f090b bd70235255890b2400000000a002faf06a790000"
    "020405b40402080aecb105d5000000000103030a"
)
RST_IP = bytes.fromhex("45000028000040004006d085ac1f090bac1f0901 2352bd700000000055890b255014000004150000")
KEY = bytes.fromhex("ac1f0901ac1f090bbd702352")
SYN_SEGMENT = Segment(KEY, 0x55890B24, 0, 0x02, b"", 0)

# By hand: the ports, sequence 1, acknowledgement 2, PSH ACK, "hello".
TCP_HELLO = bytes.fromhex("1b58 2352 00000001 00000002 5018 1000 0000 0000 68656c6c6f")
IPV6_ADDRESSES = bytes.fromhex("fd000000000000000000000000000001 fd000000000000000000000000000002")
IPV6_KEY = IPV6_ADDRESSES + bytes.fromhex("1b582352")
IPV6_HELLO = bytes.fromhex("60000000 0019 06 40") + IPV6_ADDRESSES + TCP_HELLO
IPV4_ADDRESSES = bytes.fromhex("0a0000010a000002")
IPV4_KEY = IPV4_ADDRESSES + bytes.fromhex("1b582352")


def ipv4(
    tcp: bytes, *, options: bytes = b"", total_bytes: int | None = None, fragment: int = 0, protocol: int = 6
) -> bytes:
    if total_bytes is None:
        total_bytes = 20 + len(options) + len(tcp)
    head = bytes([0x45 + len(options) // 4, 0]) + total_bytes.to_bytes(2, "big") + b"\x00\x00"
    return head + fragment.to_bytes(2, "big") + bytes([64, protocol, 0, 0]) + IPV4_ADDRESSES + options + tcp


def ipv6(next_header: int, payload: bytes) -> bytes:
    return (
        bytes.fromhex("60000000")
        + len(payload).to_bytes(2, "big")
        + bytes([next_header, 64])
        + IPV6_ADDRESSES
        + payload
    )


def hello(key: bytes, payload: bytes = b"hello", missing_bytes: int = 0) -> Segment:
    return Segment(key, 1, 2, 0x18, payload, missing_bytes)


def test_captured_syn_is_decoded() -> None:
    assert decode_segment(1, MACS + b"\x08\x00" + SYN_IP) == SYN_SEGMENT


@pytest.mark.parametrize(
    ("link_type", "header"),
    [
        (1, "beaadbd751c9 b2ceeac0c170 0800"),
        (1, "beaadbd751c9 b2ceeac0c170 8100 0007 0800"),
        (1, "beaadbd751c9 b2ceeac0c170 88a8 0007 8100 0008 0800"),
        (113, "0000 0001 0006 b2ceeac0c170 0000 0800"),
        (113, "0000 0001 0006 b2ceeac0c170 0000 8100 0007 0800"),
        (276, "0800 0000 00000002 0001 00 06 b2ceeac0c170 0000"),
        (101, ""),
        (12, ""),
        (228, ""),
        (0, "02000000"),
        (0, "00000002"),
        (108, "00000002"),
    ],
)
def test_segment_is_found_behind_every_link_header(link_type: int, header: str) -> None:
    assert decode_segment(link_type, bytes.fromhex(header) + SYN_IP) == SYN_SEGMENT
    assert why_not_tcp(link_type, bytes.fromhex(header) + SYN_IP) == ""


@pytest.mark.parametrize(
    ("link_type", "header"),
    [(1, "beaadbd751c9 b2ceeac0c170 86dd"), (229, ""), (101, ""), (0, "1e000000"), (108, "0000000a")],
)
def test_ipv6_is_decoded(link_type: int, header: str) -> None:
    assert decode_segment(link_type, bytes.fromhex(header) + IPV6_HELLO) == hello(IPV6_KEY)


@pytest.mark.parametrize(
    ("next_header", "extensions"),
    [
        (0, "06 00 010400000000"),
        (60, "06 01 010c000000000000 000000000000"),
        (43, "06 00 000000000000"),
        (0, "3c 00 010400000000 06 00 010400000000"),
        (44, "06 00 0000 12345678"),  # an atomic fragment: the only one of its packet
        (51, "06 01 0000 00000001 00000001"),
    ],
)
def test_ipv6_extension_headers_are_passed_over(next_header: int, extensions: str) -> None:
    packet = ipv6(next_header, bytes.fromhex(extensions) + TCP_HELLO)
    assert decode_segment(101, packet) == hello(IPV6_KEY)


def test_ipv4_options_are_passed_over() -> None:
    packet = ipv4(TCP_HELLO, options=bytes.fromhex("94040000 01010100"))
    assert decode_segment(101, packet) == hello(IPV4_KEY)
    assert decode_segment(1, MACS + b"\x08\x00" + packet) == hello(IPV4_KEY)


def test_tcp_options_are_passed_over() -> None:
    tcp = TCP_HELLO[:12] + b"\x80" + TCP_HELLO[13:20] + bytes.fromhex("0101080a0000000100000002") + b"hello"
    assert decode_segment(1, MACS + b"\x08\x00" + ipv4(tcp)) == hello(IPV4_KEY)


def test_padding_of_the_link_is_cut_off() -> None:
    assert decode_segment(1, MACS + b"\x08\x00" + ipv4(TCP_HELLO) + bytes(9)) == hello(IPV4_KEY)
    assert decode_segment(1, MACS + b"\x86\xdd" + IPV6_HELLO + bytes(9)) == hello(IPV6_KEY)
    assert decode_segment(1, MACS + b"\x08\x00" + ipv4(TCP_HELLO[:20]) + bytes(6)) == hello(IPV4_KEY, b"")


def test_length_0_left_by_offloading_means_all_that_was_captured() -> None:
    packet = MACS + b"\x08\x00" + ipv4(TCP_HELLO + bytes(70_000), total_bytes=0)
    assert decode_segment(1, packet) == hello(IPV4_KEY, b"hello" + bytes(70_000))
    packet = MACS + b"\x86\xdd" + IPV6_HELLO[:4] + b"\x00\x00" + IPV6_HELLO[6:] + bytes(70_000)
    assert decode_segment(1, packet) == hello(IPV6_KEY, b"hello" + bytes(70_000))


def test_bytes_cut_off_by_the_snap_length_are_counted() -> None:
    packet = MACS + b"\x08\x00" + ipv4(TCP_HELLO)
    assert decode_segment(1, packet[:-2]) == hello(IPV4_KEY, b"hel", 2)
    assert decode_segment(1, packet[:-5]) == hello(IPV4_KEY, b"", 5)
    # Cut within the TCP header, behind what a segment needs.
    assert decode_segment(1, packet[:-9]) == hello(IPV4_KEY, b"", 5)
    packet = MACS + b"\x86\xdd" + IPV6_HELLO
    assert decode_segment(1, packet[:-2]) == hello(IPV6_KEY, b"hel", 2)


@pytest.mark.parametrize(
    ("link_type", "packet", "why"),
    [
        (147, b"", "link type 147"),
        (1, MACS, "cut off within its link header"),
        (1, MACS + bytes.fromhex("0806"), "EtherType 0x0806"),
        (1, MACS + bytes.fromhex("8100 00"), "cut off within its VLAN tag"),
        (1, MACS + bytes.fromhex("0800"), "cut off before its IP header"),
        (1, MACS + bytes.fromhex("0800 45"), "cut off within its IPv4 header"),
        (1, MACS + bytes.fromhex("0800 55") + SYN_IP[1:], "IP version 5"),
        (1, MACS + bytes.fromhex("0800 44") + SYN_IP[1:], "an IPv4 header of 16 bytes"),
        (1, MACS + bytes.fromhex("0800") + SYN_IP[:33], "cut off within its TCP header"),
        (0, bytes.fromhex("07000000"), "address family 07 00 00 00 of a loopback packet"),
        (101, ipv4(TCP_HELLO, fragment=0x2000), "an IPv4 fragment"),
        (101, ipv4(TCP_HELLO, fragment=0x0010), "an IPv4 fragment"),
        (101, ipv4(TCP_HELLO, protocol=17), "IP protocol 17"),
        (101, ipv4(TCP_HELLO, total_bytes=39), "an IP length which ends within the TCP header"),
        (101, ipv4(TCP_HELLO[:12] + b"\x40" + TCP_HELLO[13:]), "a TCP header of 16 bytes"),
        (101, bytes.fromhex("60"), "cut off within its IPv6 header"),
        (101, ipv6(58, b""), "IP protocol 58"),
        (101, ipv6(0, b"\x06"), "cut off within its IPv6 extension headers"),
        (101, ipv6(44, bytes.fromhex("06 00 0001 12345678") + TCP_HELLO), "an IPv6 fragment"),
        (101, ipv6(44, bytes.fromhex("06 00 0008 12345678") + TCP_HELLO), "an IPv6 fragment"),
    ],
)
def test_what_is_not_a_tcp_segment_is_none_and_says_why(link_type: int, packet: bytes, why: str) -> None:
    assert decode_segment(link_type, packet) is None
    assert why_not_tcp(link_type, packet) == why


@pytest.mark.parametrize("packet", [ipv4(TCP_HELLO, options=bytes(4)), IPV6_HELLO, ipv4(TCP_HELLO)])
def test_packet_cut_short_anywhere_is_none_or_says_what_is_missing(packet: bytes) -> None:
    ethertype = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    whole = MACS + ethertype + packet
    for size in range(len(whole)):
        segment = decode_segment(1, whole[:size])
        if segment is None:
            assert why_not_tcp(1, whole[:size])
        else:
            assert len(segment.payload) + segment.missing_bytes == 5


@given(st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276, 5]), st.binary(max_size=120))
@settings(max_examples=200)
def test_garbage_gives_none_or_a_segment(link_type: int, data: bytes) -> None:
    assert (decode_segment(link_type, data) is None) == bool(why_not_tcp(link_type, data))


@given(st.integers(0, 13), st.binary(min_size=60, max_size=60), st.sets(st.integers(14, 59), max_size=6))
@settings(max_examples=200)
def test_damaged_packet_gives_none_or_a_segment(cut: int, noise: bytes, damaged: set[int]) -> None:
    packet = bytearray((MACS + b"\x08\x00" + SYN_IP)[: 74 - cut])
    for position in damaged:
        packet[position] = noise[position]
    segment = decode_segment(1, bytes(packet))
    assert (segment is None) == bool(why_not_tcp(1, bytes(packet)))
    if segment is not None:
        assert segment.missing_bytes >= 0


def test_flow_keys_name_endpoints_and_turn_around() -> None:
    client, node = Endpoint("172.31.9.1", 48496), Endpoint("172.31.9.11", 9042)
    assert endpoints_of(KEY) == (client, node)
    assert flow_key_of(client, node) == KEY
    assert reversed_flow(KEY) == flow_key_of(node, client)
    left, right = Endpoint("fd00::1", 7000), Endpoint("fd00::2", 9042)
    assert endpoints_of(IPV6_KEY) == (left, right)
    assert flow_key_of(left, right) == IPV6_KEY
    assert reversed_flow(IPV6_KEY) == flow_key_of(right, left)


def test_flow_keys_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="different families"):
        flow_key_of(Endpoint("10.0.0.1", 1), Endpoint("fd00::1", 1))
    with pytest.raises(ValueError, match="port 65536"):
        flow_key_of(Endpoint("10.0.0.1", 65536), Endpoint("10.0.0.2", 1))
    with pytest.raises(ValueError, match="11 bytes"):
        endpoints_of(bytes(11))


def test_encoder_writes_the_captured_packet_with_its_checksums() -> None:
    segment = decode_segment(1, MACS + b"\x08\x00" + RST_IP)
    assert segment == Segment(reversed_flow(KEY), 0, 0x55890B25, 0x14, b"", 0)
    assert encode_segment(segment, window=0)[12:] == b"\x08\x00" + RST_IP


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EncodeError, match="does not fit"):
        encode_segment(SYN_SEGMENT._replace(sequence=1 << 32))
    with pytest.raises(EncodeError, match="missing bytes"):
        encode_segment(SYN_SEGMENT._replace(payload=bytes(65_500), missing_bytes=100))


@given(
    st.builds(
        Segment,
        st.one_of(st.binary(min_size=12, max_size=12), st.binary(min_size=36, max_size=36)),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 255),
        st.binary(max_size=100),
        st.integers(0, 1000),
    )
)
@settings(max_examples=200)
def test_what_is_encoded_decodes_to_the_same(segment: Segment) -> None:
    assert decode_segment(1, encode_segment(segment)) == segment


def test_payload_too_long_for_an_ip_length_decodes_to_the_same() -> None:
    for key in (KEY, IPV6_KEY):
        segment = Segment(key, 1, 2, 0x10, bytes(range(256)) * 400, 0)
        assert decode_segment(1, encode_segment(segment)) == segment


@pytest.mark.tshark
def test_tshark_finds_the_checksums_good(tmp_path: Path) -> None:
    if which("tshark") is None:
        pytest.skip("tshark is not installed")
    pcap = PcapEncoder()
    capture = pcap.header()
    for key in (KEY, IPV6_KEY):
        for payload in (b"", b"a", b"hello, world", bytes(range(256)), b"\xff" * 99):
            capture += pcap.packet(0, encode_segment(Segment(key, 0xFFFFFFF0, 7, 0x18, payload, 0)))
    path = tmp_path / "checksums.pcap"
    path.write_bytes(capture)
    fields = ["-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "tcp.len"]
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command = ["tshark", "-r", str(path), "-T", "fields", *checks, *fields]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    lengths = ("0", "1", "12", "256", "99")
    assert lines == [f"1\t1\t{length}" for length in lengths] + [f"1\t\t{length}" for length in lengths]


@pytest.mark.reference
def test_every_packet_of_a_real_cluster_is_a_segment_that_encodes_to_itself(reference: Path) -> None:
    capture = (reference / "scylla-2025.1" / "base" / "batch.pcapng").read_bytes()
    packets = [event for event in CaptureDecoder().feed(capture) if isinstance(event, Packet)]
    assert packets
    for packet in packets:
        segment = decode_segment(packet.link_type, packet.data)
        assert segment is not None
        assert decode_segment(1, encode_segment(segment)) == segment
