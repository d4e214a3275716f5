"""What two dissectors can disagree about, why, and who is right."""

from enum import Enum
from typing import NamedTuple

from harness.events.message import Message


class Right(Enum):
    """Who reads the bytes as the written protocol says."""

    OURS = "ours"
    WIRESHARK = "wireshark"
    BOTH = "both"
    """Bytes are missing; no protocol says what to show of the rest."""
    UNKNOWN = "unknown"
    """Neither could be shown to be right."""


class Effect(Enum):
    """What became of a message."""

    MISREAD = "misread"
    """Wireshark shows a message at the right place, but not the one that stands there."""
    SWALLOWED = "swallowed"
    """Wireshark takes it for a part of a message before it."""
    NOT_SHOWN = "not shown"
    """Wireshark gave up before it, within the same packet or for lack of bytes."""
    WAITING = "waiting"
    """Wireshark still waits for more bytes when the capture, or the connection, ends."""
    PHANTOM = "phantom"
    """Wireshark shows a message where none begins."""
    UNREAD = "unread"
    """We show nothing of these bytes, although the capture has them."""
    FIELD = "field"
    """Both show the message; a field differs."""


class Reason(Enum):
    """Why they disagree; each is proved from the bytes, or it is UNEXPLAINED."""

    VERB_ABOVE_43 = "verb above 43"
    REPLY_HEADER_16 = "16-byte reply header"
    COMPRESSION = "compression"
    STREAM_CONNECTION = "stream connection"
    REPLY_TAKEN_FOR_REQUEST = "reply taken for a request"
    SHORT_REPLY_AT_SEGMENT_END = "short reply at the end of a segment"
    SPLIT_HEADER = "header split between segments"
    EXCEPTION = "exception"
    NO_TIMEOUT = "no timeout negotiated"
    LONG_REQUEST = "request over 64 MiB"
    REQUEST_NOT_SEEN = "request not seen"
    FALSE_REQUEST = "paired with a request that is none"
    CQL_BODY = "CQL body given up"
    CQL_SEGMENTS = "CQL version 5 segments"
    MID_STREAM = "capture begins in mid-stream"
    LOST_SEGMENT = "lost segment"
    SKIPPED_SEGMENT = "segment skipped as late"
    CUT_PACKET = "packet cut by the snap length"
    MISSED_BY_US = "missed by us"
    CONSEQUENCE = "consequence"
    """Of something before; only ever seen while the search for that goes on."""
    UNEXPLAINED = "unexplained"

    @property
    def explanation(self) -> str:
        """Two or three sentences for somebody who has never seen the dissector's code."""
        return _EXPLANATIONS[self]

    @property
    def right(self) -> Right:
        """Who is right wherever this is the reason."""
        return _RIGHT.get(self, Right.OURS)


_RIGHT = {
    Reason.CUT_PACKET: Right.BOTH,
    Reason.MISSED_BY_US: Right.WIRESHARK,
    Reason.UNEXPLAINED: Right.UNKNOWN,
}

