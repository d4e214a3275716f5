"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

import pytest

from harness.codec.verbs.common import ConsistencyLevel, TraceInfo, UpdateBacklog
from harness.codec.verbs.mutation import CounterCell, CounterDelta, NoMarker
from harness.codec.verbs.outcome import (
    AccountAndEnforce,
    AccountOnly,
    ExceptionVariant,
    FencingToken,
    NoFailure,
    RateLimited,
    StaleTopology,
)
from harness.codec.verbs.wire import ABSENT, Monostate, decode_struct
from harness.codec.verbs.write_identity import WRITE_ID_BYTES, address_key, peek_write_identity, write_id
from harness.codec.verbs.writes import (
    CounterMutationReply,
    CounterMutationRequest,
    HintMutationRequest,
    MutationDone,
    MutationFailed,
    MutationRequest,
    SnapshotWithTabletsRequest,
    TruncateRequest,
    TruncateWithTabletsRequest,
)
from harness.errors import DecodeError
from tests.codec.verbs.hex_layout import MUTATION, TABLE_ID, blob, framed, text, vector
from tests.codec.verbs.payload_checks import assert_payload

FIRST = uuid.UUID("54b60fc1-769f-4233-9777-0788a53e0688")
COORDINATOR = "00000000 0100000a 02000000 00806e8774010000"
"""No forwards; reply to 10.0.0.1, shard 2, response id 1600000000000."""
NO_FAILURE = "09000000 01 04000000"
SESSION = "14000000 4444333322221111 8888777766665555"


def test_write_of_two_columns() -> None:
    body = assert_payload(MutationRequest, f"{blob(MUTATION)} {COORDINATOR} 00")
    assert (body.reply_to, body.shard, body.response_id) == ("10.0.0.1", 2, 1600000000000)
    assert (body.forward, body.trace, body.rate_limit) == ((), None, ABSENT)
    (row,) = body.mutation.partition.rows
    assert [column.id for column in row.cells.columns] == [0, 1]


def test_write_of_2026_3_ends_in_a_flag() -> None:
    tail = "00 0c000000 0700000000000000 00000000 33429f76c10fb65488063ea588077797 00"
    body = assert_payload(MutationRequest, f"{blob(MUTATION)} {COORDINATOR} 00 {tail}")
    assert body.rate_limit == Monostate()
    assert body.fence == FencingToken(topology_version=7)
    assert body.forward_host_ids == ()
    assert body.reply_to_host_id == FIRST
    assert body.skip_large_data_guardrails is False


@pytest.mark.parametrize(
    ("bytes_of_it", "expected"),
    [
        ("00", Monostate()),
        ("01 04000000", AccountOnly()),
        ("02 08000000 2a000000", AccountAndEnforce(random_variable=42)),
    ],
)
def test_rate_limit_of_a_write(bytes_of_it: str, expected: object) -> None:
    body = assert_payload(MutationRequest, f"{blob(MUTATION)} {COORDINATOR} 00 {bytes_of_it}")
    assert body.rate_limit == expected


def test_deletion_of_a_partition_carries_no_rows() -> None:
    # 4.2 base/index_write, packet 85
    body = assert_payload(
        MutationRequest,
        "5c0000005c000000f11152e640a9fc650000000000009cae3e39e2c404bc673d9b683696098237871000000001000000"
        "04000000000000132800000014000000c7f6cfa2d9600600f3ad026b0000000008000000000000000000000000000000"
        "000000000b081fac0000000009757502a201000000",
    )
    assert body.mutation.partition.tombstone.exists
    assert body.mutation.partition.tombstone.deletion_time == 0x6B02ADF3
    assert body.mutation.partition.rows == ()
    assert body.reply_to == "172.31.8.11"


def test_write_of_2025_1_names_host_ids_and_topology() -> None:
    # 2025.1 base/index_write, packet 454
    body = assert_payload(
        MutationRequest,
        "5c0000005c000000f11157e63051bd80df74bfef39fc3dabf11157e6905a1b82df74bfef39fc3dab1000000001000000"
        "0400000000000012280000001400000065398c25da60060085b6026b0000000008000000000000000000000000000000"
        "000000000b091fac000000002a7a9702a201000000000c00000007000000000000000000000033429f76c10fb6548806"
        "3ea588077797",
    )
    assert body.fence == FencingToken(topology_version=7)
    assert body.reply_to_host_id == FIRST
    assert body.skip_large_data_guardrails is ABSENT


