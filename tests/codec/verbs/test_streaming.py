"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

import pytest

from harness.codec.verbs.mutation_fragment import ClusteringRow, PartitionEnd, PartitionStart
from harness.codec.verbs.registry import Role
from harness.codec.verbs.streaming import (
    VERBS,
    BlobCommand,
    CloneSstableReply,
    CloneSstableRequest,
    CompleteMessage,
    FileOperation,
    FragmentCommand,
    FragmentFrame,
    FragmentStatus,
    PrepareDoneMessage,
    PrepareMessageReply,
    PrepareMessageRequest,
    ReplicationFinished,
    SstableState,
    StreamBlobData,
    StreamBlobFrame,
    StreamBlobRequest,
    StreamedFiles,
    StreamMutationDone,
    StreamMutationFragmentsRequest,
    StreamMutationRequest,
    StreamOpened,
    StreamReason,
    TabletStreamFilesReply,
    TabletStreamFilesRequest,
)
from harness.codec.verbs.wire import ABSENT, decode_struct
from harness.errors import DecodeError
from tests.codec.verbs.hex_layout import MUTATION, SCHEMA_VERSION, TABLE_ID, blob, framed, text, vector
from tests.codec.verbs.payload_checks import assert_payload

TABLE = uuid.UUID("01234567-89ab-11e0-8123-456789abcdef")
NODE_1 = uuid.UUID("11111111-1111-1111-1111-111111111111")
SESSION = f"14000000 {SCHEMA_VERSION}"
TOKEN_RANGE = (
    "39000000 01 19000000 14000000 01000000 08000000 0000000000000001 00"
    "01 19000000 14000000 01000000 08000000 0000000000000002 01 00"
)
SSTABLE = framed("11" * 16, "22" * 16, "05000000 01000000 01")


def test_session_of_a_leaving_node_offers_a_table() -> None:
    # 4.2 topology/decommission, packets 656 and 54
    body = assert_payload(
        PrepareMessageRequest,
        "30000000000000000100000020000000f11151e620c9c494000000000000c89201000000000000000000000000000000"
        "f11151e6b15743ac000000000000348019000000556e626f6f7473747261702d64656d6f322d696e6465782d3002",
    )
    (summary,) = body.message.summaries
    assert (summary.file_count, summary.total_size_bytes) == (1, 0)
    assert (body.description, body.reason) == ("Unbootstrap-demo2-index-0", StreamReason.DECOMMISSION)
    assert body.session is ABSENT
    reply = assert_payload(PrepareMessageReply, "10000000 00000000 00000000 00000000")
    assert (reply.message.requests, reply.message.summaries) == ((), ())


def test_session_of_a_joining_node_asks_for_ranges() -> None:
    wanted = framed(text("demo"), vector(TOKEN_RANGE), vector(text("t")))
    body = assert_payload(
        PrepareMessageRequest,
        f"{framed(vector(wanted), '00000000', '01000000')} {TABLE_ID} {text('plan')} 08 {SESSION}",
    )
    (request,) = body.message.requests
    assert (request.keyspace, request.tables) == ("demo", ("t",))
    assert (body.reason, body.message.destination_shard) == (StreamReason.TABLET_REBUILD, 1)
    assert body.session == uuid.UUID("11112222-3333-4444-5555-666677778888")


def test_both_halves_are_prepared() -> None:
    # 4.2 base/boot, packet 374
    body = assert_payload(PrepareDoneMessage, "f11152e651df0b2f 0000000000001d9b 00000000")
    assert body.plan_id == uuid.UUID("2f0bdf51-e652-11f1-9b1d-000000000000")


def test_stream_is_named_by_its_connection() -> None:
    # 4.2 base/boot, packets 485 and 486
    body = assert_payload(
        StreamMutationFragmentsRequest,
        "f11152e6a2a20c2f0000000000001d9bc33cbb9a8464134767a985edc2803fbced3525de0228c55b90b0ebec8e18abae"
        "0000000000000000010000040000000000",
    )
    assert (body.estimated_partitions, body.reason) == (0, StreamReason.BOOTSTRAP)
    assert (body.stream_id, body.session) == (4 << 16, ABSENT)
    assert assert_payload(StreamOpened, "00000400 00000000").stream_id == body.stream_id


