"""Frames between nodes, as messages: named, paired with their requests and with the writes they acknowledge."""

import struct
from collections import deque
from enum import Enum
from typing import assert_never

from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.headers import REPLY_HEADER, REPLY_HEADER_TIMED, REQUEST_HEADER
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Role
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.write_identity import (
    NO_FORWARDS_BYTES,
    WRITE_ID_BYTES,
    AddressKey,
    address_key,
    no_forwards_from,
    peek_write_identity,
    write_id,
)
from harness.dissect.assembly import TIMES_MASK, Assembly
from harness.dissect.flows import RpcState, WriteTable
from harness.dissect.version_line import LineEvidence, line_of_client_id, line_of_negotiation
from harness.dissect.waiting import UNANSWERED_MAX, forget_oldest
from harness.events.message import Kind, Message, Protocol
from harness.schema_learning import SCHEMA_VERBS, SchemaLearner

WRITES_MAX = 65536
"""Most writes between two nodes that wait for acknowledgements; of more, the oldest are given up."""
ACKNOWLEDGED_MAX = 1024
"""Most acknowledged writes that are remembered, for those that are acknowledged twice."""
STREAMS_MAX = 4096
"""Most streams whose verb is remembered."""

_CLIENT_ID = 0
_PAXOS_LEARN = 41
_ONE_WAY = frozenset(row.number for row in TABLE.verbs if row.mode is Mode.ONE_WAY)


class _Action(Enum):
    """What a request is good for besides being a message; two-way requests that are not listed: nothing."""

    SAYS_NO_MORE = "one way, and no more"
    WRITES = "acknowledged on another connection, and begins with a mutation"
    LEARNS = "acknowledged on another connection, and begins with a proposal"
    ACKNOWLEDGES = "acknowledges such a write"
    INTRODUCES = "tells who sends on the connection"
    OPENS_STREAM = "names the connection of a stream"
    TELLS_SCHEMA = "carries definitions of tables"


_SAYS_NO_MORE = _Action.SAYS_NO_MORE
_WRITES = _Action.WRITES
_LEARNS = _Action.LEARNS
_ACKNOWLEDGES = _Action.ACKNOWLEDGES
_INTRODUCES = _Action.INTRODUCES
_OPENS_STREAM = _Action.OPENS_STREAM
_TELLS_SCHEMA = _Action.TELLS_SCHEMA
_ACTIONS: dict[int, _Action] = (
    dict.fromkeys(_ONE_WAY, _SAYS_NO_MORE)
    | dict.fromkeys(SCHEMA_VERBS, _TELLS_SCHEMA)
    | dict.fromkeys((row.number for row in TABLE.verbs if row.mode is Mode.STREAM), _OPENS_STREAM)
    # MUTATION, HINT_MUTATION; MUTATION_DONE, MUTATION_FAILED
    | dict.fromkeys((1, 42), _WRITES)
    | dict.fromkeys((2, 24), _ACKNOWLEDGES)
    | {_PAXOS_LEARN: _LEARNS, _CLIENT_ID: _INTRODUCES}
)
_ACTION_OF = [_ACTIONS.get(verb) for verb in range(max(_ACTIONS) + 1)]
"""The same by verb: an index takes a third of the time of a key."""
_ACTION_COUNT = len(_ACTION_OF)
_NO_REQUEST = (None, None, None)
_NO_WRITE = (None, b"")
_RPC = Protocol.RPC
_KIND_REQUEST = Kind.REQUEST
_KIND_ONE_WAY = Kind.ONE_WAY
_KIND_REPLY = Kind.REPLY
_KIND_EXCEPTION = Kind.EXCEPTION
# Half the time of Message(...), which goes through a function written in Python.
_new_tuple = tuple.__new__
# With the first number of the payload, which is the size of a mutation: asking for it apart takes longer.
_unpack_request = struct.Struct(REQUEST_HEADER.format + "I").unpack_from
_unpack_no_forwards_and_id = struct.Struct(f"{NO_FORWARDS_BYTES}s{WRITE_ID_BYTES}s").unpack_from
_unpack_reply = REPLY_HEADER.unpack_from
_unpack_reply_timed = REPLY_HEADER_TIMED.unpack_from


