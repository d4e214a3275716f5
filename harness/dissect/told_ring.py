"""Nodes and ring, as clients are told in system.local and system.peers: every driver asks for both when it connects.

Source:
    Scylla, db/system_keyspace.cc (local, peers).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Rows
from harness.errors import DecodeError
from harness.events.message import Connection, Kind, Message, Protocol
from harness.topology import Node, Topology

_LOCAL, _PEERS = "local", "peers"
_TOKENS = b"tokens"
_ADDRESSES = ("peer", "broadcast_address", "listen_address")

_Row = dict[str, object]


def with_told_ring(topology: Topology, messages: Iterable[Message]) -> Topology:
    """The topology with the members and tokens that a capture's clients were told; the same if nobody was told.

    Who tells has to tell of itself and of its peers, else parts of the ring would be taken for the whole. If what is
    told changes while the capture lasts, no one ring is true for all of it, and none is taken.
    """
    told: dict[str, dict[str, tuple[_Row, ...]]] = {}
    rings: list[dict[str, Node]] = []
    for message in messages:
        rows = _rows_of(message)
        if rows is None:
            continue
        table, members = rows
        by_table = told.setdefault(message.sender.address, {})
        by_table[table] = members
        if len(by_table) == len((_LOCAL, _PEERS)):
            rings.append(dict(_nodes((*by_table[_LOCAL], *by_table[_PEERS]))))
    if not rings or any(ring != rings[0] for ring in rings):
        return topology
    nodes = [_joined(node, rings[0].pop(node.address, None)) for node in topology.nodes]
    others = sorted(rings[0].values(), key=lambda node: ip_address(node.address))
    return Topology((*nodes, *others), topology.tablets)


def with_names(topology: Topology, messages: Iterable[Message]) -> Iterator[Message]:
    """Give messages, their connections between nodes by the names that these have in a topology."""
    names = {node.address: node.name for node in topology.nodes}
    renamed: dict[Connection, Connection] = {}
    for message in messages:
        connection = message.connection
        named = renamed.get(connection)
        if named is None:
            named = renamed[connection] = connection._replace(
                client_node=names.get(connection.client.address, connection.client_node),
                server_node=names.get(connection.server.address, connection.server_node),
            )
        yield message._replace(connection=named)


def _rows_of(message: Message) -> tuple[str, tuple[_Row, ...]] | None:
    """Which of the two tables a message holds rows of, with their tokens; None: of neither."""
    if (
        message.protocol is not Protocol.CQL
        or message.kind is not Kind.REPLY
        or _TOKENS not in message.payload
    ):
        return None
    body = message.body
    content = body.content if isinstance(body, CqlMessage) else None
    if not isinstance(content, Rows):
        return None
    tables = {(column.keyspace, column.table) for column in content.columns}
    table = next((table for table in (_LOCAL, _PEERS) if tables == {("system", table)}), None)
    if table is None:
        return None
    names = [column.name for column in content.columns]
    try:
        return table, tuple(dict(zip(names, row, strict=True)) for row in content.values())
    except DecodeError:
        return None


def _nodes(rows: Iterable[_Row]) -> Iterator[tuple[str, Node]]:
    """The members by address; who is joining or has left has no tokens."""
    for row in rows:
        address = next((str(row[name]) for name in _ADDRESSES if row.get(name) is not None), None)
        tokens = row.get("tokens")
        if address is None or not isinstance(tokens, Iterable):
            continue
        host_id = row.get("host_id")
        yield (
            address,
            Node(
                name=address,
                address=address,
                host_id=host_id if isinstance(host_id, UUID) else None,
                datacenter=str(row.get("data_center") or ""),
                rack=str(row.get("rack") or ""),
                tokens=tuple(sorted(int(str(token)) for token in tokens)),
            ),
        )


def _joined(node: Node, told: Node | None) -> Node:
    """A node by the name that it is known by, with what was told of it."""
    return node if told is None else replace(told, name=node.name, shards=node.shards)
