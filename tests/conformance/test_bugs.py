"""With a bug put in on purpose, the scenarios for it turn red; without it they pass (``pytest scenarios``)."""

from pathlib import Path

import pytest

from harness.backends.simulation.faults import FAULTS
from tests.backends.network.networks import skip_without_namespaces
from tests.conformance.bugs import SCENARIOS, TABLE, Finding, case_named, finding, row_of, table_text

PAIRS = [(fault, part) for fault, parts in SCENARIOS.items() for part in parts]


@pytest.mark.namespaces
@pytest.mark.parametrize(("fault", "part"), PAIRS)
def test_a_bug_turns_the_scenario_for_it_red(fault: str, part: str, tmp_path: Path) -> None:
    skip_without_namespaces(tmp_path)
    case = case_named(part)
    found = finding(case, [fault])
    # INCONCLUSIVE would mean that the harness takes a bug for a loss of its own.
    assert found.outcome in {"FAIL", "refused"}, row_of(fault, case, found)
    # Which claim is the first that fails, and how, is a matter of chance for some: where rows are, who sends first.
    named = row_of(fault, case, Finding("", "")).rstrip("| ")
    assert named in TABLE.read_text(encoding="utf-8"), "python -m tests.conformance.bugs"


def test_the_table_lists_every_bug_in_order() -> None:
    text = TABLE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith(tuple(f"| {fault} |" for fault in FAULTS))]
    assert text == table_text(rows)
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [fault for fault, _ in PAIRS]
    assert set(SCENARIOS) == set(FAULTS)
