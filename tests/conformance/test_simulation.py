"""The simulated cluster says what real nodes say: same causal order, same structure, message by message."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.dissect.reading import read_trace
from harness.events.message import Protocol
from harness.events.statement_scope import statement_scopes
from harness.golden.compare import Difference, unseen_differences
from harness.golden.comparison import Comparison, compare_flows
from harness.golden.conversations import course_differences, courses_of
from harness.golden.flows import statement_flows
from harness.golden.normal_form import Answer, Flow
from harness.golden.vocabulary import Vocabulary, merged, vocabulary_differences, vocabulary_of
from tests.conformance.listed_differences import MESSAGES, OF_DECISION, Listed, is_of_pruning
from tests.conformance.mutation import Mutation, mutated
from tests.conformance.scenario_cases import ScenarioCase
from tests.conformance.simulated_runs import (
    OLD,
    SimulatedRuns,
    cases_of_the_line,
    compared,
    real_capture,
    real_flows,
)

pytestmark = pytest.mark.namespaces
CASES = tuple(cases_of_the_line())
_NOT_READ = frozenset({"bulk_quorum", "whole_views", "whole_base"})
"""Large captures that show nothing which others do not."""
_TRANSACTIONS = (
    "base/lwt_contention.pcapng",
    "errors/lwt_race_three_coordinators.pcapng",
    # What a decision has written is forgotten; who has missed it learns as little as where nothing was to be written.
    "base/lwt_conditions.pcapng",
    "base/lwt_insert_twice.pcapng",
)
_RACES_MIN = 10


def comparison(case: ScenarioCase, reference: Path, runs: SimulatedRuns) -> Comparison:
    capture = runs.capture(case)
    if capture is None:
        pytest.fail(f"{case.name} left no report:\n{runs.output[-4000:]}")
    return _compared(case.name, reference, capture)


@cache
def _compared(name: str, reference: Path, capture: Path) -> Comparison:
    (case,) = [case for case in CASES if case.name == name]
    return compared(case, reference, capture)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_scenario_goes_as_on_real_nodes(
    reference: Path, simulated_runs: SimulatedRuns, case: ScenarioCase
) -> None:
    found = comparison(case, reference, simulated_runs)
    assert [each.flow.text for each in found.only_first] == []
    differences = [
        difference
        for each in found.statements
        for difference in each.differences
        if not is_of_pruning(difference)
    ]
    # Where some race, which rounds meet is chance; each message has to look like one of real nodes all the same.
    differences += unseen_differences(_real_transactions(reference), [flow for _, flow in races_of(found)])
    assert [str(difference) for difference in differences] == []


def races_of(found: Comparison) -> list[tuple[Flow, Flow]]:
    """The transactions of both runs that others got in between of."""
    return [(one.flow, other.flow) for one, other in found.contended]


@cache
def _real_transactions(reference: Path) -> tuple[Flow, ...]:
    flows = [each for name in _TRANSACTIONS for each in statement_flows(read_trace(reference / OLD / name))]
    return tuple(each.flow for each in flows if each.statement.is_conditional)


def test_transactions_race_and_see_decisions_before_and_after_they_are_pruned(
    reference: Path, simulated_runs: SimulatedRuns
) -> None:
    (case,) = [case for case in CASES if case.name.endswith("contended updates keep the order of paxos")]
    races = races_of(comparison(case, reference, simulated_runs))
    assert len(races) > _RACES_MIN
    for flows in zip(*races, strict=True):
        assert {"0", "1"} <= {rows_of_commits(answer) for flow in flows for answer in answers_of(flow)}


def answers_of(flow: Flow) -> Iterator[Answer]:
    for step in flow.steps:
        for sent in step.sent:
            yield from sent.answers


def rows_of_commits(answer: Answer) -> str | None:
    """How many rows the newest decision in a promise changes; once pruned, none."""
    return answer.structure.get(f"{OF_DECISION}[]")


@pytest.mark.parametrize("mutation", Mutation, ids=lambda mutation: mutation.value)
@pytest.mark.parametrize(
    "name",
    [
        "quorum write waits for one remote replica",
        "insert if not exists runs a round of paxos",
        "remote datacenter forwards a write",
        "truncate is done by all nodes",
    ],
)
def test_a_changed_message_is_told(
    reference: Path, simulated_runs: SimulatedRuns, name: str, mutation: Mutation
) -> None:
    (case,) = [case for case in CASES if case.name.endswith(name)]
    capture = simulated_runs.capture(case)
    assert capture is not None, simulated_runs.output[-4000:]
    real = real_flows(case, real_capture(case, reference))
    trace = read_trace(capture)
    (compared_one,) = compare_flows(real, statement_flows(trace)).statements
    scope = statement_scopes(trace).of(compared_one.second.statement)
    messages = {
        (message.verb_name, message.kind): message
        for message in scope.messages
        if message.protocol is Protocol.RPC
    }
    assert messages
    unseen = [
        message.verb_name
        for message in messages.values()
        if not compare_flows(real, statement_flows(mutated(trace, message, mutation))).differences
    ]
    assert unseen == []


def test_statements_are_compared_in_most_scenarios(reference: Path, simulated_runs: SimulatedRuns) -> None:
    found = [comparison(case, reference, simulated_runs) for case in CASES]
    # The others are about nodes that stop, join, leave, and gossip.
    assert sum(not each.is_empty for each in found) >= len(CASES) - 5


@pytest.mark.parametrize(
    "name",
    [
        "joining node streams its ranges plan by plan",
        "leaving node streams its ranges to the others",
        "repair meets its followers range by range",
        "every question is answered and the answer too",
    ],
)
def test_nodes_talk_in_the_same_course(reference: Path, simulated_runs: SimulatedRuns, name: str) -> None:
    (case,) = [case for case in CASES if case.name.endswith(name)]
    capture = simulated_runs.capture(case)
    assert capture is not None, simulated_runs.output[-4000:]
    real = courses_of(read_trace(real_capture(case, reference)))
    assert [str(each) for each in course_differences(real, courses_of(read_trace(capture)))] == []


@cache
def _real_vocabulary(reference: Path) -> Vocabulary:
    captures = [path for path in sorted((reference / OLD).rglob("*.pcapng")) if path.stem not in _NOT_READ]
    return merged(vocabulary_of(read_trace(path)) for path in captures)


@cache
def _message_differences(reference: Path, captures: tuple[Path, ...]) -> tuple[Difference, ...]:
    simulated = merged(vocabulary_of(read_trace(path)) for path in captures)
    found = vocabulary_differences(_real_vocabulary(reference), simulated)
    # Real captures show more kinds of work; what matters is that nothing else is seen in the simulation.
    return tuple(difference for difference in found if _is_of_the_simulation(difference))


def _is_of_the_simulation(difference: Difference) -> bool:
    if (difference.first, difference.second) == ("always", "not always"):
        # What lists hold is data.
        return "[]" not in difference.what
    return difference.first in {"not seen", "nothing"}


def test_no_message_looks_as_none_of_a_real_node(reference: Path, simulated_runs: SimulatedRuns) -> None:
    found = _message_differences(reference, simulated_runs.captures)
    unlisted = [each for each in found if not any(listed.covers(each) for listed in MESSAGES)]
    assert [str(difference) for difference in unlisted] == []


@pytest.mark.parametrize(
    "listed", [listed for listed in MESSAGES if not listed.is_chance], ids=lambda listed: listed.reason
)
def test_a_listed_form_is_still_seen(reference: Path, simulated_runs: SimulatedRuns, listed: Listed) -> None:
    found = _message_differences(reference, simulated_runs.captures)
    assert any(listed.covers(difference) for difference in found)
