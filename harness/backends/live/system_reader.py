"""Schema, ring and tablets of a running cluster, as one of its nodes tells them in its system tables.

Source:
    Scylla, db/schema_tables.cc (system_schema), db/system_keyspace.cc (local, peers, tablets).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cassandra import InvalidRequest

from harness.schema import Schema
from harness.schema_learning import SchemaLearner
from harness.topology import Node, Tablet, Topology

_SCHEMA_TABLES = (
    "keyspaces",
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
    for table in _SCHEMA_TABLES:
        try:
            result = session.execute(f"SELECT * FROM system_schema.{table}")  # noqa: S608  (a constant)
        except InvalidRequest:
            # Not every version has every table.
            continue
        names = list(result.column_names or ())
        rows = [[_plain(value) for value in row] for row in result]
        place = names.index("keyspace_name") if "keyspace_name" in names else 0
        learner.learn_rows(
            "system_schema", table, names, [row for row in rows if not str(row[place]).startswith(_BUILT_IN)]
        )
    return learner.schema()


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
    nodes.sort(key=lambda node: _order(node.name))
    return Topology(tuple(nodes), _tablets(session) if has_tablets else ())


def schema_versions(session: Any) -> frozenset[UUID]:  # noqa: ANN401  (the same)
    """Read which versions of the schema the members have, as one node hears of them; one: they agree."""
    rows = [
        *session.execute("SELECT schema_version FROM system.local WHERE key='local'"),
        *session.execute("SELECT schema_version FROM system.peers"),
    ]
    return frozenset(row.schema_version for row in rows if row.schema_version is not None)


def _tablets(session: Any) -> tuple[Tablet, ...]:  # noqa: ANN401  (the same)
    return tuple(
        Tablet(
            table_id=row.table_id,
            last_token=row.last_token,
            replicas=tuple((host_id, shard) for host_id, shard in row.replicas or ()),
        )
        for row in session.execute("SELECT table_id, last_token, replicas FROM system.tablets")
    )


def _plain(value: object) -> object:
    """A value of the driver's as our own decoder gives it."""
    if isinstance(value, Mapping):
        return {_plain(name): _plain(item) for name, item in value.items()}
    return value


def _order(name: str) -> tuple[int, str]:
    """By number where a name ends with one: n2 before n10."""
    digits = name.lstrip("abcdefghijklmnopqrstuvwxyz_-")
    return (int(digits) if digits.isdecimal() else 0, name)
