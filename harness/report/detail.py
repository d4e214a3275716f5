"""What the panel of a page shows of one message: fields, meaning and bytes."""

from typing import NamedTuple

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.verbs.wire import is_declared
from harness.events.message import Message, Protocol
from harness.events.surroundings import Surroundings
from harness.report.contents_fields import contents_fields
from harness.report.cql_fields import cql_fields
from harness.report.field_node import FieldNode
from harness.report.rpc_fields import rpc_fields

PAYLOAD_BYTES_MAX = 32 * 1024
"""How many bytes of one payload a page holds."""


class Detail(NamedTuple):
    """One message, taken apart."""

    contents: tuple[FieldNode, ...]
    """What is written or read, in terms of tables."""
    fields: tuple[FieldNode, ...]
    """The payload field by field; empty where it could not be decoded."""
    payload: bytes
    """Its first bytes."""
    payload_bytes: int
    """Its size."""
    undecoded_bytes: int


def detail_of(message: Message, request: Message | None, surroundings: Surroundings) -> Detail:
    """Take a message apart.

    Args:
        message: any.
        request: the message that it answers, where that is known.
        surroundings: names of nodes and tables.
    """
    decoded = message.decoded
    body = decoded.body
    contents: tuple[FieldNode, ...] = ()
    fields: tuple[FieldNode, ...] = ()
    if message.protocol is Protocol.CQL:
        if isinstance(body, CqlMessage):
            prepared = None if message.cql is None else message.cql.prepared
            fields = cql_fields(body, message.payload, prepared, surroundings)
    elif is_declared(body):
        fields = rpc_fields(body, message.payload, surroundings)
        contents = contents_fields(body, None if request is None else request.body, surroundings)
    return Detail(
        contents,
        fields,
        message.payload[:PAYLOAD_BYTES_MAX],
        len(message.payload),
        decoded.undecoded_bytes,
    )
