import json

from harness.codec.tcp.segment import Endpoint
from harness.events.message import Kind
from harness.events.message_json import message_object
from tests.events.messages import MUTATION_DONE, connection, message, query

FIELDS = [
    "frame_first",
    "frame_last",
    "time_ns",
    "protocol",
    "kind",
    "connection",
    "sender",
    "receiver",
    "sender_node",
    "receiver_node",
    "verb",
    "verb_number",
    "msg_id",
    "timeout_ms",
    "payload_bytes",
    "undecoded_bytes",
    "body",
    "request_frame",
    "acknowledges_frame",
]


def test_a_message_has_exactly_these_fields_in_this_order() -> None:
    plain = message_object(message(number=3, frame=9))
    assert list(plain) == FIELDS
    body = plain.pop("body")
    assert isinstance(body, dict)
    assert body["response_id"] == 1600000000000
    assert body["reply_to"] == "10.0.0.1"
    assert plain == {
        "frame_first": 9,
        "frame_last": 9,
        "time_ns": 1_600_000_001_500_000_000,
        "protocol": "rpc",
        "kind": "one_way",
        "connection": 0,
        "sender": "10.0.0.1:50000",
        "receiver": "10.0.0.2:7000",
        "sender_node": "n1",
        "receiver_node": "n2",
        "verb": "MUTATION",
        "verb_number": 1,
        "msg_id": 7,
        "timeout_ms": 2000,
        "payload_bytes": 282,
        "undecoded_bytes": 0,
        "request_frame": None,
        "acknowledges_frame": None,
    }


def test_pairs_are_named_by_packets() -> None:
    done = message_object(message(Kind.ONE_WAY, 2, MUTATION_DONE, acknowledges=1, acknowledges_frame=8))
    assert done["acknowledges_frame"] == 8
    reply = message_object(message(Kind.REPLY, 9, b"", from_client=False, request=1, request_frame=5))
    assert (reply["request_frame"], reply["sender"]) == (5, "10.0.0.2:7000")


def test_without_body_nothing_is_decoded() -> None:
    plain = message_object(message(payload=b"no mutation"), with_body=False)
    assert list(plain) == FIELDS
    assert (plain["body"], plain["undecoded_bytes"], plain["payload_bytes"]) == (None, None, 11)


def test_undecodable_bytes_are_counted_and_reasons_told() -> None:
    assert message_object(message(payload=b"no mutation"))["undecoded_bytes"] == 11
    lost = message_object(message(Kind.UNDECODED, None, b"abc", reason="bytes are missing", msg_id=None))
    assert (lost["verb"], lost["undecoded_bytes"], lost["reason"]) == (None, 3, "bytes are missing")


def test_ipv6_addresses_stand_in_brackets() -> None:
    on = connection()._replace(client=Endpoint("fe80::1", 1))
    assert message_object(message(on=on))["sender"] == "[fe80::1]:1"


def test_exceptions_and_negotiations_have_bodies_too() -> None:
    payload = bytes.fromhex("0000000004000000") + b"no\xff\n"
    body = message_object(message(Kind.EXCEPTION, 3, payload, from_client=False))["body"]
    assert body == {"exception_type": 0, "text": "no\\xff\n"}
    hello = bytes.fromhex("01000000000000000400000006000000") + b"gossip"
    plain = message_object(message(Kind.NEGOTIATION, None, hello, msg_id=None))
    assert isinstance(plain["body"], dict)
    assert plain["body"]["cookie"] == "gossip"
    assert plain["body"]["has_timeout"] is True
    broken = message_object(message(Kind.EXCEPTION, 3, b"abc", from_client=False))
    assert (broken["body"], broken["undecoded_bytes"]) == (None, 3)


def test_statements_have_their_text_and_level() -> None:
    plain = message_object(query("SELECT * FROM ks.t"))
    assert plain["verb"] == "QUERY"
    body = plain["body"]
    assert isinstance(body, dict)
    assert (body["type"], body["query"], body["parameters"]["consistency"]) == (
        "Query",
        "SELECT * FROM ks.t",
        "QUORUM",
    )
    assert json.loads(json.dumps(plain)) == plain
