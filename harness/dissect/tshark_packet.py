"""What Wireshark says about one packet, however it was asked."""

from typing import NamedTuple

from harness.codec.tcp.segment import Endpoint
from harness.events.message import Kind, Protocol


class KeyFields(NamedTuple):
    """What it reads of the head of a MUTATION or READ_DATA request."""

    table_id: bytes
    """As on the wire: two halves, each little endian."""
    schema_version: bytes
    """As on the wire, too."""
    partition_key: tuple[bytes, ...] | None
    """The key's components; None for READ_DATA, where it does not look."""


class Pdu(NamedTuple):
    """One message as Wireshark shows it: a protocol item of its tree, a PDU in its words."""

    protocol: Protocol
    kind: Kind
    """Never ONE_WAY: whether somebody answers is no part of what stands there."""
    verb: int | None
    """Verb, which of a reply is the one of the request that it was matched with; opcode of CQL."""
    msg_id: int | None
    """Unsigned, as it is shown; of CQL: the stream id."""
    length_bytes: int
    """Of the payload, by the field that it takes for the length."""
    timeout_ms: int | None
    request_frame: int | None
    """Packet of the request that a reply was matched with."""
    key_fields: KeyFields | None
    cql_version: int
    """The first byte of a CQL frame, with the direction bit."""
    cql_flags: int

    @property
    def header_bytes(self) -> int:
        """Size of the header that it assumes in front of the payload."""
        if self.protocol is Protocol.CQL:
            return CQL_HEADER_BYTES
        return REQUEST_HEADER_BYTES if self.kind is Kind.REQUEST else REPLY_HEADER_BYTES

    @property
    def claimed_bytes(self) -> int:
        """Size of the piece of the byte stream that it takes for this message."""
        return self.header_bytes + self.length_bytes


UNANSWERED_VERBS = frozenset((1, 2, 6, 7, 8, 10, 11, 24, 41, 42, 43))
"""The verbs to which Wireshark expects no reply; CLIENT_ID is not among them."""
REQUEST_HEADER_BYTES = 28
REPLY_HEADER_BYTES = 12
"""Of negotiations, too."""
CQL_HEADER_BYTES = 9


class TsharkPacket(NamedTuple):
    """One TCP segment with a payload or a SYN, and the messages that Wireshark shows in its packet."""

    frame: int
    """Number of the packet, from 1."""
    time_ns: int
    tcp_stream: int
    """Wireshark's number of the connection."""
    source: Endpoint
    destination: Endpoint
    sequence: int
    """Of the segment's first byte, or of its SYN; not relative."""
    is_syn: bool
    payload: bytes
    """Of the segment, as far as it was captured."""
    payload_bytes: int
    """Size of the payload on the wire."""
    pdus: tuple[Pdu, ...]
    """In the order of the tree."""
    joined_frames: tuple[int, ...]
    """If the first PDU came out of a reassembly: the packets that took part."""
    is_malformed: bool
    """It gave up somewhere in this packet: "Malformed Packet"."""
    is_skipped: bool
    """It takes the segment for late or a retransmission and does not look into it."""
