"""Finds messages for the steps of a claim: a search that is complete, with a limit on its work.

What cannot be is ruled out before it is tried: the bounds that order and time windows leave to each step are
kept exact as messages are chosen, captures that get a value narrow the other steps that name them, and requests
and answers narrow each other. For claims in which every message can stand for one step only, what is left is
right at the first try, so the work grows with the number of steps and the logarithm of the number of messages.

Steps that may be the same messages make the search try and come back. The step or choice at which it failed most
often is tried first (Boussemart et al., "Boosting systematic search by weighting constraints", 2004), and the
search begins anew with that knowledge now and then, so that a part that cannot be is not found out again for every
way in which the others can. As finding such messages is as hard as any search, it may still take too long: then
it gives up, and the claim is neither proved nor refuted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from harness.expect.candidates import NONE, Candidates
from harness.expect.plan import Rule, Step, captures_of
from harness.expect.problem import OpenChoice, Option, Problem
from harness.expect.ways import Binding

WORK_MAX = 1_000_000
"""Steps of work before the search gives up: a few seconds."""
_FAILURES_FIRST = 128
"""Dead ends before the search begins anew for the first time; then twice as many, and so on."""
_LOOKED_AT_MAX = 64
"""Most steps among which the next one is picked as long as no way was a dead end."""
_MATCHING_STEPS_MAX = 128
"""Most steps of which it is made sure that each can have a message of its own."""


_K = TypeVar("_K")
_V = TypeVar("_V")


class GaveUpError(Exception):
    """The search took too long; never leaves the checker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Messages for steps."""

    intervals: dict[int, tuple[int, int]]
    """First and last position of each step and block; of a single message, twice the same."""
    bound: dict[str, object]
    """Values of captures."""


class _BeginAnew(Exception):  # noqa: N818  (no error: it leaves the search for its next beginning)
    pass


class Solver:
    """Searches one problem, as often as wanted.

    Args:
        problem: what to find.
        work_max: how much work, over all searches.
    """

    def __init__(self, problem: Problem, *, work_max: int = WORK_MAX) -> None:
        self._problem = problem
        self._work_left = work_max
        self._weights: dict[int, int] = {}
        """How often each step was a dead end; choices by ``~number``."""

    def solve(self) -> Solution | None:
        """Find messages for all that the claim wants; None: there are none.

        Raises:
            GaveUpError: it cannot be told in so much work.
        """
        return self._search(None, {})

    def solve_some(self, variables: Iterable[int], placed: dict[int, Candidates]) -> Solution | None:
        """Find messages for some steps alone, without choices and rules.

        Args:
            variables: numbers of the steps and blocks.
            placed: the intervals of blocks that an option has.

        Raises:
            GaveUpError: it cannot be told in so much work.
        """
        return self._search(tuple(variables), placed)

    def _search(self, only: tuple[int, ...] | None, placed: dict[int, Candidates]) -> Solution | None:
        failures_max = _FAILURES_FIRST
        while True:
            search = _Search(self._problem, self._weights, self._work_left, failures_max)
            try:
                found = search.run(only, placed)
            except _BeginAnew:
                failures_max *= 2
                continue
            finally:
                self._work_left = search.work_left
            return found


class _Search:
    """One search from the beginning."""

    def __init__(self, problem: Problem, weights: dict[int, int], work_left: int, failures_max: int) -> None:
        self.work_left = work_left
        self._problem = problem
        self._plan = problem.plan
        self._index = problem.index
        self._weights = weights
        self._failures_left = failures_max
        count = len(self._plan.variables)
        last = len(problem.index.messages)
        self._count = count
        # Of each step: the candidates that are left, as indexes into them, and the first and last of those.
        self._candidates: list[Candidates] = [found or NONE for found in problem.candidates]
        self._left: list[Sequence[int] | None] = [None] * count
        self._starts: list[Sequence[int]] = [found.starts for found in self._candidates]
        self._ends: list[Sequence[int]] = [found.ends for found in self._candidates]
        self._low = [0] * count
        self._high = [len(starts) - 1 for starts in self._starts]
        self._is_active = [0] * count
        self._chosen = [-1] * count
        # Of each barrier: the earliest and the latest position that it can be behind.
        self._barrier_low = [-1] * self._plan.barrier_count
        self._barrier_high = [last] * self._plan.barrier_count
        self._unchosen: dict[int, None] = {}
        self._narrowed: list[int] = []
        """Steps to which, not long ago, one candidate was left; what is no longer so does no harm."""
        self._open: dict[int, OpenChoice] = {}
        self._bound: dict[str, object] = {}
        self._used: dict[int, int] = {}
        self._rules: list[Rule] = []
        self._absent: list[int] = []
        self._undo: list[Callable[[], object]] = []
        self._windows: dict[int, list[int]] = {}
        for number, window in enumerate(self._plan.windows):
            for variable in window.variables:
                self._windows.setdefault(variable, []).append(number)
        self._choice_numbers = {id(choice): number for number, choice in enumerate(problem.choices)}

    def run(self, only: tuple[int, ...] | None, placed: dict[int, Candidates]) -> Solution | None:
        """Search; None: there is nothing to be found."""
        if only is None:
            is_possible = self._activate_group(0)
        else:
            for number, interval in placed.items():
                self._lay(number, interval)
            is_possible = self._activate(only)
        if not is_possible or not self._can_be_different():
            return None
        return self._descend()

    def _descend(self) -> Solution | None:
        if self._is_done():
            return self._solution() if self._holds_at_last() else None
        stack = [(len(self._undo), self._decision())]
        while stack:
            mark, trials = stack[-1]
            self._take_back(mark)
            if not next(trials, False):
                stack.pop()
                self._count_failure()
                continue
            if not self._is_done():
                stack.append((len(self._undo), self._decision()))
            elif self._holds_at_last():
                return self._solution()
        return None

    def _is_done(self) -> bool:
        return not self._unchosen and not self._open

    def _solution(self) -> Solution:
        intervals = {}
        for number in range(self._count):
            chosen = self._chosen[number]
            if self._is_active[number] and chosen >= 0:
                found = self._candidates[number]
                intervals[number] = (found.starts[chosen], found.ends[chosen])
        return Solution(intervals=intervals, bound=dict(self._bound))

    def _work(self, amount: int = 1) -> None:
        self.work_left -= amount
        if self.work_left < 0:
            raise GaveUpError

    def _count_failure(self) -> None:
        self._failures_left -= 1
        if self._failures_left < 0:
            raise _BeginAnew

    # What is changed is remembered, to be taken back.

    def _set(self, values: MutableSequence[_V], place: int, value: _V) -> None:
        self._undo.append(partial(values.__setitem__, place, values[place]))
        values[place] = value

    def _put(self, values: dict[_K, _V], key: _K, value: _V) -> None:
        self._undo.append(partial(values.__delitem__, key))
        values[key] = value

    def _drop(self, values: dict[_K, _V], key: _K) -> None:
        self._undo.append(partial(values.__setitem__, key, values.pop(key)))

    def _append(self, values: list[_V], value: _V) -> None:
        self._undo.append(values.pop)
        values.append(value)

    def _take_back(self, mark: int) -> None:
        undo = self._undo
        while len(undo) > mark:
            undo.pop()()

    # Decisions.

    def _decision(self) -> Iterator[bool]:
        """Try, one after the other, all that can be done at the narrowest place; True: it was possible."""
        best, best_score = None, float("inf")
        weights = self._weights
        for number in self._open:
            score = len(self._open[number].options) / weights.get(~number, 1)
            if score < best_score:
                best, best_score = ~number, score
        low, high = self._low, self._high
        # As long as nothing went wrong, one place is as good as another, and to look at all of them is dear.
        looked_at = self._unchosen if weights else islice(self._unchosen, _LOOKED_AT_MAX)
        while self._narrowed:
            number = self._narrowed.pop()
            if number in self._unchosen and low[number] == high[number]:
                return self._messages(number)
        for number in looked_at:
            score = (high[number] - low[number] + 1) / weights.get(number, 1)
            if score < best_score:
                best, best_score = number, score
                if high[number] == low[number]:
                    break
        assert best is not None
        self._work(len(self._unchosen) // 16 + 1 if weights else 1)
        return self._options(~best) if best < 0 else self._messages(best)

    def _options(self, number: int) -> Iterator[bool]:
        mark = len(self._undo)
        choice = self._open[number]
        for option in choice.options:
            self._take_back(mark)
            self._work()
            self._drop(self._open, number)
            if self._take(option):
                yield True
        self._weights[~number] = self._weights.get(~number, 1) + 1

    def _take(self, option: Option) -> bool:
        if not self._bind(option.binding):
            return False
        for number in option.absent:
            self._append(self._absent, number)
            if not self._may_be_absent(number):
                return False
        if option.placed is not None and not self._place(*option.placed):
            return False
        return all(self._activate_group(group) for group in option.groups)

    def _messages(self, number: int) -> Iterator[bool]:
        mark = len(self._undo)
        starts, left = self._starts[number], self._left[number]
        candidates = self._candidates[number]
        is_step = isinstance(self._plan.variables[number], Step)
        for place in range(self._low[number], self._high[number] + 1):
            index = place if left is None else left[place]
            if is_step and starts[place] in self._used:
                continue
            for way in candidates.ways_of(index):
                self._take_back(mark)
                self._work()
                if self._choose(number, place, index, way):
                    yield True
        self._weights[number] = self._weights.get(number, 1) + 1

    def _choose(self, number: int, place: int, index: int, way: Binding) -> bool:
        self._drop(self._unchosen, number)
        self._set(self._chosen, number, index)
        self._set(self._low, number, place)
        self._set(self._high, number, place)
        position = self._starts[number][place]
        variable = self._plan.variables[number]
        if isinstance(variable, Step):
            self._put(self._used, position, number)
            if not self._link(variable, position):
                return False
        return self._spread([number], [number]) and self._bind(way) and self._can_be_different()

    # What follows from a decision.

    def _link(self, step: Step, position: int) -> bool:
        """Leave to a request, or to answers, what belongs to a message that was chosen."""
        if step.answers is not None and self._is_active[step.answers]:
            asked = self._index.answered_by(position)
            if not self._leave(step.answers, () if asked is None else (asked,)):
                return False
        answers = self._problem.answers.get(step.number)
        if not answers:
            return True
        there = self._index.answers_to(position)
        return all(self._leave(number, there) for number in answers if self._is_active[number])

    def _leave(self, number: int, positions: Sequence[int]) -> bool:
        """Leave only some messages to a step."""
        starts = self._starts[number]
        if self._chosen[number] >= 0:
            return starts[self._low[number]] in positions
        low, high = self._low[number], self._high[number]
        places = []
        for position in positions:
            place = bisect_left(starts, position, low, high + 1)
            if place <= high and starts[place] == position:
                places.append(place)
        return self._select(number, places)

    def _select(self, number: int, places: Sequence[int]) -> bool:
        """Leave only some places, ascending, to a step."""
        if not places:
            self._weights[number] = self._weights.get(number, 1) + 1
            return False
        starts, ends, left = self._starts[number], self._ends[number], self._left[number]
        self._work(len(places) // 8 + 1)
        indexes = list(places) if left is None else [left[place] for place in places]
        self._set(self._left, number, indexes)
        fewer = [starts[place] for place in places]
        self._set(self._starts, number, fewer)
        self._set(self._ends, number, fewer if ends is starts else [ends[place] for place in places])
        self._set(self._low, number, 0)
        self._set(self._high, number, len(places) - 1)
        if len(places) == 1:
            self._narrowed.append(number)
        return self._spread([number], [number])

    def _bind(self, way: Binding) -> bool:
        for name, value in way:
            if name in self._bound:
                if self._bound[name] != value:
                    return False
                continue
            self._put(self._bound, name, value)
            for number in tuple(self._unchosen):
                if not self._narrow(number, name, value):
                    return False
        return not way or all(self._may_hold(rule, way) for rule in self._rules)

    def _narrow(self, number: int, name: str, value: object) -> bool:
        """Leave to a step what has the value of a capture."""
        candidates = self._candidates[number]
        if name not in candidates.by_value:
            return True
        having = candidates.having(name, value)
        low, high, left = self._low[number], self._high[number], self._left[number]
        if left is None:
            first, behind = bisect_left(having, low), bisect_right(having, high)
            return self._select(number, having[first:behind])
        fitting = frozenset(having)
        return self._select(number, [place for place in range(low, high + 1) if left[place] in fitting])

    def _may_hold(self, rule: Rule, way: Binding) -> bool:
        """Whether a rule holds with captures that have just got values, or cannot be judged yet."""
        names = self._problem.rule_captures(rule)
        if not names <= self._bound.keys() or names.isdisjoint(name for name, _ in way):
            return True
        return self._problem.rule_book.holds(rule, self._bound)

    def _activate_group(self, group: int) -> bool:
        variables, choices, rules = self._problem.in_group(group)
        for rule in rules:
            self._append(self._rules, rule)
            names = self._problem.rule_captures(rule)
            if names <= self._bound.keys() and not self._problem.rule_book.holds(rule, self._bound):
                return False
        for choice in choices:
            number = self._choice_numbers[id(choice)]
            self._put(self._open, number, choice)
        return self._activate(
            [
                variable.number
                for variable in variables
                if self._problem.candidates[variable.number] is not None
            ]
        )

    def _place(self, number: int, candidates: Candidates) -> bool:
        """Activate a block whose intervals an option has."""
        self._lay(number, candidates)
        return self._activate((number,))

    def _lay(self, number: int, candidates: Candidates) -> None:
        """Give a block its intervals."""
        self._set(self._candidates, number, candidates)
        self._set(self._starts, number, candidates.starts)
        self._set(self._ends, number, candidates.ends)
        self._set(self._low, number, 0)
        self._set(self._high, number, len(candidates.starts) - 1)

    def _activate(self, numbers: Sequence[int]) -> bool:
        """Let steps and blocks take part in the search."""
        for number in numbers:
            self._put(self._unchosen, number, None)
            self._set(self._is_active, number, 1)
            if self._high[number] < 0:
                return False
        # The last of each list is taken first: bounds rise from the first step on, and fall from the last one on.
        before: dict[int, None] = {}
        behind: dict[int, None] = {}
        for number in numbers:
            before.update(
                dict.fromkeys(node for node in self._problem.predecessors[number] if node >= self._count)
            )
            behind.update(
                dict.fromkeys(node for node in self._problem.successors[number] if node >= self._count)
            )
        rising = [*reversed(numbers), *before]
        falling = [*numbers, *behind]
        if not self._spread(rising, falling):
            return False
        for number in numbers:
            variable = self._plan.variables[number]
            if isinstance(variable, Step) and not self._link_to_chosen(variable):
                return False
        return all(
            self._narrow(number, name, value) for name, value in self._bound.items() for number in numbers
        )

    def _link_to_chosen(self, step: Step) -> bool:
        """Leave to a new step what belongs to messages that were chosen before."""
        for other in (step.answers, *self._problem.answers.get(step.number, ())):
            if other is not None and self._is_active[other] and self._chosen[other] >= 0:
                asked = self._plan.variables[other]
                assert isinstance(asked, Step)
                if not self._link(asked, self._starts[other][self._low[other]]):
                    return False
        return True

    def _spread(self, rising: list[int], falling: list[int]) -> bool:
        """Bring the bounds of all nodes up to date after those of some have changed."""
        count = self._count
        starts, ends, low, high = self._starts, self._ends, self._low, self._high
        is_active = self._is_active
        barrier_low, barrier_high = self._barrier_low, self._barrier_high
        successors, predecessors = self._problem.successors, self._problem.predecessors
        touched: set[int] = {node for node in (*rising, *falling) if node in self._windows}
        while True:
            while rising:
                node = rising.pop()
                done = ends[node][low[node]] if node < count else barrier_low[node - count]
                self._work(len(successors[node]))
                for after in successors[node]:
                    if after >= count:
                        if barrier_low[after - count] < done:
                            if done > barrier_high[after - count]:
                                return False
                            self._set(barrier_low, after - count, done)
                            rising.append(after)
                    elif is_active[after] and starts[after][low[after]] <= done:
                        place = bisect_right(starts[after], done, low[after], high[after] + 1)
                        if place > high[after]:
                            return self._wipe_out(after)
                        self._set(low, after, place)
                        rising.append(after)
                        touched.add(after)
            while falling:
                node = falling.pop()
                limit = starts[node][high[node]] - 1 if node < count else barrier_high[node - count]
                self._work(len(predecessors[node]))
                for prior in predecessors[node]:
                    if prior >= count:
                        if barrier_high[prior - count] > limit:
                            if limit < barrier_low[prior - count]:
                                return False
                            self._set(barrier_high, prior - count, limit)
                            falling.append(prior)
                    elif is_active[prior] and ends[prior][high[prior]] > limit:
                        place = bisect_right(ends[prior], limit, low[prior], high[prior] + 1) - 1
                        if place < low[prior]:
                            return self._wipe_out(prior)
                        self._set(high, prior, place)
                        falling.append(prior)
                        touched.add(prior)
            if not touched:
                return True
            windows = sorted({number for node in touched for number in self._windows.get(node, ())})
            touched = set()
            for number in windows:
                if not self._keep_together(number, rising, falling):
                    return False
            touched.update(node for node in (*rising, *falling) if node in self._windows)

    def _wipe_out(self, number: int) -> bool:
        self._weights[number] = self._weights.get(number, 1) + 1
        return False

    def _keep_together(self, window_number: int, rising: list[int], falling: list[int]) -> bool:
        """Draw the steps of a window together; what changed is added to the lists."""
        window = self._plan.windows[window_number]
        active = [number for number in window.variables if self._is_active[number]]
        if not active:
            return True
        starts, ends, low, high = self._starts, self._ends, self._low, self._high
        clock = self._problem.clock
        self._work(len(active))
        # Times go back now and then in captures, so bounds are taken where they are sure.
        latest_end_ns = max(clock.time_from(ends[number][low[number]]) for number in active)
        earliest_start_ns = min(clock.time_until(starts[number][high[number]]) for number in active)
        first = clock.first_position(latest_end_ns - window.duration_ns)
        last = clock.last_position(earliest_start_ns + window.duration_ns)
        for number in active:
            place = bisect_left(starts[number], first, low[number], high[number] + 1)
            if place > high[number]:
                return self._wipe_out(number)
            if place != low[number]:
                self._set(low, number, place)
                rising.append(number)
            place = bisect_right(ends[number], last, low[number], high[number] + 1) - 1
            if place < low[number]:
                return self._wipe_out(number)
            if place != high[number]:
                self._set(high, number, place)
                falling.append(number)
        return True

    # At last.

    def _holds_at_last(self) -> bool:
        """What can be judged only when every message is chosen."""
        if not all(self._problem.rule_book.holds(rule, self._bound) for rule in self._rules):
            return False
        for window in self._plan.windows:
            if not self._is_within(window.variables, window.duration_ns):
                return False
        return all(self._is_absent(number) for number in self._absent)

    def _is_within(self, variables: Sequence[int], duration_ns: int) -> bool:
        members = [
            position
            for number in variables
            if self._is_active[number]
            for position in (self._starts[number][self._low[number]], self._ends[number][self._low[number]])
        ]
        times_ns = [self._index.messages[position].time_ns for position in members]
        return not times_ns or max(times_ns) - min(times_ns) <= duration_ns

    def _is_absent(self, number: int) -> bool:
        variable = self._plan.variables[number]
        asked = None
        if isinstance(variable, Step) and variable.answers is not None:
            if not self._is_active[variable.answers]:
                return True
            asked = self._starts[variable.answers][self._low[variable.answers]]
        problem = self._problem
        return problem.rule_book.is_absent(variable, self._bound, {*self._used, *problem.spare}, asked)

    def _may_be_absent(self, number: int) -> bool:
        """Whether other steps could use up all messages of an optional step that is left out."""
        variable = self._plan.variables[number]
        if captures_of(variable) or (isinstance(variable, Step) and variable.answers is not None):
            # Which messages count is known only when others are chosen.
            return True
        problem = self._problem
        return len(problem.there(number) - problem.spare) <= problem.rival_count(number)

    def _can_be_different(self) -> bool:
        """Whether every step can have a message of its own, going by bounds alone."""
        if len(self._unchosen) > _MATCHING_STEPS_MAX:
            return True
        low, high, variables = self._low, self._high, self._plan.variables
        steps = [number for number in self._unchosen if isinstance(variables[number], Step)]
        # A step with as many messages to choose from as there are steps always finds one.
        wanted = len(steps) + len(self._used)
        scarce = [number for number in steps if high[number] - low[number] + 1 < wanted]
        taken_by: dict[int, int] = {}
        for number in scarce:
            if not self._find_own(number, taken_by, set(self._used)):
                return self._wipe_out(number)
        return True

    def _find_own(self, number: int, taken_by: dict[int, int], seen: set[int]) -> bool:
        """Give a message to a step, moving others to other messages; an augmenting path, in Kuhn's terms."""
        starts = self._starts[number]
        for place in range(self._low[number], self._high[number] + 1):
            position = starts[place]
            if position in seen:
                continue
            self._work()
            seen.add(position)
            if position not in taken_by or self._find_own(taken_by[position], taken_by, seen):
                taken_by[position] = number
                return True
        return False
