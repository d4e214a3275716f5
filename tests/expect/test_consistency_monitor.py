"""No client hears of success before its consistency level is reached."""

from pathlib import Path

import pytest

from harness.events.message import Protocol
from harness.events.statement_scope import StatementScopes
from harness.expect.consistency_monitor import consistency_reached
from harness.expect.verdict import Outcome
from tests.expect.captured import captured
from tests.expect.traces import without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])


@LINES
@pytest.mark.parametrize(
    "name",
    [
        "base/batch",
        "base/counter",
        "base/lwt_conditions",
        "base/lwt_contention",
        "base/range_scan",
        "base/read_cl",
        "base/write_rf3",
        "errors/mutation_failed",
        "faults/digest_mismatch",
        "faults/paused_replica",
        "multidc/multi_dc",
        "views/view_life_rf3",
    ],
)
def test_real_clients_hear_when_enough_have_answered(reference: Path, line: str, name: str) -> None:
    verdict = consistency_reached().check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons


@LINES
@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("base/write_rf3", "MUTATION_DONE"),
        ("base/counter", "MUTATION_DONE"),
        ("base/lwt_insert_twice", "MUTATION_DONE"),
        ("views/index_rf3", "READ_DIGEST"),
    ],
)
def test_success_without_the_answers_for_it_is_found(
    reference: Path, line: str, name: str, verb: str
) -> None:
    """All answers of one verb taken away, of everything that has a statement."""
    trace = captured(reference, f"scylla-{line}/{name}")
    scopes = StatementScopes(trace)
    answers = [
        message.number
        for message in trace
        if message.protocol is Protocol.RPC
        and message.verb_name == verb
        and (message.request is not None or message.acknowledges is not None)
        and scopes.owner_of(message) is not None
    ]
    assert answers
    verdict = consistency_reached().check(without(trace, answers))
    assert verdict.outcome is Outcome.FAIL
    assert "were missing" in verdict.reasons[0]


def test_claim_says_what_it_claims() -> None:
    assert str(consistency_reached()) == "the consistency level is reached before the client's reply"
