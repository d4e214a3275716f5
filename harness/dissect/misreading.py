"""Wireshark's rules for Scylla messages, and the proof that it misread one of ours by them.

Source: Wireshark epan/dissectors/packet-scylla.c and packet-tcp.c (tcp_dissect_pdus) as of 4.0; measured on
tshark 4.0.17.
"""

import struct
from typing import NamedTuple

from harness.codec.rpc.headers import MAGIC
from harness.dissect.disagreement import Reason
from harness.dissect.frame_locator import Located, compression_of
from harness.dissect.tshark_packet import CQL_HEADER_BYTES, REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES
from harness.events.message import Kind, Message, Protocol

VERB_MAX = 43
"""The highest verb that Wireshark knows."""
LENGTH_MAX = 64 << 20
"""A request that claims more payload is taken for a reply."""

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_CQL_LENGTH = struct.Struct(">I")
_VERB_AT = 8
_LENGTH_AT = 24
_SIZE_AT = 8
_CQL_LENGTH_AT = 5

REQUESTS = frozenset((Kind.REQUEST, Kind.ONE_WAY))
REPLIES = frozenset((Kind.REPLY, Kind.EXCEPTION))
_STREAM = frozenset((Kind.STREAM_DATA, Kind.STREAM_END))


class Claim(NamedTuple):
    """What Wireshark takes some bytes for."""

    kind: Kind
    claimed_bytes: int
    """How many bytes it wants for the message, its header included."""


def claim_of(head: bytes, protocol: Protocol, *, segment_bytes: int) -> Claim | None:
    """Apply Wireshark's rule to the bytes where it begins a message; None if it reaches behind their end.

    It looks 24 bytes on if what it has in hand as a whole has 28 bytes, not if so many are left.

    Args:
        head: what is there; 28 bytes are enough.
        protocol: what it takes the port for.
        segment_bytes: how much Wireshark has in hand, which begins at or before head.
    """
    if protocol is Protocol.CQL:
        if len(head) < CQL_HEADER_BYTES:
            return None
        return Claim(Kind.REPLY, CQL_HEADER_BYTES + int(_CQL_LENGTH.unpack_from(head, _CQL_LENGTH_AT)[0]))
    if len(head) < REPLY_HEADER_BYTES:
        return None
    size_bytes = int(_U32.unpack_from(head, _SIZE_AT)[0])
    if head.startswith(MAGIC):
        return Claim(Kind.NEGOTIATION, REPLY_HEADER_BYTES + size_bytes)
    if segment_bytes < REQUEST_HEADER_BYTES:
        return Claim(Kind.REPLY, REPLY_HEADER_BYTES + size_bytes)
    if len(head) < REQUEST_HEADER_BYTES:
        return None
    if looks_like_request(head):
        return Claim(Kind.REQUEST, REQUEST_HEADER_BYTES + int(_U32.unpack_from(head, _LENGTH_AT)[0]))
    return Claim(Kind.REPLY, REPLY_HEADER_BYTES + size_bytes)


def header_bytes_min(protocol: Protocol) -> int:
    """How many bytes Wireshark wants to have before it looks what begins there."""
    return CQL_HEADER_BYTES if protocol is Protocol.CQL else REPLY_HEADER_BYTES


def looks_like_request(head: bytes) -> bool:
    """Whether Wireshark takes these 28 bytes for the header of a request."""
    verb = _U64.unpack_from(head, _VERB_AT)[0]
    return bool(verb <= VERB_MAX and _U32.unpack_from(head, _LENGTH_AT)[0] <= LENGTH_MAX)


def why_misread(ours: Located, claim: Claim | None) -> tuple[Reason, str] | None:
    """Say why Wireshark takes one of our messages for something else or for another length; None if it must not.

    Args:
        ours: the message; its head holds the bytes that stand there.
        claim: what Wireshark takes them for; None if it shows nothing.
    """
    message = ours.message
    if message.protocol is Protocol.CQL or message.kind is Kind.NEGOTIATION:
        return None
    general = _why_at_all(ours)
    if general is not None:
        return general
    if message.kind in REQUESTS:
        return _why_request(ours, claim)
    return _why_reply(ours, claim)


