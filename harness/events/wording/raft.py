"""Words for Raft: the log of group 0 and what it changes, votes, read barriers, pings."""

from uuid import UUID

from harness.codec.verbs.group0 import (
    BroadcastTableQuery,
    DiscoveryPeer,
    DiscoveryPeers,
    DiscoveryPeersV50,
    Group0Command,
    Group0Info,
    Group0InfoV50,
    Group0ModifyConfigRequest,
    Group0ModifyConfigRequestV50,
    MixedChange,
    PeerExchangeReply,
    PeerExchangeReplyV50,
    PeerExchangeRequest,
    PeerExchangeRequestV50,
    SchemaChange,
    TopologyChange,
    UpgradeStateReply,
    WriteMutations,
    decode_group0_command,
)
from harness.codec.verbs.raft import (
    AddEntryReply,
    AddEntryReplyV50,
    AddEntryRequest,
    AppendAccepted,
    AppendEntriesReplyRequest,
    AppendEntriesRequest,
    AppendEntriesRequestV50,
    CommitStatusUnknown,
    ConfigMember,
    Configuration,
    ConfigurationV50,
    EntryId,
    ExecuteReadBarrierReply,
    ExecuteReadBarrierRequest,
    GroupLiveness,
    LogEntry,
    LogEntryV50,
    ModifyConfigReply,
    ModifyConfigReplyV50,
    ModifyConfigRequest,
    ModifyConfigRequestV50,
    NotALeader,
    NotAMember,
    PingReply,
    PingRequest,
    ReadBarrierRequest,
    ReadQuorumReplyRequest,
    ReadQuorumRequest,
    SendSnapshotReply,
    SendSnapshotRequest,
    SendSnapshotRequestV50,
    ServerAddressV50,
    TimeoutNowRequest,
    TransientError,
    VoteReplyRequest,
    VoteRequestRequest,
    WrongDestination,
)
from harness.codec.verbs.wire import Monostate
from harness.errors import DecodeError
from harness.events.wording.words import (
    Words,
    byte_count,
    listed,
    number_name,
    printable,
    says,
    sentence,
    short_id,
)

_ENTRIES_SHOWN = 3


# The log.


@says(AppendEntriesRequest)
def _append(body: AppendEntriesRequest, words: Words) -> str:
    append = body.append
    return _entries(append.current_term, append.leader_commit, append.entries, words)


@says(AppendEntriesRequestV50)
def _append_50(body: AppendEntriesRequestV50, words: Words) -> str:
    append = body.append
    return _entries(append.current_term, append.leader_commit, append.entries, words)


def _entries(term: int, commit: int, entries: tuple[LogEntry | LogEntryV50, ...], words: Words) -> str:
    if not entries:
        return f"term {term}, no entries, committed up to {commit}"
    shown = "; ".join(f"[{entry.index}] {_entry(entry, words)}" for entry in entries[:_ENTRIES_SHOWN])
    more = len(entries) - _ENTRIES_SHOWN
    return f"term {term}, committed up to {commit}: {shown}{f'; and {more} more' if more > 0 else ''}"


def _entry(entry: LogEntry | LogEntryV50, words: Words) -> str:
    data = entry.data
    if isinstance(data, bytes):
        return _command(data, words)
    if isinstance(data, Configuration | ConfigurationV50):
        return _configuration(data, words)
    return f"begin of term {entry.term}"


def _command(data: bytes, words: Words) -> str:
    try:
        command = decode_group0_command(data)
    except DecodeError:
        return f"command of {byte_count(len(data))}"
    return f"{_change(command, words)}, by {words.node(command.creator_address)}"


def _change(command: Group0Command, words: Words) -> str:
    change = command.change
    match change:
        case SchemaChange():
            what = "schema change"
        case TopologyChange():
            what = "topology change"
        case WriteMutations():
            what = "write"
        case MixedChange():
            what = "schema and topology change"
        case BroadcastTableQuery():
            return "broadcast table query"
    return f"{what} in {words.changed_tables(change.mutations)}"


