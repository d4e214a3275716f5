"""Makes a large capture of a small one: the same packets again and again, as one continued conversation.

Times move on, and TCP sequence numbers go on where the last round ended, so that every connection stays one
connection and no packet looks like a retransmission; a connection that was opened within the capture is opened
anew in each round. Rounds must join at frames: each connection's bytes are cut where the capture begins and
ends, which for captures of whole requests and replies is a boundary of frames.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import Interface, Packet, SectionStart
from harness.codec.pcapng.pcapng_encoder import PcapngEncoder
from harness.codec.tcp.segment import Segment, decode_segment, reversed_flow

_MASK = 0xFFFFFFFF
_ETHERNET_IPV4_BYTES = 34
_NUMBERS = struct.Struct(">II")


@dataclass
class _Extent:
    """Sequence numbers that one direction uses in a round."""

    first: int
    size: int = 0

    def take(self, segment: Segment) -> None:
        """Widen it to a segment."""
        behind = (segment.sequence - self.first) & _MASK
        if behind < 1 << 31:
            self.size = max(self.size, behind + len(segment.payload))
        else:
            self.size += (self.first - segment.sequence) & _MASK
            self.first = segment.sequence


def enlarge(source: Path, target: Path, *, rounds: int) -> int:
    """Write the packets of a capture ``rounds`` times; return how many packets were written."""
    decoder = CaptureDecoder()
    events = decoder.feed(source.read_bytes()) + decoder.close()
    packets: list[tuple[Packet, Segment]] = []
    extents: dict[bytes, _Extent] = {}
    for event in events:
        if not isinstance(event, Packet):
            continue
        segment = decode_segment(event.link_type, event.data)
        if segment is None or event.data[12:14] != b"\x08\x00":
            continue
        packets.append((event, segment))
        extents.setdefault(segment.flow_key, _Extent(segment.sequence)).take(segment)
    step_ns = packets[-1][0].time_ns - packets[0][0].time_ns + 1_000_000
    encoder = PcapngEncoder()
    interface = next(event for event in events if isinstance(event, Interface))
    with target.open("wb") as file:
        file.write(encoder.section(SectionStart(application="benchmarks/enlarge.py")))
        file.write(encoder.interface(interface))
        for turn in range(rounds):
            for packet, segment in packets:
                sent = extents[segment.flow_key].size
                received = extents.get(reversed_flow(segment.flow_key))
                data = bytearray(packet.data)
                _NUMBERS.pack_into(
                    data,
                    _ETHERNET_IPV4_BYTES + 4,
                    (segment.sequence + turn * sent) & _MASK,
                    (segment.acknowledgement + turn * (received.size if received else 0)) & _MASK,
                )
                file.write(encoder.packet(packet.time_ns + turn * step_ns, bytes(data)))
    return rounds * len(packets)
