"""Raft among nodes: log replication, votes, read barriers, what followers ask of the leader; liveness pings.

Every Raft message names its group and both ends. Group 0 carries schema and topology (its commands:
``group0.decode_group0_command``); the tablets of strongly consistent tables have groups of their own.

Source:
    Scylla, idl/raft.idl.hh, idl/raft_storage.idl.hh, raft/raft.hh, direct_failure_detector; branches 5.0 to
    master (August 2026).
"""

from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import (
    PLAIN,
    Blob,
    EmptyFrame,
    Flag,
    FramedU64,
    FramedUuid,
    Monostate,
    Text,
    Void,
    arguments,
    sized,
)

ServerId = FramedUuid
"""A member of a Raft group; for group 0 the node's host id."""
GroupId = FramedUuid
Term = FramedU64
LogIndex = FramedU64
ReadId = FramedU64
"""Counts the read barriers of a leader."""


# Configurations: who belongs to a group.


@sized
class ServerAddress:
    """A member, and how to reach it."""

    id: ServerId
    info: Blob
    """What the application keeps of a member; empty where host ids are looked up by gossip."""


@sized
class ConfigMember:
    """A member, with or without a vote."""

    address: ServerAddress
    can_vote: Flag


@sized
class Configuration:
    """The members of a group; both sets are filled while it changes from one to the other."""

    current: tuple[ConfigMember, ...]
    previous: tuple[ConfigMember, ...]


@sized
class ServerAddressV50:
    """A member as 5.0 writes it: vote and address in one."""

    id: ServerId
    can_vote: Flag
    info: Blob
    """The member's address."""


@sized
class ConfigurationV50:
    """The members of a group as 5.0 writes them."""

    current: tuple[ServerAddressV50, ...]
    previous: tuple[ServerAddressV50, ...]


# The log.


@sized
class LogEntry:
    """One entry of a Raft log."""

    term: Term
    index: LogIndex
    data: Annotated[Blob | Configuration | EmptyFrame, PLAIN]
    """A command, a configuration, or the empty entry with which a new leader begins its term."""


@sized
class LogEntryV50:
    """One entry of a Raft log as 5.0 writes it."""

    term: Term
    index: LogIndex
    data: Annotated[Blob | ConfigurationV50 | EmptyFrame, PLAIN]
    """As in ``LogEntry``."""


@sized
class SnapshotDescriptor:
    """Which part of the log a snapshot stands for; the state itself is pulled by other verbs."""

    index: LogIndex
    """The last entry that the snapshot contains."""
    term: Term
    """The term of that entry."""
    configuration: Configuration
    id: FramedUuid


@sized
class SnapshotDescriptorV50:
    """Which part of the log a snapshot stands for, as 5.0 writes it."""

    index: LogIndex
    """The last entry that the snapshot contains."""
    term: Term
    """The term of that entry."""
    configuration: ConfigurationV50
    id: FramedUuid


@sized
class InstallSnapshot:
    """The leader's term and its snapshot."""

    current_term: Term
    snapshot: SnapshotDescriptor


@sized
class InstallSnapshotV50:
    """The leader's term and its snapshot, as 5.0 writes them."""

    current_term: Term
    snapshot: SnapshotDescriptorV50


@sized
class SnapshotResult:
    """Whether the follower took the snapshot."""

    current_term: Term
    """The follower's."""
    success: Flag


@sized
class AppendEntries:
    """Entries of the leader's log; without entries: only news of its commit index."""

    current_term: Term
    previous_index: LogIndex
    """The entry before the first of ``entries``; the follower refuses if it has another one there."""
    previous_term: Term
    leader_commit: LogIndex
    """The last entry that the leader knows to be on a majority."""
    entries: tuple[LogEntry, ...]


@sized
class AppendEntriesV50:
    """Entries of the leader's log as 5.0 writes them."""

    current_term: Term
    previous_index: LogIndex
    """The entry before the first of ``entries``; the follower refuses if it has another one there."""
    previous_term: Term
    leader_commit: LogIndex
    """The last entry that the leader knows to be on a majority."""
    entries: tuple[LogEntryV50, ...]


@sized
class AppendRejected:
    """The follower's log does not have ``previous_index`` in ``previous_term``."""

    non_matching_index: LogIndex
    """The refused ``previous_index``."""
    last_index: LogIndex
    """The last entry of the follower's log; 0 when it is empty."""


@sized
class AppendAccepted:
    """The entries are in the follower's log."""

    last_new_index: LogIndex
    """The last of them."""


@sized
class AppendResult:
    """What a follower did with AppendEntries."""

    current_term: Term
    commit_index: LogIndex
    """The follower's."""
    result: Annotated[AppendRejected | AppendAccepted, PLAIN]


