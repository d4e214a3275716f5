"""Wireshark's dissector as the second opinion: what tshark says about a capture, as a trace.

The trace holds what Wireshark knows and nothing else: no node names, no negotiated features, the verbs of
ScyllaDB 4.2. Where it misreads the wire, so does the trace; ``difference`` tells where.

Source: Wireshark epan/dissectors/packet-scylla.c and packet-cql.c as of 4.0; measured on tshark 4.0.17.
"""

import struct
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol, assert_never

from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.line import Line
from harness.dissect.byte_window import ByteWindow, Positions
from harness.dissect.native import CQL_PORTS, RPC_PORTS
from harness.dissect.pyshark_reader import PysharkReader
from harness.dissect.tshark import Tshark
from harness.dissect.tshark_fields import FieldsReader
from harness.dissect.tshark_packet import UNANSWERED_VERBS, Pdu, TsharkPacket
from harness.events.message import Connection, CqlPart, Kind, Message
from harness.events.message import Protocol as Spoken
from harness.events.trace import Missing, Trace

_REQUESTS_MAX = 1 << 16
_REQUEST = struct.Struct("<QQQI")
_REPLY = struct.Struct("<QI")
_NEGOTIATION = struct.Struct("<8sI")
_CQL = struct.Struct(">BBhBi")
_MAGIC = b"SSTARRPC"
HEAD_BYTES = 28


class Via(Enum):
    """How tshark is asked."""

    FIELDS = "fields"
    """``tshark -T fields``: fast, every message of every packet."""
    PYSHARK = "pyshark"
    """pyshark, over PDML: fifty times slower; for those who want its layers."""


class PacketReader(Protocol):
    """What both ways of asking tshark are."""

    @property
    def truncated(self) -> str:
        """Once it was read: why the capture ends in the middle of a packet."""

    def __iter__(self) -> Iterator[TsharkPacket]: ...


class Sighting(NamedTuple):
    """One message that Wireshark shows, and the bytes that it takes for it."""

    message: Message
    pdu: Pdu
    start: int | None
    """Position in its direction's byte stream; None if the bytes there are not what Wireshark shows."""
    end: int
    """Position behind its last byte; 0 if start is None."""


class Sighted(NamedTuple):
    """One packet with a payload, and what Wireshark shows in it."""

    packet: TsharkPacket
    connection: Connection
    from_client: bool
    start: int
    """Position of the payload's first byte in the direction's byte stream; negative before its beginning."""
    is_from_syn: bool
    """Whether position 0 is the first byte that was ever sent in this direction."""
    sightings: tuple[Sighting, ...]

    @property
    def end(self) -> int:
        """Position behind the payload's last byte."""
        return self.start + len(self.packet.payload)


