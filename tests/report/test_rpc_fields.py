from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE as VERBS
from harness.codec.verbs.wire import is_declared
from harness.dissect.reading import read_trace
from harness.errors import DecodeError
from harness.events.surroundings import Surroundings
from harness.report.field_node import FieldNode
from harness.report.rpc_fields import rpc_fields
from tests.events.messages import MUTATION_DONE, MUTATION_REQUEST, SURROUNDINGS

MUTATION = 1


def walk(nodes: tuple[FieldNode, ...]) -> Iterator[FieldNode]:
    for node in nodes:
        yield node
        yield from walk(node.children)


def fields_of(verb: int, payload: bytes) -> tuple[FieldNode, ...]:
    body = VERBS.decode(verb, Line.V4_2, Role.REQUEST, payload).body
    return rpc_fields(body, payload, SURROUNDINGS)


def test_fields_stand_in_wire_order_with_their_places() -> None:
    shown = [(node.name, node.text, node.start, node.end) for node in fields_of(2, MUTATION_DONE)]
    assert shown[:2] == [("shard", "2", 0, 4), ("response_id", "1600000000000", 4, 12)]


def test_the_place_of_a_cell_holds_its_bytes() -> None:
    by_value = {node.note: node for node in walk(fields_of(MUTATION, MUTATION_REQUEST)) if node.note}
    cell = by_value["'xyz'"]
    assert MUTATION_REQUEST[cell.start : cell.end].endswith(b"xyz")
    assert by_value["ks.t"].name == "table_id"
    assert by_value["n1"].text == "10.0.0.1"


def test_elements_of_lists_take_the_place_of_their_fields() -> None:
    rows = next(node for node in walk(fields_of(MUTATION, MUTATION_REQUEST)) if node.name == "rows")
    assert rows.children[0].name == "[0]"
    assert rows.start <= rows.children[0].start < rows.children[0].end <= rows.end


def test_bytes_that_no_declaration_names_are_shown_at_their_end() -> None:
    nodes = fields_of(2, MUTATION_DONE + b"\x01\xbb")
    assert nodes[-1][:5] == ("unread", "0xbb", "no declaration names it", 33, 34)


@given(st.sampled_from([1, 2, 3, 6, 39, 40, 41]), st.binary(max_size=80))
@settings(max_examples=150)
def test_whatever_decodes_has_places_inside_its_payload(verb: int, payload: bytes) -> None:
    try:
        body = VERBS.decode(verb, Line.V2025_1, Role.REQUEST, payload).body
    except DecodeError:
        return
    if is_declared(body):
        for node in walk(rpc_fields(body, payload, SURROUNDINGS)):
            assert -1 <= node.start <= node.end <= len(payload)


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    ["scylla-4.2/base/materialized_view", "scylla-2025.1/topology/add_node", "scylla-4.2/faults/repair"],
)
def test_fields_of_real_payloads_lie_in_those_that_hold_them(reference: Path, name: str) -> None:
    trace = read_trace(reference / f"{name}.pcapng")
    around = Surroundings(trace.schema, trace.topology)
    seen = 0
    for message in trace.rpc:
        body = message.body
        if not is_declared(body):
            continue
        seen += 1
        nodes = rpc_fields(body, message.payload, around)
        if nodes and nodes[0].start >= 0:
            assert nodes[0].start == 0
            assert nodes[-1].end == len(message.payload)
        for node in walk(nodes):
            for child in node.children:
                if child.start >= 0 and node.start >= 0:
                    assert node.start <= child.start <= child.end <= node.end
    assert seen > 100
