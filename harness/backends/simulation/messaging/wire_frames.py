"""Frames as they leave a node: header, payload, and the compression that was agreed on."""

from harness.codec.rpc.compression import wrap
from harness.codec.rpc.headers import (
    REPLY_HEADER,
    REQUEST_HEADER,
    REQUEST_HEADER_UNTIMED,
    STREAM_END_LENGTH,
    STREAM_HEADER,
)
from harness.codec.rpc.negotiation import Negotiated


def request_bytes(negotiated: Negotiated, verb: int, msg_id: int, timeout_ms: int, payload: bytes) -> bytes:
    """A request."""
    if negotiated.has_timeout:
        head = REQUEST_HEADER.pack(timeout_ms, verb, msg_id, len(payload))
    else:
        head = REQUEST_HEADER_UNTIMED.pack(verb, msg_id, len(payload))
    return _wrapped(negotiated, head + payload)


def reply_bytes(negotiated: Negotiated, msg_id: int, payload: bytes) -> bytes:
    """A reply; an exception if ``msg_id`` is negative."""
    return _wrapped(negotiated, REPLY_HEADER.pack(msg_id, len(payload)) + payload)


def stream_bytes(negotiated: Negotiated, payload: bytes) -> bytes:
    """A frame of a stream."""
    return _wrapped(negotiated, STREAM_HEADER.pack(len(payload)) + payload)


def stream_end_bytes(negotiated: Negotiated) -> bytes:
    """The end of one direction of a stream."""
    return _wrapped(negotiated, STREAM_HEADER.pack(STREAM_END_LENGTH))


def _wrapped(negotiated: Negotiated, frame: bytes) -> bytes:
    return frame if negotiated.compression is None else wrap(negotiated.compression, frame)
