"""Answers of real nodes, byte by byte: what ours give for the same requests."""

from pathlib import Path

import pytest

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.cql_server import SUPPORTED
from harness.backends.simulation.server.prepared_statements import PreparedStatements
from harness.codec.cql.messages import Message, encode_message
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Prepare
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.server.test_prepared_statements import in_node


@pytest.mark.reference
@pytest.mark.parametrize("name", ["base/prepared_writes", "bulk/bulk_quorum", "base/whole_base"])
def test_prepared_is_described_like_by_a_real_node(reference: Path, name: str) -> None:
    path = reference / "scylla-4.2" / f"{name}.pcapng"
    trace = trace_of(path)
    compared = 0

    def work(context: NodeContext) -> None:
        nonlocal compared
        for answer in trace.cql:
            request = trace.request_of(answer)
            asked = None if request is None else request.body
            if not isinstance(asked, Message) or not isinstance(asked.content, Prepare):
                continue
            statement_id, statement = PreparedStatements(context).prepare(asked.content.query, None)
            ours = encode_message(4, Message(content=statement.description(statement_id)))
            assert ours == answer.payload
            compared += 1

    in_node(work, catalog_of(path))
    assert compared > 0


@pytest.mark.reference
def test_supported_is_the_same_as_of_a_real_node(reference: Path) -> None:
    trace = trace_of(reference / "scylla-4.2" / "base" / "whole_base.pcapng")
    told = {message.payload for message in trace.cql if message.verb == Opcode.SUPPORTED}
    assert told == {encode_message(4, Message(content=SUPPORTED))}