def why_fields_differ(ours: Message, shown: Message, names: frozenset[str]) -> tuple[Reason, str] | None:
    """Say why fields differ although both take the same bytes for a message of the same kind; None if they must not.

    Args:
        ours: the message.
        shown: what Wireshark shows.
        names: of the fields that differ.
    """
    if ours.kind is Kind.EXCEPTION and ours.msg_id is not None:
        if names <= {"msg_id", "verb"} and shown.msg_id == (1 << 64) - ours.msg_id:
            return Reason.EXCEPTION, f"msg_id -{ours.msg_id} is shown as {shown.msg_id}"
        return None
    if ours.kind in REPLIES and names == {"verb"}:
        if shown.verb is None:
            return Reason.REQUEST_NOT_SEEN, f"no request with msg_id {ours.msg_id} was seen by Wireshark"
        return Reason.FALSE_REQUEST, (
            f"Wireshark pairs msg_id {ours.msg_id} with packet {shown.request_frame}, verb {shown.verb}"
        )
    return None


def _why_at_all(ours: Located) -> tuple[Reason, str] | None:
    """Check what makes every message of a connection unreadable to Wireshark."""
    message = ours.message
    compression = compression_of(message)
    if compression is not None:
        (wrapped_bytes,) = _U32.unpack_from(ours.head)
        return Reason.COMPRESSION, (
            f"{compression} was negotiated; the bytes begin with the length {wrapped_bytes} of a compressed "
            f"{_name(message)}"
        )
    if message.kind in _STREAM:
        return Reason.STREAM_CONNECTION, (
            f"STREAM_PARENT was negotiated; the bytes begin with {ours.head[:4].hex()}, the length of a "
            f"stream frame or its end"
        )
    return None


def _why_request(ours: Located, claim: Claim | None) -> tuple[Reason, str] | None:
    message = ours.message
    verb = message.verb
    size_bytes = len(message.payload)
    if message.timeout_ms is None:
        return Reason.NO_TIMEOUT, f"{_name(message)} has a header of 20 bytes: no timeout was negotiated"
    if claim is not None and claim.kind is Kind.REQUEST:
        return None
    if verb is not None and verb > VERB_MAX:
        (shown_bytes,) = _U32.unpack_from(ours.head, _VERB_AT)
        return Reason.VERB_ABOVE_43, (
            f"u64 at byte 8 of the request is its verb, {verb} ({message.verb_name}); taken for a reply, it claims "
            f"{REPLY_HEADER_BYTES + int(shown_bytes)} bytes instead of {ours.end - ours.start}"
        )
    if ours.first_bytes < REQUEST_HEADER_BYTES and claim is not None:
        return Reason.SPLIT_HEADER, (
            f"packet {message.frame_first} holds only the first {ours.first_bytes} bytes of the {_name(message)}: "
            f"fewer than 28 are taken for a reply, of {claim.claimed_bytes} bytes"
        )
    if size_bytes > LENGTH_MAX:
        return Reason.LONG_REQUEST, f"{_name(message)} has {size_bytes} bytes of payload"
    return None


def _why_reply(ours: Located, claim: Claim | None) -> tuple[Reason, str] | None:
    message = ours.message
    head = ours.head
    if claim is not None and claim.kind is Kind.REQUEST:
        if len(head) < REQUEST_HEADER_BYTES or not looks_like_request(head):
            return None
        (verb,) = _U64.unpack_from(head, _VERB_AT)
        (claimed_bytes,) = _U32.unpack_from(head, _LENGTH_AT)
        return Reason.REPLY_TAKEN_FOR_REQUEST, (
            f"{_name(message)} has length {verb}, and the four bytes behind it are zero: together u64 at byte 8, taken "
            f"for verb {verb}; u32 at byte 24 is {claimed_bytes}, not above 64 MiB, and taken for a length"
        )
    if message.duration_us is not None:
        (duration_us,) = _U32.unpack_from(head, REPLY_HEADER_BYTES)
        return Reason.REPLY_HEADER_16, (
            f"HANDLER_DURATION was negotiated; bytes 12 to 15 of the reply are its duration, {duration_us} us, and "
            f"taken for data: the last 4 of {ours.end - ours.start} bytes are left over"
        )
    return None


def _name(message: Message) -> str:
    verb = message.verb_name or "unknown verb"
    match message.kind:
        case Kind.REPLY:
            return f"the reply to {verb}"
        case Kind.EXCEPTION:
            return f"the exception that answers {verb}"
        case Kind.STREAM_DATA | Kind.STREAM_END:
            return "stream frame"
        case _:
            return f"{verb} request"