class WiresharkDissector:
    """Reads one capture.

    Args:
        tshark: the build to ask.
        via: how to ask it.
        rpc_ports: TCP ports that it is to take for Scylla.
        cql_ports: TCP ports that it is to take for CQL.
    """

    def __init__(
        self,
        *,
        tshark: Tshark | None = None,
        via: Via = Via.FIELDS,
        rpc_ports: Iterable[int] = RPC_PORTS,
        cql_ports: Iterable[int] = CQL_PORTS,
    ) -> None:
        self.tshark = tshark or Tshark()
        self._via = via
        self._rpc_ports = tuple(rpc_ports)
        self._cql_ports = tuple(cql_ports)
        self._servers = frozenset((*self._rpc_ports, *self._cql_ports))
        self._connections: dict[int, _ConnectionState] = {}
        self._message_count = 0
        self._truncated = ""

    @property
    def missing(self) -> Missing:
        """What Wireshark says the capture lacks."""
        return Missing(truncated=self._truncated)

    def packets(self, capture: str | Path) -> Iterator[Sighted]:
        """Yield every packet of the ports that has a payload, with the messages shown in it.

        Raises:
            DissectorError: tshark is missing or failed.
            CaptureError: the capture cannot be read.
        """
        reader = self._reader(Path(capture))
        for packet in reader:
            sighted = self._take(packet)
            if sighted is not None:
                yield sighted
        self._truncated = reader.truncated

    def messages(self, capture: str | Path) -> Iterator[Message]:
        """Yield the messages that Wireshark shows, in its order.

        Raises:
            DissectorError: tshark is missing or failed.
            CaptureError: the capture cannot be read.
        """
        for sighted in self.packets(capture):
            for sighting in sighted.sightings:
                yield sighting.message

    def _reader(self, capture: Path) -> PacketReader:
        match self._via:
            case Via.FIELDS:
                return FieldsReader(
                    capture, tshark=self.tshark, rpc_ports=self._rpc_ports, cql_ports=self._cql_ports
                )
            case Via.PYSHARK:
                return PysharkReader(
                    capture, tshark=self.tshark, rpc_ports=self._rpc_ports, cql_ports=self._cql_ports
                )
            case _:
                assert_never(self._via)

    def _take(self, packet: TsharkPacket) -> Sighted | None:
        state = self._connections.get(packet.tcp_stream)
        if state is None:
            state = self._connections[packet.tcp_stream] = self._open(packet)
        from_client = packet.source == state.connection.client
        direction = state.directions[from_client]
        if direction is None or packet.is_syn:
            first = packet.sequence + 1 if packet.is_syn else packet.sequence
            direction = state.directions[from_client] = _Direction(
                Positions(first), is_from_syn=packet.is_syn
            )
        if not packet.payload:
            return None
        start = direction.positions.of(packet.sequence)
        direction.window.add(start, packet.payload, frame=packet.frame, time_ns=packet.time_ns)
        sightings: tuple[Sighting, ...] = ()
        if packet.pdus:
            position = _first_position(packet, start, direction)
            sightings = tuple(self._sightings(packet, position, state, direction, from_client=from_client))
            direction.open_at = start + len(packet.payload)
            if position is not None:
                direction.shown_end = sightings[-1].end
                direction.window.release(direction.shown_end)
                if not packet.is_malformed:
                    direction.open_at = sightings[-1].end
        elif packet.is_malformed:
            direction.open_at = start + len(packet.payload)
        return Sighted(packet, state.connection, from_client, start, direction.is_from_syn, sightings)

    def _open(self, packet: TsharkPacket) -> "_ConnectionState":
        is_client = packet.destination.port in self._servers
        client, server = (
            (packet.source, packet.destination) if is_client else (packet.destination, packet.source)
        )
        protocol = Spoken.RPC if server.port in self._rpc_ports else Spoken.CQL
        return _ConnectionState(_connection(packet, protocol, client, server))

    def _sightings(
        self,
        packet: TsharkPacket,
        position: int | None,
        state: "_ConnectionState",
        direction: "_Direction",
        *,
        from_client: bool,
    ) -> Iterator[Sighting]:
        for pdu in packet.pdus:
            first, payload, end = (packet.frame, packet.time_ns), b"", 0
            if position is not None:
                run = direction.window.run_at(position)
                if run is not None:
                    first = run.frame, run.time_ns
                end = position + pdu.claimed_bytes
                payload = direction.window.read(position + pdu.header_bytes, pdu.length_bytes)
            message = self._message(packet, pdu, state, first, payload, from_client=from_client)
            yield Sighting(message, pdu, position, end)
            position = None if position is None else end

    def _message(
        self,
        packet: TsharkPacket,
        pdu: Pdu,
        state: "_ConnectionState",
        first: tuple[int, int],
        payload: bytes,
        *,
        from_client: bool,
    ) -> Message:
        number = self._message_count
        self._message_count += 1
        kind = pdu.kind
        request = None
        if pdu.protocol is Spoken.RPC and pdu.msg_id is not None:
            if kind is Kind.REQUEST:
                if pdu.verb in UNANSWERED_VERBS:
                    kind = Kind.ONE_WAY
                state.note_request(pdu.msg_id, number)
            elif pdu.request_frame is not None:
                request = state.requests.get(pdu.msg_id)
        return Message(
            number,
            pdu.protocol,
            kind,
            first[0],
            packet.frame,
            first[1],
            packet.time_ns,
            state.connection,
            from_client,
            pdu.verb,
            pdu.msg_id,
            pdu.timeout_ms,
            None,
            payload,
            request,
            pdu.request_frame,
            None,
            None,
            CqlPart(pdu.cql_version & 0x7F, pdu.cql_flags, None, frozenset())
            if pdu.protocol is Spoken.CQL
            else None,
            "",
        )


