"""The colours of the flow graph: what messages are about, with views and pings told apart."""

from collections.abc import Collection
from enum import Enum

from harness.events.message import Message
from harness.events.verb_family import Family, family_of
from harness.schema import Schema


class Hue(Enum):
    """What has a colour of its own; the values are the words of the legend."""

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
    TOPOLOGY = "topology and tablets"
    REPAIR = "repair"
    STREAMING = "streaming"
    GOSSIP = "gossip"
    LIVENESS = "pings"
    CONNECTION = "connections"
    OTHER = "other"


HUE_COLOURS: dict[Hue, tuple[str, str]] = {
    Hue.STATEMENT: ("#3552c4", "#93a8ff"),
    Hue.WRITE: ("#b45309", "#f0a94b"),
    Hue.VIEW_UPDATE: ("#c01f68", "#f48cb8"),
    Hue.READ: ("#0b7a70", "#3ecfbf"),
    Hue.TRANSACTION: ("#7438d6", "#b79bfb"),
    Hue.SCHEMA: ("#4b7a0b", "#a8d65c"),
    Hue.RAFT: ("#865b3d", "#d2a785"),
    Hue.TOPOLOGY: ("#0c6f93", "#4cc3ea"),
    Hue.REPAIR: ("#16803c", "#5fd68a"),
    Hue.STREAMING: ("#7d6608", "#dcc04a"),
    Hue.GOSSIP: ("#64707d", "#97a3b0"),
    Hue.LIVENESS: ("#6b7078", "#8a929c"),
    Hue.CONNECTION: ("#716a64", "#a59d96"),
    Hue.OTHER: ("#52525b", "#a1a1aa"),
}
"""On light and on dark paper; each has a contrast of at least 4.5 to its paper, as small text needs it."""

_PING = "DIRECT_FD_PING"
_HUES = {
    Family.CQL: Hue.STATEMENT,
    Family.WRITE: Hue.WRITE,
    Family.READ: Hue.READ,
    Family.PAXOS: Hue.TRANSACTION,
    Family.SCHEMA: Hue.SCHEMA,
    Family.GOSSIP: Hue.GOSSIP,
    Family.RAFT: Hue.RAFT,
    Family.TOPOLOGY: Hue.TOPOLOGY,
    Family.STREAMING: Hue.STREAMING,
    Family.REPAIR: Hue.REPAIR,
    Family.CONNECTION: Hue.CONNECTION,
    Family.ERROR: Hue.OTHER,
    Family.OTHER: Hue.OTHER,
}


def hue_of(message: Message, tables: Collection[str], schema: Schema) -> Hue:
    """Give the colour of a message by itself; an answer has that of what it answers.

    Args:
        message: any.
        tables: names of the tables that it speaks of.
        schema: tells which of them are views.
    """
    hue = _HUES[family_of(message)]
    if hue is Hue.WRITE and tables and all(_is_view(name, schema) for name in tables):
        return Hue.VIEW_UPDATE
    return Hue.LIVENESS if message.verb_name == _PING else hue


def _is_view(name: str, schema: Schema) -> bool:
    keyspace, _, table_name = name.partition(".")
    table = schema.table(keyspace, table_name)
    return table is not None and table.base is not None
