"""The quick way from bytes to messages against the way by frames, which the codec's tests hold to the protocol."""

from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.connection import ConnectionDecoder
from harness.dissect.assembly import Assembly
from harness.dissect.cql_messages import CqlMessages
from harness.dissect.flows import CqlState
from harness.events.message import Message, Protocol
from harness.schema_learning import SchemaLearner
from tests.codec.cql.real_frames import (
    ERROR_INVALID,
    EXECUTE,
    QUERY,
    READY,
    REQUESTS,
    RESPONSES,
    ROWS,
    STARTUP,
    VOID,
)
from tests.dissect.messages import CONNECTION

COMPRESSED = b"\x84\x01\x00\x00\x08\x00\x00\x00\x04\x00\x00\x00\x00"


class Room:
    """Messages of one connection of a client."""

    def __init__(self) -> None:
        self.assembly = Assembly()
        self.messages = CqlMessages(self.assembly, SchemaLearner())
        self.state = CqlState(CONNECTION._replace(protocol=Protocol.CQL), ConnectionDecoder(syn_seen=True))

    def feed(self, data: bytes, mark: int, *, from_client: bool) -> None:
        """Take bytes by way of frames."""
        self.messages.add(self.state, self.state.decoder.feed(from_client, data, mark))

    def feed_quickly(self, data: bytes, mark: int, *, from_client: bool) -> None:
        """Take bytes the quick way, and what that leaves by way of frames."""
        taken = self.messages.take_run(self.state, from_client, data, mark)
        self.feed(data[taken:], mark, from_client=from_client)


@given(
    chunks=st.lists(
        st.tuples(st.just(value=True), st.sampled_from((*REQUESTS, STARTUP, QUERY[:20], QUERY[20:])))
        | st.tuples(
            st.just(value=False),
            st.sampled_from((*RESPONSES, ERROR_INVALID, COMPRESSED, ROWS[:20], ROWS[20:], b"\xff" * 9)),
        )
        | st.tuples(st.booleans(), st.binary(max_size=20)),
        max_size=8,
    )
)
def test_quick_way_gives_what_frames_give(chunks: list[tuple[bool, bytes]]) -> None:
    by_frames, quick = Room(), Room()
    for mark, (from_client, data) in enumerate(chunks, 1):
        by_frames.feed(data, mark, from_client=from_client)
        quick.feed_quickly(data, mark, from_client=from_client)
    assert quick.assembly.messages == by_frames.assembly.messages
    assert quick.assembly.count == by_frames.assembly.count
    assert quick.state.pending == by_frames.state.pending


def test_quick_way_takes_whole_frames_and_leaves_the_rest() -> None:
    room = Room()
    room.feed(STARTUP, 1, from_client=True)
    room.feed(READY, 2, from_client=False)
    requests, replies = QUERY + EXECUTE, ROWS + VOID
    room.assembly.take()
    assert room.messages.take_run(room.state, True, requests + QUERY[:5], 3) == len(requests)
    assert room.messages.take_run(room.state, False, replies + COMPRESSED, 4) == len(replies)
    messages: list[Message] = room.assembly.take()
    assert [message.verb for message in messages] == [7, 10, 8, 8]
    assert [message.payload for message in messages[:2]] == [QUERY[9:], EXECUTE[9:]]
    assert all(type(message) is Message for message in messages)
