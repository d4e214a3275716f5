"""Cuts one direction of a connection into frames; the hot path of this codec."""

from harness.codec.cql.compression import Compression, unpack_body
from harness.codec.cql.frame import (
    BODY_BYTES_MAX,
    FLAG_COMPRESSED,
    HEADER,
    HEADER_BYTES,
    Frame,
    undecoded,
)
from harness.codec.cql.held_bytes import HeldBytes, Piece
from harness.codec.cql.opcodes import REQUEST_OPCODES, RESPONSE_OPCODES, Opcode
from harness.codec.cql.resync import find_frame
from harness.errors import DecodeError

VERSIONS = frozenset({3, 4, 5, 6, 0x41, 0x42})
"""0x41 and 0x42 are DataStax's: stock drivers offer them first, and step down when the node refuses."""

MISSING = "bytes are missing from the capture"
NO_FRAME = "no frame starts here"
CUT_SHORT = "the capture ends inside of a frame"

_NEGOTIATION_OPCODE_MAX = int(Opcode.AUTHENTICATE)
"""STARTUP, READY and AUTHENTICATE, after which a connection may be framed otherwise, are 1 to 3."""

_unpack_header = HEADER.unpack_from
# Builds a Frame in half the time that its constructor takes.
_new_tuple = tuple.__new__


