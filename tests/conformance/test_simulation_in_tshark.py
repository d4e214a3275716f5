"""Stock tshark reads simulated captures as well as those of real nodes."""

import shutil
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.conformance.scenario_cases import ScenarioCase
from tests.conformance.simulated_runs import OLD, SimulatedRuns, cases_of_the_line, real_capture
from tests.conformance.tshark_troubles import Trouble, requested_verbs, troubles_of

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.tshark,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark"),
]
CASES = tuple(cases_of_the_line())
_ROWS = Trouble("malformed", "8/2", "")
_PAXOS = frozenset(Trouble("malformed", "", verb) for verb in ("39", "40"))
_ROW_STREAMS = frozenset(Trouble("malformed", "", verb) for verb in ("36", "37", "38"))
_ELSEWHERE = frozenset({_ROWS}) | _PAXOS | _ROW_STREAMS
"""What captures of real nodes show, but not always that of the same scenario: in each simulated run the driver learns of
new tables (and tshark stumbles over every row of system_schema.tables), and whether two replies share a packet is chance
(tshark takes the second one for malformed if it is as short as that to PAXOS_ACCEPT). It knows no streams: over which
of the three that repair opens it stumbles depends on who has missed rows."""


@cache
def _troubles(capture: Path) -> Counter[Trouble]:
    return troubles_of(capture)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tshark_stumbles_over_nothing_else(
    reference: Path, simulated_runs: SimulatedRuns, case: ScenarioCase
) -> None:
    capture = simulated_runs.capture(case)
    assert capture is not None, simulated_runs.output[-4000:]
    known = set(_troubles(real_capture(case, reference))) | _ELSEWHERE
    assert [trouble for trouble in troubles_of(capture) if trouble not in known] == []


@pytest.mark.parametrize("name", ["base/schema", "errors/lwt_race_three_coordinators", "faults/repair"])
def test_what_is_excused_is_seen_of_real_nodes(reference: Path, name: str) -> None:
    assert set(_troubles(reference / OLD / f"{name}.pcapng")) & _ELSEWHERE


def test_tshark_reads_the_simulated_verbs(reference: Path, simulated_runs: SimulatedRuns) -> None:
    # A capture in which it recognised nothing would be free of trouble too.
    (case,) = [case for case in CASES if "quorum write waits for one remote replica" in case.name]
    capture = simulated_runs.capture(case)
    assert capture is not None
    mutation, done, definitions_update = "1", "2", "11"
    seen = requested_verbs(capture)
    assert {mutation, done} <= seen
    assert seen >= requested_verbs(real_capture(case, reference)) - {definitions_update}
