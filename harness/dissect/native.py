"""Our dissector: bytes of a capture file in, messages out, as they complete.

Memory is bounded, whatever the capture's size: what waits for its pair, or for the bytes of a lost packet, is
given up when there is too much of it, oldest first.

capture file -> packets -> segments -> byte streams (here) -> frames -> messages (``rpc_messages``,
``cql_messages``), in order of completion (``holding``).
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from harness.capture.sentinel import is_sentinel
from harness.codec.cql.connection import ConnectionDecoder as CqlDecoder
from harness.codec.cql.frame import Frame as CqlFrame
from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import (
    CaptureEvent,
    DroppedPackets,
    InterfaceStatistics,
    NameResolution,
    PacketRow,
    Truncated,
)
from harness.codec.rpc.connection import ConnectionDecoder as RpcDecoder
from harness.codec.rpc.frame import Frame as RpcFrame
from harness.codec.tcp.reassembly import ByteRun, Gap
from harness.codec.tcp.segment import (
    ACK,
    FIN,
    LINK_ETHERNET,
    RST,
    SYN,
    Segment,
    decode_plain_segment,
    decode_segment,
    endpoints_of,
    reversed_flow,
    why_not_tcp,
)
from harness.codec.verbs.line import Line
from harness.context import Context
from harness.dissect.assembly import TIMES_MASK, Assembly
from harness.dissect.cql_messages import CqlMessages
from harness.dissect.flows import CqlState, Flow, RpcState
from harness.dissect.holding import Holding
from harness.dissect.rpc_messages import RpcMessages
from harness.events.message import Connection, Message, Protocol
from harness.events.trace import LostBytes, Missing
from harness.schema import Schema
from harness.schema_learning import SchemaLearner
from harness.topology import Topology

RPC_PORTS = (7000,)
"""storage_port; what goes to ssl_storage_port, 7001, is encrypted."""
CQL_PORTS = (9042, 19042)
"""native_transport_port and native_shard_aware_transport_port."""

FLOWS_MAX = 65536
"""Most directions of connections; of more, the oldest closed ones are forgotten."""
LOST_MAX = 10000
"""Most losses that are listed one by one."""

_SEQUENCE_MASK = 0xFFFFFFFF


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
        self.first_time_ns: int | None = None
        """Time of the first packet."""
        self.last_time_ns: int | None = None
        """The latest time of a packet so far."""
        self._rpc_ports = frozenset(rpc_ports)
        self._cql_ports = frozenset(cql_ports)
        self._capture = CaptureDecoder()
        self._flows: dict[bytes, Flow] = {}
        self._closed: deque[bytes] = deque()
        self._assembly = Assembly()
        self._holding = Holding()
        self._connection_count = 0
        self._names: dict[str, str] = {node.address: node.name for node in self.topology.nodes}
        self._learner = SchemaLearner()
        self._rpc = RpcMessages(self._assembly, self._learner, line)
        self._cql = CqlMessages(self._assembly, self._learner)
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
    def wrapper_count(self) -> int:
        """Frames that were empty inside their compression; they are no messages."""
        return self._rpc.wrapper_count

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

    @property
    def held_up_from(self) -> int | None:
        """The first packet that cannot be read before others have come; None: there is none."""
        return min(self._holding.blocked.values(), default=None)

    def learn(self, context: Context) -> None:
        """Take what has become known of nodes and tables meanwhile; of connections that are to come it tells the nodes."""
        if context.topology != self.topology:
            self.topology = context.topology
            self._names.update({node.address: node.name for node in context.topology.nodes})
        self._learner.learn_context(context)

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes of the file; return the messages they complete, in order of completion.

        Raises:
            DecodeError: the file is no capture, or broken behind what was returned so far.
        """
        events, rows = self._capture.feed_rows(data)
        for event in events:
            self._note(event)
        if rows:
            if self.first_time_ns is None:
                self.first_time_ns = rows[0][1]
            self._take(rows)
            self.packet_count, time_ns = rows[-1][:2]
            self.last_time_ns = max(self.last_time_ns or 0, time_ns)
        return self._assembly.take()

    def settle(self) -> list[Message]:
        """Decide what is held up by what has come so far; return the messages that this gives.

        Connections that began before the capture show what they speak only by and by. For a caller who knows that
        nothing is on its way now that could give better evidence.
        """
        for what in tuple(self._holding.blocked):
            if isinstance(what, RpcState):
                self._hold_rpc(what, what.decoder.settle())
        return self._assembly.take()

    def close(self) -> list[Message]:
        """Return what the end of the capture leaves: frames cut off, bytes behind a loss.

        Raises:
            DecodeError: as ``feed``.
        """
        for event in self._capture.close():
            self._note(event)
        for flow in self._flows.values():
            self._end(flow)
        self._flows.clear()
        self._holding.blocked.clear()
        self._release()
        return self._assembly.take()

    def _take(self, rows: list[PacketRow]) -> None:
        # The loop that everything passes through; written out, and with the common case of TCP inline.
        flows = self._flows
        times = self._assembly.times
        for number, time_ns, link_type, data in rows:
            times[number & TIMES_MASK] = time_ns
            plain = decode_plain_segment(data) if link_type == LINK_ETHERNET else None
            if plain is not None:
                flow_key, sequence, acknowledgement, flags, payload = plain
                missing_bytes = 0
            else:
                segment = decode_segment(link_type, data)
                if segment is None:
                    self._skip(link_type, data)
                    continue
                flow_key, sequence, acknowledgement, flags, payload, missing_bytes = segment
            flow = flows.get(flow_key)
            if flow is None:
                flow = self._open(flow_key, flags, number)
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
                    if flow.rpc is not None:
                        self._take_rpc(flow.rpc, flow.from_client, payload, number)
                    elif flow.cql is not None:
                        self._take_cql(flow.cql, flow.from_client, payload, number)
            else:
                segment = Segment(flow_key, sequence, acknowledgement, flags, payload, missing_bytes)
                flow = self._take_odd(flow, segment, number)
            if flags & ACK and acknowledgement != flow.peer.byte_stream.next_sequence:
                peer = flow.peer
                if peer is not flow:
                    self._take_runs(peer, peer.byte_stream.acknowledged(acknowledgement, number), number)

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
        if is_sentinel(link_type, data):
            return
        self._skipped_packets += 1
        if not self._unsupported:
            self._unsupported = why_not_tcp(link_type, data)

    # TCP

    def _open(self, flow_key: bytes, flags: int, number: int) -> Flow | None:
        """Begin a connection with its first segment, or say that it is none of ours."""
        source, destination = endpoints_of(flow_key)
        is_rpc = source.port in self._rpc_ports or destination.port in self._rpc_ports
        if not is_rpc and source.port not in self._cql_ports and destination.port not in self._cql_ports:
            return None
        if len(self._flows) >= FLOWS_MAX:
            self._forget_closed()
        syn_seen = bool(flags & SYN)
        ports = self._rpc_ports if is_rpc else self._cql_ports
        # The SYN without ACK comes from the client; without it, who listens on the port is the server.
        source_is_client = not flags & ACK if syn_seen else destination.port in ports
        client, server = (source, destination) if source_is_client else (destination, source)
        connection = Connection(
            self._connection_count,
            Protocol.RPC if is_rpc else Protocol.CQL,
            client,
            server,
            self._names.get(client.address),
            self._names.get(server.address),
            number,
            syn_seen,
            None,
            self._rpc.line,
            None,
            None,
            None,
        )
        self._connection_count += 1
        state: RpcState | CqlState
        if is_rpc:
            state = RpcState(
                connection,
                RpcDecoder(syn_seen=syn_seen, assumed=None if syn_seen else self._rpc.hint),
                keys=self._rpc.keys_of(client, server),
            )
            self._rpc.open(state)
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
            opened = self._open(segment.flow_key, segment.flags, number)
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
            self._holding.block(flow, number)
        for run in runs:
            if isinstance(run, ByteRun):
                if flow.rpc is not None:
                    self._take_rpc(flow.rpc, flow.from_client, run.data, run.mark)
                elif flow.cql is not None:
                    self._take_cql(flow.cql, flow.from_client, run.data, run.mark)
            else:
                self._take_gap(flow, run)
        if not flow.byte_stream.has_pending and self._holding.unblock(flow):
            self._release()

    def _take_gap(self, flow: Flow, gap: Gap) -> None:
        state = flow.state
        if len(self._lost) < LOST_MAX:
            self._lost.append(LostBytes(state.connection, flow.from_client, gap.mark, gap.lost_bytes))
        if isinstance(state, RpcState):
            self._hold_rpc(state, state.decoder.gap(flow.from_client, gap.mark, gap.lost_bytes))
        else:
            self._hold_cql(state, state.decoder.gap(flow.from_client, gap.mark))

    def _end(self, flow: Flow) -> None:
        """Give what both streams of a connection still hold back, then what its frames leave."""
        state = flow.state
        if state.is_closed:
            return
        state.is_closed = True
        self._take_runs(flow, flow.byte_stream.close(), self.packet_count)
        self._take_runs(flow.peer, flow.peer.byte_stream.close(), self.packet_count)
        if isinstance(state, RpcState):
            self._hold_rpc(state, state.decoder.close())
            self._rpc.close(state)
        else:
            self._hold_cql(state, state.decoder.close())
            self._cql.close(state)

    # Frames; arguments by position, which halves the cost of a call.

    def _take_rpc(self, state: RpcState, from_client: bool, data: bytes, mark: int) -> None:
        decoder = state.decoder
        rpc = self._rpc
        blocked = self._holding.blocked
        if not blocked and rpc.is_line_certain and decoder.negotiated is state.negotiated:
            taken = (
                rpc.take_requests(state, data, mark) if from_client else rpc.take_replies(state, data, mark)
            )
            if taken == len(data):
                return
            if taken:
                data = data[taken:]
        frames = decoder.feed(from_client, data, mark)
        if decoder.held_mark is not None or blocked:
            self._hold_rpc(state, frames)
        elif frames:
            rpc.add(state, frames)

    def _hold_rpc(self, state: RpcState, frames: list[RpcFrame]) -> None:
        """Take frames while some bytes are held back, so that messages come out in order of completion."""
        held_mark = state.decoder.held_mark
        self._holding.unblock(state)
        if held_mark is not None:
            self._holding.block(state, held_mark)
        for frame in frames:
            self._holding.hold((state, frame))
        self._release()

    def _take_cql(self, state: CqlState, from_client: bool, data: bytes, mark: int) -> None:
        blocked = self._holding.blocked
        if not blocked:
            taken = self._cql.take_run(state, from_client, data, mark)
            if taken == len(data):
                return
            if taken:
                data = data[taken:]
        frames = state.decoder.feed(from_client, data, mark)
        if blocked:
            self._hold_cql(state, frames)
        elif frames:
            self._cql.add(state, frames)

    def _hold_cql(self, state: CqlState, frames: list[CqlFrame]) -> None:
        for frame in frames:
            self._holding.hold((state, frame))
        self._release()

    def _release(self) -> None:
        for state, frame in self._holding.release():
            if isinstance(state, RpcState):
                assert isinstance(frame, RpcFrame)
                self._rpc.add(state, [frame])
            else:
                assert isinstance(frame, CqlFrame)
                self._cql.add(state, [frame])