def test_write_to_another_datacenter_is_forwarded_there() -> None:
    # 2025.1 multidc/multi_dc, packet 133: by host id; 4.2 multidc/multi_dc, packet 15: by address
    modern = assert_payload(
        MutationRequest,
        "0901000009010000f11158e6f0ddae5571a5d7f3a9ce0a84f11158e60005af5571a5d7f3a9ce0a841000000001000000"
        "0400000000000011d5000000140000000000000000000080000000000000000008000000000000000000000001000000"
        "ad000000080000000000000014000000000000000c000000854c223ada60060014000000000000000000008000000000"
        "0000000065000000020000002e0000000000000026000000000000001e0000000000000016000000854c223ada600600"
        "060000004265726c696e2f0000000100000027000000000000001f0000000000000017000000854c223ada6006000700"
        "00004765726d616e791400000000000000000000800000000000000000000000000b091fac00000000d2cf9d02a20100"
        "0000000c000000090000000000000001000000bb45d41c0a2b7b3950620b1b3b36b685b74eb590c99860199ee864170f"
        "0e8f8a",
    )
    assert modern.forward == ()
    assert modern.forward_host_ids == (uuid.UUID("397b2b0a-1cd4-45bb-85b6-363b1b0b6250"),)
    old = assert_payload(
        MutationRequest,
        "0901000009010000f11152e6e09b320700000000000007a0ac346363fca28d6e0a02d170414b059f1000000001000000"
        "0400000000000011d5000000140000000000000000000080000000000000000008000000000000000000000001000000"
        "ad000000080000000000000014000000000000000c0000007f49ab98d960060014000000000000000000008000000000"
        "0000000065000000020000002e0000000000000026000000000000001e00000000000000160000007f49ab98d9600600"
        "060000004265726c696e2f0000000100000027000000000000001f00000000000000170000007f49ab98d96006000700"
        "00004765726d616e791400000000000000000000800000000000000000010000000d081fac0b081fac00000000089473"
        "02a201000000",
    )
    assert (old.forward, old.reply_to) == (("172.31.8.13",), "172.31.8.11")


def test_traced_write_carries_the_session_of_the_statement() -> None:
    # 4.2 base/tracing, packet 8: 50 bytes of trace information
    old = assert_payload(
        MutationRequest,
        "db000000db000000f11152e670cc7c4c0000000000009caef3365731c20bcd5e0d1b2892e5d46dbd1000000001000000"
        "0400000000000011a7000000140000000000000000000080000000000000000008000000000000000000000001000000"
        "7f000000080000000000000014000000000000000c000000aa1a3ca6d960060014000000000000000000008000000000"
        "0000000037000000010000002f0000000100000027000000000000001f0000000000000017000000aa1a3ca6d9600600"
        "070000004765726d616e791400000000000000000000800000000000000000000000000b081fac00000000f9757502a2"
        "0100000132000000f11152e6f05dda910000000000009cae01010b0000000000000020a10700805101000c000000ad12"
        "70f264cc0000",
    )
    assert isinstance(old.trace, TraceInfo)
    assert (old.trace.type, old.trace.properties, old.trace.started_us) == (1, 11, ABSENT)
    assert (old.trace.slow_threshold_us, old.trace.slow_ttl_s) == (500000, 86400)
    # 2025.1 base/tracing, packet 72: 58 bytes
    modern = assert_payload(
        MutationRequest,
        "db000000db000000f11157e65053c565df74bfef39fc3dabf11157e65153c565df74bfef39fc3dab1000000001000000"
        "0400000000000011a7000000140000000000000000000080000000000000000008000000000000000000000001000000"
        "7f000000080000000000000014000000000000000c000000805ef528da60060014000000000000000000008000000000"
        "0000000037000000010000002f0000000100000027000000000000001f0000000000000017000000805ef528da600600"
        "070000004765726d616e791400000000000000000000800000000000000000000000000b091fac00000000f77a9702a2"
        "010000013a000000f11157e6a0ec16addf74bfef39fc3dab01010b0000000000000020a10700805101000c0000002931"
        "ba0f74ba01000000000000000000000c00000007000000000000000000000033429f76c10fb65488063ea588077797",
    )
    assert isinstance(modern.trace, TraceInfo)
    assert modern.trace.started_us == 0


