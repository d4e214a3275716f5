"""CQL requests that a node passes on to the one that can run them: strongly consistent tables.

Source:
    Scylla, idl/forward_cql.idl.hh, idl/client_state.idl.hh; branch 2026.3 and master (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.common import TraceInfo
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    U8,
    U16,
    U32,
    U64,
    Absent,
    Blob,
    Flag,
    Inet,
    Number,
    Text,
    Uuid,
    arguments,
    sized,
)


class ForwardStatus(IntEnum):
    """What became of a forwarded request."""

    SUCCESS = 0
    ERROR = 1
    PREPARED_NOT_FOUND = 2
    """FORWARD_CQL_PREPARE must come first."""
    REDIRECT = 3
    """Another node or shard must run it."""


@sized
class Dialect:
    """Options that change the meaning of CQL text."""

    duplicate_bind_names_are_one: Flag
    """Whether a bind variable that is named twice is one variable."""
    where_relations_max: U32
    """The most relations that a WHERE clause may have."""
    in_variable_names_are_uppercase: Flag | Absent = ABSENT
    """Whether the variable of ``c IN ?`` is named ``IN(c)``, else ``in(c)``."""


@sized
class Timeouts:
    """The client's timeouts, in ticks of the node's clock."""

    read: I64
    write: I64
    range_read: I64
    counter_write: I64
    truncate: I64
    cas: I64
    other: I64


@sized
class ClientState:
    """Who asks."""

    keyspace: Text
    """Set by USE; else empty."""
    user: Text | None
    timeouts: Timeouts
    protocol_extensions: U64
    """Bit mask of the CQL extensions that the client negotiated."""
    address: Inet
    """The client's."""
    port: U16


@sized
class ForwardedRequest:
    """A request as the client sent it."""

    body: Blob
    """Body of the client's CQL frame."""
    opcode: U8
    """QUERY 7 or EXECUTE 10."""
    cql_version: U8
    """Of the CQL protocol."""
    dialect: Dialect
    client: ClientState
    trace_info: TraceInfo | None
    cached_function_values: tuple[tuple[U8, Blob | None], ...]
    """Results of functions such as now(), by their number, so that a redirected request keeps them."""


@sized
class ForwardedResponse:
    """A response as the client shall get it, or where to ask next."""

    status: Annotated[int, Number("u8", ForwardStatus)]
    body: Blob
    """Body of the CQL response."""
    flags: U8
    """Flags of the CQL response."""
    prepared_id: Blob
    """Where the status is PREPARED_NOT_FOUND."""
    target_host: Uuid
    """Where the status is REDIRECT."""
    target_shard: U32
    """Likewise."""
    timeout: U64 | None
    """Clock ticks of the answering node until which an error is to be held back."""


@sized
class ForwardedPrepare:
    """A statement to prepare."""

    query: Text
    client: ClientState
    trace_info: TraceInfo | None
    dialect: Dialect


@arguments
class ForwardExecuteRequest:
    """FORWARD_CQL_EXECUTE."""

    shard: U32
    """The shard of the receiver that shall run it."""
    request: ForwardedRequest


@arguments
class ForwardExecuteReply:
    """Answer to FORWARD_CQL_EXECUTE."""

    response: ForwardedResponse


@arguments
class ForwardPrepareRequest:
    """FORWARD_CQL_PREPARE."""

    request: ForwardedPrepare


@arguments
class ForwardPrepareReply:
    """Answer to FORWARD_CQL_PREPARE."""

    prepared_id: Blob


VERBS = (
    verb(
        86,
        "FORWARD_CQL_EXECUTE",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=ForwardExecuteRequest, reply=ForwardExecuteReply),
        since=Line.V2026_3,
        purpose="a client's request goes to the node that leads the tablet's Raft group",
    ),
    verb(
        87,
        "FORWARD_CQL_PREPARE",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=ForwardPrepareRequest, reply=ForwardPrepareReply),
        since=Line.V2026_3,
        purpose="a statement is prepared where it is going to run",
    ),
)
