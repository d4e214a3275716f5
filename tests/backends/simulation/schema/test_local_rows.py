from uuid import UUID

from harness.backends.simulation.schema.local_rows import LocalRows
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.schema.local_schema import LocalSchema


def node_with_rows() -> tuple[LocalNode, LocalRows]:
    schema = LocalSchema()
    node = LocalNode(schema.storage.catalog)
    node.storage = schema.storage
    return node, LocalRows(schema.storage)


def test_a_set_is_replaced_as_a_whole() -> None:
    node, rows = node_with_rows()
    rows.write("local", {"key": "local"}, {"tokens": {"1", "2"}, "rack": "r"}, 1000)
    rows.write("local", {"key": "local"}, {"tokens": {"2", "3"}}, 2000)
    assert node.rows("SELECT tokens, rack FROM system.local") == [(frozenset({"2", "3"}), "r")]


def test_none_deletes_a_value_and_an_empty_set_all_of_them() -> None:
    node, rows = node_with_rows()
    rows.write("local", {"key": "local"}, {"tokens": {"1"}, "rack": "r"}, 1000)
    rows.write("local", {"key": "local"}, {"tokens": set(), "rack": None}, 2000)
    assert node.rows("SELECT key, tokens, rack FROM system.local") == [("local", None, None)]


def test_rows_with_clustering_columns_are_deleted_one_by_one_or_together() -> None:
    node, rows = node_with_rows()
    for view in ("a", "b", "c"):
        rows.write("built_views", {"keyspace_name": "k", "view_name": view}, {}, 1000)
    rows.delete("built_views", {"keyspace_name": "k", "view_name": "b"}, 2000)
    assert node.rows("SELECT view_name FROM system.built_views") == [("a",), ("c",)]
    rows.delete("built_views", {"keyspace_name": "k"}, 3000)
    assert node.rows("SELECT view_name FROM system.built_views") == []


def test_maps_are_written_by_their_keys() -> None:
    node, rows = node_with_rows()
    truncated = {UUID(int=1): b"at"}
    rows.write("local", {"key": "local"}, {"truncated_at": truncated}, 1000)
    assert node.rows("SELECT truncated_at FROM system.local") == [(truncated,)]
