"""Version lines of ScyllaDB, in order, as far as their wire differs."""

from enum import Enum


class Line(Enum):
    """A release line; compare with ``<`` and ``>=``.

    A release between two lines (4.3, 5.1, 2025.2, ...) speaks like the older one with some of the younger
    one's appended fields; decoding takes appended fields as present if their bytes are.
    """

    V4_0 = "4.0"
    V4_2 = "4.2"
    V5_0 = "5.0"
    V5_4 = "5.4"
    V6_2 = "6.2"
    V2025_1 = "2025.1"
    V2026_3 = "2026.3"
    HEAD = "HEAD"

    @property
    def rank(self) -> int:
        """Position in the order of releases."""
        return _RANKS[self]

    def __lt__(self, other: "Line") -> bool:
        return self.rank < other.rank

    def __le__(self, other: "Line") -> bool:
        return self.rank <= other.rank

    def __gt__(self, other: "Line") -> bool:
        return self.rank > other.rank

    def __ge__(self, other: "Line") -> bool:
        return self.rank >= other.rank


_RANKS = {line: rank for rank, line in enumerate(Line)}
