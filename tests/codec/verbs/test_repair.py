"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

from harness.codec.verbs.common import Key, PartitionRegion
from harness.codec.verbs.mutation_fragment import ClusteringRow
from harness.codec.verbs.registry import Role
from harness.codec.verbs.repair import (
    ANY_SHARD,
    VERBS,
    BufferState,
    ChecksumKind,
    ChecksumRangeReply,
    ChecksumRangeRequest,
    CombinedRowHashReply,
    CombinedRowHashRequest,
    CommandFrame,
    DiffAlgorithm,
    DiffAlgorithmsReply,
    EstimatedPartitionsReply,
    FlushHintsBatchlogReply,
    FlushHintsBatchlogRequest,
    FullRowHashesReply,
    FullRowHashesRequest,
    GetEstimatedPartitionsRequest,
    HashFrame,
    IncrementalMode,
    PutRowDiffRequest,
    RepairStreamCommand,
    RepairStreamRequest,
    RowDiffReply,
    RowDiffRequest,
    RowFrame,
    RowLevelStartReply,
    RowLevelStartRequest,
    RowLevelStartStatus,
    RowLevelStopRequest,
    SetEstimatedPartitionsRequest,
    SyncBoundary,
    SyncBoundaryReply,
    SyncBoundaryRequest,
    TableRequest,
    TableSizeReply,
    UpdateCompactionControlRequest,
    UpdateSystemTableReply,
    UpdateSystemTableRequest,
)
from harness.codec.verbs.streaming import StreamReason
from harness.codec.verbs.tablets import GlobalTabletId
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.hex_layout import KEY_1, SCHEMA_VERSION, TABLE_ID, blob, framed, text, vector
from tests.codec.verbs.payload_checks import assert_payload

DEFAULT_SESSION = uuid.UUID("81e7fc5a-8d44-11ee-8577-325096b39f47")
TABLE = uuid.UUID("01234567-89ab-11e0-8123-456789abcdef")
ANY = "ffffffff"
TOKEN_RANGE = (
    "39000000 01 19000000 14000000 01000000 08000000 0000000000000001 00"
    "01 19000000 14000000 01000000 08000000 0000000000000002 01 00"
)
PARTITION_END = blob("10000000 0c000000 04000000 04000000")
HASHES = "02000000 0c000000 0900000000000000 0c000000 0200000000000000"
SESSION = f"14000000 {SCHEMA_VERSION}"


def test_repair_begins_at_a_follower() -> None:
    # 4.2 faults/repair, packets 339 and 341
    body = assert_payload(
        RowLevelStartRequest,
        "000000000500000064656d6f33030000006d61702000000000011900000014000000010000000800000080f53849c2b0"
        "2461010001000000020000000081d2184381eaa23f0000000001000000000000002b0000006f72672e6170616368652e"
        "63617373616e6472612e6468742e4d75726d757233506172746974696f6e6572bc3d975e648b3dc79cb7b4086521e78e"
        "05",
    )
    assert (body.keyspace, body.table, body.reason) == ("demo3", "map", StreamReason.REPAIR)
    assert body.diff_algorithm is DiffAlgorithm.SEND_FULL_SET_RPC_STREAM
    assert (body.max_row_buffer_bytes, body.master_shard_count, body.master_ignore_msb) == (1 << 25, 1, 0)
    assert body.range.start is None
    assert (body.compaction_time, body.destination_shard) == (ABSENT, ABSENT)
    reply = assert_payload(RowLevelStartReply, "05000000 00")
    assert reply.response is not ABSENT
    assert reply.response.status is RowLevelStartStatus.OK


