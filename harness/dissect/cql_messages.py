"""Frames between clients and nodes, as messages: paired, and with the statements that they execute."""

from harness.codec.cql.frame import FLAG_COMPRESSED, HEADER, HEADER_BYTES, UNDECODED, Frame
from harness.codec.cql.opcodes import Opcode
from harness.dissect.assembly import TIMES_MASK, Assembly
from harness.dissect.clients import Clients
from harness.dissect.flows import CqlState
from harness.events.message import CqlPart, Kind, Message, Protocol
from harness.schema_learning import SchemaLearner

_NO_REQUEST = (None, None, None)
_CQL_EVENT = int(Opcode.EVENT)
_CQL_ERROR = int(Opcode.ERROR)
_CQL = Protocol.CQL
_KIND_REQUEST = Kind.REQUEST
_KIND_ONE_WAY = Kind.ONE_WAY
_KIND_REPLY = Kind.REPLY
_KIND_EXCEPTION = Kind.EXCEPTION
# Half the time of Message(...), which goes through a function written in Python.
_new_tuple = tuple.__new__
_unpack_header = HEADER.unpack_from


class CqlMessages:
    """Makes messages of the frames of all connections of clients.

    Args:
        assembly: takes the messages.
        learner: takes what is learnt of the schema.
    """

    def __init__(self, assembly: Assembly, learner: SchemaLearner) -> None:
        self._assembly = assembly
        self._clients = Clients(learner)

    def close(self, state: CqlState) -> None:
        """Forget a connection that has ended; its requests stay, for replies that are still held back."""
        self._clients.forget(state.connection.number)

    def take_run(self, state: CqlState, from_client: bool, data: bytes, mark: int) -> int:
        """Add the whole messages at the front of what a packet holds; return the offset of what is left.

        Written out for speed, like ``RpcMessages.take_requests``.
        """
        kinds = state.decoder.quick_kinds(from_client)
        if kinds is None:
            return 0
        versions, opcodes = kinds
        unpack = _unpack_header
        assembly = self._assembly
        append = assembly.messages.append
        new = _new_tuple
        connection = state.connection
        connection_number = connection.number
        pending = state.pending
        clients = self._clients
        extensions = clients.extensions(connection_number)
        number = assembly.count
        time_ns = assembly.times[mark & TIMES_MASK]
        part = state.request_part if from_client else state.reply_part
        if extensions is not part.extensions:
            part = part._replace(extensions=extensions)
        size = len(data)
        header_end_max = size - HEADER_BYTES
        position = 0
        while position <= header_end_max:
            version, flags, stream_id, opcode, body_bytes = unpack(data, position)
            start = position + HEADER_BYTES
            end = start + body_bytes
            if end > size or version not in versions or opcode not in opcodes or flags & FLAG_COMPRESSED:
                break
            body = data[start:end]
            position = end
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
            if prepared is not part.prepared or flags != part.flags or version != part.version:
                part = CqlPart(version, flags, prepared, extensions)
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
                        part,
                        "",
                    ),
                )
            )
            number += 1
        if position:
            assembly.count = number
            if from_client:
                state.request_part = part
            else:
                state.reply_part = part
        return position

    def add(self, state: CqlState, frames: list[Frame]) -> None:
        """Add frames of any kind, of any packets."""
        assembly = self._assembly
        connection = state.connection
        clients = self._clients
        for frame in frames:
            number = assembly.count
            request = request_frame = prepared = None
            extensions = clients.extensions(connection.number)
            if frame.opcode == UNDECODED:
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
            assembly.count = number + 1
            is_undecoded = kind is Kind.UNDECODED
            assembly.messages.append(
                Message(
                    number,
                    _CQL,
                    kind,
                    frame.first_mark,
                    frame.last_mark,
                    assembly.first_ns(frame.first_mark, frame.last_mark),
                    assembly.time_ns(frame.last_mark),
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
