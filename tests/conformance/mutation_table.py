"""Which change of one message each scenario notices: the table that ``mutations.md`` shows.

    python -m tests.conformance.mutation_table FOLDER

writes it anew, from the captures of real clusters in FOLDER.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import NamedTuple

from harness.events.message import Kind, Message, Protocol
from harness.expect.expectation import AtMost
from harness.expect.matcher import Matcher
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern
from harness.expect.verdict import Verdict
from harness.run import Run
from tests.conformance.mutation import Mutation, mutated
from tests.conformance.scenario_cases import ScenarioCase, outcome_of, scenario_cases, trace_of

TABLE = Path(__file__).with_name("mutations.md")
_HEADING = """# Which change of one message each scenario notices

Of each scenario, and each kind of message between nodes that its claim rests on, one message of a capture of a real
cluster is taken out, said twice, or said to another node; then the scenario runs again. FAIL and INCONCLUSIVE: a claim
of it is not PASS any more. *refused*: already the scenario's own steps do not go through. Each of them is red.

Written by `python -m tests.conformance.mutation_table FOLDER`; a test keeps it up to date.
"""


_NOTHING_SENT = "Its claim is that nodes say nothing; a MUTATION that is sent all the same makes it FAIL."
_PREFIXES = {Kind.REPLY: "reply to ", Kind.STREAM_DATA: "data of ", Kind.STREAM_END: "end of "}


class Row(NamedTuple):
    """What becomes of a scenario if messages of one kind are changed."""

    kind: str
    outcomes: tuple[str, ...]
    """One for each ``Mutation``."""
    reasons: tuple[str, ...]


def capture_of(case: ScenarioCase, folder: Path) -> Path:
    """The capture that is changed: the oldest line's."""
    return min(case.captures(folder), key=lambda path: ("4.2" not in str(path), str(path)))


def rows_of(case: ScenarioCase, path: Path) -> Iterator[Row]:
    """Try all changes on a scenario."""
    trace = trace_of(path)
    run = case.run(trace, path.name)
    for message in one_of_each_kind(run):
        outcomes = [outcome_of(case, mutated(trace, message, mutation), path.name) for mutation in Mutation]
        yield Row(
            kind_text(message),
            tuple(outcome for outcome, _ in outcomes),
            tuple(why for _, why in outcomes),
        )


def one_of_each_kind(run: Run) -> list[Message]:
    """Of the messages between nodes that a run's claims mean or are proved by, the first of each kind."""
    by_number = {message.number: message for message in run.trace}
    proof = [by_number[number] for number in sorted(_proof(judged.verdict for judged in run.verdicts))]
    found: dict[str, Message] = {}
    for message in [*proof, *_meant(run)]:
        if message.protocol is Protocol.RPC:
            found.setdefault(kind_text(message), message)
    return list(found.values())


def _meant(run: Run) -> Iterator[Message]:
    for judged in run.verdicts:
        index = MessageIndex(run.trace, judged.scope)
        for claim in judged.claims:
            for pattern in _patterns(claim):
                matcher = Matcher(pattern, index)
                for position in matcher.candidates():
                    if matcher.matches(index.messages[position]):
                        yield index.messages[position]


def _patterns(claim: object) -> Iterator[Pattern]:
    """The patterns in a claim that name a verb, but for those of which it wants no message."""
    if isinstance(claim, Pattern):
        if claim.verbs:
            yield claim
    elif isinstance(claim, tuple):
        for item in claim:
            yield from _patterns(item)
    elif is_dataclass(claim) and not (isinstance(claim, AtMost) and claim.count == 0):
        for field in fields(claim):
            yield from _patterns(getattr(claim, field.name))


def kind_text(message: Message) -> str:
    """Such as ``MUTATION``, ``reply to READ_DATA`` and ``data of STREAM_BLOB``."""
    return f"{_PREFIXES.get(message.kind, '')}{message.verb_name}"


def _proof(verdicts: Iterable[Verdict]) -> set[int]:
    numbers: set[int] = set()
    for verdict in verdicts:
        numbers |= {item.number for item in verdict.evidence}
        numbers |= _proof(verdict.parts)
    return numbers


def table_text(folder: Path) -> str:
    """The whole table, from the captures in a folder."""
    lines = [table_head()]
    for case in scenario_cases():
        path = capture_of(case, folder)
        lines += section_lines(case, path, folder, rows_of(case, path))
    return "\n".join(lines)


def table_head() -> str:
    """What stands above the first scenario."""
    return _HEADING


def section_lines(case: ScenarioCase, path: Path, folder: Path, rows: Iterable[Row]) -> list[str]:
    """The part of one scenario."""
    lines = [f"## {case.name}", "", f"on {path.relative_to(folder).with_suffix('').as_posix()}", ""]
    listed = list(rows)
    if not listed:
        return [*lines, _NOTHING_SENT, ""]
    lines += [
        f"| message | {' | '.join(mutation.value for mutation in Mutation)} |",
        f"|---|{'---|' * len(Mutation)}",
    ]
    lines += [f"| {row.kind} | {' | '.join(row.outcomes)} |" for row in listed]
    return [*lines, ""]


if __name__ == "__main__":
    TABLE.write_text(table_text(Path(sys.argv[1])), encoding="utf-8")
