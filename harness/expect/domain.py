"""Which messages of a trace a pattern may stand for: found once for each pattern, and shared by all steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from harness.expect.expectation import Countable, Exchange
from harness.expect.matcher import Matcher
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern
from harness.expect.ways import MATCHES, Matches, joined_ways


@dataclass(frozen=True)
class Domain:
    """Positions of messages that match, and of those that cannot be told."""

    positions: Sequence[int]
    """Ascending."""
    unknown: Sequence[int]
    """Messages that could match if they could be decoded; ascending."""
    ways: Sequence[Matches]
    """Of each position, what it gives to captures; empty where the pattern has no captures."""

    def ways_of(self, index: int) -> Matches:
        """What the message at an index of ``positions`` gives to captures."""
        return self.ways[index] if self.ways else MATCHES

    @cached_property
    def indexes_by_value(self) -> dict[str, dict[object, list[int]]]:
        """For each capture and value, indexes of ``positions``, ascending."""
        found: dict[str, dict[object, list[int]]] = {}
        for index, ways in enumerate(self.ways):
            for way in ways:
                for name, value in way:
                    indexes = found.setdefault(name, {}).setdefault(value, [])
                    if not indexes or indexes[-1] != index:
                        indexes.append(index)
        return found


class Item(NamedTuple):
    """One of what is counted: a message, or a request with its answer."""

    members: tuple[int, ...]
    """Positions, ascending."""
    ways: Matches

    @property
    def start(self) -> int:
        """Position of its first message."""
        return self.members[0]

    @property
    def end(self) -> int:
        """Position of its last message."""
        return self.members[-1]


class Items(NamedTuple):
    """All of what is counted, in order of the first messages."""

    known: tuple[Item, ...]
    unknown: tuple[Item, ...]


class Domains:
    """The domains of all patterns of a claim on one index."""

    def __init__(self, index: MessageIndex) -> None:
        self.index = index
        self._domains: dict[Pattern, Domain] = {}
        self._unhashable: list[tuple[Pattern, Domain]] = []
        self._items: dict[int, tuple[Countable, Items]] = {}

    def of(self, pattern: Pattern) -> Domain:
        """The domain of a pattern.

        Raises:
            ExpectationError: the pattern names a node or a table that the trace does not know.
        """
        try:
            found = self._domains.get(pattern)
        except TypeError:
            return self._of_unhashable(pattern)
        if found is None:
            found = self._domains[pattern] = self._find(pattern)
        return found

    @property
    def has_unknown(self) -> bool:
        """Whether there are messages that could matter to a pattern seen so far, and cannot be told."""
        domains = [*self._domains.values(), *(domain for _, domain in self._unhashable)]
        return any(domain.unknown for domain in domains)

    def items(self, what: Countable) -> Items:
        """Everything that counts as one of these."""
        known = self._items.get(id(what))
        if known is None:
            # The countable is kept with its items, so that its id stays its own.
            known = self._items[id(what)] = (what, self._find_items(what))
        return known[1]

    def _of_unhashable(self, pattern: Pattern) -> Domain:
        for known, domain in self._unhashable:
            if known is pattern or known == pattern:
                return domain
        domain = self._find(pattern)
        self._unhashable.append((pattern, domain))
        return domain

    def _find(self, pattern: Pattern) -> Domain:
        matcher = Matcher(pattern, self.index)
        messages = self.index.messages
        positions: list[int] = []
        unknown: list[int] = []
        ways: list[Matches] = []
        for position in matcher.candidates():
            found = matcher.matches(messages[position])
            if found is None:
                unknown.append(position)
            elif found:
                positions.append(position)
                ways.append(found)
        return Domain(positions, unknown, ways if pattern.captures else ())

    def _find_items(self, what: Countable) -> Items:
        if isinstance(what, Pattern):
            domain = self.of(what)
            known = tuple(
                Item((position,), domain.ways_of(index)) for index, position in enumerate(domain.positions)
            )
            return Items(known, tuple(Item((position,), MATCHES) for position in domain.unknown))
        return self._find_exchanges(what)

    def _find_exchanges(self, what: Exchange) -> Items:
        requests, answers = self.of(what.request), self.of(what.answer)
        ways = {position: requests.ways_of(index) for index, position in enumerate(requests.positions)}
        unsure = frozenset(requests.unknown)
        known: list[Item] = []
        unknown: list[Item] = []
        for index, position in enumerate(answers.positions):
            asked = self.index.answered_by(position)
            if asked in ways:
                joined = joined_ways(ways[asked], answers.ways_of(index))
                if joined:
                    known.append(Item((asked, position), joined))
            elif asked in unsure:
                unknown.append(Item((asked, position), MATCHES))
        for position in answers.unknown:
            asked = self.index.answered_by(position)
            if asked is None or asked in ways or asked in unsure:
                unknown.append(Item((position,) if asked is None else (asked, position), MATCHES))
        return Items(tuple(sorted(known)), tuple(sorted(unknown)))
