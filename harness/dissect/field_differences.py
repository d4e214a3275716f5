"""Field by field: one message of ours against Wireshark's at the same byte."""

from collections.abc import Iterator
from uuid import UUID

from harness.codec.cql.frame import FLAG_COMPRESSED
from harness.codec.verbs.read import ReadRequest
from harness.codec.verbs.writes import MutationRequest
from harness.dissect.disagreement import FieldDifference
from harness.dissect.frame_locator import Located
from harness.dissect.tshark_packet import KeyFields, Pdu
from harness.dissect.wireshark import Sighting
from harness.events.message import Kind, Message


def field_differences(ours: Located, sighting: Sighting) -> tuple[FieldDifference, ...]:
    """Compare what both know of a message; an empty tuple is the common case."""
    message, pdu = ours.message, sighting.pdu
    if (
        pdu.verb == message.verb
        and pdu.msg_id == message.msg_id
        and pdu.length_bytes == len(message.payload)
        and pdu.timeout_ms == message.timeout_ms
        and sighting.message.frame_last == message.frame_last
        and sighting.end == ours.end
        and pdu.key_fields is None
    ):
        return ()
    return tuple(_differences(ours, sighting))


def _differences(ours: Located, sighting: Sighting) -> Iterator[FieldDifference]:
    message, pdu = ours.message, sighting.pdu
    if _kind(message.kind) != _kind(pdu.kind):
        yield FieldDifference("kind", message.kind.value, pdu.kind.value)
    if pdu.verb != message.verb:
        yield FieldDifference("verb", str(message.verb), str(pdu.verb))
    if pdu.msg_id != message.msg_id:
        yield FieldDifference("msg_id", str(message.msg_id), str(pdu.msg_id))
    if pdu.length_bytes != len(message.payload) and not _is_compressed(message):
        yield FieldDifference("payload_bytes", str(len(message.payload)), str(pdu.length_bytes))
    if pdu.timeout_ms != message.timeout_ms:
        yield FieldDifference("timeout_ms", str(message.timeout_ms), str(pdu.timeout_ms))
    if sighting.message.frame_last != message.frame_last:
        yield FieldDifference("frame", str(message.frame_last), str(sighting.message.frame_last))
    if sighting.end != ours.end:
        yield FieldDifference("bytes", str(ours.end - ours.start), str(sighting.end - ours.start))
    if pdu.key_fields is not None and pdu.verb == message.verb and pdu.kind is _kind(message.kind):
        yield from _key_differences(message, pdu)


def _key_differences(message: Message, pdu: Pdu) -> Iterator[FieldDifference]:
    theirs = pdu.key_fields
    ours = _key_fields(message)
    if ours is None or theirs is None:
        yield FieldDifference("table_id", "undecoded", "decoded")
        return
    if ours.table_id != theirs.table_id:
        yield FieldDifference("table_id", ours.table_id.hex(), theirs.table_id.hex())
    if ours.schema_version != theirs.schema_version:
        yield FieldDifference("schema_version", ours.schema_version.hex(), theirs.schema_version.hex())
    if ours.partition_key != theirs.partition_key:
        yield FieldDifference("partition_key", _hex(ours.partition_key), _hex(theirs.partition_key))


def _key_fields(message: Message) -> KeyFields | None:
    """Return what our decoder says of the fields that Wireshark reads, in its form."""
    body = message.body
    if isinstance(body, MutationRequest):
        mutation = body.mutation
        return KeyFields(
            _as_on_wire(mutation.table_id),
            _as_on_wire(mutation.schema_version),
            tuple(mutation.key.components),
        )
    if isinstance(body, ReadRequest):
        command = body.command
        return KeyFields(_as_on_wire(command.table_id), _as_on_wire(command.schema_version), None)
    return None


def _as_on_wire(value: UUID) -> bytes:
    """Two halves, each little endian."""
    return value.bytes[7::-1] + value.bytes[:7:-1]


def _is_compressed(message: Message) -> bool:
    """Whether the length on the wire is that of a compressed CQL body, which we hold unpacked."""
    return message.cql is not None and bool(message.cql.flags & FLAG_COMPRESSED)


def _kind(kind: Kind) -> Kind:
    return {Kind.ONE_WAY: Kind.REQUEST, Kind.EXCEPTION: Kind.REPLY}.get(kind, kind)


def _hex(components: tuple[bytes, ...] | None) -> str:
    return "none" if components is None else ",".join(component.hex() for component in components)
