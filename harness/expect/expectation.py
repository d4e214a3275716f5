"""Expectations: what a claim says about several messages, as a partial order. Plain data, built by functions.

A pattern is an expectation: one message that it means comes. The others are made of patterns:

==============================  ===========================================================================
expectation                     holds if
==============================  ===========================================================================
``in_order(*steps)``            every step comes, and is complete before the next one begins
``any_order(*steps)``           every step comes
``each(nodes, *steps)``         for every node: the steps come in order; nodes do not wait for each other
``quorum(k, *steps, of=nodes)`` for at least k of the nodes: the steps come in order; with
                                ``rest_in_background``, for the others too, but nothing waits for them
``exchange(p, q)``              p comes, then q that answers it
``acknowledged(p)``             a write comes, then the MUTATION_DONE that answers it
``at_least(n, p)``              n different messages that p means come
``exactly(n, p)``               the same, and there are no more of them
``at_most(n, p)``               there are no more than n messages that p means
``never(p)``                    there is none
``optional(e)``                 e comes in its place, or there is nothing of it
``before(p, q)``                a message that q means comes, and none does without a p before it
``after(q, p)``                 the same, said the other way round
``within(seconds, *steps)``     the steps come in order, the last message at most so long after the first
``in_background(e)``            e comes, after what stands before it in order; nothing waits for it
``only_after_reply(e)``         e comes, all of it after the client's reply
==============================  ===========================================================================

*Order* is the order in which messages were complete, by their number in the trace. "Before the next begins"
means: every message of the one before every message of the other, apart from what is in the background.

*Messages are used once.* No message stands for two steps of one expectation. What counts (``exactly``,
``at_least``, ``at_most``, ``never``, ``before``) only looks: it counts messages whether or not they stand for
steps, and all but ``at_least`` count over the whole scope, wherever in the expectation they stand. In an order,
all messages that ``exactly`` counts, and those that ``at_least`` finds, stand in its place.

*The client's reply.* If exactly one ``result()`` is a step in order, it is the client's reply: everything else in
the expectation has to be complete before it, apart from what stands behind it in order, ``in_background`` and
``only_after_reply``. With several, each ends what stands before it in its own order, and no more.

*Answers.* In a list of steps in order, ``reply()``, ``exception()``, ``one_way(MUTATION_DONE)``,
``one_way(MUTATION_FAILED)`` and ``result()`` answer the nearest message before them in the same list that they can
answer and that no step answers yet. Wrapped patterns count as if they stood in the list themselves, in
``optional`` only answers. ``reply()`` and ``exception()`` without a verb need such a request; the others mean any
message if there is none. Who answers, and whom, follows from the request.

*Nodes.* ``each`` and ``quorum`` fill in their node: as the receiver of what is sent to a node (requests, writes,
statements), as the sender of answers and events. If the claim names that side, the node is the other side; if it
names both, neither.

*Captures* have one value in an expectation. Those that only counting expectations name stand for any value
there, each message for itself; in ``before(p, q)``, the same for p as for q; in ``exactly`` and ``at_least``, for
one value that fits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.errors import ExpectationError
from harness.events.message import Kind
from harness.expect.pattern import (
    ACKNOWLEDGED,
    Named,
    Pattern,
    nodes_of,
)
from harness.expect.rpc_patterns import one_way
from harness.expect.verbs import MUTATION_DONE


@dataclass(frozen=True, slots=True)
class InOrder:
    """See ``in_order``."""

    steps: tuple["Expectation", ...]

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class AnyOrder:
    """See ``any_order``."""

    steps: tuple["Expectation", ...]

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class Each:
    """See ``each``."""

    nodes: tuple[str, ...]
    steps: tuple["Expectation", ...]

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class Quorum:
    """See ``quorum``."""

    count: int
    nodes: tuple[str, ...]
    steps: tuple["Expectation", ...]
    rest_in_background: bool

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class Exchange:
    """See ``exchange``."""

    request: Pattern
    answer: Pattern

    def __str__(self) -> str:
        return claim_text(self)


Countable = Pattern | Exchange
"""What can be counted; exchanges count by their answers."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """See ``exactly``."""

    count: int
    what: Countable

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """See ``at_least``."""

    count: int
    what: Countable

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class AtMost:
    """See ``at_most`` and ``never``."""

    count: int
    what: Countable

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class Optional:
    """See ``optional``."""

    step: "Expectation"

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class Before:
    """See ``before``."""

    first: Pattern
    then: Pattern
    is_required: bool

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class Within:
    """See ``within``."""

    seconds: float
    steps: tuple["Expectation", ...]

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class InBackground:
    """See ``in_background``."""

    step: "Expectation"

    def __str__(self) -> str:
        return claim_text(self)


@dataclass(frozen=True, slots=True)
class OnlyAfterReply:
    """See ``only_after_reply``."""

    step: "Expectation"

    def __str__(self) -> str:
        return claim_text(self)


Expectation = (
    Pattern
    | InOrder
    | AnyOrder
    | Each
    | Quorum
    | Exchange
    | Exactly
    | AtLeast
    | AtMost
    | Optional
    | Before
    | Within
    | InBackground
    | OnlyAfterReply
)


def in_order(*steps: Expectation) -> InOrder:
    """One step after the other: each is complete before the next one begins.

    Raises:
        ExpectationError: there are no steps.
    """
    return InOrder(_some(steps, "in_order"))


def any_order(*steps: Expectation) -> AnyOrder:
    """All of the steps, in whatever order, also at the same time.

    Raises:
        ExpectationError: there are no steps.
    """
    return AnyOrder(_some(steps, "any_order"))


def each(nodes: Iterable[str | Named] | str | Named, *steps: Expectation) -> Each:
    """The same steps in order for every node; nodes do not wait for each other.

    Raises:
        ExpectationError: there are no steps, or no nodes.
    """
    return Each(_names(nodes, "each"), _some(steps, "each"))


def quorum(
    count: int,
    *steps: Expectation,
    of: Iterable[str | Named],
    rest_in_background: bool = False,
) -> Quorum:
    """The same steps in order for at least so many of the nodes.

    Args:
        count: how many nodes.
        steps: what comes for each of them.
        of: the nodes.
        rest_in_background: the steps come for the other nodes too, but nothing waits for them.

    Raises:
        ExpectationError: there are no steps, or fewer nodes than are wanted.
    """
    nodes = _names(of, "quorum")
    if not 1 <= count <= len(nodes):
        raise ExpectationError(f"a quorum of {count} out of {len(nodes)} nodes ({', '.join(nodes)})")
    return Quorum(count, nodes, _some(steps, "quorum"), rest_in_background)


def exchange(request: Pattern, answer: Pattern) -> Exchange:
    """A request, and what answers it.

    Raises:
        ExpectationError: messages of the one pattern cannot answer messages of the other.
    """
    if not can_answer(answer, request):
        raise ExpectationError(f"[{answer}] cannot answer [{request}]")
    return Exchange(request, answer)


def acknowledged(write: Pattern) -> Exchange:
    """A write (MUTATION, HINT_MUTATION, PAXOS_LEARN), and the MUTATION_DONE that acknowledges it.

    Raises:
        ExpectationError: the pattern means something else.
    """
    return exchange(write, one_way(MUTATION_DONE))


def exactly(count: int, what: Countable) -> Exactly:
    """So many messages in the whole scope, and no more; in an order, all of them in this place.

    Raises:
        ExpectationError: the count is negative.
    """
    return Exactly(_counted(count), what)


def at_least(count: int, what: Countable) -> AtLeast:
    """So many different messages.

    Raises:
        ExpectationError: the count is negative.
    """
    return AtLeast(_counted(count), what)


def at_most(count: int, what: Countable) -> AtMost:
    """No more messages than that in the whole scope.

    Raises:
        ExpectationError: the count is negative.
    """
    return AtMost(_counted(count), what)


def never(what: Countable) -> AtMost:
    """No such message in the whole scope."""
    return AtMost(0, what)


def optional(step: Expectation) -> Optional:
    """The step in its place, or nothing of it: no message, beyond those used, that its first patterns mean."""
    return Optional(step)


def before(first: Pattern, then: Pattern, *, is_required: bool = True) -> Before:
    """No ``then`` without a ``first`` before it, in the whole scope.

    Args:
        first: what has to come before.
        then: what may not come without.
        is_required: whether there has to be a ``then``.
    """
    return Before(first, then, is_required)


def after(then: Pattern, first: Pattern, *, is_required: bool = True) -> Before:
    """As ``before(first, then)``."""
    return Before(first, then, is_required)


def within(seconds: float, *steps: Expectation) -> Within:
    """The steps in order, and no more than so many seconds from the first message to the last.

    What is in the background counts as well.

    Raises:
        ExpectationError: there are no steps, or the time is negative.
    """
    if seconds < 0:
        raise ExpectationError(f"within {seconds} seconds nothing can come")
    return Within(seconds, _some(steps, "within"))


def in_background(step: Expectation) -> InBackground:
    """The step comes, but nothing waits for it: it may come after all that follows, the client's reply too."""
    return InBackground(step)


