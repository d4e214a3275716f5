from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from cassandra import InvalidRequest

from harness.backends.live.system_reader import read_schema, read_topology
from harness.backends.replay.rows import ReplayedRows, driver_message
from harness.context import Context
from harness.dissect.reading import read_context, read_trace
from harness.events.message import Message
from harness.events.statements import statements_of

NODE, TABLE, SHARING = UUID(int=1), UUID(int=2), UUID(int=3)


class Recorded:
    """A session that answers as the last time when a real node was asked the same."""

    def __init__(self, capture: Path) -> None:
        trace = read_trace(capture)
        self._answers: dict[str, Message] = {
            statement.text: trace[statement.result]
            for statement in statements_of(trace)
            if statement.result is not None and statement.row_count is not None
        }

    def execute(self, text: str) -> Any:  # noqa: ANN401  (the driver has no types)
        text, _, keyspace = text.partition(" WHERE keyspace_name = ")
        answer = self._answers.get(text)
        if answer is None:
            # The driver did not ask for it; nor has every version such a table.
            raise InvalidRequest(text)

        def no_page(_: bytes) -> Any:  # noqa: ANN401  (the same)
            raise AssertionError

        rows = ReplayedRows(driver_message(answer), no_page)
        if not keyspace:
            return rows
        found = [row for row in rows if row.keyspace_name == keyspace.strip("'")]
        return Result(rows.column_names, found)


class Result(list[Any]):
    """Rows with the names of their columns."""

    def __init__(self, column_names: Sequence[str] | None, rows: list[Any]) -> None:
        super().__init__(rows)
        self.column_names = column_names


@pytest.fixture(params=["scylla-4.2", "scylla-2025.1"])
def whole(request: pytest.FixtureRequest, reference: Path) -> tuple[Recorded, Context]:
    """What a node of a real cluster answered, and what the cluster is."""
    capture = reference / request.param / "base" / "whole_base.pcapng"
    # Beside the whole run nothing is told; beside its last parts everything is.
    return Recorded(capture), read_context(capture.with_name("types_and_large.json"))


def test_the_ring_is_that_of_the_cluster(whole: tuple[Recorded, Context]) -> None:
    session, context = whole
    names = {node.address: node.name for node in context.topology.nodes}
    topology = read_topology(session, names)
    assert [(node.name, node.address, node.host_id) for node in topology.nodes] == [
        (node.name, node.address, node.host_id) for node in context.topology.nodes
    ]
    assert [token for token, _ in topology.ring] == [token for token, _ in context.topology.ring]
    assert {node.datacenter for node in topology.nodes} == {"datacenter1"}


def test_members_that_nobody_knows_by_name_are_left_out(whole: tuple[Recorded, Context]) -> None:
    session, context = whole
    first = context.topology.nodes[0]
    assert [node.name for node in read_topology(session, {first.address: "a1"}).nodes] == ["a1"]


def test_tables_are_those_that_clients_have_made(whole: tuple[Recorded, Context]) -> None:
    session, context = whole
    schema = read_schema(session)
    assert not [table.full_name for table in schema.tables if table.keyspace.startswith("system")]
    assert {table.full_name: (table.id, table.base) for table in schema.tables} == {
        table.full_name: (table.id, table.base) for table in context.schema.tables
    }
    assert {name: known.replication for name, known in schema.keyspaces.items()} == {
        name: known.replication for name, known in context.schema.keyspaces.items()
    }
    told = {table.full_name: table for table in context.schema.tables}
    for table in schema.tables:
        if table.base is None:
            assert table.columns == told[table.full_name].columns


class Tabled:
    """A session with a node whose tables have tablets.

    Source:
        Scylla, replica/tablets.cc (colocated_tablet_map_to_mutation: the other table's id, and no row).
    """

    def __init__(self, columns: str, *rows: Sequence[object]) -> None:
        self._columns = columns.split()
        self._rows = rows

    def execute(self, text: str) -> Any:  # noqa: ANN401  (the driver has no types)
        asked = text.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
        if "system.local" in text:
            return self
        if "system.tablets" not in text:
            return []
        unknown = set(asked) - set(self._columns)
        if unknown:
            raise InvalidRequest(f"Unrecognized name {unknown.pop()}")
        return [SimpleNamespace(**dict(zip(self._columns, row, strict=True))) for row in self._rows]

    def one(self) -> Any:  # noqa: ANN401  (the same)
        return SimpleNamespace(broadcast_address="10.0.0.1", host_id=NODE, data_center="", rack="", tokens=())


def test_table_that_shares_tablets_has_those_of_the_other_one() -> None:
    session = Tabled(
        "table_id last_token replicas base_table",
        (TABLE, -1, [(NODE, 0)], None),
        (TABLE, 2**63 - 1, [(NODE, 1)], None),
        (SHARING, None, None, TABLE),
    )
    topology = read_topology(session, {"10.0.0.1": "n1"}, has_tablets=True)
    for table in (TABLE, SHARING):
        tablets = [topology.tablet_of(table, token) for token in (-5, 5)]
        assert [tablet and (tablet.table_id, tablet.replicas) for tablet in tablets] == [
            (table, ((NODE, 0),)),
            (table, ((NODE, 1),)),
        ]


def test_versions_in_which_no_table_shares_tablets_are_read_too() -> None:
    session = Tabled("table_id last_token replicas", (TABLE, 2**63 - 1, [(NODE, 0)]))
    topology = read_topology(session, {"10.0.0.1": "n1"}, has_tablets=True)
    assert [tablet.table_id for tablet in topology.tablets] == [TABLE]
