"""Two flows held against each other: what differs, as values.

Free choice is left free: which replicas a read asks, whether a coordinator reads from itself, one speculative request
more, which view updates the ring makes visible. Of these the forms are compared, not the counts.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.codec.verbs.read_command import SliceOption
from harness.golden.normal_form import Answer, Flow, Sent, Step, Wait
from harness.golden.step_kind import FREE_IN_CHOICE, UNCOUNTED, StepKind
from harness.golden.structure import Structure

NOTHING = "nothing"
_LIMITS = ("row_limit_low", "partition_limit")
"""Of a scan, they fall as rows are found."""
_PLACES = ("partitions.start", "partitions.end")
"""Of a scan: where on the ring, at a token or at the key where a page ended."""
_NUMBER = re.compile(r"(?<=[a-z_]) \d+$")


class Difference(NamedTuple):
    """One thing in which two flows differ."""

    where: str
    """The step and the message: ``write of ks.t by coordinator: MUTATION``."""
    what: str
    """``steps``, ``copies``, ``answers``, ``receivers``, ``begins after``, ``awaits``, or the path of a field."""
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.first} | {self.second}"


def flow_differences(first: Flow, second: Flow) -> tuple[Difference, ...]:
    """In what two flows of the same statement differ; empty: in nothing that is not left free."""
    # A coordinator that leads a counter itself awaits others than one that leaves that to a replica.
    leads = [any(step.kind is StepKind.COUNTER for step in flow.steps) for flow in (first, second)]
    found: list[Difference] = []
    if leads[0] == leads[1]:
        found += _waits_difference("result", first.result_waits, second.result_waits)
    if (first.result is None) != (second.result is None):
        there = ["there" if flow.result is not None else NOTHING for flow in (first, second)]
        found.append(Difference("result", "answers", *there))
    elif first.result is not None and second.result is not None:
        found += structure_differences("result", first.result, second.result)
    if first.strays != second.strays:
        found.append(Difference("answers to nothing", "count", str(first.strays), str(second.strays)))
    groups: defaultdict[tuple[StepKind, str], tuple[list[Step], list[Step]]] = defaultdict(lambda: ([], []))
    for index, flow in enumerate((first, second)):
        for step in flow.steps:
            groups[step.kind, step.table][index].append(step)
    for (kind, table), (ours, theirs) in groups.items():
        where = f"{kind.value}{f' of {table}' if table else ''}"
        if kind in UNCOUNTED:
            found += _uncounted_differences(where, ours, theirs)
        elif all(step.copies is None for step in (*ours, *theirs)):
            found += _folded_differences(where, ours, theirs)
        else:
            if kind is StepKind.READ and max(len(ours), len(theirs)) > 1:
                # Reads of several partitions share their command: a local read of one shows in those of others.
                ours, theirs = ([_unnumbered(step) for step in steps] for steps in (ours, theirs))
            found += _step_differences(where, ours, theirs)
    return tuple(dict.fromkeys(found))


def pooled_differences(first: Sequence[Flow], second: Sequence[Flow]) -> tuple[Difference, ...]:
    """In what the forms of messages differ in flows whose course is chance, all of them taken together."""
    found: list[Difference] = []
    sides = [[step for flow in flows for step in flow.steps] for flows in (first, second)]
    for kind in dict.fromkeys(step.kind for side in sides for step in side):
        ours, theirs = ([_unnumbered(step) for step in side if step.kind is kind] for side in sides)
        if bool(ours) != bool(theirs):
            found.append(Difference(kind.value, "steps", _there(ours), _there(theirs)))
        found += _forms_differences(kind.value, ours, theirs)
    return tuple(dict.fromkeys(found))


def unseen_differences(first: Sequence[Flow], second: Sequence[Flow]) -> tuple[Difference, ...]:
    """Of flows whose course is chance: which forms of messages the second show that none of the first has.

    Args:
        first: as many as there are, so that what chance may bring is among them.
        second: of one run.
    """
    seen, found = _seen_forms(first), list[Difference]()
    for where, forms in _seen_forms(second).items():
        if where not in seen:
            found.append(Difference(where, "messages", NOTHING, "some"))
            continue
        for form in forms:
            found += _nearest([structure_differences(where, known, form) for known in seen[where]])
    return tuple(dict.fromkeys(found))


_LATE_IN_RACE = {"timeout": {"1000 ms": "2000 ms"}}
"""What a race leaves of the time of a write: it ends in a second (cas_contention_timeout_in_ms)."""


def _seen_forms(flows: Sequence[Flow]) -> dict[str, list[Structure]]:
    """By kind of step and verb, the forms of the messages and of their answers."""
    found: defaultdict[str, list[Structure]] = defaultdict(list)
    for step in (step for flow in flows for step in flow.steps):
        for sent in map(_unnumbered_sent, step.sent):
            where = f"{step.kind.value}: {sent.verb}"
            found[where].append(
                {path: _LATE_IN_RACE.get(path, {}).get(text, text) for path, text in sent.structure.items()}
            )
            for answer in sent.answers:
                found[f"{where}: {answer.verb}"].append(answer.structure)
    return found


def _unnumbered(step: Step) -> Step:
    return replace(step, sent=tuple(_unnumbered_sent(sent) for sent in step.sent))


def _unnumbered_sent(sent: Sent) -> Sent:
    answers = tuple(
        answer._replace(structure=_unnumbered_structure(answer.structure)) for answer in sent.answers
    )
    return sent._replace(structure=_unnumbered_structure(sent.structure), answers=answers)


def _unnumbered_structure(structure: Structure) -> Structure:
    """The same without what is the ring's or chance: which ballot, how much is left to read, who read before."""
    return {
        path: unnumbered_text(path, text) for path, text in structure.items() if not path.startswith(_PLACES)
    }


