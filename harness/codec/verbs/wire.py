"""Wire types: a payload is declared once, and decoder, encoder and field documentation come from it.

A declaration is a class whose annotations are wire types, in wire order:

    @sized
    class ReadTimeout:
        '''What it is. Source: where the layout is written.'''

        started: U64
        '''Unit and meaning.'''
        attempts: tuple[U32, ...]
        reason: Annotated[Text | Absent, Since(Line.V5_4)] = ABSENT

=========================================  ===========================================================================
annotation                                 on the wire
=========================================  ===========================================================================
``U8`` ... ``I64``                         fixed width, little endian
``Flag``                                   u8, 0 or 1
``Blob``, ``Text``                         u32 length, bytes
``tuple[T, ...]``                          u32 count, elements (vectors and sets; maps as ``tuple[tuple[K, V], ...]``)
``tuple[K, V]``                            both, one after the other
``T | None``                               u8 flag, then T if it is 1
``T | Absent``                             T, if bytes remain in the enclosing frame (or message)
a ``@sized`` class                         u32 size of the whole, itself included, then the fields
a ``@final`` class                         the fields
an ``@arguments`` class                    the fields: what a request, reply or stream frame carries as a whole
``Annotated[.., PLAIN]``                   of a union: u8 index, then that alternative
``Annotated[.., WRITABLE]``                of a union: u32 size (itself included), u32 index, then that alternative
``Annotated[T, IN_FRAME]``                 u32 size (itself included), then T
``Annotated[T, IN_BLOB]``                  u32 length of T, then T
``Annotated[T | None, IN_BLOB_OR_EMPTY]``  the same; length 0 for None
=========================================  ===========================================================================

Bytes at the end of a frame that no field names (a sender newer than this declaration) are kept in the
attribute ``unread`` that every sized and arguments class has, so that encoding gives them back.

Source:
    Scylla, docs/dev/IDL.md; idl-compiler.py (serialization rules); serializer.hh, serializer_impl.hh.
"""

import types
import typing
import uuid
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Annotated, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.verbs.compound_types import (
    Framed,
    FramedOrEmpty,
    Group,
    Maybe,
    PlainVariant,
    Vector,
    WritableVariant,
)
from harness.codec.verbs.declared_type import (
    ABSENT,
    Absent,
    FieldSpan,
    FieldSpec,
    Struct,
    TracingReader,
    unread_of,
)
from harness.codec.verbs.leaf_types import (
    LAYER,
    Address,
    Bool,
    Bytes,
    Fixed,
    Number,
    String,
    UuidPair,
    WireType,
)
from harness.codec.verbs.line import Line
from harness.codec.verbs.value_class import value_class
from harness.errors import DecodeError

__all__ = [
    "ABSENT",
    "I8",
    "I32",
    "I64",
    "IN_BLOB",
    "IN_BLOB_OR_EMPTY",
    "IN_FRAME",
    "LAYER",
    "PLAIN",
    "U8",
    "U16",
    "U32",
    "U64",
    "WRITABLE",
    "Absent",
    "Address",
    "Blob",
    "Bool",
    "Bytes",
    "Digest",
    "EmptyFrame",
    "FieldSpan",
    "FieldSpec",
    "Fixed",
    "Flag",
    "Framed",
    "FramedI64",
    "FramedOrEmpty",
    "FramedU64",
    "FramedUuid",
    "Group",
    "Inet",
    "Maybe",
    "Monostate",
    "Number",
    "PlainVariant",
    "Since",
    "String",
    "Struct",
    "Text",
    "TracingReader",
    "Uuid",
    "UuidPair",
    "Vector",
    "Void",
    "WireType",
    "WritableVariant",
    "arguments",
    "declared_fields",
    "decode_struct",
    "encode_struct",
    "field_names",
    "field_spans",
    "final",
    "is_declared",
    "sized",
    "struct_of",
    "unread_of",
    "wire_type_of",
]

_C = TypeVar("_C")


@dataclass(frozen=True)
class Since:
    """Marks a trailing field with the first version line whose senders write it."""

    line: Line


class _Marker(Enum):
    PLAIN = "plain variant"
    WRITABLE = "variant in a writable view"
    IN_BLOB = "in a blob"
    IN_BLOB_OR_EMPTY = "in a blob that may be empty"
    IN_FRAME = "in a frame"


PLAIN = _Marker.PLAIN
WRITABLE = _Marker.WRITABLE
IN_BLOB = _Marker.IN_BLOB
IN_BLOB_OR_EMPTY = _Marker.IN_BLOB_OR_EMPTY
IN_FRAME = _Marker.IN_FRAME


