"""Field by field: what both know of a message."""

from harness.dissect.field_differences import field_differences
from harness.dissect.tshark_packet import KeyFields, Pdu
from harness.dissect.wireshark import Sighting
from harness.events.message import Kind, Message, Protocol
from tests.dissect.messages import located, message

SCHEMA_CHECK = message(Kind.REQUEST, verb=22, msg_id=4, timeout_ms=500)


def sighting(of: Message, **changed: int | None) -> Sighting:
    pdu = Pdu(
        Protocol.RPC,
        Kind.REQUEST if of.kind is Kind.ONE_WAY else of.kind,
        of.verb,
        of.msg_id,
        len(of.payload),
        of.timeout_ms,
        None,
        None,
        0,
        0,
    )._replace(**changed)  # type: ignore[arg-type]  # fields of several types
    return Sighting(of, pdu, 0, located(of, b"").end)


def names(of: Message, seen: Sighting) -> list[str]:
    return [each.name for each in field_differences(located(of, b""), seen)]


def test_what_is_alike_gives_nothing() -> None:
    assert names(SCHEMA_CHECK, sighting(SCHEMA_CHECK)) == []


def test_a_one_way_message_is_a_request_for_wireshark() -> None:
    write = message(Kind.ONE_WAY, verb=2, msg_id=4, timeout_ms=0)
    assert names(write, sighting(write, verb=3)) == ["verb"]


def test_each_field_is_named() -> None:
    seen = sighting(SCHEMA_CHECK, verb=23, msg_id=5, length_bytes=1, timeout_ms=7)
    assert names(SCHEMA_CHECK, seen) == ["verb", "msg_id", "payload_bytes", "timeout_ms"]


def test_other_bytes_and_another_packet_are_differences() -> None:
    seen = sighting(SCHEMA_CHECK)
    seen = seen._replace(message=SCHEMA_CHECK._replace(frame_last=2), end=seen.end + 4)
    assert names(SCHEMA_CHECK, seen) == ["frame", "bytes"]


def test_keys_that_only_wireshark_reads_are_a_difference() -> None:
    write = message(Kind.ONE_WAY, verb=1, msg_id=4, timeout_ms=0, payload=b"\x00")
    seen = sighting(write)
    seen = seen._replace(pdu=seen.pdu._replace(key_fields=KeyFields(bytes(16), bytes(16), (b"k",))))
    assert names(write, seen) == ["table_id"]
