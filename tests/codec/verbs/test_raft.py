"""Captures named here are of Scylla 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

import pytest

from harness.codec.verbs.line import Line
from harness.codec.verbs.raft import (
    VERBS,
    AddEntryReply,
    AddEntryReplyV50,
    AddEntryRequest,
    AppendAccepted,
    AppendEntriesReplyRequest,
    AppendEntriesRequest,
    AppendEntriesRequestV50,
    AppendRejected,
    CommitStatusUnknown,
    ConfigMember,
    Configuration,
    ConfigurationV50,
    EntryId,
    ExecuteReadBarrierReply,
    ExecuteReadBarrierRequest,
    GroupLiveness,
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
    ServerAddress,
    ServerAddressV50,
    TimeoutNowRequest,
    TransientError,
    VoteReplyRequest,
    VoteRequestRequest,
    WrongDestination,
)
from harness.codec.verbs.registry import Role, VerbTable
from harness.codec.verbs.wire import EmptyFrame, Monostate
from tests.codec.verbs.payload_checks import assert_payload

LEADER = uuid.UUID("54b60fc1-769f-4233-9777-0788a53e0688")
FOLLOWER = uuid.UUID("70079f4b-3560-437b-b3e8-67b941b36ffb")
NODE_1 = uuid.UUID("11111111-1111-1111-1111-111111111111")

GROUP = "14000000 f11157e680a78d50df74bfef39fc3dab"
TO_FOLLOWER = f"{GROUP} 14000000 33429f76c10fb65488063ea588077797 14000000 7b4360354b9f0770fb6fb341b967e8b3"
TO_LEADER = f"{GROUP} 14000000 7b4360354b9f0770fb6fb341b967e8b3 14000000 33429f76c10fb65488063ea588077797"
"""Group 0, leader and follower of base/boot."""

SERVER_1 = "14000000" + "11" * 16
SERVER_2 = "14000000" + "22" * 16
TERM_5 = "0c000000 0500000000000000"
INDEX_9 = "0c000000 0900000000000000"


def test_entries_without_a_command_tell_the_commit_index() -> None:
    # base/boot, packet 236
    body = assert_payload(
        AppendEntriesRequest,
        f"{TO_FOLLOWER} 380000000c00000001000000000000000c00000018000000000000000c000000010000000000"
        "00000c000000180000000000000000000000",
    )
    assert (body.from_id, body.to_id) == (LEADER, FOLLOWER)
    assert (body.append.current_term, body.append.previous_index, body.append.leader_commit) == (1, 24, 24)
    assert body.append.entries == ()


def test_configuration_stands_in_the_log() -> None:
    # base/boot, packet 575: the follower becomes a voter.
    body = assert_payload(
        AppendEntriesRequest,
        f"{TO_FOLLOWER} a30000000c00000001000000000000000c0000001e000000000000000c000000010000000000"
        "00000c0000001e00000000000000010000006b0000000c00000001000000000000000c0000001f00000000000000"
        "014e00000002000000210000001c000000140000007b4360354b9f0770fb6fb341b967e8b3000000000121000000"
        "1c0000001400000033429f76c10fb65488063ea588077797000000000100000000",
    )
    (entry,) = body.append.entries
    assert (entry.term, entry.index) == (1, 31)
    assert entry.data == Configuration(
        current=(
            ConfigMember(address=ServerAddress(id=FOLLOWER, info=b""), can_vote=True),
            ConfigMember(address=ServerAddress(id=LEADER, info=b""), can_vote=True),
        ),
        previous=(),
    )


def test_new_leader_begins_with_an_empty_entry() -> None:
    # base/boot, packet 123
    body = assert_payload(
        AppendEntriesRequest,
        f"{TO_FOLLOWER} 590000000c00000001000000000000000c00000001000000000000000c000000000000000000"
        "00000c000000160000000000000001000000210000000c00000001000000000000000c0000000200000000000000"
        "0204000000",
    )
    (entry,) = body.append.entries
    assert isinstance(entry.data, EmptyFrame)


def test_command_in_the_log_stays_bytes() -> None:
    body = assert_payload(
        AppendEntriesRequest,
        f"{TO_FOLLOWER} 5c000000 {TERM_5} {INDEX_9} {TERM_5} {INDEX_9} 01000000"
        f"24000000 {TERM_5} {INDEX_9} 00 03000000 616263",
    )
    assert [entry.data for entry in body.append.entries] == [b"abc"]


def test_configuration_of_5_0_has_vote_and_address_in_one() -> None:
    body = assert_payload(
        AppendEntriesRequestV50,
        f"{TO_FOLLOWER} 80000000 {TERM_5} {INDEX_9} {TERM_5} {INDEX_9} 01000000"
        f"48000000 {TERM_5} {INDEX_9} 01"
        f"2b000000 01000000 1f000000 {SERVER_1} 01 02000000 6162 00000000",
    )
    (entry,) = body.append.entries
    assert entry.data == ConfigurationV50(
        current=(ServerAddressV50(id=NODE_1, can_vote=True, info=b"ab"),), previous=()
    )


def test_follower_with_an_empty_log_rejects() -> None:
    # base/boot, packet 81
    body = assert_payload(
        AppendEntriesReplyRequest,
        f"{TO_LEADER} 390000000c00000001000000000000000c0000000000000000000000001c0000000c0000001400"
        "0000000000000c0000000000000000000000",
    )
    assert body.reply.result == AppendRejected(non_matching_index=20, last_index=0)


def test_follower_accepts_up_to_the_last_entry_sent() -> None:
    # base/boot, packet 130
    body = assert_payload(
        AppendEntriesReplyRequest,
        f"{TO_LEADER} 2d0000000c00000001000000000000000c000000020000000000000001100000000c0000000200"
        "000000000000",
    )
    assert body.reply.commit_index == 2
    assert body.reply.result == AppendAccepted(last_new_index=2)


def test_snapshot_names_its_members() -> None:
    # base/boot, packets 82 and 120
    body = assert_payload(
        SendSnapshotRequest,
        f"{TO_FOLLOWER} 6d0000000c00000001000000000000005d0000000c00000001000000000000000c0000000000"
        "0000000000002d00000001000000210000001c0000001400000033429f76c10fb65488063ea58807779700000000"
        "010000000014000000d243461c62130185e9db9dec719c1299",
    )
    assert body.install.snapshot.index == 1
    assert [member.address.id for member in body.install.snapshot.configuration.current] == [LEADER]
    reply = assert_payload(SendSnapshotReply, "110000000c000000010000000000000001")
    assert reply.result.success


def test_snapshot_of_5_0() -> None:
    body = assert_payload(
        SendSnapshotRequestV50,
        f"{TO_FOLLOWER} 69000000 {TERM_5}"
        f"59000000 {INDEX_9} {TERM_5} 29000000 01000000 1d000000 {SERVER_1} 00 00000000 00000000 {SERVER_2}",
    )
    assert [member.id for member in body.install.snapshot.configuration.current] == [NODE_1]


def test_read_barrier_of_the_leader() -> None:
    # base/boot, packets 634 and 636
    body = assert_payload(
        ReadQuorumRequest,
        f"{TO_FOLLOWER} 280000000c00000001000000000000000c0000001f000000000000000c0000003b00000000000000",
    )
    assert (body.read.leader_commit, body.read.id) == (31, 59)
    reply = assert_payload(
        ReadQuorumReplyRequest,
        f"{TO_LEADER} 280000000c00000001000000000000000c0000001f000000000000000c0000003b00000000000000",
    )
    assert (reply.reply.commit_index, reply.reply.id) == (31, 59)


def test_follower_learns_the_index_to_wait_for() -> None:
    # base/boot, packets 156 and 157
    assert_payload(ExecuteReadBarrierRequest, TO_LEADER)
    reply = assert_payload(ExecuteReadBarrierReply, "010c0000001600000000000000")
    assert reply.result == 22


def test_read_barrier_at_the_wrong_node() -> None:
    assert isinstance(assert_payload(ExecuteReadBarrierReply, "00").result, Monostate)
    reply = assert_payload(ExecuteReadBarrierReply, f"02 18000000 {SERVER_1}")
    assert reply.result == NotALeader(leader=NODE_1)


def test_entry_is_answered_with_its_place() -> None:
    body = assert_payload(AddEntryRequest, f"{TO_LEADER} 03000000 616263")
    assert body.command == b"abc"
    # topology/decommission, packet 178
    reply = assert_payload(AddEntryReply, "001c0000000c00000001000000000000000c0000003c00000000000000")
    assert reply.result == EntryId(term=1, index=60)


def test_entry_is_refused() -> None:
    transient = assert_payload(AddEntryReply, f"01 1e000000 02000000 6e6f {SERVER_1}").result
    assert transient == TransientError(message="no", leader=NODE_1)
    assert assert_payload(AddEntryReply, "02 04000000").result == CommitStatusUnknown()
    assert assert_payload(AddEntryReply, "03 0a000000 02000000 6e6f").result == NotAMember(message="no")


@pytest.mark.parametrize("cls", [AddEntryReplyV50, ModifyConfigReplyV50])
def test_entry_is_refused_by_5_0(cls: type[AddEntryReplyV50 | ModifyConfigReplyV50]) -> None:
    assert assert_payload(cls, f"00 1c000000 {TERM_5} {INDEX_9}").result == EntryId(term=5, index=9)
    assert assert_payload(cls, f"01 18000000 {SERVER_1}").result == NotALeader(leader=NODE_1)
    assert assert_payload(cls, "02 04000000").result == CommitStatusUnknown()


def test_member_asks_for_its_vote() -> None:
    # base/boot, packets 570 and 579
    body = assert_payload(
        ModifyConfigRequest,
        f"{TO_LEADER} 01000000210000001c000000140000007b4360354b9f0770fb6fb341b967e8b3000000000100000000",
    )
    assert body.add == (ConfigMember(address=ServerAddress(id=FOLLOWER, info=b""), can_vote=True),)
    reply = assert_payload(ModifyConfigReply, "001c0000000c00000000000000000000000c0000000000000000000000")
    assert reply.result == EntryId(term=0, index=0)


def test_member_of_5_0_asks_for_its_vote() -> None:
    body = assert_payload(
        ModifyConfigRequestV50, f"{TO_LEADER} 01000000 1d000000 {SERVER_1} 01 00000000 01000000 {SERVER_2}"
    )
    assert body.add == (ServerAddressV50(id=NODE_1, can_vote=True, info=b""),)
    assert len(body.remove) == 1


def test_votes() -> None:
    request = assert_payload(VoteRequestRequest, f"{TO_FOLLOWER} 2a000000 {TERM_5} {INDEX_9} {TERM_5} 01 00")
    assert (request.vote.last_log_index, request.vote.is_prevote, request.vote.force) == (9, True, False)
    reply = assert_payload(VoteReplyRequest, f"{TO_LEADER} 12000000 {TERM_5} 01 00")
    assert (reply.reply.vote_granted, reply.reply.is_prevote) == (True, False)
    timeout = assert_payload(TimeoutNowRequest, f"{TO_FOLLOWER} 10000000 {TERM_5}")
    assert timeout.timeout.current_term == 5


def test_read_barrier_of_another_member() -> None:
    assert assert_payload(ReadBarrierRequest, TO_LEADER).to_id == LEADER


def test_ping_is_answered_with_the_liveness_of_group_0() -> None:
    # base/boot, packets 69 and 70
    assert assert_payload(PingRequest, "140000007b4360354b9f0770fb6fb341b967e8b3").to_id == FOLLOWER
    reply = assert_payload(PingReply, "0a000000020500000001")
    assert reply.result.result == GroupLiveness(is_group0_alive=True)


def test_ping_without_liveness_and_to_the_wrong_node() -> None:
    assert isinstance(assert_payload(PingReply, "05000000 00").result.result, Monostate)
    reply = assert_payload(PingReply, f"1d000000 01 18000000 {SERVER_1}")
    assert reply.result.result == WrongDestination(id=NODE_1)


def test_5_0_has_payloads_of_its_own() -> None:
    table = VerbTable(VERBS)
    assert table.payload_class(47, Line.V5_0, Role.REQUEST) is AppendEntriesRequestV50
    assert table.payload_class(47, Line.V5_4, Role.REQUEST) is AppendEntriesRequest
    assert table.payload_class(55, Line.V5_0, Role.REPLY) is AddEntryReplyV50
    assert table.payload_class(55, Line.HEAD, Role.REPLY) is AddEntryReply
    assert table.payload_class(56, Line.V5_0, Role.REQUEST) is ModifyConfigRequestV50