def unnumbered_text(path: str, text: str) -> str:
    """What a field holds without what is the ring's or chance."""
    if path.endswith(_LIMITS):
        return "number"
    if path.endswith("slice.options"):
        # Set in the command that a coordinator sends if it has read from itself before.
        return str(SliceOption(int(text)) & ~SliceOption.WITH_DIGEST)
    return _NUMBER.sub("", text)


def structure_differences(where: str, first: Structure, second: Structure) -> list[Difference]:
    """Fields that only one has, and those that hold something else."""
    paths = dict.fromkeys((*first, *second))
    return [
        Difference(where, path, first.get(path, "absent"), second.get(path, "absent"))
        for path in paths
        if first.get(path) != second.get(path)
    ]


def _step_differences(where: str, ours: list[Step], theirs: list[Step]) -> list[Difference]:
    found: list[Difference] = []
    if len(ours) != len(theirs):
        found.append(Difference(where, "steps", str(len(ours)), str(len(theirs))))
    left = list(theirs)
    for step in ours:
        if not left:
            break
        # The order of steps of a kind is the ring's: the one that is most alike is meant.
        options = [_pair_differences(where, step, other) for other in left]
        best = min(range(len(left)), key=lambda index: len(options[index]))
        found += options[best]
        del left[best]
    return found


def _pair_differences(where: str, ours: Step, theirs: Step) -> list[Difference]:
    found: list[Difference] = []
    if ours.sender != theirs.sender and "replica" not in ours.sender:
        found.append(Difference(where, "sender", ours.sender, theirs.sender))
    if ours.heard != theirs.heard:
        found.append(Difference(where, "begins after", ours.heard or NOTHING, theirs.heard or NOTHING))
    if ours.copies != theirs.copies:
        found.append(Difference(where, "copies", str(ours.copies), str(theirs.copies)))
    found += _waits_difference(where, ours.waits, theirs.waits)
    is_free = ours.kind in FREE_IN_CHOICE or ours.own != theirs.own
    if not is_free:
        pairs = [
            Counter((sent.verb, sent.sender, sent.receiver) for sent in step.sent) for step in (ours, theirs)
        ]
        if pairs[0] != pairs[1] and ours.copies == theirs.copies:
            found.append(Difference(where, "receivers", _counted(pairs[0]), _counted(pairs[1])))
    if ours.kind is StepKind.READ and (ours.own != theirs.own or len(ours.sent) != len(theirs.sent)):
        ours, theirs = _unnumbered(ours), _unnumbered(theirs)
    found += _sent_differences(where, ours.sent, theirs.sent, with_roles=not is_free)
    return found


def _folded_differences(where: str, ours: list[Step], theirs: list[Step]) -> list[Difference]:
    """Of steps whose number is the ring's: whether there are any, and the forms of their messages."""
    found: list[Difference] = []
    ours, theirs = ([_unnumbered(step) for step in steps] for steps in (ours, theirs))
    if bool(ours) != bool(theirs):
        found.append(Difference(where, "steps", _there(ours), _there(theirs)))
    ours_waits, theirs_waits = ({step.waits for step in steps} for steps in (ours, theirs))
    if ours and theirs and ours_waits != theirs_waits:
        found += _waits_difference(where, min(ours_waits), min(theirs_waits))
    return found + _forms_differences(where, ours, theirs)


def _uncounted_differences(where: str, ours: list[Step], theirs: list[Step]) -> list[Difference]:
    """Of steps that one run may show and another not: forms alone, where both show any."""
    found: list[Difference] = []
    ours, theirs = ([_unnumbered(step) for step in steps] for steps in (ours, theirs))
    ours_heard, theirs_heard = (
        {bool(step.heard) or step.sender == "coordinator" for step in steps} for steps in (ours, theirs)
    )
    if ours and theirs and ours_heard != theirs_heard:
        found.append(Difference(where, "begins after", str(ours_heard), str(theirs_heard)))
    changes = {_change(sent) for step in ours for sent in step.sent} & {
        _change(sent) for step in theirs for sent in step.sent
    }
    for change in sorted(changes):
        found += _sent_differences(
            where,
            *(
                [sent for step in steps for sent in step.sent if _change(sent) == change]
                for steps in (ours, theirs)
            ),
            with_roles=False,
        )
    return found


