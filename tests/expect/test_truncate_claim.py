"""TRUNCATE reaches every node that stores some of the table."""

from pathlib import Path

import pytest

from harness.events.trace import Trace
from harness.expect.answer_monitor import every_request_answered
from harness.expect.truncate_claim import truncate
from harness.expect.verdict import Outcome
from harness.topology import Topology
from tests.expect.captured import captured
from tests.expect.changes import unnoticed
from tests.expect.traces import without

EVERY = pytest.mark.parametrize(
    "name", ["scylla-4.2/base/truncate", "scylla-2025.1/base/truncate", "scylla-2025.1/tablets/truncate"]
)


def _is_truncation(verb: str) -> bool:
    return verb.startswith("TRUNCATE")


@EVERY
def test_real_truncation_is_as_claimed(reference: Path, name: str) -> None:
    verdict = truncate(table="demo3.map").check(captured(reference, name))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert len(verdict.evidence) == 4


@EVERY
def test_any_change_of_a_truncation_is_noticed(reference: Path, name: str) -> None:
    trace = captured(reference, name)
    others = {message.verb_name for message in trace if not _is_truncation(message.verb_name)}
    assert not unnoticed(trace, truncate(), every_request_answered(), but=others)


@EVERY
def test_request_and_answer_that_are_gone_are_found(reference: Path, name: str) -> None:
    trace = captured(reference, name)
    request = next(message for message in trace if _is_truncation(message.verb_name))
    reply = trace.exchange_of(request).reply
    assert reply is not None
    nodes = f"{request.sender_node} → {request.receiver_node}: {request.verb_name}"
    verdict = truncate().check(without(trace, [request.number, reply.number]))
    assert [nodes in reason and "is missing" in reason for reason in verdict.reasons] == [True]
    verdict = truncate().check(without(trace, [reply.number]))
    assert [nodes in reason and "was not answered" in reason for reason in verdict.reasons] == [True]


def test_unknown_nodes_are_left_open(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/truncate")
    verdict = truncate().check(Trace(trace.messages, trace.missing, Topology(), trace.schema))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "which nodes store the table is not known" in verdict.reasons[0]


def test_capture_without_truncation_proves_nothing(reference: Path) -> None:
    verdict = truncate(table="demo3.map").check(captured(reference, "scylla-4.2/base/write_rf2"))
    assert verdict.reasons == ("no TRUNCATE of demo3.map is to be seen",)
    assert (
        str(truncate()) == "TRUNCATE is done by every node that stores the table, before the client's reply"
    )
