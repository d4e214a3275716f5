"""The same row inserted twice with IF NOT EXISTS, in a cluster of three nodes that speak 4.2's dialect.

A capture, with the context that names nodes and tables, for tests of what reads captures. The order of the messages
is that of a real cluster; the second insert is not applied, and yet runs its whole round.

Source:
    Scylla, service/storage_proxy.cc (cas, paxos_response_handler), branch 4.2.
"""

from uuid import UUID

from harness.codec.cql.consistency import Consistency
from harness.codec.cql.messages import Ready
from harness.codec.cql.requests import Query, Startup, query_parameters
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.results import Metadata, Rows
from harness.codec.cql.types import ScalarType
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.common import (
    MISSING_TIMESTAMP,
    ClusteringRange,
    Key,
    Tombstone,
    UpdateBacklog,
)
from harness.codec.verbs.mutation import (
    Column,
    DeletableRow,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    Row,
)
from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Promise,
    Proposal,
)
from harness.codec.verbs.read_command import DigestAlgorithm, PartitionSlice, ReadCommand
from harness.codec.verbs.writes import MutationDone
from harness.context import Context, Statement
from harness.schema_learning import SchemaLearner
from harness.topology import Node, Topology
from tests.written.conversation import CqlConnection, Packets, RpcConnection

NAME = "lwt_insert_twice"
STARTED_NS = 1_600_000_000_000_000_000
TABLE_ID = UUID("4b3f2a10-f0c1-11ea-8000-000000000000")
SCHEMA_VERSION = UUID("9a1d7c52-6f0e-3b4a-8c55-20f1d3e4a6b7")
CLIENT = "10.20.0.1"
NODES = ("10.20.0.11", "10.20.0.12", "10.20.0.13")
INSERT = "INSERT INTO demo.map (id, country, capital) VALUES (17, 'Germany', 'Berlin') IF NOT EXISTS"
_SCHEMA = (
    "CREATE KEYSPACE demo WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '3'}",
    "CREATE TABLE demo.map (id int PRIMARY KEY, capital text, country text)",
)
_TOKENS_APART = 6 * 10**18
_PREPARE, _ACCEPT, _LEARN, _PRUNE, _MUTATION_DONE = 39, 40, 41, 43, 2
_TIMEOUT_MS = 2000
_READ_OPTIONS = 0x843
_NO_LIMIT = 0xFFFFFFFF
_KEY = Key(components=((17).to_bytes(4, "big"),))
_NO_KEY = Key(components=())
_NOTHING = Tombstone(timestamp=MISSING_TIMESTAMP, deletion_time=0)
_DIGEST_OF_NO_ROWS = bytes.fromhex("0000000000000000ef46db3751d8e999")
_DIGEST_OF_THE_ROW = bytes.fromhex("00000000000000003c1f5a9b27d4e860")


def _ballot(time_us: int, low: int) -> UUID:
    """A version-1 UUID of that time; Scylla leaves its low half random, variant bits included."""
    ticks = time_us * 10 + 0x01B21DD213814000
    high = (ticks & 0xFFFFFFFF) << 32 | (ticks >> 32 & 0xFFFF) << 16 | 0x1000 | ticks >> 48
    return UUID(int=high << 64 | low)


def _update(written_us: int | None) -> Mutation:
    """The proposed row; None: nothing, because the condition was not met."""
    row = DeletableRow(
        key=_NO_KEY,
        marker=LiveMarker(created_at=written_us or 0),
        deleted_at=_NOTHING,
        cells=Row(
            columns=(
                Column(id=0, cell=LiveCell(timestamp=written_us or 0, value=b"Berlin")),
                Column(id=1, cell=LiveCell(timestamp=written_us or 0, value=b"Germany")),
            )
        ),
        shadowable_deleted_at=_NOTHING,
    )
    return Mutation(
        table_id=TABLE_ID,
        schema_version=SCHEMA_VERSION,
        key=_KEY,
        partition=MutationPartition(
            tombstone=_NOTHING,
            static_row=Row(columns=()),
            range_tombstones=(),
            rows=() if written_us is None else (row,),
        ),
    )


def _read_command(now_s: int) -> ReadCommand:
    return ReadCommand(
        table_id=TABLE_ID,
        schema_version=SCHEMA_VERSION,
        partition_slice=PartitionSlice(
            row_ranges=(ClusteringRange(start=None, end=None, singular=False),),
            static_columns=(),
            regular_columns=(0, 1),
            options=_READ_OPTIONS,
            specific_ranges=None,
            cql_format=4,
            partition_row_limit_low=_NO_LIMIT,
        ),
        row_limit_low=_NO_LIMIT,
        read_timestamp=now_s,
        trace=None,
        partition_limit=_NO_LIMIT,
        query_id=UUID(int=0),
        is_first_page=False,
    )


def _result(*, applied: bool) -> Rows:
    types = {
        "[applied]": ScalarType.BOOLEAN,
        "id": ScalarType.INT,
        "capital": ScalarType.TEXT,
        "country": ScalarType.TEXT,
    }
    columns = tuple(
        ResultColumn(keyspace="demo", table="map", name=name, type=cql_type)
        for name, cql_type in types.items()
    )
    row = (b"\x01", None, None, None) if applied else (b"\x00", _KEY.components[0], b"Berlin", b"Germany")
    # Flags 0: the results of conditional statements name the table for every column.
    metadata = Metadata(flags=0, columns_count=len(columns), columns=columns)
    return Rows(metadata=metadata, columns=columns, rows=(row,))


