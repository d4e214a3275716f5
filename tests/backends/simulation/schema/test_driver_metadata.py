"""What the stock driver makes of the schema that it reads by CQL."""

from collections.abc import Sequence

import pytest
from cassandra.metadata import IndexMetadata, KeyspaceMetadata, SchemaParserV3
from cassandra.protocol import QueryMessage

from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.schema.local_schema import LocalSchema

STATEMENTS = (
    "CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 2, 'dc2': 3}",
    "CREATE TYPE k.address (street text, zip int)",
    (
        "CREATE TABLE k.users (org text, name text, at timestamp, kind text, home frozen<address>, tags set<text>,"
        " owner text static, attrs map<text, frozen<list<int>>>, pair tuple<int, text>,"
        " PRIMARY KEY ((org, name), at, kind)) WITH CLUSTERING ORDER BY (at DESC, kind ASC)"
        " AND gc_grace_seconds = 100 AND comment = 'people' AND compaction = {'class': 'LeveledCompactionStrategy'}"
    ),
    "CREATE TABLE k.hits (page text PRIMARY KEY, n counter)",
    "CREATE TABLE k.plain (p int PRIMARY KEY, v text, w int)",
    "CREATE INDEX by_v ON k.plain (v)",
    (
        "CREATE MATERIALIZED VIEW k.by_w AS SELECT p, w FROM k.plain WHERE w IS NOT NULL AND p IS NOT NULL"
        " PRIMARY KEY (w, p) WITH gc_grace_seconds = 7"
    ),
)


class Result:
    def __init__(self, names: list[str], rows: list[tuple[object, ...]]) -> None:
        self.column_names, self.parsed_rows = names, rows


class QueryingNode:
    """Takes the driver's queries as if it were a connection."""

    def __init__(self, node: LocalNode) -> None:
        self._node = node

    def wait_for_responses(self, *queries: QueryMessage, **_: object) -> Sequence[tuple[bool, Result]]:
        return [(True, self._result(query.query)) for query in queries]

    def _result(self, query: str) -> Result:
        rows = self._node.run(query)
        assert rows is not None
        return Result([column.name for column in rows.columns], list(rows.values()))


@pytest.fixture(scope="module")
def keyspaces() -> dict[str, KeyspaceMetadata]:
    """All keyspaces, as the driver understands them."""
    schema = LocalSchema()
    schema.add_shared_keyspaces()
    for statement in STATEMENTS:
        schema.run(statement)
    node = LocalNode(schema.storage.catalog)
    node.storage = schema.storage
    parser = SchemaParserV3(QueryingNode(node), 10)
    return {keyspace.name: keyspace for keyspace in parser.get_all_keyspaces()}


def test_keyspaces_have_their_replication(keyspaces: dict[str, KeyspaceMetadata]) -> None:
    assert set(keyspaces) == {
        "k",
        "system",
        "system_auth",
        "system_distributed",
        "system_schema",
        "system_traces",
    }
    assert keyspaces["k"].replication_strategy.export_for_schema() == (
        "{'class': 'NetworkTopologyStrategy', 'dc1': '2', 'dc2': '3'}"
    )
    assert keyspaces["system_distributed"].replication_strategy.replication_factor == 3


def test_a_table_has_its_keys_types_and_options(keyspaces: dict[str, KeyspaceMetadata]) -> None:
    table = keyspaces["k"].tables["users"]
    assert [column.name for column in table.partition_key] == ["org", "name"]
    assert [(column.name, column.is_reversed) for column in table.clustering_key] == [
        ("at", True),
        ("kind", False),
    ]
    assert {name: column.cql_type for name, column in table.columns.items()} == {
        "org": "text",
        "name": "text",
        "at": "timestamp",
        "kind": "text",
        "attrs": "map<text, frozen<list<int>>>",
        "home": "frozen<address>",
        "owner": "text",
        "pair": "frozen<tuple<int, text>>",
        "tags": "set<text>",
    }
    assert table.columns["owner"].is_static
    assert table.options["gc_grace_seconds"] == 100
    assert table.options["comment"] == "people"
    assert table.options["compaction"] == {"class": "LeveledCompactionStrategy"}
    assert "CLUSTERING ORDER BY (at DESC, kind ASC)" in table.export_as_string()


def test_types_and_counters_are_known(keyspaces: dict[str, KeyspaceMetadata]) -> None:
    assert keyspaces["k"].user_types["address"].as_cql_query() == (
        "CREATE TYPE k.address (street text, zip int)"
    )
    assert keyspaces["k"].tables["hits"].columns["n"].cql_type == "counter"


def test_indexes_and_views_are_known(keyspaces: dict[str, KeyspaceMetadata]) -> None:
    plain = keyspaces["k"].tables["plain"]
    index: IndexMetadata = plain.indexes["by_v"]
    assert index.as_cql_query() == "CREATE INDEX by_v ON k.plain (v)"
    view = plain.views["by_w"]
    assert view.base_table_name == "plain"
    assert view.where_clause == "w IS NOT null AND p IS NOT null"
    assert not view.include_all_columns
    assert [column.name for column in (*view.partition_key, *view.clustering_key)] == ["w", "p"]
    assert view.options["gc_grace_seconds"] == 7


def test_tables_that_nodes_bring_along_are_exported_whole(keyspaces: dict[str, KeyspaceMetadata]) -> None:
    assert len(keyspaces["system"].tables) == 22
    assert len(keyspaces["system_schema"].tables) == 13
    sessions = keyspaces["system_traces"].tables["sessions"]
    assert sessions.options["default_time_to_live"] == 86400
    assert "CREATE TABLE system_traces.sessions" in sessions.as_cql_query()
