"""One connection between two nodes: bytes of both directions in, frames out.

Source: seastar doc/rpc.md, "Connection negotiation"; src/rpc/rpc.cc, class client and server::connection, of the
lines that ScyllaDB 4.0 to 2026.3 are built with.
"""

import enum

from harness.codec.rpc.frame import LAYER, MAGIC, NEGOTIATION_HEADER, Frame, FrameKind, undecoded
from harness.codec.rpc.frame_reader import FrameReader, plain_reader
from harness.codec.rpc.negotiation import (
    NEGOTIATION_BYTES_MAX,
    Negotiated,
    Negotiation,
    agree,
    decode_negotiation,
)
from harness.errors import DecodeError


class _Mode(enum.Enum):
    NEGOTIATING = 0
    HOLDING = 1
    READING = 2


class _Direction:
    __slots__ = ("buffered_bytes", "chunks", "from_client", "mode", "need_bytes", "negotiation", "reader")

    def __init__(self, *, from_client: bool) -> None:
        self.from_client = from_client
        self.mode = _Mode.NEGOTIATING
        self.chunks: list[tuple[int, bytes]] = []
        self.buffered_bytes = 0
        self.need_bytes = NEGOTIATION_HEADER.size
        self.negotiation: Negotiation | None = None
        self.reader: FrameReader = plain_reader(
            from_client=from_client, has_timeout=True, has_duration=False, is_stream=False
        )


class ConnectionDecoder:
    """Decodes one connection.

    Args:
        syn_seen: True if the bytes begin where the connection began.
        assumed: what other connections of the capture negotiated, tried first if this one's was not seen.
    """

    def __init__(self, *, syn_seen: bool, assumed: Negotiated | None = None) -> None:
        self.negotiated: Negotiated | None = None
        self.held_mark: int | None = None
        self.resynchronisations = 0
        self._assumed = assumed
        self._client = _Direction(from_client=True)
        self._server = _Direction(from_client=False)
        self._syn_seen = syn_seen

    @property
    def client_negotiation(self) -> Negotiation | None:
        """What the client sent, if it was seen."""
        return self._client.negotiation

    @property
    def server_negotiation(self) -> Negotiation | None:
        """What the server sent, if it was seen."""
        return self._server.negotiation

    def feed(self, from_client: bool, data: bytes, mark: int) -> list[Frame]:
        """Take the next bytes of one direction; return the frames they complete, often none."""
        direction = self._client if from_client else self._server
        frames: list[Frame] = []
        if direction.mode is _Mode.READING and not direction.chunks:
            position = direction.reader.read(data, mark, mark, frames)
            if position != len(data):
                direction.need_bytes = direction.reader.need_bytes(data, position)
                direction.chunks.append((mark, data[position:]))
                direction.buffered_bytes = len(data) - position
            return frames
        self._take(direction, data, mark, frames)
        return frames

    def gap(self, from_client: bool, mark: int, size_bytes: int | None = None) -> list[Frame]:
        """Take note that bytes of one direction are lost."""
        direction = self._client if from_client else self._server
        return self._give_up(direction, "bytes were lost")

    def close(self) -> list[Frame]:
        """Return what the end of the connection leaves."""
        return [
            *self._give_up(self._client, "the connection ends within a frame"),
            *self._give_up(self._server, "the connection ends within a frame"),
        ]

    def _give_up(self, direction: _Direction, reason: str) -> list[Frame]:
        chunks = direction.chunks
        if not chunks:
            return []
        data = b"".join(data for _, data in chunks)
        frame = undecoded(
            data,
            reason,
            first_mark=chunks[0][0],
            last_mark=chunks[-1][0],
            from_client=direction.from_client,
        )
        direction.chunks = []
        direction.buffered_bytes = 0
        return [frame]

    def _take(self, direction: _Direction, data: bytes, mark: int, frames: list[Frame]) -> None:
        chunks = direction.chunks
        chunks.append((mark, data))
        direction.buffered_bytes += len(data)
        if direction.buffered_bytes < direction.need_bytes or direction.mode is _Mode.HOLDING:
            return
        joined = b"".join(data for _, data in chunks) if len(chunks) > 1 else data
        first_mark = chunks[0][0]
        if direction.mode is _Mode.NEGOTIATING:
            if not joined.startswith(MAGIC):
                self._assume(frames)
                return
            (_, length) = NEGOTIATION_HEADER.unpack_from(joined)
            if length > NEGOTIATION_BYTES_MAX:
                raise DecodeError(f"negotiation of {length} bytes", layer=LAYER, offset_bytes=0)
            direction.need_bytes = 12 + length
            if len(joined) < direction.need_bytes:
                return
            position = direction.need_bytes
            body = joined[12:position]
            direction.negotiation = decode_negotiation(body)
            frames.append(
                Frame(
                    FrameKind.NEGOTIATION,
                    first_mark,
                    mark,
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
            direction.mode = _Mode.HOLDING
            direction.chunks = [(mark, joined[position:])] if position < len(joined) else []
            direction.buffered_bytes = len(joined) - position
            if self._client.negotiation is not None and self._server.negotiation is not None:
                self._start(agree(self._client.negotiation, self._server.negotiation), frames)
            return
        position = direction.reader.read(joined, first_mark, mark, frames)
        if position:
            direction.chunks = [(mark, joined[position:])] if position < len(joined) else []
            direction.buffered_bytes = len(joined) - position
        if position < len(joined):
            direction.need_bytes = direction.reader.need_bytes(joined, position)

    def _assume(self, frames: list[Frame]) -> None:
        negotiated = self._assumed or Negotiated(
            has_timeout=True, has_duration=False, compression=None, is_stream=False, assumed=True
        )
        self._start(negotiated, frames)

    def _start(self, negotiated: Negotiated, frames: list[Frame]) -> None:
        self.negotiated = negotiated
        for direction in (self._client, self._server):
            direction.reader = plain_reader(
                from_client=direction.from_client,
                has_timeout=negotiated.has_timeout,
                has_duration=negotiated.has_duration,
                is_stream=negotiated.is_stream,
            )
            direction.mode = _Mode.READING
            direction.need_bytes = 0
            chunks = direction.chunks
            direction.chunks = []
            direction.buffered_bytes = 0
            for mark, data in chunks:
                self._take(direction, data, mark, frames)
