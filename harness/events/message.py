"""One message between two endpoints: a decoded frame with its sender, receiver, times and pair.

``Message`` and ``Connection`` are named tuples: a capture holds millions of messages, and a frozen
dataclass of that size takes five times as long to make. Bodies are decoded when asked for.
"""

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from harness.codec.cql.messages import decode_message
from harness.codec.cql.opcodes import opcode_name
from harness.codec.cql.statements import Prepared
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Decoded, Role
from harness.codec.verbs.table import TABLE
from harness.errors import DecodeError


class Protocol(Enum):
    """What a connection speaks."""

    RPC = "rpc"
    CQL = "cql"


class Kind(Enum):
    """What a message is to its connection."""

    NEGOTIATION = "negotiation"
    REQUEST = "request"
    ONE_WAY = "one_way"
    """A request that nobody answers on its connection; of CQL: an EVENT."""
    REPLY = "reply"
    EXCEPTION = "exception"
    """A reply that says what went wrong; of CQL: an ERROR."""
    STREAM_DATA = "stream_data"
    STREAM_END = "stream_end"
    UNDECODED = "undecoded"
    """Bytes that could not be read as a frame; ``reason`` says why."""


class Connection(NamedTuple):
    """One TCP connection as far as it is known; each message holds what was known when it completed."""

    number: int
    """Counts the connections of a capture from 0; identifies the connection."""
    protocol: Protocol
    client: Endpoint
    """The side that opened it: of RPC, the only one to send requests."""
    server: Endpoint
    client_node: str | None
    """Name of the node that opened it; None where it is unknown or no node."""
    server_node: str | None
    opened_frame: int
    """Packet in which it was first seen."""
    syn_seen: bool
    negotiated: Negotiated | None
    """None until both sides have negotiated; of CQL, always."""
    line: Line
    """The version line of its nodes, from negotiation and CLIENT_ID, else the capture's."""
    client_shard: int | None
    """From CLIENT_ID."""
    server_shard: int | None
    """From the connection id that the server gave."""
    stream_verb: int | None
    """Of a stream connection: the verb whose frames it carries, once its request was seen."""

    @property
    def is_stream(self) -> bool:
        """Whether it carries stream frames instead of requests."""
        return self.negotiated is not None and self.negotiated.is_stream

    @property
    def cookie(self) -> str | None:
        """The isolation cookie, such as ``statement:$user``."""
        return None if self.negotiated is None else self.negotiated.cookie


class CqlPart(NamedTuple):
    """What only messages of CQL have."""

    version: int
    flags: int
    prepared: Prepared | None
    """The statement that an EXECUTE names, or whose rows a RESULT holds."""
    extensions: frozenset[str]
    """What STARTUP asked for beyond the protocol."""


class Message(NamedTuple):
    """One message; ``number`` counts them in order of completion from 0."""

    number: int
    protocol: Protocol
    kind: Kind
    frame_first: int
    """Packet that holds its first byte; packets count from 1, as in Wireshark."""
    frame_last: int
    """Packet that holds its last byte."""
    first_ns: int
    """Time of the first packet, nanoseconds since 1970."""
    time_ns: int
    """Time of the last packet, when the message was complete."""
    connection: Connection
    from_client: bool
    """Whether it went from the side that opened the connection."""
    verb: int | None
    """Verb, or opcode of CQL; of a reply, that of its request if the request is in the capture."""
    msg_id: int | None
    """Of CQL: the stream id."""
    timeout_ms: int | None
    duration_us: int | None
    payload: bytes
    request: int | None
    """Of a reply: number of its request."""
    request_frame: int | None
    """Of a reply: last packet of its request."""
    acknowledges: int | None
    """Of a MUTATION_DONE or MUTATION_FAILED: number of the write that it acknowledges."""
    acknowledges_frame: int | None
    cql: CqlPart | None
    reason: str
    """Of an undecoded message: why; else empty."""

    @property
    def sender(self) -> Endpoint:
        """Where it came from."""
        return self.connection.client if self.from_client else self.connection.server

    @property
    def receiver(self) -> Endpoint:
        """Where it went to."""
        return self.connection.server if self.from_client else self.connection.client

    @property
    def sender_node(self) -> str | None:
        """Name of the sending node, where known."""
        return self.connection.client_node if self.from_client else self.connection.server_node

    @property
    def receiver_node(self) -> str | None:
        """Name of the receiving node, where known."""
        return self.connection.server_node if self.from_client else self.connection.client_node

    @property
    def verb_name(self) -> str:
        """The verb's name in the connection's line, or the opcode's; empty where there is none."""
        if self.verb is None:
            return ""
        if self.protocol is Protocol.CQL:
            return opcode_name(self.verb)
        return TABLE.name(self.verb, self.connection.line)

    @property
    def payload_bytes(self) -> int:
        """Size of the payload."""
        return len(self.payload)

    @property
    def decoded(self) -> Decoded:
        """The payload as a value; a payload that breaks its format counts as undecoded whole."""
        if self.protocol is Protocol.CQL:
            return _decode_cql(
                self.cql, self.verb, self.payload, from_client=self.from_client, is_packed=bool(self.reason)
            )
        role = _ROLES.get(self.kind)
        if role is None or self.verb is None:
            undecoded = self.kind is Kind.UNDECODED or role is not None
            return Decoded(body=None, undecoded_bytes=len(self.payload) if undecoded else 0)
        if role is Role.SINK and not self.from_client:
            role = Role.SOURCE
        return _decode_rpc(self.verb, self.connection.line, role, self.payload)

    @property
    def body(self) -> object | None:
        """The payload as a value (see ``codec.verbs`` and ``codec.cql.messages``); None if it is unknown."""
        return self.decoded.body


_ROLES = {
    Kind.REQUEST: Role.REQUEST,
    Kind.ONE_WAY: Role.REQUEST,
    Kind.REPLY: Role.REPLY,
    Kind.STREAM_DATA: Role.SINK,
}


@lru_cache(maxsize=8192)
def _decode_rpc(verb: int, line: Line, role: Role, payload: bytes) -> Decoded:
    try:
        return TABLE.decode(verb, line, role, payload)
    except DecodeError:
        return Decoded(body=None, undecoded_bytes=len(payload))


@lru_cache(maxsize=8192)
def _decode_cql(
    cql: CqlPart | None, opcode: int | None, payload: bytes, *, from_client: bool, is_packed: bool
) -> Decoded:
    if cql is None or opcode is None or is_packed:
        return Decoded(body=None, undecoded_bytes=len(payload))
    try:
        body = decode_message(
            cql.version,
            from_client,
            cql.flags,
            opcode,
            payload,
            None if cql.prepared is None else cql.prepared.result_columns,
            extensions=cql.extensions,
        )
    except DecodeError:
        return Decoded(body=None, undecoded_bytes=len(payload))
    return Decoded(body=body, undecoded_bytes=len(body.rest))