def test_session_stands_behind_the_stream_id() -> None:
    body = assert_payload(
        StreamMutationFragmentsRequest,
        f"{TABLE_ID} {SCHEMA_VERSION} {TABLE_ID} 0500000000000000 07 0100040000000000 {SESSION}",
    )
    assert (body.reason, body.stream_id) == (StreamReason.TABLET_MIGRATION, 0x40001)
    assert body.session == uuid.UUID("11112222-3333-4444-5555-666677778888")


def test_frames_carry_a_partition_in_fragments() -> None:
    # 4.2 topology/add_node, packet 1278
    start = assert_payload(
        FragmentFrame,
        "340000003400000030000000030000002800000010000000010000000400000000000061140000000000000000000080"
        "000000000000000001",
    )
    assert start.fragment
    assert isinstance(start.fragment.fragment, PartitionStart)
    assert start.command is FragmentCommand.DATA
    # 4.2 base/boot, packet 487
    row = assert_payload(
        FragmentFrame,
        "b2000000b2000000ae00000000000000a6000000a2000000080000000000000014000000000000000c000000e3fbdb9b"
        "d960060014000000000000000000008000000000000000005a0000000200000029000000000000002100000000000000"
        "190000000000000011000000e3fbdb9bd960060001000000012900000001000000210000000000000019000000000000"
        "0011000000e3fbdb9bd96006000100000001140000000000000000000080000000000000000001",
    )
    assert row.fragment
    assert isinstance(row.fragment.fragment, ClusteringRow)
    end = assert_payload(FragmentFrame, "10000000 10000000 0c000000 04000000 04000000 01")
    assert end.fragment
    assert end.fragment.fragment == PartitionEnd()


def test_last_frame_is_empty() -> None:
    # 4.2 base/boot, packets 487 and 488
    last = assert_payload(FragmentFrame, "00000000 02")
    assert (last.fragment, last.command) == (None, FragmentCommand.END_OF_STREAM)
    assert assert_payload(FragmentStatus, "00000000").status == 0
    failed = assert_payload(FragmentFrame, "00000000 00")
    assert failed.command is FragmentCommand.ERROR
    assert assert_payload(FragmentStatus, "ffffffff").status == -1
    assert assert_payload(FragmentFrame, "00000000").command is ABSENT


def test_fragment_must_fill_its_blob() -> None:
    with pytest.raises(DecodeError, match="bytes left in a frame"):
        decode_struct(FragmentFrame, bytes.fromhex("11000000 10000000 0c000000 04000000 04000000 00 01"))


def test_table_is_done() -> None:
    # 4.2 base/boot, packet 386
    body = assert_payload(
        StreamMutationDone,
        "f11152e651df0b2f0000000000001d9b010000003900000001190000001400000001000000080000009b76398cefa027"
        "940001190000001400000001000000080000009bba9feb83c81aab0100603efbf887aacd0e0d5cfe36fb74d188000000"
        "00",
    )
    (token_range,) = body.ranges
    assert token_range.start
    assert not token_range.start.inclusive


def test_old_messages_of_streaming() -> None:
    one = assert_payload(StreamMutationRequest, f"{TABLE_ID} {blob(MUTATION)} 02000000 01 04")
    assert (one.fragmented, one.reason, one.destination_shard) == (True, StreamReason.REBUILD, 2)
    over = assert_payload(CompleteMessage, f"{TABLE_ID} 01000000 01")
    assert (over.plan_id, over.failed) == (TABLE, True)
    assert assert_payload(ReplicationFinished, "0100000a").sender == "10.0.0.1"