def only_after_reply(step: Expectation) -> OnlyAfterReply:
    """The step comes, all of it after the client's reply; nothing waits for it."""
    return OnlyAfterReply(step)


def can_answer(answer: Pattern, request: Pattern) -> bool:
    """Whether messages of one pattern may answer messages of another."""
    if answer.protocol is not request.protocol or not answer.is_answer:
        return False
    if answer.is_acknowledgement:
        return bool(request.verbs) and all(verb.name in ACKNOWLEDGED for verb in request.verbs)
    if request.kinds != (Kind.REQUEST,):
        return False
    if not answer.verbs or answer.word in {"RESULT", "ERROR"}:
        return True
    numbers = {number for verb in request.verbs for number in verb.numbers}
    return any(number in numbers for verb in answer.verbs for number in verb.numbers)


def claim_text(expectation: Expectation) -> str:
    """The claim in words, a step a line."""
    return "\n".join("  " * depth + text for depth, text in claim_lines(expectation))


def claim_lines(expectation: Expectation, depth: int = 0) -> Iterator[tuple[int, str]]:
    """The lines of a claim with their depth."""
    heading, steps = _heading(expectation)
    if len(steps) == 1 and _is_one_line(steps[0]) and not isinstance(expectation, InOrder | AnyOrder):
        yield depth, f"{heading}: {_one_line(steps[0])}"
        return
    if not steps:
        yield depth, heading
        return
    yield depth, f"{heading}{in_order_text(expectation)}:"
    for step in steps:
        yield from claim_lines(step, depth + 1)


