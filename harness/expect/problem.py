"""A plan on the messages of a scope: what each step may be, which ways are open, and which rules hold.

Strictly, only messages that match for certain stand for steps. Leniently, messages that cannot be told may, and a
step that the capture may hide needs none: it is left out, with all that it would order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.expect.candidates import (
    Candidates,
    items_by_binding,
    single_candidates,
    smallest_intervals,
    whole_interval,
)
from harness.expect.clock import Clock
from harness.expect.domain import Domains, Item, Items
from harness.expect.losses import Losses
from harness.expect.message_index import answered_number
from harness.expect.plan import Block, Plan, Rule, Step, Variable, captures_of, captures_of_rule
from harness.expect.rules import RuleBook
from harness.expect.ways import Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way that is open at a choice."""

    groups: tuple[int, ...] = ()
    """Parts of the plan that hold then."""
    binding: Binding = ()
    """Captures that get a value."""
    placed: tuple[int, Candidates] | None = None
    """A block, and the interval that it then takes."""
    absent: tuple[int, ...] = ()
    """Steps of which there may then be nothing that is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChoice:
    """Ways of which one has to be taken."""

    group: int
    options: Sequence[Option]


class Problem:
    """One plan, one trace, and one of the two ways to judge.

    Args:
        plan: the expectation.
        domains: the messages.
        losses: what may be hidden.
        is_lenient: whether what is hidden may help.
        is_linked: whether requests that nothing answers are left out beforehand; a search for parts of the
            claim wants them.
    """

    def __init__(
        self, plan: Plan, domains: Domains, losses: Losses, *, is_lenient: bool, is_linked: bool = True
    ) -> None:
        self.plan = plan
        self.domains = domains
        self.losses = losses
        self.index = domains.index
        self.is_lenient = is_lenient
        self._singles: dict[int, Candidates] = {}
        self._there: dict[int, frozenset[int]] = {}
        self._rival_counts: dict[int, int] = {}
        self._rule_captures: dict[int, frozenset[str]] = {}
        self.rule_book = RuleBook(domains, losses, is_lenient=is_lenient)
        self.candidates: list[Candidates | None] = []
        """Of each step; None: the step needs no message. Of blocks with captures, the option has them."""
        self.choices: list[OpenChoice] = [
            OpenChoice(
                group=choice.group,
                options=[
                    Option(
                        groups=groups,
                        absent=choice.absent if index == len(choice.alternatives) - 1 else (),
                    )
                    for index, groups in enumerate(choice.alternatives)
                ],
            )
            for choice in plan.choices
        ]
        for variable in plan.variables:
            match variable:
                case Step():
                    self.candidates.append(self._step_candidates(variable))
                case Block():
                    self.candidates.append(self._block_candidates(variable))
        if is_linked:
            self._link_both_ways()
        self.successors, self.predecessors = _neighbours(plan)

    @cached_property
    def clock(self) -> Clock:
        """Times of the messages."""
        return Clock([message.time_ns for message in self.index.messages])

    @cached_property
    def spare(self) -> frozenset[int]:
        """Messages that could stand for steps that need none, as their own may be hidden."""
        return frozenset(
            position
            for variable, found in zip(self.plan.variables, self.candidates, strict=True)
            if found is None and isinstance(variable, Step)
            for position in self.domains.of(variable.pattern).positions
        )

    @cached_property
    def answers(self) -> dict[int, list[int]]:
        """Of each step that is answered, the steps that answer it."""
        found: dict[int, list[int]] = {}
        for variable in self.plan.variables:
            if isinstance(variable, Step) and variable.answers is not None:
                found.setdefault(variable.answers, []).append(variable.number)
        return found

    @cached_property
    def capture_names(self) -> frozenset[str]:
        """Captures that steps and blocks may give values to."""
        return frozenset(name for variable in self.plan.variables for name in captures_of(variable))

    def there(self, number: int) -> frozenset[int]:
        """Positions of the messages of a step or block, the last ones of what is counted."""
        found = self._there.get(number)
        if found is None:
            variable = self.plan.variables[number]
            what = variable.pattern if isinstance(variable, Step) else variable.what
            found = self._there[number] = frozenset(item.end for item in self.domains.items(what).known)
        return found

    def rival_count(self, number: int) -> int:
        """How many other steps could stand for messages of a step or block."""
        found = self._rival_counts.get(number)
        if found is None:
            there = self.there(number)
            found = self._rival_counts[number] = sum(
                not there.isdisjoint(self.there(other.number))
                for other in self.plan.variables
                if isinstance(other, Step) and other.number != number
            )
        return found

    def rule_captures(self, rule: Rule) -> frozenset[str]:
        """Captures in a rule that steps and blocks may give values to; the others stand for any value."""
        found = self._rule_captures.get(id(rule))
        if found is None:
            found = frozenset(captures_of_rule(rule)) & self.capture_names
            self._rule_captures[id(rule)] = found
        return found

    def in_group(self, group: int) -> tuple[list[Variable], list[OpenChoice], list[Rule]]:
        """What holds together with a group."""
        return self._by_group.get(group, ([], [], []))

    @cached_property
    def _by_group(self) -> dict[int, tuple[list[Variable], list[OpenChoice], list[Rule]]]:
        found: dict[int, tuple[list[Variable], list[OpenChoice], list[Rule]]] = {}
        for variable in self.plan.variables:
            found.setdefault(variable.group, ([], [], []))[0].append(variable)
        for choice in self.choices:
            found.setdefault(choice.group, ([], [], []))[1].append(choice)
        for rule in self.plan.rules:
            found.setdefault(rule.group, ([], [], []))[2].append(rule)
        return found

    # Steps.

    def _step_candidates(self, step: Step) -> Candidates | None:
        if self.is_lenient and self._may_be_hidden(step):
            return None
        domain = self.domains.of(step.pattern)
        found = self._singles.get(id(domain))
        if found is None:
            # Domains live as long as their patterns, so that their ids stay their own.
            found = self._singles[id(domain)] = single_candidates(domain, with_unknown=self.is_lenient)
        return found

    def _may_be_hidden(self, step: Step) -> bool:
        if not self.rule_book.hiding(step.pattern):
            return False
        answers = [
            variable
            for variable in self.plan.variables
            if isinstance(variable, Step) and variable.answers == step.number and variable.group == step.group
        ]
        for answer in answers:
            if self.rule_book.hiding(answer.pattern):
                continue
            # The answer is there if it came; so its request is known, unless it names none of the trace.
            domain = self.domains.of(answer.pattern)
            if not any(self._is_orphan(position) for position in (*domain.positions, *domain.unknown)):
                return False
        return True

    def _is_orphan(self, position: int) -> bool:
        number = answered_number(self.index.messages[position])
        return number is None or self.index.positions.get(number) is None

    def _link_both_ways(self) -> None:
        """Leave out requests that nothing answers, and answers to other requests."""
        known: dict[tuple[int, int, bool], tuple[Candidates, ...]] = {}
        for step in self.plan.variables:
            if not isinstance(step, Step) or step.answers is None:
                continue
            answers, requests = self.candidates[step.number], self.candidates[step.answers]
            if answers is None or requests is None:
                continue
            is_always = self._is_always_answered(step)
            # Steps of one pattern share their candidates: what was found for one pair holds for all.
            key = (id(answers), id(requests), is_always)
            linked = known.get(key)
            if linked is None:
                linked = known[key] = (*self._linked(answers, requests, is_always), answers, requests)
            self.candidates[step.number], self.candidates[step.answers] = linked[:2]

    def _linked(
        self, answers: Candidates, requests: Candidates, is_always_answered: bool
    ) -> tuple[Candidates, Candidates]:
        asked = frozenset(requests.starts)
        answered_by = self.index.answered_by
        found = [answered_by(position) for position in answers.starts]
        kept_answers, kept_requests = answers, requests
        if any(request not in asked for request in found):
            kept_answers = _selected(
                answers, [index for index, request in enumerate(found) if request in asked]
            )
        if is_always_answered:
            answered = frozenset(request for request in found if request in asked)
            if len(answered) < len(asked):
                kept = [index for index, start in enumerate(requests.starts) if start in answered]
                kept_requests = _selected(requests, kept)
        return kept_answers, kept_requests

    def _is_always_answered(self, answer: Step) -> bool:
        """Whether the request may not come without its answer, which may be optional."""
        assert answer.answers is not None
        return self.plan.variables[answer.answers].group == answer.group

    # Blocks.

    def _block_candidates(self, block: Block) -> Candidates | None:
        items = self.domains.items(block.what)
        is_hidden = bool(self.rule_book.hiding(block.what))
        if block.is_exact:
            self._open_exact(block, items, is_hidden=is_hidden)
            return None
        if self.is_lenient and is_hidden:
            return None
        some = _merged(items) if self.is_lenient else items.known
        if not captures_of(block):
            return smallest_intervals(some, block.count)
        self._open_by_value(block, some, items)
        return None

    def _open_exact(self, block: Block, items: Items, *, is_hidden: bool) -> None:
        """All that counts has to stand in its place, for a count that is right or could be."""
        may_be_more = self.is_lenient and is_hidden
        options = []
        by_binding = items_by_binding(items.known) if captures_of(block) else {(): list(items.known)}
        for binding, some in by_binding.items():
            if self._counts(block.count, len(some), len(items.unknown), is_hidden=is_hidden) and some:
                options.append(Option(binding=binding, placed=(block.number, whole_interval(some))))
        if (
            self.is_lenient
            and (may_be_more or len(items.unknown) >= block.count)
            and not (not captures_of(block) and items.known)
        ):
            options.append(Option())
        self.choices.append(OpenChoice(group=block.group, options=options))

    def _counts(self, count: int, known_count: int, unknown_count: int, *, is_hidden: bool) -> bool:
        if self.is_lenient:
            return known_count <= count and (is_hidden or known_count + unknown_count >= count)
        return known_count == count and not unknown_count and not is_hidden

    def _open_by_value(self, block: Block, some: Sequence[Item], items: Items) -> None:
        unsure = frozenset(items.unknown) if self.is_lenient else frozenset()
        known = [item for item in some if item not in unsure]
        options = []
        for binding, of_value in items_by_binding(known).items():
            found = smallest_intervals(sorted({*of_value, *unsure}), block.count)
            if found.starts:
                options.append(Option(binding=binding, placed=(block.number, found)))
        if len(unsure) >= block.count:
            found = smallest_intervals(sorted(unsure), block.count)
            options.append(Option(placed=(block.number, found)))
        self.choices.append(OpenChoice(group=block.group, options=options))


def _merged(items: Items) -> Sequence[Item]:
    return sorted((*items.known, *items.unknown)) if items.unknown else items.known


def _selected(candidates: Candidates, kept: list[int]) -> Candidates:
    """Some of the candidates, by index."""
    starts = [candidates.starts[index] for index in kept]
    if not candidates.ways:
        return Candidates(starts, starts)
    ways = [candidates.ways[index] for index in kept]
    by_value: dict[str, dict[object, list[int]]] = {}
    was_wild = frozenset(candidates.wild)
    wild = []
    for index, old in enumerate(kept):
        if old in was_wild:
            wild.append(index)
        for name, value in {pair for way in ways[index] for pair in way}:
            by_value.setdefault(name, {}).setdefault(value, []).append(index)
    return Candidates(starts, starts, ways, by_value, tuple(wild))


def _neighbours(plan: Plan) -> tuple[list[list[int]], list[list[int]]]:
    """What comes right after, and right before, each node: variables, then barriers."""
    count = len(plan.variables)
    successors: list[list[int]] = [[] for _ in range(count + plan.barrier_count)]
    predecessors: list[list[int]] = [[] for _ in range(count + plan.barrier_count)]
    for first, then in plan.edges:
        before = first if first >= 0 else count + ~first
        behind = then if then >= 0 else count + ~then
        successors[before].append(behind)
        predecessors[behind].append(before)
    return successors, predecessors
