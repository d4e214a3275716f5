"""A trace answers who was answered by whom, and keeps what is missing."""

import pytest

from harness.context import context_to_json
from harness.dissect.reading import read_trace
from harness.events.message import Kind, Protocol
from harness.events.trace import LostBytes, Missing, Trace
from tests.written.lwt_insert_twice import NAME, capture, context


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    path = tmp_path_factory.mktemp("trace") / f"{NAME}.pcapng"
    path.write_bytes(capture())
    path.with_suffix(".json").write_text(context_to_json(context()), encoding="utf-8")
    return read_trace(path)


def test_a_part_of_a_trace_keeps_its_surroundings(trace: Trace) -> None:
    part = trace[3:9]
    assert len(part) == 6
    assert part[0] is trace[3]
    assert part.schema is trace.schema
    assert part.topology is trace.topology
    assert trace.ended_ns is not None
    assert (part.started_ns, part.ended_ns) == (trace.started_ns, trace.ended_ns)


def test_client_and_node_messages_are_told_apart(trace: Trace) -> None:
    assert len(trace.rpc) + len(trace.cql) == len(trace)
    assert {message.protocol for message in trace.cql} == {Protocol.CQL}


def test_an_exchange_is_a_request_with_its_answer_and_the_time_between(trace: Trace) -> None:
    prepares = [exchange for exchange in trace.exchanges if exchange.request.verb_name == "PAXOS_PREPARE"]
    assert len(prepares) == 4
    for exchange in prepares:
        assert exchange.reply is not None
        assert trace.request_of(exchange.reply) == exchange.request
        assert exchange.latency_ns == exchange.reply.time_ns - exchange.request.time_ns > 0


def test_what_nobody_answers_is_an_exchange_without_replies(trace: Trace) -> None:
    prunes = [exchange for exchange in trace.exchanges if exchange.request.verb_name == "PAXOS_PRUNE"]
    assert [(exchange.reply, exchange.latency_ns) for exchange in prunes] == [(None, None)] * 4


def test_an_acknowledgement_is_an_answer_and_no_exchange_of_its_own(trace: Trace) -> None:
    assert not any(exchange.request.verb_name == "MUTATION_DONE" for exchange in trace.exchanges)


def test_connections_are_given_as_they_were_last_known(trace: Trace) -> None:
    assert [connection.number for connection in trace.connections] == [0, 1, 2, 3, 4]
    assert all(
        connection.negotiated is not None and connection.client_shard == 0
        for connection in trace.connections
        if connection.protocol is Protocol.RPC
    )


def test_where_keeps_what_a_predicate_takes(trace: Trace) -> None:
    replies = trace.where(lambda message: message.kind is Kind.REPLY)
    assert {message.kind for message in replies} == {Kind.REPLY}


def test_a_trace_is_complete_unless_packets_or_bytes_are_missing(trace: Trace) -> None:
    assert trace.missing.is_complete
    loss = LostBytes(trace.connections[0], from_client=True, frame=1, lost_bytes=None)
    for missing in (
        Missing(lost=(loss,)),
        Missing(dropped_packets=1),
        Missing(truncated="a block"),
        Missing(cut_packets=1),
    ):
        assert not missing.is_complete
    assert Missing(skipped_packets=3).is_complete