def in_order_text(expectation: Expectation) -> str:
    """Behind a heading: that its steps stand in order, where that is not said already."""
    steps = len(expectation.steps) if isinstance(expectation, Each | Quorum | Within) else 0
    return ", in order" if steps > 1 else ""


def heading_of(expectation: Expectation) -> str:
    """What an expectation says of the steps in it, or by itself."""
    return _heading(expectation)[0]


def _heading(expectation: Expectation) -> tuple[str, tuple[Expectation, ...]]:
    match expectation:
        case Pattern():
            return str(expectation), ()
        case InOrder():
            return "in order", expectation.steps
        case AnyOrder():
            return "in any order", expectation.steps
        case Each():
            return f"each of {', '.join(expectation.nodes)}", expectation.steps
        case Quorum():
            rest = ", the rest in the background" if expectation.rest_in_background else ""
            text = f"at least {expectation.count} of {', '.join(expectation.nodes)}{rest}"
            return text, expectation.steps
        case Exchange():
            return f"{expectation.request}, answered by {expectation.answer}", ()
        case Exactly():
            return f"exactly {expectation.count}", (expectation.what,)
        case AtLeast():
            return f"at least {expectation.count}", (expectation.what,)
        case AtMost():
            return "never" if expectation.count == 0 else f"at most {expectation.count}", (expectation.what,)
        case Optional():
            return "optional", (expectation.step,)
        case Before():
            if_any = "" if expectation.is_required else ", if there is one"
            return f"before each [{expectation.then}]{if_any}: {expectation.first}", ()
        case Within():
            return f"within {expectation.seconds:g} s", expectation.steps
        case InBackground():
            return "in the background", (expectation.step,)
        case OnlyAfterReply():
            return "only after the reply", (expectation.step,)


def _is_one_line(expectation: Expectation) -> bool:
    steps = _heading(expectation)[1]
    return not steps or (
        len(steps) == 1 and not isinstance(expectation, InOrder | AnyOrder) and _is_one_line(steps[0])
    )


def _one_line(expectation: Expectation) -> str:
    return next(claim_lines(expectation))[1]


def _some(steps: tuple[Expectation, ...], name: str) -> tuple[Expectation, ...]:
    if not steps:
        raise ExpectationError(f"{name} without steps claims nothing")
    return steps


def _names(nodes: Iterable[str | Named] | str | Named, name: str) -> tuple[str, ...]:
    names = nodes_of(nodes)
    assert isinstance(names, tuple)
    if len(set(names)) != len(names):
        raise ExpectationError(f"{name} names a node twice: {', '.join(names)}")
    return names


def _counted(count: int) -> int:
    if count < 0:
        raise ExpectationError(f"{count} messages cannot be")
    return count