def test_hint_has_a_fence_where_a_write_has_a_rate_limit() -> None:
    # 2025.1 faults/graceful_stop_and_return, packet 1783
    modern = assert_payload(
        HintMutationRequest,
        "fe000000fe000000f11157e6300832f05b8d12594ccad7b3f11157e6310832f05b8d12594ccad7b31000000001000000"
        "0400000000000047ca000000140000000000000000000080000000000000000008000000000000000000000001000000"
        "a2000000080000000000000014000000000000000c000000145aac34da60060014000000000000000000008000000000"
        "000000005a0000000200000029000000000000002100000000000000190000000000000011000000145aac34da600600"
        "010000006129000000010000002100000000000000190000000000000011000000145aac34da60060001000000611400"
        "000000000000000000800000000000000000000000000b091fac00000000a6499b02a2010000000c0000000700000000"
        "00000000000000374a60d0d1dbe0f00a89da67bedd5d99",
    )
    assert (modern.trace, modern.fence) == (None, FencingToken(topology_version=7))
    # 4.2 faults/graceful_stop_and_return, packet 330
    old = assert_payload(
        HintMutationRequest,
        "fe000000fe000000f11151e6e04f3d30000000000000528cbc3d975e648b3dc79cb7b4086521e78e1000000001000000"
        "0400000000000047ca000000140000000000000000000080000000000000000008000000000000000000000001000000"
        "a2000000080000000000000014000000000000000c0000008101fa87d960060014000000000000000000008000000000"
        "000000005a00000002000000290000000000000021000000000000001900000000000000110000008101fa87d9600600"
        "0100000061290000000100000021000000000000001900000000000000110000008101fa87d960060001000000611400"
        "000000000000000000800000000000000000000000000b081fac0000000001726e02a201000000",
    )
    assert (old.trace, old.fence) == (None, ABSENT)


def test_acknowledgement_repeats_the_identity() -> None:
    # 4.2 base/batch, packet 10
    text_of_it = "00000000 36757502a2010000 14000000 0000000000000000 ffffffffffffffff"
    body = assert_payload(MutationDone, text_of_it)
    assert (body.shard, body.response_id) == (0, 0x01A202757536)
    assert body.backlog == UpdateBacklog(current_bytes=0, limit_bytes=2**64 - 1)
    assert bytes.fromhex(text_of_it)[:WRITE_ID_BYTES] == write_id(body.shard, body.response_id)


def test_acknowledgement_of_2026_3_counts_large_data() -> None:
    body = assert_payload(
        MutationDone, "02000000 00806e8774010000 14000000 0000000000000000 ffffffffffffffff 05"
    )
    assert body.large_data_violations == 5


def test_failure_without_a_reason() -> None:
    # 4.2 errors/mutation_failed, packet 560
    body = assert_payload(
        MutationFailed, "00000000a5d3a102a201000001000000000000001400000000000000000000006666660600000000"
    )
    assert (body.failed_count, body.exception) == (1, ABSENT)
    assert body.backlog.limit_bytes == 0x06666666


def test_failure_of_an_ordinary_write_names_no_exception() -> None:
    # 2025.1 errors/mutation_failed, packet 98
    body = assert_payload(
        MutationFailed,
        "0000000053feac02a20100000100000000000000140000000000000000000000ffffffffffffffff090000000104000000",
    )
    assert body.exception == ExceptionVariant(reason=NoFailure())


