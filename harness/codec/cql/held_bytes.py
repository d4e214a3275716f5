"""Bytes that wait for more, and the marks under which they came."""

from bisect import bisect_right
from typing import NamedTuple


class Piece(NamedTuple):
    """Bytes that came together."""

    data: bytes
    first_mark: int
    last_mark: int


class HeldBytes:
    """Pieces in order; joined only when asked, so that many small ones cost no more than a large one."""

    __slots__ = ("pieces", "size_bytes", "starts")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.size_bytes = 0
        self.starts: list[int] = []
        """The offset of each piece, as of the last ``index``."""

    def append(self, piece: Piece) -> None:
        """Add a piece at the end."""
        self.pieces.append(piece)
        self.size_bytes += len(piece.data)

    def clear(self) -> None:
        """Let go of everything; a list taken before stays as it is."""
        self.pieces = []
        self.size_bytes = 0

    def join(self) -> bytes:
        """Return all bytes."""
        if len(self.pieces) == 1:
            return self.pieces[0].data
        return b"".join([piece.data for piece in self.pieces])

    def index(self) -> None:
        """Note where each piece starts, which ``marks`` and ``drop`` need."""
        starts = []
        start = 0
        for piece in self.pieces:
            starts.append(start)
            start += len(piece.data)
        self.starts = starts

    def marks(self, start: int, end: int) -> tuple[int, int]:
        """Return the marks of the bytes at start and at end - 1."""
        first = self.pieces[bisect_right(self.starts, start) - 1]
        last = self.pieces[bisect_right(self.starts, end - 1) - 1]
        return first.first_mark, last.last_mark

    def drop(self, offset: int) -> None:
        """Let go of the bytes before offset."""
        if offset >= self.size_bytes:
            self.clear()
            return
        if not offset:
            return
        index = bisect_right(self.starts, offset) - 1
        first = self.pieces[index]
        self.pieces = [
            first._replace(data=first.data[offset - self.starts[index] :]),
            *self.pieces[index + 1 :],
        ]
        self.size_bytes -= offset
