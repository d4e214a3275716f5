"""Every update of a view, as a claim on it finds them: pairs of nodes, with what went between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.events.message import Message
from harness.expect.base_writes import BaseWrite
from harness.expect.finding import Finding
from harness.expect.verdict import Evidence, StepState, TranscriptStep, Verdict, evidence_of
from harness.expect.view_change import ChangeKind


class PairState(Enum):
    """What became of an update that is due."""

    SEEN = "seen"
    LOCAL = "local"
    """Base replica and view replica are one node."""
    NOT_SEEN = "not seen"
    UNPAIRED = "unpaired"
    """Nobody is paired with the base replica, or it is not known who."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One update of one view row, from a base replica to its view replica."""

    write: BaseWrite
    base_key: str
    """Of the row, as CQL writes it."""
    view_key: str
    kind: ChangeKind
    base_replica: str
    view_replica: str | None
    state: PairState
    update: Message | None = None
    acknowledgement: Message | None = None

    def __str__(self) -> str:
        nodes = f"{self.base_replica} → {self.view_replica or 'nobody'}"
        if self.state is PairState.LOCAL:
            nodes = f"{self.base_replica} alone"
        word = "writes" if self.kind is ChangeKind.PUT else "deletes"
        return f"{nodes}: ({self.base_key}) {word} row ({self.view_key}) of the view"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewReport:
    """Every update of a view, and what is wrong with them."""

    verdict: Verdict
    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What had to be taken for granted."""


def transcript_of(pairs: Sequence[Pair], notes: Iterable[str]) -> Iterator[TranscriptStep]:
    """The updates of each write, line by line, and what had to be taken for granted."""
    heading = ""
    for pair in pairs:
        if pair.write.origin != heading:
            heading = pair.write.origin
            yield TranscriptStep(depth=0, text=heading, state=StepState.HEADING)
        yield _line(pair)
    for note in notes:
        yield TranscriptStep(depth=0, text=note, state=StepState.HEADING)


def proof_of(pairs: Iterable[Pair]) -> Iterator[Evidence]:
    """The messages that show that the updates came."""
    for pair in pairs:
        if pair.update is not None:
            yield from _proof_of(pair.update, pair.acknowledgement, str(pair))


_STATES = {
    PairState.SEEN: StepState.SEEN,
    PairState.LOCAL: StepState.HOLDS,
    PairState.NOT_SEEN: StepState.MISSING,
    PairState.UNPAIRED: StepState.LEFT_OUT,
}


def _line(pair: Pair) -> TranscriptStep:
    messages = () if pair.update is None else tuple(_proof_of(pair.update, pair.acknowledgement, str(pair)))
    note = "not on the wire" if pair.state is PairState.LOCAL else ""
    return TranscriptStep(depth=1, text=str(pair), state=_STATES[pair.state], messages=messages, note=note)


def _proof_of(update: Message, acknowledgement: Message | None, what: str) -> Iterator[Evidence]:
    yield evidence_of(update, what)
    if acknowledgement is not None:
        yield evidence_of(acknowledgement, f"acknowledges {what}")
