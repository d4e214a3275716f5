"""The part of one direction's byte stream that somebody still has to look at, with its packets.

Positions count from the first byte of the direction that the capture holds; sequence numbers wrap, positions
do not.
"""

from bisect import bisect_right
from typing import NamedTuple

_HALF = 1 << 31
_WRAP = 1 << 32


class Run(NamedTuple):
    """The bytes that one packet was the first to bring."""

    start: int
    payload: bytes
    frame: int
    time_ns: int

    @property
    def end(self) -> int:
        """Position behind its last byte."""
        return self.start + len(self.payload)


class Positions:
    """Turns the sequence numbers of one direction into positions."""

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence
        """Of ``_position``; follows the newest segment, since only nearness tells the wraps apart."""
        self._position = 0

    def of(self, sequence: int) -> int:
        """Return the position of a sequence number; negative for what came before the first."""
        ahead = (sequence - self._sequence) % _WRAP
        if ahead >= _HALF:
            ahead -= _WRAP
        position = self._position + ahead
        if ahead > 0:
            self._sequence, self._position = sequence, position
        return position


class ByteWindow:
    """Bytes of one direction, from a place that moves up with ``release``."""

    def __init__(self) -> None:
        self.end = 0
        """Position behind the last byte that was seen."""
        self.is_disordered = False
        """Whether bytes ever came behind later ones."""
        self._runs: list[Run] = []
        self._starts: list[int] = []
        self._floor = 0

    def add(self, position: int, payload: bytes, *, frame: int, time_ns: int) -> None:
        """Take a segment's payload; of bytes that were there already, the first copy stays."""
        if position >= self.end:
            if payload:
                self._insert(len(self._runs), position, payload, frame, time_ns)
            return
        # A retransmission, an overlap, or a late segment that fills holes.
        at, end = max(position, self._floor), position + len(payload)
        while at < end:
            index = bisect_right(self._starts, at)
            if index and self._runs[index - 1].end > at:
                at = self._runs[index - 1].end
                continue
            until = min(end, self._starts[index]) if index < len(self._runs) else end
            self.is_disordered |= at < self.end
            self._insert(index, at, payload[at - position : until - position], frame, time_ns)
            at = until

    def _insert(self, index: int, position: int, payload: bytes, frame: int, time_ns: int) -> None:
        run = Run(position, payload, frame, time_ns)
        self._runs.insert(index, run)
        self._starts.insert(index, position)
        self.end = max(self.end, run.end)

    def run_at(self, position: int) -> Run | None:
        """Return the run that holds this byte; None if it was lost, released or is yet to come."""
        index = bisect_right(self._starts, position) - 1
        if index < 0 or position >= self._runs[index].end:
            return None
        return self._runs[index]

    def start_of_frame(self, frame: int) -> int | None:
        """Return where a packet's bytes begin; None if it brought none that are still there."""
        return next((run.start for run in self._runs if run.frame == frame), None)

    def read(self, position: int, size_bytes: int) -> bytes:
        """Return so many bytes from there; fewer if they are not there without a hole."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return b""
        run = self._runs[index]
        piece = run.payload[position - run.start : position - run.start + size_bytes]
        if len(piece) == size_bytes or not piece:
            return piece
        pieces = [piece]
        missing = size_bytes - len(piece)
        end = run.end
        for run in self._runs[index + 1 :]:
            if not missing or run.start != end:
                break
            piece = run.payload[:missing]
            pieces.append(piece)
            missing -= len(piece)
            end = run.end
        return b"".join(pieces)

    def contiguous_end(self, position: int) -> int:
        """Return the position of the first byte from there on that is not there."""
        index = bisect_right(self._starts, position) - 1
        if index < 0 or position >= self._runs[index].end:
            return position
        end = self._runs[index].end
        for run in self._runs[index + 1 :]:
            if run.start != end:
                break
            end = run.end
        return end

    def release(self, position: int) -> None:
        """Forget what is before this position."""
        self._floor = max(self._floor, position)
        count = 0
        for run in self._runs:
            if run.end > position:
                break
            count += 1
        if count:
            del self._runs[:count]
            del self._starts[:count]
