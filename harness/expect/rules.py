"""What is counted over the whole scope: limits, precedences, and the absence of what is optional.

Each is judged in one of two ways. Strictly: it holds whatever the capture hides. Leniently: it could hold, given
what the capture hides. Where nothing is hidden, the two are the same.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import assert_never

from harness.expect.candidates import items_by_binding
from harness.expect.domain import Domain, Domains, Item
from harness.expect.expectation import Countable
from harness.expect.losses import Losses
from harness.expect.pattern import Pattern
from harness.expect.plan import Block, Limit, Precedence, Rule, Step, Variable, captures_of_rule
from harness.expect.ways import Matches

Bound = Mapping[str, object]
"""Values of the captures that are known."""


def agrees(ways: Matches, bound: Bound) -> bool:
    """Whether one of the ways fits the captures that are known."""
    return any(all(bound.get(name, value) == value for name, value in way) for way in ways)


class RuleBook:
    """Judges rules on the messages of a scope.

    Args:
        domains: the messages.
        losses: what may be hidden.
        is_lenient: which of the two ways.
    """

    def __init__(self, domains: Domains, losses: Losses, *, is_lenient: bool) -> None:
        self._domains = domains
        self._losses = losses
        self._is_lenient = is_lenient
        self._known: dict[tuple[int, tuple[tuple[str, object], ...]], bool] = {}

    def holds(self, rule: Rule, bound: Bound) -> bool:
        """Whether a rule holds, given the captures that are known; the others may have any value."""
        values = tuple((name, bound[name]) for name in captures_of_rule(rule) if name in bound)
        key = (id(rule), values)
        found = self._known.get(key)
        if found is None:
            match rule:
                case Limit():
                    found = self._is_within(rule, bound)
                case Precedence():
                    found = self._is_preceded(rule, bound)
                case _:
                    assert_never(rule)
            self._known[key] = found
        return found

    def is_absent(self, variable: Variable, bound: Bound, used: Collection[int], asked: int | None) -> bool:
        """Whether there is nothing of an optional step that is not used.

        Args:
            variable: the step.
            bound: captures that are known.
            used: positions of messages that stand for other steps.
            asked: position of the message that the step answers, if it answers a step outside.
        """
        match variable:
            case Step():
                pattern: Countable = variable.pattern
                answers = variable.answers
            case Block():
                pattern, answers = variable.what, None
        items = self._domains.items(pattern)
        found: Iterable[Item] = items.known
        if not self._is_lenient:
            if self.hiding(pattern):
                return False
            found = (*items.known, *items.unknown)
        return not any(
            item.end not in used
            and (answers is None or self._domains.index.answered_by(item.end) == asked)
            and agrees(item.ways, bound)
            for item in found
        )

    def hiding(self, what: Countable) -> tuple[str, ...]:
        """Why some of what is counted may be hidden."""
        if isinstance(what, Pattern):
            return self._losses.hiding(what)
        return self._losses.hiding(what.answer) or self._losses.hiding(what.request)

    def counted(self, what: Countable, bound: Bound) -> tuple[Item, ...]:
        """Everything that counts, given the captures that are known."""
        return tuple(item for item in self._domains.items(what).known if agrees(item.ways, bound))

    def counted_by_value(self, what: Countable, bound: Bound) -> tuple[tuple[Item, ...], ...]:
        """The same, apart for each value of captures that are not known; the most first. At least one."""
        groups = items_by_binding(self.counted(what, bound))
        fitting = [items for way, items in groups.items() if agrees((way,), bound)]
        return tuple(sorted((tuple(items) for items in fitting), key=len, reverse=True)) or ((),)

    def unpreceded(self, rule: Precedence, bound: Bound) -> tuple[int, ...]:
        """Positions of the messages that come although nothing came before them."""
        firsts, thens = self._domains.of(rule.first), self._domains.of(rule.then)
        if self._is_lenient and self._losses.hiding(rule.first):
            return ()
        shared = tuple(
            dict.fromkeys(
                capture.name
                for capture in rule.first.captures
                if any(capture.name == other.name for other in rule.then.captures)
            )
        )
        earliest: dict[tuple[object, ...], int] = {}
        for position, values in _values(firsts, shared, bound):
            earliest.setdefault(values, position)
        unsure = firsts.unknown[0] if self._is_lenient and firsts.unknown else None
        preceded: dict[int, bool] = {}
        for position, values in _values(thens, shared, bound):
            first = earliest.get(values)
            is_preceded = (first is not None and first < position) or (
                unsure is not None and unsure < position
            )
            preceded[position] = preceded.get(position, False) or is_preceded
        if not self._is_lenient:
            for position in thens.unknown:
                # What cannot be told could be a `then` with any value that nothing came before.
                is_preceded = not shared and any(first < position for first in earliest.values())
                preceded[position] = is_preceded
        return tuple(sorted(position for position, is_preceded in preceded.items() if not is_preceded))

    def _is_within(self, rule: Limit, bound: Bound) -> bool:
        items = self._domains.items(rule.what)
        if self._is_lenient:
            return sum(agrees(item.ways, bound) for item in items.known) <= rule.count
        if self.hiding(rule.what):
            return False
        return sum(agrees(item.ways, bound) for item in items.known) + len(items.unknown) <= rule.count

    def _is_preceded(self, rule: Precedence, bound: Bound) -> bool:
        thens = self._domains.of(rule.then)
        is_hidden = bool(self._losses.hiding(rule.then))
        if self._is_lenient:
            is_there = any(True for _ in _values(thens, (), bound)) or bool(thens.unknown) or is_hidden
        else:
            if is_hidden:
                return False
            is_there = any(True for _ in _values(thens, (), bound))
        if rule.is_required and not is_there:
            return False
        return not self.unpreceded(rule, bound)


def _values(domain: Domain, names: tuple[str, ...], bound: Bound) -> Iterable[tuple[int, tuple[object, ...]]]:
    """Positions that fit the captures that are known, with the values of some captures."""
    if not domain.ways:
        for position in domain.positions:
            yield position, ()
        return
    for position, ways in zip(domain.positions, domain.ways, strict=True):
        for way in ways:
            if all(bound.get(name, value) == value for name, value in way):
                values = dict(way)
                yield position, tuple(values[name] for name in names)
