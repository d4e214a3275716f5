"""The verbs of RPC as names for claims: ``request(PAXOS_PREPARE)``.

One constant for every name in the verb table; a test keeps the two equal. A verb that was renamed has all its
names here, and each of them means the verb in all lines; of a number that went from one verb to another, the line
tells which is meant.
"""

from dataclasses import dataclass
from typing import Final

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode
from harness.codec.verbs.table import TABLE


@dataclass(frozen=True, slots=True)
class VerbName:
    """A verb, or an opcode of CQL, as claims name it."""

    name: str
    numbers: tuple[int, ...]
    """Usually one; TABLE_LOAD_STATS moved from 72 to 77."""

    def __str__(self) -> str:
        return self.name

    @property
    def mode(self) -> Mode | None:
        """How requests of the verb are answered; None for opcodes."""
        row = TABLE.by_number.get(self.numbers[0])
        return row.mode if row is not None and any(name == self.name for _, name in row.names) else None

    def is_verb_of(self, number: int | None, line: Line) -> bool:
        """Whether a number means this verb in a line."""
        if number not in self.numbers:
            return False
        # A number that went from one verb to another is told apart by its line.
        return len(self.numbers) == 1 or TABLE.name(number, line) == self.name


def verb_named(name: str) -> VerbName | None:
    """Find a verb by any of its names."""
    numbers = tuple(row.number for row in TABLE.verbs if any(name == known for _, known in row.names))
    return VerbName(name, numbers) if numbers else None


def _verb(name: str) -> VerbName:
    found = verb_named(name)
    assert found is not None, name
    return found


