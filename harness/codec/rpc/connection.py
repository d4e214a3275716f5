"""One connection between two nodes: bytes of both directions in, frames out.

Source: seastar doc/rpc.md, "Connection negotiation"; src/rpc/rpc.cc, of the lines that ScyllaDB 4.0 to 2026.3
are built with.
"""

from harness.codec.rpc.direction import Direction, Mode
from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.frame_reader import MSG_ID_MAX, ReplyReader, RequestReader
from harness.codec.rpc.frame_search import MSG_ID_UNKNOWN_MAX, SEARCH_BYTES_MAX, Start, find_start
from harness.codec.rpc.header_chain import MSG_ID_GROWTH_MAX, MsgIdBounds
from harness.codec.rpc.headers import MAGIC, NEGOTIATION_HEADER
from harness.codec.rpc.negotiation import (
    NEGOTIATION_BYTES_MAX,
    Negotiated,
    Negotiation,
    agree,
    decode_negotiation,
)
from harness.codec.rpc.wire_format import WireFormat, format_of, possible_formats, reader_of
from harness.codec.rpc.wrapped_reader import DictionaryNotes
from harness.errors import DecodeError

FOREIGN_BYTES_MIN = 1 << 20
"""A direction of unknown format in which so much was in vain is given up; TLS would take for ever."""

# A search that found nothing waits for an eighth more, later for as much again: the sum of all stays linear.
_SEARCH_OFTEN_BYTES = 1 << 15
_SEARCH_GROWTH_SHIFT = 3

_BEGINS_EARLIER = "its frame begins before the capture"
_CUT = "its frame is cut by lost bytes"
_NOT_ALIGNED = "no frame begins here after lost bytes"
_ENDS = "the connection ends within its frame"
_NO_NEGOTIATION = "the connection does not begin with a negotiation"
_NO_FORMAT = "no frame could be recognised in the middle of the connection"


