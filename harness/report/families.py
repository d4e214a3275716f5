"""What a message is for: the families of verbs, which are the colours of the flow graph."""

from collections.abc import Collection
from enum import Enum

from harness.codec.verbs import (
    connection,
    gossip,
    group0,
    node_ops,
    paxos,
    raft,
    read,
    repair,
    schema_verbs,
    streaming,
    tablets,
    topology,
    view_building,
    writes,
)
from harness.events.message import Kind, Message, Protocol
from harness.schema import Schema


class Family(Enum):
    """What a message is for; the values are the words of the legend."""

    STATEMENT = "statements"
    """CQL between clients and nodes."""
    WRITE = "writes"
    """Of base tables: mutations, hints, batches, counters, and their acknowledgements."""
    VIEW_UPDATE = "view updates"
    """Mutations of materialized views and of the tables behind indexes."""
    READ = "reads"
    TRANSACTION = "lightweight transactions"
    SCHEMA = "schema"
    RAFT = "raft"
    MEMBERSHIP = "topology and tablets"
    MOVING_DATA = "repair and streaming"
    GOSSIP = "gossip"
    LIVENESS = "pings"
    CONNECTION = "connections"
    OTHER = "other"


LIVENESS_VERBS = frozenset({"DIRECT_FD_PING", "GOSSIP_ECHO"})

_FAMILY_BY_MODULE = (
    (connection, Family.CONNECTION),
    (gossip, Family.GOSSIP),
    (group0, Family.MEMBERSHIP),
    (node_ops, Family.MEMBERSHIP),
    (paxos, Family.TRANSACTION),
    (raft, Family.RAFT),
    (read, Family.READ),
    (repair, Family.MOVING_DATA),
    (schema_verbs, Family.SCHEMA),
    (streaming, Family.MOVING_DATA),
    (tablets, Family.MEMBERSHIP),
    (topology, Family.MEMBERSHIP),
    (view_building, Family.VIEW_UPDATE),
    (writes, Family.WRITE),
)
_FAMILY_BY_NUMBER = {
    row.number: Family.LIVENESS if row.names[0][1] in LIVENESS_VERBS else family
    for module, family in _FAMILY_BY_MODULE
    for row in module.VERBS
}


def family_of(message: Message, tables: Collection[str], schema: Schema) -> Family:
    """Tell the family of a message by itself; that of an acknowledgement is the family of its write.

    Args:
        message: any.
        tables: names of the tables that it speaks of.
        schema: tells which of them are views.
    """
    if message.protocol is Protocol.CQL:
        return Family.STATEMENT
    if message.kind is Kind.NEGOTIATION:
        return Family.CONNECTION
    family = Family.OTHER if message.verb is None else _FAMILY_BY_NUMBER.get(message.verb, Family.OTHER)
    if family is Family.WRITE and tables and all(_is_view(name, schema) for name in tables):
        return Family.VIEW_UPDATE
    return family


def _is_view(name: str, schema: Schema) -> bool:
    keyspace, _, table_name = name.partition(".")
    table = schema.table(keyspace, table_name)
    return table is not None and table.base is not None