# Votes and read barriers.


@sized
class VoteRequest:
    """A candidate asks for a vote."""

    current_term: Term
    last_log_index: LogIndex
    """The end of the candidate's log."""
    last_log_term: Term
    is_prevote: Flag
    """Only a question whether a vote would be given; nobody's term changes."""
    force: Flag
    """The leader itself asked for the election (RAFT_TIMEOUT_NOW)."""


@sized
class VoteResult:
    """A vote, given or refused."""

    current_term: Term
    vote_granted: Flag
    is_prevote: Flag


@sized
class TimeoutNow:
    """The leader steps down in favour of the receiver."""

    current_term: Term


@sized
class ReadQuorum:
    """The leader asks whether it still is the leader, for a read barrier."""

    current_term: Term
    leader_commit: LogIndex
    id: ReadId


@sized
class ReadQuorumResult:
    """The follower still knows the sender of ReadQuorum as its leader."""

    current_term: Term
    commit_index: LogIndex
    """The follower's."""
    id: ReadId


@sized
class NotALeader:
    """The receiver does not lead the group."""

    leader: ServerId
    """The leader it knows of; null for none."""


ReadBarrierResult = Annotated[Monostate | LogIndex | NotALeader, PLAIN]


@sized
class EntryId:
    """Where in the log an entry was put."""

    term: Term
    index: LogIndex


@sized
class TransientError:
    """The leader could not take the entry now; it is not in the log."""

    message: Text
    leader: ServerId
    """Whom to ask next; null for unknown."""


@sized
class CommitStatusUnknown:
    """The leader does not know what will become of the entry."""


@sized
class NotAMember:
    """The sender does not belong to the group."""

    message: Text


AddEntryResult = Annotated[EntryId | TransientError | CommitStatusUnknown | NotAMember, PLAIN]
AddEntryResultV50 = Annotated[EntryId | NotALeader | CommitStatusUnknown, PLAIN]


# Payloads.


@arguments
class SendSnapshotRequest:
    """RAFT_SEND_SNAPSHOT: the leader's log no longer has what the follower lacks."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    install: InstallSnapshot


@arguments
class SendSnapshotRequestV50:
    """RAFT_SEND_SNAPSHOT of 5.0."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    install: InstallSnapshotV50


@arguments
class SendSnapshotReply:
    """Answer to RAFT_SEND_SNAPSHOT, after the follower has pulled the state."""

    result: SnapshotResult


@arguments
class AppendEntriesRequest:
    """RAFT_APPEND_ENTRIES."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    append: AppendEntries


@arguments
class AppendEntriesRequestV50:
    """RAFT_APPEND_ENTRIES of 5.0."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    append: AppendEntriesV50


@arguments
class AppendEntriesReplyRequest:
    """RAFT_APPEND_ENTRIES_REPLY, a one-way verb of its own."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    reply: AppendResult


@arguments
class VoteRequestRequest:
    """RAFT_VOTE_REQUEST."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    vote: VoteRequest


@arguments
class VoteReplyRequest:
    """RAFT_VOTE_REPLY, a one-way verb of its own."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    reply: VoteResult


@arguments
class TimeoutNowRequest:
    """RAFT_TIMEOUT_NOW."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    timeout: TimeoutNow


@arguments
class ReadQuorumRequest:
    """RAFT_READ_QUORUM."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    read: ReadQuorum


@arguments
class ReadQuorumReplyRequest:
    """RAFT_READ_QUORUM_REPLY, a one-way verb of its own."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    reply: ReadQuorumResult


@arguments
class ExecuteReadBarrierRequest:
    """RAFT_EXECUTE_READ_BARRIER_ON_LEADER: up to which entry must I apply the log before I read?"""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId


@arguments
class ExecuteReadBarrierReply:
    """Answer to RAFT_EXECUTE_READ_BARRIER_ON_LEADER."""

    result: ReadBarrierResult
    """The index to wait for; ``Monostate``: try again; or who leads instead."""


@arguments
class AddEntryRequest:
    """RAFT_ADD_ENTRY: a member asks the leader to append a command."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    command: Blob


@arguments
class AddEntryReply:
    """Answer to RAFT_ADD_ENTRY as soon as the leader has appended the entry, before it is committed."""

    result: AddEntryResult


@arguments
class AddEntryReplyV50:
    """Answer to RAFT_ADD_ENTRY in 5.0."""

    result: AddEntryResultV50


@arguments
class ModifyConfigRequest:
    """RAFT_MODIFY_CONFIG: a member asks the leader to change the members."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    add: tuple[ConfigMember, ...]
    """Also members whose vote changes."""
    remove: tuple[ServerId, ...]


