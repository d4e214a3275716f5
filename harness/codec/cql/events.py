"""EVENT: what a node tells without being asked; and changes of the schema, which RESULT tells the same way.

Source: native_protocol_v4.spec, "4.2.6. EVENT" and "4.2.5.5. Schema_change".
"""

from dataclasses import dataclass
from typing import ClassVar

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.notation import (
    Endpoint,
    read_endpoint,
    read_string,
    read_string_list,
    write_endpoint,
    write_string,
    write_string_list,
)
from harness.codec.cql.opcodes import Opcode


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyChange:
    """A node joined, moved or left."""

    change: str
    """NEW_NODE, REMOVED_NODE or MOVED_NODE."""

    node: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """A node went up or down."""

    change: str
    """UP or DOWN."""

    node: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """Something in the schema was created, updated or dropped."""

    change: str
    """CREATED, UPDATED or DROPPED."""

    target: str
    """KEYSPACE, TABLE, TYPE, FUNCTION or AGGREGATE."""

    keyspace: str
    name: str | None = None
    """Of the target; None if that is the keyspace."""

    argument_types: tuple[str, ...] | None = None
    """Of a function or an aggregate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherChange:
    """An event of a kind that the specification does not name; its bytes follow as ``Message.rest``."""

    event_type: str


Change = TopologyChange | StatusChange | SchemaChange | OtherChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """EVENT: sent to clients that asked for such by REGISTER."""

    opcode: ClassVar[Opcode] = Opcode.EVENT
    change: Change

    @property
    def event_type(self) -> str:
        """As REGISTER names it."""
        match self.change:
            case TopologyChange():
                return "TOPOLOGY_CHANGE"
            case StatusChange():
                return "STATUS_CHANGE"
            case SchemaChange():
                return "SCHEMA_CHANGE"
            case OtherChange():
                return self.change.event_type


def decode_event(reader: ByteReader) -> Event:
    """Read the body of an EVENT.

    Raises:
        DecodeError: it breaks the layout.
    """
    event_type = read_string(reader)
    match event_type:
        case "TOPOLOGY_CHANGE":
            return Event(change=TopologyChange(change=read_string(reader), node=read_endpoint(reader)))
        case "STATUS_CHANGE":
            return Event(change=StatusChange(change=read_string(reader), node=read_endpoint(reader)))
        case "SCHEMA_CHANGE":
            return Event(change=read_schema_change(reader))
        case _:
            return Event(change=OtherChange(event_type=event_type))


def encode_event(event: Event, writer: ByteWriter) -> None:
    """Write the body of an EVENT.

    Raises:
        EncodeError: a field does not fit.
    """
    write_string(writer, event.event_type)
    match event.change:
        case TopologyChange() | StatusChange():
            write_string(writer, event.change.change)
            write_endpoint(writer, event.change.node)
        case SchemaChange():
            write_schema_change(writer, event.change)
        case OtherChange():
            pass


def read_schema_change(reader: ByteReader) -> SchemaChange:
    """Read what SCHEMA_CHANGE tells."""
    change, target, keyspace = read_string(reader), read_string(reader), read_string(reader)
    name = None if target == "KEYSPACE" else read_string(reader)
    argument_types = read_string_list(reader) if target in ("FUNCTION", "AGGREGATE") else None
    return SchemaChange(
        change=change, target=target, keyspace=keyspace, name=name, argument_types=argument_types
    )


def write_schema_change(writer: ByteWriter, change: SchemaChange) -> None:
    """Write what SCHEMA_CHANGE tells."""
    for text in (change.change, change.target, change.keyspace):
        write_string(writer, text)
    if change.name is not None:
        write_string(writer, change.name)
    if change.argument_types is not None:
        write_string_list(writer, change.argument_types)
