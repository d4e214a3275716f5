"""Plain writes reach every replica once, and enough of them answer before the client hears."""

from pathlib import Path

import pytest

from harness.errors import ExpectationError
from harness.events.statement_scope import StatementScopes
from harness.events.trace import Trace
from harness.expect.finding import Fault
from harness.expect.scope import Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.view_updates import every_view_updated
from harness.expect.write_claim import write
from harness.topology import Topology
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])
_NO_WRITES = frozenset({"DEFINITIONS_UPDATE", "READ_DATA", "READ_DIGEST"})


def _first(verdict: Verdict) -> str:
    return verdict.reasons[0]


@LINES
@pytest.mark.parametrize(
    ("name", "table", "factor"),
    [
        ("base/write_rf2", "demo2.map", 2),
        ("base/write_rf3", "demo3.map", 3),
        ("base/prepared_writes", "demo3.map", 3),
        ("base/batch", None, None),
        ("shards/lz4_two_shards", None, None),
        ("views/view_life_rf2", "demo2.buildings", 2),
        ("faults/hinted_handoff", "demo3.map", 3),
        ("multidc/multi_dc", "demo.map", 4),
    ],
)
def test_real_writes_are_as_claimed(
    reference: Path, line: str, name: str, table: str | None, factor: int | None
) -> None:
    verdict = write(table=table, rf=factor).check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert verdict.evidence


@pytest.mark.parametrize("name", ["write_rf2", "write_rf3", "batch", "prepared_writes"])
def test_real_writes_to_tablets_are_as_claimed(reference: Path, name: str) -> None:
    verdict = write().check(captured(reference, f"scylla-2025.1/tablets/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons


@pytest.mark.parametrize(
    "name", ["scylla-4.2/base/write_rf2", "scylla-4.2/multidc/multi_dc", "scylla-2025.1/views/index_rf3"]
)
def test_any_change_of_a_write_or_its_answers_is_noticed(reference: Path, name: str) -> None:
    trace = captured(reference, name)
    scopes = StatementScopes(trace)
    plain = trace.where(
        lambda message: (owner := scopes.owner_of(message)) is None or not owner.is_conditional
    )
    # Updates of views are a claim of their own.
    claims = (write(), every_view_updated()) if "views" in name else (write(),)
    assert not unnoticed(plain, *claims, but=_NO_WRITES, every=3)


@LINES
def test_wrong_number_of_replicas_is_found(reference: Path, line: str) -> None:
    verdict = write(table="demo2.map", rf=3).check(captured(reference, f"scylla-{line}/base/write_rf2"))
    assert verdict.outcome is Outcome.FAIL
    assert "it has 2 replicas, not 3" in _first(verdict)


def test_wrong_consistency_level_is_found(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    assert write(table="demo2.people", consistency="two").check(trace).outcome is Outcome.PASS
    verdict = write(table="demo2.people", consistency="ALL").check(trace)
    assert verdict.outcome is Outcome.FAIL
    assert "its consistency level is TWO, not ALL" in _first(verdict)


def test_missing_write_is_named_by_statement_key_nodes_and_packet(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    scopes = StatementScopes(trace)
    first = scopes.of(scopes.statements[0]).messages[1]
    assert (first.verb_name, first.receiver_node) == ("MUTATION", "n4")
    verdict = write(table="demo2.people").check(without(trace, [first.number]))
    assert verdict.outcome is Outcome.FAIL
    assert "statement 1 (packet 18) INSERT INTO demo2.people" in _first(verdict)
    assert "demo2.people('org0'): n1 → n4: MUTATION is missing" in _first(verdict)
    assert (
        "the client heard in packet 30, when 1 of the 2 acknowledgements that TWO takes" in verdict.reasons[1]
    )


def test_write_that_fails_on_a_replica_is_found(reference: Path) -> None:
    verdict = write().check(captured(reference, "scylla-4.2/errors/mutation_failed"))
    assert verdict.outcome is Outcome.FAIL
    text = " ".join(verdict.reasons)
    assert "as n2 says in packet 560" in text
    assert "the client was told WRITE_FAILURE" in text


def test_replica_that_is_dead_gets_it_by_a_hint(reference: Path) -> None:
    verdict = write().check(captured(reference, "scylla-4.2/faults/hinted_handoff"))
    assert verdict.outcome is Outcome.PASS
    assert any(step.text == "n3: a hint brings it" for step in verdict.transcript)


def test_lost_packets_leave_it_open(reference: Path) -> None:
    """More than a megabyte of this capture is lost."""
    verdict = write().check(captured(reference, "scylla-4.2/errors/alter_under_load"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "are not in the capture" in " ".join(verdict.reasons)


def test_end_of_the_capture_leaves_it_open(reference: Path) -> None:
    verdict = write().check(captured(reference, "scylla-2025.1/errors/alter_under_load"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert all("the capture ends" in reason for reason in verdict.reasons)


def test_table_that_is_not_where_the_ring_says_is_left_open(reference: Path) -> None:
    """A keyspace with tablets, of which the context says nothing."""
    verdict = write().check(captured(reference, "scylla-2025.1/tablets/types_and_large"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "seems to have tablets, which are not known" in _first(verdict)


def test_unknown_ring_is_left_open(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/write_rf2")
    bare = Trace(trace.messages, trace.missing, Topology(), trace.schema)
    verdict = write().check(bare)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the ring is not known" in _first(verdict)


def test_counters_and_transactions_are_no_plain_writes(reference: Path) -> None:
    for name in ("counter", "lwt_insert_twice", "idle_gossip"):
        verdict = write(table=None).check(captured(reference, f"scylla-4.2/base/{name}"))
        assert (verdict.outcome, verdict.reasons) == (Outcome.INCONCLUSIVE, ("no write is to be seen",))


def test_scope_picks_its_statements(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/write_rf2")
    scopes = StatementScopes(trace)
    numbers = scopes.of(scopes.statements[0]).numbers
    verdict = write().check(trace, Scope(name="the first", where=lambda message: message.number in numbers))
    assert verdict.scope == "the first"
    assert [step.text for step in verdict.transcript if step.depth == 0] == [scopes.statements[0].name]


def test_claim_says_what_it_claims_and_refuses_nonsense() -> None:
    assert str(write(table="k.t", rf=3, consistency="quorum")) == (
        "writes to k.t reach every replica once, 3 replicas each, QUORUM is reached before the client's reply"
    )
    with pytest.raises(ExpectationError, match="lacks its keyspace"):
        write(table="t")
    with pytest.raises(ExpectationError, match="no consistency level"):
        write(consistency="MOST")


def test_faults_have_names() -> None:
    assert len({fault.value for fault in Fault}) == len(Fault)
