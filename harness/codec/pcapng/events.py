"""What a capture file holds, as values shared by the decoder and the encoders.

Source:
    draft-ietf-opsawg-pcapng-03, sections "Section Header Block", "Interface Description Block", "Enhanced
    Packet Block", "Name Resolution Block", "Interface Statistics Block"; draft-ietf-opsawg-pcap-04.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Packet(NamedTuple):
    """One packet, as captured."""

    number: int
    """From 1, over the whole file."""

    time_ns: int
    """Since 1970, rounded down to the nanosecond; 0 for a simple packet block, which carries no time."""

    link_type: int
    """LINKTYPE_ number of the interface, such as 1 for Ethernet."""

    data: bytes
    """What was captured; shorter than original_bytes when the snap length cut it."""

    original_bytes: int
    """Size of the packet on the link."""

    interface: int
    """Index of the interface within its section."""

    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionStart:
    """A pcapng section begins; interfaces are numbered anew. A classic pcap file has none."""

    comments: tuple[str, ...] = ()
    hardware: str | None = None
    os: str | None = None
    application: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Where packets were captured; the header of a classic pcap file gives one of its own."""

    number: int
    """Index within the section, from 0."""

    link_type: int

    snap_length_bytes: int = 0
    """Most bytes kept of a packet; 0 for no limit."""

    ticks_per_second: int = 1_000_000_000
    """Resolution of time stamps: a power of 10 or of 2."""

    offset_s: int = 0
    """Added to every time stamp; the decoder has done so in ``Packet.time_ns``."""

    name: str | None = None
    description: str | None = None
    capture_filter: str | None = None
    """Text of the filter; None also where it was kept in another form."""

    hardware: str | None = None
    os: str | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceStatistics:
    """Counts of packets on one interface, from the start of its capture; None where not recorded."""

    interface: int
    time_ns: int
    received: int | None = None
    dropped: int | None = None
    """Lost by the interface for lack of resources."""

    filter_accepted: int | None = None
    os_dropped: int | None = None
    """Lost by the operating system."""

    delivered: int | None = None
    """Given to the program that captured."""

    started_at_ns: int | None = None
    ended_at_ns: int | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NameResolution:
    """Names of one IPv4 or IPv6 address."""

    address: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPackets:
    """Packets lost on an interface between its previous packet and the one with the number ``before_packet``."""

    interface: int
    packet_count: int
    before_packet: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated:
    """The file ends in the middle of a block; the last event of its decoder."""

    offset_bytes: int
    """Where the incomplete block begins."""

    what: str


CaptureEvent = (
    Packet | SectionStart | Interface | InterfaceStatistics | NameResolution | DroppedPackets | Truncated
)

PacketRow = tuple[int, int, int, bytes]
"""What most readers need of a Packet: number, time_ns, link_type, data."""
