"""Captures named here are of Scylla 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

import pytest

from harness.codec.verbs.group0 import (
    VERBS,
    BroadcastCondition,
    BroadcastSelect,
    BroadcastTableQuery,
    BroadcastUpdate,
    DiscoveryPeer,
    DiscoveryPeers,
    DiscoveryPeersV50,
    Group0Command,
    Group0Info,
    Group0InfoV50,
    Group0ModifyConfigRequest,
    Group0ModifyConfigRequestV50,
    Group0UpgradeState,
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
    group0_command_of,
)
from harness.codec.verbs.line import Line
from harness.codec.verbs.raft import ConfigMember, LogEntry, ServerAddress
from harness.codec.verbs.registry import Role, VerbTable
from harness.codec.verbs.wire import EmptyFrame, Monostate, encode_struct
from harness.errors import DecodeError, HarnessError
from tests.codec.verbs.payload_checks import assert_payload

NULL = uuid.UUID(int=0)
NODE_1 = uuid.UUID("11111111-1111-1111-1111-111111111111")
SERVER_1 = "14000000" + "11" * 16

COMMAND = (
    "25030000034a010000010000003e0100003e0100004c370d51ed84abe04036d1283d97c0bc3c34888d338e6051b6"
    "d12a6f149304b525000000020000000500000064656d6f321000000062795f636f756e7472795f696e6465784600"
    "0000010000003a00000006000000737461747573280000006f72672e6170616368652e63617373616e6472612e64"
    "622e6d61727368616c2e555446385479706500000000af0000001400000000000000000000800000000000000000"
    "08000000000000000000000001000000870000001c00000001000000100000007088f8d1a39c4f02a979290a1de4"
    "f0950800000003000000140000000000000000000080000000000000000037000000010000002f00000000000000"
    "27000000000000001f00000000000000170000000735ac24da600600070000005355434345535314000000000000"
    "000000008000000000000000009901000099010000d73e3a68f5427e023c06620710a004b4ef34382495d6da4902"
    "1dc088d2c6b4a2130000000100000007000000686973746f72794b000000010000003f0000000b00000064657363"
    "72697074696f6e280000006f72672e6170616368652e63617373616e6472612e64622e6d61727368616c2e555446"
    "3854797065000000001701000014000000000000000000008000000000000000000800000000000000010000003e"
    "0000001c00000001000000100000002076ea46e64f11f18080808080808080140000000735ac24da60060076b602"
    "6b000000000708000000000000000601000000b10000001c0000000100000010000000823b5246e65711f159b07f"
    "bb949e840514000000000000000c0000000735ac24da600600140000000000000000000080000000000000000055"
    "000000010000004d0000000000000045000000000000003d00000000000000350000000735ac24da600600250000"
    "0076696577206275696c6465723a206d61726b2076696577206275696c6420535543434553531400000000000000"
    "00000080000000000000000001f11157e6fe723082bf17b424ba74e71bf11157e646523b8205849e94bb7fb0590d"
    "091fac14000000024f9ca3d1f8887095f0e41d0a2979a9"
)
"""base/index_create, packet 855 (RAFT_ADD_ENTRY): a view is built; 805 bytes."""

HISTORY = (
    "9901000099010000d73e3a68f5427e023c06620710a004b4ef34382495d6da49021dc088d2c6b4a2130000000100"
    "000007000000686973746f72794b000000010000003f0000000b0000006465736372697074696f6e280000006f72"
    "672e6170616368652e63617373616e6472612e64622e6d61727368616c2e55544638547970650000000017010000"
    "14000000000000000000008000000000000000000800000000000000010000003e0000001c000000010000001000"
    "00002076ea46e64f11f18080808080808080140000000735ac24da60060076b6026b000000000708000000000000"
    "000601000000b10000001c0000000100000010000000823b5246e65711f159b07fbb949e84051400000000000000"
    "0c0000000735ac24da600600140000000000000000000080000000000000000055000000010000004d0000000000"
    "000045000000000000003d00000000000000350000000735ac24da6006002500000076696577206275696c646572"
    "3a206d61726b2076696577206275696c6420535543434553531400000000000000000000800000000000000000"
)
"""The row of system.group0_history of the same command, a canonical mutation."""

STATE = f"00 {'33' * 16} 0100000a {SERVER_1}"
"""No previous state, new state, creator by address and id."""


def test_command_of_a_real_cluster() -> None:
    command = assert_payload(Group0Command, COMMAND)
    assert isinstance(command.change, WriteMutations)
    (mutation,) = command.change.mutations
    # system.view_build_status_v2
    assert mutation.table_id == uuid.UUID("e0ab84ed-510d-374c-bcc0-973d28d13640")
    assert mutation.key.components == (b"demo2", b"by_country_index")
    assert [column.name for column in mutation.mapping.columns] == [b"status"]
    # system.group0_history
    assert command.history_append.table_id == uuid.UUID("027e42f5-683a-3ed7-b404-a0100762063c")
    assert command.history_append.key.components == (b"history",)
    (row,) = command.history_append.partition.rows
    assert row.key.components == (command.new_state_id.bytes,)
    assert command.previous_state_id == uuid.UUID("823072fe-e657-11f1-1be7-74ba24b417bf")
    assert command.creator_address == "172.31.9.13"
    assert command.creator_id == uuid.UUID("7088f8d1-a39c-4f02-a979-290a1de4f095")


def test_command_is_found_in_its_log_entry() -> None:
    data = bytes.fromhex(COMMAND)
    entry = LogEntry(term=1, index=57, data=data)
    assert group0_command_of(entry) == decode_group0_command(data)
    assert group0_command_of(LogEntry(term=1, index=58, data=EmptyFrame())) is None


def test_command_of_another_group_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode_group0_command(b"abc")


@pytest.mark.parametrize(
    ("index", "cls"),
    [("00", SchemaChange), ("02", TopologyChange), ("03", WriteMutations), ("04", MixedChange)],
)
def test_kinds_of_changes(index: str, cls: type) -> None:
    size = f"{4 + 1 + 8 + 413 + 1 + 16 + 4 + 20:08x}"
    size = bytes.fromhex(size)[::-1].hex()
    command = assert_payload(Group0Command, f"{size} {index} 08000000 00000000 {HISTORY} {STATE}")
    assert isinstance(command.change, cls)
    assert command.previous_state_id is None
    assert command.new_state_id == uuid.UUID(int=0x33333333333333333333333333333333)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("00 09000000 01000000 6b", BroadcastSelect(key=b"k")),
        ("01 0f000000 01000000 6b 01000000 76 00", BroadcastUpdate(key=b"k", value=b"v", condition=None)),
        (
            "01 10000000 01000000 6b 01000000 76 01 00",
            BroadcastUpdate(key=b"k", value=b"v", condition=BroadcastCondition(value=None)),
        ),
        (
            "01 15000000 01000000 6b 01000000 76 01 01 01000000 77",
            BroadcastUpdate(key=b"k", value=b"v", condition=BroadcastCondition(value=b"w")),
        ),
    ],
)
def test_statement_on_the_broadcast_table(query: str, expected: BroadcastSelect | BroadcastUpdate) -> None:
    data = bytes.fromhex(query)
    size = f"{8 + len(data):02x}000000 {4 + len(data):02x}000000"
    body = assert_payload(BroadcastTableQuery, f"{size} {query}")
    assert body.query.query == expected


def test_starting_node_knows_a_seed_only_by_its_address() -> None:
    # base/boot, packets 24 and 25
    body = assert_payload(
        PeerExchangeRequest,
        "020000001c00000014000000000000000000000000000000000000000b091fac1c000000140000007b4360354b9f0770fb"
        "6fb341b967e8b30c091fac",
    )
    assert body.peers == (
        DiscoveryPeer(id=NULL, address="172.31.9.11"),
        DiscoveryPeer(id=uuid.UUID("70079f4b-3560-437b-b3e8-67b941b36ffb"), address="172.31.9.12"),
    )
    reply = assert_payload(
        PeerExchangeReply,
        "35000000013000000014000000f11157e680a78d50df74bfef39fc3dab1400000033429f76c10fb65488063ea588077797"
        "0b091fac",
    )
    assert reply.exchange.info == Group0Info(
        group0_id=uuid.UUID("508da780-e657-11f1-ab3d-fc39efbf74df"),
        id=uuid.UUID("54b60fc1-769f-4233-9777-0788a53e0688"),
        address="172.31.9.11",
    )


def test_peer_without_group_0() -> None:
    assert isinstance(assert_payload(PeerExchangeReply, "05000000 00").exchange.info, Monostate)
    reply = assert_payload(PeerExchangeReply, f"25000000 02 01000000 1c000000 {SERVER_1} 0100000a")
    assert reply.exchange.info == DiscoveryPeers(peers=(DiscoveryPeer(id=NODE_1, address="10.0.0.1"),))


def test_peers_of_5_0_are_raft_addresses() -> None:
    address = f"1d000000 {SERVER_1} 01 00000000"
    assert len(assert_payload(PeerExchangeRequestV50, f"01000000 {address}").peers) == 1
    known = assert_payload(PeerExchangeReplyV50, f"3a000000 01 35000000 14000000 {'44' * 16} {address}")
    assert isinstance(known.exchange.info, Group0InfoV50)
    assert known.exchange.info.address.id == NODE_1
    unknown = assert_payload(PeerExchangeReplyV50, f"26000000 02 01000000 {address}")
    assert isinstance(unknown.exchange.info, DiscoveryPeersV50)


def test_change_of_members() -> None:
    group = "14000000" + "44" * 16
    body = assert_payload(
        Group0ModifyConfigRequest,
        f"{group} 01000000 21000000 1c000000 {SERVER_1} 00000000 00 01000000 {SERVER_1}",
    )
    assert body.add == (ConfigMember(address=ServerAddress(id=NODE_1, info=b""), can_vote=False),)
    assert body.remove == (NODE_1,)
    old = assert_payload(
        Group0ModifyConfigRequestV50, f"{group} 01000000 1d000000 {SERVER_1} 00 00000000 00000000"
    )
    assert old.add[0].id == NODE_1


def test_upgrade_state() -> None:
    assert assert_payload(UpgradeStateReply, "03").state is Group0UpgradeState.USE_POST_RAFT_PROCEDURES
    assert assert_payload(UpgradeStateReply, "09").state == 9


def test_upgrade_state_is_asked_until_2025_1() -> None:
    table = VerbTable(VERBS)
    assert table.by_number[62].retired is Line.V2026_3
    assert table.payload_class(57, Line.V5_0, Role.REPLY) is PeerExchangeReplyV50


def test_broken_command_raises_only_decode_errors() -> None:
    data = bytes.fromhex(COMMAND)
    for position in range(len(data)):
        broken = data[:position] + b"\xff" + data[position + 1 :]
        try:
            command = decode_group0_command(broken)
        except HarnessError:
            continue
        assert encode_struct(command) == broken
