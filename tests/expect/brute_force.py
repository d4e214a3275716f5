"""What an expectation means, by trying everything: slow, and written apart from the checker's search."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations, product

from harness.expect.domain import Domains
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
)
from harness.expect.filled import answering, filled
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern
from harness.expect.ways import Binding


@dataclass(slots=True)
class Event:
    """Messages that have to come: one, or (of a count) a set of which only the place matters."""

    what: Countable
    count: int | None = None
    is_exact: bool = False
    answers: int | None = None
    is_reply: bool = False
    is_after_reply: bool = False


@dataclass(slots=True)
class System:
    """One way to choose everything that may be chosen."""

    events: list[Event] = field(default_factory=list)
    orders: set[tuple[int, int]] = field(default_factory=set)
    waits: set[int] = field(default_factory=set)
    """Events that what follows waits for."""
    limits: list[AtMost] = field(default_factory=list)
    precedences: list[Before] = field(default_factory=list)
    absent: list[Event] = field(default_factory=list)
    windows: list[tuple[set[int], float]] = field(default_factory=list)


def satisfiable(index: MessageIndex, expectation: Expectation) -> bool:
    """Whether messages can be found for an expectation, in a trace that misses nothing."""
    domains = Domains(index)
    return any(_has_assignment(system, domains) for system in _top(expectation))


def _top(expectation: Expectation) -> Iterator[System]:
    for system in _systems(expectation, System(), (), None):
        replies = [number for number, event in enumerate(system.events) if event.is_reply]
        if len(replies) == 1:
            (reply,) = replies
            for number, event in enumerate(system.events):
                if event.is_after_reply:
                    system.orders.add((reply, number))
                elif number in system.waits and number != reply and (reply, number) not in system.orders:
                    system.orders.add((number, reply))
        yield system


def _copy(system: System) -> System:
    return System(
        events=[replace(event) for event in system.events],
        orders=set(system.orders),
        waits=set(),
        limits=list(system.limits),
        precedences=list(system.precedences),
        absent=list(system.absent),
        windows=list(system.windows),
    )


def _systems(
    expectation: Expectation, before: System, nodes: tuple[str, ...], answers: int | None
) -> Iterator[System]:
    """All ways of an expectation, added to what is there already; ``waits`` are those of the addition alone."""
    match expectation:
        case Pattern():
            pattern = filled(expectation, nodes, has_sides=answers is None)
            if answers is not None:
                asked = before.events[answers].what
                assert isinstance(asked, Pattern)
                pattern = answering(pattern, asked)
            yield _with_event(before, Event(pattern, answers=answers))
        case Exchange():
            what = _filled(expectation, nodes)
            assert isinstance(what, Exchange)
            first = _with_event(before, Event(what.request))
            number = len(first.events) - 1
            system = _with_event(first, Event(what.answer, answers=number))
            system.orders.add((number, number + 1))
            system.waits = {number, number + 1}
            yield system
        case InOrder(steps=steps) | Each(steps=steps, nodes=()):
            yield from _in_order(steps, before, nodes)
        case Each():
            yield from _each(expectation.nodes, expectation.steps, before, nodes)
        case AnyOrder():
            yield from _all(expectation.steps, before, nodes)
        case Quorum():
            for some in combinations(expectation.nodes, expectation.count):
                rest = [node for node in expectation.nodes if node not in some]
                for system in _each(some, expectation.steps, before, nodes):
                    if not expectation.rest_in_background or not rest:
                        yield system
                        continue
                    for more in _each(tuple(rest), expectation.steps, system, nodes):
                        more.waits = system.waits
                        yield more
        case Exactly(count=0):
            yield from _systems(AtMost(0, expectation.what), before, nodes, None)
        case AtLeast(count=0):
            yield _copy(before)
        case Exactly() | AtLeast():
            event = Event(
                _filled(expectation.what, nodes), expectation.count, isinstance(expectation, Exactly)
            )
            yield _with_event(before, event)
        case AtMost():
            system = _copy(before)
            system.limits.append(AtMost(expectation.count, _filled(expectation.what, nodes)))
            yield system
        case Before():
            system = _copy(before)
            system.precedences.append(
                replace(
                    expectation, first=filled(expectation.first, nodes), then=filled(expectation.then, nodes)
                )
            )
            yield system
        case Within():
            for system in _in_order(expectation.steps, before, nodes):
                inside = set(range(len(before.events), len(system.events)))
                system.windows.append((inside, expectation.seconds))
                yield system
        case InBackground():
            for system in _systems(expectation.step, before, nodes, answers):
                system.waits = set()
                yield system
        case OnlyAfterReply():
            for system in _systems(expectation.step, before, nodes, answers):
                system.waits = set()
                for event in system.events[len(before.events) :]:
                    event.is_after_reply = True
                yield system
        case Optional():
            absent = _copy(before)
            for system in _systems(expectation.step, before, nodes, answers):
                yield system
                absent.absent += [
                    event
                    for event in system.events[len(before.events) :]
                    if event.answers is None or event.answers < len(before.events)
                ]
            yield absent


def _with_event(before: System, event: Event) -> System:
    system = _copy(before)
    system.events.append(event)
    system.waits = {len(system.events) - 1}
    return system


def _all(steps: tuple[Expectation, ...], before: System, nodes: tuple[str, ...]) -> Iterator[System]:
    if not steps:
        yield _copy(before)
        return
    for system in _systems(steps[0], before, nodes, None):
        for more in _all(steps[1:], system, nodes):
            more.waits |= system.waits
            yield more


def _each(
    some: tuple[str, ...], steps: tuple[Expectation, ...], before: System, nodes: tuple[str, ...]
) -> Iterator[System]:
    if not some:
        yield _copy(before)
        return
    for system in _in_order(steps, before, (some[0], *nodes)):
        for more in _each(some[1:], steps, system, nodes):
            more.waits |= system.waits
            yield more


def _in_order(
    steps: tuple[Expectation, ...],
    before: System,
    nodes: tuple[str, ...],
    waited: frozenset[int] = frozenset(),
    unanswered: tuple[int, ...] = (),
) -> Iterator[System]:
    if not steps:
        system = _copy(before)
        system.waits = set(waited)
        yield system
        return
    step = steps[0]
    single = step
    is_optional = False
    while isinstance(single, Optional | InBackground | OnlyAfterReply):
        is_optional |= isinstance(single, Optional)
        single = single.step
    answers = None
    if isinstance(single, Pattern) and single.is_answer and single.to is None:
        for number in reversed(unanswered):
            asked = before.events[number].what
            assert isinstance(asked, Pattern)
            if can_answer(single, asked):
                answers = number
                unanswered = tuple(other for other in unanswered if other != number)
                break
    count = len(before.events)
    for system in _systems(step, before, nodes, answers):
        added = range(count, len(system.events))
        system.orders |= set(product(waited, added))
        if isinstance(step, Pattern) and step.word == "RESULT":
            system.events[-1].is_reply = True
        asks = isinstance(single, Pattern) and not single.is_answer and not is_optional
        yield from _in_order(
            steps[1:],
            system,
            nodes,
            waited | system.waits,
            (*unanswered, count) if asks else unanswered,
        )


def _filled(what: Countable, nodes: tuple[str, ...]) -> Countable:
    if isinstance(what, Pattern):
        return filled(what, nodes)
    request = filled(what.request, nodes)
    return Exchange(request, answering(filled(what.answer, nodes, has_sides=False), request))


# Assignments.


@dataclass(frozen=True, slots=True)
class _Chosen:
    positions: tuple[int, ...]
    binding: Binding


def _has_assignment(system: System, domains: Domains) -> bool:
    return any(True for _ in _assign(system, domains, [], {}))


def _assign(
    system: System, domains: Domains, chosen: list[_Chosen], bound: dict[str, object]
) -> Iterator[None]:
    number = len(chosen)
    if number == len(system.events):
        if _holds(system, domains, chosen, bound):
            yield None
        return
    event = system.events[number]
    used = {
        one.positions[0] for one, other in zip(chosen, system.events, strict=False) if other.count is None
    }
    for choice in _choices(event, domains):
        if event.count is None and choice.positions[0] in used:
            continue
        if any(bound.get(name, value) != value for name, value in choice.binding):
            continue
        if event.answers is not None:
            asked = domains.index.answered_by(choice.positions[0])
            if asked != chosen[event.answers].positions[0]:
                continue
        yield from _assign(system, domains, [*chosen, choice], {**bound, **dict(choice.binding)})


def _choices(event: Event, domains: Domains) -> Iterator[_Chosen]:
    items = domains.items(event.what).known
    if event.count is None:
        for item in items:
            for way in item.ways:
                yield _Chosen(item.members, way)
        return
    for way in dict.fromkeys(way for item in items for way in item.ways):
        fitting = [item for item in items if way in item.ways]
        if event.is_exact and len(fitting) != event.count:
            continue
        for some in combinations(fitting, event.count):
            yield _Chosen(tuple(position for item in some for position in item.members), way)


def _holds(system: System, domains: Domains, chosen: list[_Chosen], bound: dict[str, object]) -> bool:
    for first, then in system.orders:
        if max(chosen[first].positions) >= min(chosen[then].positions):
            return False
    for inside, seconds in system.windows:
        times_ns = [
            domains.index.messages[position].time_ns
            for number in inside
            for position in chosen[number].positions
        ]
        if times_ns and max(times_ns) - min(times_ns) > round(seconds * 1e9):
            return False
    for limit in system.limits:
        if len(_counted(limit.what, domains, bound)) > limit.count:
            return False
    used = {one.positions[0] for one, event in zip(chosen, system.events, strict=True) if event.count is None}
    for event in system.absent:
        for members in _counted(event.what, domains, bound):
            if members[-1] in used:
                continue
            if event.answers is None:
                return False
            if domains.index.answered_by(members[-1]) == chosen[event.answers].positions[0]:
                return False
    return all(_is_preceded(before, domains, bound) for before in system.precedences)


def _counted(what: Countable, domains: Domains, bound: dict[str, object]) -> list[tuple[int, ...]]:
    return [item.members for item in domains.items(what).known if _fitting(item.ways, bound)]


def _fitting(ways: tuple[Binding, ...], bound: dict[str, object]) -> list[dict[str, object]]:
    return [dict(way) for way in ways if all(bound.get(name, value) == value for name, value in way)]


def _is_preceded(before: Before, domains: Domains, bound: dict[str, object]) -> bool:
    thens = [item for item in domains.items(before.then).known if _fitting(item.ways, bound)]
    if before.is_required and not thens:
        return False
    return all(
        any(
            first.members[0] < then.members[0]
            for way in _fitting(then.ways, bound)
            for first in domains.items(before.first).known
            if _fitting(first.ways, {**bound, **way})
        )
        for then in thens
    )