def read_trace(
    path: str | Path,
    *,
    tshark: Tshark | None = None,
    via: Via = Via.FIELDS,
    rpc_ports: Iterable[int] = RPC_PORTS,
    cql_ports: Iterable[int] = CQL_PORTS,
) -> Trace:
    """Read a whole capture into the trace that Wireshark makes of it.

    Raises:
        DissectorError: tshark is missing or failed.
        CaptureError: the capture cannot be read.
    """
    dissector = WiresharkDissector(tshark=tshark, via=via, rpc_ports=rpc_ports, cql_ports=cql_ports)
    messages = tuple(dissector.messages(path))
    return Trace(messages, dissector.missing)


class _Direction:
    """What one side of a connection sent, as far as Wireshark has not shown it."""

    __slots__ = ("is_from_syn", "open_at", "positions", "shown_end", "window")

    def __init__(self, positions: Positions, *, is_from_syn: bool) -> None:
        self.positions = positions
        self.is_from_syn = is_from_syn
        self.window = ByteWindow()
        self.open_at = 0
        """Where Wireshark goes on if it waits for the rest of a message."""
        self.shown_end = 0
        """Behind the last message shown."""


class _ConnectionState:
    """One connection, with its requests."""

    __slots__ = ("connection", "directions", "requests")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.directions: dict[bool, _Direction | None] = {True: None, False: None}
        """By whether the client is the sender."""
        self.requests: dict[int, int] = {}
        """Numbers of requests by msg_id."""

    def note_request(self, msg_id: int, number: int) -> None:
        """Keep a request for its reply; of too many, give up the oldest."""
        self.requests[msg_id] = number
        if len(self.requests) > _REQUESTS_MAX:
            del self.requests[next(iter(self.requests))]


def _first_position(packet: TsharkPacket, start: int, direction: _Direction) -> int | None:
    """Find where the packet's first message begins, and prove it: there must stand what Wireshark shows."""
    window = direction.window
    candidates = [start]
    # Behind a malformed packet Wireshark mostly goes on with the next; it waits for the rest of what it has begun
    # if it gave up within a message, not between two.
    waiting = [direction.open_at, direction.shown_end]
    if packet.joined_frames:
        joined = window.start_of_frame(packet.joined_frames[0])
        candidates = waiting if joined is None else [joined, *waiting]
        run = window.run_at(direction.open_at)
        if run is not None and run.frame == packet.joined_frames[0]:
            # Within that packet it goes on behind the last message shown.
            candidates = [*waiting, *candidates]
    elif packet.is_malformed:
        # It joined segments, but gave up before it came to say so.
        candidates = [position for position in waiting if position < start] + candidates
    pdu = packet.pdus[0]
    for position in candidates:
        if is_at(pdu, window.read(position, HEAD_BYTES)):
            return position
    return None


def is_at(pdu: Pdu, head: bytes) -> bool:
    """Whether the header that Wireshark shows stands at the beginning of these bytes."""
    if len(head) < pdu.header_bytes:
        return False
    if pdu.protocol is Spoken.CQL:
        version, flags, stream_id, opcode, size = _CQL.unpack_from(head)
        return (version, flags, stream_id, opcode & 0x7F, size) == (
            pdu.cql_version,
            pdu.cql_flags,
            pdu.msg_id,
            pdu.verb,
            pdu.length_bytes,
        )
    if pdu.kind is Kind.REQUEST:
        return _REQUEST.unpack_from(head) == (pdu.timeout_ms, pdu.verb, pdu.msg_id, pdu.length_bytes)
    if pdu.kind is Kind.NEGOTIATION:
        return _NEGOTIATION.unpack_from(head) == (_MAGIC, pdu.length_bytes)
    return _REPLY.unpack_from(head) == (pdu.msg_id, pdu.length_bytes)


def _connection(packet: TsharkPacket, protocol: Spoken, client: Endpoint, server: Endpoint) -> Connection:
    return Connection(
        packet.tcp_stream,
        protocol,
        client,
        server,
        None,
        None,
        packet.frame,
        packet.is_syn,
        None,
        Line.V4_2,
        None,
        None,
        None,
    )
