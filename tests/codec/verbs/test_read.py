"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

from harness.codec.verbs.common import MISSING_TIMESTAMP, ConsistencyLevel, FullPosition, PartitionRegion
from harness.codec.verbs.outcome import ExceptionVariant, FencingToken, NoFailure
from harness.codec.verbs.read import (
    AggregationInfo,
    FunctionName,
    MapreduceReply,
    MapreduceRequest,
    ReadDataReply,
    ReadDigestReply,
    ReadMutationDataReply,
    ReadMutationDataRequest,
    ReadRequest,
    Reduction,
)
from harness.codec.verbs.read_command import DigestAlgorithm
from harness.codec.verbs.wire import ABSENT, Monostate
from tests.codec.verbs.hex_layout import framed, text, vector
from tests.codec.verbs.payload_checks import assert_payload
from tests.codec.verbs.test_common import RANGE_OF_KEY_1
from tests.codec.verbs.test_query_result import RESULT_4_2
from tests.codec.verbs.test_read_command import COMMAND_4_2, COMMAND_MODERN

NO_FAILURE = "09000000 01 04000000"
NO_EXCEPTION = ExceptionVariant(reason=NoFailure())


def test_read_of_one_partition() -> None:
    data = f"{COMMAND_4_2} {RANGE_OF_KEY_1} 03"
    assert len(bytes.fromhex(data)) == 217
    body = assert_payload(ReadRequest, data)
    assert body.partitions.singular
    assert body.digest_algorithm is DigestAlgorithm.XXHASH
    assert body.fence is ABSENT


def test_read_of_2026_3_carries_rate_limit_and_fence() -> None:
    body = assert_payload(ReadRequest, f"{COMMAND_MODERN} {RANGE_OF_KEY_1} 00 00 0c000000 0700000000000000")
    assert body.digest_algorithm is DigestAlgorithm.NONE
    assert (body.rate_limit, body.fence) == (Monostate(), FencingToken(topology_version=7))


def test_scan_starts_before_the_first_token() -> None:
    # 4.2 base/range_scan, packet 361
    body = assert_payload(
        ReadRequest,
        "6b000000f11152e6001c7e840000000000009cae19321a71cfa1a16141e595f67106da91250000000100000007000000"
        "000000000000000000000003030000000000000004ffffffff1027000019ae026b0000000000ffffffffe64d4388b5bd"
        "82fffd11513b17671da9012600000000011f0000001a00000014000000010000000800000080b8726797dc4acf010001"
        "0003",
    )
    assert body.partitions.start is None
    assert body.partitions.end
    assert body.partitions.end.inclusive
    assert (body.partitions.end.value.bound, body.partitions.end.value.key) == (1, None)
    assert body.command.partition_slice.regular_columns == ()


def test_scan_of_2025_1() -> None:
    # 2025.1 base/range_scan, packet 740
    body = assert_payload(
        ReadRequest,
        "98000000f11157e6b09ce69fdf74bfef39fc3dabf11157e6b19ce69fdf74bfef39fc3dab290000000100000007000000"
        "000000000000000000000003130000000000000004ffffffffffffffff10270000a9b6026b0000000000ffffffff1d42"
        "18be3a3dc2c2d52180e56bf4ecb901011c00000000001000000000000000400600000000000010000000000000000000"
        "10270000000000002600000000011f0000001a0000001400000001000000080000008064ef9c43ca5926010001000300"
        "0c0000000700000000000000",
    )
    assert (body.command.row_limit, body.command.tombstone_limit) == (10000, 10000)
    assert body.fence == FencingToken(topology_version=7)


def test_data_and_hit_rate() -> None:
    data = f"{RESULT_4_2} ff"
    assert len(bytes.fromhex(data)) == 98
    body = assert_payload(ReadDataReply, data)
    assert (body.hit_rate, body.exception) == (255, ABSENT)


def test_reply_with_nothing_found() -> None:
    # 4.2 base/boot, packet 1189
    old = assert_payload(
        ReadDataReply, "240000000800000008000000000000000000000000000000800001000000000100000000ff"
    )
    assert (old.result.row_count_low, old.result.digest) == (0, None)
    # 2025.1 base/read_cl, packet 501
    modern = assert_payload(
        ReadDataReply,
        "3a000000080000000800000000000000010000000000000000ef46db3751d8e999000000000000008000010000000001"
        "0000000001000000000000090000000104000000",
    )
    assert modern.result.digest == bytes.fromhex("0000000000000000 ef46db3751d8e999")
    assert modern.result.last_position is None
    assert modern.exception == NO_EXCEPTION


def test_reply_with_one_row_says_where_it_stands() -> None:
    # 2025.1 tablets/index_rf2, packet 1775
    body = assert_payload(
        ReadDataReply,
        "930000003600000036000000010000002e000000000800000000000000010000001d000000001800000001000000010f"
        "0000000000040000000000001400010000000000000000d60b846c6873a22c74a0bc9dda600600000101000000010100"
        "00000100000000012b0000001000000001000000040000006f7267301700000002000110000000010000000400000000"
        "00000000090000000104000000",
    )
    position = body.result.last_position
    assert isinstance(position, FullPosition)
    assert position.partition_key.components == (b"org0",)
    assert position.position.region is PartitionRegion.CLUSTERED


def test_digest_of_4_2_is_25_bytes() -> None:
    # 4.2 base/counter, packet 197
    body = assert_payload(ReadDigestReply, "0000000000000000 da9d6301f52fe88c 262797a4d9600600 00")
    assert body.digest[8:] == bytes.fromhex("da9d6301f52fe88c")
    assert (body.last_modified, body.hit_rate) == (0x000660D9A4972726, 0)
    assert body.exception is ABSENT


