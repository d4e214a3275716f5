"""Our dissector: bytes of a capture file in, messages out, as they complete.

Memory is bounded, whatever the capture's size: what waits for its pair, or for the bytes of a lost packet, is
given up when there is too much of it, oldest first.
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum
from heapq import heappop, heappush
from itertools import islice
from typing import TypeVar, assert_never

from harness.codec.cql.connection import ConnectionDecoder as CqlDecoder
from harness.codec.cql.cutter import Row as CqlRow
from harness.codec.cql.frame import UNDECODED as CQL_UNDECODED
from harness.codec.cql.frame import Frame as CqlFrame
from harness.codec.cql.opcodes import Opcode
from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import (
    CaptureEvent,
    DroppedPackets,
    InterfaceStatistics,
    NameResolution,
    Packet,
    Truncated,
)
from harness.codec.rpc.connection import ConnectionDecoder as RpcDecoder
from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.frame_reader import Row as RpcRow
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.tcp.reassembly import ByteRun, Gap
from harness.codec.tcp.segment import (
    ACK,
    FIN,
    RST,
    SYN,
    Segment,
    decode_segment,
    endpoints_of,
    reversed_flow,
    why_not_tcp,
)
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Role
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.write_identity import (
    AddressKey,
    address_key,
    peek_acknowledgement,
    peek_write_identity,
)
from harness.context import Context
from harness.dissect.clients import Clients
from harness.dissect.flows import UNANSWERED_MAX, CqlState, Flow, RpcState
from harness.dissect.version_line import LineEvidence, line_of_client_id, line_of_negotiation
from harness.events.message import Connection, CqlPart, Kind, Message, Protocol
from harness.events.trace import LostBytes, Missing
from harness.schema import Schema
from harness.schema_learning import SCHEMA_VERBS, SchemaLearner
from harness.topology import Topology

RPC_PORTS = (7000,)
"""storage_port; what goes to ssl_storage_port, 7001, is encrypted."""
CQL_PORTS = (9042, 19042)
"""native_transport_port and native_shard_aware_transport_port."""

WRITES_MAX = 65536
"""Most writes that wait for acknowledgements; of more, the oldest are given up."""
ACKNOWLEDGED_MAX = 1024
"""Most acknowledged writes that are remembered, for those that are acknowledged twice."""
FLOWS_MAX = 65536
"""Most directions of connections; of more, the oldest closed ones are forgotten."""
HELD_FRAMES_MAX = 65536
"""Most frames that wait until a connection before them is understood."""
LOST_MAX = 10000
"""Most losses that are listed one by one."""

_TIMES = 1 << 17
"""How many packets back a frame may begin for its first packet's time to be known."""
_TIMES_MASK = _TIMES - 1
_SEQUENCE_MASK = 0xFFFFFFFF

_CLIENT_ID = 0
_ONE_WAY = frozenset(row.number for row in TABLE.verbs if row.mode is Mode.ONE_WAY)


class _Action(Enum):
    """What a request is good for besides being a message; two-way requests that are not listed: nothing."""

    SAYS_NO_MORE = "one way, and no more"
    WRITES = "acknowledged on another connection"
    ACKNOWLEDGES = "acknowledges such a write"
    INTRODUCES = "tells who sends on the connection"
    OPENS_STREAM = "names the connection of a stream"
    TELLS_SCHEMA = "carries definitions of tables"


