"""A written capture is read by our own dissector like that of a real cluster."""

import pytest

from harness.context import context_to_json
from harness.dissect.reading import read_trace
from harness.events.message import Kind
from harness.events.trace import Trace
from tests.written.lwt_insert_twice import INSERT, NAME, capture, context


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    path = tmp_path_factory.mktemp("demo") / f"{NAME}.pcapng"
    path.write_bytes(capture())
    path.with_suffix(".json").write_text(context_to_json(context()), encoding="utf-8")
    return read_trace(path)


def test_every_message_is_decoded_to_its_last_byte(trace: Trace) -> None:
    assert len(trace.undecoded) == 0
    assert trace.missing.is_complete
    assert not any(message.kind is Kind.UNDECODED for message in trace)


def test_each_insert_runs_a_whole_paxos_round_with_two_replicas(trace: Trace) -> None:
    verbs = [message.verb_name for message in trace.rpc if message.kind in {Kind.REQUEST, Kind.ONE_WAY}]
    for verb in ("PAXOS_PREPARE", "PAXOS_ACCEPT", "PAXOS_LEARN", "MUTATION_DONE", "PAXOS_PRUNE"):
        assert verbs.count(verb) == 4, verb


def test_every_learn_is_acknowledged_by_the_replica_that_got_it(trace: Trace) -> None:
    learns = [exchange for exchange in trace.exchanges if exchange.request.verb_name == "PAXOS_LEARN"]
    assert len(learns) == 4
    for learn in learns:
        assert learn.reply is not None
        assert learn.reply.sender_node == learn.request.receiver_node


def test_the_context_names_nodes_and_table(trace: Trace) -> None:
    assert {message.sender_node for message in trace.rpc} == {"n1", "n2", "n3"}
    assert any(table.full_name == "demo.map" for table in trace.schema.tables)
    assert context().statements[0].cql == INSERT


def test_the_same_story_gives_the_same_bytes() -> None:
    assert capture() == capture()
