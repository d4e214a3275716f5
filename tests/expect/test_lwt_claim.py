"""Lightweight transactions run all their rounds, in order."""

from pathlib import Path

import pytest

from harness.expect.answer_monitor import every_request_answered
from harness.expect.lwt_claim import lwt_round
from harness.expect.verdict import Outcome
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])
_OTHERS = frozenset({"MUTATION", "READ_DATA", "READ_DIGEST", "READ_MUTATION_DATA"})


@LINES
@pytest.mark.parametrize(
    "name", ["base/lwt_conditions", "base/lwt_insert_twice", "multidc/multi_dc", "shards/lz4_two_shards"]
)
def test_real_transactions_are_as_claimed(reference: Path, line: str, name: str) -> None:
    verdict = lwt_round().check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert any("PAXOS_PRUNE" in step.text for step in verdict.transcript)


@LINES
@pytest.mark.parametrize("name", ["base/lwt_contention", "errors/lwt_race_three_coordinators"])
def test_racing_transactions_fail_only_where_clients_were_told_so(
    reference: Path, line: str, name: str
) -> None:
    verdict = lwt_round().check(captured(reference, f"scylla-{line}/{name}"))
    assert all("the client was told WRITE_TIMEOUT" in reason for reason in verdict.reasons)
    assert len(verdict.reasons) <= 1


@LINES
def test_any_change_of_a_transaction_is_noticed(reference: Path, line: str) -> None:
    trace = captured(reference, f"scylla-{line}/base/lwt_conditions")
    assert not unnoticed(trace, lwt_round(), every_request_answered(), but=_OTHERS, every=2)


@LINES
def test_outcome_is_as_claimed(reference: Path, line: str) -> None:
    """The first INSERT IF NOT EXISTS is applied, the second is not."""
    trace = captured(reference, f"scylla-{line}/base/lwt_insert_twice")
    for applied in (True, False):
        verdict = lwt_round(table="demo3.map", applied=applied).check(trace)
        assert verdict.outcome is Outcome.FAIL
        (reason,) = verdict.reasons
        assert f"the client was told [applied] = {not applied}, not {applied}" in reason


@LINES
def test_replica_that_answers_nothing_is_found(reference: Path, line: str) -> None:
    verdict = lwt_round().check(captured(reference, f"scylla-{line}/errors/paxos_replica_exception"))
    assert verdict.outcome is Outcome.FAIL
    assert [("PAXOS_PREPARE" in reason, "was not answered" in reason) for reason in verdict.reasons] == [
        (True, True),
        (False, True),
    ]


def test_step_that_comes_too_early_is_found(reference: Path) -> None:
    """Both promises taken away: nobody but the coordinator has promised when PAXOS_ACCEPT leaves."""
    trace = captured(reference, "scylla-4.2/base/lwt_insert_twice")
    promises = [
        message.number
        for message in trace
        if message.verb_name == "PAXOS_PREPARE" and message.kind.value == "reply"
    ][:2]
    verdict = lwt_round().check(without(trace, promises))
    assert verdict.outcome is Outcome.FAIL
    assert "PAXOS_ACCEPT was sent in packet 11, before 2 replicas had promised" in " ".join(verdict.reasons)


def test_missing_step_is_named(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/lwt_insert_twice")
    learns = [message.number for message in trace if message.verb_name == "PAXOS_LEARN"][:2]
    verdict = lwt_round().check(without(trace, learns))
    assert verdict.outcome is Outcome.FAIL
    assert "PAXOS_LEARN is missing" in " ".join(verdict.reasons)


def test_capture_without_transactions_proves_nothing(reference: Path) -> None:
    verdict = lwt_round(table="demo3.map").check(captured(reference, "scylla-4.2/base/write_rf2"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("no lightweight transaction on demo3.map is to be seen",)


def test_claim_says_what_it_claims() -> None:
    assert str(lwt_round(table="k.t", applied=False)) == (
        "lightweight transactions on k.t are promised, accepted, learned and pruned, in that order, "
        "and are not applied"
    )
