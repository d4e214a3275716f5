"""What the dissector keeps of each TCP connection while it runs."""

from harness.codec.cql.connection import ConnectionDecoder as CqlDecoder
from harness.codec.cql.statements import Prepared
from harness.codec.rpc.connection import ConnectionDecoder as RpcDecoder
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.tcp.reassembly import ByteStream
from harness.codec.verbs.write_identity import AddressKey
from harness.events.message import Connection, CqlPart

WriteTable = dict[bytes, tuple[int, int]]
"""Number and last packet of each write between two nodes that waits for its acknowledgement, by its ``write_id``."""


class RpcState:
    """One connection between nodes."""

    __slots__ = (
        "client_key",
        "connection",
        "decoder",
        "is_closed",
        "negotiated",
        "no_forwards",
        "pending",
        "server_key",
        "writes_from",
        "writes_to",
    )

    def __init__(
        self, connection: Connection, decoder: RpcDecoder, *, keys: tuple[AddressKey, AddressKey]
    ) -> None:
        self.connection = connection
        self.decoder = decoder
        self.client_key, self.server_key = keys
        """The addresses by which writes and acknowledgements name the two nodes."""
        self.no_forwards = b""
        """What stands before the id of a write that the client coordinates and nobody sends on."""
        self.writes_to: WriteTable = {}
        """Writes that the client coordinates and the server is to acknowledge."""
        self.writes_from: WriteTable = {}
        """Writes that the server coordinates and the client is to acknowledge."""
        self.pending: dict[int | None, tuple[int, int, int | None]] = {}
        """Of msg_id: number, last packet and verb of the request."""
        self.is_closed = False
        self.negotiated: Negotiated | None = None
        """The negotiation that ``connection`` tells of; the decoder may know a newer one."""


class CqlState:
    """One connection between a client and a node."""

    __slots__ = ("connection", "decoder", "is_closed", "pending", "reply_part", "request_part")

    def __init__(self, connection: Connection, decoder: CqlDecoder) -> None:
        self.connection = connection
        self.decoder = decoder
        self.pending: dict[int, tuple[int, int, Prepared | None]] = {}
        """Of stream id: number and last packet of the request, and the statement that it executes."""
        self.is_closed = False
        self.request_part = self.reply_part = CqlPart(0, 0, None, frozenset())
        """What the last message of each direction had; the next one nearly always has the same."""


class Flow:
    """One direction of a connection."""

    __slots__ = ("byte_stream", "cql", "from_client", "peer", "rpc", "state")

    def __init__(self, state: RpcState | CqlState, *, from_client: bool) -> None:
        self.state = state
        self.from_client = from_client
        self.rpc = state if isinstance(state, RpcState) else None
        self.cql = state if isinstance(state, CqlState) else None
        self.byte_stream = ByteStream()
        self.peer = self
        """The other direction; set as soon as that exists."""
