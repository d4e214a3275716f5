import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Execute, query_parameters
from harness.codec.cql.results import Column, Rows, metadata_of
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType, SetType
from harness.codec.cql.values import EMPTY
from harness.codec.tcp.segment import Endpoint
from harness.events.message import Kind
from harness.events.message_json import message_object
from harness.events.plain_value import plain_value
from tests.events.messages import MUTATION_DONE, connection, cql, message, query

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
COLUMNS = (
    Column(keyspace="ks", table="t", name="id", type=ScalarType.INT),
    Column(keyspace="ks", table="t", name="tags", type=SetType(ScalarType.TEXT)),
)
TAGS = bytes.fromhex("0000000200000001610000000162")


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


def test_bound_values_and_rows_are_typed() -> None:
    prepared = Prepared(
        statement_id=b"\x01",
        query="INSERT INTO ks.t (id, tags) VALUES (?, ?)",
        bound_columns=COLUMNS,
        partition_key_indexes=(0,),
        result_columns=(),
    )
    execute = CqlMessage(
        content=Execute(statement_id=b"\x01", parameters=query_parameters(4, (b"\0\0\0\x07", TAGS)))
    )
    body = message_object(cql(Kind.REQUEST, execute, prepared=prepared))["body"]
    assert isinstance(body, dict)
    assert (body["statement"], body["values"]) == (prepared.query, [7, ["a", "b"]])
    rows = CqlMessage(
        content=Rows(metadata=metadata_of(COLUMNS), columns=COLUMNS, rows=((b"\0\0\0\x07", None),))
    )
    body = message_object(cql(Kind.REPLY, rows, from_client=False))["body"]
    assert isinstance(body, dict)
    assert body["rows"] == [[7, None]]
    assert body["columns"][1] == {"keyspace": "ks", "table": "t", "name": "tags", "type": "set<text>"}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"\x01\xff", "01ff"),
        ("a", "a"),
        ([1, b"\x02"], [1, "02"]),
        ({"a": 1}, {"a": 1}),
        ({1: "a"}, [[1, "a"]]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (EMPTY, "EMPTY"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC), "2020-09-13T12:26:40+00:00"),
        (ScalarType.INT, "int"),
    ],
)
def test_plain_values(value: object, plain: object) -> None:
    assert plain_value(value) == plain
    json.dumps(plain_value(value), allow_nan=False)
