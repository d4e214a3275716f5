"""Capture files, pcapng and classic pcap: bytes in, packets out, and back."""

from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import (
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    PacketRow,
    SectionStart,
    Truncated,
)
from harness.codec.pcapng.pcap_encoder import PcapEncoder
from harness.codec.pcapng.pcapng_encoder import PcapngEncoder

__all__ = [
    "CaptureDecoder",
    "CaptureEvent",
    "DroppedPackets",
    "Interface",
    "InterfaceStatistics",
    "NameResolution",
    "Packet",
    "PacketRow",
    "PcapEncoder",
    "PcapngEncoder",
    "SectionStart",
    "Truncated",
]
