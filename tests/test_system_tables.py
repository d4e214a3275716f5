"""Built-in tables against the ids that Scylla and Cassandra publish."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.dissect.reading import read_trace
from harness.schema import Schema
from harness.system_tables import system_table_id, system_tables, system_tables_by_name


@pytest.mark.parametrize(
    ("keyspace", "table", "expected"),
    [
        ("system", "batchlog", "0290003c-977e-397c-ac3e-fdfdc01d626b"),
        ("system", "batchlog_v2", "51b51270-f624-3ef5-8c86-cf6ea2d7e837"),
        ("system", "paxos", "b7b7f0c2-fd0a-3410-8c05-3ef614bb7c2d"),
        ("system", "local", "7ad54392-bcdd-35a6-8417-4e047860b377"),
        ("system", "peers", "37f71aca-7dc2-383b-a706-72528af04d4f"),
        ("system", "group0_history", "027e42f5-683a-3ed7-b404-a0100762063c"),
        ("system", "topology", "5be1feb3-929e-3df9-8da8-d771c36129a0"),
        ("system", "tablets", "fd4f7a46-96bd-3e73-91bf-99eb77e82a5c"),
        ("system", "scylla_local", "2972ec7f-fb20-38dd-aac1-d876f2e3fcbd"),
        ("system", "topology_requests", "b3068525-d0f2-39c2-8250-584f9b1bf460"),
        ("system", "cdc_generations_v3", "c697df3f-5539-3ef5-b003-843be7ba1422"),
        ("system", "roles", "23392e27-9e45-3292-b429-12845e17c153"),
        ("system", "view_build_status_v2", "e0ab84ed-510d-374c-bcc0-973d28d13640"),
        ("system_schema", "keyspaces", "abac5682-dea6-31c5-b535-b3d6cffd0fb6"),
        ("system_schema", "tables", "afddfb9d-bc1e-3068-8056-eed6c302ba09"),
        ("system_schema", "columns", "24101c25-a2ae-3af7-87c1-b40ee1aca33f"),
        ("system_schema", "scylla_tables", "5d912ff1-f759-3665-b2c8-8042ab5103dd"),
        ("system_schema", "views", "9786ac1c-dd58-3201-a7cd-ad556410c985"),
        ("system_schema", "indexes", "0feb57ac-311f-382f-ba6d-9024d305702f"),
        ("system_schema", "types", "5a8b1ca8-6602-3f77-a045-9273d308917a"),
        ("system_schema", "dropped_columns", "5e7583b5-f3f4-3af1-9a39-b7e1d6f5f11f"),
        ("system_schema", "view_virtual_columns", "08843b63-45dc-3be2-9798-a0418295cfaa"),
        ("system_schema", "computed_columns", "cc7c7069-3740-33c1-92a4-c3de78dbd2c4"),
        ("system_schema", "scylla_keyspaces", "fa0ea2bd-608f-3e74-9b1e-b84b46b33adf"),
        ("system_auth", "roles", "5bc52802-de25-35ed-aeab-188eecebb090"),
        ("system_traces", "sessions", "c5e99f16-8677-3914-b17e-960613512345"),
        ("system_traces", "events", "8826e8e9-e16a-3728-8753-3bc1fc713c25"),
        ("system_distributed", "view_build_status", "5582b59f-8e4e-35e1-b913-3acada51eb04"),
        ("system_distributed", "cdc_streams_descriptions_v2", "0bf73fd7-65b2-36b0-85e5-658131d5df36"),
        ("system_distributed", "cdc_generation_timestamps", "fdf455c4-cfec-3e00-9719-d7a45436c89d"),
    ],
)
def test_id_follows_from_the_names(keyspace: str, table: str, expected: str) -> None:
    assert system_table_id(keyspace, table) == UUID(expected)
    known = Schema().table_of(UUID(expected))
    assert known is not None
    assert known.full_name == f"{keyspace}.{table}"


def test_columns_are_sorted_by_name() -> None:
    for table in system_tables():
        names = [column.name.encode() for column in table.regular_columns]
        assert names == sorted(names), table.full_name


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
def test_columns_are_those_that_real_nodes_tell_each_other(reference: Path, line: str) -> None:
    trace = read_trace(reference / line / "base" / "boot.pcapng")
    seen = 0
    for told in trace.schema.tables:
        known = system_tables_by_name().get((told.keyspace, told.name))
        if known is None or not known.partition_key:
            continue
        assert (known.id, known.partition_key, known.clustering_key) == (
            told.id,
            told.partition_key,
            told.clustering_key,
        )
        if known.has_all_columns:
            # Columns that came with a later version stand behind those of the earlier ones.
            assert known.regular_columns[: len(told.regular_columns)] == told.regular_columns
        seen += 1
    assert seen >= 8
