"""Takes an expectation apart into a plan: fills in nodes, links answers, puts barriers between steps."""

from dataclasses import dataclass, field, replace
from itertools import combinations
from math import comb

from harness.errors import ExpectationError
from harness.events.message import Protocol
from harness.expect.expectation import (
    AnyOrder,
    AtLeast,
    AtMost,
    Before,
    Countable,
    Each,
    Exactly,
    Exchange,
    Expectation,
    InBackground,
    InOrder,
    OnlyAfterReply,
    Optional,
    Quorum,
    Within,
    can_answer,
    heading_of,
    in_order_text,
)
from harness.expect.filled import answering, filled
from harness.expect.pattern import Pattern
from harness.expect.plan import (
    Block,
    Choice,
    Limit,
    Outline,
    Plan,
    Precedence,
    Rule,
    Step,
    Variable,
    Window,
)

QUORUMS_MAX = 10_000
"""Most ways to choose the nodes of one quorum."""
STEPS_MAX = 50_000
"""Most messages that one expectation may speak of."""


def plan_of(expectation: Expectation) -> Plan:
    """Take an expectation apart.

    Raises:
        ExpectationError: it makes no sense: an answer without a request, ``only_after_reply`` without a reply,
            or too many steps.
    """
    return _Planner().plan(expectation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in the expectation something stands."""

    start: int
    end: int | None
    group: int = 0
    nodes: tuple[str, ...] = ()
    """Of ``each`` and ``quorum`` around it, innermost first."""
    is_after_reply: bool = False
    is_in_order: bool = False
    """Whether it is directly a step of a list in order."""


@dataclass(slots=True)
class _Planner:
    variables: list[Variable] = field(default_factory=list)
    barrier_count: int = 0
    edges: list[tuple[int, int]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    group_count: int = 1
    replies: list[int] = field(default_factory=list)
    """Results that are steps in order."""

    def plan(self, expectation: Expectation) -> Plan:
        start, end = self._barrier(), self._barrier()
        self.edges.append((~start, ~end))
        outline = self._of(expectation, _Place(start=start, end=end))
        self._order_around_reply()
        for variable in self.variables:
            self.edges.append((~variable.start, variable.number))
            if variable.end is not None:
                self.edges.append((variable.number, ~variable.end))
        return Plan(
            variables=tuple(self.variables),
            barrier_count=self.barrier_count,
            edges=tuple(self.edges),
            rules=tuple(self.rules),
            choices=tuple(self.choices),
            windows=tuple(self.windows),
            outline=outline,
        )

    def _barrier(self) -> int:
        self.barrier_count += 1
        return self.barrier_count - 1

    def _group(self) -> int:
        self.group_count += 1
        return self.group_count - 1

    def _of(self, expectation: Expectation, place: _Place) -> Outline:
        text = heading_of(expectation) + in_order_text(expectation)
        match expectation:
            case Pattern():
                return self._step(filled(expectation, place.nodes), None, place)
            case Exchange():
                return self._exchange(expectation, place)
            case InOrder():
                return Outline(text=text, children=self._list(expectation.steps, place))
            case AnyOrder():
                inner = replace(place, is_in_order=False)
                self._refuse_bare_answers(expectation.steps)
                return Outline(text=text, children=tuple(self._of(step, inner) for step in expectation.steps))
            case Each():
                children = tuple(
                    Outline(
                        text=node,
                        children=self._list(expectation.steps, replace(place, nodes=(node, *place.nodes))),
                    )
                    for node in expectation.nodes
                )
                return Outline(text=text, children=children)
            case Quorum():
                return self._quorum(expectation, text, place)
            case Exactly() | AtLeast():
                return self._block(expectation, place)
            case AtMost():
                what = _filled_countable(expectation.what, place.nodes)
                rule = Limit(count=expectation.count, what=what, group=place.group)
                return self._rule(rule, f"{text}: {what}")
            case Before():
                first = filled(expectation.first, place.nodes)
                then = filled(expectation.then, place.nodes)
                text = heading_of(replace(expectation, first=first, then=then))
                return self._rule(
                    Precedence(
                        first=first, then=then, is_required=expectation.is_required, group=place.group
                    ),
                    text,
                )
            case Within():
                before = len(self.variables)
                children = self._list(expectation.steps, place)
                inside = tuple(range(before, len(self.variables)))
                duration_ns = round(expectation.seconds * 1e9)
                self.windows.append(Window(variables=inside, duration_ns=duration_ns))
                return Outline(text=text, children=children, window=len(self.windows) - 1)
            case Optional() | InBackground() | OnlyAfterReply():
                return self._wrapped(expectation, place, None)

    # Lists in order.

    def _list(self, steps: tuple[Expectation, ...], place: _Place) -> tuple[Outline, ...]:
        outlines = []
        unanswered: list[int] = []
        start = place.start
        for index, step in enumerate(steps):
            is_last = index == len(steps) - 1
            end = place.end if is_last and place.end is not None else self._barrier()
            self.edges.append((~start, ~end))
            inner = replace(place, start=start, end=end, is_in_order=True)
            outlines.append(self._listed(step, inner, unanswered))
            start = end
        return tuple(outlines)

    def _listed(self, step: Expectation, place: _Place, unanswered: list[int]) -> Outline:
        single = _single(step)
        if single is None:
            return self._of(step, place)
        answers = None
        if single.is_answer and single.to is None:
            answers = self._answered(single, unanswered)
            if answers is None and not single.verbs:
                raise ExpectationError(f"no request stands before [{single}] that it could answer")
        outline = (
            self._of_answer(single, answers, place)
            if isinstance(step, Pattern)
            else self._wrapped(step, place, answers)
        )
        if not single.is_answer and not _is_optional(step):
            unanswered.append(outline.variables[0])
        return outline

    def _answered(self, answer: Pattern, unanswered: list[int]) -> int | None:
        for number in reversed(unanswered):
            asked = self.variables[number]
            if isinstance(asked, Step) and can_answer(answer, asked.pattern):
                unanswered.remove(number)
                return number
        return None

    def _of_answer(self, pattern: Pattern, answers: int | None, place: _Place) -> Outline:
        if answers is None:
            return self._step(filled(pattern, place.nodes), None, place)
        asked = self.variables[answers]
        assert isinstance(asked, Step)
        return self._step(
            answering(filled(pattern, place.nodes, has_sides=False), asked.pattern), answers, place
        )

    def _wrapped(self, step: Expectation, place: _Place, answers: int | None) -> Outline:
        """A step that is optional, in the background or after the reply."""
        text = heading_of(step)
        place = replace(place, is_in_order=False)
        match step:
            case InBackground(step=inner):
                outline = self._inside(inner, replace(place, end=None), answers)
            case OnlyAfterReply(step=inner):
                outline = self._inside(inner, replace(place, end=None, is_after_reply=True), answers)
            case Optional(step=inner):
                group = self._group()
                before = len(self.variables)
                outline = self._inside(inner, replace(place, group=group), answers)
                added = self.variables[before:]
                choice = Choice(
                    group=place.group, alternatives=((group,), ()), absent=_first_steps(added, before)
                )
                self.choices.append(choice)
                return Outline(text=text, children=(outline,), choice=len(self.choices) - 1)
            case _:
                return self._of(step, place)
        if outline.variables and not outline.children:
            return replace(outline, text=f"{text}: {outline.text}")
        return Outline(text=text, children=(outline,))

    def _inside(self, inner: Expectation, place: _Place, answers: int | None) -> Outline:
        if isinstance(inner, Pattern):
            return self._of_answer(inner, answers, place)
        if _single(inner) is not None:
            return self._wrapped(inner, place, answers)
        return self._of(inner, place)

    def _refuse_bare_answers(self, steps: tuple[Expectation, ...]) -> None:
        for step in steps:
            single = _single(step)
            if single is not None and single.is_answer and not single.verbs and single.to is None:
                raise ExpectationError(f"[{single}] does not say what it answers: any_order has no order")

    # Parts.

    def _step(self, pattern: Pattern, answers: int | None, place: _Place) -> Outline:
        if pattern.is_answer and not pattern.verbs:
            raise ExpectationError(f"no request stands before [{pattern}] that it could answer")
        number = self._number()
        self.variables.append(
            Step(
                number=number,
                pattern=pattern,
                answers=answers,
                start=place.start,
                end=place.end,
                group=place.group,
                is_after_reply=place.is_after_reply,
            )
        )
        if place.is_in_order and pattern.protocol is Protocol.CQL and pattern.is_answer:
            self.replies.append(number)
        return Outline(text=str(pattern), variables=(number,))

    def _exchange(self, expectation: Exchange, place: _Place) -> Outline:
        what = _filled_countable(expectation, place.nodes)
        assert isinstance(what, Exchange)
        asked = self._step(what.request, None, replace(place, is_in_order=False))
        answer = self._step(what.answer, asked.variables[0], place)
        self.edges.append((asked.variables[0], answer.variables[0]))
        return Outline(
            text=heading_of(what), children=(asked, replace(answer, text=f"answer: {answer.text}"))
        )

    def _block(self, expectation: Exactly | AtLeast, place: _Place) -> Outline:
        what = _filled_countable(expectation.what, place.nodes)
        text = f"{heading_of(expectation)}: {what}"
        is_exact = isinstance(expectation, Exactly)
        if expectation.count == 0:
            if is_exact:
                return self._rule(Limit(count=0, what=what, group=place.group), text)
            return Outline(text=text)
        number = self._number()
        self.variables.append(
            Block(
                number=number,
                count=expectation.count,
                is_exact=is_exact,
                what=what,
                start=place.start,
                end=place.end,
                group=place.group,
                is_after_reply=place.is_after_reply,
            )
        )
        return Outline(text=text, variables=(number,))

    def _rule(self, rule: Rule, text: str) -> Outline:
        self.rules.append(rule)
        return Outline(text=text, rule=len(self.rules) - 1)

    def _quorum(self, expectation: Quorum, text: str, place: _Place) -> Outline:
        nodes = expectation.nodes
        if comb(len(nodes), expectation.count) > QUORUMS_MAX:
            raise ExpectationError(
                f"a quorum of {expectation.count} out of {len(nodes)} nodes has too many ways"
            )
        chosen, rest = [], []
        outlines, rest_outlines = [], []
        for node in nodes:
            inner = replace(place, nodes=(node, *place.nodes), group=self._group())
            outlines.append(Outline(text=node, children=self._list(expectation.steps, inner)))
            chosen.append(inner.group)
            if expectation.rest_in_background:
                inner = replace(inner, group=self._group(), end=None)
                rest_outlines.append(Outline(text=node, children=self._list(expectation.steps, inner)))
                rest.append(inner.group)
        alternatives = []
        for taken in combinations(range(len(nodes)), expectation.count):
            others = [rest[index] for index in range(len(nodes)) if rest and index not in taken]
            alternatives.append((*(chosen[index] for index in taken), *others))
        self.choices.append(Choice(group=place.group, alternatives=tuple(alternatives)))
        return Outline(
            text=text,
            children=tuple(outlines),
            choice=len(self.choices) - 1,
            needed=expectation.count,
            rest=tuple(rest_outlines),
        )

    def _number(self) -> int:
        if len(self.variables) >= STEPS_MAX:
            raise ExpectationError(f"an expectation of more than {STEPS_MAX} messages")
        return len(self.variables)

    # The client's reply.

    def _order_around_reply(self) -> None:
        late = [variable for variable in self.variables if variable.is_after_reply]
        reply = self.variables[self.replies[0]] if len(self.replies) == 1 else None
        if reply is None or reply.group != 0:
            if late:
                there = "it is optional, or of a quorum" if reply else f"there are {len(self.replies)}"
                raise ExpectationError(f"only_after_reply needs one result() as a step in order; {there}")
            return
        self.edges += [(reply.number, variable.number) for variable in late]
        if reply.end is None:
            return
        behind = self._barriers_from(reply.end)
        done = self._barrier()
        self.edges.append((~done, reply.number))
        waits = self._barriers_joined()
        self.edges += [
            (variable.number, ~done)
            for variable in self.variables
            if variable.number != reply.number and variable.start not in behind and variable.end in waits
        ]

    def _barriers_from(self, start: int) -> frozenset[int]:
        """All barriers that are not before one."""
        following: dict[int, list[int]] = {}
        for first, then in self.edges:
            if first < 0 and then < 0:
                following.setdefault(~first, []).append(~then)
        found = {start}
        waiting = [start]
        while waiting:
            for barrier in following.get(waiting.pop(), ()):
                if barrier not in found:
                    found.add(barrier)
                    waiting.append(barrier)
        return frozenset(found)

    def _barriers_joined(self) -> frozenset[int]:
        """All barriers that lead to the end of the expectation: the others are in the background."""
        leading: dict[int, list[int]] = {}
        for first, then in self.edges:
            if first < 0 and then < 0:
                leading.setdefault(~then, []).append(~first)
        end = 1
        found = {end}
        waiting = [end]
        while waiting:
            for barrier in leading.get(waiting.pop(), ()):
                if barrier not in found:
                    found.add(barrier)
                    waiting.append(barrier)
        return frozenset(found)


def _single(step: Expectation) -> Pattern | None:
    """The pattern that a step is, wrapped or not."""
    while isinstance(step, Optional | InBackground | OnlyAfterReply):
        step = step.step
    return step if isinstance(step, Pattern) else None


def _is_optional(step: Expectation) -> bool:
    """Whether a pattern, wrapped or not, need not come."""
    while isinstance(step, InBackground | OnlyAfterReply):
        step = step.step
    return isinstance(step, Optional)


def _first_steps(added: list[Variable], before: int) -> tuple[int, ...]:
    """Of the variables of an optional part, those whose absence says that nothing of it came."""
    return tuple(
        variable.number
        for variable in added
        if isinstance(variable, Block) or variable.answers is None or variable.answers < before
    )


def _filled_countable(what: Countable, nodes: tuple[str, ...]) -> Countable:
    if isinstance(what, Pattern):
        pattern = filled(what, nodes)
        if pattern.is_answer and not pattern.verbs:
            raise ExpectationError(f"[{pattern}] does not say what it answers")
        return pattern
    request = filled(what.request, nodes)
    return Exchange(request, answering(filled(what.answer, nodes, has_sides=False), request))
