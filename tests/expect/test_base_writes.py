"""Writes as their replicas applied them."""

from collections import Counter
from pathlib import Path

import pytest

from harness.events.statement_scope import StatementScopes
from harness.expect.base_writes import (
    Answer,
    BaseWrite,
    answer_to,
    base_writes_of,
    ids_of,
    node_name,
    write_of,
)
from harness.expect.placement import Placement
from tests.expect.captured import captured
from tests.expect.traces import MAP, TraceBuilder

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])


def _writes(reference: Path, name: str, table: str) -> tuple[BaseWrite, ...]:
    trace = captured(reference, name)
    known = trace.schema.table(*table.split("."))
    assert known is not None
    placement = Placement(trace.topology, trace.schema)
    return base_writes_of(trace, known, placement, StatementScopes(trace))


@LINES
def test_every_replica_applies_every_write_once(reference: Path, line: str) -> None:
    writes = _writes(reference, f"scylla-{line}/views/view_life_rf3", "demo3.buildings")
    of_statement = Counter(write.statement.number for write in writes if write.statement is not None)
    assert set(of_statement.values()) == {3}
    assert len(of_statement) == 17
    assert {(write.is_local, write.answer) for write in writes} == {
        (True, Answer.LOCAL),
        (False, Answer.DONE),
    }
    for write in writes:
        assert write.began <= write.message.number
        assert write.statement is not None
        if write.is_local:
            assert write.node == write.statement.coordinator


def test_lightweight_transactions_and_hints_are_writes_too(reference: Path) -> None:
    learned = _writes(reference, "scylla-4.2/base/lwt_insert_twice", "demo3.map")
    assert {write.message.verb_name for write in learned} == {"PAXOS_LEARN"}
    assert {write.node for write in learned} == {"n1", "n2", "n3"}
    hinted = _writes(reference, "scylla-4.2/faults/hinted_handoff", "demo3.map")
    hints = [write for write in hinted if write.message.verb_name == "HINT_MUTATION"]
    assert {write.node for write in hints} == {"n3"}
    assert not any(write.is_local for write in hints)


def test_write_that_was_sent_on_is_applied_where_it_went(reference: Path) -> None:
    writes = _writes(reference, "scylla-4.2/multidc/multi_dc", "demo.map")
    first = [write for write in writes if write.statement is not None and write.statement.number == 1]
    assert sorted(write.node for write in first) == ["n1", "n2", "n3", "n4"]


def test_what_a_read_repairs_is_not_applied_by_its_coordinator(reference: Path) -> None:
    writes = _writes(reference, "scylla-4.2/faults/digest_mismatch", "demo3.map")
    assert writes
    assert not any(write.is_local for write in writes)


def test_write_without_a_statement_says_where_it_came_from() -> None:
    builder = TraceBuilder()
    number = builder.mutation("n1", "n2")
    trace = builder.trace()
    (write,) = base_writes_of(trace, MAP, Placement(trace.topology, trace.schema), StatementScopes(trace))
    assert write.origin == "MUTATION from n1 (packet 11)"
    assert write.answer is Answer.NONE
    assert answer_to(trace, trace[number]) == (Answer.NONE, None)


def test_only_writes_are_writes() -> None:
    builder = TraceBuilder()
    write = builder.mutation("n1", "n2")
    builder.done(write)
    asked = builder.query("SELECT 1")
    builder.result(asked)
    trace = builder.trace()
    found = [write_of(message) for message in trace]
    assert [one is not None for one in found] == [True, False, False, False]
    assert [node_name(trace[0], is_sender=True), node_name(trace[0], is_sender=False)] == ["n1", "n2"]
    assert node_name(trace[asked], is_sender=True) == "10.0.1.9"
    assert answer_to(trace, trace[write])[0] is Answer.DONE


def test_table_that_was_made_anew_has_had_several_ids(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/write_rf2")
    table = trace.schema.table("demo2", "map")
    assert table is not None
    assert table.id in ids_of(trace, table)
