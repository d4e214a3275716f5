"""Raft group 0: how nodes find it, change its members, and what its log entries command.

Source:
    Scylla, idl/group0.idl.hh, idl/group0_state_machine.idl.hh, idl/experimental/broadcast_tables_lang.idl.hh,
    service/raft/group0_state_machine.hh; branches 5.0 to master (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import CanonicalMutation
from harness.codec.verbs.raft import ConfigMember, GroupId, LogEntry, LogEntryV50, ServerAddressV50, ServerId
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import (
    PLAIN,
    Blob,
    Inet,
    Monostate,
    Number,
    Uuid,
    Void,
    arguments,
    decode_struct,
    final,
    sized,
)

# Commands in the log.


@sized
class SchemaChange:
    """A DDL statement: mutations of system_schema tables and of the schema version in system.scylla_local."""

    mutations: tuple[CanonicalMutation, ...]


@sized
class BroadcastSelect:
    """Read a key of the experimental broadcast table."""

    key: Blob


@final
class BroadcastCondition:
    """The value that a key must have."""

    value: Blob | None
    """None: it must have none."""


@sized
class BroadcastUpdate:
    """Write a key of the experimental broadcast table."""

    key: Blob
    value: Blob
    condition: BroadcastCondition | None
    """None: write in any case."""


@sized
class BroadcastQuery:
    """A statement on the experimental broadcast table."""

    query: Annotated[BroadcastSelect | BroadcastUpdate, PLAIN]


@sized
class BroadcastTableQuery:
    """A statement on the experimental broadcast table; an unused place on master (August 2026)."""

    query: BroadcastQuery


@sized
class TopologyChange:
    """A step of the topology state machine: mutations of system.topology, system.tablets and the like."""

    mutations: tuple[CanonicalMutation, ...]


@sized
class WriteMutations:
    """Writes of other tables that group 0 keeps: roles, service levels, view build status."""

    mutations: tuple[CanonicalMutation, ...]


@sized
class MixedChange:
    """Mutations of schema and topology in one step (6.2 and later)."""

    mutations: tuple[CanonicalMutation, ...]


@sized
class Group0Command:
    """One command of group 0; every node applies it, unless another command came in between."""

    change: Annotated[
        SchemaChange | BroadcastTableQuery | TopologyChange | WriteMutations | MixedChange, PLAIN
    ]
    """5.0 knows only the first."""
    history_append: CanonicalMutation
    """A row of system.group0_history, clustering key ``new_state_id``."""
    previous_state_id: Uuid | None
    """The state that the creator saw; where it is no longer the last one, the command does nothing."""
    new_state_id: Uuid
    """Time UUID with random low bits."""
    creator_address: Inet
    creator_id: ServerId


def decode_group0_command(data: bytes) -> Group0Command:
    """Decode the bytes that group 0 carries in a log entry and in RAFT_ADD_ENTRY.

    Only the group id of the message tells that they are a command of group 0; other groups have others.

    Raises:
        DecodeError: the bytes are no such command.

    Source:
        Scylla, idl/group0_state_machine.idl.hh, group0_command.
    """
    command, _ = decode_struct(Group0Command, data)
    return command


def group0_command_of(entry: LogEntry | LogEntryV50) -> Group0Command | None:
    """Give the command of an entry of group 0's log; None for a configuration or an empty entry.

    Raises:
        DecodeError: the entry carries a command, but none of group 0.
    """
    return decode_group0_command(entry.data) if isinstance(entry.data, bytes) else None


# Discovery and membership.


class Group0UpgradeState(IntEnum):
    """How far a cluster that began without Raft has moved to it."""

    RECOVERY = 0
    USE_PRE_RAFT_PROCEDURES = 1
    SYNCHRONIZE = 2
    USE_POST_RAFT_PROCEDURES = 3


@sized
class DiscoveryPeer:
    """A node that the sender knows of while nobody has a group 0."""

    id: ServerId
    """Null for a seed of which only the address is known."""
    address: Inet


@sized
class Group0Info:
    """The group 0 that the receiver belongs to."""

    group0_id: GroupId
    id: ServerId
    """A member, as a rule the one that answers."""
    address: Inet


@sized
class Group0InfoV50:
    """The group 0 that the receiver belongs to, as 5.0 writes it."""

    group0_id: GroupId
    address: ServerAddressV50


@final
class DiscoveryPeers:
    """Nobody has a group 0 yet: whom the receiver knows."""

    peers: tuple[DiscoveryPeer, ...]


@final
class DiscoveryPeersV50:
    """Nobody has a group 0 yet: whom the receiver knows; as 5.0 writes it."""

    peers: tuple[ServerAddressV50, ...]


@sized
class PeerExchange:
    """What a node answers to another that looks for group 0."""

    info: Annotated[Monostate | Group0Info | DiscoveryPeers, PLAIN]
    """``Monostate``: the node is not far enough to say."""


@sized
class PeerExchangeV50:
    """What a node of 5.0 answers to another that looks for group 0."""

    info: Annotated[Monostate | Group0InfoV50 | DiscoveryPeersV50, PLAIN]
    """``Monostate``: the node is not far enough to say."""


@arguments
class PeerExchangeRequest:
    """GROUP0_PEER_EXCHANGE; unlike the RAFT verbs without group and ends."""

    peers: tuple[DiscoveryPeer, ...]
    """Whom the sender knows, itself included."""


@arguments
class PeerExchangeRequestV50:
    """GROUP0_PEER_EXCHANGE of 5.0."""

    peers: tuple[ServerAddressV50, ...]
    """Whom the sender knows, itself included."""


@arguments
class PeerExchangeReply:
    """Answer to GROUP0_PEER_EXCHANGE."""

    exchange: PeerExchange


@arguments
class PeerExchangeReplyV50:
    """Answer to GROUP0_PEER_EXCHANGE in 5.0."""

    exchange: PeerExchangeV50


@arguments
class Group0ModifyConfigRequest:
    """GROUP0_MODIFY_CONFIG."""

    group_id: GroupId
    add: tuple[ConfigMember, ...]
    """Also members whose vote changes."""
    remove: tuple[ServerId, ...]


@arguments
class Group0ModifyConfigRequestV50:
    """GROUP0_MODIFY_CONFIG of 5.0."""

    group_id: GroupId
    add: tuple[ServerAddressV50, ...]
    """Also members whose vote changes."""
    remove: tuple[ServerId, ...]


@arguments
class UpgradeStateReply:
    """Answer to GET_GROUP0_UPGRADE_STATE."""

    state: Annotated[int, Number("u8", Group0UpgradeState)]


VERBS = (
    verb(
        57,
        "GROUP0_PEER_EXCHANGE",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=PeerExchangeRequestV50, reply=PeerExchangeReplyV50),
        Payload(since=Line.V5_4, request=PeerExchangeRequest, reply=PeerExchangeReply),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="a starting node asks whether there is a group 0 to join",
    ),
    verb(
        58,
        "GROUP0_MODIFY_CONFIG",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=Group0ModifyConfigRequestV50, reply=Void),
        Payload(since=Line.V5_4, request=Group0ModifyConfigRequest, reply=Void),
        since=Line.V5_0,
        purpose="a node asks a member to add or remove members of group 0",
    ),
    verb(
        62,
        "GET_GROUP0_UPGRADE_STATE",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, reply=UpgradeStateReply),
        since=Line.V5_4,
        retired=Line.V2026_3,
        purpose="asks how far a node has moved from gossip to Raft",
    ),
)
