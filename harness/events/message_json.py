"""A message as one JSON object: what ``harness decode --format jsonl`` writes.

==================  ==================================================================================
field               value
==================  ==================================================================================
frame_first         packet that holds the first byte; packets count from 1, as in Wireshark
frame_last          packet that holds the last byte
time_ns             when the message was complete, nanoseconds since 1970
protocol            rpc, cql
kind                negotiation, request, one_way, reply, exception, stream_data, stream_end, undecoded
connection          number of the connection in this capture, from 0
sender, receiver    ip:port, [ip]:port for IPv6
sender_node, ...    name of the node; null: unknown, or a client
verb, verb_number   verb or opcode; of a reply, that of its request; null: unknown, or none
msg_id              of CQL the stream id; null: none
timeout_ms          null: none in the header
payload_bytes       size of the payload
undecoded_bytes     bytes of it that could not be decoded; null: not looked at (--no-body)
body                the decoded payload; null: unknown, undecodable, or not asked for
request_frame       of a reply: last packet of its request
acknowledges_frame  of a MUTATION_DONE or MUTATION_FAILED: last packet of the write
reason              of undecoded bytes alone: why
==================  ==================================================================================
"""

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.rpc.exception_data import decode_exception
from harness.codec.rpc.negotiation import decode_negotiation
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.to_plain import to_plain
from harness.errors import DecodeError
from harness.events.message import Kind, Message, Protocol
from harness.events.plain_value import plain_message


def message_object(message: Message, *, with_body: bool = True) -> dict[str, object]:
    """Give the object, its fields in the order above.

    Args:
        message: any.
        with_body: without, payloads are not decoded, which saves most of the time.
    """
    body: object = None
    undecoded_bytes: int | None = len(message.payload) if message.kind is Kind.UNDECODED else None
    if with_body:
        body, undecoded_bytes = _body(message)
    plain: dict[str, object] = {
        "frame_first": message.frame_first,
        "frame_last": message.frame_last,
        "time_ns": message.time_ns,
        "protocol": message.protocol.value,
        "kind": message.kind.value,
        "connection": message.connection.number,
        "sender": _endpoint(message.sender),
        "receiver": _endpoint(message.receiver),
        "sender_node": message.sender_node,
        "receiver_node": message.receiver_node,
        "verb": message.verb_name or None,
        "verb_number": message.verb,
        "msg_id": message.msg_id,
        "timeout_ms": message.timeout_ms,
        "payload_bytes": len(message.payload),
        "undecoded_bytes": undecoded_bytes,
        "body": body,
        "request_frame": message.request_frame,
        "acknowledges_frame": message.acknowledges_frame,
    }
    if message.kind is Kind.UNDECODED:
        plain["reason"] = message.reason
    return plain


def _endpoint(endpoint: Endpoint) -> str:
    address, port = endpoint
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _body(message: Message) -> tuple[object, int]:
    if message.protocol is Protocol.RPC and message.kind in {Kind.NEGOTIATION, Kind.EXCEPTION}:
        return _handshake(message) if message.kind is Kind.NEGOTIATION else _exception(message)
    decoded = message.decoded
    body = decoded.body
    if isinstance(body, CqlMessage):
        prepared = None if message.cql is None else message.cql.prepared
        return plain_message(body, prepared), decoded.undecoded_bytes
    return (None if body is None else to_plain(body)), decoded.undecoded_bytes


def _exception(message: Message) -> tuple[object, int]:
    try:
        exception = decode_exception(message.payload)
    except DecodeError:
        return None, len(message.payload)
    text = exception.text
    plain: dict[str, object] = {"exception_type": exception.exception_type}
    if text is not None:
        plain["text"] = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if exception.verb is not None:
        plain["verb"] = exception.verb
    if exception.data:
        plain["data"] = exception.data.hex()
    return plain, 0


def _handshake(message: Message) -> tuple[object, int]:
    try:
        negotiation = decode_negotiation(message.payload)
    except DecodeError:
        return None, len(message.payload)
    return {
        "compressions": list(negotiation.compressions),
        "has_timeout": negotiation.has_timeout,
        "has_duration": negotiation.has_duration,
        "connection_id": negotiation.connection_id,
        "stream_parent": negotiation.stream_parent,
        "cookie": negotiation.cookie,
        "features": [[feature, data.hex()] for feature, data in negotiation.features],
    }, 0
