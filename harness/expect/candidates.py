"""What a step may be in a trace: intervals of positions, from its first to its last message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from harness.expect.domain import Domain, Item
from harness.expect.ways import MATCHES, Binding, Matches


@dataclass(slots=True)
class Candidates:
    """Intervals in order; both ends ascend. A single message begins and ends at its own position."""

    starts: Sequence[int]
    ends: Sequence[int]
    ways: Sequence[Matches] = ()
    """Of each, what it gives to captures; empty: nothing."""
    by_value: dict[str, dict[object, list[int]]] = field(default_factory=dict)
    """For each capture and value, indexes, ascending."""
    wild: tuple[int, ...] = ()
    """Indexes of those that fit any value of any capture."""

    def ways_of(self, index: int) -> Matches:
        """What a candidate gives to captures."""
        return self.ways[index] if self.ways else MATCHES

    def having(self, name: str, value: object) -> Sequence[int]:
        """Indexes of those that fit a value of a capture, ascending."""
        found = self.by_value.get(name, {}).get(value, [])
        return sorted((*found, *self.wild)) if self.wild else found


NONE = Candidates((), ())


def single_candidates(domain: Domain, *, with_unknown: bool) -> Candidates:
    """Every message of a domain.

    Args:
        domain: the messages.
        with_unknown: also those that cannot be told.
    """
    if not (with_unknown and domain.unknown):
        values = domain.indexes_by_value if domain.ways else {}
        return Candidates(domain.positions, domain.positions, domain.ways, values)
    if not domain.ways:
        positions = sorted((*domain.positions, *domain.unknown))
        return Candidates(positions, positions)
    pairs = sorted(
        [(position, domain.ways_of(index)) for index, position in enumerate(domain.positions)]
        + [(position, MATCHES) for position in domain.unknown],
        key=lambda pair: pair[0],
    )
    positions = [position for position, _ in pairs]
    unknown = frozenset(domain.unknown)
    by_value: dict[str, dict[object, list[int]]] = {}
    for index, (_, ways) in enumerate(pairs):
        for name, value in {pair for way in ways for pair in way}:
            by_value.setdefault(name, {}).setdefault(value, []).append(index)
    wild = tuple(index for index, position in enumerate(positions) if position in unknown)
    return Candidates(positions, positions, [ways for _, ways in pairs], by_value, wild)


def smallest_intervals(items: Sequence[Item], count: int) -> Candidates:
    """The intervals that hold so many of the items and no smaller such interval.

    Args:
        items: in order of their starts.
        count: how many; at least one.
    """
    starts: list[int] = []
    ends: list[int] = []
    nearest: list[int] = []
    """Ends, negated, of the items that end first, of those that begin no earlier."""
    for item in reversed(items):
        if len(nearest) < count:
            heappush(nearest, -item.end)
        else:
            heappushpop(nearest, -item.end)
        if len(nearest) == count:
            end = -nearest[0]
            if ends and ends[-1] == end:
                # It begins earlier and ends no earlier than the interval before.
                continue
            starts.append(item.start)
            ends.append(end)
    return Candidates(starts[::-1], ends[::-1])


def whole_interval(items: Sequence[Item]) -> Candidates:
    """The one interval that holds all items."""
    return Candidates((items[0].start,), (max(item.end for item in items),))


def items_within(items: Sequence[Item], start: int, end: int) -> Iterator[Item]:
    """The items in an interval."""
    return (item for item in items if item.start >= start and item.end <= end)


def items_by_binding(items: Sequence[Item]) -> dict[Binding, list[Item]]:
    """Items by what they give to captures; one that gives several things stands in several places."""
    found: dict[Binding, list[Item]] = {}
    for item in items:
        for way in item.ways:
            found.setdefault(way, []).append(item)
    return found
