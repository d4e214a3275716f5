"""Every verb is known, and every message decoded to its last byte."""

from pathlib import Path

import pytest

from harness.events.message import Kind
from harness.expect.decoding_monitor import everything_decoded
from harness.expect.verdict import Outcome
from tests.expect.captured import captured
from tests.expect.traces import TraceBuilder, garbled


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
@pytest.mark.parametrize(
    "name", ["base/boot", "base/types_and_large", "base/tracing", "faults/repair", "topology/add_node"]
)
def test_real_messages_are_decoded(reference: Path, line: str, name: str) -> None:
    verdict = everything_decoded().check(captured(reference, f"scylla-{line}/{name}"))
    assert verdict.outcome is Outcome.PASS, verdict.reasons


def test_answer_to_what_was_asked_before_the_capture_is_no_fault(reference: Path) -> None:
    verdict = everything_decoded().check(captured(reference, "scylla-2025.1/tablets/index_rf2"))
    assert verdict.outcome is Outcome.PASS
    assert verdict.transcript[0].note == "2 of them answer what was asked before"


def test_bytes_that_make_no_message_are_found() -> None:
    builder = TraceBuilder()
    number = builder.mutation("n1", "n2")
    verdict = everything_decoded().check(garbled(builder.trace(), [number]))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reasons == ("n1 → n2: packet 11: 1 of 1 bytes of MUTATION could not be decoded",)


def test_unknown_verb_and_unreadable_frame_are_found() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    builder.mutation("n1", "n3")
    trace = builder.trace()
    strange = trace[0]._replace(verb=999)
    unread = trace[1]._replace(kind=Kind.UNDECODED, reason="length of 4 GB")
    verdict = everything_decoded().check(trace.part([strange, unread]))
    assert verdict.reasons == (
        "n1 → n2: packet 11: verb 999 is not known in line 4.2",
        "n1 → n3: packet 12: length of 4 GB",
    )
    assert str(everything_decoded()).startswith("every verb is known")
