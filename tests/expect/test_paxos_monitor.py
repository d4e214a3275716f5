"""Paxos keeps its order, for each key and ballot."""

from pathlib import Path

import pytest

from harness.events.trace import Trace
from harness.expect.paxos_monitor import paxos_in_order
from harness.expect.scope import Scope
from harness.expect.verdict import Outcome, Verdict
from tests.expect.captured import captured
from tests.expect.traces import TraceBuilder, without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])


def _check(trace: Trace) -> Verdict:
    return paxos_in_order().check(trace)


@LINES
@pytest.mark.parametrize(
    "name",
    [
        "base/lwt_conditions",
        "base/lwt_contention",
        "base/lwt_insert_twice",
        "errors/lwt_race_three_coordinators",
        "errors/paxos_replica_exception",
        "multidc/multi_dc",
        "base/write_rf2",
    ],
)
def test_real_ballots_are_in_order(reference: Path, line: str, name: str) -> None:
    verdict = _check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons


@LINES
@pytest.mark.parametrize(
    ("verb", "next_verb", "word"),
    [("PAXOS_PREPARE", "PAXOS_ACCEPT", "promised"), ("PAXOS_ACCEPT", "PAXOS_LEARN", "accepted")],
)
def test_step_without_a_majority_for_the_one_before_is_found(
    reference: Path, line: str, verb: str, next_verb: str, word: str
) -> None:
    trace = captured(reference, f"scylla-{line}/base/lwt_insert_twice")
    votes = [message.number for message in trace if message.verb_name == verb and message.request is not None]
    verdict = _check(without(trace, votes[:2]))
    assert verdict.outcome is Outcome.FAIL
    assert f"{next_verb} leaves in packet" in verdict.reasons[0]
    assert f"when only nobody had {word}" in verdict.reasons[0]


def test_replica_that_goes_back_to_a_lower_ballot_is_found() -> None:
    builder = TraceBuilder()
    builder.accepted(builder.accept("n1", "n2", ballot=9))
    builder.accepted(builder.accept("n3", "n2", ballot=4))
    verdict = _check(builder.trace())
    assert verdict.outcome is Outcome.FAIL
    (reason,) = verdict.reasons
    assert "ks.map(17): n2 grants ballot 00000000-0000-0000-0000-000000000004 of n3 in packet 14" in reason
    assert "it had granted the higher 00000000-0000-0000-0000-000000000009 in packet 12" in reason


@pytest.mark.parametrize("case", ["refused", "other key", "other replica", "under way", "higher"])
def test_ballots_that_do_not_meet_have_no_order(case: str) -> None:
    builder = TraceBuilder()
    if case == "under way":
        first = builder.accept("n1", "n2", ballot=9)
        second = builder.accept("n3", "n2", ballot=4)
        builder.accepted(first)
        builder.accepted(second)
    else:
        builder.accepted(builder.accept("n1", "n2", ballot=9))
        ballot = 10 if case == "higher" else 4
        receiver = "n4" if case == "other replica" else "n2"
        key = 18 if case == "other key" else 17
        builder.accepted(builder.accept("n3", receiver, ballot=ballot, key=key), accepted=case != "refused")
    assert _check(builder.trace()).outcome is Outcome.PASS


def test_scope_is_all_that_is_judged() -> None:
    builder = TraceBuilder()
    builder.accepted(builder.accept("n1", "n2", ballot=9))
    builder.accepted(builder.accept("n3", "n2", ballot=4))
    first = Scope(where=lambda message: message.number < 2)
    assert paxos_in_order().check(builder.trace(), first).outcome is Outcome.PASS
    assert str(paxos_in_order()).startswith("Paxos: promise before accept before learn")