class FrameCutter:
    """Takes the bytes of one direction in order, gives the frames.

    Holds at most one unfinished frame (256 MiB by its own claim), or, while it does not know where frames start,
    ``resync.WAIT_BYTES_MAX``.

    Args:
        from_client: which direction.
        is_lost: it is not known whether the first byte starts a frame.
    """

    __slots__ = (
        "_direction",
        "_held",
        "_kinds",
        "_kinds_at_first",
        "_lost_reason",
        "_needed_bytes",
        "compression",
        "from_client",
        "is_lost",
        "is_negotiating",
        "rest",
    )

    def __init__(self, *, from_client: bool, is_lost: bool) -> None:
        self.from_client = from_client
        self.is_lost = is_lost
        self.compression: Compression | None = None if is_lost else Compression.NONE
        """What packs the bodies; None while it is not known."""
        self.is_negotiating = True
        """Whether the next STARTUP, READY or AUTHENTICATE ends a ``cut``."""
        self.rest: list[Piece] = []
        """What followed that frame; the caller takes it before the next ``cut``."""
        # Plain ints: a set of IntEnum members takes three times as long to answer.
        opcodes = frozenset(map(int, REQUEST_OPCODES if from_client else RESPONSE_OPCODES))
        versions = VERSIONS if from_client else frozenset(version | 0x80 for version in VERSIONS)
        self._direction = (from_client, versions, opcodes)
        # ERROR too, while negotiating: it takes back what a STARTUP chose.
        self._kinds_at_first = (
            versions,
            frozenset(code for code in opcodes if code > _NEGOTIATION_OPCODE_MAX),
        )
        self._kinds = (versions, opcodes)
        self._lost_reason = MISSING
        self._held = HeldBytes()
        self._needed_bytes = 0

    def cut(self, data: bytes, first_mark: int, last_mark: int) -> list[Frame]:
        """Take the next bytes; return the frames that they complete.

        While ``is_negotiating``, stops after STARTUP, READY and AUTHENTICATE and leaves what follows in ``rest``, for
        the caller to say how that is to be read.
        """
        frames: list[Frame] = []
        held = self._held
        if held.pieces or self.is_lost:
            held.append(Piece(data, first_mark, last_mark))
            if held.size_bytes < self._needed_bytes:
                return frames
            if self.is_lost:
                self._search(frames, is_end=False)
                return frames
            first_mark = held.pieces[0].first_mark
            data = held.join()
        size = len(data)
        last_header = size - HEADER_BYTES
        position = 0
        from_client, versions, opcodes = self._direction
        append = frames.append
        while position <= last_header:
            version, flags, stream_id, opcode, body_bytes = _unpack_header(data, position)
            if version not in versions or opcode not in opcodes or body_bytes > BODY_BYTES_MAX:
                self._hold(data, position, first_mark, last_mark)
                self.is_lost = True
                self._lost_reason = NO_FRAME
                self._search(frames, is_end=False)
                return frames
            start = position + HEADER_BYTES
            end = start + body_bytes
            if end > size:
                self._hold(data, position, first_mark, last_mark)
                self._needed_bytes = end - position
                return frames
            frame = _new_tuple(
                Frame,
                (
                    first_mark,
                    last_mark,
                    from_client,
                    version & 0x7F,
                    flags,
                    stream_id,
                    opcode,
                    data[start:end],
                    "",
                ),
            )
            if flags & FLAG_COMPRESSED:
                frame = self._unpacked(frame)
            append(frame)
            first_mark = last_mark
            position = end
            if opcode <= _NEGOTIATION_OPCODE_MAX and opcode and self.is_negotiating:
                held.clear()
                if position < size:
                    self.rest = [Piece(data[position:], last_mark, last_mark)]
                return frames
        if position < size:
            self._hold(data, position, first_mark, last_mark)
            self._needed_bytes = HEADER_BYTES
        elif held.pieces:
            held.clear()
        return frames

    def quick_kinds(self) -> tuple[frozenset[int], frozenset[int]] | None:
        """Return the versions and opcodes of frames that the caller may cut himself; None where all is for ``cut``.

        For a caller in a hurry: while a frame begins with the next bytes, he may take whole frames of these kinds off
        their front that have no compressed body. ``cut`` takes what is left, and the frames that settle how a
        connection is framed.
        """
        if self._held.pieces or self.is_lost:
            return None
        return self._kinds_at_first if self.is_negotiating else self._kinds

    def _hold(self, data: bytes, position: int, first_mark: int, last_mark: int) -> None:
        """Keep data from position on; at 0 the pieces it was joined from are kept, each with its marks."""
        held = self._held
        if position or not held.pieces:
            held.clear()
            held.append(Piece(data[position:], first_mark, last_mark))

    def _unpacked(self, frame: Frame) -> Frame:
        """Unpack the body, with the algorithm that fits while none was negotiated in sight."""
        known = self.compression
        try:
            if known is not None:
                return frame._replace(body=unpack_body(known, frame.body))
            try:
                body = unpack_body(Compression.LZ4, frame.body)
                self.compression = Compression.LZ4
            except DecodeError:
                body = unpack_body(Compression.SNAPPY, frame.body)
                self.compression = Compression.SNAPPY
            return frame._replace(body=body)
        except DecodeError as error:
            return frame._replace(reason=error.what)

    def _search(self, frames: list[Frame], *, is_end: bool) -> None:
        """Find frames in the bytes held, from a place that need not start one."""
        held = self._held
        data = held.join()
        held.index()
        from_client, versions, opcodes = self._direction
        position = 0
        while True:
            if self.is_lost:
                offset, needed = find_frame(
                    data,
                    position,
                    from_client=from_client,
                    packet_starts=held.starts,
                    is_end=is_end,
                )
                if offset > position:
                    frames.append(self._undecoded(data[position:offset], *held.marks(position, offset)))
                position = offset
                if needed:
                    self._needed_bytes = needed - offset
                    break
                self.is_lost = False
            if len(data) - position < HEADER_BYTES:
                self._needed_bytes = HEADER_BYTES
                break
            version, flags, stream_id, opcode, body_bytes = _unpack_header(data, position)
            if version not in versions or opcode not in opcodes or body_bytes > BODY_BYTES_MAX:
                self.is_lost = True
                self._lost_reason = NO_FRAME
                continue
            start = position + HEADER_BYTES
            end = start + body_bytes
            if end > len(data):
                self._needed_bytes = end - position
                break
            marks = held.marks(position, end)
            frame = Frame(*marks, from_client, version & 0x7F, flags, stream_id, opcode, data[start:end])
            frames.append(self._unpacked(frame) if flags & FLAG_COMPRESSED else frame)
            position = end
            if 0 < opcode <= _NEGOTIATION_OPCODE_MAX and self.is_negotiating:
                held.drop(position)
                self.rest = held.pieces
                held.clear()
                return
        held.drop(position)

    def start_here(self) -> None:
        """The next byte starts a frame, for certain."""
        self.is_lost = False

    def gap(self, reason: str = MISSING) -> list[Frame]:
        """Bytes are missing here: give up what is held, and look for the next frame in what follows."""
        frames = self.close(reason)
        self.is_lost = True
        self._lost_reason = reason
        return frames

    def close(self, reason: str = CUT_SHORT) -> list[Frame]:
        """Nothing follows: return what is still in the bytes held."""
        frames: list[Frame] = []
        held = self._held
        if held.pieces and self.is_lost:
            self._search(frames, is_end=True)
        if held.pieces:
            if not self.is_lost:
                self._lost_reason = reason
            frames.append(self._undecoded(held.join(), held.pieces[0].first_mark, held.pieces[-1].last_mark))
            held.clear()
        self._needed_bytes = 0
        return frames

    def _undecoded(self, data: bytes, first_mark: int, last_mark: int) -> Frame:
        return undecoded(data, first_mark, last_mark, from_client=self.from_client, reason=self._lost_reason)
