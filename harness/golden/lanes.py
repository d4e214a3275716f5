"""A statement of two runs side by side: each step, what it awaits, its messages; the same beside the same."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from harness.golden.compare import waits_text
from harness.golden.normal_form import CLIENT, COORDINATOR, Flow, Sent, Step


class LaneRow(NamedTuple):
    """One line of both lanes."""

    first: str
    second: str

    @property
    def is_equal(self) -> bool:
        """Whether both say the same."""
        return self.first == self.second


def lanes_of(first: Flow, second: Flow) -> tuple[LaneRow, ...]:
    """Both flows, line by line; what only one has stands beside nothing."""
    ours, theirs = list(_lines(first)), list(_lines(second))
    rows: list[LaneRow] = []
    for tag, begin, end, other_begin, other_end in SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_opcodes():
        left, right = ours[begin:end], theirs[other_begin:other_end]
        if tag == "equal":
            rows += [LaneRow(line, line) for line in left]
        else:
            rows += [LaneRow(*pair) for pair in zip_longest(left, right, fillvalue="")]
    return tuple(rows)


def _lines(flow: Flow) -> Iterator[str]:
    yield f"{CLIENT} → {COORDINATOR}  statement"
    for step in flow.steps:
        yield _heading(step)
        yield from _sent_lines(step.sent)
    if flow.result is not None:
        awaited = f" after {waits_text(flow.result_waits)}" if flow.result_waits else ""
        yield f"{COORDINATOR} → {CLIENT}  result{awaited}"
    for stray in flow.strays:
        yield f"{stray} that answers nothing"


def _heading(step: Step) -> str:
    notes = []
    if step.heard:
        notes.append(f"after {step.heard}")
    if step.waits:
        notes.append(f"after {waits_text(step.waits)}")
    return f"{step.name}{': ' if notes else ''}{', '.join(notes)}"


def _sent_lines(messages: Sequence[Sent]) -> Iterator[str]:
    for sent in messages:
        answers = ", ".join(answer.verb for answer in sent.answers) or "no answer"
        yield f"  {sent.sender} → {sent.receiver}  {sent.verb}; {answers}"