class RpcMessages:
    """Makes messages of the frames of all connections between nodes.

    Args:
        assembly: takes the messages.
        learner: takes what is learnt of the schema.
        line: the version line to assume where a connection does not tell it.
    """

    def __init__(self, assembly: Assembly, learner: SchemaLearner, line: Line | None) -> None:
        self.wrapper_count = 0
        """Frames that were empty inside their compression; they are no messages."""
        self.hint: Negotiated | None = None
        """What a connection that began in mid-stream may assume."""
        self.is_line_certain = line is not None
        """Whether messages need not be asked for the line any more."""
        self._assembly = assembly
        self._learner = learner
        self._writes: dict[tuple[AddressKey, AddressKey], WriteTable] = {}
        """Of coordinator and replica. A write leaves its table when it is acknowledged, so tables stay small."""
        self._acknowledged: deque[tuple[WriteTable, bytes, tuple[int, int]]] = deque(maxlen=ACKNOWLEDGED_MAX)
        self._broadcast: dict[AddressKey, AddressKey] = {}
        self._told_line = line
        self._line = line
        self._evidence = LineEvidence()
        self._states: dict[int, RpcState] = {}
        self._stream_verbs: dict[tuple[str, int], int] = {}
        self._stream_states: dict[tuple[str, int], RpcState] = {}

    @property
    def line(self) -> Line:
        """The line of the capture, as far as it is known."""
        return self._line or Line.V4_2

    def open(self, state: RpcState) -> None:
        """Take note of a connection."""
        self._states[state.connection.number] = state
        self._find_tables(state)

    def close(self, state: RpcState) -> None:
        """Forget a connection that has ended; its requests stay, for replies that are still held back."""
        self._states.pop(state.connection.number, None)

    def keys_of(self, client: Endpoint, server: Endpoint) -> tuple[AddressKey, AddressKey]:
        """The addresses by which the two nodes are named in writes and acknowledgements."""
        keys = address_key(client.address), address_key(server.address)
        return self._broadcast.get(keys[0], keys[0]), self._broadcast.get(keys[1], keys[1])

    def _find_tables(self, state: RpcState) -> None:
        state.no_forwards = no_forwards_from(state.client_key)
        state.writes_to = self._table_of(state.client_key, state.server_key)
        state.writes_from = self._table_of(state.server_key, state.client_key)

    def _table_of(self, coordinator: AddressKey, replica: AddressKey) -> WriteTable:
        return self._writes.setdefault((coordinator, replica), {})

    def take_requests(self, state: RpcState, data: bytes, mark: int) -> int:
        """Add the whole requests at the front of what a packet holds; return the offset of what is left.

        Written out for speed, like ``take_replies`` and ``CqlMessages.take_run``: here the time goes. The frames are
        those that ``RequestReader`` reads, without a Frame, or even a call, for each.
        """
        reader = state.decoder.quick_requests()
        if reader is None:
            return 0
        assembly = self._assembly
        append = assembly.messages.append
        actions = _ACTION_OF
        action_count = _ACTION_COUNT
        new = _new_tuple
        unpack = _unpack_request
        unpack_write = _unpack_no_forwards_and_id
        pending = state.pending
        no_forwards = state.no_forwards
        writes_to = state.writes_to
        writes_from = state.writes_from
        remember = self._acknowledged.append
        connection = state.connection
        number = assembly.count
        time_ns = assembly.times[mark & TIMES_MASK]
        size = len(data)
        # Requests without a payload at the end of a packet take the other way.
        header_end_max = size - 32
        position = 0
        while position <= header_end_max:
            timeout_ms, verb, msg_id, length, first = unpack(data, position)
            start = position + 28
            end = start + length
            if end > size or msg_id < 1:
                break
            payload = data[start:end]
            action = actions[verb] if verb < action_count else None
            acknowledges = acknowledges_frame = None
            kind = _KIND_ONE_WAY
            if action is None:
                kind = _KIND_REQUEST
                pending[msg_id] = (number, mark, verb)
            elif action is _ACKNOWLEDGES:
                key = payload[:WRITE_ID_BYTES]
                write = writes_from.pop(key, None)
                if write is not None:
                    remember((writes_from, key, write))
                else:
                    write = self._acknowledged_again(writes_from, key)
                if write is not None:
                    acknowledges, acknowledges_frame = write
            elif action is _WRITES:
                # Behind the mutation and its size, if the payload holds that much.
                behind = start + 4 + first
                forwards, key = unpack_write(data, behind) if behind + 20 <= end else _NO_WRITE
                if forwards == no_forwards:
                    writes_to[key] = (number, mark)
                else:
                    self._take_write(state, verb, payload, number, mark)
            elif action is _LEARNS:
                self._take_write(state, verb, payload, number, mark)
            elif action is not _SAYS_NO_MORE:
                kind = self._take_rare(state, action, verb, msg_id, payload, number, mark)
                connection = state.connection
                no_forwards, writes_to, writes_from = state.no_forwards, state.writes_to, state.writes_from
            append(
                new(
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
            )
            number += 1
            position = end
            if action is _TELLS_SCHEMA:
                self._learner.learn_rpc(assembly.messages[-1].body)
        if position:
            reader.last_msg_id = assembly.messages[-1].msg_id or 0
            assembly.count = number
            if len(writes_to) > WRITES_MAX or len(pending) > UNANSWERED_MAX:
                self._limit(state)
        return position

    def take_replies(self, state: RpcState, data: bytes, mark: int) -> int:
        """Add the whole replies at the front of what a packet holds; return the offset of what is left."""
        reader = state.decoder.quick_replies()
        if reader is None:
            return 0
        assembly = self._assembly
        append = assembly.messages.append
        new = _new_tuple
        has_duration = reader.has_duration
        unpack = _unpack_reply_timed if has_duration else _unpack_reply
        header_bytes = reader.header_bytes
        msg_id_max = reader.msg_id_max
        pop = state.pending.pop
        connection = state.connection
        number = assembly.count
        time_ns = assembly.times[mark & TIMES_MASK]
        size = len(data)
        header_end_max = size - header_bytes
        duration_us = None
        position = 0
        while position <= header_end_max:
            if has_duration:
                msg_id, length, duration_us = unpack(data, position)
            else:
                msg_id, length = unpack(data, position)
            start = position + header_bytes
            end = start + length
            kind = _KIND_REPLY
            if msg_id < 0:
                kind = _KIND_EXCEPTION
                msg_id = -msg_id
            if end > size or not 0 < msg_id <= msg_id_max:
                break
            request, request_frame, verb = pop(msg_id, _NO_REQUEST)
            append(
                new(
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
                        duration_us,
                        data[start:end],
                        request,
                        request_frame,
                        None,
                        None,
                        None,
                        "",
                    ),
                )
            )
            number += 1
            position = end
            if verb in SCHEMA_VERBS:
                self._learner.learn_rpc(assembly.messages[-1].body)
        if position:
            reader.last_msg_id = assembly.messages[-1].msg_id or 0
            assembly.count = number
        return position

    def add(self, state: RpcState, frames: list[Frame]) -> None:
        """Add frames of any kind, of any packets."""
        assembly = self._assembly
        if state.decoder.negotiated is not state.negotiated and state.decoder.negotiated is not None:
            self._learn_negotiation(state, state.decoder.negotiated)
        if not self.is_line_certain:
            self._weigh_evidence(frames)
        for frame in frames:
            number = assembly.count
            verb = frame.verb
            msg_id = frame.msg_id
            request = request_frame = acknowledges = acknowledges_frame = None
            match frame.kind:
                case FrameKind.REQUEST:
                    assert verb is not None
                    assert msg_id is not None
                    action = _ACTIONS.get(verb, _TELLS_SCHEMA)
                    if action is _ACKNOWLEDGES:
                        key = frame.payload[:WRITE_ID_BYTES]
                        write = state.writes_from.pop(key, None)
                        if write is not None:
                            self._acknowledged.append((state.writes_from, key, write))
                        else:
                            write = self._acknowledged_again(state.writes_from, key)
                        if write is not None:
                            acknowledges, acknowledges_frame = write
                    elif action in {_WRITES, _LEARNS}:
                        self._take_write(state, verb, frame.payload, number, frame.last_mark)
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
            assembly.count = number + 1
            message = Message(
                number,
                _RPC,
                kind,
                frame.first_mark,
                frame.last_mark,
                assembly.first_ns(frame.first_mark, frame.last_mark),
                assembly.time_ns(frame.last_mark),
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
            assembly.messages.append(message)
            if verb in SCHEMA_VERBS:
                self._learner.learn_rpc(message.body)
        self._limit(state)

    def _take_write(self, state: RpcState, verb: int, payload: bytes, number: int, mark: int) -> None:
        """Remember a write until it is acknowledged."""
        identity = peek_write_identity(verb, payload)
        if identity is not None:
            # A forwarded write is acknowledged to its coordinator, not to the node that sent it on.
            coordinator, shard, response_id = identity
            table = self._table_of(coordinator, state.server_key)
            table[write_id(shard, response_id)] = (number, mark)
            if len(table) > WRITES_MAX:
                forget_oldest(table)

    def _limit(self, state: RpcState) -> None:
        """Give up what has waited longest, where too much waits."""
        if len(state.writes_to) > WRITES_MAX:
            forget_oldest(state.writes_to)
        if len(state.pending) > UNANSWERED_MAX:
            forget_oldest(state.pending)

    def _acknowledged_again(self, table: WriteTable, key: bytes) -> tuple[int, int] | None:
        """Find a write that was acknowledged before; a replica that applied it, but failed to forward it, sends both."""
        known = (seen[2] for seen in reversed(self._acknowledged) if seen[1] == key and seen[0] is table)
        return next(known, None)

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

    def _learn_negotiation(self, state: RpcState, negotiated: Negotiated) -> None:
        state.negotiated = negotiated
        connection = state.connection
        line = line_of_negotiation(negotiated) if self._told_line is None else None
        # CLIENT_ID tells 6.2 from 2025.1 and so on; the negotiation only that it is none of the older ones.
        if line is not None and (self._line is None or (line >= Line.V6_2) != (self._line >= Line.V6_2)):
            self._learn_line(line)
            self.is_line_certain = True
        connection_id = negotiated.connection_id
        state.connection = connection = connection._replace(
            negotiated=negotiated,
            line=self._line or connection.line,
            server_shard=None if connection_id is None else connection_id & 0xFFFF,
        )
        self.hint = state.decoder.negotiated_hint() or self.hint
        if negotiated.is_stream and connection_id is not None:
            key = (connection.server.address, connection_id)
            self._stream_states[key] = state
            if len(self._stream_states) > STREAMS_MAX:
                forget_oldest(self._stream_states)
            verb = self._stream_verbs.get(key)
            if verb is not None:
                state.connection = connection._replace(stream_verb=verb)

    def _learn_line(self, line: Line) -> None:
        """Take a line for the capture, and for the connections that do not know better."""
        known, self._line = self._line, line
        for state in self._states.values():
            if known is None or state.connection.line is known:
                state.connection = state.connection._replace(line=line)

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
        self.is_line_certain = evidence.is_final

    def _learn_client_id(self, state: RpcState, payload: bytes) -> None:
        line = self._told_line or line_of_client_id(payload, state.connection.negotiated)
        decoded = TABLE.decode_or_none(_CLIENT_ID, line or state.connection.line, Role.REQUEST, payload)
        shard = getattr(decoded, "shard", None)
        address = getattr(decoded, "broadcast_address", None)
        if line is not None and self._told_line is None and line is not self._line:
            self._learn_line(line)
            self.is_line_certain = True
        state.connection = state.connection._replace(
            line=line or state.connection.line, client_shard=shard if isinstance(shard, int) else None
        )
        if isinstance(address, str):
            broadcast = address_key(address)
            if broadcast != state.client_key:
                # The node is known to others by an address that is not the one it sends from.
                self._broadcast[address_key(state.connection.client.address)] = broadcast
                state.client_key = broadcast
                self._find_tables(state)

    def _learn_stream(self, state: RpcState, verb: int, payload: bytes) -> None:
        decoded = TABLE.decode_or_none(verb, state.connection.line, Role.REQUEST, payload)
        stream_id = getattr(decoded, "stream_id", None)
        if not isinstance(stream_id, int):
            return
        key = (state.connection.server.address, stream_id)
        self._stream_verbs[key] = verb
        if len(self._stream_verbs) > STREAMS_MAX:
            forget_oldest(self._stream_verbs)
        opened = self._stream_states.get(key)
        if opened is not None:
            opened.connection = opened.connection._replace(stream_verb=verb)