class ConnectionDecoder:
    """Decodes one connection.

    The negotiation of both sides decides the format; where it was not seen, chains of frames that fit each
    other do, and ``negotiated.assumed`` says so. Until then bytes are held.

    Args:
        syn_seen: True if the bytes begin where the connection began.
        assumed: what other connections of the capture negotiated (their ``negotiated_hint``), preferred if
            this one's negotiation was not seen and its bytes agree.
    """

    __slots__ = (
        "_assumed",
        "_client",
        "_dictionaries",
        "_server",
        "_syn_seen",
        "held_mark",
        "negotiated",
        "resynchronisations",
    )

    def __init__(self, *, syn_seen: bool, assumed: Negotiated | None = None) -> None:
        self.negotiated: Negotiated | None = None
        """What is in force; None until it is known. has_duration is final once a reply was decoded."""

        self.held_mark: int | None = None
        """The oldest mark of bytes that are held until their format or alignment is known; None if none are.
        The rest of a frame that is merely not whole does not count."""

        self.resynchronisations = 0
        """How often frames were found again after bytes were lost."""

        self._syn_seen = syn_seen
        self._assumed = assumed
        self._client = Direction(from_client=True)
        self._server = Direction(from_client=False)
        self._dictionaries = DictionaryNotes(is_complete=syn_seen)

    @property
    def client_negotiation(self) -> Negotiation | None:
        """What the client sent; None if it was not seen."""
        return self._client.negotiation

    @property
    def server_negotiation(self) -> Negotiation | None:
        """What the server sent; None if it was not seen."""
        return self._server.negotiation

    @property
    def last_request_msg_id(self) -> int:
        """The msg_id of the last request that was decoded; 0 before the first."""
        return self._client.update_last_msg_id()

    @property
    def last_reply_msg_id(self) -> int:
        """The msg_id of the last reply that was decoded; 0 before the first."""
        return self._server.update_last_msg_id()

    def negotiated_hint(self) -> Negotiated | None:
        """Return what other connections may assume from this one; None before it has shown both headers."""
        negotiated = self.negotiated
        if negotiated is None or negotiated.is_stream:
            return None
        if negotiated.assumed and self._server.mode is not Mode.READING:
            return None
        return Negotiated(
            has_timeout=negotiated.has_timeout,
            has_duration=negotiated.has_duration,
            compression=negotiated.compression,
            is_stream=False,
            assumed=True,
        )

    def feed(self, from_client: bool, data: bytes, mark: int) -> list[Frame]:
        """Take the next bytes of one direction; return the frames they complete, often none.

        Frames come in order for each direction. Those of the other direction can be among them, if these
        bytes decided its format.

        Args:
            from_client: which direction.
            data: the bytes that follow those given before.
            mark: stands in the frames for where these bytes were, as the number of their packet.
        """
        direction = self._client if from_client else self._server
        frames: list[Frame] = []
        reader = direction.reader
        if reader is not None and not direction.chunks and direction.mode is Mode.READING:
            position = reader.read(data, mark, mark, frames)
            if position != len(data):
                self._keep(direction, data[position:], mark, frames)
            return frames
        if data:
            self._take(direction, data, mark, frames)
            self._update_held_mark()
        return frames

    def quick_requests(self) -> RequestReader | None:
        """Return the reader of what the client sends, where the caller may read it himself; None where it is for ``feed``.

        For a caller in a hurry: while both sides' headers are known, nothing is pending, and requests are not compressed
        and have a timeout, he may take whole requests (REQUEST_HEADER, payload) off the front of the next bytes, as
        ``RequestReader.read`` does, and set the reader's ``last_msg_id``. ``feed`` takes what is left.
        """
        direction = self._client
        reader = direction.reader
        if (
            direction.chunks
            or direction.mode is not Mode.READING
            or type(reader) is not RequestReader
            or not reader.has_timeout
        ):
            return None
        return reader

    def quick_replies(self) -> ReplyReader | None:
        """Return the reader of what the server sends, as ``quick_requests`` does; its attributes tell the header."""
        direction = self._server
        reader = direction.reader
        if direction.chunks or direction.mode is not Mode.READING or type(reader) is not ReplyReader:
            return None
        return reader

    def gap(self, from_client: bool, mark: int, size_bytes: int | None = None) -> list[Frame]:
        """Take note that bytes of one direction are lost before those that come next.

        Args:
            from_client: which direction.
            mark: where the loss was noticed.
            size_bytes: how many are lost, if known. A loss within one frame then costs no other frame.

        Returns:
            What was begun and cannot be completed, UNDECODED.
        """
        direction = self._client if from_client else self._server
        frames: list[Frame] = []
        if size_bytes == 0:
            return frames
        self._lose(direction, mark, size_bytes, frames)
        self._update_held_mark()
        return frames

    def settle(self) -> list[Frame]:
        """Decide what is held by what has come so far; return the frames that this gives.

        For a caller who knows that nothing is on its way that could give better evidence.
        """
        frames: list[Frame] = []
        # The client twice: what the server's bytes decide can be what it needs.
        for direction in (self._client, self._server, self._client):
            self._search(direction, frames, is_last=True)
        self._update_held_mark()
        return frames

    def close(self) -> list[Frame]:
        """Return what the end of the connection leaves: held frames, and beginnings of frames as UNDECODED."""
        frames: list[Frame] = []
        both = (self._client, self._server)
        for direction in both:
            if direction.mode is Mode.HOLDING:
                self._search_for(direction, frames)
        # The client twice: what the server's bytes decide can be what it needs.
        for direction in (self._client, self._server, self._client):
            self._search(direction, frames, is_last=True)
        for direction in both:
            self._discard(direction, _ENDS, frames)
        self._update_held_mark()
        return frames

    def _take(self, direction: Direction, data: bytes, mark: int, frames: list[Frame]) -> None:
        """Take bytes in any mode."""
        match direction.mode:
            case Mode.READING:
                self._read(direction, data, mark, frames)
            case Mode.SKIPPING:
                self._skip(direction, data, mark, frames)
            case Mode.SEARCHING:
                direction.append(data, mark)
                self._search(direction, frames, is_last=False)
            case Mode.FOREIGN:
                direction.append(data, mark)
                self._discard(direction, direction.reason, frames)
            case Mode.HOLDING:
                direction.append(data, mark)
                if direction.buffered_bytes > SEARCH_BYTES_MAX:
                    self._search_for(direction, frames)
            case Mode.NEGOTIATING:
                direction.append(data, mark)
                self._negotiate(direction, frames)

    def _read(self, direction: Direction, data: bytes, mark: int, frames: list[Frame]) -> None:
        chunks = direction.chunks
        reader = direction.reader
        assert reader is not None
        if not chunks:
            position = reader.read(data, mark, mark, frames)
            if position != len(data):
                self._keep(direction, data[position:], mark, frames)
            return
        direction.append(data, mark)
        if direction.buffered_bytes < direction.need_bytes:
            return
        joined = direction.joined()
        position = reader.read(joined, chunks[0][0], mark, frames)
        if position:
            # The first frame was not whole without these bytes, so what is left is the end of them.
            direction.clear()
            if position != len(joined):
                self._keep(direction, joined[position:], mark, frames)
            return
        try:
            direction.need_bytes = reader.need_bytes(joined, 0)
        except DecodeError as error:
            self._fall_out_of_step(direction, error, frames)

    def _keep(self, direction: Direction, rest: bytes, mark: int, frames: list[Frame]) -> None:
        """Keep the beginning of a frame until the rest of it has come."""
        assert direction.reader is not None
        direction.append(rest, mark)
        try:
            direction.need_bytes = direction.reader.need_bytes(rest, 0)
        except DecodeError as error:
            self._fall_out_of_step(direction, error, frames)
            self._update_held_mark()

    def _fall_out_of_step(self, direction: Direction, error: DecodeError, frames: list[Frame]) -> None:
        """Search anew after bytes that are no header; a format that was only inferred is open again."""
        if self.negotiated is not None and self.negotiated.assumed:
            direction.wire_format = None
        self._search_for(direction, frames, reason=f"out of step: {error.what}")

    def _skip(self, direction: Direction, data: bytes, mark: int, frames: list[Frame]) -> None:
        rest = data[direction.skip_bytes :]
        direction.skip_bytes -= len(data) - len(rest)
        direction.append(data[: len(data) - len(rest)], mark)
        self._discard(direction, _CUT, frames)
        if not direction.skip_bytes:
            direction.mode = Mode.READING
            if rest:
                self._take(direction, rest, mark, frames)

    def _negotiate(self, direction: Direction, frames: list[Frame]) -> None:
        """Take the first bytes of a direction: its negotiation, or the middle of a connection."""
        if direction.buffered_bytes < direction.need_bytes:
            if not MAGIC.startswith(direction.joined()[: len(MAGIC)]):
                self._begin_otherwise(direction, frames)
            return
        joined = direction.joined()
        magic, length = NEGOTIATION_HEADER.unpack_from(joined)
        if magic != MAGIC or length > NEGOTIATION_BYTES_MAX:
            self._begin_otherwise(direction, frames)
            return
        stop = NEGOTIATION_HEADER.size + length
        if len(joined) < stop:
            direction.need_bytes = stop
            return
        body = joined[NEGOTIATION_HEADER.size : stop]
        try:
            direction.negotiation = decode_negotiation(body)
        except DecodeError as error:
            self._search_for(direction, frames, reason=f"out of step: {error.what}")
            return
        first_mark = direction.chunks[0][0]
        last_mark = direction.chunks[-1][0]
        frames.append(
            Frame(
                FrameKind.NEGOTIATION,
                first_mark,
                last_mark,
                None,
                None,
                None,
                None,
                body,
                "",
                None,
                direction.from_client,
            )
        )
        direction.clear()
        if stop != len(joined):
            direction.append(joined[stop:], last_mark)
        direction.mode = Mode.HOLDING
        self._negotiated(direction, frames)

    def _begin_otherwise(self, direction: Direction, frames: list[Frame]) -> None:
        """Take first bytes that are no negotiation: the middle of a connection, or no RPC at all."""
        if not self._syn_seen:
            self._search_for(direction, frames)
            return
        for each in (self._client, self._server):
            self._give_up(each, _NO_NEGOTIATION, frames)

    def _negotiated(self, direction: Direction, frames: list[Frame]) -> None:
        """Take note that a side has negotiated."""
        client, server = self._client, self._server
        other = server if direction.from_client else client
        if client.negotiation is not None and server.negotiation is not None:
            self.negotiated = agree(client.negotiation, server.negotiation)
            for each in (client, server):
                each.wire_format = format_of(self.negotiated)
                if each.mode is Mode.SEARCHING:
                    self._search(each, frames, is_last=False)
                elif each.mode is not Mode.SKIPPING:
                    self._start(each, frames)
        elif other.mode is not Mode.NEGOTIATING:
            self._search_for(direction, frames)
            self._search(other, frames, is_last=False)

    def _start(self, direction: Direction, frames: list[Frame]) -> None:
        """Read on in the direction's format, which is known, from its first byte, which begins a frame."""
        assert direction.wire_format is not None
        direction.update_last_msg_id()
        direction.reader = reader_of(
            direction.wire_format,
            self._dictionaries,
            from_client=direction.from_client,
            msg_id_max=MSG_ID_UNKNOWN_MAX if self.negotiated and self.negotiated.assumed else MSG_ID_MAX,
        )
        direction.mode = Mode.READING
        self._replay(direction, direction.clear(), frames)

    def _replay(self, direction: Direction, chunks: list[tuple[int, bytes]], frames: list[Frame]) -> None:
        for mark, data in chunks:
            if data:
                self._take(direction, data, mark, frames)
            else:
                self._lose(direction, mark, None, frames)

    def _lose(self, direction: Direction, mark: int, size_bytes: int | None, frames: list[Frame]) -> None:
        """Take note of lost bytes in any mode."""
        if direction.mode is Mode.SEARCHING and direction.chunks:
            self._search(direction, frames, is_last=True)
        match direction.mode:
            case Mode.FOREIGN:
                return
            case Mode.HOLDING:
                direction.chunks.append((mark, b""))
                return
            case Mode.SKIPPING:
                if size_bytes is not None and size_bytes <= direction.skip_bytes:
                    direction.skip_bytes -= size_bytes
                    if not direction.skip_bytes:
                        direction.mode = Mode.READING
                    return
            case Mode.READING:
                missing_bytes = direction.missing_bytes()
                if size_bytes is not None and size_bytes <= missing_bytes:
                    self._discard(direction, _CUT, frames)
                    direction.skip_bytes = missing_bytes - size_bytes
                    direction.mode = Mode.SKIPPING if direction.skip_bytes else Mode.READING
                    return
            case Mode.SEARCHING | Mode.NEGOTIATING:
                pass
        self._discard(direction, _CUT, frames)
        self._search_for(direction, frames, reason=_NOT_ALIGNED)

    def _search_for(self, direction: Direction, frames: list[Frame], reason: str = "") -> None:
        """Begin to look for frames in what is buffered and what will come.

        Args:
            direction: where.
            frames: takes what is found at once.
            reason: why the bytes are not aligned; empty if nothing was lost.
        """
        held = direction.clear() if direction.mode is Mode.HOLDING else []
        direction.is_aligned = direction.mode is Mode.HOLDING
        direction.mode = Mode.SEARCHING
        direction.is_lost = bool(reason)
        direction.reason = reason or _BEGINS_EARLIER
        direction.search_at_bytes = 0
        direction.update_last_msg_id()
        other = self._server if direction.from_client else self._client
        if other.mode is Mode.HOLDING:
            # What it waits for will not come any more.
            self._search_for(other, frames)
        if held:
            self._replay(direction, held, frames)
        else:
            self._search(direction, frames, is_last=False)

    def _search(self, direction: Direction, frames: list[Frame], *, is_last: bool) -> None:
        """Look for frames in what is buffered; read on from there if some are found."""
        buffered_bytes = direction.buffered_bytes
        if direction.mode is not Mode.SEARCHING or not buffered_bytes:
            return
        is_full = buffered_bytes > SEARCH_BYTES_MAX
        if buffered_bytes < direction.search_at_bytes and not is_last and not is_full:
            return
        is_often = buffered_bytes < _SEARCH_OFTEN_BYTES
        direction.search_at_bytes = buffered_bytes + (
            buffered_bytes >> _SEARCH_GROWTH_SHIFT if is_often else buffered_bytes
        )
        start = find_start(
            direction.joined(),
            self._formats_of(direction),
            from_client=direction.from_client,
            bounds=self._bounds_of(direction, is_last=is_last or is_full),
            chunk_offsets=direction.chunk_offsets(),
            is_aligned=direction.is_aligned,
            is_last=is_last,
            is_full=is_full,
        )
        if start is not None:
            self._found(direction, start, frames)
        elif is_last:
            self._discard(direction, direction.reason if direction.is_lost else _NO_FORMAT, frames)
        elif is_full:
            self._give_up_half(direction, frames)

    def _give_up_half(self, direction: Direction, frames: list[Frame]) -> None:
        """Give up the older half of what is held: it was searched well enough, and the other can begin a chain."""
        self._discard(
            direction, direction.reason if direction.is_lost else _NO_FORMAT, frames, SEARCH_BYTES_MAX // 2
        )
        direction.is_aligned = False
        direction.search_at_bytes = 0
        # If this is where a misread number led us astray, it must not keep us from finding back.
        direction.last_msg_id = 0
        direction.reader = None
        direction.given_up_bytes += SEARCH_BYTES_MAX // 2
        if self.negotiated is None and direction.given_up_bytes >= FOREIGN_BYTES_MIN:
            self._give_up(direction, _NO_FORMAT, frames)

    def _give_up(self, direction: Direction, reason: str, frames: list[Frame]) -> None:
        direction.mode = Mode.FOREIGN
        direction.reason = reason
        self._discard(direction, reason, frames)

    def _formats_of(self, direction: Direction) -> tuple[WireFormat, ...]:
        """Return the formats that are possible for a direction, the most likely first."""
        if direction.wire_format is not None:
            return (direction.wire_format,)
        client, server = self._client, self._server
        formats = possible_formats(client.negotiation, server.negotiation, self._assumed)
        other = server if direction.from_client else client
        if other.wire_format is not None:
            decided = other.wire_format
            formats = tuple(
                form
                for form in formats
                if (form.compression, form.is_stream) == (decided.compression, decided.is_stream)
            )
        if direction.from_client:
            formats = tuple(dict.fromkeys(form._replace(has_duration=False) for form in formats))
        return formats

    def _bounds_of(self, direction: Direction, *, is_last: bool) -> MsgIdBounds:
        """Return what a msg_id can be now."""
        client = self._client
        last_msg_id = client.update_last_msg_id()
        if not last_msg_id:
            return MsgIdBounds(1, MSG_ID_UNKNOWN_MAX)
        if direction.from_client:
            return MsgIdBounds(last_msg_id + 1, last_msg_id + MSG_ID_GROWTH_MAX)
        # Only what was asked is answered. A request that comes late, or was lost, makes this search wait.
        is_exact = client.mode is Mode.READING and not is_last
        return MsgIdBounds(1, last_msg_id if is_exact else last_msg_id + MSG_ID_GROWTH_MAX)

    def _found(self, direction: Direction, start: Start, frames: list[Frame]) -> None:
        """Give up what stands before the place that was found, and read on from there."""
        self._discard(direction, direction.reason, frames, start.offset_bytes)
        if direction.is_lost:
            self.resynchronisations += 1
            direction.is_lost = False
        is_decision = direction.wire_format is None
        direction.wire_format = start.wire_format
        if is_decision:
            self._decide()
        self._start(direction, frames)
        if is_decision:
            other = self._server if direction.from_client else self._client
            other.search_at_bytes = 0
            self._search(other, frames, is_last=False)

    def _decide(self) -> None:
        """Say what is in force as far as the formats of the directions tell."""
        client, server = self._client, self._server
        decided = server.wire_format or client.wire_format
        assert decided is not None
        has_duration = decided.has_duration
        if server.wire_format is None:
            has_duration = self._formats_of(server)[0].has_duration
        offered = client.negotiation
        answered = server.negotiation
        self.negotiated = Negotiated(
            has_timeout=decided.has_timeout,
            has_duration=has_duration,
            compression=decided.compression,
            is_stream=decided.is_stream,
            stream_parent=offered.stream_parent if offered else None,
            connection_id=answered.connection_id if answered else None,
            cookie=(offered.cookie if offered else None) or (answered.cookie if answered else None),
            assumed=True,
        )

    def _discard(
        self, direction: Direction, reason: str, frames: list[Frame], size_bytes: int | None = None
    ) -> None:
        """Make what is buffered, or so much of its front, UNDECODED."""
        frame = direction.take_front(direction.buffered_bytes if size_bytes is None else size_bytes, reason)
        if frame is not None:
            frames.append(frame)

    def _update_held_mark(self) -> None:
        held_mark = None
        for direction in (self._client, self._server):
            if direction.chunks and direction.mode in (Mode.HOLDING, Mode.SEARCHING):
                mark = direction.chunks[0][0]
                if held_mark is None or mark < held_mark:
                    held_mark = mark
        self.held_mark = held_mark
