"""Wireshark's trace: what tshark shows, with the bytes it takes for each message."""

from pathlib import Path

import pytest

from harness.codec.tcp.segment import Endpoint
from harness.dissect.tshark import Tshark
from harness.dissect.wireshark import Via, WiresharkDissector, is_at, read_trace
from harness.errors import CaptureError, DissectorError
from harness.events.message import Kind, Protocol
from tests.dissect.test_tshark_fields import rpc
from tests.dissect.written_capture import (
    ANSWER,
    CLIENT,
    OFFER,
    SERVER,
    WrittenCapture,
    reply,
    request,
)


def written() -> WrittenCapture:
    return WrittenCapture().up(OFFER).down(ANSWER)


@pytest.mark.tshark
@pytest.mark.parametrize("via", Via)
def test_port_7000_is_scylla_without_configuration(tmp_path: Path, tshark: Tshark, via: Via) -> None:
    path = written().up(request(22, 1, timeout_ms=500)).down(reply(1, "ab" * 16)).write(tmp_path)
    first, second, asked, answered = read_trace(path, tshark=tshark, via=via)
    assert (first.kind, second.kind) == (Kind.NEGOTIATION, Kind.NEGOTIATION)
    assert first.payload == bytes.fromhex(OFFER)[12:]
    assert (asked.kind, asked.verb_name, asked.msg_id, asked.timeout_ms) == (
        Kind.REQUEST,
        "SCHEMA_CHECK",
        1,
        500,
    )
    assert (answered.kind, answered.verb_name, answered.msg_id) == (Kind.REPLY, "SCHEMA_CHECK", 1)
    assert answered.payload == b"\xab" * 16
    assert (answered.request, answered.request_frame) == (asked.number, 5)
    assert [message.frame_last for message in (first, second, asked, answered)] == [3, 4, 5, 6]


@pytest.mark.tshark
def test_sender_and_receiver_come_from_the_port(tmp_path: Path, tshark: Tshark) -> None:
    path = written().write(tmp_path)
    offer, answer = read_trace(path, tshark=tshark)
    assert (offer.sender, offer.receiver) == (CLIENT, SERVER)
    assert (answer.sender, answer.receiver) == (SERVER, CLIENT)
    assert offer.connection.syn_seen
    assert offer.connection.negotiated is None
    assert offer.sender_node is None


@pytest.mark.tshark
def test_ipv6_is_read_too(tmp_path: Path, tshark: Tshark) -> None:
    capture = WrittenCapture(client=Endpoint("2001:db8::1", 50000), server=Endpoint("2001:db8::2", 7000))
    (offer,) = read_trace(capture.up(OFFER).write(tmp_path), tshark=tshark)
    assert offer.sender.address == "2001:db8::1"


@pytest.mark.tshark
@pytest.mark.parametrize("via", Via)
def test_every_message_of_a_coalesced_segment_is_there(tmp_path: Path, tshark: Tshark, via: Via) -> None:
    path = written().up(*(request(2, msg_id, "77" * 32) for msg_id in range(1, 41))).write(tmp_path)
    messages = read_trace(path, tshark=tshark, via=via)[2:]
    assert [(message.kind, message.msg_id) for message in messages] == [
        (Kind.ONE_WAY, msg_id) for msg_id in range(1, 41)
    ]
    assert {message.payload for message in messages} == {b"\x77" * 32}


@pytest.mark.tshark
def test_a_message_over_several_segments_has_its_first_packet_and_time(
    tmp_path: Path, tshark: Tshark
) -> None:
    whole = request(1, 1, "55" * 100)
    path = written().up(whole[:80]).up(whole[80:120]).up(whole[120:], request(22, 2)).write(tmp_path)
    _, _, mutation, check = read_trace(path, tshark=tshark)
    assert (mutation.frame_first, mutation.frame_last) == (5, 7)
    assert mutation.time_ns - mutation.first_ns == 20_000_000
    assert mutation.payload == b"\x55" * 100
    assert (check.frame_first, check.msg_id) == (7, 2)


@pytest.mark.tshark
def test_bytes_are_given_for_each_message(tmp_path: Path, tshark: Tshark) -> None:
    path = written().up(request(22, 1), request(6, 2, "00")).write(tmp_path)
    sighted = list(WiresharkDissector(tshark=tshark).packets(path))
    assert [[(each.start, each.end) for each in packet.sightings] for packet in sighted] == [
        [(0, 20)],
        [(0, 36)],
        [(20, 48), (48, 77)],
    ]
    assert [packet.is_from_syn for packet in sighted] == [True, True, True]


