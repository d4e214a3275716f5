"""One direction of a TCP connection: segments in, bytes in order out, and what is lost said.

Source:
    RFC 9293, sections 3.4 "Sequence Numbers", 3.8.4 "TCP Keep-Alives", 3.8.6.1 "Zero-Window Probing";
    RFC 7323, section 2.3 (no window is larger than 1 GiB).
"""

from bisect import bisect_right
from operator import itemgetter
from typing import NamedTuple

_FIN, _SYN, _RST = 0x01, 0x02, 0x04
_SEQUENCE_MASK = 0xFFFFFFFF
_HALF = 0x80000000
_WINDOW_BYTES_MAX = 1 << 30

PENDING_BYTES_MAX = 16 * 1024 * 1024
"""Most bytes held back behind a hole; one more, and the hole becomes a Gap."""

PENDING_SEGMENTS_MAX = 4096
"""Most segments held back behind a hole."""

PATIENCE_CALLS = 16
"""How many packets of the connection may come, none of them the next in order, before acknowledged bytes which
were not captured become a Gap. Captures are often some packets out of order, mostly between the directions."""


class ByteRun(NamedTuple):
    """Bytes that follow, without a gap, what came before."""

    mark: int
    """As given to feed with the segment that carried them."""

    data: bytes


class Gap(NamedTuple):
    """Bytes that were sent here but are not in the capture."""

    mark: int
    """Of the segment that shows the loss: the one after the hole, the snapped one, or the acknowledgement."""

    lost_bytes: int
    """Counted in sequence numbers: a FIN that was not captured is one more."""


class _Piece(NamedTuple):
    """A part of the sequence space that arrived; pieces never overlap."""

    start: int
    end: int
    mark: int
    data: bytes | None
    """None: cut off by the snap length; empty: a FIN, which takes one sequence number."""


_START = itemgetter(0)