BACKUP_SNAPSHOT_SSTABLES: Final = _verb("BACKUP_SNAPSHOT_SSTABLES")
CLIENT_ID: Final = _verb("CLIENT_ID")
CLONE_SSTABLE: Final = _verb("CLONE_SSTABLE")
COMPLETE_MESSAGE: Final = _verb("COMPLETE_MESSAGE")
COUNTER_MUTATION: Final = _verb("COUNTER_MUTATION")
DEFINITIONS_UPDATE: Final = _verb("DEFINITIONS_UPDATE")
DIRECT_FD_PING: Final = _verb("DIRECT_FD_PING")
ESTIMATE_SSTABLE_VOLUME: Final = _verb("ESTIMATE_SSTABLE_VOLUME")
FETCH_COLUMN_MAPPINGS: Final = _verb("FETCH_COLUMN_MAPPINGS")
FORWARD_CQL_EXECUTE: Final = _verb("FORWARD_CQL_EXECUTE")
FORWARD_CQL_PREPARE: Final = _verb("FORWARD_CQL_PREPARE")
FORWARD_REQUEST: Final = _verb("FORWARD_REQUEST")
GET_GROUP0_UPGRADE_STATE: Final = _verb("GET_GROUP0_UPGRADE_STATE")
GET_SCHEMA_VERSION: Final = _verb("GET_SCHEMA_VERSION")
GOSSIP_DIGEST_ACK: Final = _verb("GOSSIP_DIGEST_ACK")
GOSSIP_DIGEST_ACK2: Final = _verb("GOSSIP_DIGEST_ACK2")
GOSSIP_DIGEST_SYN: Final = _verb("GOSSIP_DIGEST_SYN")
GOSSIP_ECHO: Final = _verb("GOSSIP_ECHO")
GOSSIP_GET_ENDPOINT_STATES: Final = _verb("GOSSIP_GET_ENDPOINT_STATES")
GOSSIP_SHUTDOWN: Final = _verb("GOSSIP_SHUTDOWN")
GROUP0_MODIFY_CONFIG: Final = _verb("GROUP0_MODIFY_CONFIG")
GROUP0_PEER_EXCHANGE: Final = _verb("GROUP0_PEER_EXCHANGE")
HINT_MUTATION: Final = _verb("HINT_MUTATION")
JOIN_NODE_QUERY: Final = _verb("JOIN_NODE_QUERY")
JOIN_NODE_REQUEST: Final = _verb("JOIN_NODE_REQUEST")
JOIN_NODE_RESPONSE: Final = _verb("JOIN_NODE_RESPONSE")
MAPREDUCE_REQUEST: Final = _verb("MAPREDUCE_REQUEST")
MIGRATION_REQUEST: Final = _verb("MIGRATION_REQUEST")
MUTATION: Final = _verb("MUTATION")
MUTATION_DONE: Final = _verb("MUTATION_DONE")
MUTATION_FAILED: Final = _verb("MUTATION_FAILED")
NODE_OPS_CMD: Final = _verb("NODE_OPS_CMD")
NOTIFY_BANNED: Final = _verb("NOTIFY_BANNED")
PAXOS_ACCEPT: Final = _verb("PAXOS_ACCEPT")
PAXOS_LEARN: Final = _verb("PAXOS_LEARN")
PAXOS_PREPARE: Final = _verb("PAXOS_PREPARE")
PAXOS_PRUNE: Final = _verb("PAXOS_PRUNE")
PREPARE_DONE_MESSAGE: Final = _verb("PREPARE_DONE_MESSAGE")
PREPARE_MESSAGE: Final = _verb("PREPARE_MESSAGE")
RAFT_ADD_ENTRY: Final = _verb("RAFT_ADD_ENTRY")
RAFT_APPEND_ENTRIES: Final = _verb("RAFT_APPEND_ENTRIES")
RAFT_APPEND_ENTRIES_REPLY: Final = _verb("RAFT_APPEND_ENTRIES_REPLY")
RAFT_EXECUTE_READ_BARRIER_ON_LEADER: Final = _verb("RAFT_EXECUTE_READ_BARRIER_ON_LEADER")
RAFT_MODIFY_CONFIG: Final = _verb("RAFT_MODIFY_CONFIG")
RAFT_PULL_SNAPSHOT: Final = _verb("RAFT_PULL_SNAPSHOT")
RAFT_PULL_TOPOLOGY_SNAPSHOT: Final = _verb("RAFT_PULL_TOPOLOGY_SNAPSHOT")
RAFT_READ_BARRIER: Final = _verb("RAFT_READ_BARRIER")
RAFT_READ_QUORUM: Final = _verb("RAFT_READ_QUORUM")
RAFT_READ_QUORUM_REPLY: Final = _verb("RAFT_READ_QUORUM_REPLY")
RAFT_SEND_SNAPSHOT: Final = _verb("RAFT_SEND_SNAPSHOT")
RAFT_TIMEOUT_NOW: Final = _verb("RAFT_TIMEOUT_NOW")
RAFT_TOPOLOGY_CMD: Final = _verb("RAFT_TOPOLOGY_CMD")
RAFT_VOTE_REPLY: Final = _verb("RAFT_VOTE_REPLY")
RAFT_VOTE_REQUEST: Final = _verb("RAFT_VOTE_REQUEST")
READ_DATA: Final = _verb("READ_DATA")
READ_DIGEST: Final = _verb("READ_DIGEST")
READ_MUTATION_DATA: Final = _verb("READ_MUTATION_DATA")
REPAIR_CHECKSUM_RANGE: Final = _verb("REPAIR_CHECKSUM_RANGE")
REPAIR_FLUSH_HINTS_BATCHLOG: Final = _verb("REPAIR_FLUSH_HINTS_BATCHLOG")
REPAIR_GET_COMBINED_ROW_HASH: Final = _verb("REPAIR_GET_COMBINED_ROW_HASH")
REPAIR_GET_DIFF_ALGORITHMS: Final = _verb("REPAIR_GET_DIFF_ALGORITHMS")
REPAIR_GET_ESTIMATED_PARTITIONS: Final = _verb("REPAIR_GET_ESTIMATED_PARTITIONS")
REPAIR_GET_FULL_ROW_HASHES: Final = _verb("REPAIR_GET_FULL_ROW_HASHES")
REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM: Final = _verb("REPAIR_GET_FULL_ROW_HASHES_WITH_RPC_STREAM")
REPAIR_GET_ROW_DIFF: Final = _verb("REPAIR_GET_ROW_DIFF")
REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM: Final = _verb("REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM")
REPAIR_GET_SYNC_BOUNDARY: Final = _verb("REPAIR_GET_SYNC_BOUNDARY")
REPAIR_GET_TABLE_SIZE: Final = _verb("REPAIR_GET_TABLE_SIZE")
REPAIR_PUT_ROW_DIFF: Final = _verb("REPAIR_PUT_ROW_DIFF")
REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM: Final = _verb("REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM")
REPAIR_ROW_LEVEL_START: Final = _verb("REPAIR_ROW_LEVEL_START")
REPAIR_ROW_LEVEL_STOP: Final = _verb("REPAIR_ROW_LEVEL_STOP")
REPAIR_SET_ESTIMATED_PARTITIONS: Final = _verb("REPAIR_SET_ESTIMATED_PARTITIONS")
REPAIR_UPDATE_COMPACTION_CTRL: Final = _verb("REPAIR_UPDATE_COMPACTION_CTRL")
REPAIR_UPDATE_REPAIRED_AT_FOR_MERGE: Final = _verb("REPAIR_UPDATE_REPAIRED_AT_FOR_MERGE")
REPAIR_UPDATE_SYSTEM_TABLE: Final = _verb("REPAIR_UPDATE_SYSTEM_TABLE")
REPLICATION_FINISHED: Final = _verb("REPLICATION_FINISHED")
RESTORE_TABLET: Final = _verb("RESTORE_TABLET")
SAMPLE_SSTABLES: Final = _verb("SAMPLE_SSTABLES")
SCHEMA_CHECK: Final = _verb("SCHEMA_CHECK")
SNAPSHOT_WITH_TABLETS: Final = _verb("SNAPSHOT_WITH_TABLETS")
STREAM_BLOB: Final = _verb("STREAM_BLOB")
STREAM_MUTATION: Final = _verb("STREAM_MUTATION")
STREAM_MUTATION_DONE: Final = _verb("STREAM_MUTATION_DONE")
STREAM_MUTATION_FRAGMENTS: Final = _verb("STREAM_MUTATION_FRAGMENTS")
TABLET_CLEANUP: Final = _verb("TABLET_CLEANUP")
TABLET_REPAIR: Final = _verb("TABLET_REPAIR")
TABLET_STREAM_DATA: Final = _verb("TABLET_STREAM_DATA")
TABLET_STREAM_FILES: Final = _verb("TABLET_STREAM_FILES")
TABLE_LOAD_STATS: Final = _verb("TABLE_LOAD_STATS")
TABLE_LOAD_STATS_V1: Final = _verb("TABLE_LOAD_STATS_V1")
TASKS_GET_CHILDREN: Final = _verb("TASKS_GET_CHILDREN")
TRUNCATE: Final = _verb("TRUNCATE")
TRUNCATE_WITH_TABLETS: Final = _verb("TRUNCATE_WITH_TABLETS")
WAIT_FOR_RAFT_GROUPS_TO_START: Final = _verb("WAIT_FOR_RAFT_GROUPS_TO_START")
WORK_ON_VIEW_BUILDING_TASKS: Final = _verb("WORK_ON_VIEW_BUILDING_TASKS")
