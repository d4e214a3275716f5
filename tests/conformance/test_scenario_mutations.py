"""Wrong claims fail: of each scenario, one message changed on the wire turns it red."""

from pathlib import Path

import pytest

from harness.codec.verbs.writes import MutationRequest
from harness.events.message import Kind
from tests.conformance.mutation import Mutation, mutated, with_one_more
from tests.conformance.mutation_table import TABLE, capture_of, rows_of, section_lines, table_head
from tests.conformance.scenario_cases import ScenarioCase, outcome_of, scenario_cases, trace_of

CASES = scenario_cases()
KEY_70, KEY_71 = b"\0\0\0\x46", b"\0\0\0\x47"
"""Of the write that is refused, and of the next one."""
KEY_70_TEXT, KEY_71_TEXT = b"VALUES (70,", b"VALUES (71,"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_change_of_a_message_turns_the_scenario_red(reference: Path, case: ScenarioCase) -> None:
    path = capture_of(case, reference)
    rows = list(rows_of(case, path))
    assert rows or not claims_messages_between_nodes(case)
    for row in rows:
        assert "PASS" not in row.outcomes, f"{row.kind}: {dict(zip(Mutation, row.outcomes, strict=True))}"
    section = "\n".join(section_lines(case, path, reference, rows))
    assert section in TABLE.read_text(encoding="utf-8"), "python -m tests.conformance.mutation_table FOLDER"


def claims_messages_between_nodes(case: ScenarioCase) -> bool:
    """A write that is refused at once is claimed to cause none."""
    return "is refused at once" not in case.name


def test_the_table_lists_every_scenario_in_order() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert text.startswith(table_head())
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES[:8], ids=str)
def test_a_trace_with_nothing_changed_passes(reference: Path, case: ScenarioCase) -> None:
    path = capture_of(case, reference)
    trace = trace_of(path)
    bystander = next(message for message in trace if message.verb_name.startswith("GOSSIP"))
    assert outcome_of(case, mutated(trace, bystander, Mutation.REMOVE), path.name) == ("PASS", "")


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_a_refused_write_that_is_sent_all_the_same_turns_the_scenario_red(reference: Path, line: str) -> None:
    (case,) = [case for case in CASES if not claims_messages_between_nodes(case)]
    (path,) = [path for path in case.captures(reference) if line in str(path)]
    trace = trace_of(path)
    refusal = next(message for message in trace.cql if message.kind is Kind.EXCEPTION)
    later = next(message for message in trace[refusal.number :] if message.verb_name == "MUTATION")
    asked = [
        message for message in trace.cql if KEY_70_TEXT in message.payload or KEY_71_TEXT in message.payload
    ]
    # The client's timestamp ends a QUERY, big endian; by it and by response ids writes belong to statements.
    old_timestamp, new_timestamp = (message.payload[-8:][::-1] for message in asked)
    payload = later.payload.replace(KEY_71, KEY_70).replace(new_timestamp, old_timestamp)
    assert isinstance(later.body, MutationRequest)
    response_id = later.body.response_id
    payload = payload.replace(response_id.to_bytes(8, "little"), (response_id - 1).to_bytes(8, "little"))
    refused = later._replace(payload=payload)
    outcome, why = outcome_of(case, with_one_more(trace, refused, refusal), path.name)
    assert outcome == "FAIL"
    assert "never: MUTATION" in why


@pytest.mark.parametrize(
    ("scenario", "kind", "mutation", "reason"),
    [
        ("write at all waits", "MUTATION", Mutation.REMOVE, "not found: MUTATION from n1 to n3"),
        ("write at all waits", "MUTATION", Mutation.DUPLICATE, "exactly 2: MUTATION: 3 seen"),
        ("write at all waits", "MUTATION_DONE", Mutation.REDIRECT, "not found: MUTATION_DONE"),
        ("runs a round of paxos", "PAXOS_PRUNE", Mutation.REMOVE, "PAXOS_PRUNE is missing"),
        ("runs a round of paxos", "reply to PAXOS_ACCEPT", Mutation.REMOVE, "reply to PAXOS_ACCEPT"),
        ("view follows its table rf 2", "MUTATION", Mutation.REDIRECT, "buildings"),
        ("hints are handed over", "HINT_MUTATION", Mutation.REMOVE, "HINT_MUTATION"),
        ("forwards a write", "MUTATION", Mutation.REMOVE, "not found: MUTATION from n1"),
        (
            "tells every other",
            "DEFINITIONS_UPDATE",
            Mutation.REDIRECT,
            "not found: n2: DEFINITIONS_UPDATE from n1 to n2",
        ),
        ("answered and the answer too", "GOSSIP_DIGEST_ACK", Mutation.REMOVE, "GOSSIP_DIGEST_ACK"),
    ],
)
def test_a_wrong_claim_fails_for_the_right_reason(
    reference: Path, scenario: str, kind: str, mutation: Mutation, reason: str
) -> None:
    (case,) = [case for case in CASES if scenario in case.name]
    (row,) = [row for row in rows_of(case, capture_of(case, reference)) if row.kind == kind]
    assert reason in row.reasons[list(Mutation).index(mutation)]