def _configuration(configuration: Configuration | ConfigurationV50, words: Words) -> str:
    members = [_member(member, words) for member in configuration.current]
    if not configuration.previous:
        return f"configuration {listed(members)}"
    previous = [_member(member, words) for member in configuration.previous]
    return f"configuration {listed(members)}, joint with {listed(previous)}"


def _member(member: ConfigMember | ServerAddressV50, words: Words) -> str:
    host_id = member.address.id if isinstance(member, ConfigMember) else member.id
    return words.host(host_id) + ("" if member.can_vote else " without vote")


@says(AppendEntriesReplyRequest)
def _append_reply(body: AppendEntriesReplyRequest, _words: Words) -> str:
    result = body.reply.result
    if isinstance(result, AppendAccepted):
        return f"accepted up to {result.last_new_index}, committed up to {body.reply.commit_index}"
    return f"rejected at {result.non_matching_index}: the log ends at {result.last_index}"


@says(SendSnapshotRequest)
def _snapshot(body: SendSnapshotRequest, _words: Words) -> str:
    snapshot = body.install.snapshot
    return f"snapshot {short_id(snapshot.id)} up to entry {snapshot.index} of term {snapshot.term}"


@says(SendSnapshotRequestV50)
def _snapshot_50(body: SendSnapshotRequestV50, _words: Words) -> str:
    snapshot = body.install.snapshot
    return f"snapshot {short_id(snapshot.id)} up to entry {snapshot.index} of term {snapshot.term}"


@says(SendSnapshotReply)
def _snapshot_reply(body: SendSnapshotReply, _words: Words) -> str:
    return "taken" if body.result.success else "not taken"


@says(AddEntryRequest)
def _add_entry(body: AddEntryRequest, words: Words) -> str:
    return _command(body.command, words)


@says(AddEntryReply)
def _add_entry_reply(body: AddEntryReply, words: Words) -> str:
    return _added(body.result, words)


@says(AddEntryReplyV50)
def _add_entry_reply_50(body: AddEntryReplyV50, words: Words) -> str:
    return _added(body.result, words)


def _added(
    result: EntryId | TransientError | CommitStatusUnknown | NotAMember | NotALeader, words: Words
) -> str:
    match result:
        case EntryId():
            return f"entry {result.index} of term {result.term}"
        case TransientError():
            return f"not now: {printable(result.message)}"
        case CommitStatusUnknown():
            return "unknown whether it will be committed"
        case NotAMember():
            return f"you are no member: {printable(result.message)}"
        case NotALeader():
            return f"I do not lead, {words.host(result.leader)} does"


# Members.


@says(ModifyConfigRequest)
def _modify(body: ModifyConfigRequest, words: Words) -> str:
    return _modification(body.add, body.remove, words)


@says(ModifyConfigRequestV50)
def _modify_50(body: ModifyConfigRequestV50, words: Words) -> str:
    return _modification(body.add, body.remove, words)


@says(Group0ModifyConfigRequest)
def _modify_group0(body: Group0ModifyConfigRequest, words: Words) -> str:
    return _modification(body.add, body.remove, words)


@says(Group0ModifyConfigRequestV50)
def _modify_group0_50(body: Group0ModifyConfigRequestV50, words: Words) -> str:
    return _modification(body.add, body.remove, words)


def _modification(
    add: tuple[ConfigMember | ServerAddressV50, ...], remove: tuple[UUID, ...], words: Words
) -> str:
    return sentence(
        f"add {listed([_member(member, words) for member in add])}" if add else "",
        f"remove {words.hosts(remove)}" if remove else "",
    )


@says(ModifyConfigReply)
def _modify_reply(body: ModifyConfigReply, words: Words) -> str:
    return "done" if isinstance(body.result, EntryId) else _added(body.result, words)


@says(ModifyConfigReplyV50)
def _modify_reply_50(body: ModifyConfigReplyV50, words: Words) -> str:
    return "done" if isinstance(body.result, EntryId) else _added(body.result, words)


