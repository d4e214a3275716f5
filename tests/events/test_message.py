"""A message knows its ends, its verb's name and, when asked, its body."""

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.verbs.paxos import PaxosAcceptReply, PaxosPrepareRequest
from harness.dissect.native import NativeDissector
from harness.events.message import Kind, Message, Protocol
from tests.written.lwt_insert_twice import capture, context


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    dissector = NativeDissector(context=context())
    return dissector.feed(capture()) + dissector.close()


def first(messages: list[Message], verb: str, kind: Kind) -> Message:
    return next(message for message in messages if message.verb_name == verb and message.kind is kind)


def test_a_request_goes_from_client_to_server_and_its_reply_back(messages: list[Message]) -> None:
    request = first(messages, "PAXOS_PREPARE", Kind.REQUEST)
    reply = first(messages, "PAXOS_PREPARE", Kind.REPLY)
    assert (request.sender_node, request.receiver_node) == ("n1", "n2")
    assert (reply.sender_node, reply.receiver_node) == ("n2", "n1")
    assert (reply.sender, reply.receiver) == (request.receiver, request.sender)


def test_bodies_are_the_declared_values(messages: list[Message]) -> None:
    request = first(messages, "PAXOS_PREPARE", Kind.REQUEST)
    assert isinstance(request.body, PaxosPrepareRequest)
    assert request.body.key.components == (b"\0\0\0\x11",)
    assert first(messages, "PAXOS_ACCEPT", Kind.REPLY).body == PaxosAcceptReply(accepted=True)
    assert isinstance(first(messages, "QUERY", Kind.REQUEST).body, CqlMessage)


def test_a_broken_payload_counts_as_undecoded_whole(messages: list[Message]) -> None:
    for verb in ("PAXOS_PREPARE", "QUERY"):
        broken = first(messages, verb, Kind.REQUEST)._replace(payload=b"\xff" * 9)
        assert broken.body is None
        assert broken.decoded.undecoded_bytes == 9


def test_bytes_behind_the_declared_fields_are_counted(messages: list[Message]) -> None:
    reply = first(messages, "PAXOS_ACCEPT", Kind.REPLY)
    longer = reply._replace(payload=reply.payload + b"newer")
    assert longer.body is not None
    assert longer.decoded.undecoded_bytes == 5


def test_a_reply_to_an_unseen_request_has_no_verb_and_no_body(messages: list[Message]) -> None:
    orphan = first(messages, "PAXOS_ACCEPT", Kind.REPLY)._replace(verb=None, request=None)
    assert (orphan.verb_name, orphan.body, orphan.decoded.undecoded_bytes) == ("", None, 1)


def test_clients_have_no_node_name(messages: list[Message]) -> None:
    query = first(messages, "QUERY", Kind.REQUEST)
    assert (query.protocol, query.sender_node, query.receiver_node) == (Protocol.CQL, None, "n1")
