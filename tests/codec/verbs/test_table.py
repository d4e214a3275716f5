import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import LAST_VERB, Mode, Payload, Role, Verb
from harness.codec.verbs.table import FAMILIES, FIRST_UNUSED, TABLE
from harness.codec.verbs.wire import decode_struct, encode_struct
from harness.errors import DecodeError
from tests.codec.verbs.payload_checks import payload_classes

NAMES_OF_HEAD = {
    0: "CLIENT_ID",
    1: "MUTATION",
    2: "MUTATION_DONE",
    3: "READ_DATA",
    4: "READ_MUTATION_DATA",
    5: "READ_DIGEST",
    6: "GOSSIP_DIGEST_SYN",
    7: "GOSSIP_DIGEST_ACK",
    8: "GOSSIP_DIGEST_ACK2",
    9: "GOSSIP_ECHO",
    10: "GOSSIP_SHUTDOWN",
    11: "UNUSED__DEFINITIONS_UPDATE",
    12: "TRUNCATE",
    13: "UNUSED__REPLICATION_FINISHED",
    14: "MIGRATION_REQUEST",
    15: "PREPARE_MESSAGE",
    16: "PREPARE_DONE_MESSAGE",
    17: "UNUSED__STREAM_MUTATION",
    18: "STREAM_MUTATION_DONE",
    19: "COMPLETE_MESSAGE",
    20: "UNUSED__REPAIR_CHECKSUM_RANGE",
    21: "GET_SCHEMA_VERSION",
    22: "SCHEMA_CHECK",
    23: "COUNTER_MUTATION",
    24: "MUTATION_FAILED",
    25: "STREAM_MUTATION_FRAGMENTS",
    26: "REPAIR_ROW_LEVEL_START",
    27: "REPAIR_ROW_LEVEL_STOP",
    28: "REPAIR_GET_FULL_ROW_HASHES",
    29: "REPAIR_GET_COMBINED_ROW_HASH",
    30: "REPAIR_GET_SYNC_BOUNDARY",
    31: "REPAIR_GET_ROW_DIFF",
    32: "REPAIR_PUT_ROW_DIFF",
    33: "REPAIR_GET_ESTIMATED_PARTITIONS",
    34: "REPAIR_SET_ESTIMATED_PARTITIONS",
    35: "REPAIR_GET_DIFF_ALGORITHMS",
    36: "REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM",
    37: "REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM",
    38: "REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM",
    39: "PAXOS_PREPARE",
    40: "PAXOS_ACCEPT",
    41: "PAXOS_LEARN",
    42: "HINT_MUTATION",
    43: "PAXOS_PRUNE",
    44: "GOSSIP_GET_ENDPOINT_STATES",
    45: "NODE_OPS_CMD",
    46: "RAFT_SEND_SNAPSHOT",
    47: "RAFT_APPEND_ENTRIES",
    48: "RAFT_APPEND_ENTRIES_REPLY",
    49: "RAFT_VOTE_REQUEST",
    50: "RAFT_VOTE_REPLY",
    51: "RAFT_TIMEOUT_NOW",
    52: "RAFT_READ_QUORUM",
    53: "RAFT_READ_QUORUM_REPLY",
    54: "RAFT_EXECUTE_READ_BARRIER_ON_LEADER",
    55: "RAFT_ADD_ENTRY",
    56: "RAFT_MODIFY_CONFIG",
    57: "GROUP0_PEER_EXCHANGE",
    58: "GROUP0_MODIFY_CONFIG",
    59: "REPAIR_UPDATE_SYSTEM_TABLE",
    60: "REPAIR_FLUSH_HINTS_BATCHLOG",
    61: "MAPREDUCE_REQUEST",
    62: "GET_GROUP0_UPGRADE_STATE",
    63: "DIRECT_FD_PING",
    64: "RAFT_TOPOLOGY_CMD",
    65: "RAFT_PULL_SNAPSHOT",
    66: "TABLET_STREAM_DATA",
    67: "TABLET_CLEANUP",
    68: "JOIN_NODE_REQUEST",
    69: "JOIN_NODE_RESPONSE",
    70: "TABLET_STREAM_FILES",
    71: "STREAM_BLOB",
    72: "TABLE_LOAD_STATS_V1",
    73: "JOIN_NODE_QUERY",
    74: "TASKS_GET_CHILDREN",
    75: "TABLET_REPAIR",
    76: "TRUNCATE_WITH_TABLETS",
    77: "TABLE_LOAD_STATS",
    78: "ESTIMATE_SSTABLE_VOLUME",
    79: "SAMPLE_SSTABLES",
    80: "REPAIR_UPDATE_COMPACTION_CTRL",
    81: "REPAIR_UPDATE_REPAIRED_AT_FOR_MERGE",
    82: "WORK_ON_VIEW_BUILDING_TASKS",
    83: "NOTIFY_BANNED",
    84: "SNAPSHOT_WITH_TABLETS",
    85: "RAFT_READ_BARRIER",
    86: "FORWARD_CQL_EXECUTE",
    87: "FORWARD_CQL_PREPARE",
    88: "RESTORE_TABLET",
    89: "WAIT_FOR_RAFT_GROUPS_TO_START",
    90: "CLONE_SSTABLE",
    91: "FETCH_COLUMN_MAPPINGS",
    92: "REPAIR_GET_TABLE_SIZE",
    93: "BACKUP_SNAPSHOT_SSTABLES",
}

