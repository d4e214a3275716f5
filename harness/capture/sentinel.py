"""Marks in a capture: Ethernet frames that nobody but the capturing program takes notice of.

Wire: Ethernet header with EtherType 0x88b5, magic 8 bytes, id 16 bytes, label length u8, label in UTF-8, and
zeros up to 60 bytes.

Source:
    IEEE 802-2014, section 9.2.4 (EtherTypes for local experiments, 0x88b5); IEEE 802.1Q-2018, table 8-1
    (01-80-C2-00-00-0E: an address that no bridge forwards).
"""

from typing import NamedTuple

from harness.codec.pcapng import Packet

ETHERTYPE = 0x88B5
MARK_ID_BYTES = 16
LABEL_BYTES_MAX = 255

_LINK_ETHERNET = 1
# From a locally administered address to those next to us only; nodes see nothing that they could answer.
_HEAD = bytes.fromhex("0180c200000e 020000000000 88b5") + b"swh mark"
_ID_END = len(_HEAD) + MARK_ID_BYTES
_FRAME_BYTES_MIN = 60


class Sentinel(NamedTuple):
    """One mark."""

    mark_id: bytes
    """16 bytes, chosen at random, so that no mark of another run is taken for this one."""

    label: str
    """For people who read the capture."""


def encode_sentinel(sentinel: Sentinel) -> bytes:
    """Return the frame of a mark; a label too long is cut.

    Raises:
        ValueError: an id that is not of 16 bytes.
    """
    if len(sentinel.mark_id) != MARK_ID_BYTES:
        raise ValueError(f"a mark with an id of {len(sentinel.mark_id)} bytes; it takes {MARK_ID_BYTES}")
    label = sentinel.label.encode()[:LABEL_BYTES_MAX]
    frame = _HEAD + sentinel.mark_id + bytes([len(label)]) + label
    return frame.ljust(_FRAME_BYTES_MIN, b"\x00")


def is_sentinel(link_type: int, data: bytes) -> bool:
    """Whether a packet is a mark: nothing that nodes have said."""
    return link_type == _LINK_ETHERNET and data.startswith(_HEAD) and len(data) > _ID_END


def decode_sentinel(packet: Packet) -> Sentinel | None:
    """Return the mark that a packet is; None if it is none."""
    data = packet.data
    if not is_sentinel(packet.link_type, data):
        return None
    label = data[_ID_END + 1 : _ID_END + 1 + data[_ID_END]]
    return Sentinel(data[len(_HEAD) : _ID_END], label.decode(errors="replace"))
