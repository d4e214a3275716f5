from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cassandra import InvalidRequest

from harness.backends.live.system_reader import read_schema, read_topology
from harness.backends.replay.rows import ReplayedRows, driver_message
from harness.context import Context
from harness.dissect.reading import read_context, read_trace
from harness.events.message import Message
from harness.events.statements import statements_of


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
