"""What each line of a claim has come to, from the messages that were found for its steps."""

from collections.abc import Iterable, Iterator, Mapping

from harness.expect.candidates import items_within
from harness.expect.capture import value_text
from harness.expect.domain import Item
from harness.expect.message_index import MessageIndex
from harness.expect.plan import Block, Limit, Outline, Precedence, Rule, Step
from harness.expect.problem import Problem
from harness.expect.solver import Solution
from harness.expect.verdict import Evidence, StepState, TranscriptStep, evidence_of

MESSAGES_MAX = 12
"""Most messages that are named for one line."""


def proof(problem: Problem, solution: Solution) -> tuple[tuple[TranscriptStep, ...], tuple[Evidence, ...]]:
    """The lines of a claim that holds, and all messages that stand for its steps."""
    lines = tuple(_lines(problem, problem.plan.outline, solution, 0))
    evidence = {item.number: item for line in lines for item in line.messages}
    return lines, tuple(evidence[number] for number in sorted(evidence))


def _lines(problem: Problem, outline: Outline, solution: Solution, depth: int) -> Iterator[TranscriptStep]:
    outline = folded(outline)
    if outline.rule is not None:
        rule = problem.plan.rules[outline.rule]
        note = counted_note(problem, rule, solution.bound)
        yield TranscriptStep(depth=depth, text=outline.text, state=StepState.HOLDS, note=note)
        return
    if outline.variables and not outline.children:
        yield found_line(problem, outline, solution, depth)
        return
    if outline.choice is not None:
        yield from _chosen_lines(problem, outline, solution, depth)
        return
    yield heading_line(problem, outline, solution, depth)
    for child in outline.children:
        yield from _lines(problem, child, solution, depth + 1)


def heading_line(problem: Problem, outline: Outline, solution: Solution, depth: int) -> TranscriptStep:
    """The line of what says something of the lines below; of a time window, how long it took."""
    note = ""
    if outline.window is not None:
        inside = problem.plan.windows[outline.window].variables
        intervals = [solution.intervals[number] for number in inside if number in solution.intervals]
        if intervals:
            messages = problem.index.messages
            times_ns = [messages[position].time_ns for interval in intervals for position in interval]
            note = f"took {(max(times_ns) - min(times_ns)) / 1e9:.6g} s"
    return TranscriptStep(depth=depth, text=outline.text, state=StepState.HEADING, note=note)


def _chosen_lines(
    problem: Problem, outline: Outline, solution: Solution, depth: int
) -> Iterator[TranscriptStep]:
    if outline.needed is None and not is_chosen(outline, solution):
        text = f"{outline.text}: {folded(outline.children[0]).text}"
        yield left_out_line(Outline(text=text), depth, is_node=False)
        return
    yield heading_line(problem, outline, solution, depth)
    for index, child in enumerate(outline.children):
        if is_chosen(child, solution):
            yield from _lines(problem, child, solution, depth + 1)
        elif outline.rest and is_chosen(outline.rest[index], solution):
            rest = outline.rest[index]
            named = Outline(
                text=f"{rest.text}, in the background", children=rest.children, variables=rest.variables
            )
            yield from _lines(problem, named, solution, depth + 1)
        else:
            yield left_out_line(child, depth + 1, is_node=outline.needed is not None)


def is_chosen(outline: Outline, solution: Solution) -> bool:
    """Whether messages were found for a part of a claim."""
    return any(number in solution.intervals for number in variables_in(outline))


def variables_in(outline: Outline) -> Iterator[int]:
    """All steps and blocks of a part of a claim, but not of nodes in the background of a quorum."""
    yield from outline.variables
    for child in outline.children:
        yield from variables_in(child)


def required_in(outline: Outline) -> Iterator[int]:
    """The same, without those that are a matter of choice."""
    yield from outline.variables
    if outline.choice is None:
        for child in outline.children:
            yield from required_in(child)


def folded(outline: Outline) -> Outline:
    """A heading with one line below it as one line."""
    if outline.variables or outline.choice is not None or len(outline.children) != 1:
        return outline
    (child,) = outline.children
    if child.children or child.choice is not None:
        return outline
    if outline.window is not None:
        return outline
    if outline.text in {"in order", "in any order"}:
        # Of one step, it says nothing.
        return child
    return Outline(text=f"{outline.text}: {child.text}", variables=child.variables, rule=child.rule)


def left_out_line(outline: Outline, depth: int, *, is_node: bool) -> TranscriptStep:
    """The line of a part that is not needed: of a quorum, a node; else something optional."""
    note = "not counted" if is_node else "not there"
    return TranscriptStep(depth=depth, text=folded(outline).text, state=StepState.LEFT_OUT, note=note)


def captured_values(solution: Solution) -> tuple[tuple[str, str], ...]:
    """The captures that got a value, in order of their names, in words."""
    return tuple((name, value_text(solution.bound[name])) for name in sorted(solution.bound))


def found_line(problem: Problem, outline: Outline, solution: Solution, depth: int) -> TranscriptStep:
    """The line of a step or block for which messages were found."""
    number = outline.variables[0]
    variable = problem.plan.variables[number]
    index = problem.index
    if number not in solution.intervals:
        return TranscriptStep(depth=depth, text=outline.text, state=StepState.LEFT_OUT, note="not there")
    start, end = solution.intervals[number]
    if isinstance(variable, Step):
        messages = (evidence_of(index.messages[start], outline.text),)
        return TranscriptStep(depth=depth, text=outline.text, state=StepState.SEEN, messages=messages)
    of_one_value = problem.rule_book.counted_by_value(variable.what, solution.bound)[0]
    some = sorted(items_within(of_one_value, start, end))
    # Of more than are wanted, those that end first are the ones that were found.
    wanted = sorted(sorted(some, key=lambda item: item.end)[: variable.count])
    return TranscriptStep(
        depth=depth,
        text=outline.text,
        state=StepState.SEEN,
        messages=evidence_of_items(index, wanted, outline.text),
        note=f"{len(wanted)} seen",
    )


def evidence_of_items(index: MessageIndex, items: Iterable[Item], what: str) -> tuple[Evidence, ...]:
    """The messages of what was counted; of many, the first ones."""
    positions = dict.fromkeys(position for item in items for position in item.members)
    return tuple(evidence_of(index.messages[position], what) for position in list(positions)[:MESSAGES_MAX])


def counted_note(problem: Problem, rule: Rule, bound: Mapping[str, object]) -> str:
    """How many were seen of what a rule counts."""
    match rule:
        case Limit():
            seen = len(problem.rule_book.counted(rule.what, bound))
            return "none seen" if not seen else f"{seen} seen"
        case Precedence():
            return f"{len(problem.rule_book.counted(rule.then, bound))} seen"


def counted_of(problem: Problem, block: Block, bound: Mapping[str, object]) -> tuple[Item, ...]:
    """Everything in the scope that a block counts."""
    return problem.rule_book.counted(block.what, bound)