_EXPLANATIONS = {
    Reason.VERB_ABOVE_43: (
        "Wireshark knows the verbs of ScyllaDB 4.2, 0 to 43, and takes a frame with a higher number in the place "
        "of the verb for a reply: the timeout becomes its msg_id, the verb its size, and verb + 12 bytes its "
        "length. What follows in this direction is read from the wrong place."
    ),
    Reason.REPLY_HEADER_16: (
        "HANDLER_DURATION was negotiated (6.2 and later), so replies have headers of 16 bytes. Wireshark knows "
        "12: it takes the duration for the beginning of the data and leaves the last 4 bytes over, which it puts "
        "in front of the next reply."
    ),
    Reason.COMPRESSION: (
        "Compression was negotiated: every frame is wrapped in a length and compressed with its header. Wireshark "
        "looks for headers in the compressed bytes."
    ),
    Reason.STREAM_CONNECTION: (
        "The connection was opened for an rpc stream (STREAM_PARENT): its frames are a length and data. Wireshark "
        "looks for headers of requests and replies."
    ),
    Reason.REPLY_TAKEN_FOR_REQUEST: (
        "Wireshark tells requests from replies by their bytes, not by direction: u64 at byte 8 up to 43 and u32 at "
        "byte 24 up to 64 MiB is a request. A reply is one if its length is at most 43 and its first four data "
        "bytes are zero, as in a digest (xxHash: eight zero bytes) or an empty result. Its length is then taken "
        "from its data."
    ),
    Reason.SHORT_REPLY_AT_SEGMENT_END: (
        "Wireshark looks for a request's length 24 bytes behind the beginning of each message if the segment as a "
        "whole has 28 bytes, not if so many are left. At a short reply behind others that is beyond the end: it "
        "gives up the packet as malformed."
    ),
    Reason.SPLIT_HEADER: (
        "A segment ends within the first 28 bytes of a message. If it has 28 bytes as a whole, Wireshark looks behind "
        "its end and gives up the packet as malformed; if not, it takes what begins there for a reply. The rest of the "
        "message is then taken for the beginning of another."
    ),
    Reason.EXCEPTION: (
        "An exception is a reply with a negative msg_id. Wireshark shows it as a number near 2^64 and does not "
        "find its request."
    ),
    Reason.NO_TIMEOUT: (
        "TIMEOUT was not negotiated, so requests have headers of 20 bytes; Wireshark always assumes 28."
    ),
    Reason.LONG_REQUEST: "Wireshark takes a request with more than 64 MiB of payload for a reply.",
    Reason.REQUEST_NOT_SEEN: (
        "The reply is read right, but not paired and so without a verb: Wireshark misread its request."
    ),
    Reason.FALSE_REQUEST: (
        "The reply is read right, but paired with a request that does not exist: Wireshark made it up before, when "
        "it had lost its place."
    ),
    Reason.CQL_BODY: (
        "The frame is found and named right; Wireshark gives up inside its body, which we decode to its last byte."
    ),
    Reason.CQL_SEGMENTS: "From version 5, CQL frames stand in segments with checksums; Wireshark expects bare frames.",
    Reason.MID_STREAM: (
        "The capture begins in the middle of a connection, and within a frame. Wireshark takes the first byte that "
        "it sees for the beginning of one."
    ),
    Reason.LOST_SEGMENT: (
        "The capture lacks bytes here. Wireshark takes the first byte behind the loss for the beginning of a frame."
    ),
    Reason.SKIPPED_SEGMENT: (
        "Wireshark takes the segment for a retransmission, or for one out of order, and does not look into it, though "
        "it brings new bytes."
    ),
    Reason.CUT_PACKET: (
        "The capture holds only the beginning of the packet. Wireshark shows a message of which it has the header; we "
        "count it as lost, with what follows up to the next message that is whole."
    ),
    Reason.MISSED_BY_US: (
        "From where Wireshark begins, headers and lengths lead by the written protocol exactly to our next message: "
        "there is a message that we do not show."
    ),
    Reason.CONSEQUENCE: "It follows from what stands before.",
    Reason.UNEXPLAINED: "None of the known reasons could be proved from the bytes.",
}


class Root(NamedTuple):
    """Where it began: the first thing on this direction from which the disagreement follows."""

    reason: Reason
    frame: int
    """Packet with the first byte of what was misread."""
    start: int
    """Position of that byte in the direction's byte stream, from 0."""
    evidence: str
    """The bytes that prove it, as a sentence."""


class FieldDifference(NamedTuple):
    """One field of a message that both show."""

    name: str
    ours: str
    wireshark: str


class Disagreement(NamedTuple):
    """One message that the two do not show alike."""

    reason: Reason
    effect: Effect
    frame: int
    """Packet of the first byte in question."""
    offset_bytes: int | None
    """Where that byte stands in the packet's TCP payload; None if the packet is not the capture's any more."""
    start: int
    """Position of that byte in the direction's byte stream, from the first byte captured."""
    end: int
    """Position behind the last byte."""
    connection: str
    """Sender and receiver, as ``10.0.0.1:50000 > 10.0.0.2:7000``."""
    ours: Message | None
    wireshark: Message | None
    fields: tuple[FieldDifference, ...]
    evidence: str
    root: Root
    """Of the first misreading; of that one itself, what stands above."""

    @property
    def right(self) -> Right:
        """Who is right."""
        return self.reason.right

    @property
    def is_consequence(self) -> bool:
        """Whether it follows from an earlier misreading."""
        return (self.root.frame, self.root.start) != (self.frame, self.start)
