"""What messages are about, in broad strokes: for colours, for folding, for sums."""

from enum import Enum

from harness.codec.verbs import (
    backup,
    connection,
    forward_cql,
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
    tasks,
    topology,
    view_building,
    writes,
)
from harness.events.message import Kind, Message, Protocol


class Family(Enum):
    """What a message is about."""

    CQL = "clients"
    WRITE = "writes"
    READ = "reads"
    PAXOS = "lightweight transactions"
    SCHEMA = "schema"
    GOSSIP = "gossip"
    RAFT = "raft"
    TOPOLOGY = "topology"
    STREAMING = "streaming"
    REPAIR = "repair"
    CONNECTION = "connections"
    ERROR = "errors"
    """Exceptions, ERRORs of CQL, MUTATION_FAILED, and what could not be decoded."""
    OTHER = "other"


_MUTATION_FAILED = 24

_MODULES = (
    (Family.WRITE, writes),
    (Family.READ, read),
    (Family.PAXOS, paxos),
    (Family.SCHEMA, schema_verbs),
    (Family.GOSSIP, gossip),
    (Family.RAFT, raft),
    (Family.RAFT, group0),
    (Family.TOPOLOGY, topology),
    (Family.TOPOLOGY, node_ops),
    (Family.TOPOLOGY, tablets),
    (Family.TOPOLOGY, tasks),
    (Family.TOPOLOGY, view_building),
    (Family.STREAMING, streaming),
    (Family.STREAMING, backup),
    (Family.REPAIR, repair),
    (Family.CONNECTION, connection),
    (Family.CQL, forward_cql),
)
_FAMILIES = {row.number: family for family, module in _MODULES for row in module.VERBS}


def family_of(message: Message) -> Family:
    """What a message is about."""
    kind = message.kind
    if kind is Kind.EXCEPTION or kind is Kind.UNDECODED:
        return Family.ERROR
    if message.protocol is Protocol.CQL:
        return Family.CQL
    if kind is Kind.NEGOTIATION:
        return Family.CONNECTION
    if message.verb is None:
        return Family.OTHER
    return Family.ERROR if message.verb == _MUTATION_FAILED else _FAMILIES.get(message.verb, Family.OTHER)
