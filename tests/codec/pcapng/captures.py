"""Small captures, written by hand as hex, and what they hold."""

from harness.codec.pcapng import CaptureDecoder, CaptureEvent

SECTION_LITTLE = bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000")
SECTION_BIG = bytes.fromhex("0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c")

INTERFACE_US = bytes.fromhex("01000000 14000000 0100 0000 00000400 14000000")
"""Ethernet, snap length 262144, microseconds because nothing else is said."""

INTERFACE_NS = bytes.fromhex(
    "01000000 28000000 0100 0000 00000000"
    "0200 0300 766830 00"  # if_name vh0
    "0900 0100 09 000000"  # if_tsresol 10^-9
    "0000 0000 28000000"
)

PACKET_5 = bytes.fromhex(
    "06000000 28000000 00000000 01000000 02000000 05000000 09000000 6162636465 000000 28000000"
)
"""Five of nine bytes, interface 0, at 0x1_0000_0002 ticks."""


def decoded(data: bytes) -> list[CaptureEvent]:
    """All events of a capture."""
    decoder = CaptureDecoder()
    return decoder.feed(data) + decoder.close()


def decoded_by_bytes(data: bytes) -> list[CaptureEvent]:
    """The same, fed one byte at a time."""
    decoder = CaptureDecoder()
    events = [event for position in range(len(data)) for event in decoder.feed(data[position : position + 1])]
    return events + decoder.close()
