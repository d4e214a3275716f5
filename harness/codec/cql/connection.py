"""Both directions of one client connection: what STARTUP negotiates decides how the bytes are framed.

Versions 3 and 4 are a sequence of frames. In version 5 only STARTUP, what comes before it and its answer are; then
both directions are segments that carry frames (``segment``). STARTUP also says how bodies are compressed. Where the
beginning of the connection is not in the capture, both are found out from the bytes.

Source: native_protocol_v4.spec, "2. Frame header" and "5. Compression"; native_protocol_v5.spec of Apache
Cassandra 4.0, "2.3 Framing".
"""

from harness.codec.cql.compression import Compression
from harness.codec.cql.cutter import MISSING, FrameCutter
from harness.codec.cql.frame import Frame, undecoded
from harness.codec.cql.held_bytes import Piece
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.segment import decode_segment_header
from harness.codec.cql.segment_cutter import SegmentCutter, SegmentPayload
from harness.codec.cql.startup import startup_compression

_SEGMENT_VERSIONS = frozenset({5, 6})

_AFTER_NEGOTIATION = frozenset(
    {Opcode.QUERY, Opcode.RESULT, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH, Opcode.REGISTER, Opcode.EVENT}
)
"""Seen outside of segments, they say that the negotiation is over and segments were not what it chose."""


class ConnectionDecoder:
    """Takes the bytes of both directions of one connection, each in order; gives the frames.

    A frame carries the marks (packet numbers, as a rule) of the data in which its first and its last byte came; one
    that came in segments carries those of its segments, since before the checksum nothing of it is certain.

    Args:
        syn_seen: the first byte fed of each direction is the first of the connection. Otherwise frames are looked
            for from the first byte on, and framing and compression are found out from what is met.
    """

    __slots__ = ("_client", "_framing_is_known", "_segments", "_server")

    def __init__(self, *, syn_seen: bool) -> None:
        self._client = FrameCutter(from_client=True, is_lost=not syn_seen)
        self._server = FrameCutter(from_client=False, is_lost=not syn_seen)
        self._segments: dict[bool, SegmentCutter] = {}
        """Of each direction (True: from the client) that is framed in segments."""
        self._framing_is_known = syn_seen

    def feed(self, from_client: bool, data: bytes, mark: int) -> list[Frame]:
        """Take the next bytes of one direction; return the frames they complete, often none.

        Never raises: what is not a frame comes as an ``UNDECODED`` one. A header that claims more than 256 MiB is
        not one; nothing is allocated for it.
        """
        cutter = self._client if from_client else self._server
        if self._segments or not self._framing_is_known:
            return self._feed_slowly(cutter, Piece(data, mark, mark))
        frames = cutter.cut(data, mark, mark)
        if cutter.is_negotiating and frames:
            self._negotiate(cutter, frames)
        return frames

    def quick_kinds(self, from_client: bool) -> tuple[frozenset[int], frozenset[int]] | None:
        """Return versions and opcodes of frames that the caller may cut himself; None where all is for ``feed``.

        As ``FrameCutter.quick_kinds``, of one direction.
        """
        if self._segments or not self._framing_is_known:
            return None
        return (self._client if from_client else self._server).quick_kinds()

    def gap(self, from_client: bool, mark: int) -> list[Frame]:
        """Bytes are missing before the next ones of this direction.

        Returns:
            what was held, or else an empty ``UNDECODED`` frame, so that the gap shows in the trace in any case.
        """
        cutter = self._client if from_client else self._server
        frames = cutter.gap()
        if cutter.is_negotiating:
            # What was negotiated may be among the missing bytes.
            self._framing_is_known = False
            if from_client:
                self._client.compression = self._server.compression = None
        if from_client in self._segments:
            frames += _undecoded_payloads(self._segments[from_client].gap(), from_client=from_client)
        return frames or [undecoded(b"", mark, mark, from_client=from_client, reason=MISSING)]

    def close(self) -> list[Frame]:
        """Nothing follows in either direction; return what is left."""
        frames = []
        for cutter in (self._client, self._server):
            frames += cutter.close()
            if cutter.from_client in self._segments:
                payloads = self._segments[cutter.from_client].close()
                frames += _undecoded_payloads(payloads, from_client=cutter.from_client)
        return frames

    def _feed_slowly(self, cutter: FrameCutter, piece: Piece) -> list[Frame]:
        frames: list[Frame] = []
        if not self._framing_is_known and cutter.from_client not in self._segments:
            frames += self._find_out_framing(piece.data)
        if cutter.from_client in self._segments:
            frames += self._cut_segments(cutter, piece)
            return frames
        cut = cutter.cut(*piece)
        if cutter.is_negotiating and cut:
            self._negotiate(cutter, cut)
        if any(not frame.reason for frame in cut):
            self._framing_is_known = True
        return frames + cut

    def _cut_segments(self, cutter: FrameCutter, piece: Piece) -> list[Frame]:
        frames: list[Frame] = []
        for payload in self._segments[cutter.from_client].cut(piece):
            if payload.reason:
                frames += cutter.gap(payload.reason)
                frames += _undecoded_payloads([payload], from_client=cutter.from_client)
                continue
            if payload.is_self_contained:
                frames += cutter.close()
                cutter.start_here()
            frames += cutter.cut(payload.data, payload.first_mark, payload.last_mark)
            if payload.is_self_contained:
                frames += cutter.close()
        return frames

    def _negotiate(self, cutter: FrameCutter, frames: list[Frame]) -> None:
        """Learn from the frames of a direction, cut what follows the last one accordingly, and append that."""
        rest = cutter.rest
        cutter.rest = []
        last = frames[-1]
        if not cutter.from_client and frames[0].opcode == Opcode.ERROR:
            # The node refused the version; the client may try another on the same connection.
            self._client.is_negotiating = True
            if self._segments:
                frames += _undecoded_payloads(self._segments[True].close(), from_client=True)
                self._segments.clear()
        if last.opcode == Opcode.STARTUP:
            cutter.is_negotiating = False
            is_segmented = last.version in _SEGMENT_VERSIONS
            compression = startup_compression(last.body)
            self._client.compression = self._server.compression = compression
            if is_segmented:
                self._segments[True] = SegmentCutter(is_lz4=compression is Compression.LZ4)
        elif last.opcode in (Opcode.READY, Opcode.AUTHENTICATE):
            cutter.is_negotiating = False
            if last.version in _SEGMENT_VERSIONS and True in self._segments:
                self._segments[False] = SegmentCutter(is_lz4=self._segments[True].is_lz4)
        elif last.opcode in _AFTER_NEGOTIATION:
            cutter.is_negotiating = False
        for piece in rest:
            frames += self._feed_slowly(cutter, piece)

    def _find_out_framing(self, data: bytes) -> list[Frame]:
        """Switch to segments if these bytes, with which a packet starts, start one."""
        for is_lz4, header_bytes in ((False, 6), (True, 8)):
            if len(data) < header_bytes or decode_segment_header(data, 0, is_lz4=is_lz4) is None:
                continue
            self._framing_is_known = True
            frames = []
            for cutter in (self._client, self._server):
                if cutter.from_client in self._segments:
                    continue
                cutter.is_negotiating = False
                self._segments[cutter.from_client] = SegmentCutter(is_lz4=is_lz4)
                frames += cutter.gap()
            return frames
        return []


def _undecoded_payloads(payloads: list[SegmentPayload], *, from_client: bool) -> list[Frame]:
    return [
        undecoded(
            payload.data,
            payload.first_mark,
            payload.last_mark,
            from_client=from_client,
            reason=payload.reason,
        )
        for payload in payloads
    ]
