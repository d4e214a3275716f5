"""Traces made by hand: small, in the order in which they are written, with the links of a real one."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import encode_message
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.cql.results import Column, Rows, Void, metadata_of
from harness.codec.cql.types import ScalarType
from harness.codec.cql.values import encode_value
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.common import Key, Tombstone, UpdateBacklog
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import Mutation, MutationPartition, Row
from harness.codec.verbs.paxos import PaxosAcceptReply, PaxosAcceptRequest, Proposal
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.wire import Void as VoidReply
from harness.codec.verbs.writes import MutationDone, MutationRequest, TruncateRequest
from harness.events.message import Connection, CqlPart, Kind, Message, Protocol
from harness.events.trace import LostBytes, Missing, Trace
from harness.schema import Column as TableColumn
from harness.schema import Schema, Table
from harness.topology import Node, Topology

STARTED_NS = 1_600_000_000_000_000_000
NODES = tuple(Node(name=f"n{i}", address=f"10.0.0.{i}", host_id=UUID(int=i)) for i in range(1, 6))
ADDRESSES = {node.name: node.address for node in NODES}
CLIENT_ADDRESS = "10.0.1.9"

MAP = Table(
    keyspace="ks",
    name="map",
    id=UUID("01234567-89ab-11e0-8123-456789abcdef"),
    version=UUID("11111111-2222-3333-4444-555555555555"),
    partition_key=(TableColumn(name="id", type="int"),),
    regular_columns=(TableColumn(name="a", type="text"),),
)
OTHER = replace(MAP, name="other", id=UUID(int=77), version=UUID(int=78))
SCHEMA = Schema((MAP, OTHER))
_NEVER = Tombstone(timestamp=-(2**63), deletion_time=0)


@dataclass(slots=True)
class TraceBuilder:
    """Appends messages; each method gives the number of its message, for what answers it.

    Packets count from 11 on; each message is 1 ms after the one before, unless ``wait`` was called.
    """

    messages: list[Message] = field(default_factory=list)
    now_ns: int = STARTED_NS
    connections: dict[tuple[str, str, Protocol], Connection] = field(default_factory=dict)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * 1e9)

    def trace(self, missing: Missing | None = None) -> Trace:
        return Trace(tuple(self.messages), missing or Missing(), Topology(NODES), SCHEMA)

    # What nodes say.

    def mutation(
        self, sender: str, receiver: str, *, key: int = 17, table: Table = MAP, reply_to: str | None = None
    ) -> int:
        body = MutationRequest(
            mutation=mutation_of(table, key),
            forward=(),
            reply_to=ADDRESSES[reply_to or sender],
            shard=0,
            response_id=len(self.messages),
        )
        return self.one_way("MUTATION", sender, receiver, body)

    def done(self, write: int | None, *, sender: str = "", receiver: str = "", shard: int = 0) -> int:
        """A MUTATION_DONE to a write; to None: to one that is not in the trace."""
        if write is not None:
            asked = self.messages[write]
            sender, receiver = sender or str(asked.receiver_node), receiver or str(asked.sender_node)
        body = MutationDone(
            shard=shard, response_id=write or 0, backlog=UpdateBacklog(current_bytes=0, limit_bytes=1)
        )
        return self.one_way("MUTATION_DONE", sender, receiver, body, acknowledges=write)

    def truncate(self, sender: str, receiver: str, keyspace: str = "ks") -> int:
        return self.request("TRUNCATE", sender, receiver, TruncateRequest(keyspace=keyspace, table="map"))

    def accept(self, sender: str, receiver: str, *, ballot: int = 1, key: int = 17) -> int:
        body = PaxosAcceptRequest(proposal=Proposal(ballot=UUID(int=ballot), update=mutation_of(MAP, key)))
        return self.request("PAXOS_ACCEPT", sender, receiver, body)

    def accepted(self, request: int, *, accepted: bool = True) -> int:
        return self.reply(request, PaxosAcceptReply(accepted=accepted))

    def request(self, verb: str, sender: str, receiver: str, body: object) -> int:
        return self._add(Kind.REQUEST, verb, sender, receiver, encode_payload(body))

    def one_way(
        self, verb: str, sender: str, receiver: str, body: object, *, acknowledges: int | None = None
    ) -> int:
        return self._add(
            Kind.ONE_WAY, verb, sender, receiver, encode_payload(body), acknowledges=acknowledges
        )

    def reply(self, request: int, body: object | None = None) -> int:
        payload = encode_payload(VoidReply() if body is None else body)
        return self._answer(Kind.REPLY, request, payload)

    def exception(self, request: int) -> int:
        return self._answer(Kind.EXCEPTION, request, bytes(8))

    # What clients and nodes say.

    def query(self, text: str, coordinator: str = "n1") -> int:
        content = Query(query=text, parameters=query_parameters(4))
        return self._add_cql(Kind.REQUEST, CqlMessage(content=content), coordinator, from_client=True)

    def result(
        self, query: int, *, applied: bool | None = None, rows: tuple[tuple[int, str], ...] | None = None
    ) -> int:
        content: Void | Rows = Void()
        columns: tuple[Column, ...]
        if applied is not None:
            columns = (Column(keyspace="ks", table="map", name="[applied]", type=ScalarType.BOOLEAN),)
            content = Rows(metadata=metadata_of(columns), columns=columns, rows=((bytes([applied]),),))
        elif rows is not None:
            columns = (
                Column(keyspace="ks", table="map", name="id", type=ScalarType.INT),
                Column(keyspace="ks", table="map", name="a", type=ScalarType.TEXT),
            )
            cells = tuple(
                (encode_value(ScalarType.INT, key), encode_value(ScalarType.TEXT, text)) for key, text in rows
            )
            content = Rows(metadata=metadata_of(columns), columns=columns, rows=cells)
        coordinator = str(self.messages[query].receiver_node)
        return self._add_cql(
            Kind.REPLY, CqlMessage(content=content), coordinator, from_client=False, request=query
        )

    # Parts.

    def _answer(self, kind: Kind, request: int, payload: bytes) -> int:
        asked = self.messages[request]
        return self._append(
            asked._replace(
                kind=kind,
                from_client=not asked.from_client,
                payload=payload,
                timeout_ms=None,
                request=request,
                request_frame=asked.frame_last,
            )
        )

    def _add(
        self,
        kind: Kind,
        verb: str,
        sender: str,
        receiver: str,
        payload: bytes,
        *,
        acknowledges: int | None = None,
    ) -> int:
        on = self._connection(sender, receiver, Protocol.RPC)
        return self._append(
            message_of(kind, TABLE.by_name[verb], payload, on, acknowledges=acknowledges, timeout_ms=2000)
        )

    def _add_cql(
        self, kind: Kind, body: CqlMessage, coordinator: str, *, from_client: bool, request: int | None = None
    ) -> int:
        on = self._connection(CLIENT_ADDRESS, coordinator, Protocol.CQL)
        message = message_of(kind, int(body.content.opcode), encode_message(4, body), on)
        return self._append(
            message._replace(
                from_client=from_client,
                cql=CqlPart(4, 0, None, frozenset()),
                request=request,
                request_frame=None if request is None else self.messages[request].frame_last,
            )
        )

    def _append(self, message: Message) -> int:
        number = len(self.messages)
        frame = 11 + number
        self.now_ns += 1_000_000
        self.messages.append(
            message._replace(
                number=number,
                frame_first=frame,
                frame_last=frame,
                first_ns=self.now_ns,
                time_ns=self.now_ns,
                msg_id=number + 1,
            )
        )
        return number

    def _connection(self, client: str, server: str, protocol: Protocol) -> Connection:
        key = (client, server, protocol)
        if key not in self.connections:
            self.connections[key] = connection_of(len(self.connections), *key)
        return self.connections[key]


def connection_of(number: int, client: str, server: str, protocol: Protocol) -> Connection:
    return Connection(
        number,
        protocol,
        Endpoint(ADDRESSES.get(client, client), 50000 + number),
        Endpoint(ADDRESSES[server], 7000 if protocol is Protocol.RPC else 9042),
        client if client in ADDRESSES else None,
        server,
        1,
        True,
        None,
        Line.V4_2,
        0,
        0,
        None,
    )


def message_of(
    kind: Kind,
    verb: int | None,
    payload: bytes,
    on: Connection,
    *,
    acknowledges: int | None = None,
    timeout_ms: int | None = None,
) -> Message:
    return Message(
        0, on.protocol, kind, 1, 1, 0, 0, on, True, verb, 1, timeout_ms, None, payload, None, None, acknowledges,
        None, None, "",
    )  # fmt: skip


def mutation_of(table: Table, key: int) -> Mutation:
    assert table.id is not None
    assert table.version is not None
    return Mutation(
        table_id=table.id,
        schema_version=table.version,
        key=Key(components=(key.to_bytes(4, "big", signed=True),)),
        partition=MutationPartition(
            tombstone=_NEVER, static_row=Row(columns=()), range_tombstones=(), rows=()
        ),
    )


def without(trace: Trace, numbers: Iterable[int], *, lost: bool = False) -> Trace:
    """The trace as it is read when messages are not in the capture: what answers them has no request.

    Args:
        trace: as it was.
        numbers: of the messages that are gone.
        lost: whether the capture knows that bytes are missing where they were.
    """
    gone = set(numbers)
    kept = []
    for message in trace.messages:
        if message.number in gone:
            continue
        if message.request in gone:
            is_rpc = message.protocol is Protocol.RPC
            message = message._replace(
                request=None, request_frame=None, verb=None if is_rpc else message.verb
            )
        if message.acknowledges in gone:
            message = message._replace(acknowledges=None, acknowledges_frame=None)
        kept.append(message)
    missing = trace.missing
    if lost:
        losses = tuple(
            LostBytes(message.connection, message.from_client, message.frame_last, len(message.payload))
            for message in trace.messages
            if message.number in gone
        )
        missing = replace(missing, lost=(*missing.lost, *losses))
    return Trace(tuple(kept), missing, trace.topology, trace.schema)


def garbled(trace: Trace, numbers: Iterable[int]) -> Trace:
    """The trace with messages whose payload cannot be decoded."""
    some = set(numbers)
    return trace.part(
        message._replace(payload=b"\xff") if message.number in some else message for message in trace.messages
    )


def doubled(trace: Trace, number: int) -> Trace:
    """The trace with a message sent twice, the second time right behind the first."""
    later = number + 1

    def shifted(link: int | None) -> int | None:
        return link + 1 if link is not None and link >= later else link

    messages: list[Message] = []
    for message in trace.messages:
        moved = message._replace(
            number=message.number + 1 if message.number >= later else message.number,
            request=shifted(message.request),
            acknowledges=shifted(message.acknowledges),
        )
        messages.append(moved)
        if message.number == number:
            messages.append(moved._replace(number=later))
    return trace.part(messages)


def redirected(trace: Trace, number: int, node: str) -> Trace:
    """The trace as it is read when a message went to another node: there, it acknowledges nothing."""
    found = trace.topology.node_named(node)
    assert found is not None
    messages = list(trace.messages)
    for index, message in enumerate(messages):
        if message.number == number:
            on = message.connection
            end = Endpoint(found.address, 7000)
            on = (
                on._replace(number=-1, server=end, server_node=node)
                if message.from_client
                else on._replace(number=-1, client=end, client_node=node)
            )
            messages[index] = message._replace(connection=on, acknowledges=None, acknowledges_frame=None)
    return trace.part(messages)