@pytest.mark.tshark
def test_what_wireshark_joins_out_of_two_replies_is_located_too(tmp_path: Path, tshark: Tshark) -> None:
    """The last 4 bytes of each 16-byte header go before the next reply, which makes the packet malformed."""
    path = (
        WrittenCapture(has_syn=False)
        .down(reply(1, "22" * 10, duration_us=0))
        .down(reply(2, "33" * 10, duration_us=0))
    )
    sightings = [
        each
        for packet in WiresharkDissector(tshark=tshark).packets(path.write(tmp_path))
        for each in packet.sightings
    ]
    assert [(each.start, each.end, each.message.msg_id) for each in sightings] == [
        (0, 22, 1),
        (22, 34, 0x222222222 & 0xFFFFFFFF | 2 << 32),
    ]


@pytest.mark.tshark
def test_other_ports_can_be_told(tmp_path: Path, tshark: Tshark) -> None:
    capture = WrittenCapture(server=Endpoint("10.0.0.2", 17000)).up(OFFER).write(tmp_path)
    assert len(read_trace(capture, tshark=tshark)) == 0
    assert len(read_trace(capture, tshark=tshark, rpc_ports=(17000,))) == 1


@pytest.mark.tshark
@pytest.mark.parametrize("via", Via)
def test_a_capture_cut_in_a_packet_gives_what_is_there_and_says_so(
    tmp_path: Path, tshark: Tshark, via: Via
) -> None:
    path = written().up(request(22, 1)).write(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    trace = read_trace(path, tshark=tshark, via=via)
    assert len(trace) == 2
    assert "cut short" in trace.missing.truncated
    assert not trace.missing.is_complete


@pytest.mark.parametrize("via", Via)
def test_without_tshark_nothing_is_read(tmp_path: Path, via: Via) -> None:
    with pytest.raises(DissectorError, match="was not found"):
        read_trace(written().write(tmp_path), tshark=Tshark("no-such-tshark"), via=via)


@pytest.mark.tshark
@pytest.mark.parametrize("via", Via)
def test_what_is_no_capture_is_an_error(tmp_path: Path, tshark: Tshark, via: Via) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear Sir or Madam, " * 20)
    with pytest.raises(CaptureError, match="tshark cannot read"):
        read_trace(path, tshark=tshark, via=via)


@pytest.mark.parametrize("via", Via)
@pytest.mark.tshark
def test_a_capture_that_is_not_there_is_an_error(tmp_path: Path, tshark: Tshark, via: Via) -> None:
    with pytest.raises(CaptureError, match="is no file"):
        read_trace(tmp_path / "none.pcap", tshark=tshark, via=via)


def test_a_header_is_proved_by_its_bytes() -> None:
    """A real MUTATION of 4.2.4: timeout 2000 ms, verb 1, msg_id 1030, 373 bytes."""
    head = bytes.fromhex("d007000000000000 0100000000000000 0604000000000000 75010000")
    assert is_at(rpc(Kind.REQUEST, 1, 1030, 373, 2000), head)
    assert not is_at(rpc(Kind.REQUEST, 1, 1031, 373, 2000), head)
    assert not is_at(rpc(Kind.REQUEST, 1, 1030, 373, 2000), head[:27])
    assert is_at(rpc(Kind.REPLY, None, 2000, 1), head[:12])


@pytest.mark.tshark
@pytest.mark.reference
@pytest.mark.parametrize("name", ["scylla-4.2/base/lwt_insert_twice", "scylla-2025.1/base/lwt_insert_twice"])
def test_both_ways_of_asking_say_the_same(reference: Path, tshark: Tshark, name: str) -> None:
    path = reference / f"{name}.pcapng"
    by_fields, by_pyshark = (list(WiresharkDissector(tshark=tshark, via=via).packets(path)) for via in Via)
    assert by_fields == by_pyshark


@pytest.mark.tshark
@pytest.mark.reference
def test_a_real_lwt_is_read_whole(reference: Path, tshark: Tshark) -> None:
    trace = read_trace(reference / "scylla-4.2" / "base" / "lwt_insert_twice.pcapng", tshark=tshark)
    verbs = [message.verb_name for message in trace.rpc if message.kind is not Kind.REPLY]
    assert [
        verbs.count(verb) for verb in ("PAXOS_PREPARE", "PAXOS_ACCEPT", "PAXOS_LEARN", "PAXOS_PRUNE")
    ] == [
        4,
        4,
        4,
        4,
    ]
    assert sum(message.protocol is Protocol.CQL for message in trace) == 4
