"""One captured packet in, its TCP segment out; and a segment back into a packet.

Source:
    RFC 9293, section 3.1 "Header Format"; RFC 791, section 3.1; RFC 8200, sections 3 and 4;
    RFC 1071 (checksum); IEEE 802.1Q and linux/if_ether.h (EtherTypes); tcpdump.org/linktypes.html.
"""

import struct
from ipaddress import ip_address
from typing import NamedTuple

from harness.errors import EncodeError

FIN = 0x01
SYN = 0x02
RST = 0x04
PSH = 0x08
ACK = 0x10
URG = 0x20

LINK_NULL = 0
LINK_ETHERNET = 1
LINK_LOOP = 108
LINK_LINUX_COOKED = 113
LINK_LINUX_COOKED_2 = 276
_LINKS_RAW_IP = frozenset((12, 101, 228, 229))

_ETHERTYPE_IPV4 = 0x0800
_ETHERTYPE_IPV6 = 0x86DD
_ETHERTYPES_VLAN = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
_PROTOCOL_TCP = 6

# Address families of BSD loopback headers: 2 is IPv4 everywhere, IPv6 differs from system to system.
_LOOPBACK_FAMILIES = frozenset((2, 10, 24, 28, 30))

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_EXTENSIONS = frozenset((_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION, 135, 139, 140))

# EtherType, version and header length, IP total length, both bytes of the fragment, protocol, flow key, sequence,
# acknowledgement, data offset, flags of Ethernet, IPv4 without options, TCP. Numbers up to 256 cost less than larger ones.
_ETHERNET_IPV4_TCP = struct.Struct(">12xHBxH2xBBxB2x12sIIBB").unpack_from
_ETHERNET_IPV4_TCP_MIN_BYTES = 48
_TCP = struct.Struct(">4xIIH").unpack_from
_U16 = struct.Struct(">H").unpack_from
_IP_LENGTH_MAX = 0xFFFF


class Segment(NamedTuple):
    """One TCP segment of one direction of one connection."""

    flow_key: bytes
    """Source address, destination address, source port, destination port: 12 bytes or, for IPv6, 36."""

    sequence: int
    acknowledgement: int
    """Means something only if flags has ACK."""

    flags: int
    """FIN, SYN, RST, PSH, ACK, URG and the two bits above them."""

    payload: bytes
    """As far as it was captured."""

    missing_bytes: int
    """Bytes of payload which follow, but were cut off by the snap length."""


class Endpoint(NamedTuple):
    """One end of a connection."""

    address: str
    port: int


def decode_segment(link_type: int, data: bytes) -> Segment | None:
    """Return the TCP segment in a packet; None where there is none, or only a fragment of one.

    Padding after the IP packet is cut off. An IP length of 0, left by offloading in the network card, means all
    that was captured; what a snap length cut from such a packet cannot be known, so missing_bytes is 0.
    ``why_not_tcp`` tells why None came out.
    """
    if link_type == LINK_ETHERNET:
        plain = decode_plain_segment(data)
        if plain is not None:
            return Segment(*plain, 0)
    located = _locate(link_type, data)
    return None if isinstance(located, str) else _segment_at(data, located)


def decode_plain_segment(data: bytes) -> tuple[bytes, int, int, int, bytes] | None:
    """Return what an ordinary Ethernet packet holds, in the order of Segment's fields; None for any other.

    The quick way for nearly all packets: whole, with IPv4 without options, unfragmented. ``decode_segment`` takes the
    others; of these it gives the same, with no bytes missing.
    """
    if len(data) < _ETHERNET_IPV4_TCP_MIN_BYTES:
        return None
    (
        ethertype,
        version,
        total_bytes,
        fragment_high,
        fragment_low,
        protocol,
        flow_key,
        sequence,
        acknowledgement,
        offset,
        flags,
    ) = _ETHERNET_IPV4_TCP(data)
    start = 34 + (offset >> 2 & 0x3C)
    end = 14 + total_bytes
    # Cut by the snap length, offloaded or malformed packets take the long way.
    if (
        protocol == _PROTOCOL_TCP
        and version == 0x45
        and ethertype == _ETHERTYPE_IPV4
        and not fragment_low
        and not fragment_high & 0x3F
        and 54 <= start <= end <= len(data)
    ):
        return flow_key, sequence, acknowledgement, flags, data[start:end]
    return None


def why_not_tcp(link_type: int, data: bytes) -> str:
    """Return why ``decode_segment`` gives None for this packet; empty if it gives a segment."""
    located = _locate(link_type, data)
    return located if isinstance(located, str) else ""


