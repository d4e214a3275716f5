"""Our dissector on captures that our own encoders write, whole, in pieces, cut and with packets taken out."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.capture.sentinel import Sentinel, encode_sentinel
from harness.codec.cql.requests import Execute, Prepare, query_parameters
from harness.codec.cql.results import Column, PreparedResult, Void, metadata_of
from harness.codec.cql.types import ScalarType
from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import InterfaceStatistics, NameResolution, Packet
from harness.codec.pcapng.pcapng_encoder import PcapngEncoder
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.common import UpdateBacklog
from harness.codec.verbs.line import Line
from harness.codec.verbs.paxos import PaxosAcceptReply
from harness.codec.verbs.writes import MutationDone, MutationFailed
from harness.dissect.native import NativeDissector
from harness.dissect.reading import read_trace
from harness.errors import DecodeError, HarnessError
from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Missing
from tests.written.conversation import CqlConnection, Packets, RpcConnection
from tests.written.lwt_insert_twice import NODES, capture, context

Change = Callable[[list[Packet]], list[Packet]]


def messages_of(data: bytes, *, chunk_bytes: int | None = None) -> list[Message]:
    dissector = NativeDissector(context=context())
    step = chunk_bytes or len(data)
    messages: list[Message] = []
    for start in range(0, len(data), step):
        messages += dissector.feed(data[start : start + step])
    return messages + dissector.close()


def rewritten(data: bytes, change: Change) -> bytes:
    """The same capture with its packets changed."""
    decoder = CaptureDecoder()
    events = decoder.feed(data) + decoder.close()
    encoder = PcapngEncoder()
    parts = [encoder.encode(event) for event in events if not isinstance(event, Packet)]
    packets = change([event for event in events if isinstance(event, Packet)])
    return b"".join(parts + [encoder.packet(packet.time_ns, packet.data) for packet in packets])


def without(numbers: Iterable[int]) -> Change:
    left_out = set(numbers)
    return lambda packets: [packet for packet in packets if packet.number not in left_out]


def summary(messages: Iterable[Message]) -> list[tuple[object, ...]]:
    return [(m.frame_first, m.frame_last, m.kind, m.verb_name, m.msg_id, m.request_frame) for m in messages]


def test_every_reply_names_its_request() -> None:
    messages = messages_of(capture())
    for message in messages:
        if message.kind is Kind.REPLY:
            assert message.request is not None
            request = messages[message.request]
            assert (request.msg_id, request.connection.number) == (message.msg_id, message.connection.number)
            assert message.request_frame == request.frame_last


def test_an_acknowledgement_on_another_connection_names_its_write() -> None:
    messages = messages_of(capture())
    done = [message for message in messages if message.verb_name == "MUTATION_DONE"]
    assert len(done) == 4
    for message in done:
        assert message.acknowledges is not None
        write = messages[message.acknowledges]
        assert write.verb_name == "PAXOS_LEARN"
        assert write.connection.number != message.connection.number
        assert (write.receiver.address, write.sender.address) == (
            message.sender.address,
            message.receiver.address,
        )


def test_messages_are_numbered_in_the_order_in_which_they_complete() -> None:
    messages = messages_of(capture())
    assert [message.number for message in messages] == list(range(len(messages)))
    assert all(a.frame_last <= b.frame_last for a, b in pairwise(messages))


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1000])
def test_pieces_of_the_file_give_the_same_messages(chunk_bytes: int) -> None:
    assert messages_of(capture(), chunk_bytes=chunk_bytes) == messages_of(capture())


def test_a_packet_seen_twice_gives_its_messages_once() -> None:
    def twice(packets: list[Packet]) -> list[Packet]:
        return [packet for packet in packets for _ in range(2)]

    once = Counter((m.kind, m.verb_name, m.msg_id, m.payload) for m in messages_of(capture()))
    assert (
        Counter((m.kind, m.verb_name, m.msg_id, m.payload) for m in messages_of(rewritten(capture(), twice)))
        == once
    )


def test_packets_out_of_order_give_the_same_messages() -> None:
    def swapped(packets: list[Packet]) -> list[Packet]:
        # The two packets of a PAXOS_PREPARE and its acknowledgement, 46 and 47, change places with 48 and 49.
        return [*packets[:45], *packets[47:49], *packets[45:47], *packets[49:]]

    changed = messages_of(rewritten(capture(), swapped))
    assert sorted(m.payload for m in changed) == sorted(m.payload for m in messages_of(capture()))
    assert all(a.frame_last <= b.frame_last for a, b in pairwise(changed))


def test_a_lost_packet_is_a_loss_with_its_bytes_and_the_rest_is_decoded() -> None:
    dissector = NativeDissector(context=context())
    messages = dissector.feed(rewritten(capture(), without([54]))) + dissector.close()
    verbs = Counter(m.verb_name for m in messages if m.kind is Kind.REQUEST and m.protocol is Protocol.RPC)
    assert verbs["PAXOS_ACCEPT"] == 3
    (loss,) = dissector.missing.lost
    assert loss.from_client
    assert loss.lost_bytes == 372 - 54
    assert not dissector.missing.is_complete
    orphan = [m for m in messages if m.kind is Kind.REPLY and m.request is None]
    assert [m.frame_last for m in orphan] == [57]
    assert orphan[0].verb is None
    assert orphan[0].decoded.undecoded_bytes == orphan[0].payload_bytes == 1


def test_a_capture_that_begins_in_mid_stream_is_read_by_what_its_bytes_say() -> None:
    late = messages_of(rewritten(capture(), without(range(1, 44))))
    whole = [m for m in messages_of(capture()) if m.frame_first >= 44]
    assert [(m.kind, m.verb_name, m.payload) for m in late] == [
        (m.kind, m.verb_name, m.payload) for m in whole
    ]
    negotiated = [m.connection.negotiated for m in late if m.protocol is Protocol.RPC]
    assert all(each is not None and each.assumed for each in negotiated)
    assert {m.connection.line for m in late} == {Line.V4_2}


@pytest.mark.parametrize("kept", [1, 100, 2000, 5000, -1])
def test_a_file_cut_anywhere_gives_what_is_there(kept: int) -> None:
    dissector = NativeDissector()
    messages = dissector.feed(capture()[:kept]) + dissector.close()
    assert dissector.missing.truncated
    assert summary(messages) == summary(messages_of(capture()))[: len(messages)]


def test_what_is_no_capture_is_an_error() -> None:
    dissector = NativeDissector()
    with pytest.raises(DecodeError, match="pcap"):
        dissector.feed(b"no capture at all" * 100)


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=15000))
def test_only_our_errors_come_out_whatever_the_bytes(garbage: bytes, at: int) -> None:
    data = bytearray(capture())
    data[at : at + len(garbage)] = garbage
    dissector = NativeDissector()
    try:
        messages = dissector.feed(bytes(data)) + dissector.close()
    except HarnessError:
        return
    for message in messages:
        assert message.decoded.undecoded_bytes <= message.payload_bytes


def test_a_replica_may_acknowledge_and_fail_the_same_write() -> None:
    packets = Packets(0)
    coordinator, replica = NODES[:2]
    there = RpcConnection(packets, Endpoint(coordinator, 50001), replica, connection_id=1)
    back = RpcConnection(packets, Endpoint(replica, 60001), coordinator, connection_id=1)
    write = next(m for m in messages_of(capture()) if m.verb_name == "PAXOS_LEARN")
    assert write.body is not None
    there.request(41, write.body)
    response_id = getattr(write.body, "response_id", 0)
    backlog = UpdateBacklog(current_bytes=0, limit_bytes=1)
    back.request(2, MutationDone(shard=0, response_id=response_id, backlog=backlog))
    back.request(24, MutationFailed(shard=0, response_id=response_id, failed_count=1, backlog=backlog))
    messages = messages_of(packets.capture())
    learn = next(m for m in messages if m.verb_name == "PAXOS_LEARN")
    answers = [m.verb_name for m in messages if m.acknowledges == learn.number]
    assert answers == ["MUTATION_DONE", "MUTATION_FAILED"]


def test_an_execute_knows_the_statement_that_was_prepared() -> None:
    packets = Packets(0)
    client = CqlConnection(packets, Endpoint("10.20.0.1", 40000), NODES[0])
    column = Column(keyspace="demo", table="map", name="id", type=ScalarType.INT)
    client.send(Prepare(query="DELETE FROM demo.map WHERE id = ?"), stream_id=1, from_client=True)
    prepared = PreparedResult(statement_id=b"\x01" * 16, bound=metadata_of([column]), result=metadata_of([]))
    client.send(prepared, stream_id=1, from_client=False)
    execute = Execute(statement_id=b"\x01" * 16, parameters=query_parameters(1, values=(b"\0\0\0\x07",)))
    client.send(execute, stream_id=2, from_client=True)
    client.send(Void(), stream_id=2, from_client=False)
    *_, asked, answered = messages_of(packets.capture())
    assert asked.cql is not None
    assert asked.cql.prepared is not None
    assert asked.cql.prepared.query == "DELETE FROM demo.map WHERE id = ?"
    assert answered.request == asked.number


def test_names_come_from_the_capture_itself_where_no_context_is() -> None:
    decoder = CaptureDecoder()
    events = decoder.feed(capture())
    encoder = PcapngEncoder()
    head = [encoder.encode(event) for event in events if not isinstance(event, Packet)]
    names = encoder.names(
        NameResolution(address=address, names=(f"node{i}",)) for i, address in enumerate(NODES)
    )
    rest = [encoder.packet(event.time_ns, event.data) for event in events if isinstance(event, Packet)]
    dissector = NativeDissector()
    messages = dissector.feed(b"".join([*head, names, *rest]))
    assert {m.sender_node for m in messages if m.protocol is Protocol.RPC} == {"node0", "node1", "node2"}


def test_drops_that_the_capturing_program_counted_are_told() -> None:
    encoder = PcapngEncoder()
    decoder = CaptureDecoder()
    parts = [encoder.encode(event) for event in decoder.feed(capture())]
    parts.append(encoder.statistics(InterfaceStatistics(interface=0, time_ns=0, received=9, dropped=2)))
    dissector = NativeDissector()
    dissector.feed(b"".join(parts))
    assert dissector.missing.dropped_packets == 2
    assert not dissector.missing.is_complete


def test_our_own_marks_are_nothing_that_is_missing() -> None:
    mark = encode_sentinel(Sentinel(b"0123456789abcdef", "begin"))
    arp = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(46)

    def missing_with(*frames: bytes) -> Missing:
        dissector = NativeDissector(context=context())
        dissector.feed(
            rewritten(
                capture(), lambda packets: [*packets, *(packets[-1]._replace(data=frame) for frame in frames)]
            )
        )
        return dissector.missing

    assert missing_with(mark) == missing_with()
    other = missing_with(mark, arp, mark)
    assert (other.skipped_packets, other.unsupported) == (1, "EtherType 0x0806")


def test_a_mark_behind_the_last_message_tells_how_long_was_listened() -> None:
    mark = encode_sentinel(Sentinel(b"0123456789abcdef", "quiet?"))
    later_ns = 40_000_000
    dissector = NativeDissector(context=context())
    messages = dissector.feed(
        rewritten(
            capture(),
            lambda packets: [
                *packets,
                packets[-1]._replace(data=mark, time_ns=packets[-1].time_ns + later_ns),
            ],
        )
    )
    assert dissector.last_time_ns is not None
    assert dissector.last_time_ns >= messages[-1].time_ns + later_ns


def test_a_told_line_is_believed() -> None:
    dissector = NativeDissector(line=Line.V6_2)
    assert {m.connection.line for m in dissector.feed(capture())} == {Line.V6_2}


@pytest.mark.reference
@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_a_connection_told_to_be_a_stream_carries_the_verb_of_its_request(reference: Path, line: str) -> None:
    trace = read_trace(reference / f"scylla-{line}" / "faults" / "repair.pcapng")
    data = [message for message in trace if message.kind is Kind.STREAM_DATA]
    assert {message.verb_name for message in data} == {
        "REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM",
        "REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM",
        "REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM",
    }
    assert all(message.body is not None for message in data)


def test_replies_of_a_connection_that_ends_while_frames_are_held_back_are_paired() -> None:
    packets = Packets(0)
    ending = RpcConnection(packets, Endpoint(NODES[0], 50001), NODES[1], connection_id=1)
    other = RpcConnection(packets, Endpoint(NODES[0], 50002), NODES[2], connection_id=2)
    request = next(m for m in messages_of(capture()) if m.verb_name == "PAXOS_ACCEPT")
    assert request.body is not None
    hole = len(list(CaptureDecoder().feed(packets.capture()))) - 1
    other.request(40, request.body)
    other.request(40, request.body)
    msg_id = ending.request(40, request.body)
    ending.reply(msg_id, PaxosAcceptReply(accepted=True))
    ending.finish()
    messages = messages_of(rewritten(packets.capture(), without([hole])))
    (reply,) = (m for m in messages if m.kind is Kind.REPLY)
    assert reply.request is not None
    assert messages[reply.request].msg_id == msg_id
