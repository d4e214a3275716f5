"""Why a claim does not hold: what of it can be found, line by line, and what comes nearest to the rest.

Lines are taken in the order in which the claim names them. Each is added to those that were found before, if
messages for all of them can be found together; else it is missing, and the next one is tried without it. Of the
nodes of a quorum those are taken with which most can be found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice, product, takewhile

from harness.expect.candidates import Candidates, smallest_intervals, whole_interval
from harness.expect.expectation import Countable
from harness.expect.message_index import MessageIndex
from harness.expect.nearest import asked_position, before, nearest, packet_text
from harness.expect.pattern import Pattern
from harness.expect.plan import Block, Limit, Outline, Precedence, Rule, Step
from harness.expect.problem import Problem
from harness.expect.solver import GaveUpError, Solution, Solver
from harness.expect.transcript import (
    captured_values,
    counted_note,
    evidence_of_items,
    folded,
    found_line,
    heading_line,
    left_out_line,
    required_in,
    variables_in,
)
from harness.expect.verdict import Evidence, StepState, TranscriptStep, evidence_of

_NEAREST_MAX = 5
"""Most missing steps for which the nearest message is looked for."""
_REASONS_MAX = 6
_SHOWN_MAX = 3
"""Most messages that one line points to where more could be named."""
_PICKS_MAX = 64
"""Most ways to pick the nodes of quorums that are tried."""

_Picks = dict[int, frozenset[int]]
"""Of each quorum, by the number of its choice: indexes of the nodes that are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why a claim does not hold."""

    reasons: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    transcript: tuple[TranscriptStep, ...]
    captured: tuple[tuple[str, str], ...]


def diagnose(problem: Problem, *, is_conclusive: bool, work_max: int) -> Diagnosis:
    """Explain why there is no solution.

    Args:
        problem: the claim and the trace, judged strictly, requests and answers not linked beforehand.
        is_conclusive: whether what may be hidden could not help either.
        work_max: how much work the searches may take together.
    """
    solver = Solver(problem, work_max=work_max)
    every = [
        _Attempt(problem, solver, picks) for picks in islice(_ways_to_pick(problem.plan.outline), _PICKS_MAX)
    ]
    if len(every) > 1:
        best = max(every, key=lambda attempt: attempt.take_all())
    else:
        (best,) = every
        best.take_all()
    return _Report(problem, best, is_conclusive).diagnosis()


def _ways_to_pick(outline: Outline) -> Iterator[_Picks]:
    quorums = list(_quorums_in(outline))
    ways = [
        [
            frozenset(some)
            for some in islice(combinations(range(len(quorum.children)), quorum.needed or 0), _PICKS_MAX)
        ]
        for quorum in quorums
    ]
    for way in product(*ways):
        yield {quorum.choice or 0: some for quorum, some in zip(quorums, way, strict=True)}


def _quorums_in(outline: Outline) -> Iterator[Outline]:
    if outline.needed is not None:
        yield outline
    for child in (*outline.children, *outline.rest):
        yield from _quorums_in(child)


class _Attempt:
    """Finds as much of a claim as can be found together, for one way to pick the nodes of quorums."""

    def __init__(self, problem: Problem, solver: Solver, picks: _Picks) -> None:
        self.picks = picks
        self.found = Solution(intervals={}, bound={})
        self.has_given_up = False
        self._problem = problem
        self._solver = solver
        self._accepted: dict[int, None] = {}
        self._placed: dict[int, Candidates] = {}

    def take_all(self) -> tuple[int, int]:
        """Go through the whole claim; give how many steps were found, and of how many nodes of quorums all."""
        self._take(self._problem.plan.outline)
        complete = [
            index
            for quorum in _quorums_in(self._problem.plan.outline)
            for index in self.picks[quorum.choice or 0]
            if self.is_found(quorum.children[index])
        ]
        return len(self._accepted), len(complete)

    def is_found(self, outline: Outline) -> bool:
        """Whether everything required of a part was found."""
        return all(number in self._accepted for number in required_in(outline))

    def _take(self, outline: Outline) -> None:
        if outline.needed is not None:
            for index, child in enumerate(outline.children):
                if index in self.picks[outline.choice or 0]:
                    self._take(child)
                elif outline.rest:
                    self._take(outline.rest[index])
        elif outline.choice is not None:
            (child,) = outline.children
            if self._accept(required_in(child)):
                self._take(child)
        elif not outline.children:
            self._accept_most(list(outline.variables))
        else:
            self._accept_most(list(takewhile(lambda number: number >= 0, _leading(outline))))
            for child in outline.children:
                self._take(child)

    def _accept_most(self, numbers: list[int]) -> None:
        """Add as many steps as can be, earlier ones first; all at once where that is possible."""
        if not numbers or self._accept(numbers) or len(numbers) == 1:
            return
        half = len(numbers) // 2
        self._accept_most(numbers[:half])
        self._accept_most(numbers[half:])

    def _accept(self, numbers: Iterable[int]) -> bool:
        """Add steps to those that were found, if messages for all of them can be found together."""
        numbers = [number for number in numbers if number not in self._accepted]
        if not numbers:
            return True
        placed = dict(self._placed)
        for number in numbers:
            variable = self._problem.plan.variables[number]
            if isinstance(variable, Block):
                interval = self._interval(variable)
                if interval is None:
                    return False
                placed[number] = interval
        try:
            solution = self._solver.solve_some([*self._accepted, *numbers], placed)
        except GaveUpError:
            self.has_given_up = True
            return False
        if solution is None:
            return False
        self.found, self._placed = solution, placed
        self._accepted.update(dict.fromkeys(numbers))
        return True

    def _interval(self, block: Block) -> Candidates | None:
        """Where a block may be, with the captures that are known."""
        for items in self._problem.rule_book.counted_by_value(block.what, self.found.bound):
            if not block.is_exact:
                found = smallest_intervals(items, block.count)
                return found if found.starts else None
            if len(items) == block.count:
                return whole_interval(items)
        return None


def _leading(outline: Outline) -> Iterator[int]:
    """Steps and blocks up to the first choice, for which -1 stands."""
    yield from outline.variables
    if outline.choice is not None:
        yield -1
        return
    for child in outline.children:
        yield from _leading(child)


@dataclass(slots=True)
class _Report:
    """Words what was found and what not."""

    problem: Problem
    attempt: _Attempt
    is_conclusive: bool
    reasons: list[str] = field(default_factory=list)
    evidence: dict[int, Evidence] = field(default_factory=dict)
    missing_count: int = 0
    hidden: list[str] = field(default_factory=list)
    """Why what is missing may be hidden, of the first step of which it may."""

    @property
    def _index(self) -> MessageIndex:
        return self.problem.index

    @property
    def _found(self) -> Solution:
        return self.attempt.found

    def diagnosis(self) -> Diagnosis:
        lines = tuple(self._lines(self.problem.plan.outline, 0))
        if not self.reasons:
            self.reasons.append("each step can be found, but not all of them together")
        if not self.is_conclusive:
            self.reasons += [f"it may be hidden: {text}" for text in self.hidden]
        if self.attempt.has_given_up:
            self.reasons.append("the search for what was found gave up; there may be more")
        return Diagnosis(
            reasons=tuple(self.reasons[:_REASONS_MAX]),
            evidence=tuple(self.evidence[number] for number in sorted(self.evidence)),
            transcript=lines,
            captured=captured_values(self._found),
        )

    def _lines(self, outline: Outline, depth: int) -> Iterator[TranscriptStep]:
        outline = folded(outline)
        if outline.rule is not None:
            yield self._rule_line(outline, self.problem.plan.rules[outline.rule], depth)
        elif outline.variables and not outline.children:
            yield self._variable_line(outline, depth)
        elif outline.choice is not None and outline.needed is None:
            yield from self._optional_lines(outline, depth)
        else:
            yield heading_line(self.problem, outline, self._found, depth)
            for index, child in enumerate(outline.children):
                if outline.needed is None or index in self.attempt.picks[outline.choice or 0]:
                    yield from self._lines(child, depth + 1)
                elif outline.rest:
                    rest = outline.rest[index]
                    yield from self._lines(replace(rest, text=f"{rest.text}, in the background"), depth + 1)
                else:
                    yield left_out_line(child, depth + 1, is_node=True)

    def _optional_lines(self, outline: Outline, depth: int) -> Iterator[TranscriptStep]:
        (child,) = outline.children
        if next(variables_in(child), None) is not None and self.attempt.is_found(child):
            yield TranscriptStep(depth=depth, text=outline.text, state=StepState.HEADING)
            yield from self._lines(child, depth + 1)
            return
        choice = self.problem.plan.choices[outline.choice or 0]
        there = [position for number in choice.absent for position in self._unused(number)]
        text = f"{outline.text}: {folded(child).text}"
        if not there:
            self._note_hidden(
                [reason for number in choice.absent for reason in self._hidden_of_variable(number)]
            )
            yield left_out_line(replace(outline, text=text, children=()), depth, is_node=False)
            return
        note = "it is there, but not in its place"
        messages = self._shown(there, text)
        self._blame(f"{text}: {note}", messages)
        yield TranscriptStep(depth=depth, text=text, state=StepState.BROKEN, messages=messages, note=note)

    def _unused(self, number: int) -> list[int]:
        """Positions of messages that an optional step could be, and that stand for nothing else."""
        variable = self.problem.plan.variables[number]
        used = {start for start, _ in self._found.intervals.values()}
        what = variable.pattern if isinstance(variable, Step) else variable.what
        asked = asked_position(variable, self._found) if isinstance(variable, Step) else None
        return [
            item.end
            for item in self.problem.rule_book.counted(what, self._found.bound)
            if item.end not in used and (asked is None or self._index.answered_by(item.end) == asked)
        ]

    # Steps and blocks.

    def _variable_line(self, outline: Outline, depth: int) -> TranscriptStep:
        number = outline.variables[0]
        if number in self._found.intervals:
            return found_line(self.problem, outline, self._found, depth)
        variable = self.problem.plan.variables[number]
        if isinstance(variable, Block):
            return self._broken_block(variable, outline, depth)
        return self._missing_step(variable, outline, depth)

    def _missing_step(self, step: Step, outline: Outline, depth: int) -> TranscriptStep:
        self.missing_count += 1
        near = None
        if self.missing_count <= _NEAREST_MAX:
            near = nearest(self.problem, step, self._found)
        shown: list[Evidence] = []
        reason = f"not found: {outline.text}"
        asked = asked_position(step, self._found)
        if asked is not None:
            message = self._index.messages[asked]
            reason += f", which answers {packet_text(message)}"
            shown.append(evidence_of(message, f"not answered by: {outline.text}"))
        if near is not None:
            shown += [near.message] if near.other is None else [near.message, near.other]
        if not shown:
            shown += self._last_before(step, outline.text)
        if self.missing_count == 1:
            self._blame(reason, tuple(shown))
        hidden = self._hidden_reasons(step.pattern)
        self._note_hidden(hidden)
        state = StepState.HIDDEN if hidden and not self.is_conclusive else StepState.MISSING
        return TranscriptStep(depth=depth, text=outline.text, state=state, nearest=near)

    def _last_before(self, step: Step, text: str) -> list[Evidence]:
        """The message behind which it would have to come."""
        intervals = self._found.intervals
        ends = [
            intervals[number][1] for number in before(self.problem.plan, step.number) if number in intervals
        ]
        return [evidence_of(self._index.messages[max(ends)], f"nothing behind it is: {text}")] if ends else []

    def _broken_block(self, block: Block, outline: Outline, depth: int) -> TranscriptStep:
        items = self.problem.rule_book.counted_by_value(block.what, self._found.bound)[0]
        note = f"{len(items)} seen" if items else "none seen"
        if len(items) == block.count or (len(items) > block.count and not block.is_exact):
            note += ", but not all in this place"
        messages = evidence_of_items(self._index, items, outline.text)
        self._blame(f"{outline.text}: {note}", messages)
        hidden = self._hidden_reasons(block.what)
        self._note_hidden(hidden)
        state = StepState.HIDDEN if hidden and not self.is_conclusive else StepState.BROKEN
        return TranscriptStep(depth=depth, text=outline.text, state=state, messages=messages, note=note)

    # What is counted.

    def _rule_line(self, outline: Outline, rule: Rule, depth: int) -> TranscriptStep:
        bound = self._found.bound
        note = counted_note(self.problem, rule, bound)
        line = TranscriptStep(depth=depth, text=outline.text, state=StepState.HOLDS, note=note)
        if self.problem.rule_book.holds(rule, bound):
            return line
        messages = self._against(rule, outline.text)
        if messages and isinstance(rule, Precedence):
            frames = ", ".join(str(message.frame_last) for message in messages)
            note = f"nothing of the kind comes before packet {frames}"
        hidden = self._hidden_of_rule(rule)
        self._blame(f"{outline.text}: {note}", messages)
        self._note_hidden(hidden)
        is_hidden = bool(hidden) and not messages and not self.is_conclusive
        state = StepState.HIDDEN if is_hidden else StepState.BROKEN
        return replace(line, state=state, messages=messages, note=note)

    def _against(self, rule: Rule, text: str) -> tuple[Evidence, ...]:
        """The messages that a rule does not allow."""
        bound = self._found.bound
        match rule:
            case Limit():
                items = self.problem.rule_book.counted(rule.what, bound)
                return evidence_of_items(self._index, items, text) if len(items) > rule.count else ()
            case Precedence():
                known = frozenset(self.problem.domains.of(rule.then).positions)
                positions = [
                    position
                    for position in self.problem.rule_book.unpreceded(rule, bound)
                    if position in known
                ]
                return self._shown(positions, text)

    # What may be hidden.

    def _hidden_of_rule(self, rule: Rule) -> list[str]:
        match rule:
            case Limit():
                return self._hidden_reasons(rule.what)
            case Precedence():
                return self._hidden_reasons(rule.then) or self._hidden_reasons(rule.first)

    def _hidden_of_variable(self, number: int) -> list[str]:
        variable = self.problem.plan.variables[number]
        return self._hidden_reasons(variable.pattern if isinstance(variable, Step) else variable.what)

    def _hidden_reasons(self, what: Countable) -> list[str]:
        """Why some of what is meant may be there without being seen."""
        found = list(self.problem.rule_book.hiding(what))
        patterns = (what,) if isinstance(what, Pattern) else (what.request, what.answer)
        unknown = [position for pattern in patterns for position in self.problem.domains.of(pattern).unknown]
        if unknown:
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            first = packet_text(self._index.messages[unknown[0]])
            found.append(f"{first}{more} cannot be decoded so far that it could be told")
        return found

    def _note_hidden(self, reasons: list[str]) -> None:
        if reasons and not self.hidden:
            self.hidden = reasons

    def _shown(self, positions: Sequence[int], text: str) -> tuple[Evidence, ...]:
        return tuple(evidence_of(self._index.messages[position], text) for position in positions[:_SHOWN_MAX])

    def _blame(self, reason: str, messages: tuple[Evidence, ...]) -> None:
        self.reasons.append(reason)
        for message in messages:
            self.evidence.setdefault(message.number, message)
