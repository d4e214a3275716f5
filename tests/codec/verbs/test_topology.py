"""Captures named here are of Scylla 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

import pytest

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Role, VerbTable
from harness.codec.verbs.topology import (
    VERBS,
    JoinAccepted,
    JoinQueryReply,
    JoinQueryRequest,
    JoinRejected,
    JoinRequest,
    JoinRequestReply,
    JoinRequestTaken,
    JoinRequestV54,
    JoinResponseReply,
    JoinResponseRequest,
    NotifyBannedRequest,
    PullSnapshotReply,
    PullSnapshotRequest,
    PullTopologySnapshotReply,
    PullTopologySnapshotRequest,
    TopologyCommand,
    TopologyCommandReply,
    TopologyCommandRequest,
    TopologyCommandRequestV54,
    TopologyCommandStatus,
    TopologyCommandV54,
    TopologyMode,
)
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.payload_checks import assert_payload
from tests.codec.verbs.test_group0 import HISTORY

FIRST = uuid.UUID("54b60fc1-769f-4233-9777-0788a53e0688")
SECOND = uuid.UUID("70079f4b-3560-437b-b3e8-67b941b36ffb")
TO_SECOND = "140000007b4360354b9f0770fb6fb341b967e8b3"
SERVER_1 = "14000000" + "11" * 16
NODE_1 = uuid.UUID("11111111-1111-1111-1111-111111111111")


@pytest.mark.parametrize(
    ("tail", "index", "command"),
    [
        ("08000000000000000500000002", 8, TopologyCommand.STREAM_RANGES),  # packet 262
        ("0a000000000000000500000003", 10, TopologyCommand.WAIT_FOR_IP),  # packet 787
        ("0b000000000000000500000000", 11, TopologyCommand.BARRIER),  # packet 1267
        ("0c000000000000000500000001", 12, TopologyCommand.BARRIER_AND_DRAIN),  # packet 1380
    ],
)
def test_commands_of_the_coordinator(tail: str, index: int, command: TopologyCommand) -> None:
    # base/boot
    body = assert_payload(TopologyCommandRequest, f"{TO_SECOND} 0c0000000100000000000000 {tail}")
    assert (body.to_id, body.term, body.command_index) == (SECOND, 1, index)
    assert body.command.command is command


def test_command_3_of_5_4_is_another() -> None:
    body = assert_payload(
        TopologyCommandRequestV54, f"{TO_SECOND} 0c0000000100000000000000 0100000000000000 0500000003"
    )
    assert body.command.command is TopologyCommandV54.FENCE


def test_result_of_a_command() -> None:
    # base/boot, packet 522
    result = assert_payload(TopologyCommandReply, "0500000001").result
    assert result.status is TopologyCommandStatus.SUCCESS
    assert result.error is ABSENT
    assert assert_payload(TopologyCommandReply, "0b000000 00 02000000 6e6f").result.error == "no"


def test_tables_of_a_snapshot() -> None:
    # base/boot, packet 103
    body = assert_payload(
        PullSnapshotRequest,
        "1400000033429f76c10fb65488063ea5880777973800000003000000f93d9e92b3fee15ba02961c371d7a88dc239f2d025"
        "8506b360f41b9b4f585082f53e39553fdf97c62214bae73b8403b0",
    )
    assert body.to_id == FIRST
    assert [str(table_id) for table_id in body.parameters.table_ids] == [
        "5be1feb3-929e-3df9-8da8-d771c36129a0",  # system.topology
        "b3068525-d0f2-39c2-8250-584f9b1bf460",  # system.topology_requests
        "c697df3f-5539-3ef5-b003-843be7ba1422",  # system.cdc_generations_v3
    ]


def test_contents_of_a_snapshot() -> None:
    body = assert_payload(PullSnapshotReply, f"a5010000 01000000 {HISTORY}")
    assert body.snapshot.mutations[0].key.components == (b"history",)


def test_snapshot_of_5_4_has_two_lists() -> None:
    assert assert_payload(PullTopologySnapshotRequest, f"{SERVER_1} 04000000").to_id == NODE_1
    body = assert_payload(PullTopologySnapshotReply, f"a9010000 00000000 01000000 {HISTORY}")
    assert body.snapshot.topology_mutations == ()
    assert len(body.snapshot.cdc_generation_mutations) == 1


def test_joining_node_asks_how_to_join() -> None:
    # base/boot, packets 26 and 27
    body = assert_payload(JoinQueryRequest, "1400000033429f76c10fb65488063ea58807779704000000")
    assert body.to_id == FIRST
    assert assert_payload(JoinQueryReply, "0500000001").result.mode is TopologyMode.RAFT


# As in base/boot, packet 33, which names 81 features; here two of them.
WHO = (
    f"{TO_SECOND} 00 00000000 09000000 7265666572656e6365 0c000000 53696d706c65536e69746368"
    "0b000000 6461746163656e74657231 05000000 7261636b31 05000000 332e302e38"
)
FEATURES = "02000000 03000000 434443 0b000000 46494c455f53545245414d"


def test_joining_node_introduces_itself() -> None:
    body = assert_payload(
        JoinRequest,
        f"1400000033429f76c10fb65488063ea588077797 95000000 {WHO}"
        f"10000000 00000000 01000000 0c000000 {FEATURES} {'22' * 16}",
    )
    who = body.parameters
    assert (who.host_id, who.replaced_id, who.cluster_name) == (SECOND, None, "reference")
    assert (who.snitch_name, who.datacenter, who.rack, who.release_version) == (
        "SimpleSnitch",
        "datacenter1",
        "rack1",
        "3.0.8",
    )
    assert (who.token_count, who.tokens, who.shard_count, who.ignore_msb) == (16, "", 1, 12)
    assert who.supported_features == ("CDC", "FILE_STREAM")


def test_joining_node_of_5_4_sends_no_tokens() -> None:
    body = assert_payload(JoinRequestV54, f"{SERVER_1} 81000000 {WHO} 10000000 01000000 0c000000 {FEATURES}")
    assert (body.parameters.token_count, body.parameters.shard_count) == (16, 1)
    assert body.parameters.supported_features == ("CDC", "FILE_STREAM")


def test_request_to_join_is_taken_or_rejected() -> None:
    # base/boot, packet 35
    assert assert_payload(JoinRequestReply, "090000000004000000").result.result == JoinRequestTaken()
    rejected = assert_payload(JoinRequestReply, "0f000000 01 0a000000 02000000 6e6f")
    assert rejected.result.result == JoinRejected(reason="no")


def test_node_is_accepted_or_rejected() -> None:
    # base/boot, packets 68 and 215
    body = assert_payload(JoinResponseRequest, f"{TO_SECOND} 090000000004000000")
    assert body.parameters.response == JoinAccepted()
    assert_payload(JoinResponseReply, "04000000")
    rejected = assert_payload(JoinResponseRequest, f"{TO_SECOND} 0f000000 01 0a000000 02000000 6e6f")
    assert rejected.parameters.response == JoinRejected(reason="no")


def test_banned_node_is_told() -> None:
    assert assert_payload(NotifyBannedRequest, SERVER_1).to_id == NODE_1


def test_lines_with_payloads_of_their_own() -> None:
    table = VerbTable(VERBS)
    assert table.payload_class(65, Line.V5_4, Role.REPLY) is PullTopologySnapshotReply
    assert table.payload_class(65, Line.V6_2, Role.REPLY) is PullSnapshotReply
    assert table.payload_class(68, Line.V5_4, Role.REQUEST) is JoinRequestV54
    assert table.payload_class(68, Line.V2025_1, Role.REQUEST) is JoinRequest
    assert table.payload_class(64, Line.V5_4, Role.REQUEST) is TopologyCommandRequestV54
