"""Schema, ring and tablets of a running cluster, as one of its nodes tells them in its system tables.

Source:
    Scylla, db/schema_tables.cc (system_schema), db/system_keyspace.cc (local, peers), replica/tablets.cc (tablets; since
    2025.4 a table may have those of another one, and then none of its own).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from cassandra import InvalidRequest

from harness.schema import Schema
from harness.schema_learning import SchemaLearner
from harness.topology import Node, Tablet, Topology, order_of

_SCHEMA_TABLES = (
    "scylla_keyspaces",
    "types",
    "tables",
    "views",
    "columns",
    "view_virtual_columns",
    "indexes",
    "scylla_tables",
)
_BUILT_IN = "system"
"""What names of keyspaces begin with that every cluster has."""


def read_schema(session: Any) -> Schema:  # noqa: ANN401  (the driver has no types)
    """Read the keyspaces and tables that clients have made, with ids and versions."""
    learner = SchemaLearner()
    result = session.execute("SELECT * FROM system_schema.keyspaces")
    keyspaces = [row for row in result if not row.keyspace_name.startswith(_BUILT_IN)]
    _learn(learner, "keyspaces", result.column_names, keyspaces)
    for table in _SCHEMA_TABLES:
        for keyspace in keyspaces:
            try:
                result = session.execute(
                    f"SELECT * FROM system_schema.{table} WHERE keyspace_name = '{keyspace.keyspace_name}'"  # noqa: S608  (names that nodes gave)
                )
            except InvalidRequest:
                # Not every version has every table.
                break
            _learn(learner, table, result.column_names, result)
    return learner.schema()


def _learn(
    learner: SchemaLearner, table: str, names: Sequence[str] | None, rows: Iterable[Sequence[object]]
) -> None:
    learner.learn_rows(
        "system_schema", table, list(names or ()), [[_plain(value) for value in row] for row in rows]
    )


def read_topology(session: Any, names: Mapping[str, str], *, has_tablets: bool = False) -> Topology:  # noqa: ANN401
    """Read the members of the cluster, with their tokens, and the tablets where there are any.

    Args:
        session: whose node is asked.
        names: of nodes, by address; members of other addresses are left out.
        has_tablets: whether to ask for tablets.
    """
    local = session.execute("SELECT * FROM system.local WHERE key='local'").one()
    # A node that is joining, or has left, has a row without some of these.
    peers = [
        row for row in session.execute("SELECT * FROM system.peers") if row.host_id is not None and row.tokens
    ]
    own_address = str(local.broadcast_address or local.listen_address)
    members = [(own_address, local), *((str(row.peer), row) for row in peers)]
    nodes = [
        Node(
            name=names[address],
            address=address,
            host_id=row.host_id,
            datacenter=row.data_center or "",
            rack=row.rack or "",
            tokens=tuple(sorted(int(token) for token in row.tokens or ())),
        )
        for address, row in members
        if address in names
    ]
    nodes.sort(key=lambda node: order_of(node.name))
    return Topology(tuple(nodes), _tablets(session) if has_tablets else ())


def _tablets(session: Any) -> tuple[Tablet, ...]:  # noqa: ANN401  (the same)
    own: dict[UUID, list[Tablet]] = {}
    bases: dict[UUID, UUID] = {}
    for row in _tablet_rows(session):
        if row.last_token is None:
            bases[row.table_id] = row.base_table
            continue
        own.setdefault(row.table_id, []).append(
            Tablet(
                table_id=row.table_id,
                last_token=row.last_token,
                replicas=tuple((host_id, shard) for host_id, shard in row.replicas or ()),
            )
        )
    theirs = [
        replace(tablet, table_id=table) for table, base in bases.items() for tablet in own.get(base, ())
    ]
    return (*(tablet for tablets in own.values() for tablet in tablets), *theirs)


def _tablet_rows(session: Any) -> Iterable[Any]:  # noqa: ANN401  (the same)
    columns = "table_id, last_token, replicas"
    try:
        return list(session.execute(f"SELECT {columns}, base_table FROM system.tablets"))  # noqa: S608  (names of ours)
    except InvalidRequest:
        return list(session.execute(f"SELECT {columns} FROM system.tablets"))  # noqa: S608  (the same)


def _plain(value: object) -> object:
    """A value of the driver's as our own decoder gives it."""
    if isinstance(value, Mapping):
        return {_plain(name): _plain(item) for name, item in value.items()}
    return value