_SAYS_NO_MORE = _Action.SAYS_NO_MORE
_WRITES = _Action.WRITES
_ACKNOWLEDGES = _Action.ACKNOWLEDGES
_INTRODUCES = _Action.INTRODUCES
_OPENS_STREAM = _Action.OPENS_STREAM
_TELLS_SCHEMA = _Action.TELLS_SCHEMA
_ACTIONS: dict[int, _Action] = (
    dict.fromkeys(_ONE_WAY, _SAYS_NO_MORE)
    | dict.fromkeys(SCHEMA_VERBS, _TELLS_SCHEMA)
    | dict.fromkeys((row.number for row in TABLE.verbs if row.mode is Mode.STREAM), _OPENS_STREAM)
    # MUTATION, PAXOS_LEARN, HINT_MUTATION; MUTATION_DONE, MUTATION_FAILED
    | dict.fromkeys((1, 41, 42), _WRITES)
    | dict.fromkeys((2, 24), _ACKNOWLEDGES)
    | {_CLIENT_ID: _INTRODUCES}
)
_NO_REQUEST = (None, None, None)
_CQL_EVENT = int(Opcode.EVENT)
_CQL_ERROR = int(Opcode.ERROR)
_RPC = Protocol.RPC
_CQL = Protocol.CQL
_KIND_REQUEST = Kind.REQUEST
_KIND_ONE_WAY = Kind.ONE_WAY
_KIND_REPLY = Kind.REPLY
_KIND_EXCEPTION = Kind.EXCEPTION
_WriteKey = tuple[AddressKey, int, int, AddressKey]
"""Address of the coordinator, its shard, response id, address of the replica."""
_K = TypeVar("_K")
_V = TypeVar("_V")
# Half the time of Message(...), which goes through a function written in Python.
_new_tuple = tuple.__new__


