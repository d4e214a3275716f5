"""One direction of a connection, between the pieces of data that come and the frames they make."""

import enum

from harness.codec.rpc.frame import Frame, undecoded
from harness.codec.rpc.frame_reader import FrameReader
from harness.codec.rpc.headers import NEGOTIATION_HEADER
from harness.codec.rpc.negotiation import Negotiation
from harness.codec.rpc.wire_format import WireFormat


class Mode(enum.Enum):
    """What is done with the bytes of a direction that come next."""

    NEGOTIATING = "the first bytes of the connection are awaited"
    HOLDING = "aligned; the other side's negotiation is awaited"
    SEARCHING = "the alignment, the format, or both are not known"
    SKIPPING = "the rest of a frame that lost bytes is passed over"
    READING = "aligned, in a known format"
    FOREIGN = "not RPC as far as can be told; nothing is tried any more"


class Direction:
    """What is known of one direction of a connection, and what of it is not decoded yet."""

    __slots__ = (
        "buffered_bytes",
        "chunks",
        "from_client",
        "given_up_bytes",
        "is_aligned",
        "is_lost",
        "last_msg_id",
        "mode",
        "need_bytes",
        "negotiation",
        "reader",
        "reason",
        "search_at_bytes",
        "skip_bytes",
        "wire_format",
    )

    def __init__(self, *, from_client: bool) -> None:
        self.from_client = from_client
        self.mode = Mode.NEGOTIATING
        self.chunks: list[tuple[int, bytes]] = []
        """Marks and bytes of what is not decoded yet; no bytes stand for a gap."""
        self.buffered_bytes = 0
        self.need_bytes = NEGOTIATION_HEADER.size
        self.skip_bytes = 0
        self.search_at_bytes = 0
        self.given_up_bytes = 0
        self.is_aligned = False
        """While searching: frames begin at the first byte, only their format is open."""
        self.is_lost = False
        """While searching: bytes were lost, or some could not be read."""
        self.reason = ""
        """Why bytes belong to no frame."""
        self.negotiation: Negotiation | None = None
        self.wire_format: WireFormat | None = None
        self.reader: FrameReader | None = None
        self.last_msg_id = 0

    def clear(self) -> list[tuple[int, bytes]]:
        """Take all that is buffered."""
        chunks = self.chunks
        self.chunks = []
        self.buffered_bytes = 0
        return chunks

    def append(self, data: bytes, mark: int) -> None:
        """Add to what is buffered."""
        self.chunks.append((mark, data))
        self.buffered_bytes += len(data)

    def joined(self) -> bytes:
        """Return all that is buffered."""
        return b"".join([chunk for _, chunk in self.chunks])

    def chunk_offsets(self) -> frozenset[int]:
        """Return where in what is buffered its pieces begin."""
        offsets: list[int] = []
        offset_bytes = 0
        for _, chunk in self.chunks:
            offsets.append(offset_bytes)
            offset_bytes += len(chunk)
        return frozenset(offsets)

    def take_front(self, size_bytes: int, reason: str) -> Frame | None:
        """Take bytes off the front of what is buffered, as UNDECODED; None if there are none."""
        front: list[tuple[int, bytes]] = []
        chunks = self.clear()
        for index, (mark, data) in enumerate(chunks):
            if size_bytes < len(data):
                if size_bytes:
                    front.append((mark, data[:size_bytes]))
                self.append(data[size_bytes:], mark)
                for later_mark, later in chunks[index + 1 :]:
                    self.append(later, later_mark)
                break
            size_bytes -= len(data)
            if data:
                front.append((mark, data))
        if not front:
            return None
        return undecoded(
            b"".join([data for _, data in front]),
            reason,
            first_mark=front[0][0],
            last_mark=front[-1][0],
            from_client=self.from_client,
        )

    def update_last_msg_id(self) -> int:
        """Take over the reader's last msg_id, if it has read any; return the last that is known, or 0."""
        if self.reader is not None:
            self.last_msg_id = self.reader.last_msg_id or self.last_msg_id
        return self.last_msg_id

    def missing_bytes(self) -> int:
        """Return how many bytes the frame that has begun still needs; 0 if none has or its header is not whole."""
        if self.reader is None or self.buffered_bytes < self.reader.header_bytes:
            return 0
        return self.need_bytes - self.buffered_bytes