def test_tablet_is_pushed_as_files() -> None:
    # 2025.1 tablets/add_node_tablets, packets 3065 and 3221
    body = assert_payload(
        TabletStreamFilesRequest,
        "9d00000027426dbde2dd145fb16e2cb7dcb1c2af0500000064656d6f32030000006d6170f11159e680dbc90110bd3382"
        "d02443bf390000000119000000140000000100000008000000ffffffffffffffff000119000000140000000100000008"
        "0000007fffffffffffffff01000100000018000000a8437a1357b32851e53854fe738a019a0000000014000000f11159"
        "e6c00a500710bd3382d02443bf",
    )
    request = body.request
    assert (request.keyspace, request.table) == ("demo2", "map")
    assert request.range.start
    assert (request.range.start.value.value, request.range.start.inclusive) == (-1, False)
    (target,) = request.targets
    assert (target.host_id, target.shard) == (uuid.UUID("5128b357-137a-43a8-9a01-8a73fe5438e5"), 0)
    reply = assert_payload(TabletStreamFilesReply, "0c000000 bf1f000000000000")
    assert reply.response == StreamedFiles(streamed_bytes=8127)


def test_file_opens_a_stream_with_its_name() -> None:
    # 2025.1 tablets/add_node_tablets, packet 3082
    body = assert_payload(
        StreamBlobRequest,
        "6f00000027426dbde2dd145fb16e2cb7dcb1c2aff11159e680dbc90110bd3382d02443bf2b0000006d652d336835715f"
        "307179725f336d336e3432777069337161343878716d6f2d6269672d544f432e74787400000000000014000000f11159"
        "e6c00a500710bd3382d02443bf010000000f0000000000",
    )
    assert body.meta.filename.endswith("-big-TOC.txt")
    assert (body.meta.operation, body.meta.state) == (FileOperation.STREAM_SSTABLES, SstableState.NORMAL)
    assert (body.stream_id, body.meta.sstable) == (15 << 16, ABSENT)


def test_file_of_2026_3_names_its_sstable() -> None:
    meta = framed("11" * 16, "22" * 16, text("x"), "00000000 0200", SESSION, "00", f"01 {SSTABLE}")
    body = assert_payload(StreamBlobRequest, f"{meta} 0100040000000000")
    assert body.meta.operation is FileOperation.STREAM_LOGSTOR_SEGMENTS
    assert body.meta.state is None
    assert body.meta.sstable not in (None, ABSENT)


def test_file_goes_in_parts_and_is_answered_once() -> None:
    # 2025.1 tablets/add_node_tablets, packets 3132, 3087 and 3090
    part = assert_payload(StreamBlobFrame, "18000000 02 01 12000000 0a000000 33333632353730323033")
    assert (part.frame.command, part.frame.part) == (BlobCommand.DATA, StreamBlobData(data=b"3362570203"))
    end = assert_payload(StreamBlobFrame, "06000000 03 00")
    assert (end.frame.command, end.frame.part) == (BlobCommand.END_OF_STREAM, None)
    assert assert_payload(StreamBlobFrame, "06000000 00 00").frame.command is BlobCommand.OK


def test_sstable_on_shared_storage_is_cloned() -> None:
    body = assert_payload(CloneSstableRequest, framed("11" * 16, TABLE_ID, SSTABLE, "02000000", SESSION))
    assert (body.request.operation_id, body.request.table_id) == (NODE_1, TABLE)
    assert (body.request.sstable.state, body.request.shard) == (SstableState.STAGING, 2)
    assert assert_payload(CloneSstableReply, "0c000000 0500000000000000").response.cloned_bytes == 5


def test_streams_have_declarations_both_ways() -> None:
    both_ways = {
        row.number: (row.payloads[0].of(Role.SINK), row.payloads[0].of(Role.SOURCE))
        for row in VERBS
        if row.payloads[0].sink is not None
    }
    assert both_ways == {25: (FragmentFrame, FragmentStatus), 71: (StreamBlobFrame, StreamBlobFrame)}
