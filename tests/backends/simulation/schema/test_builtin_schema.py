from pathlib import Path

import pytest

from harness.backends.simulation.schema.builtin_schema import (
    SHARED_KEYSPACES,
    local_catalog,
    schema_table_of,
    shared_keyspace,
    wire_layout,
)
from harness.codec.cql.requests import Query
from harness.codec.cql.results import Rows
from harness.codec.verbs.schema_verbs import DefinitionsUpdate
from harness.codec.verbs.writes import MutationRequest
from harness.events.message import Protocol
from harness.table import ColumnKind, Table
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.captured_statements import content_of
from tests.backends.simulation.schema.captured_changes import canonical_mutations

TABLES: dict[tuple[str, str], Table] = {
    (table.keyspace, table.name): table
    for catalog in (local_catalog(), *map(shared_keyspace, SHARED_KEYSPACES))
    for table in catalog.schema.tables
}


def answer(path: Path, query: str) -> list[dict[str, object]]:
    """The rows that a real node answered to a query, by column."""
    trace = trace_of(path)
    for message in trace:
        asked = content_of(message) if message.protocol is Protocol.CQL else None
        if isinstance(asked, Query) and asked.query == query:
            reply = trace.exchange_of(message).reply
            rows = None if reply is None else content_of(reply)
            if isinstance(rows, Rows):
                names = [column.name for column in rows.columns]
                return [dict(zip(names, row, strict=True)) for row in rows.values()]
    pytest.fail(f"nobody asked {query}")


def test_the_columns_of_all_tables_are_those_that_a_real_node_tells(reference: Path) -> None:
    told = answer(reference / "scylla-4.2/base/whole_base.pcapng", "SELECT * FROM system_schema.columns")
    real = {
        (row["keyspace_name"], row["table_name"], row["column_name"], row["type"], row["kind"])
        for row in told
        if str(row["keyspace_name"]).startswith("system")
    }
    ours = {
        (table.keyspace, table.name, column.name, column.type, column.kind.value)
        for table in TABLES.values()
        for column in table.columns
    }
    assert ours == real


def test_keys_have_the_order_that_a_real_node_tells(reference: Path) -> None:
    for row in answer(reference / "scylla-4.2/base/whole_base.pcapng", "SELECT * FROM system_schema.columns"):
        table = TABLES.get((str(row["keyspace_name"]), str(row["table_name"])))
        if table is None or row["position"] == -1:
            continue
        kind = ColumnKind(str(row["kind"]))
        key = table.partition_key if kind is ColumnKind.PARTITION_KEY else table.clustering_key
        assert [column.name for column in key].index(str(row["column_name"])) == row["position"]


def test_ids_are_those_that_a_real_node_tells(reference: Path) -> None:
    told = answer(reference / "scylla-4.2/base/whole_base.pcapng", "SELECT * FROM system_schema.tables")
    real = {(row["keyspace_name"], row["table_name"]): row["id"] for row in told}
    for key, table in TABLES.items():
        assert real[key] == table.id


def test_versions_of_the_tables_that_every_node_has_are_those_on_the_wire(reference: Path) -> None:
    seen = 0
    for message in trace_of(reference / "scylla-4.2/base/whole_base.pcapng").rpc:
        match message.body:
            case DefinitionsUpdate():
                mutations = canonical_mutations(message.body)
                for mutation in mutations:
                    name = schema_table_of(mutation.table_id)
                    assert name is not None
                    assert wire_layout(name).table.version == mutation.schema_version
                seen += 1
            case MutationRequest(mutation=mutation):
                table = local_catalog().schema.table_of(mutation.table_id)
                if table is not None and table.keyspace == "system":
                    assert table.version == mutation.schema_version
                views = TABLES["system_distributed", "view_build_status"]
                if mutation.table_id == views.id:
                    assert mutation.schema_version == views.version
            case _:
                continue
    assert seen