def test_repair_of_vnodes_in_2025_1_belongs_to_the_default_session() -> None:
    # 2025.1 faults/repair, packet 1172
    body = assert_payload(
        RowLevelStartRequest,
        "000000000500000064656d6f33030000006d617020000000000119000000140000000100000008000000840141e14d13"
        "73cc0100010000000200000000d7d2c698e4beb0320000000001000000000000002b0000006f72672e6170616368652e"
        "63617373616e6472612e6468742e4d75726d757233506172746974696f6e6572f11157e6310832f05b8d12594ccad7b3"
        "0599b7026b00000000ffffffff14000000ee11448d5afce781479fb39650327785",
    )
    assert body.session == DEFAULT_SESSION
    assert (body.compaction_time, body.destination_shard) == (0x6B02B799, ANY_SHARD)
    assert body.repaired_at is ABSENT


def test_start_of_2026_3_ends_in_a_mode() -> None:
    head = (
        f"05000000 {text('ks')} {text('t')} {TOKEN_RANGE} 00 0000000200000000 0100000000000000"
        f"00000000 02000000 0c000000 {text('p')} {SCHEMA_VERSION} 05 99b7026b00000000 {ANY} {SESSION}"
    )
    body = assert_payload(RowLevelStartRequest, f"{head} 01 0300000000000000 02")
    assert (body.repaired_at, body.incremental_mode) == (3, IncrementalMode.DISABLED)
    assert (body.diff_algorithm, body.master_ignore_msb) == (DiffAlgorithm.SEND_FULL_SET, 12)
    assert assert_payload(RowLevelStartRequest, f"{head} 00 00").repaired_at is None


def test_start_is_answered_by_nothing_in_4_0() -> None:
    assert assert_payload(RowLevelStartReply, "").response is ABSENT


def test_repair_ends_at_a_follower() -> None:
    # 4.2 and 2025.1 faults/repair, packets 355 and 1204
    old = assert_payload(
        RowLevelStopRequest,
        "000000000500000064656d6f33030000006d61702000000000011900000014000000010000000800000080f53849c2b0"
        "24610100",
    )
    assert old.destination_shard is ABSENT
    head = (
        "000000000500000064656d6f33030000006d617020000000000119000000140000000100000008000000840141e14d13"
        "73cc0100ffffffff"
    )
    assert assert_payload(RowLevelStopRequest, head).destination_shard == ANY_SHARD
    assert assert_payload(RowLevelStopRequest, f"{head} 01").mark_as_repaired is True


def test_buffer_is_filled_up_to_a_row() -> None:
    # 4.2 faults/repair, packets 351, 382 and 385
    assert assert_payload(SyncBoundaryRequest, "00000000 00").skipped_boundary is None
    reply = assert_payload(
        SyncBoundaryReply,
        "64000000013b0000002800000014000000010000000800000097c910bde509c14a100000000100000004000000000000"
        "050f00000002000108000000000000000c000000cb1b2b505742664db800000000000000b80000000000000001000000"
        "00000000",
    )
    boundary = reply.response.boundary
    assert boundary
    assert boundary.key.key.components == (b"\x00\x00\x00\x05",)
    assert (boundary.position.region, boundary.position.key) == (
        PartitionRegion.CLUSTERED,
        Key(components=()),
    )
    assert (reply.response.buffer_bytes, reply.response.new_row_count) == (184, 1)
    next_round = assert_payload(
        SyncBoundaryRequest,
        "05000000013b0000002800000014000000010000000800000097c910bde509c14a100000000100000004000000000000"
        "050f0000000200010800000000000000",
    )
    assert next_round.skipped_boundary == boundary


def test_buffer_without_rows_has_no_boundary() -> None:
    # 4.2 faults/repair, packet 353; 2025.1 base/boot, packet 309
    body = assert_payload(
        SyncBoundaryReply,
        "29000000 00 0c000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000",
    )
    assert body.response == BufferState(
        boundary=None, combined_hash=0, buffer_bytes=0, new_rows_bytes=0, new_row_count=0
    )
    assert assert_payload(SyncBoundaryRequest, f"00000000 00 {ANY}").destination_shard == ANY_SHARD