@says(PeerExchangeRequest)
def _peers(body: PeerExchangeRequest, words: Words) -> str:
    return f"I know {_discovered(body.peers, words)}"


@says(PeerExchangeRequestV50)
def _peers_50(body: PeerExchangeRequestV50, words: Words) -> str:
    return f"I know {words.hosts(peer.id for peer in body.peers)}"


@says(PeerExchangeReply)
def _peers_reply(body: PeerExchangeReply, words: Words) -> str:
    info = body.exchange.info
    match info:
        case Group0Info():
            return f"group 0 is {short_id(info.group0_id)}, ask {words.node(info.address)}"
        case DiscoveryPeers():
            return f"no group 0 yet, I know {_discovered(info.peers, words)}"
        case Monostate():
            return "not ready to tell"


@says(PeerExchangeReplyV50)
def _peers_reply_50(body: PeerExchangeReplyV50, words: Words) -> str:
    info = body.exchange.info
    match info:
        case Group0InfoV50():
            return f"group 0 is {short_id(info.group0_id)}, ask {words.host(info.address.id)}"
        case DiscoveryPeersV50():
            return f"no group 0 yet, I know {words.hosts(peer.id for peer in info.peers)}"
        case Monostate():
            return "not ready to tell"


def _discovered(peers: tuple[DiscoveryPeer, ...], words: Words) -> str:
    return listed([words.node(peer.address) for peer in peers])


@says(UpgradeStateReply)
def _upgrade_state(body: UpgradeStateReply, _words: Words) -> str:
    return number_name(body.state)


# Votes, read barriers, pings.


@says(VoteRequestRequest)
def _vote(body: VoteRequestRequest, _words: Words) -> str:
    vote = body.vote
    return sentence(
        f"{'would you vote' if vote.is_prevote else 'vote'} for me in term {vote.current_term}",
        f"my log ends at {vote.last_log_index} of term {vote.last_log_term}",
        "the leader wants it" if vote.force else "",
    )


@says(VoteReplyRequest)
def _vote_reply(body: VoteReplyRequest, _words: Words) -> str:
    reply = body.reply
    answer = "granted" if reply.vote_granted else "refused"
    return f"{'prevote ' if reply.is_prevote else ''}{answer} in term {reply.current_term}"


@says(TimeoutNowRequest)
def _timeout_now(body: TimeoutNowRequest, _words: Words) -> str:
    return f"lead after term {body.timeout.current_term}"


@says(ReadQuorumRequest)
def _read_quorum(body: ReadQuorumRequest, _words: Words) -> str:
    read = body.read
    return f"read {read.id}, term {read.current_term}, committed up to {read.leader_commit}"


@says(ReadQuorumReplyRequest)
def _read_quorum_reply(body: ReadQuorumReplyRequest, _words: Words) -> str:
    reply = body.reply
    return f"read {reply.id}, term {reply.current_term}, committed up to {reply.commit_index}"


@says(ExecuteReadBarrierRequest)
def _barrier(_body: ExecuteReadBarrierRequest, _words: Words) -> str:
    return "up to which entry?"


@says(ExecuteReadBarrierReply)
def _barrier_reply(body: ExecuteReadBarrierReply, words: Words) -> str:
    result = body.result
    if isinstance(result, Monostate):
        return "try again"
    if isinstance(result, NotALeader):
        return f"I do not lead, {words.host(result.leader)} does"
    return f"up to entry {result}"


@says(ReadBarrierRequest)
def _read_barrier(_body: ReadBarrierRequest, _words: Words) -> str:
    return "apply the log up to now"


@says(PingRequest)
def _ping(_body: PingRequest, _words: Words) -> str:
    return ""


@says(PingReply)
def _ping_reply(body: PingReply, words: Words) -> str:
    result = body.result.result
    match result:
        case WrongDestination():
            return f"I am {words.host(result.id)}"
        case GroupLiveness():
            return "alive" if result.is_group0_alive else "alive, but group 0 is not"
        case Monostate():
            return "alive"
