"""Capture files with one packet taken out, as if what it carries had never been sent: no bytes are missing."""

import struct
from pathlib import Path

from harness.codec.pcapng import CaptureDecoder, Packet, PcapngEncoder
from harness.codec.tcp.segment import decode_segment, reversed_flow

_ETHERNET_BYTES = 14
_SEQUENCE_MASK = 0xFFFFFFFF


def without_packet(capture: bytes, number: int) -> bytes:
    """The capture without a packet; what its sender sends later, and what is acknowledged of it, moves up.

    Args:
        capture: pcapng, of Ethernet and IPv4.
        number: of the packet, from 1.
    """
    decoder, encoder = CaptureDecoder(), PcapngEncoder()
    written: list[bytes] = []
    flow = backward = b""
    shift = 0
    for event in [*decoder.feed(capture), *decoder.close()]:
        kept = event
        if isinstance(event, Packet):
            segment = decode_segment(event.link_type, event.data)
            assert segment is not None
            if event.number == number:
                flow, backward = segment.flow_key, reversed_flow(segment.flow_key)
                shift = len(segment.payload)
                continue
            if segment.flow_key in {flow, backward}:
                kept = event._replace(data=_moved(event.data, shift, is_sequence=segment.flow_key == flow))
        written.append(encoder.encode(kept))
    return b"".join(written)


def write_without_packet(source: Path, number: int, folder: Path) -> Path:
    """Write the capture, and the context beside it, into a folder."""
    path = folder / source.name
    path.write_bytes(without_packet(source.read_bytes(), number))
    beside = source.with_suffix(".json")
    (folder / beside.name).write_bytes(beside.read_bytes())
    return path


def _moved(data: bytes, shift: int, *, is_sequence: bool) -> bytes:
    """The packet with its sequence number, or its acknowledgement, so many bytes lower."""
    header_bytes = (data[_ETHERNET_BYTES] & 0x0F) * 4
    at = _ETHERNET_BYTES + header_bytes + (4 if is_sequence else 8)
    (value,) = struct.unpack_from(">I", data, at)
    return data[:at] + struct.pack(">I", (value - shift) & _SEQUENCE_MASK) + data[at + 4 :]
