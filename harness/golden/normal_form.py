"""A statement's messages in a form that runs share: steps, with what each one awaits, and roles instead of nodes.

Replicas run ahead of each other freely, so the order of packets says little. What has to come before what is kept:

* a reply comes after its request, an acknowledgement after its write: they are parts of one ``Sent``;
* a step comes after what its sender was told first (``heard``): a view update after the write to the base table;
* a step, and the client's answer, come after as many answers as they have to await (``waits``): more than that many
  may be there already or not. A coordinator's own part counts as an answer.
"""

from dataclasses import dataclass
from typing import NamedTuple

from harness.golden.step_kind import StepKind
from harness.golden.structure import Structure

CLIENT = "client"
COORDINATOR = "coordinator"


class Answer(NamedTuple):
    """What answers a message."""

    verb: str
    sender: str
    receiver: str
    structure: Structure


class Sent(NamedTuple):
    """A message of a step, with what answers it."""

    verb: str
    sender: str
    receiver: str
    structure: Structure
    answers: tuple[Answer, ...]


class Wait(NamedTuple):
    """How many answers to the steps of a kind are there before something goes on."""

    kind: StepKind
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Messages that one node sends for one purpose, with what is sent on because of them."""

    kind: StepKind
    table: str
    sender: str
    heard: str
    """What its sender had been sent before; empty: nothing."""
    waits: tuple[Wait, ...]
    copies: int | None
    """How many nodes it reaches, the sender's own part with them; None: that depends on the ring, or on chance."""
    own: bool
    """Whether its sender has a part in it without a message."""
    sent: tuple[Sent, ...]

    @property
    def name(self) -> str:
        """Such as ``write to ks.t by the coordinator``."""
        about = f" of {self.table}" if self.table else ""
        return f"{self.kind.value}{about} by {self.sender}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A statement in normal form."""

    text: str
    consistency_level: str
    """Empty where it means nothing, as to changes of the schema."""
    coordinator_has_part: bool
    """Whether the coordinator stores what the statement is about."""
    is_contended: bool
    """Whether other transactions got in between its rounds: how many there are is chance."""
    steps: tuple[Step, ...]
    """In the order in which they begin, those of the coordinator first."""
    result_waits: tuple[Wait, ...]
    """Which answers are there when the client hears."""
    result: Structure | None
    """None: no answer came."""
    strays: tuple[str, ...]
    """Answers to nothing."""