@arguments
class ModifyConfigRequestV50:
    """RAFT_MODIFY_CONFIG of 5.0."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId
    add: tuple[ServerAddressV50, ...]
    """Also members whose vote changes."""
    remove: tuple[ServerId, ...]


@arguments
class ModifyConfigReply:
    """Answer to RAFT_MODIFY_CONFIG."""

    result: AddEntryResult
    """Success is an ``EntryId`` of term 0 and index 0."""


@arguments
class ModifyConfigReplyV50:
    """Answer to RAFT_MODIFY_CONFIG in 5.0."""

    result: AddEntryResultV50
    """Success is an ``EntryId`` of term 0 and index 0."""


@arguments
class ReadBarrierRequest:
    """RAFT_READ_BARRIER: the receiver is to apply the log up to now, then answer."""

    group_id: GroupId
    from_id: ServerId
    to_id: ServerId


@arguments
class PingRequest:
    """DIRECT_FD_PING."""

    to_id: ServerId


@sized
class WrongDestination:
    """The pinged node is another one than was meant."""

    id: ServerId
    """Whom the ping has reached."""


@sized
class GroupLiveness:
    """What the pinged node knows of its Raft groups."""

    is_group0_alive: Flag


@sized
class PingResult:
    """The answer of a node that lives."""

    result: Annotated[Monostate | WrongDestination | GroupLiveness, PLAIN]
    """``Monostate`` before 6.2, ``GroupLiveness`` since."""


@arguments
class PingReply:
    """Answer to DIRECT_FD_PING."""

    result: PingResult


VERBS = (
    verb(
        46,
        "RAFT_SEND_SNAPSHOT",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=SendSnapshotRequestV50, reply=SendSnapshotReply),
        Payload(since=Line.V5_4, request=SendSnapshotRequest, reply=SendSnapshotReply),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="the leader tells a follower to start over from a snapshot",
    ),
    verb(
        47,
        "RAFT_APPEND_ENTRIES",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=AppendEntriesRequestV50),
        Payload(since=Line.V5_4, request=AppendEntriesRequest),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="the leader sends log entries and its commit index",
    ),
    verb(
        48,
        "RAFT_APPEND_ENTRIES_REPLY",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=AppendEntriesReplyRequest),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="a follower says how far its log agrees with the leader's",
    ),
    verb(
        49,
        "RAFT_VOTE_REQUEST",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=VoteRequestRequest),
        since=Line.V5_0,
        purpose="a candidate asks for a vote, or whether it would get one",
    ),
    verb(
        50,
        "RAFT_VOTE_REPLY",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=VoteReplyRequest),
        since=Line.V5_0,
        purpose="a vote given or refused",
    ),
    verb(
        51,
        "RAFT_TIMEOUT_NOW",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=TimeoutNowRequest),
        since=Line.V5_0,
        purpose="a leader hands its leadership to the receiver",
    ),
    verb(
        52,
        "RAFT_READ_QUORUM",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=ReadQuorumRequest),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="the leader makes sure of its majority for a read barrier",
    ),
    verb(
        53,
        "RAFT_READ_QUORUM_REPLY",
        Mode.ONE_WAY,
        Payload(since=Line.V5_0, request=ReadQuorumReplyRequest),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="a follower confirms the leader for a read barrier",
    ),
    verb(
        54,
        "RAFT_EXECUTE_READ_BARRIER_ON_LEADER",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=ExecuteReadBarrierRequest, reply=ExecuteReadBarrierReply),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="a follower asks the leader up to where it must apply the log",
    ),
    verb(
        55,
        "RAFT_ADD_ENTRY",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=AddEntryRequest, reply=AddEntryReplyV50),
        Payload(since=Line.V5_4, request=AddEntryRequest, reply=AddEntryReply),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="a member forwards a command to the leader",
    ),
    verb(
        56,
        "RAFT_MODIFY_CONFIG",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=ModifyConfigRequestV50, reply=ModifyConfigReplyV50),
        Payload(since=Line.V5_4, request=ModifyConfigRequest, reply=ModifyConfigReply),
        since=Line.V5_0,
        evidence=[Line.V2025_1],
        purpose="a member asks the leader to change the members of the group",
    ),
    verb(
        63,
        "DIRECT_FD_PING",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=PingRequest, reply=PingReply),
        since=Line.V5_4,
        evidence=[Line.V2025_1],
        purpose="the failure detector asks whether a node lives, about ten times a second",
    ),
    verb(
        85,
        "RAFT_READ_BARRIER",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=ReadBarrierRequest, reply=Void),
        since=Line.V2026_3,
        purpose="another member is to apply everything that is committed",
    ),
)