def _change(sent: Sent) -> tuple[str, ...]:
    """What a message does to rows: each shown one is compared with those that do the same."""
    return (
        sent.verb,
        *(
            f"{path} {text.partition(' ')[0]}"
            for path, text in sorted(sent.structure.items())
            if path.endswith((".marker:", "deleted_at.timestamp", "tombstone.timestamp"))
        ),
    )


def _forms_differences(where: str, ours: list[Step], theirs: list[Step]) -> list[Difference]:
    return _sent_differences(
        where,
        [sent for step in ours for sent in step.sent],
        [sent for step in theirs for sent in step.sent],
        with_roles=False,
    )


def _sent_differences(
    where: str, ours: Sequence[Sent], theirs: Sequence[Sent], *, with_roles: bool
) -> list[Difference]:
    """Each form of a message has to be found on the other side too, where that has messages of the verb."""
    found: list[Difference] = []
    for verb in dict.fromkeys(sent.verb for sent in (*ours, *theirs)):
        name = f"{where}: {verb}"
        mine, others = ([sent for sent in side if sent.verb == verb] for side in (ours, theirs))
        if not mine or not others:
            continue
        found += _forms(name, [sent.structure for sent in mine], [sent.structure for sent in others])
        answers = [[answer for sent in side for answer in sent.answers] for side in (mine, others)]
        found += _answer_differences(name, mine, others, answers[0], answers[1], with_roles=with_roles)
    return found


def _answer_differences(
    where: str,
    mine: Sequence[Sent],
    others: Sequence[Sent],
    my_answers: Sequence[Answer],
    other_answers: Sequence[Answer],
    *,
    with_roles: bool,
) -> list[Difference]:
    found: list[Difference] = []
    counts = [Counter(_answered(sent) for sent in side) for side in (mine, others)]
    is_equal = (
        counts[0] == counts[1]
        if with_roles and len(mine) == len(others)
        else set(counts[0]) == set(counts[1])
    )
    if not is_equal:
        found.append(Difference(where, "answers", _counted(counts[0]), _counted(counts[1])))
    for verb in dict.fromkeys(answer.verb for answer in (*my_answers, *other_answers)):
        forms = [
            [answer.structure for answer in side if answer.verb == verb]
            for side in (my_answers, other_answers)
        ]
        if forms[0] and forms[1]:
            found += _forms(f"{where}: {verb}", forms[0], forms[1])
    if with_roles:
        ways = [
            Counter((answer.verb, answer.receiver) for answer in side) for side in (my_answers, other_answers)
        ]
        if set(ways[0]) != set(ways[1]) and is_equal:
            found.append(Difference(where, "receivers of answers", _counted(ways[0]), _counted(ways[1])))
    return found


def _answered(sent: Sent) -> str:
    return ", ".join(answer.verb for answer in sent.answers) or NOTHING


def _forms(where: str, ours: Sequence[Structure], theirs: Sequence[Structure]) -> list[Difference]:
    """For each form that the other side lacks: how the one most alike differs."""
    mine = list({tuple(form.items()): form for form in ours}.values())
    others = list({tuple(form.items()): form for form in theirs}.values())
    found: list[Difference] = []
    for form in mine:
        found += _nearest([structure_differences(where, form, other) for other in others])
    for form in others:
        found += _nearest([structure_differences(where, other, form) for other in mine])
    return found


def _nearest(options: Sequence[list[Difference]]) -> list[Difference]:
    return min(options, key=_count)


def _count(option: list[Difference]) -> int:
    return len(option)


def _waits_difference(where: str, ours: Sequence[Wait], theirs: Sequence[Wait]) -> list[Difference]:
    if tuple(ours) == tuple(theirs):
        return []
    return [Difference(where, "awaits", waits_text(ours), waits_text(theirs))]


def waits_text(waits: Iterable[Wait]) -> str:
    """Such as ``2 answers to prepare``."""
    return ", ".join(f"{wait.answers} answers to {wait.kind.value}" for wait in waits) or NOTHING


def _there(steps: Sequence[Step]) -> str:
    return "some" if steps else NOTHING


def _counted(counts: Counter[tuple[str, str, str]] | Counter[tuple[str, str]] | Counter[str]) -> str:
    items = [
        f"{count} × {item if isinstance(item, str) else ' '.join(item)}"
        for item, count in sorted(counts.items())
    ]
    return ", ".join(items) or NOTHING