def test_rows_are_compared_by_one_hash() -> None:
    # 4.2 and 2025.1 faults/repair, packets 423, 425 and 1510
    old = (
        "06000000013b00000028000000140000000100000008000000a1a3f1efb151233b100000000100000004000000000000"
        "520f0000000200010800000000000000"
    )
    body = assert_payload(CombinedRowHashRequest, old)
    assert isinstance(body.common_boundary, SyncBoundary)
    assert assert_payload(CombinedRowHashReply, "0c000000 18a6bae60dbe5027").hash == 0x2750BE0DE6BAA618
    modern = assert_payload(
        CombinedRowHashRequest,
        "07000000013b00000028000000140000000100000008000000a1a3f1efb151233b100000000100000004000000000000"
        "520f0000000200010800000000000000ffffffff",
    )
    assert modern.common_boundary == body.common_boundary
    assert modern.destination_shard == ANY_SHARD


def test_estimates_are_exchanged() -> None:
    # 4.2 faults/repair, packets 343 to 347; 2025.1 base/boot, packets 305 and 307
    assert assert_payload(GetEstimatedPartitionsRequest, "00000000").destination_shard is ABSENT
    assert assert_payload(GetEstimatedPartitionsRequest, f"00000000 {ANY}").destination_shard == ANY_SHARD
    assert assert_payload(EstimatedPartitionsReply, "0000000000000000").estimated_partitions == 0
    told = assert_payload(SetEstimatedPartitionsRequest, f"00000000 0000000000000000 {ANY}")
    assert (told.estimated_partitions, told.destination_shard) == (0, ANY_SHARD)
    assert (
        assert_payload(SetEstimatedPartitionsRequest, "00000000 0500000000000000").estimated_partitions == 5
    )


def test_both_algorithms_are_supported() -> None:
    # 4.2 faults/repair, packet 333
    body = assert_payload(DiffAlgorithmsReply, "02000000 00 01")
    assert body.algorithms == (DiffAlgorithm.SEND_FULL_SET, DiffAlgorithm.SEND_FULL_SET_RPC_STREAM)


def test_stream_is_named_by_its_connection() -> None:
    # 4.2 faults/repair, packet 481; 2025.1 faults/repair, packet 1543
    old = assert_payload(RepairStreamRequest, "06000000 00000c0000000000")
    assert (old.repair_meta_id, old.stream_id, old.destination_shard) == (6, 12 << 16, ABSENT)
    modern = assert_payload(RepairStreamRequest, f"07000000 00000f0000000000 {ANY}")
    assert (modern.stream_id, modern.destination_shard) == (15 << 16, ANY_SHARD)


def test_hashes_are_streamed_one_by_one() -> None:
    # 2025.1 base/boot, packet 494; 4.2 faults/repair, packet 485
    one = assert_payload(HashFrame, "11000000 01 0c000000 30ecbf1b6c094601")
    assert (one.frame.command, one.frame.hash) == (RepairStreamCommand.HASH_DATA, 0x0146096C1BBFEC30)
    end = assert_payload(HashFrame, "11000000 03 0c000000 0000000000000000")
    assert end.frame.command is RepairStreamCommand.END_OF_CURRENT_HASH_SET
    everything = assert_payload(HashFrame, "11000000 04 0c000000 0000000000000000")
    assert everything.frame.command is RepairStreamCommand.NEEDS_ALL_ROWS


def test_rows_are_streamed_by_partition() -> None:
    # 4.2 faults/repair, packet 515
    rows = assert_payload(
        RowFrame,
        "d500000002d00000001000000001000000040000000000005801000000b4000000b4000000b000000000000000a80000"
        "00a4000000080000000000000014000000000000000c000000f25ef988d9600600140000000000000000000080000000"
        "00000000005c000000020000002b0000000000000023000000000000001b0000000000000013000000f25ef988d96006"
        "000300000072383829000000010000002100000000000000190000000000000011000000f25ef988d960060001000000"
        "721400000000000000000000800000000000000000",
    )
    assert rows.frame.command is RepairStreamCommand.ROW_DATA
    assert rows.frame.rows.key.components == (b"\x00\x00\x00\x58",)
    (fragment,) = rows.frame.rows.fragments
    assert isinstance(fragment.fragment, ClusteringRow)
    end = assert_payload(RowFrame, "15000000 05 10000000 08000000 00000000 00000000")
    assert (end.frame.command, end.frame.rows.fragments) == (RepairStreamCommand.END_OF_CURRENT_ROWS, ())


