"""What ready-made claims share while they look through a trace."""

from pathlib import Path

import pytest

from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, StepState
from tests.expect.captured import captured
from tests.expect.traces import MAP, TraceBuilder, without


def test_explained_faults_are_no_failures() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    trace = builder.trace()
    inspection = Inspection(trace, WHOLE_TRACE)
    inspection.fail(Fault.MISSING, "it is missing", trace[0], why="lost")
    assert inspection.verdict("a claim").outcome is Outcome.INCONCLUSIVE
    inspection.fail(Fault.MISSING, "it is missing", trace[0])
    verdict = inspection.verdict("a claim")
    assert (verdict.outcome, verdict.reasons) == (Outcome.FAIL, ("it is missing", "it is missing (lost)"))


def test_what_is_shown_becomes_the_transcript_and_the_proof() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    trace = builder.trace()
    inspection = Inspection(trace, WHOLE_TRACE)
    inspection.show(0, "a statement")
    inspection.show(1, "a message", trace[0])
    inspection.show(1, "a node", note="not on the wire")
    verdict = inspection.verdict("a claim")
    assert [step.state for step in verdict.transcript] == [StepState.HEADING, StepState.SEEN, StepState.HOLDS]
    assert verdict.frames == (11,)


def test_messages_are_found_by_their_number_and_statements_by_their_scope() -> None:
    builder = TraceBuilder()
    first = builder.query("SELECT * FROM ks.map WHERE id = 1")
    second = builder.query("SELECT * FROM ks.map WHERE id = 2")
    trace = builder.trace()
    inspection = Inspection(trace, Scope(where=lambda message: message.number == second))
    assert [statement.request for statement in inspection.statements()] == [second]
    assert inspection.message(first) == trace[first]
    assert inspection.message(99) is None
    assert inspection.key_text(MAP, (b"\0\0\0\x11",)) == "17"
    assert inspection.key_text(None, (b"\x11",)) == "0x11"


@pytest.mark.parametrize(
    ("verb", "is_reply", "sender", "receiver"),
    [("MUTATION", False, "n1", "n2"), ("READ_DATA", False, "n1", "n2"), ("READ_DATA", True, "n2", "n1")],
)
def test_loss_in_the_right_direction_may_hide_a_message(
    reference: Path, verb: str, is_reply: bool, sender: str, receiver: str
) -> None:
    trace = captured(reference, "scylla-4.2/base/read_cl")
    is_request = not is_reply
    lost = next(
        message.number
        for message in trace.rpc
        if (message.sender_node, message.receiver_node) == (sender, receiver)
        and message.from_client is is_request
    )
    inspection = Inspection(without(trace, [lost], lost=True), WHOLE_TRACE)
    at = trace[0]
    why = inspection.why_missing(verb, sender=sender, receiver=receiver, at=at, is_reply=is_reply)
    assert "are not in the capture" in why
    assert not inspection.why_missing(verb, sender="n3", receiver="n2", at=at, is_reply=is_reply)


def test_keyspace_whose_writes_go_elsewhere_is_doubted(reference: Path) -> None:
    """Only where tablets may be the reason: 2025.1 has them, 4.2 has none."""
    trace = captured(reference, "scylla-2025.1/tablets/types_and_large")
    inspection = Inspection(trace, WHOLE_TRACE)
    table = trace.schema.table("demo2", "types")
    assert table is not None
    assert "seems to have tablets" in inspection.placement.obstacle(table)
    for name in (
        "scylla-4.2/base/write_rf2",
        "scylla-2025.1/base/write_rf2",
        "scylla-2025.1/faults/hinted_handoff",
    ):
        known = captured(reference, name)
        others = Inspection(known, WHOLE_TRACE)
        assert not any(others.placement.obstacle(one) for one in known.schema.tables)


def test_writes_are_grouped_by_statement(reference: Path) -> None:
    inspection = Inspection(captured(reference, "scylla-4.2/base/batch"), WHOLE_TRACE)
    counts = [len(inspection.groups_of(statement)) for statement in inspection.statements()]
    assert counts == [2, 5, 1]