class _Located(NamedTuple):
    """Where a TCP segment stands in a packet."""

    addresses: bytes
    """Source and destination."""

    position: int
    """Of the TCP header."""

    end: int
    """Of the IP packet; behind the data's end if those were cut."""


def _segment_at(data: bytes, located: _Located) -> Segment:
    position = located.position
    sequence, acknowledgement, offset_and_flags = _TCP(data, position)
    start = position + (offset_and_flags >> 10 & 0x3C)
    payload = data[start : located.end]
    return Segment(
        located.addresses + data[position : position + 4],
        sequence,
        acknowledgement,
        offset_and_flags & 0xFF,
        payload,
        located.end - start - len(payload),
    )


def _locate(link_type: int, data: bytes) -> _Located | str:
    network = _network_position(link_type, data)
    if isinstance(network, str):
        return network
    if network >= len(data):
        return "cut off before its IP header"
    version = data[network] >> 4
    if version == 4:
        located = _locate_in_ipv4(data, network)
    elif version == 6:
        located = _locate_in_ipv6(data, network)
    else:
        return f"IP version {version}"
    if isinstance(located, str):
        return located
    position = located.position
    if len(data) < position + 14:
        return "cut off within its TCP header"
    header_bytes = data[position + 12] >> 2 & 0x3C
    if header_bytes < 20:
        return f"a TCP header of {header_bytes} bytes"
    if located.end < position + header_bytes:
        return "an IP length which ends within the TCP header"
    return located


def _network_position(link_type: int, data: bytes) -> int | str:
    """Return where the IP header begins, or why there is none."""
    if link_type == LINK_ETHERNET:
        ethertype_position = 12
    elif link_type == LINK_LINUX_COOKED:
        ethertype_position = 14
    elif link_type == LINK_LINUX_COOKED_2:
        ethertype_position = 0
    elif link_type in _LINKS_RAW_IP:
        return 0
    elif link_type in (LINK_NULL, LINK_LOOP):
        family = data[:4]
        # Written in the order of the capturing host (0) or of the network (108); both are accepted for both.
        known = int.from_bytes(family, "big") in _LOOPBACK_FAMILIES
        if not known and int.from_bytes(family, "little") not in _LOOPBACK_FAMILIES:
            return f"address family {family.hex(' ')} of a loopback packet"
        return 4
    else:
        return f"link type {link_type}"
    position = 20 if link_type == LINK_LINUX_COOKED_2 else ethertype_position + 2
    if len(data) < position:
        return "cut off within its link header"
    ethertype = _U16(data, ethertype_position)[0]
    while ethertype in _ETHERTYPES_VLAN:
        if len(data) < position + 4:
            return "cut off within its VLAN tag"
        ethertype = _U16(data, position + 2)[0]
        position += 4
    if ethertype not in (_ETHERTYPE_IPV4, _ETHERTYPE_IPV6):
        return f"EtherType 0x{ethertype:04x}"
    return position


def _locate_in_ipv4(data: bytes, network: int) -> _Located | str:
    if len(data) < network + 20:
        return "cut off within its IPv4 header"
    header_bytes = (data[network] & 0x0F) * 4
    if header_bytes < 20:
        return f"an IPv4 header of {header_bytes} bytes"
    if _U16(data, network + 6)[0] & 0x3FFF:
        return "an IPv4 fragment"
    if data[network + 9] != _PROTOCOL_TCP:
        return f"IP protocol {data[network + 9]}"
    total_bytes = _U16(data, network + 2)[0]
    return _Located(
        data[network + 12 : network + 20],
        network + header_bytes,
        network + total_bytes if total_bytes else len(data),
    )


def _locate_in_ipv6(data: bytes, network: int) -> _Located | str:
    position = network + 40
    if len(data) < position:
        return "cut off within its IPv6 header"
    payload_bytes = _U16(data, network + 4)[0]
    kind = data[network + 6]
    while kind in _EXTENSIONS:
        if len(data) < position + 8:
            return "cut off within its IPv6 extension headers"
        if kind == _FRAGMENT and _U16(data, position + 2)[0] & 0xFFF9:
            return "an IPv6 fragment"
        if kind == _FRAGMENT:
            size = 8
        elif kind == _AUTHENTICATION:
            size = (data[position + 1] + 2) * 4
        else:
            size = (data[position + 1] + 1) * 8
        kind = data[position]
        position += size
    if kind != _PROTOCOL_TCP:
        return f"IP protocol {kind}"
    # 0 is a jumbogram, whose length stands in an option, or was left by offloading.
    end = network + 40 + payload_bytes if payload_bytes else len(data)
    return _Located(data[network + 8 : network + 40], position, end)