_BEFORE_5_0 = {
    11: "DEFINITIONS_UPDATE",
    13: "REPLICATION_FINISHED",
    17: "STREAM_MUTATION",
    20: "REPAIR_CHECKSUM_RANGE",
}
OTHER_NAMES = {
    Line.V4_0: _BEFORE_5_0,
    Line.V4_2: _BEFORE_5_0,
    Line.V5_0: {11: "DEFINITIONS_UPDATE", 13: "REPLICATION_FINISHED"},
    Line.V5_4: {11: "DEFINITIONS_UPDATE", 61: "FORWARD_REQUEST", 65: "RAFT_PULL_TOPOLOGY_SNAPSHOT"},
    Line.V6_2: {11: "DEFINITIONS_UPDATE", 72: "TABLE_LOAD_STATS"},
    Line.V2025_1: {11: "DEFINITIONS_UPDATE"},
    Line.V2026_3: {},
    Line.HEAD: {},
}
"""Where a line names a number otherwise than master."""

NUMBERS = {
    Line.V4_0: 44,
    Line.V4_2: 44,
    Line.V5_0: 61,
    Line.V5_4: 70,
    Line.V6_2: 75,
    Line.V2025_1: 78,
    Line.V2026_3: 92,
    Line.HEAD: 94,
}
"""How many numbers a line names, and so its first unused one."""

ONE_WAY = {0, 1, 2, 6, 7, 8, 10, 11, 24, 41, 42, 43, 47, 48, 49, 50, 51, 52, 53, 83}
STREAM = {25, 36, 37, 38, 71}

SEEN_4_2 = {*range(13), 14, 15, 16, 18, *range(21, 28), 29, 30, *range(33, 44)}
SEEN_2025_1 = {
    *range(11), 12, 14, 21, 22, 24, 26, 27, 29, 30, *range(33, 45), 46, 47, 48, *range(52, 58),
    61, *range(63, 72), 73, 76, 77,
}  # fmt: skip
"""Verbs of which captures of real clusters hold messages."""

CLASSES = payload_classes(TABLE.verbs)


def test_every_number_stands_in_the_table_once() -> None:
    assert [row.number for row in TABLE.verbs] == list(range(LAST_VERB + 1))
    assert LAST_VERB == max(NAMES_OF_HEAD) == 93


@pytest.mark.parametrize("line", Line)
def test_names_of_a_line(line: Line) -> None:
    expected = {number: name for number, name in NAMES_OF_HEAD.items() if number < NUMBERS[line]}
    expected |= OTHER_NAMES[line]
    assert {number: TABLE.name(number, line) for number in range(FIRST_UNUSED[line])} == expected


@pytest.mark.parametrize("line", Line)
def test_first_name_of_a_number_is_as_old_as_the_number(line: Line) -> None:
    named = {row.number for row in TABLE.verbs if row.names[0][0] <= line}
    assert named == set(range(FIRST_UNUSED[line]))


def test_every_name_leads_to_its_number() -> None:
    for row in TABLE.verbs:
        for _, name in row.names:
            # 72 had the name before 77 got it.
            assert TABLE.by_name[name] == (77 if name == "TABLE_LOAD_STATS" else row.number)


def test_number_that_no_line_names() -> None:
    assert TABLE.name(94, Line.HEAD) == "VERB_94"
    decoded = TABLE.decode(94, Line.HEAD, Role.REQUEST, b"abc")
    assert (decoded.body, decoded.undecoded_bytes) == (None, 3)


def test_modes() -> None:
    assert {row.number for row in TABLE.verbs if row.mode is Mode.ONE_WAY} == ONE_WAY
    assert {row.number for row in TABLE.verbs if row.mode is Mode.STREAM} == STREAM


@pytest.mark.parametrize("row", TABLE.verbs, ids=lambda row: row.names[0][1])
def test_mode_says_which_payloads_there_are(row: Verb) -> None:
    def shape(payload: Payload) -> tuple[bool, bool, bool]:
        return payload.reply is not None, payload.sink is not None, payload.source is not None

    expected = {
        Mode.ONE_WAY: (False, False, False),
        Mode.TWO_WAY: (True, False, False),
        Mode.STREAM: (True, True, True),
    }[row.mode]
    assert row.payloads
    assert all(shape(payload) == expected for payload in row.payloads)
    lines = [payload.since for payload in row.payloads]
    assert lines == sorted(set(lines), key=lambda line: line.rank)


def test_retired_verbs() -> None:
    retired = {row.number: row.retired for row in TABLE.verbs if row.retired is not None}
    assert retired == {
        11: Line.V2026_3,
        13: Line.V5_4,
        17: Line.V5_0,
        20: Line.V5_0,
        62: Line.V2026_3,
    }


def test_evidence_is_what_was_captured() -> None:
    assert {row.number for row in TABLE.verbs if Line.V4_2 in row.evidence} == SEEN_4_2
    assert {row.number for row in TABLE.verbs if Line.V2025_1 in row.evidence} == SEEN_2025_1
    assert {line for row in TABLE.verbs for line in row.evidence} == {Line.V4_2, Line.V2025_1}


def test_every_verb_says_what_it_is_for() -> None:
    purposes = [row.purpose for row in TABLE.verbs]
    assert all(purposes)
    assert len(set(purposes)) == len(purposes)
    assert len(FAMILIES) == len(set(FAMILIES))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=60)
@given(data=st.binary(max_size=300))
def test_garbage_raises_only_decode_errors(cls: type, data: bytes) -> None:
    body: object
    try:
        body, _ = decode_struct(cls, data)
    except DecodeError:
        return
    assert encode_struct(body) == data
