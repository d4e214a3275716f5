"""Conversations that go on beside statements: streaming plans, repairs of a range, rounds of gossip.

How many there are, and over what, depends on ring, data and time. What they share is their course: which steps there
are, which of them no conversation is without, and which always come before which.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise, permutations

from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Trace
from harness.golden.compare import Difference

_OPEN_NS = 100_000_000
"""A conversation of one message may go on if the recording ends so soon after it."""
_ENOUGH = 5
"""So many conversations have to keep an order before it counts as one."""


class ConversationKind(Enum):
    """What a conversation is about."""

    PLAN = "streaming plan"
    REPAIR = "repair of a range"
    GOSSIP = "round of gossip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What conversations of a kind have in common."""

    count: int
    steps: frozenset[str]
    """Verbs and kinds with the direction, such as ``→ PREPARE_MESSAGE request``; → is from whoever began."""
    always: frozenset[str]
    """Those that each conversation has that is over when the recording ends; of gossip none."""
    before: frozenset[tuple[str, str]]
    """Of two steps, the first begins first wherever both are; seen often enough."""
    seen_before: frozenset[tuple[str, str]]
    """Of two steps, the first began first somewhere."""


def courses_of(trace: Trace) -> dict[ConversationKind, Course]:
    """The courses of the conversations of a trace, without those whose beginning it lacks."""
    found: defaultdict[ConversationKind, list[list[Message]]] = defaultdict(list)
    for kind, messages in _conversations(trace):
        found[kind].append(messages)
    end_ns = trace.messages[-1].time_ns if trace.messages else 0
    return {kind: _course(kind, conversations, end_ns) for kind, conversations in found.items()}


def course_differences(
    first: dict[ConversationKind, Course], second: dict[ConversationKind, Course]
) -> tuple[Difference, ...]:
    """What conversations of the second run do against the course of those of the first."""
    found: list[Difference] = []
    for kind in ConversationKind:
        if kind not in first or kind not in second:
            if kind in first or kind in second:
                there = ["some" if kind in side else "nothing" for side in (first, second)]
                found.append(Difference(kind.value, "conversations", *there))
            continue
        ours, theirs = first[kind], second[kind]
        found += [
            Difference(kind.value, step, "not seen", "seen") for step in sorted(theirs.steps - ours.steps)
        ]
        found += [
            Difference(kind.value, step, "always", "not always")
            for step in sorted(ours.always - theirs.always)
        ]
        against = {(later, earlier) for earlier, later in ours.before} & theirs.seen_before
        found += [
            Difference(kind.value, f"{later} and {earlier}", f"{earlier} first", f"{later} first")
            for later, earlier in sorted(against)
        ]
    return tuple(found)


def _conversations(trace: Trace) -> Iterator[tuple[ConversationKind, list[Message]]]:
    by_id: dict[tuple[ConversationKind, object], list[Message]] = {}
    of_request: dict[int, tuple[ConversationKind, object]] = {}
    rounds: dict[tuple[str, str], list[list[Message]]] = {}
    for message in trace:
        if message.protocol is not Protocol.RPC:
            continue
        if message.verb_name in _ROUND:
            _add_to_round(message, rounds)
            continue
        identity = _identity(message)
        if identity is None and message.request is not None:
            identity = of_request.get(message.request)
        if identity is not None:
            of_request[message.number] = identity
            by_id.setdefault(identity, []).append(message)
    for (kind, _), messages in by_id.items():
        if messages[0].kind is Kind.REQUEST and messages[0].verb_name in _BEGINNINGS:
            yield kind, messages
    for begun in rounds.values():
        for messages in begun:
            yield ConversationKind.GOSSIP, messages


def _add_to_round(message: Message, rounds: dict[tuple[str, str], list[list[Message]]]) -> None:
    """A SYN begins a round; ACK comes back to the oldest that waits for one, ACK2 ends the oldest that has one."""
    sender, receiver = message.sender.address, message.receiver.address
    if message.verb_name == "GOSSIP_DIGEST_SYN":
        rounds.setdefault((sender, receiver), []).append([message])
        return
    is_end = message.verb_name == "GOSSIP_DIGEST_ACK2"
    way = (sender, receiver) if is_end else (receiver, sender)
    had = 2 if is_end else 1
    begun = next((each for each in rounds.get(way, ()) if len(each) == had), None)
    if begun is not None:
        begun.append(message)


def _identity(message: Message) -> tuple[ConversationKind, object] | None:
    body = message.body if message.kind in {Kind.REQUEST, Kind.ONE_WAY} else None
    for name, kind in _IDENTITIES.items():
        value = getattr(body, name, None)
        if value is not None:
            pair = frozenset({message.sender.address, message.receiver.address})
            return kind, (value, pair)
    return None


def _course(kind: ConversationKind, conversations: Iterable[list[Message]], end_ns: int) -> Course:
    steps: set[str] = set()
    whole: list[set[str]] = []
    orders: Counter[tuple[str, str]] = Counter()
    count = 0
    for messages in conversations:
        firsts: dict[str, int] = {}
        begun_by = messages[0].sender.address
        for message in messages:
            way = "→" if message.sender.address == begun_by else "←"
            firsts.setdefault(f"{way} {message.verb_name} {message.kind.value}", len(firsts))
        count += 1
        steps |= firsts.keys()
        # A node that is just starting, or has just gone, does not answer a SYN.
        if kind is not ConversationKind.GOSSIP and _is_over(messages, end_ns):
            whole.append(set(firsts))
        orders.update((x, y) for x, y in permutations(firsts, 2) if firsts[x] < firsts[y])
    kept = {(x, y) for (x, y), times in orders.items() if times >= _ENOUGH and (y, x) not in orders}
    return Course(
        count=count,
        steps=frozenset(steps),
        always=frozenset.intersection(*map(frozenset, whole)) if whole else frozenset(),
        before=frozenset(kept),
        seen_before=frozenset(orders),
    )


def _is_over(messages: list[Message], end_ns: int) -> bool:
    """Whether the recording went on for longer than the conversation ever paused; how fast it is differs by machine."""
    pauses = (later.time_ns - earlier.time_ns for earlier, later in pairwise(messages))
    return end_ns - messages[-1].time_ns > max(pauses, default=_OPEN_NS)


_ROUND = frozenset({"GOSSIP_DIGEST_SYN", "GOSSIP_DIGEST_ACK", "GOSSIP_DIGEST_ACK2"})
_BEGINNINGS = frozenset({"PREPARE_MESSAGE", "REPAIR_ROW_LEVEL_START"})
_IDENTITIES = {"plan_id": ConversationKind.PLAN, "repair_meta_id": ConversationKind.REPAIR}
