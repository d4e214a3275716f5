"""Captures named here are of Scylla 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import VerbTable
from harness.codec.verbs.tablets import (
    VERBS,
    GlobalTabletId,
    LoadStatsReply,
    LoadStatsRequest,
    LoadStatsV1Reply,
    RestoreTabletReply,
    SampleReply,
    SampleRequest,
    TableLoad,
    TableRequest,
    TabletRepairReply,
    TabletRepairRequest,
    TabletRequest,
    VolumeReply,
    WaitForGroupsRequest,
)
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.payload_checks import assert_payload

NODE = uuid.UUID("5128b357-137a-43a8-9a01-8a73fe5438e5")
TABLE = uuid.UUID("01c9db80-e659-11f1-bf43-24d08233bd10")
NO_SPLIT = -(2**63)

TO_NODE = "14000000a8437a1357b32851e53854fe738a019a"
TABLET = "f11159e680dbc90110bd3382d02443bf0100000000000000"
TABLE_1 = "11" * 16
RANGE = "07000000 00 00 00"


def test_tablet_is_streamed_and_cleaned_up() -> None:
    # tablets/add_node_tablets, packet 3038; tablets/decommission_tablets, packet 1452
    body = assert_payload(TabletRequest, TO_NODE + TABLET)
    assert body == TabletRequest(to_id=NODE, tablet=GlobalTabletId(table_id=TABLE, tablet=1))


def test_tablet_is_repaired() -> None:
    assert assert_payload(TabletRepairRequest, TO_NODE + TABLET).session is ABSENT
    session = assert_payload(TabletRepairRequest, TO_NODE + TABLET + "14000000" + "22" * 16).session
    assert session == uuid.UUID("22222222-2222-2222-2222-222222222222")
    assert assert_payload(TabletRepairReply, "0c000000 00105e5f00000000").result.repair_time == 1600000000


def test_tablet_is_restored() -> None:
    assert_payload(RestoreTabletReply, "04000000")


def test_sizes_of_tables_and_disk() -> None:
    assert assert_payload(LoadStatsRequest, TO_NODE).to_id == NODE
    # tablets/add_node_tablets, packet 2521
    stats = assert_payload(
        LoadStatsReply,
        "4400000001000000f11159e680dbc90110bd3382d02443bf0000000000000000000000000000008001000000a8437a1357"
        "b32851e53854fe738a019a00d039fe3e000000",
    ).stats
    assert stats.tables == ((TABLE, TableLoad(size_bytes=0, split_ready_sequence=NO_SPLIT)),)
    assert stats.capacity_bytes == ((NODE, 270553174016),)
    assert stats.critical_disk_utilization is ABSENT
    assert stats.tablet_sizes is ABSENT


def test_sizes_of_single_tablets() -> None:
    stats = assert_payload(
        LoadStatsReply,
        f"64000000 00000000 00000000 01000000 {TABLE_1} 01"
        f"01000000 {TABLE_1} 0a00000000000000 01000000 {TABLE_1} 01000000 {RANGE} 0b00000000000000",
    ).stats
    node = uuid.UUID("11111111-1111-1111-1111-111111111111")
    assert stats.critical_disk_utilization == ((node, True),)
    assert isinstance(stats.tablet_sizes, tuple)
    ((host, sizes),) = stats.tablet_sizes
    assert (host, sizes.effective_capacity_bytes) == (node, 10)
    ((table, tablets),) = sizes.tables
    assert table == node
    assert [size_bytes for _, size_bytes in tablets] == [11]


def test_sizes_in_their_first_form_have_no_frame() -> None:
    reply = assert_payload(LoadStatsV1Reply, f"01000000 {TABLE_1} 0500000000000000 0300000000000000")
    ((_, load),) = reply.tables
    assert load == TableLoad(size_bytes=5, split_ready_sequence=3)


def test_names_of_the_two_forms() -> None:
    table = VerbTable(VERBS)
    assert table.name(72, Line.V6_2) == "TABLE_LOAD_STATS"
    assert table.name(72, Line.V2025_1) == "TABLE_LOAD_STATS_V1"
    assert table.by_name["TABLE_LOAD_STATS"] == 77


def test_samples_for_a_dictionary() -> None:
    assert_payload(TableRequest, TABLE_1)
    assert assert_payload(VolumeReply, "0900000000000000").size_bytes == 9
    request = assert_payload(SampleRequest, f"{TABLE_1} 0010000000000000 0200000000000000")
    assert (request.chunk_size_bytes, request.chunk_count) == (4096, 2)
    assert assert_payload(SampleReply, "02000000 01000000 61 02000000 6263").chunks == (b"a", b"bc")


def test_wait_for_raft_groups() -> None:
    assert assert_payload(WaitForGroupsRequest, TO_NODE + TABLE_1).to_id == NODE