class ByteStream:
    """Puts the segments of one direction in order; of bytes that come twice, the first ones win.

    The first segment seen defines where the stream begins. A caller in a hurry may do the common case itself,
    for a segment with none of SYN, FIN and RST and no missing bytes::

        if sequence == byte_stream.next_sequence and not byte_stream.has_pending:
            byte_stream.next_sequence = (sequence + len(payload)) & 0xFFFFFFFF
            # and payload, if not empty, is the next run

    All other segments go through ``feed``. For an acknowledgement (flag ACK) from the other direction, nothing
    is to be done if it equals ``next_sequence``; otherwise it goes to ``acknowledged``.

    A later connection between the same ports is recognised by ``starts_anew``; the caller then closes this
    stream and begins a new one, for the other direction too. After a RST, whose sequence number and payload are
    ignored, nothing more is to be expected, but the stream goes on if something comes.
    """

    __slots__ = (
        "_acknowledged",
        "_evidence_mark",
        "_patience_end",
        "_pending",
        "_pending_bytes",
        "_position",
        "_sent",
        "_start_sequence",
        "_start_was_empty",
        "_waited_calls",
        "_waiting_at",
        "fin_seen",
        "has_pending",
        "next_sequence",
        "syn_seen",
    )

    def __init__(self) -> None:
        self.next_sequence: int | None = None
        """Sequence number of the next byte; None before the first segment."""

        self.has_pending = False
        """Whether something is held back or known to be missing, so that each segment has to go through feed."""

        self.syn_seen = False
        """Whether the capture holds the beginning of the stream."""

        self.fin_seen = False
        """Whether the stream has come to its regular end."""

        self._start_sequence = 0
        self._start_was_empty = False
        # Positions are sequence numbers that do not wrap. They mean something only while has_pending: a caller
        # who takes the fast path moves next_sequence and not the position.
        self._position = 0
        self._pending: list[_Piece] = []
        self._pending_bytes = 0
        self._acknowledged = 0
        self._sent = 0
        self._evidence_mark = 0
        self._waited_calls = 0
        self._waiting_at = -1
        self._patience_end = 0

    def starts_anew(self, sequence: int, flags: int) -> bool:
        """Whether this segment belongs to another, later connection between the same ports.

        True for a SYN with another initial sequence number, and for a segment so far from the expected one that
        no window reaches there, which is a connection whose SYN was not captured. Worth asking for segments
        that are not next in order.
        """
        if self.next_sequence is None or flags & _RST:
            return False
        if flags & _SYN:
            # In a capture out of order, the SYN may come just after the first data.
            return (sequence + 1) & _SEQUENCE_MASK != self._start_sequence
        return abs(_distance(sequence, self.next_sequence)) > _WINDOW_BYTES_MAX

    def feed(
        self, sequence: int, flags: int, payload: bytes, mark: int, missing_bytes: int = 0
    ) -> list[ByteRun | Gap]:
        """Take a segment; return what is now in order.

        Args:
            sequence: as in the header.
            flags: as in the header; SYN and FIN take a sequence number each.
            payload: may be longer than 64 KiB.
            mark: of the packet; given back in the results.
            missing_bytes: bytes of payload which follow but were not captured.
        """
        next_sequence = self.next_sequence
        if sequence == next_sequence and not self.has_pending and not flags & 7 and not missing_bytes:
            if not payload:
                return []
            self.next_sequence = (sequence + len(payload)) & _SEQUENCE_MASK
            return [ByteRun(mark, payload)]
        if flags & _RST:
            return []
        if flags & _SYN:
            sequence = (sequence + 1) & _SEQUENCE_MASK
        if next_sequence is None:
            next_sequence = self.next_sequence = self._start_sequence = sequence
            self._start_was_empty = not flags & _SYN and not payload
        if flags & _SYN and sequence == self._start_sequence:
            self.syn_seen = True
        distance = _distance(sequence, next_sequence)
        if distance == 1 and self._started_by_probe():
            self.next_sequence = self._start_sequence = sequence
            distance = 0
        start = self._position + distance
        end = start + len(payload)
        if payload:
            self._insert(_Piece(start, end, mark, payload))
        if missing_bytes:
            self._insert(_Piece(end, end + missing_bytes, mark, None))
            end += missing_bytes
        if flags & _FIN:
            self._insert(_Piece(end, end + 1, mark, b""))
        if end == start and self._sent < end <= self._position + _WINDOW_BYTES_MAX:
            # An empty segment ahead of the stream says that there are bytes which did not come.
            self._sent = end
            self._evidence_mark = mark
        return self._advance()

    def acknowledged(self, acknowledgement: int, mark: int) -> list[ByteRun | Gap]:
        """Take an acknowledgement from the other direction; return what it settles, mostly nothing.

        Bytes which the receiver has but the capture does not will not be sent again: after PATIENCE_CALLS
        further calls of feed or acknowledged without any progress, they become a Gap.

        Args:
            acknowledgement: from a segment with the flag ACK.
            mark: of its packet.
        """
        if self.next_sequence is None:
            return []
        distance = _distance(acknowledgement, self.next_sequence)
        if not 0 < distance <= _WINDOW_BYTES_MAX:
            return self._advance() if self.has_pending else []
        if distance == 1 and self._started_by_probe():
            self.next_sequence = self._start_sequence = acknowledgement
            return self._advance()
        if self._position + distance > self._acknowledged:
            self._acknowledged = self._position + distance
            self._evidence_mark = mark
        return self._advance()

    def close(self) -> list[ByteRun | Gap]:
        """Take the end of the capture or connection; return all that was held back, with its gaps."""
        results: list[ByteRun | Gap] = []
        while self._pending:
            self._give_up(self._pending[0].start, self._pending[0].mark, results)
            self._drain(results)
        self._give_up(max(self._acknowledged, self._sent), self._evidence_mark, results)
        self.has_pending = False
        return results

    def _started_by_probe(self) -> bool:
        """Whether what defined the start was a keep-alive probe, which stands one below the next byte.

        Asked when the next byte turns out to be one behind the start.
        """
        may_be = self._start_was_empty and self.next_sequence == self._start_sequence and not self.has_pending
        self._start_was_empty = False
        return may_be

    def _insert(self, piece: _Piece) -> None:
        """Keep those parts of the piece which are new."""
        start, end, mark, data = piece
        start = max(start, self._position)
        pending = self._pending
        index = bisect_right(pending, start, key=_START)
        if index and pending[index - 1].end > start:
            start = pending[index - 1].end
        while start < end:
            until = end if index == len(pending) else min(end, pending[index].start)
            if until > start:
                part = data[start - piece.start : until - piece.start] if data else data
                pending.insert(index, _Piece(start, until, mark, part))
                self._pending_bytes += len(part) if part else 0
                index += 1
            if index == len(pending):
                break
            start = pending[index].end
            index += 1

    def _advance(self) -> list[ByteRun | Gap]:
        results: list[ByteRun | Gap] = []
        self._drain(results)
        pending = self._pending
        while len(pending) > PENDING_SEGMENTS_MAX or self._pending_bytes > PENDING_BYTES_MAX:
            self._give_up(pending[0].start, pending[0].mark, results)
            self._drain(results)
        if self._acknowledged > self._position:
            self._wait(results)
        self.has_pending = bool(pending) or max(self._acknowledged, self._sent) > self._position
        return results

    def _wait(self, results: list[ByteRun | Gap]) -> None:
        """Count the calls since bytes are missing that were acknowledged; give them up after enough of them."""
        if self._waiting_at != self._position:
            self._waiting_at = self._position
            self._patience_end = self._acknowledged
            self._waited_calls = 0
            return
        self._waited_calls += 1
        if self._waited_calls < PATIENCE_CALLS:
            return
        while self._patience_end > self._position:
            pending = self._pending
            if pending and pending[0].start <= self._patience_end:
                self._give_up(pending[0].start, pending[0].mark, results)
                self._drain(results)
            else:
                self._give_up(self._patience_end, self._evidence_mark, results)

    def _give_up(self, position: int, mark: int, results: list[ByteRun | Gap]) -> None:
        lost_bytes = position - self._position
        if lost_bytes > 0:
            results.append(Gap(mark, lost_bytes))
            self._move(position)

    def _drain(self, results: list[ByteRun | Gap]) -> None:
        """Deliver the pieces which are next in order."""
        pending = self._pending
        position = self._position
        count = 0
        for start, end, mark, data in pending:
            if start != position:
                break
            position = end
            count += 1
            if data is None:
                results.append(Gap(mark, end - start))
            elif data:
                results.append(ByteRun(mark, data))
                self._pending_bytes -= len(data)
            else:
                self.fin_seen = True
        if count:
            del pending[:count]
            self._move(position)

    def _move(self, position: int) -> None:
        assert self.next_sequence is not None
        self.next_sequence = (self.next_sequence + position - self._position) & _SEQUENCE_MASK
        self._position = position


def _distance(sequence: int, origin: int) -> int:
    """Return how far a sequence number is ahead of another, negative if behind."""
    return (sequence - origin + _HALF & _SEQUENCE_MASK) - _HALF