class _Story:
    """The connections and the rounds that run on them."""

    def __init__(self) -> None:
        self.packets = Packets(STARTED_NS)
        self.client = CqlConnection(self.packets, Endpoint(CLIENT, 40000), NODES[0])
        self.client.send(Startup(options=(("CQL_VERSION", "3.0.0"),)), stream_id=0, from_client=True)
        self.client.send(Ready(), stream_id=0, from_client=False)
        coordinator, *replicas = NODES
        self.requests = {
            replica: RpcConnection(
                self.packets, Endpoint(coordinator, 50000 + index), replica, connection_id=index
            )
            for index, replica in enumerate(replicas, 1)
        }
        self.acknowledgements = {
            replica: RpcConnection(
                self.packets, Endpoint(replica, 60000 + index), coordinator, connection_id=index
            )
            for index, replica in enumerate(replicas, 1)
        }
        self.response_id = STARTED_NS // 1_000_000

    def insert(self, stream_id: int, *, is_applied: bool) -> None:
        """Run one INSERT ... IF NOT EXISTS."""
        packets = self.packets
        packets.wait(250_000)
        now_us = packets.time_ns // 1000
        parameters = query_parameters(Consistency.QUORUM, serial_consistency=Consistency.SERIAL)
        self.client.send(Query(query=INSERT, parameters=parameters), stream_id=stream_id, from_client=True)
        packets.wait(300)
        ballot = _ballot(now_us, 0x5F3A_1C77_90B2_E4D0 + stream_id)
        self._prepare(ballot, is_applied=is_applied)
        proposal = Proposal(ballot=ballot, update=_update(now_us if is_applied else None))
        accepts = {
            replica: connection.request(
                _ACCEPT, PaxosAcceptRequest(proposal=proposal, trace=None), timeout_ms=_TIMEOUT_MS
            )
            for replica, connection in self.requests.items()
        }
        packets.wait(180)
        for replica, msg_id in accepts.items():
            self.requests[replica].reply(msg_id, PaxosAcceptReply(accepted=True))
        self._learn(proposal)
        self.client.send(_result(applied=is_applied), stream_id=stream_id, from_client=False)

    def _prepare(self, ballot: UUID, *, is_applied: bool) -> None:
        request = PaxosPrepareRequest(
            command=_read_command(self.packets.time_ns // 10**9),
            key=_KEY,
            ballot=ballot,
            only_digest=True,
            digest_algorithm=DigestAlgorithm.XXHASH,
            trace=None,
        )
        prepares = {
            replica: connection.request(_PREPARE, request, timeout_ms=_TIMEOUT_MS)
            for replica, connection in self.requests.items()
        }
        self.packets.wait(220)
        digest = _DIGEST_OF_NO_ROWS if is_applied else _DIGEST_OF_THE_ROW
        promise = Promise(accepted=None, most_recent_commit=None, data=digest)
        for replica, msg_id in prepares.items():
            self.requests[replica].reply(msg_id, PaxosPrepareReply(response=promise))

    def _learn(self, proposal: Proposal) -> None:
        self.response_id += 1
        for connection in self.requests.values():
            connection.request(
                _LEARN,
                PaxosLearnRequest(
                    decision=proposal,
                    forward=(),
                    reply_to=NODES[0],
                    shard=0,
                    response_id=self.response_id,
                    trace=None,
                ),
                timeout_ms=_TIMEOUT_MS,
            )
        self.packets.wait(150)
        backlog = UpdateBacklog(current_bytes=0, limit_bytes=2**64 - 1)
        for connection in self.acknowledgements.values():
            connection.request(
                _MUTATION_DONE, MutationDone(shard=0, response_id=self.response_id, backlog=backlog)
            )
        for connection in self.requests.values():
            connection.request(
                _PRUNE,
                PaxosPruneRequest(
                    schema_version=SCHEMA_VERSION, key=_KEY, ballot=proposal.ballot, trace=None
                ),
                timeout_ms=_TIMEOUT_MS,
            )


def capture() -> bytes:
    """The pcapng file of the story."""
    story = _Story()
    story.insert(1, is_applied=True)
    story.insert(2, is_applied=False)
    return story.packets.capture()


def context() -> Context:
    """What is told about it: nodes, the table and its id, the statements."""
    learner = SchemaLearner()
    for text in _SCHEMA:
        learner.learn_statement(text)
    learner.learn_rows(
        "system_schema", "tables", ("keyspace_name", "table_name", "id"), [("demo", "map", TABLE_ID)]
    )
    nodes = tuple(
        Node(
            name=f"n{index}",
            address=address,
            datacenter="datacenter1",
            rack="rack1",
            shards=1,
            tokens=(_TOKENS_APART * (index - 2),),
        )
        for index, address in enumerate(NODES, 1)
    )
    statement = Statement(cql=INSERT, coordinator=NODES[0], consistency_level="QUORUM")
    return Context(
        topology=Topology(nodes),
        schema=learner.schema(),
        statements=(statement, statement),
        scenario=NAME,
        doc="The same row inserted twice with IF NOT EXISTS; the second insert is not applied.",
    )
