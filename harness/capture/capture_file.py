"""A finished capture, and what is known about its completeness."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFile:
    """A pcapng file that will not change any more."""

    path: Path

    packet_count: int
    """How many packets it holds, marks included."""

    dropped_packets: int | None
    """How many packets passed the filter and were lost; None: nobody counted, as when dumpcap was killed."""

    started_at_ns: int
    """Time of the mark that stands before everything."""

    ended_at_ns: int
    """Time of the mark that stands behind everything."""

    @property
    def is_complete(self) -> bool:
        """Whether it is known that no packet was lost."""
        return self.dropped_packets == 0

    @property
    def loss(self) -> str:
        """What is missing, as part of a sentence; empty if nothing is."""
        if self.dropped_packets is None:
            return "nobody knows how many packets were lost: dumpcap ended without its counters"
        if self.dropped_packets:
            return f"{self.dropped_packets} packets were lost while capturing"
        return ""
