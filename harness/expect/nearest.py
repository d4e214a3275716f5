"""The message that comes nearest to a step that was not found, and in what it differs first."""

from collections.abc import Iterator, Sequence

from harness.events.message import Kind, Message
from harness.expect.matcher import Difference, Matcher
from harness.expect.plan import Plan, Step
from harness.expect.problem import Problem
from harness.expect.solver import Solution
from harness.expect.verdict import NearMiss, evidence_of

_POOL_MAX = 400
"""Most messages that are compared in full."""
_ASKING = frozenset({Kind.REQUEST, Kind.ONE_WAY})


def nearest(problem: Problem, step: Step, found: Solution) -> NearMiss | None:
    """Find the message that differs in the fewest things from a step, given the messages of others.

    Args:
        problem: the claim and the trace.
        step: what was not found.
        found: what was.

    Returns:
        None if no message is anything like it.
    """
    matcher = Matcher(step.pattern, problem.index)
    expected = _expected_position(problem.plan, step, found)
    best: tuple[tuple[int, int, int], Difference, Message | None] | None = None
    for position in _pool(problem, step, found, expected):
        message = problem.index.messages[position]
        differences: list[tuple[Difference, Message | None]] = [
            (difference, None) for difference in matcher.differences(message, found.bound)
        ]
        differences += _differences_of_place(problem, step, position, found)
        if not differences:
            continue
        score = (len(differences), abs(position - expected), position)
        if best is None or score < best[0]:
            best = (score, *differences[0])
    if best is None:
        return None
    (_, _, position), first, other = best
    return NearMiss(
        message=evidence_of(problem.index.messages[position], f"nearest to: {step.pattern}"),
        field=first.field,
        claimed=first.claimed,
        seen=first.seen,
        other=None if other is None else evidence_of(other, f"{first.claimed} is not: {step.pattern}"),
    )


def asked_position(step: Step, found: Solution) -> int | None:
    """Position of the message that a step answers, where that was found."""
    if step.answers is None or step.answers not in found.intervals:
        return None
    return found.intervals[step.answers][0]


def _pool(problem: Problem, step: Step, found: Solution, expected: int) -> Sequence[int]:
    """Positions of messages worth comparing: of the same kind and verb, else what is like it at all."""
    index, pattern = problem.index, step.pattern
    pool: Sequence[int] = index.of(pattern.protocol, pattern.kinds, pattern.verbs)
    asked = asked_position(step, found)
    if asked is not None:
        pool = sorted({*pool, *index.answers_to(asked)})
    if not pool and pattern.verbs:
        kinds = [kind for kind in Kind if (kind in _ASKING) != pattern.is_answer]
        pool = index.of(pattern.protocol, kinds, pattern.verbs)
    if len(pool) > _POOL_MAX:
        cheap = Matcher(pattern, index).candidates()
        pool = cheap or pool
        pool = sorted(pool, key=lambda position: abs(position - expected))[:_POOL_MAX]
    return pool


def _expected_position(plan: Plan, step: Step, found: Solution) -> int:
    """Where it would have to come: right behind what has to come before it."""
    ends = [found.intervals[number][1] for number in before(plan, step.number) if number in found.intervals]
    return max(ends, default=-1) + 1


def _differences_of_place(
    problem: Problem, step: Step, position: int, found: Solution
) -> Iterator[tuple[Difference, Message | None]]:
    """What keeps a message from standing for a step besides what it says, and the message that does."""
    index, plan = problem.index, problem.plan
    messages = index.messages
    asked = asked_position(step, found)
    if asked is not None and index.answered_by(position) != asked:
        answered = index.request_of(messages[position])
        seen = "nothing that is known" if answered is None else packet_text(answered)
        yield Difference("answers", packet_text(messages[asked]), seen), messages[asked]
    for number, (start, _) in found.intervals.items():
        other = plan.variables[number]
        if isinstance(other, Step) and start == position:
            yield Difference("stands for", str(step.pattern), f"{other.pattern}, already"), None
    late = [found.intervals[number][1] for number in before(plan, step.number) if number in found.intervals]
    if late and max(late) > position:
        end = messages[max(late)]
        yield Difference("order", f"after {packet_text(end)}", "before it"), end
    early = [found.intervals[number][0] for number in behind(plan, step.number) if number in found.intervals]
    if early and min(early) < position:
        start_message = messages[min(early)]
        yield Difference("order", f"before {packet_text(start_message)}", "after it"), start_message
    for difference in _differences_of_time(problem, step, position, found):
        yield difference, None


def _differences_of_time(
    problem: Problem, step: Step, position: int, found: Solution
) -> Iterator[Difference]:
    messages = problem.index.messages
    for window in problem.plan.windows:
        if step.number not in window.variables:
            continue
        others = [found.intervals[number] for number in window.variables if number in found.intervals]
        times_ns = [messages[place].time_ns for interval in others for place in interval]
        if not times_ns:
            continue
        all_ns = [*times_ns, messages[position].time_ns]
        if max(all_ns) - min(all_ns) > window.duration_ns:
            yield Difference("time", f"within {window.duration_ns / 1e9:g} s", seconds_text(all_ns))


def packet_text(message: Message) -> str:
    """How a message is referred to."""
    return f"packet {message.frame_last}"


def seconds_text(times_ns: Sequence[int]) -> str:
    """How long it took from the first to the last."""
    return f"{(max(times_ns) - min(times_ns)) / 1e9:.6g} s"


def before(plan: Plan, number: int) -> list[int]:
    """Steps that have to be complete before a step, whether they are at hand or not."""
    return _reached(plan, number, is_behind=False)


def behind(plan: Plan, number: int) -> list[int]:
    """Steps that may come only after a step."""
    return _reached(plan, number, is_behind=True)


def _reached(plan: Plan, number: int, *, is_behind: bool) -> list[int]:
    neighbours: dict[int, list[int]] = {}
    for first, then in plan.edges:
        if is_behind:
            neighbours.setdefault(first, []).append(then)
        else:
            neighbours.setdefault(then, []).append(first)
    seen = {number}
    waiting = [number]
    while waiting:
        for node in neighbours.get(waiting.pop(), ()):
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return sorted(node for node in seen if node >= 0 and node != number)
