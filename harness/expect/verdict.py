"""Verdicts: whether a claim holds, with the messages that prove it.

What is lost or cannot be decoded counts only where it could matter: within the scope's time and connections, on a
connection of the claimed nodes and direction, and for the claimed kind of message.

===============================  ===========  =====================================  ==========================
claim                            PASS         FAIL                                   INCONCLUSIVE
===============================  ===========  =====================================  ==========================
a step, ``in_order``, ``each``,  messages     no messages fit, and none that fit     none fit, but some that
``quorum``, ``within``, ...      fit          could be hidden                        fit could be hidden
``at_least(n)``                  n are seen   fewer, and none could be hidden        fewer, some could be hidden
``exactly(n)``                   n are seen,  more are seen; or fewer, and none      not more are seen, but some
                                 none could   could be hidden                        could be hidden
                                 be hidden
``at_most(n)``, ``never``        at most n    more are seen                          at most n are seen, but more
                                 are seen,                                           could be hidden
                                 none could
                                 be hidden
``before(p, q)``                 each q seen  a q is seen without a p before it,     a q without a p could be
                                 has its p,   and no p could be hidden; or no q is   hidden, or a p, or the only q
                                 no q could   seen, and none could be hidden
                                 be hidden
``optional(e)``                  it is in     it is seen elsewhere                   it is not seen, but could be
                                 place, or                                           hidden elsewhere
                                 not seen and
                                 not hidden
all of several claims            all PASS     one FAIL                               one INCONCLUSIVE, no FAIL
a search that took too long      never        never                                  always
===============================  ===========  =====================================  ==========================

A claim of several parts FAILs only if no messages that could be hidden make all of it true at once. A proven
contradiction stays FAIL, whatever was lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from harness.events.message import Message


class Outcome(Enum):
    """What is known of a claim."""

    PASS = "PASS"  # noqa: S105  (no password)
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    """The capture does not tell; it is no pass."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A message that shows something."""

    number: int
    """Of the message in its trace."""
    frame_first: int
    """Packet that holds its first byte."""
    frame_last: int
    """Packet that completes it; Wireshark shows it there."""
    what: str
    """What it shows: the step that it stands for, or why it counts."""


class StepState(Enum):
    """What became of a line of a claim."""

    HEADING = "heading"
    """It says something of the lines below it."""
    SEEN = "seen"
    MISSING = "missing"
    """No message can stand for it."""
    HIDDEN = "hidden"
    """No message can stand for it, but one could be hidden."""
    HOLDS = "holds"
    """Of what is counted: it is as claimed."""
    BROKEN = "broken"
    """Of what is counted, or of a time: it is not as claimed."""
    LEFT_OUT = "left out"
    """Optional, and not there; or of a node that the quorum does without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """The message that comes nearest to a step, and the first thing that differs."""

    message: Evidence
    field: str
    claimed: str
    seen: str
    other: Evidence | None = None
    """The message that it would have to come before or behind, or to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptStep:
    """A line of a claim, and what was seen of it."""

    depth: int
    text: str
    state: StepState
    messages: tuple[Evidence, ...] = ()
    """What stands for it; of what is broken, what breaks it."""
    nearest: NearMiss | None = None
    note: str = ""
    """What else is to be said, such as how many were counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a claim holds. True only for PASS."""

    outcome: Outcome
    claim: str
    """In words; its first line names it."""
    reasons: tuple[str, ...] = ()
    """Why it is not PASS."""
    evidence: tuple[Evidence, ...] = ()
    """Of PASS, what proves it; of FAIL, what refutes it, or comes nearest."""
    transcript: tuple[TranscriptStep, ...] = ()
    """The claim line by line, with what was seen."""
    captured: tuple[tuple[str, str], ...] = ()
    """Captures with the values that they got, in words."""
    parts: tuple["Verdict", ...] = ()
    """Of several claims, the verdict of each."""
    scope: str = ""
    """What part of the trace was looked at, and how that was found."""

    def __bool__(self) -> bool:
        return self.outcome is Outcome.PASS

    @property
    def frames(self) -> tuple[int, ...]:
        """Packets to look at, ascending: those of the evidence, its own and that of its parts that are not PASS."""
        found = {item.frame_last for item in self.evidence}
        for part in self.parts:
            if part.outcome is not Outcome.PASS or self.outcome is Outcome.PASS:
                found.update(part.frames)
        return tuple(sorted(found))

    @property
    def display_filter(self) -> str:
        """What to type into Wireshark to see these packets; empty: there are none."""
        return display_filter(self.frames)

    def named(self, name: str) -> "Verdict":
        """The same verdict under a name of its own."""
        return replace(self, claim=name)


def display_filter(frames: Iterable[int]) -> str:
    """``frame.number == 277 || frame.number == 281``: shows packets in Wireshark."""
    return " || ".join(f"frame.number == {frame}" for frame in frames)


def evidence_of(message: Message, what: str) -> Evidence:
    """A message as evidence."""
    return Evidence(
        number=message.number, frame_first=message.frame_first, frame_last=message.frame_last, what=what
    )


def all_of(verdicts: Iterable[Verdict], *, claim: str = "all claims") -> Verdict:
    """One verdict of several: FAIL if one is, else INCONCLUSIVE if one is, else PASS; no verdicts: PASS.

    Args:
        verdicts: of the claims, which become the parts.
        claim: what the whole is called.
    """
    parts = tuple(verdicts)
    outcomes = {part.outcome for part in parts}
    worst = next(
        (outcome for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE) if outcome in outcomes), Outcome.PASS
    )
    reasons = tuple(
        f"{part.claim.splitlines()[0]}: {reason}"
        for part in parts
        if part.outcome is worst and worst is not Outcome.PASS
        for reason in part.reasons[:1]
    )
    scopes = dict.fromkeys(part.scope for part in parts if part.scope)
    return Verdict(outcome=worst, claim=claim, reasons=reasons, parts=parts, scope="; ".join(scopes))