def flow_key_of(source: Endpoint, destination: Endpoint) -> bytes:
    """Return the flow key of segments from source to destination.

    Raises:
        ValueError: an address that is none, two of different families, or a port out of range.
    """
    addresses = ip_address(source.address).packed + ip_address(destination.address).packed
    if len(addresses) not in (8, 32):
        raise ValueError(f"{source.address} and {destination.address} are of different families")
    for port in (source.port, destination.port):
        if not 0 <= port <= 0xFFFF:
            raise ValueError(f"port {port}")
    return addresses + struct.pack(">HH", source.port, destination.port)


def reversed_flow(flow_key: bytes) -> bytes:
    """Return the flow key of the other direction."""
    size = _address_bytes(flow_key)
    ports = 2 * size
    return (
        flow_key[size:ports] + flow_key[:size] + flow_key[ports + 2 : ports + 4] + flow_key[ports : ports + 2]
    )


def endpoints_of(flow_key: bytes) -> tuple[Endpoint, Endpoint]:
    """Return source and destination."""
    size = _address_bytes(flow_key)
    source_port, destination_port = struct.unpack_from(">HH", flow_key, 2 * size)
    return (
        Endpoint(str(ip_address(flow_key[:size])), source_port),
        Endpoint(str(ip_address(flow_key[size : 2 * size])), destination_port),
    )


def _address_bytes(flow_key: bytes) -> int:
    if len(flow_key) == 12:
        return 4
    if len(flow_key) == 36:
        return 16
    raise ValueError(f"a flow key of {len(flow_key)} bytes; it takes 12 or 36")


def encode_segment(segment: Segment, *, window: int = 0xFFFF, hop_limit: int = 64) -> bytes:
    """Return an Ethernet packet which holds the segment, with checksums; IPv4 or IPv6 as its flow key says.

    A payload too long for an IP length is written as offloading leaves it: length 0, which means all there is.
    The MAC addresses are made from the IP addresses. Checksums count missing bytes as zeros.

    Raises:
        EncodeError: a number that does not fit its field, or missing bytes behind a payload of that kind.
    """
    flow_key = segment.flow_key
    size = _address_bytes(flow_key)
    source, destination, ports = flow_key[:size], flow_key[size : 2 * size], flow_key[2 * size :]
    tcp_bytes = 20 + len(segment.payload) + segment.missing_bytes
    ip_bytes = tcp_bytes + (20 if size == 4 else 0)
    if ip_bytes > _IP_LENGTH_MAX:
        if segment.missing_bytes:
            raise EncodeError(f"missing bytes in an IP packet of {ip_bytes} bytes, whose length has no field")
        ip_bytes = 0
    try:
        tcp = struct.pack(
            ">4sIIBBHHH",
            ports,
            segment.sequence,
            segment.acknowledgement,
            5 << 4,
            segment.flags,
            window,
            0,
            0,
        )
        if size == 4:
            ip = struct.pack(
                ">BBHHHBBH4s4s", 0x45, 0, ip_bytes, 0, 0x4000, hop_limit, 6, 0, source, destination
            )
            ip = ip[:10] + _checksum(ip) + ip[12:]
        else:
            ip = struct.pack(">IHBB16s16s", 6 << 28, ip_bytes, 6, hop_limit, source, destination)
    except struct.error as error:
        raise EncodeError(f"a TCP segment with a number that does not fit: {error}") from error
    pseudo_header = source + destination + struct.pack(">II", tcp_bytes, _PROTOCOL_TCP)
    checksum = _checksum(pseudo_header + tcp + segment.payload)
    ethertype = _ETHERTYPE_IPV4 if size == 4 else _ETHERTYPE_IPV6
    ethernet = b"\x02\x00" + destination[-4:] + b"\x02\x00" + source[-4:] + ethertype.to_bytes(2, "big")
    return b"".join((ethernet, ip, tcp[:16], checksum, tcp[18:], segment.payload))


def _checksum(data: bytes) -> bytes:
    """Return the Internet checksum.

    The one's complement sum of 16-bit words is the number they form modulo 0xffff, which Python computes
    without a loop over the words.
    """
    number = int.from_bytes(data, "big")
    if len(data) % 2:
        number <<= 8
    return (-number % 0xFFFF).to_bytes(2, "big")