def test_identity_is_peeked_as_it_is_decoded() -> None:
    data = bytes.fromhex(f"{blob(MUTATION)} 02000000 0200000a 0300000a 0100000a 02000000 00806e8774010000 00")
    body, _ = decode_struct(MutationRequest, data)
    identity = (address_key(body.reply_to), body.shard, body.response_id)
    assert peek_write_identity(1, data) == identity


def test_counter_update_goes_to_the_leader_as_a_delta() -> None:
    # 4.2 base/counter, packet 151
    body = assert_payload(
        CounterMutationRequest,
        "01000000d1000000d1000000f11152e6d0e637800000000000009cae933e3ab6b89bc81648cfb574f1d54c880d000000"
        "010000000100000078a00000001400000000000000000000800000000000000000080000000000000000000000010000"
        "00780000000800000000000000080000000300000014000000000000000000008000000000000000003c000000010000"
        "0034000000000000002c0000000000000024000000030000001c000000656ba0a4d96006001000000001000000010000"
        "000000000014000000000000000000008000000000000000000100",
    )
    assert body.consistency_level is ConsistencyLevel.ONE
    (row,) = body.mutations[0].partition.rows
    assert row.marker == NoMarker()
    (column,) = row.cells.columns
    assert isinstance(column.cell, CounterCell)
    assert column.cell.state == CounterDelta(delta=1)


def test_counter_update_of_5_4_has_a_fence_and_an_answer() -> None:
    body = assert_payload(CounterMutationRequest, f"{vector(blob(MUTATION))} 06 00 0c000000 0900000000000000")
    assert body.consistency_level is ConsistencyLevel.LOCAL_QUORUM
    assert body.fence == FencingToken(topology_version=9)
    assert assert_payload(CounterMutationReply, "").exception is ABSENT
    assert assert_payload(CounterMutationReply, NO_FAILURE).exception == ExceptionVariant(reason=NoFailure())
    limited = assert_payload(CounterMutationReply, "09000000 02 04000000")
    assert limited.exception == ExceptionVariant(reason=RateLimited())
    stale = assert_payload(CounterMutationReply, "19000000 03 14000000 0300000000000000 0400000000000000")
    assert stale.exception == ExceptionVariant(reason=StaleTopology(caller_version=3, fence_version=4))


def test_truncation_names_keyspace_and_table() -> None:
    # 4.2 base/truncate, packet 7
    body = assert_payload(TruncateRequest, "05000000 64656d6f33 03000000 6d6170")
    assert body == TruncateRequest(keyspace="demo3", table="map")


def test_truncation_with_tablets_is_part_of_a_session() -> None:
    # 2025.1 tablets/truncate, packet 207
    body = assert_payload(
        TruncateWithTabletsRequest,
        "05000000 64656d6f33 03000000 6d6170 14000000 f1115ce624e98da1 2362c16cfb3583ef",
    )
    assert body.session == uuid.UUID("a18de924-e65c-11f1-ef83-35fb6cc16223")


def test_snapshot_lists_tables_and_may_expire() -> None:
    head = f"{vector(TABLE_ID)} {text('nightly')} 0700000000000000 01"
    body = assert_payload(SnapshotWithTabletsRequest, f"{head} 01 0900000000000000 {SESSION}")
    assert (body.tag, body.created_at, body.skip_flush, body.expiry) == ("nightly", 7, True, 9)
    assert body.table_ids == (uuid.UUID("01234567-89ab-11e0-8123-456789abcdef"),)
    assert assert_payload(SnapshotWithTabletsRequest, f"{head} 00 {SESSION}").expiry is None


def test_mutation_that_does_not_fill_its_blob_is_refused() -> None:
    with pytest.raises(DecodeError, match="bytes left in a frame"):
        decode_struct(MutationRequest, bytes.fromhex(f"{blob(MUTATION, '00')} {COORDINATOR} 00"))


def test_newer_fields_inside_a_frame_are_kept() -> None:
    longer = framed("02000000000000000300000000000000", "aabb")
    data = bytes.fromhex(f"02000000 00806e8774010000 {longer}")
    body, undecoded_bytes = decode_struct(MutationDone, data)
    assert body.backlog.current_bytes == 2
    assert undecoded_bytes == 2
