from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import encode_message
from harness.codec.cql.requests import Execute, Query, query_parameters
from harness.codec.cql.results import Column
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType
from harness.dissect.reading import read_trace
from harness.report.cql_fields import cql_fields
from harness.report.field_node import FieldNode
from harness.report.meaning import printable
from tests.events.messages import SURROUNDINGS
from tests.report.traces import HOSTILE, hostile_rows

COLUMNS = (
    Column(keyspace="ks", table="t", name="id", type=ScalarType.INT),
    Column(keyspace="ks", table="t", name="a", type=ScalarType.TEXT),
)
PREPARED = Prepared(
    statement_id=b"12345678",
    query="INSERT INTO ks.t (id, a) VALUES (?, ?)",
    bound_columns=COLUMNS,
    result_columns=(),
    partition_key_indexes=(0,),
)


def walk(nodes: tuple[FieldNode, ...]) -> Iterator[FieldNode]:
    for node in nodes:
        yield node
        yield from walk(node.children)


def fields_of(body: CqlMessage, prepared: Prepared | None = None) -> tuple[bytes, dict[str, FieldNode]]:
    payload = encode_message(4, body)
    return payload, {node.name: node for node in walk(cql_fields(body, payload, prepared, SURROUNDINGS))}


def test_a_statement_is_found_in_its_bytes() -> None:
    body = CqlMessage(content=Query(query="SELECT * FROM ks.t", parameters=query_parameters(1)))
    payload, fields = fields_of(body)
    query = fields["query"]
    assert payload[query.start : query.end] == b"SELECT * FROM ks.t"
    assert fields["consistency"].note == "ONE"


def test_bound_values_have_the_names_and_types_of_their_columns() -> None:
    values = (b"\x00\x00\x00\x11", b"ab")
    body = CqlMessage(content=Execute(statement_id=b"12345678", parameters=query_parameters(4, values)))
    payload, fields = fields_of(body, PREPARED)
    assert (fields["id"].text, fields["id"].note) == ("17", "int")
    assert (fields["a"].text, fields["a"].note) == ("'ab'", "text")
    assert payload[fields["a"].start : fields["a"].end] == b"ab"


def test_values_of_an_unknown_statement_are_bytes() -> None:
    body = CqlMessage(content=Execute(statement_id=b"12345678", parameters=query_parameters(4, (b"abc",))))
    _, fields = fields_of(body)
    assert (fields["[0]"].text, fields["[0]"].note) == ("0x616263", "'abc'")


def test_cells_of_rows_are_found() -> None:
    payload, fields = fields_of(hostile_rows())
    assert fields["rows"].text == "1 row"
    cell = fields["rows"].children[0].children[0]
    assert cell.name == "a"
    assert payload[cell.start : cell.end].decode() == HOSTILE


@pytest.mark.reference
def test_places_in_real_bodies_hold_what_they_say(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2/base/types_and_large.pcapng")
    texts = 0
    for message in trace.cql:
        body = message.body
        if not isinstance(body, CqlMessage):
            continue
        prepared = None if message.cql is None else message.cql.prepared
        for node in walk(cql_fields(body, message.payload, prepared, SURROUNDINGS)):
            assert -1 <= node.start <= node.end <= len(message.payload)
            if node.name == "query" and node.start >= 0 and len(node.text) < 2000:
                texts += 1
                assert printable(message.payload[node.start : node.end].decode()) == node.text
    assert texts
