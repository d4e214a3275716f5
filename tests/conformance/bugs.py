"""Which scenarios turn red when simulated nodes have a bug on purpose: the table that ``bugs.md`` shows.

    python -m tests.conformance.bugs

writes it anew, from simulated clusters.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from cassandra import DriverException

from harness.backends.simulated import SimulatedSite
from harness.backends.simulation.faults import FAULTS
from harness.clusters import Opened, started
from harness.errors import HarnessError
from harness.expect.explain import title_of
from harness.expect.scope import Scope
from harness.expect.verdict import Outcome
from harness.recording import Claim
from harness.run import Run
from tests.conformance.scenario_cases import Refused, ScenarioCase, refuse, scenario_cases

TABLE = Path(__file__).with_name("bugs.md")
_HEADING = """# Bugs put in on purpose, and the scenarios that find them

Each line is a run of a scenario on a simulated cluster whose nodes all have one bug; without it the scenario passes.
FAIL: a claim of it does not hold. *refused*: already its own steps do not go through.

    HARNESS_SIMULATED_FAULTS=lose_hint pytest scenarios -k hints

Written by `python -m tests.conformance.bugs`; a test keeps it up to date.

| bug | what the nodes do wrong | scenario | outcome | the claim that fails first |
|---|---|---|---|---|
"""
SCENARIOS = {
    "answer_before_consistency": ("write at all waits for every replica", "write at all times out"),
    "drop_forward": ("remote datacenter forwards a write", "local serial votes in its datacenter"),
    "skip_view_update": ("view follows its table rf 2",),
    "double_view_update": ("view follows its table rf 3",),
    "mispair_view_replicas": ("view follows its table rf 3",),
    "lose_hint": ("hints are handed over",),
    "hint_twice": ("hints are handed over",),
    "learn_before_accept": ("insert if not exists runs a round",),
    "skip_empty_round": ("second insert decides on nothing",),
    "ignore_digests": ("read at all repairs the replica",),
    "skip_read_repair": ("read at all repairs the replica",),
}
"""Of each bug, parts of the names of the scenarios that have to find it."""
WAITS_S = 5.0
"""How long a scenario waits here for what a bug may keep from coming."""


class Finding(NamedTuple):
    """What a scenario made of a bug."""

    outcome: str
    first: str
    """The claim that fails first."""


def case_named(part: str) -> ScenarioCase:
    """The scenario whose name has a part.

    Raises:
        LookupError: there is none, or there are several.
    """
    cases = [case for case in scenario_cases() if part in case.name]
    if len(cases) != 1:
        raise LookupError(f"{len(cases)} scenarios are called like {part!r}")
    return cases[0]


def finding(case: ScenarioCase, faults: Iterable[str]) -> Finding:
    """Run a scenario on a cluster of nodes with bugs.

    Raises:
        HarnessError: the cluster cannot be started.
    """
    opened = started(SimulatedSite.create(case.needs, faults))
    try:
        return _outcome(case, opened)
    finally:
        opened.close()


def row_of(fault: str, case: ScenarioCase, found: Finding) -> str:
    """One line of the table."""
    return f"| {fault} | {FAULTS[fault]} | {case.name} | {found.outcome} | {found.first} |"


def _outcome(case: ScenarioCase, opened: Opened) -> Finding:
    wait_until = opened.recorder.wait_until

    def wait_a_little(claim: Claim, scope: Callable[[], Scope], timeout_s: float) -> None:
        wait_until(claim, scope, min(timeout_s, WAITS_S))

    # What a bug keeps from coming is not worth a minute.
    opened.recorder.wait_until = wait_a_little  # type: ignore[method-assign]  # in this run alone
    run = Run(opened, case.name, on_verdict=refuse)
    try:
        case.play(run)
        run.finish()
    except Refused as refused:
        verdict = refused.judged.verdict
        first = next((part for part in verdict.parts or (verdict,) if not part), verdict)
        return Finding(str(verdict.outcome), title_of(first))
    except DriverException as error:
        return Finding("refused", f"the client gets {type(error).__name__}")
    except (HarnessError, AssertionError, pytest.fail.Exception) as error:
        return Finding("refused", str(error).partition("\n")[0])
    return Finding(str(Outcome.PASS), "")


def table_text(rows: Iterable[str]) -> str:
    """The whole file."""
    return _HEADING + "\n".join(rows) + "\n"


def main() -> None:
    """Write the table."""
    rows = []
    for fault, parts in SCENARIOS.items():
        for part in parts:
            case = case_named(part)
            rows.append(row_of(fault, case, finding(case, [fault])))
            sys.stderr.write(f"{rows[-1]}\n")
    TABLE.write_text(table_text(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
