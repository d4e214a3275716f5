"""How long things took, in bounded memory: counts by size, exact to three percent."""

from dataclasses import dataclass, field

_SUB_BITS = 5
"""Every power of two is cut into 32 parts."""


@dataclass(slots=True)
class Latencies:
    """Durations in nanoseconds; the same durations give the same answers, in whatever order they come."""

    count: int = 0
    shortest_ns: int = 0
    longest_ns: int = 0
    buckets: dict[int, int] = field(default_factory=dict)
    """Counts by the leading bits of the duration."""

    def add(self, duration_ns: int) -> None:
        """Count one duration; packets that were captured out of order may make it negative, which counts as 0."""
        duration_ns = max(0, duration_ns)
        if not self.count or duration_ns < self.shortest_ns:
            self.shortest_ns = duration_ns
        self.longest_ns = max(self.longest_ns, duration_ns)
        self.count += 1
        bucket = _bucket(duration_ns)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: "Latencies") -> None:
        """Count all durations of another."""
        if not other.count:
            return
        self.shortest_ns = min(self.shortest_ns, other.shortest_ns) if self.count else other.shortest_ns
        self.longest_ns = max(self.longest_ns, other.longest_ns)
        self.count += other.count
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile_ns(self, share: float) -> int:
        """The duration that so great a share does not exceed; 0 if there are none.

        Args:
            share: between 0 and 1; 0.5 gives the median.
        """
        left = share * self.count
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return min(max(_middle_ns(bucket), self.shortest_ns), self.longest_ns)
        return self.longest_ns


def _bucket(duration_ns: int) -> int:
    shift = max(0, duration_ns.bit_length() - _SUB_BITS - 1)
    return (shift << (_SUB_BITS + 1)) + (duration_ns >> shift)


def _middle_ns(bucket: int) -> int:
    shift, part = bucket >> (_SUB_BITS + 1), bucket & ((2 << _SUB_BITS) - 1)
    return (part << shift) + ((1 << shift) >> 1)
