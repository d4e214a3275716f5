"""The quick way from bytes to messages against the way by frames, which the codec's tests hold to the protocol."""

import struct

import pytest

from harness.codec.rpc.connection import ConnectionDecoder
from harness.codec.verbs.line import Line
from harness.codec.verbs.write_identity import address_key
from harness.dissect.assembly import Assembly
from harness.dissect.flows import RpcState
from harness.dissect.rpc_messages import RpcMessages
from harness.events.message import Kind, Message
from harness.schema_learning import SchemaLearner
from tests.codec.rpc.examples import (
    EXCEPTION_HELLO,
    PING_CLIENT,
    PING_FIRST_REQUESTS,
    PING_REPLIES,
    PING_REQUESTS,
    PING_SERVER,
    SYSTEM_CLIENT_4_2,
    SYSTEM_REPLIES_4_2,
    SYSTEM_REQUESTS_4_2,
    SYSTEM_SERVER_4_2,
)
from tests.dissect.messages import CONNECTION

_CLIENT, _SERVER = (address_key(endpoint.address) for endpoint in (CONNECTION.client, CONNECTION.server))


def request(verb: int, msg_id: int, payload: bytes) -> bytes:
    return struct.pack("<QQqI", 5000, verb, msg_id, len(payload)) + payload


def write(coordinator: str, response_id: int, *, forwards: int = 0) -> bytes:
    """A MUTATION whose mutation is five bytes, which nobody looks into here."""
    addresses = struct.pack("<I", address_key("10.0.0.3")) * forwards
    return struct.pack("<I5sI", 5, b"bytes", forwards) + addresses + written_by(coordinator, response_id)


def written_by(coordinator: str, response_id: int) -> bytes:
    return struct.pack("<IIQ", address_key(coordinator), 1, response_id)


def done(response_id: int) -> bytes:
    return struct.pack("<IQ", 1, response_id)


WRITES = (
    request(1, 1, write("10.0.0.1", 7))
    + request(1, 2, write("10.0.0.1", 8, forwards=2))
    # Of another coordinator; cut short; without a payload; an unknown verb.
    + request(1, 3, write("10.0.0.3", 9))
    + request(1, 4, write("10.0.0.1", 10)[:-1])
    + request(1, 5, b"")
    + request(4000, 6, b"x")
    # Acknowledges what the server coordinates, twice, and what nobody wrote.
    + request(2, 7, done(11))
    + request(2, 8, done(11))
    + request(24, 9, done(12))
    + request(2, 10, b"")
    + request(1, 11, struct.pack("<I", 0xFFFFFFFF))
)


class Room:
    """Messages of one connection, of which the server coordinates a write already."""

    def __init__(self, client: bytes, server: bytes) -> None:
        self.assembly = Assembly()
        self.messages = RpcMessages(self.assembly, SchemaLearner(), Line.V4_2)
        self.decoder = ConnectionDecoder(syn_seen=True)
        self.state = RpcState(CONNECTION, self.decoder, keys=(_CLIENT, _SERVER))
        self.messages.open(self.state)
        for mark, (from_client, data) in enumerate(((True, client), (False, server)), 1):
            self.messages.add(self.state, self.decoder.feed(from_client, data, mark))
        self.state.writes_from[done(11)] = (0, 1)

    def feed(self, data: bytes, *, from_client: bool) -> None:
        """Take bytes by way of frames."""
        self.messages.add(self.state, self.decoder.feed(from_client, data, 3))

    def feed_quickly(self, data: bytes, *, from_client: bool) -> None:
        """Take bytes the quick way, and what that leaves by way of frames."""
        take = self.messages.take_requests if from_client else self.messages.take_replies
        self.feed(data[take(self.state, data, 3) :], from_client=from_client)

    def seen(self) -> tuple[object, ...]:
        """All that is to be the same whichever way the bytes went."""
        state, decoder = self.state, self.decoder
        return (
            self.assembly.take(),
            self.assembly.count,
            state.pending,
            state.writes_to,
            state.writes_from,
            decoder.last_request_msg_id,
            decoder.last_reply_msg_id,
        )


@pytest.mark.parametrize(
    ("client", "server", "requests", "replies"),
    [
        (PING_CLIENT, PING_SERVER, PING_FIRST_REQUESTS + b"".join(PING_REQUESTS), b"".join(PING_REPLIES)),
        (
            SYSTEM_CLIENT_4_2,
            SYSTEM_SERVER_4_2,
            b"".join(SYSTEM_REQUESTS_4_2),
            EXCEPTION_HELLO + b"".join(SYSTEM_REPLIES_4_2),
        ),
        (PING_CLIENT, PING_SERVER, WRITES, b""),
    ],
)
def test_quick_way_gives_what_frames_give(
    client: bytes, server: bytes, requests: bytes, replies: bytes
) -> None:
    for size in range(max(len(requests), len(replies)) + 1):
        by_frames, quick = Room(client, server), Room(client, server)
        by_frames.feed(requests[:size], from_client=True)
        quick.feed_quickly(requests[:size], from_client=True)
        by_frames.feed(replies[:size], from_client=False)
        quick.feed_quickly(replies[:size], from_client=False)
        assert quick.seen() == by_frames.seen()


def test_quick_way_takes_whole_frames_and_leaves_the_rest() -> None:
    room = Room(PING_CLIENT, PING_SERVER)
    whole = len(PING_FIRST_REQUESTS)
    assert room.messages.take_requests(room.state, PING_FIRST_REQUESTS + b"\x00", 3) == whole
    assert room.messages.take_replies(room.state, PING_REPLIES[0][:-1], 3) == 0
    assert room.messages.take_requests(room.state, bytes(28), 3) == 0
    assert room.messages.take_replies(room.state, bytes(16), 3) == 0
    messages: list[Message] = room.assembly.take()[2:]
    assert [(message.verb, message.msg_id, message.kind) for message in messages] == [
        (0, 1, Kind.ONE_WAY),
        (63, 2, Kind.REQUEST),
    ]
    assert all(type(message) is Message for message in messages)


def test_write_and_its_acknowledgement_are_joined_the_quick_way() -> None:
    room = Room(PING_CLIENT, PING_SERVER)
    room.feed_quickly(WRITES, from_client=True)
    assert room.state.writes_to.keys() == {done(7), done(8)}
    messages = room.assembly.take()
    assert [m.acknowledges_frame for m in messages if m.verb == 2] == [1, 1, None]
