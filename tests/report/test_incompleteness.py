from harness.events.message import Kind
from harness.events.trace import LostBytes, Missing
from harness.report.incompleteness import what_is_missing
from tests.events.messages import connection, message
from tests.report.traces import flow_of_messages, statement


def missing(what: Missing) -> tuple[str, ...]:
    return what_is_missing(flow_of_messages(statement(), missing=what))


def test_nothing_is_said_of_a_complete_capture() -> None:
    assert missing(Missing()) == ()


def test_lost_bytes_are_told_by_direction() -> None:
    lost = (
        LostBytes(connection(), True, 17, 100),
        LostBytes(connection(), True, 30, 48),
        LostBytes(connection(), False, 31, None),
    )
    assert missing(Missing(lost=lost)) == (
        "From n1 to n2 148 bytes are missing, noticed at packets 17, 30.",
        "From n2 to n1 at least 0 bytes are missing, noticed at packet 31.",
    )


def test_every_kind_of_loss_is_told() -> None:
    told = missing(
        Missing(dropped_packets=3, cut_packets=2, truncated="a block of 40 bytes", unsupported="link type 9")
    )
    assert told == (
        "The capturing interface dropped 3 packets.",
        "Of 2 packets the capture holds only a beginning (snap length).",
        "The capture ends too early: a block of 40 bytes.",
        "Some packets could not be looked into: link type 9.",
    )


def test_messages_that_are_not_decoded_are_counted_by_verb() -> None:
    flow = flow_of_messages(
        [message(payload=b"\x01", number=0), message(Kind.UNDECODED, None, b"\x02", number=1, reason="why")]
    )
    assert what_is_missing(flow) == (
        "2 messages were not decoded to the last byte: 1 MUTATION, 1 UNDECODED.",
    )