class NativeDissector:
    """Decodes one capture.

    Args:
        context: names of nodes and tables, where something is known of them beforehand.
        rpc_ports: TCP ports on which nodes listen for each other.
        cql_ports: TCP ports on which nodes listen for clients.
        line: the version line to assume where a connection does not tell it.
    """

    def __init__(
        self,
        *,
        context: Context | None = None,
        rpc_ports: Iterable[int] = RPC_PORTS,
        cql_ports: Iterable[int] = CQL_PORTS,
        line: Line | None = None,
    ) -> None:
        self.topology = context.topology if context is not None else Topology()
        self.packet_count = 0
        """Packets read so far."""
        self.wrapper_count = 0
        """Frames that were empty inside their compression; they are no messages."""
        self.first_time_ns: int | None = None
        """Time of the first packet."""
        self._rpc_ports = frozenset(rpc_ports)
        self._cql_ports = frozenset(cql_ports)
        self._capture = CaptureDecoder()
        self._flows: dict[bytes, Flow] = {}
        self._closed: deque[bytes] = deque()
        self._times = [0] * _TIMES
        self._out: list[Message] = []
        self._message_count = 0
        self._connection_count = 0
        # An acknowledged write leaves the table, which so stays small enough for the processor's cache.
        self._writes: dict[_WriteKey, tuple[int, int]] = {}
        self._acknowledged: deque[tuple[_WriteKey, tuple[int, int]]] = deque(maxlen=ACKNOWLEDGED_MAX)
        self._broadcast: dict[AddressKey, AddressKey] = {}
        self._names: dict[str, str] = {node.address: node.name for node in self.topology.nodes}
        self._told_line = line
        self._line = line
        self._evidence = LineEvidence()
        self._is_line_certain = line is not None
        self._hint: Negotiated | None = None
        self._streams: dict[tuple[str, int], int] = {}
        self._stream_states: dict[tuple[str, int], RpcState] = {}
        self._held: list[tuple[int, int, RpcState | CqlState, Frame | CqlFrame]] = []
        self._held_count = 0
        self._blocked: dict[RpcState | Flow, int] = {}
        """What holds bytes back, and the first packet of them; messages of later packets wait."""
        self._learner = SchemaLearner()
        self._clients = Clients(self._learner)
        if context is not None:
            self._learner.learn_context(context)
        self._lost: list[LostBytes] = []
        self._dropped_packets: dict[int, int] = {}
        self._dropped_between = 0
        self._truncated = ""
        self._cut_packets = 0
        self._skipped_packets = 0
        self._unsupported = ""

    @property
    def schema(self) -> Schema:
        """The tables known so far."""
        return self._learner.schema()

    @property
    def missing(self) -> Missing:
        """What the capture lacks, as far as it was read."""
        return Missing(
            lost=tuple(self._lost),
            dropped_packets=max(sum(self._dropped_packets.values()), self._dropped_between),
            truncated=self._truncated,
            cut_packets=self._cut_packets,
            skipped_packets=self._skipped_packets,
            unsupported=self._unsupported,
        )

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes of the file; return the messages they complete, in order of completion.

        Raises:
            DecodeError: the file is no capture, or broken behind what was returned so far.
        """
        return self._take(self._capture.feed(data))

    def close(self) -> list[Message]:
        """Return what the end of the capture leaves: frames cut off, bytes behind a loss.

        Raises:
            DecodeError: as ``feed``.
        """
        self._take(self._capture.close(), keep=True)
        for flow in self._flows.values():
            self._end(flow)
        self._flows.clear()
        self._blocked.clear()
        self._release()
        return self._give()

    def _give(self) -> list[Message]:
        out = self._out
        self._out = []
        return out

    def _take(self, events: list[CaptureEvent], *, keep: bool = False) -> list[Message]:
        # The loop that everything passes through; written out, and with the common case of TCP inline.
        flows = self._flows
        times = self._times
        for event in events:
            if event.__class__ is not Packet:
                self._note(event)
                continue
            number, time_ns, link_type, data, _, _, _ = event
            times[number & _TIMES_MASK] = time_ns
            segment = decode_segment(link_type, data)
            if segment is None:
                self._skip(link_type, data)
                continue
            flow_key, sequence, acknowledgement, flags, payload, missing_bytes = segment
            flow = flows.get(flow_key)
            if flow is None:
                flow = self._open(segment, number)
                if flow is None:
                    continue
            byte_stream = flow.byte_stream
            if (
                sequence == byte_stream.next_sequence
                and not flags & 7
                and not missing_bytes
                and not byte_stream.has_pending
            ):
                if payload:
                    byte_stream.next_sequence = (sequence + len(payload)) & _SEQUENCE_MASK
                    if flow.is_rpc:
                        self._take_rpc(flow, payload, number)
                    else:
                        self._take_cql(flow, payload, number)
            else:
                flow = self._take_odd(flow, segment, number)
            if flags & ACK and acknowledgement != flow.peer.byte_stream.next_sequence:
                peer = flow.peer
                if peer is not flow:
                    self._take_runs(peer, peer.byte_stream.acknowledged(acknowledgement, number), number)
        if events:
            self._note_progress(events)
        return [] if keep else self._give()

    def _note_progress(self, events: list[CaptureEvent]) -> None:
        first = next((event for event in events if isinstance(event, Packet)), None)
        if first is None:
            return
        if self.first_time_ns is None:
            self.first_time_ns = first.time_ns
        last = next(event for event in reversed(events) if isinstance(event, Packet))
        self.packet_count = last.number

    def _note(self, event: CaptureEvent) -> None:
        if isinstance(event, InterfaceStatistics):
            # dumpcap repeats the counters, which grow; the last word of an interface counts.
            self._dropped_packets[event.interface] = (event.dropped or 0) + (event.os_dropped or 0)
        elif isinstance(event, DroppedPackets):
            self._dropped_between += event.packet_count
        elif isinstance(event, NameResolution):
            if event.names:
                self._names.setdefault(event.address, event.names[0])
        elif isinstance(event, Truncated):
            self._truncated = f"{event.what} (at byte {event.offset_bytes})"

    def _skip(self, link_type: int, data: bytes) -> None:
        self._skipped_packets += 1
        if not self._unsupported:
            self._unsupported = why_not_tcp(link_type, data)

    # TCP

    def _open(self, segment: Segment, number: int) -> Flow | None:
        """Begin a connection with its first segment, or say that it is none of ours."""
        flow_key = segment.flow_key
        source, destination = endpoints_of(flow_key)
        is_rpc = source.port in self._rpc_ports or destination.port in self._rpc_ports
        if not is_rpc and source.port not in self._cql_ports and destination.port not in self._cql_ports:
            return None
        if len(self._flows) >= FLOWS_MAX:
            self._forget_closed()
        syn_seen = bool(segment.flags & SYN)
        ports = self._rpc_ports if is_rpc else self._cql_ports
        # The SYN without ACK comes from the client; without it, who listens on the port is the server.
        source_is_client = not segment.flags & ACK if syn_seen else destination.port in ports
        client, server = (source, destination) if source_is_client else (destination, source)
        connection = Connection(
            self._connection_count,
            _RPC if is_rpc else _CQL,
            client,
            server,
            self._names.get(client.address),
            self._names.get(server.address),
            number,
            syn_seen,
            None,
            self._line or Line.V4_2,
            None,
            None,
            None,
        )
        self._connection_count += 1
        state: RpcState | CqlState
        if is_rpc:
            keys = address_key(client.address), address_key(server.address)
            state = RpcState(
                connection,
                RpcDecoder(syn_seen=syn_seen, assumed=None if syn_seen else self._hint),
                keys=(self._broadcast.get(keys[0], keys[0]), self._broadcast.get(keys[1], keys[1])),
            )
        else:
            state = CqlState(connection, CqlDecoder(syn_seen=syn_seen))
        flow = Flow(state, from_client=source_is_client)
        back = Flow(state, from_client=not source_is_client)
        flow.peer, back.peer = back, flow
        self._flows[flow_key] = flow
        self._flows[reversed_flow(flow_key)] = back
        return flow

    def _forget_closed(self) -> None:
        for _ in range(min(len(self._closed), FLOWS_MAX // 8)):
            key = self._closed.popleft()
            flow = self._flows.get(key)
            if flow is not None and flow.state.is_closed:
                del self._flows[key]
        if len(self._flows) >= FLOWS_MAX:
            for key in list(islice(self._flows, FLOWS_MAX // 8)):
                self._end(self._flows.pop(key))

    def _take_odd(self, flow: Flow, segment: Segment, number: int) -> Flow:
        """Take a segment that is not simply the next bytes of its stream."""
        byte_stream = flow.byte_stream
        if byte_stream.starts_anew(segment.sequence, segment.flags):
            self._end(flow)
            opened = self._open(segment, number)
            if opened is None:
                return flow
            flow, byte_stream = opened, opened.byte_stream
        if segment.missing_bytes:
            self._cut_packets += 1
        self._take_runs(
            flow,
            byte_stream.feed(segment.sequence, segment.flags, segment.payload, number, segment.missing_bytes),
            number,
        )
        if segment.flags & RST or (segment.flags & FIN and flow.peer.byte_stream.fin_seen):
            self._end(flow)
            self._closed.append(segment.flow_key)
            self._closed.append(reversed_flow(segment.flow_key))
        return flow

    def _take_runs(self, flow: Flow, runs: list[ByteRun | Gap], number: int) -> None:
        """Take what a stream gave, at a packet; what it holds back from now on blocks later messages."""
        if flow.byte_stream.has_pending:
            self._blocked.setdefault(flow, number)
        for run in runs:
            if isinstance(run, ByteRun):
                if flow.is_rpc:
                    self._take_rpc(flow, run.data, run.mark)
                else:
                    self._take_cql(flow, run.data, run.mark)
            else:
                self._take_gap(flow, run)
        if not flow.byte_stream.has_pending and self._blocked.pop(flow, None) is not None:
            self._release()

    def _take_gap(self, flow: Flow, gap: Gap) -> None:
        state = flow.state
        if len(self._lost) < LOST_MAX:
            self._lost.append(LostBytes(state.connection, flow.from_client, gap.mark, gap.lost_bytes))
        if isinstance(state, RpcState):
            self._take_frames(state, state.decoder.gap(flow.from_client, gap.mark, gap.lost_bytes))
        else:
            self._take_cql_frames(state, state.decoder.gap(flow.from_client, gap.mark))

    def _end(self, flow: Flow) -> None:
        """Give what both streams of a connection still hold back, then what its frames leave."""
        state = flow.state
        if state.is_closed:
            return
        state.is_closed = True
        self._take_runs(flow, flow.byte_stream.close(), self.packet_count)
        self._take_runs(flow.peer, flow.peer.byte_stream.close(), self.packet_count)
        if isinstance(state, RpcState):
            self._take_frames(state, state.decoder.close())
        else:
            self._take_cql_frames(state, state.decoder.close())
            self._clients.forget(state.connection.number)
        state.pending.clear()

    # RPC

    def _take_rpc(self, flow: Flow, data: bytes, mark: int) -> None:
        state = flow.state
        assert isinstance(state, RpcState)
        decoder = state.decoder
        from_client = flow.from_client
        if not self._blocked and self._is_line_certain and decoder.negotiated is state.negotiated:
            rows: list[RpcRow] = []
            taken = decoder.read_run(from_client, data, rows)
            if rows:
                if from_client:
                    self._add_requests(state, rows, mark)
                else:
                    self._add_replies(state, rows, mark)
                if taken == len(data):
                    return
                data = data[taken:]
        frames = decoder.feed(from_client, data, mark)
        if decoder.held_mark is not None or self._blocked:
            self._take_frames(state, frames)
        elif frames:
            self._add_rpc(state, frames)

    def _take_frames(self, state: RpcState, frames: list[Frame]) -> None:
        """Take frames while some bytes are held back, so that messages come out in order of completion."""
        held_mark = state.decoder.held_mark
        if held_mark is None:
            self._blocked.pop(state, None)
        else:
            self._blocked[state] = held_mark
        for frame in frames:
            self._hold(frame.last_mark, state, frame)
        self._release()

    def _hold(self, mark: int, state: RpcState | CqlState, frame: Frame | CqlFrame) -> None:
        self._held_count += 1
        heappush(self._held, (mark, self._held_count, state, frame))
        if len(self._held) > HELD_FRAMES_MAX:
            self._blocked.clear()

    def _release(self) -> None:
        """Add the held frames that nothing held back can precede any more."""
        held = self._held
        limit = min(self._blocked.values()) if self._blocked else None
        while held and (limit is None or held[0][0] < limit):
            _, _, state, frame = heappop(held)
            if isinstance(state, RpcState):
                assert isinstance(frame, Frame)
                self._add_rpc(state, [frame])
            else:
                assert isinstance(frame, CqlFrame)
                self._add_cql(state, [frame])

    def _learn_negotiation(self, state: RpcState, negotiated: Negotiated) -> None:
        state.negotiated = negotiated
        connection = state.connection
        line = line_of_negotiation(negotiated) if self._told_line is None else None
        # CLIENT_ID tells 6.2 from 2025.1 and so on; the negotiation only that it is none of the older ones.
        if line is not None and (self._line is None or (line >= Line.V6_2) != (self._line >= Line.V6_2)):
            self._learn_line(line)
            self._is_line_certain = True
        connection_id = negotiated.connection_id
        state.connection = connection = connection._replace(
            negotiated=negotiated,
            line=self._line or connection.line,
            server_shard=None if connection_id is None else connection_id & 0xFFFF,
        )
        self._hint = state.decoder.negotiated_hint() or self._hint
        if negotiated.is_stream and connection_id is not None:
            key = (connection.server.address, connection_id)
            self._stream_states[key] = state
            verb = self._streams.get(key)
            if verb is not None:
                state.connection = connection._replace(stream_verb=verb)

    def _learn_line(self, line: Line) -> None:
        """Take a line for the capture, and for the connections that do not know better."""
        known, self._line = self._line, line
        for flow in self._flows.values():
            connection = flow.state.connection
            if known is None or connection.line is known:
                flow.state.connection = connection._replace(line=line)

    def _weigh_evidence(self, frames: list[Frame]) -> None:
        """Look for the line of a capture that began in mid-stream in what its nodes say."""
        evidence = self._evidence
        for frame in frames:
            if frame.kind is FrameKind.REQUEST and frame.verb is not None:
                evidence.take(TABLE.decode_or_none(frame.verb, Line.HEAD, Role.REQUEST, frame.payload))
            elif frame.kind is FrameKind.REPLY and frame.duration_us is not None:
                evidence.take_line_at_least(Line.V6_2)
        line = evidence.line
        if line is not None and line is not self._line:
            self._learn_line(line)
        self._is_line_certain = evidence.is_final

    def _add_requests(self, state: RpcState, rows: list[RpcRow], mark: int) -> None:
        """Add requests that one packet holds whole."""
        # Written out for speed, like _add_replies and _add_cql_run: here and in the codecs' read_run the time goes.
        append = self._out.append
        actions = _ACTIONS
        new = _new_tuple
        connection = state.connection
        number = self._message_count
        time_ns = self._times[mark & _TIMES_MASK]
        for (timeout_ms, verb, msg_id, _), payload in rows:
            action = actions.get(verb)
            acknowledges = acknowledges_frame = None
            kind = _KIND_ONE_WAY
            if action is None:
                kind = _KIND_REQUEST
                state.pending[msg_id] = (number, mark, verb)
            elif action is _ACKNOWLEDGES:
                write = self._acknowledged_write(state, payload)
                if write is not None:
                    acknowledges, acknowledges_frame = write
            elif action is _WRITES:
                identity = peek_write_identity(verb, payload)
                if identity is not None:
                    self._writes[(*identity, state.server_key)] = (number, mark)
            elif action is not _SAYS_NO_MORE:
                kind = self._take_rare(state, action, verb, msg_id, payload, number, mark)
                connection = state.connection
            message = new(
                Message,
                (
                    number,
                    _RPC,
                    kind,
                    mark,
                    mark,
                    time_ns,
                    time_ns,
                    connection,
                    True,
                    verb,
                    msg_id,
                    timeout_ms,
                    None,
                    payload,
                    None,
                    None,
                    acknowledges,
                    acknowledges_frame,
                    None,
                    "",
                ),
            )
            append(message)
            number += 1
            if action is _TELLS_SCHEMA:
                self._learner.learn_rpc(message.body)
        self._message_count = number
        if len(self._writes) > WRITES_MAX:
            _forget_oldest(self._writes)
        if len(state.pending) > UNANSWERED_MAX:
            _forget_oldest(state.pending)

    def _add_replies(self, state: RpcState, rows: list[RpcRow], mark: int) -> None:
        """Add replies that one packet holds whole."""
        append = self._out.append
        new = _new_tuple
        pop = state.pending.pop
        connection = state.connection
        number = self._message_count
        time_ns = self._times[mark & _TIMES_MASK]
        for head, payload in rows:
            msg_id = head[0]
            kind = _KIND_REPLY
            if msg_id < 0:
                kind = _KIND_EXCEPTION
                msg_id = -msg_id
            request, request_frame, verb = pop(msg_id, _NO_REQUEST)
            message = new(
                Message,
                (
                    number,
                    _RPC,
                    kind,
                    mark,
                    mark,
                    time_ns,
                    time_ns,
                    connection,
                    False,
                    verb,
                    msg_id,
                    None,
                    head[2] if len(head) == 3 else None,
                    payload,
                    request,
                    request_frame,
                    None,
                    None,
                    None,
                    "",
                ),
            )
            append(message)
            number += 1
            if verb in SCHEMA_VERBS:
                self._learner.learn_rpc(message.body)
        self._message_count = number

    def _acknowledged_write(self, state: RpcState, payload: bytes) -> tuple[int, int] | None:
        """Find the write that a MUTATION_DONE or MUTATION_FAILED names: its number and last packet."""
        acknowledgement = peek_acknowledgement(payload)
        if acknowledgement is None:
            return None
        shard, response_id = acknowledgement
        key = (state.server_key, shard, response_id, state.client_key)
        write = self._writes.pop(key, None)
        if write is None:
            # A replica that applied a write, but failed to forward it, sends both.
            return next((write for known, write in reversed(self._acknowledged) if known == key), None)
        self._acknowledged.append((key, write))
        return write

    def _take_rare(
        self, state: RpcState, action: object, verb: int, msg_id: int, payload: bytes, number: int, mark: int
    ) -> Kind:
        """Learn from a request that says more than its kind."""
        if action is _INTRODUCES:
            self._learn_client_id(state, payload)
            return Kind.ONE_WAY
        if action is _OPENS_STREAM:
            self._learn_stream(state, verb, payload)
        if verb in _ONE_WAY:
            return Kind.ONE_WAY
        state.pending[msg_id] = (number, mark, verb)
        return Kind.REQUEST

    def _add_rpc(self, state: RpcState, frames: list[Frame]) -> None:
        """Add frames of any kind, of any packets."""
        if state.decoder.negotiated is not state.negotiated and state.decoder.negotiated is not None:
            self._learn_negotiation(state, state.decoder.negotiated)
        if not self._is_line_certain:
            self._weigh_evidence(frames)
        for frame in frames:
            number = self._message_count
            verb = frame.verb
            msg_id = frame.msg_id
            request = request_frame = acknowledges = acknowledges_frame = None
            match frame.kind:
                case FrameKind.REQUEST:
                    assert verb is not None
                    assert msg_id is not None
                    action = _ACTIONS.get(verb, _TELLS_SCHEMA)
                    if action is _ACKNOWLEDGES:
                        write = self._acknowledged_write(state, frame.payload)
                        if write is not None:
                            acknowledges, acknowledges_frame = write
                    elif action is _WRITES:
                        identity = peek_write_identity(verb, frame.payload)
                        if identity is not None:
                            self._writes[(*identity, state.server_key)] = (number, frame.last_mark)
                    kind = self._take_rare(
                        state, action, verb, msg_id, frame.payload, number, frame.last_mark
                    )
                case FrameKind.REPLY | FrameKind.EXCEPTION:
                    kind = Kind.REPLY if frame.kind is FrameKind.REPLY else Kind.EXCEPTION
                    request, request_frame, verb = state.pending.pop(msg_id, _NO_REQUEST)
                case FrameKind.WRAPPER:
                    self.wrapper_count += 1
                    continue
                case FrameKind.UNDECODED:
                    if not frame.payload:
                        continue
                    kind = Kind.UNDECODED
                case FrameKind.STREAM_DATA | FrameKind.STREAM_END:
                    kind = Kind.STREAM_DATA if frame.kind is FrameKind.STREAM_DATA else Kind.STREAM_END
                    verb = state.connection.stream_verb
                case FrameKind.NEGOTIATION:
                    kind = Kind.NEGOTIATION
                case _:
                    assert_never(frame.kind)
            self._message_count = number + 1
            message = Message(
                number,
                _RPC,
                kind,
                frame.first_mark,
                frame.last_mark,
                self._first_ns(frame.first_mark, frame.last_mark),
                self._times[frame.last_mark & _TIMES_MASK],
                state.connection,
                frame.from_client,
                verb,
                msg_id,
                frame.timeout_ms,
                frame.duration_us,
                frame.payload,
                request,
                request_frame,
                acknowledges,
                acknowledges_frame,
                None,
                frame.reason,
            )
            self._out.append(message)
            if verb in SCHEMA_VERBS:
                self._learner.learn_rpc(message.body)

    def _first_ns(self, first_mark: int, last_mark: int) -> int:
        if last_mark - first_mark >= _TIMES:
            # Its first packet is too far back; the nearest that is known is the last one's.
            first_mark = last_mark
        return self._times[first_mark & _TIMES_MASK]

    def _learn_client_id(self, state: RpcState, payload: bytes) -> None:
        line = self._told_line or line_of_client_id(payload, state.connection.negotiated)
        decoded = TABLE.decode_or_none(_CLIENT_ID, line or state.connection.line, Role.REQUEST, payload)
        shard = getattr(decoded, "shard", None)
        address = getattr(decoded, "broadcast_address", None)
        if line is not None and self._told_line is None and line is not self._line:
            self._learn_line(line)
            self._is_line_certain = True
        state.connection = state.connection._replace(
            line=line or state.connection.line, client_shard=shard if isinstance(shard, int) else None
        )
        if isinstance(address, str):
            broadcast = address_key(address)
            if broadcast != state.client_key:
                # The node is known to others by an address that is not the one it sends from.
                self._broadcast[address_key(state.connection.client.address)] = broadcast
                state.client_key = broadcast

    def _learn_stream(self, state: RpcState, verb: int, payload: bytes) -> None:
        decoded = TABLE.decode_or_none(verb, state.connection.line, Role.REQUEST, payload)
        stream_id = getattr(decoded, "stream_id", None)
        if not isinstance(stream_id, int):
            return
        key = (state.connection.server.address, stream_id)
        self._streams[key] = verb
        opened = self._stream_states.get(key)
        if opened is not None:
            opened.connection = opened.connection._replace(stream_verb=verb)

    # CQL

    def _take_cql(self, flow: Flow, data: bytes, mark: int) -> None:
        state = flow.state
        assert isinstance(state, CqlState)
        if not self._blocked:
            rows: list[CqlRow] = []
            taken = state.decoder.read_run(flow.from_client, data, rows)
            if rows:
                self._add_cql_run(state, rows, mark, from_client=flow.from_client)
                if taken == len(data):
                    return
                data = data[taken:]
        frames = state.decoder.feed(flow.from_client, data, mark)
        if self._blocked:
            self._take_cql_frames(state, frames)
        elif frames:
            self._add_cql(state, frames)

    def _take_cql_frames(self, state: CqlState, frames: list[CqlFrame]) -> None:
        for frame in frames:
            self._hold(frame.last_mark, state, frame)
        self._release()

    def _add_cql_run(self, state: CqlState, rows: list[CqlRow], mark: int, *, from_client: bool) -> None:
        """Add messages that one packet holds whole."""
        append = self._out.append
        new = _new_tuple
        connection = state.connection
        connection_number = connection.number
        pending = state.pending
        clients = self._clients
        extensions = clients.extensions(connection_number)
        number = self._message_count
        time_ns = self._times[mark & _TIMES_MASK]
        for (version, flags, stream_id, opcode, _), body in rows:
            request = request_frame = prepared = None
            if from_client:
                kind = _KIND_REQUEST
                prepared = clients.take_request(connection_number, version, flags, stream_id, opcode, body)
                pending[stream_id] = (number, mark, prepared)
            else:
                version &= 0x7F
                if opcode == _CQL_EVENT:
                    kind = _KIND_ONE_WAY
                else:
                    kind = _KIND_EXCEPTION if opcode == _CQL_ERROR else _KIND_REPLY
                    request, request_frame, prepared = pending.pop(stream_id, _NO_REQUEST)
                    if prepared is None:
                        clients.take_response(connection_number, version, flags, stream_id, opcode, body)
            append(
                new(
                    Message,
                    (
                        number,
                        _CQL,
                        kind,
                        mark,
                        mark,
                        time_ns,
                        time_ns,
                        connection,
                        from_client,
                        opcode,
                        stream_id,
                        None,
                        None,
                        body,
                        request,
                        request_frame,
                        None,
                        None,
                        new(CqlPart, (version, flags, prepared, extensions)),
                        "",
                    ),
                )
            )
            number += 1
        self._message_count = number

    def _add_cql(self, state: CqlState, frames: list[CqlFrame]) -> None:
        """Add frames of any kind, of any packets."""
        connection = state.connection
        clients = self._clients
        for frame in frames:
            number = self._message_count
            request = request_frame = prepared = None
            extensions = clients.extensions(connection.number)
            if frame.opcode == CQL_UNDECODED:
                if not frame.body:
                    continue
                kind = Kind.UNDECODED
            elif frame.from_client:
                kind = Kind.REQUEST
                prepared = clients.take_request(
                    connection.number, frame.version, frame.flags, frame.stream_id, frame.opcode, frame.body
                )
                state.pending[frame.stream_id] = (number, frame.last_mark, prepared)
            elif frame.opcode == _CQL_EVENT:
                kind = Kind.ONE_WAY
            else:
                kind = Kind.EXCEPTION if frame.opcode == _CQL_ERROR else Kind.REPLY
                request, request_frame, prepared = state.pending.pop(frame.stream_id, _NO_REQUEST)
                clients.take_response(
                    connection.number, frame.version, frame.flags, frame.stream_id, frame.opcode, frame.body
                )
            self._message_count = number + 1
            is_undecoded = kind is Kind.UNDECODED
            self._out.append(
                Message(
                    number,
                    _CQL,
                    kind,
                    frame.first_mark,
                    frame.last_mark,
                    self._first_ns(frame.first_mark, frame.last_mark),
                    self._times[frame.last_mark & _TIMES_MASK],
                    connection,
                    frame.from_client,
                    None if is_undecoded else frame.opcode,
                    None if is_undecoded else frame.stream_id,
                    None,
                    None,
                    frame.body,
                    request,
                    request_frame,
                    None,
                    None,
                    CqlPart(frame.version, frame.flags, prepared, extensions),
                    frame.reason,
                )
            )


def _forget_oldest(waiting: dict[_K, _V]) -> None:
    """Give up an eighth of what waits for its pair; dictionaries keep their order."""
    for key in list(islice(waiting, len(waiting) // 8)):
        del waiting[key]
