"""The line of a connection from its negotiation, its CLIENT_ID, or the fields that its messages have."""

import pytest

from harness.codec.rpc.negotiation import Negotiated
from harness.codec.verbs.gossip import GossipEchoRequest
from harness.codec.verbs.line import Line
from harness.dissect.version_line import LineEvidence, line_of_client_id, line_of_negotiation


def negotiated(*, has_duration: bool = False, cookie: str | None = None, assumed: bool = False) -> Negotiated:
    return Negotiated(
        has_timeout=True,
        has_duration=has_duration,
        compression=None,
        is_stream=False,
        cookie=cookie,
        assumed=assumed,
    )


@pytest.mark.parametrize(
    ("size_bytes", "has_duration", "cookie", "line"),
    [
        (16, False, None, Line.V4_2),
        (16, False, "statement:$system", Line.V4_2),
        (16, False, "gossip", Line.V5_0),
        (32, False, "gossip", Line.V5_4),
        (32, True, "gossip", Line.V6_2),
        (33, True, "gossip", Line.V2025_1),
        (49, True, "gossip", Line.V2025_1),
        (37, True, "gossip", Line.V2026_3),
        (53, True, "gossip", Line.V2026_3),
        (17, True, "gossip", None),
    ],
)
def test_the_size_of_client_id_tells_the_line(
    size_bytes: int, has_duration: bool, cookie: str | None, line: Line | None
) -> None:
    known = negotiated(has_duration=has_duration, cookie=cookie)
    assert line_of_client_id(bytes(size_bytes), known) is line
    assert line_of_client_id(b"\xff" * 4 + bytes(size_bytes + 12), known) is line


def test_an_assumed_negotiation_proves_nothing() -> None:
    assert line_of_negotiation(negotiated(has_duration=True, assumed=True)) is None
    assert line_of_negotiation(negotiated(has_duration=True)) is Line.V2025_1
    assert line_of_negotiation(negotiated(cookie="gossip")) is Line.V5_4
    assert line_of_negotiation(negotiated()) is Line.V4_2
    assert line_of_negotiation(negotiated(cookie="statement-ack:$system")) is None


def test_an_absent_field_proves_an_older_line() -> None:
    evidence = LineEvidence()
    evidence.take(GossipEchoRequest())
    assert evidence.line is Line.V4_2
    assert evidence.is_final


def test_present_and_absent_fields_together_leave_one_line() -> None:
    evidence = LineEvidence()
    evidence.take(GossipEchoRequest(generation=1))
    assert not evidence.is_final
    evidence.take_line_at_least(Line.V5_4)
    assert evidence.line is Line.V5_4
    assert evidence.is_final


def test_nothing_proves_nothing() -> None:
    evidence = LineEvidence()
    evidence.take(None)
    assert evidence.line is None
    assert not evidence.is_final