def test_commands_alone_ask_for_hashes_and_end_a_put() -> None:
    # 4.2 faults/repair, packets 457 and 521
    assert assert_payload(CommandFrame, "06").command is RepairStreamCommand.GET_FULL_ROW_HASHES
    assert assert_payload(CommandFrame, "07").command is RepairStreamCommand.PUT_ROWS_DONE


def test_sink_is_the_masters_direction() -> None:
    frames = {row.number: (row.payloads[0].sink, row.payloads[0].of(Role.SOURCE)) for row in VERBS}
    assert frames[36] == (HashFrame, RowFrame)
    assert frames[37] == (RowFrame, CommandFrame)
    assert frames[38] == (CommandFrame, HashFrame)
    assert frames[35] == (None, None)


def test_plain_forms_carry_lists() -> None:
    assert assert_payload(FullRowHashesRequest, "05000000").repair_meta_id == 5
    assert assert_payload(FullRowHashesReply, HASHES).hashes == (9, 2)
    wanted = assert_payload(RowDiffRequest, f"05000000 {HASHES} 01 03000000")
    assert (wanted.hashes, wanted.needs_all_rows, wanted.destination_shard) == ((9, 2), True, 3)
    rows = vector(framed(KEY_1, vector(PARTITION_END)))
    assert len(assert_payload(RowDiffReply, rows).partitions) == 1
    put = assert_payload(PutRowDiffRequest, f"05000000 {rows} 03000000")
    assert put.partitions[0].use_last_key is ABSENT


def test_big_partition_of_2026_3_goes_on_without_its_key() -> None:
    rows = vector(
        framed(KEY_1, vector(PARTITION_END), "00"), framed("08000000 00000000", vector(PARTITION_END), "01")
    )
    body = assert_payload(RowDiffReply, rows)
    assert [part.use_last_key for part in body.partitions] == [False, True]


def test_checksum_of_a_range() -> None:
    body = assert_payload(ChecksumRangeRequest, f"{text('ks')} {text('t')} {TOKEN_RANGE} 01")
    assert body.kind is ChecksumKind.STREAMED
    reply = assert_payload(ChecksumRangeReply, "24000000" + "ab" * 32)
    assert reply.checksum.digest == b"\xab" * 32


def test_history_of_repairs() -> None:
    body = assert_payload(
        UpdateSystemTableRequest,
        framed("11" * 16, TABLE_ID, text("ks"), text("t"), TOKEN_RANGE, "99b7026b00000000"),
    )
    assert (body.request.table_id, body.request.repair_time) == (TABLE, 0x6B02B799)
    assert_payload(UpdateSystemTableReply, "04000000")


def test_hints_are_flushed_before_a_repair() -> None:
    body = assert_payload(
        FlushHintsBatchlogRequest,
        framed("11" * 16, vector("0100000a", "0200000a"), "2c01000000000000 2c01000000000000"),
    )
    assert body.request.targets == ("10.0.0.1", "10.0.0.2")
    assert (body.request.hints_timeout_s, body.request.batchlog_timeout_s) == (300, 300)
    assert assert_payload(FlushHintsBatchlogReply, "04000000").response.flush_time is ABSENT
    flushed = assert_payload(FlushHintsBatchlogReply, "0c000000 99b7026b00000000")
    assert flushed.response.flush_time == 0x6B02B799


def test_verbs_of_2026_3_and_master() -> None:
    control = assert_payload(UpdateCompactionControlRequest, f"{TABLE_ID} 0300000000000000 {SESSION}")
    assert control.tablet == GlobalTabletId(table_id=TABLE, tablet=3)
    assert assert_payload(TableRequest, TABLE_ID).table_id == TABLE
    assert assert_payload(TableSizeReply, "0500000000000000").size_bytes == 5
