"""Messages made by hand, of bytes from the written protocol."""

from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import encode_message
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.cql.statements import Prepared
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.line import Line
from harness.events.message import Connection, CqlPart, Kind, Message, Protocol
from harness.events.surroundings import Surroundings
from harness.schema import Column, Schema, Table
from harness.topology import Node, Topology

SECOND_NS = 1_000_000_000
STARTED_NS = 1_600_000_000 * SECOND_NS

TABLE_ID = UUID("01234567-89ab-11e0-8123-456789abcdef")
TABLE = Table(
    keyspace="ks",
    name="t",
    id=TABLE_ID,
    partition_key=(Column(name="id", type="int"),),
    regular_columns=(Column(name="a", type="text"), Column(name="b", type="text")),
)
NODES = tuple(Node(name=f"n{i}", address=f"10.0.0.{i}", host_id=UUID(int=i)) for i in range(1, 6))
SURROUNDINGS = Surroundings(schema=Schema((TABLE,)), topology=Topology(NODES), started_ns=STARTED_NS)

MUTATION_HEX = (
    "01010000e011ab8967452301efcdab89674523814444333322221111888877776666555510000000010000000400000000000001"
    "cd000000140000000000000000000080000000000000000008000000000000000000000001000000a500000008000000000000001400"
    "0000000000000c0000000000a40731af050014000000000000000000008000000000000000005d000000020000002a00000000000000"
    "22000000000000001a00000000000000120000000000a40731af05000200000061622b0000000100000023000000000000001b000000"
    "00000000130000000000a40731af05000300000078797a1400000000000000000000800000000000000000"
)
"""serialization of an INSERT of a='ab', b='xyz' for id 1."""
MUTATION_REQUEST = bytes.fromhex(
    "01010000" + MUTATION_HEX + "00000000" + "0100000a" + "02000000" + "00806e8774010000" + "00"
)
"""A MUTATION of 4.2 by coordinator 10.0.0.1, shard 2, response id 1600000000000."""
MUTATION_DONE = bytes.fromhex("0200000000806e8774010000140000000000000000000000ffffffffffffffff")
RESULT_REPLY = bytes.fromhex(
    "610000004500000045000000010000003d000000011000000001000000040000000000000108000000000000000100000"
    "01c00000000170000000200000001"
    "0d000000000002000000616200"
    "00"
    "00"
    "0000000000000080"
    "00"
    "0101000000"
    "0101000000"
    "ff"
)


def connection(
    number: int = 0,
    *,
    client: str = "n1",
    server: str = "n2",
    protocol: Protocol = Protocol.RPC,
    line: Line = Line.V4_2,
    client_port: int = 50000,
) -> Connection:
    """A connection from one node, or from a client (``10.0.1.9``, say), to a node."""
    addresses = {node.name: node.address for node in NODES}
    return Connection(
        number,
        protocol,
        Endpoint(addresses.get(client, client), client_port),
        Endpoint(addresses.get(server, server), 7000 if protocol is Protocol.RPC else 9042),
        client if client in addresses else None,
        server if server in addresses else None,
        1,
        True,
        None,
        line,
        0,
        0,
        None,
    )


def message(
    kind: Kind = Kind.ONE_WAY,
    verb: int | None = 1,
    payload: bytes = MUTATION_REQUEST,
    *,
    number: int = 0,
    frame: int = 10,
    at_s: float = 1.5,
    on: Connection | None = None,
    from_client: bool = True,
    msg_id: int | None = 7,
    timeout_ms: int | None = 2000,
    request: int | None = None,
    request_frame: int | None = None,
    acknowledges: int | None = None,
    acknowledges_frame: int | None = None,
    cql: CqlPart | None = None,
    reason: str = "",
) -> Message:
    """A message of RPC unless ``cql`` is given."""
    on = on or connection()
    time_ns = STARTED_NS + round(at_s * SECOND_NS)
    return Message(
        number,
        on.protocol,
        kind,
        frame,
        frame,
        time_ns,
        time_ns,
        on,
        from_client,
        verb,
        msg_id,
        timeout_ms,
        None,
        payload,
        request,
        request_frame,
        acknowledges,
        acknowledges_frame,
        cql,
        reason,
    )


def query(
    text: str,
    *,
    client: str = "10.0.1.9",
    server: str = "n1",
    number: int = 0,
    frame: int = 10,
    at_s: float = 1.5,
) -> Message:
    """A QUERY of protocol version 4 at QUORUM."""
    content = CqlMessage(content=Query(query=text, parameters=query_parameters(4)))
    return cql(Kind.REQUEST, content, client=client, server=server, number=number, frame=frame, at_s=at_s)


def cql(
    kind: Kind,
    content: CqlMessage,
    *,
    client: str = "10.0.1.9",
    server: str = "n1",
    from_client: bool = True,
    prepared: Prepared | None = None,
    number: int = 0,
    frame: int = 10,
    at_s: float = 1.5,
    request: int | None = None,
    request_frame: int | None = None,
) -> Message:
    """Any message of CQL, protocol version 4."""
    return message(
        kind,
        content.content.opcode,
        encode_message(4, content),
        on=connection(90, client=client, server=server, protocol=Protocol.CQL),
        from_client=from_client,
        cql=CqlPart(4, content.flags, prepared, frozenset()),
        timeout_ms=None,
        number=number,
        frame=frame,
        at_s=at_s,
        request=request,
        request_frame=request_frame,
    )
