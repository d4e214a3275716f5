"""Messages that are there whatever the statements are; the flow graph folds them away."""

from collections.abc import Collection
from enum import Enum

from harness.codec.cql.opcodes import Opcode
from harness.codec.verbs.raft import AppendEntriesRequest, AppendEntriesRequestV50
from harness.events.message import Kind, Message
from harness.report.families import Family


class Chatter(Enum):
    """Kinds of chatter; the values are the words of folded rows."""

    GOSSIP = "gossip"
    LIVENESS = "pings"
    RAFT_HEARTBEAT = "raft heartbeats"
    """Entries without entries, read barriers, and what answers them."""
    DRIVER = "driver's own"
    """What a CQL driver asks for itself: options, events, the cluster's tables."""
    CONNECTION = "connection set-up"


_DRIVER_OPCODES = frozenset(
    {
        Opcode.STARTUP,
        Opcode.OPTIONS,
        Opcode.SUPPORTED,
        Opcode.READY,
        Opcode.REGISTER,
        Opcode.EVENT,
        Opcode.CREDENTIALS,
        Opcode.AUTHENTICATE,
        Opcode.AUTH_CHALLENGE,
        Opcode.AUTH_RESPONSE,
        Opcode.AUTH_SUCCESS,
    }
)
_DRIVER_KEYSPACES = frozenset({"system", "system_schema", "system_virtual_schema"})
_HEARTBEAT_VERBS = frozenset({"RAFT_READ_QUORUM", "RAFT_READ_QUORUM_REPLY", "RAFT_APPEND_ENTRIES_REPLY"})


def chatter_of(message: Message, family: Family, tables: Collection[str]) -> Chatter | None:
    """Tell what kind of chatter a message is by itself; what answers chatter is chatter too."""
    match family:
        case Family.GOSSIP:
            return Chatter.GOSSIP
        case Family.LIVENESS:
            return Chatter.LIVENESS
        case Family.CONNECTION:
            return Chatter.CONNECTION
        case Family.RAFT:
            return Chatter.RAFT_HEARTBEAT if _is_heartbeat(message) else None
        case Family.STATEMENT:
            return Chatter.DRIVER if _is_drivers_own(message, tables) else None
        case _:
            return None


def _is_heartbeat(message: Message) -> bool:
    if message.kind is not Kind.ONE_WAY:
        return False
    if message.verb_name in _HEARTBEAT_VERBS:
        return True
    body = message.body
    return isinstance(body, AppendEntriesRequest | AppendEntriesRequestV50) and not body.append.entries


def _is_drivers_own(message: Message, tables: Collection[str]) -> bool:
    if message.kind is Kind.UNDECODED:
        return False
    if message.verb in _DRIVER_OPCODES:
        return True
    if message.verb not in {Opcode.QUERY, Opcode.EXECUTE, Opcode.PREPARE}:
        return False
    return bool(tables) and all(name.rpartition(".")[0] in _DRIVER_KEYSPACES for name in tables)