def wire_type_of(annotation: object) -> WireType:
    """Compile an annotation to its wire type.

    Raises:
        TypeError: the annotation has no wire type.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extras = get_args(annotation)
        wire: WireType | None = None
        # Annotated of Annotated is one Annotated: the extras stand in it from the innermost to the outermost.
        for extra in extras:
            if extra is PLAIN or extra is WRITABLE:
                alternatives = [wire_type_of(member) for member in get_args(inner) if member is not Absent]
                wire = PlainVariant(alternatives) if extra is PLAIN else WritableVariant(alternatives)
            elif extra is IN_BLOB or extra is IN_FRAME:
                wire = Framed(wire or wire_type_of(inner), counts_itself=extra is IN_FRAME)
            elif extra is IN_BLOB_OR_EMPTY:
                optional = wire or wire_type_of(inner)
                if not isinstance(optional, Maybe):
                    raise TypeError(f"{annotation}: a blob that may be empty holds T | None")
                wire = FramedOrEmpty(optional.inner)
            elif hasattr(extra, "decode"):
                wire = typing.cast("WireType", extra)
        return wire or wire_type_of(inner)
    if origin is tuple:
        members = get_args(annotation)
        if len(members) == 2 and members[1] is Ellipsis:
            return Vector(wire_type_of(members[0]))
        return Group([wire_type_of(member) for member in members])
    if origin in {typing.Union, types.UnionType}:
        members = tuple(member for member in get_args(annotation) if member is not Absent)
        if type(None) in members:
            rest = [member for member in members if member is not type(None)]
            if len(rest) == 1:
                return Maybe(wire_type_of(rest[0]))
        if len(members) == 1:
            return wire_type_of(members[0])
        raise TypeError(f"{annotation}: say whether the variant is PLAIN or WRITABLE")
    struct = getattr(annotation, "__wire__", None)
    if isinstance(struct, Struct):
        return struct
    raise TypeError(f"{annotation!r} is no wire type")


def _is_trailing(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_trailing(get_args(annotation)[0])
    return Absent in get_args(annotation)


def _declare(cls: type[_C], *, is_sized: bool, keeps_unread: bool) -> type[_C]:
    hints = get_type_hints(cls, include_extras=True)
    specs = []
    for name, annotation in hints.items():
        since = next(
            (extra.line for extra in getattr(annotation, "__metadata__", ()) if isinstance(extra, Since)),
            None,
        )
        specs.append(
            FieldSpec(
                name=name, wire=wire_type_of(annotation), is_trailing=_is_trailing(annotation), since=since
            )
        )
    if keeps_unread:
        cls.__annotations__["unread"] = bytes
        setattr(cls, "unread", field(default=b"", repr=False))  # noqa: B010  (the class does not declare it)
    declared = value_class(cls)
    setattr(declared, "__wire__", Struct(declared, specs, is_sized=is_sized, keeps_unread=keeps_unread))  # noqa: B010
    return declared


@dataclass_transform(frozen_default=True, kw_only_default=True)
def sized(cls: type[_C]) -> type[_C]:
    """Declare a class that stands in a frame of its own: u32 size, then its fields."""
    return _declare(cls, is_sized=True, keeps_unread=True)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def final(cls: type[_C]) -> type[_C]:
    """Declare a class without a frame, which can never grow."""
    return _declare(cls, is_sized=False, keeps_unread=False)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def arguments(cls: type[_C]) -> type[_C]:
    """Declare the whole payload of a request, reply or stream frame."""
    return _declare(cls, is_sized=False, keeps_unread=True)


def struct_of(cls: type) -> Struct:
    """Give the wire type of a declared class.

    Raises:
        TypeError: the class is not declared.
    """
    struct = getattr(cls, "__wire__", None)
    if not isinstance(struct, Struct):
        raise TypeError(f"{cls.__name__} is not declared as a wire type")
    return struct


def decode_struct(cls: type[_C], data: bytes) -> tuple[_C, int]:
    """Decode bytes that hold exactly one value of a declared class.

    Returns:
        The value, and how many bytes no declaration names (kept in the ``unread`` attributes).

    Raises:
        DecodeError: the bytes are not such a value.
    """
    reader = ByteReader(data, layer=LAYER)
    value = struct_of(cls).decode(reader)
    left = reader.remaining
    if left:
        raise DecodeError(
            f"{left} bytes left after {cls.__name__}", layer=LAYER, offset_bytes=reader.position
        )
    return typing.cast("_C", value), reader.undecoded_bytes


def encode_struct(value: object) -> bytes:
    """Encode a value of a declared class.

    Raises:
        EncodeError: a field holds what has no form on the wire.
    """
    writer = ByteWriter()
    struct_of(type(value)).encode(writer, value)
    return writer.getvalue()


def field_spans(cls: type, data: bytes) -> tuple[FieldSpan, ...]:
    """Say where each field of a payload stands, outer fields before inner ones.

    Raises:
        DecodeError: the bytes are not a value of that class.
    """
    reader = TracingReader(data)
    struct_of(cls).decode(reader)
    return tuple(reader.spans)


def declared_fields(cls: type) -> tuple[FieldSpec, ...]:
    """List the declared fields of a class in wire order."""
    return struct_of(cls).specs


def is_declared(value: object) -> bool:
    """Whether a value is an instance of a declared class."""
    return isinstance(getattr(type(value), "__wire__", None), Struct)


def field_names(value: object) -> tuple[str, ...]:
    """Names of the fields of an instance of a declared class, without ``unread``."""
    return tuple(item.name for item in fields(typing.cast("type", value)) if item.name != "unread")


U8 = Annotated[int, Number("u8")]
I8 = Annotated[int, Number("i8")]
U16 = Annotated[int, Number("u16")]
U32 = Annotated[int, Number("u32")]
U64 = Annotated[int, Number("u64")]
I32 = Annotated[int, Number("i32")]
I64 = Annotated[int, Number("i64")]
Flag = Annotated[bool, Bool()]
Blob = Annotated[bytes, Bytes()]
Text = Annotated[str, String()]
Uuid = Annotated[uuid.UUID, UuidPair()]
FramedUuid = Annotated[uuid.UUID, Framed(UuidPair(), counts_itself=True)]
"""A UUID in a frame of its own: the ids of Raft (server, group, snapshot) and of sessions."""
FramedU64 = Annotated[int, Framed(Number("u64"), counts_itself=True)]
"""A u64 in a frame of its own: Raft terms, indexes and read ids."""
FramedI64 = Annotated[int, Framed(Number("i64"), counts_itself=True)]
Inet = Annotated[str, Address()]
Digest = Annotated[bytes, Fixed(16)]


@final
class Monostate:
    """The empty alternative of a variant."""


@sized
class EmptyFrame:
    """A class without fields: ``04000000``."""


@arguments
class Void:
    """The payload of a verb without arguments, or of a reply without a value."""