def test_digest_of_2025_1_says_where_the_replica_stopped() -> None:
    # 2025.1 base/index_read, packet 265: the replica has nothing
    nothing = assert_payload(
        ReadDigestReply, "0000000000000000ef46db3751d8e99900000000000000800009000000010400000000"
    )
    assert (nothing.last_modified, nothing.last_position) == (MISSING_TIMESTAMP, None)
    # 2025.1 base/read_cl, packet 128: the replica has tombstones only
    deleted = assert_payload(
        ReadDigestReply,
        "0000000000000000e73ec39ad44424ae000000000000008000090000000104000000011b000000100000000100000004"
        "0000000000001107000000000000",
    )
    assert isinstance(deleted.last_position, FullPosition)
    position = deleted.last_position.position
    assert (position.region, position.weight, position.key) == (PartitionRegion.PARTITION_START, 0, None)


def test_reconciling_read() -> None:
    # 4.2 faults/digest_mismatch, packet 282
    body = assert_payload(
        ReadMutationDataRequest,
        "73000000f11154e6803b29c900000000000017a2c2307726f627ab740d8ace2ef6419c942d0000000100000007000000"
        "0000000000000002000000000000000100000002030000000000000004ffffffff88130000f7b1026b0000000000ffff"
        "ffff18446d438ca1ae80a145eac336380ba50145000000011f0000001a00000014000000010000000800000084f9d068"
        "c5dbfe76010000011f0000001a000000140000000100000008000000a134f9bfb51dd53701000100",
    )
    assert body.partitions.start
    assert not body.partitions.start.inclusive
    # 2025.1 faults/digest_mismatch, packet 1017
    modern = assert_payload(
        ReadMutationDataRequest,
        "9c000000f11158e6f0946b3c1e389dc33bb56b8ef11158e6f1946b3c1e389dc33bb56b8e2d0000000100000007000000"
        "00000000000000010000000000000003230000000000000004ffffffffffffffff88130000beb7026b0000000000ffff"
        "ffff9d4b1ef5efa3a22345b4325c46985fbd01011c000000000010000000000000004006000000000000100000000000"
        "00000000102700000000000065000000012f0000002a000000140000000100000008000000c78499982ae4e0cf000110"
        "00000001000000040000000000000101012f0000002a000000140000000100000008000000c78499982ae4e0cf000110"
        "00000001000000040000000000000101010c0000000700000000000000",
    )
    assert (modern.partitions.singular, modern.fence) == (True, FencingToken(topology_version=7))


def test_reconciling_reply_holds_mutations() -> None:
    # 4.2 faults/digest_mismatch, packet 285: a deleted partition
    old = assert_payload(
        ReadMutationDataReply,
        "75000000000000000100000068000000000000005c0000005c000000f11154e6803b29c900000000000017a2c2307726"
        "f627ab740d8ace2ef6419c941000000001000000040000000000002a280000001400000077e641dfd9600600eab1026b"
        "00000000080000000000000000000000000000000000",
    )
    (partition,) = old.result.partitions
    assert partition.mutation.partition.tombstone.exists
    # 2025.1 faults/digest_mismatch, packet 105: nothing
    nothing = assert_payload(ReadMutationDataReply, "110000000000000000000000000000000000090000000104000000")
    assert (nothing.result.partitions, nothing.exception) == ((), NO_EXCEPTION)


def test_count_is_spread_over_nodes() -> None:
    # 2025.1 tablets/range_scan, packet 739
    body = assert_payload(
        MapreduceRequest,
        "22010000010000000098000000f1115ce64040059e412d1e77079d0c8ff1115ce64140059e412d1e77079d0c8f290000"
        "000100000007000000000000000000000000000000010000000000000004ffffffffffffffffffffffff0abf026b0000"
        "000000ffffffff0000000000000000000000000000000000011c00000000001000000000000000400600000000000010"
        "0000000000ffffffff1027000000000000020000002600000000011f0000001a0000001400000001000000080000007f"
        "ffffffffffffff0100010026000000011f0000001a0000001400000001000000080000007fffffffffffffff01000000"
        "0004e64700d62056ea180101000000230000001b0000000600000073797374656d09000000636f756e74526f77730000"
        "000000",
    )
    request = body.request
    assert request.reductions == (Reduction.COUNT,)
    assert request.consistency_level is ConsistencyLevel.QUORUM
    assert request.aggregations == (
        AggregationInfo(function=FunctionName(keyspace="system", name="countRows"), columns=()),
    )
    assert (len(request.partitions), request.shard_hint, body.trace) == (2, ABSENT, None)
    # 2025.1 base/range_scan, packet 794
    reply = assert_payload(MapreduceReply, "15000000 01000000 01 08000000 0000000000000006")
    assert reply.result.states == (b"\x00\x00\x00\x00\x00\x00\x00\x06",)


def test_aggregate_of_2026_3_may_name_a_shard() -> None:
    function = framed(framed(text("system"), text("max")), vector(text("price")))
    body = assert_payload(
        MapreduceRequest,
        framed(
            "01000000 01",
            COMMAND_MODERN,
            f"01000000 {RANGE_OF_KEY_1} 01 0100000000000000 01 01000000 {function} 01 03000000",
        )
        + "00",
    )
    assert body.request.reductions == (Reduction.AGGREGATE,)
    assert body.request.shard_hint == 3
    assert assert_payload(MapreduceReply, "09000000 01000000 00").result.states == (None,)


def test_older_replies_end_early() -> None:
    assert assert_payload(ReadDataReply, RESULT_4_2).hit_rate is ABSENT
    assert assert_payload(ReadDigestReply, "00" * 16).last_modified is ABSENT
    assert assert_payload(ReadDataReply, f"{RESULT_4_2} 80 {NO_FAILURE}").exception == NO_EXCEPTION
