"""Contexts as JSON, by hand and of real captures."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.context import Context, Statement, context_from_json, context_to_json
from harness.errors import ContextError, HarnessError
from harness.replication import Replication
from harness.schema import Schema
from harness.topology import Node, Tablet, Topology

_HOST = "faefd760-2722-4d1d-bb0b-e5da56c1baf1"
_TABLE_ID = "65fca940-e652-11f1-ae9c-000000000000"
_CONTEXT = {
    "scenario": "one",
    "doc": "A write.",
    "nodes": [
        {"index": 1, "ip": "10.0.0.1", "dc": "dc1", "rack": "r1", "smp": 2},
        {"index": 2, "ip": "10.0.0.2", "dc": "dc1", "rack": "r2", "smp": 1},
    ],
    "ring": [{"ip": "10.0.0.1", "dc": "dc1", "rack": "r1", "host_id": _HOST}],
    "tokens": [[5, "10.0.0.1"], [-7, "10.0.0.2"], [-9, "10.0.0.1"]],
    "tablets": [{"table_id": _TABLE_ID, "last_token": 3, "replicas": [[_HOST, 1]]}],
    "keyspaces": {
        "ks": "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '2'}"
    },
    "schema": {"ks": "CREATE TABLE ks.t (p int PRIMARY KEY, a text);"},
    "tables": {"ks.t": _TABLE_ID, "ks.u": "65fca940-e652-11f1-ae9c-000000000001"},
    "steps": [
        {
            "at": 1795337757.5,
            "done": 1795337758,
            "coordinator": "10.0.0.1",
            "cql": "INSERT INTO ks.t (p) VALUES (?)",
            "params": [1],
            "cl": "TWO",
            "note": None,
            "rows": [],
            "n_rows": 0,
        }
    ],
    "capture": ["Packets received/dropped on interface 'br0': 382/7 (pcap:0/dumpcap:0/flushed:0) (98.2%)"],
    "something newer": [{}],
}


def _read(**changes: object) -> Context:
    return context_from_json(json.dumps(_CONTEXT | changes))


def test_nodes_are_named_by_their_index() -> None:
    topology = _read().topology
    assert topology.nodes == (
        Node(
            name="n1",
            address="10.0.0.1",
            host_id=UUID(_HOST),
            datacenter="dc1",
            rack="r1",
            shards=2,
            tokens=(-9, 5),
        ),
        Node(name="n2", address="10.0.0.2", datacenter="dc1", rack="r2", shards=1, tokens=(-7,)),
    )


def test_tablets_have_their_replicas() -> None:
    assert _read().topology.tablets == (
        Tablet(table_id=UUID(_TABLE_ID), last_token=3, replicas=((UUID(_HOST), 1),)),
    )


def test_tables_have_ids_and_columns() -> None:
    schema = _read().schema
    table = schema.table_of(UUID(_TABLE_ID))
    assert table is not None
    assert [column.name for column in table.columns] == ["p", "a"]
    assert schema.keyspaces["ks"].replication == Replication(strategy="SimpleStrategy", factor=2)


def test_table_without_columns_is_known_by_name() -> None:
    table = _read().schema.table("ks", "u")
    assert table is not None
    assert not table.has_all_columns


def test_statements_have_times_and_levels() -> None:
    assert _read().statements == (
        Statement(
            cql="INSERT INTO ks.t (p) VALUES (?)",
            coordinator="10.0.0.1",
            parameters=(1,),
            consistency_level="TWO",
            started_s=1795337757.5,
            ended_s=1795337758,
            row_count=0,
        ),
    )


def test_dropped_packets_are_those_of_the_capturing_program() -> None:
    assert _read().dropped_packets == 7
    assert _read(capture=None).dropped_packets is None


def test_empty_object_is_a_context() -> None:
    assert context_from_json("{}") == Context()


def test_nodes_may_be_known_by_the_ring_alone() -> None:
    context = _read(nodes=None)
    assert [(node.name, node.address) for node in context.topology.nodes] == [("n1", "10.0.0.1")]


def test_node_without_an_index_gets_the_next_one() -> None:
    context = _read(nodes=[{"ip": "10.0.0.9"}, {"ip": "10.0.0.8", "index": 4}], ring=[])
    assert [node.name for node in context.topology.nodes] == ["n5", "n4"]


def test_statements_of_schema_that_are_not_ours_are_passed_over() -> None:
    text = "CREATE ROLE x; /* Warning: something */ CREATE FUNCTION f () RETURNS int AS 'a;b';"
    assert _read(schema={"ks": text}).schema.table("ks", "t") is not None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"nodes": 3}, "nodes: a number instead of a list"),
        ({"nodes": ["x"]}, "nodes[0]: text instead of an object"),
        ({"nodes": [{"ip": 5}]}, "nodes[0].ip: a number instead of text"),
        ({"nodes": [{}]}, "nodes[0]: a node without ip"),
        ({"nodes": [{"ip": "a", "smp": "2"}]}, "nodes[0].smp: text instead of a whole number"),
        (
            {"nodes": [{"ip": "a", "index": 1}, {"ip": "b", "index": 1}]},
            "nodes: two of them have the same index",
        ),
        ({"ring": [{"ip": "10.0.0.1", "host_id": "x"}]}, "ring[0].host_id: 'x' is no UUID"),
        ({"tokens": [["5", "a"]]}, "tokens[0]: a ring token and an address are wanted"),
        ({"tablets": [{}]}, "tablets[0]: a tablet without table_id or last_token"),
        (
            {"tablets": [{"table_id": _TABLE_ID, "last_token": 1, "replicas": [[1, 2]]}]},
            "tablets[0].replicas[0]: a host id and a shard are wanted",
        ),
        ({"schema": {"ks": "CREATE TABLE t (a int)"}}, "schema.ks: table without a primary key"),
        ({"schema": ["x"]}, "schema: a list instead of an object"),
        ({"tables": {"ks.t": None}}, "tables.ks.t: null instead of text"),
        ({"steps": [{"at": "now"}]}, "steps[0].at: text instead of a number"),
        ({"capture": [True]}, "capture[0]: true or false instead of text"),
    ],
)
def test_error_says_where_and_what(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ContextError) as caught:
        _read(**changes)
    assert str(caught.value) == what


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000])
def test_what_is_no_object_is_an_error(text: str) -> None:
    with pytest.raises(ContextError):
        context_from_json(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(_CONTEXT)), _JSON, max_size=4))
def test_garbage_raises_only_errors_of_the_harness(fields: dict[str, object]) -> None:
    try:
        context_from_json(json.dumps(fields))
    except HarnessError:
        return


def test_written_context_is_read_as_the_same() -> None:
    context = _read()
    assert context_from_json(context_to_json(context)) == context


def test_context_of_nothing_is_written() -> None:
    assert context_from_json(context_to_json(Context())) == Context()


def test_nodes_with_other_names_are_numbered_anew() -> None:
    context = Context(topology=Topology((Node(name="left", address="10.0.0.1"),)), schema=Schema())
    read = context_from_json(context_to_json(context))
    assert read.topology.nodes == (replace(context.topology.nodes[0], name="n1"),)


def test_contexts_of_real_captures_are_read_and_written(reference: Path) -> None:
    paths = sorted(reference.glob("*/*/*.json"))
    assert paths
    for path in paths:
        context = context_from_json(path.read_text("utf-8"))
        assert context.dropped_packets == 0
        assert context.topology.nodes
        assert all(table.has_all_columns for table in context.schema.tables)
        assert context_from_json(context_to_json(context)) == context
