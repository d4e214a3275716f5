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

import ipaddress
import types
import typing
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from typing import Annotated, Protocol, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.verbs.line import Line
from harness.errors import DecodeError, EncodeError, TruncatedError

LAYER = "verbs"
_C = TypeVar("_C")


class Absent(Enum):
    """The type of ``ABSENT``: a field that the sender, being older, did not write at all."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent.ABSENT


class WireType(Protocol):
    """How values of one kind stand on the wire."""

    def decode(self, reader: ByteReader, /) -> object:
        """Read one value; raises DecodeError."""

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write one value; raises EncodeError."""

    def accepts(self, value: object, /) -> bool:
        """Whether a value is of this kind; variants choose their alternative by it."""

    def describe(self) -> str:
        """The layout in a word or two, for field documentation."""


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


class Number:
    """A number of fixed width; with ``enum``, a number with names (unknown ones stay plain numbers)."""

    def __init__(self, form: str, enum: type[IntEnum] | None = None) -> None:
        self.form = form
        self.enum = enum
        self._read: Callable[[ByteReader], int] = getattr(ByteReader, form)
        self._names: dict[int, IntEnum] = {} if enum is None else {int(member): member for member in enum}
        # Without names there is nothing to add to the reader's own method: spare a call.
        self.decode: Callable[[ByteReader], object] = self._read if enum is None else self._decode_named

    def _decode_named(self, reader: ByteReader, /) -> object:
        value = self._read(reader)
        return self._names.get(value, value)

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the number."""
        if not isinstance(value, int):
            raise EncodeError(f"{value!r} is no number")
        writer.number(self.form, value)

    def accepts(self, value: object, /) -> bool:
        """Take any int."""
        return isinstance(value, int)

    def describe(self) -> str:
        """Give the width, and the names' class."""
        return self.form if self.enum is None else f"{self.form} {self.enum.__name__}"


class _Flag:
    def decode(self, reader: ByteReader, /) -> object:
        value = reader.u8()
        if value > 1:
            raise DecodeError(f"flag {value}", layer=LAYER, offset_bytes=reader.position - 1)
        return value == 1

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        if not isinstance(value, bool):
            raise EncodeError(f"{value!r} is no flag")
        writer.number("u8", int(value))

    def accepts(self, value: object, /) -> bool:
        return isinstance(value, bool)

    def describe(self) -> str:
        return "bool"


class _Bytes:
    def decode(self, reader: ByteReader, /) -> object:
        return reader.take(reader.u32(), "a blob")

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        if not isinstance(value, bytes):
            raise EncodeError(f"{value!r} is no bytes")
        writer.number("u32", len(value))
        writer.put(value)

    def accepts(self, value: object, /) -> bool:
        return isinstance(value, bytes)

    def describe(self) -> str:
        return "bytes"


class _String:
    def decode(self, reader: ByteReader, /) -> object:
        # surrogateescape: text that is not UTF-8 is a peer's business, and must encode to the same bytes.
        return reader.take(reader.u32(), "a string").decode("utf-8", "surrogateescape")

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        if not isinstance(value, str):
            raise EncodeError(f"{value!r} is no text")
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise EncodeError(f"{value!r} has no form in UTF-8") from error
        writer.number("u32", len(data))
        writer.put(data)

    def accepts(self, value: object, /) -> bool:
        return isinstance(value, str)

    def describe(self) -> str:
        return "string"


class Fixed:
    """Bytes of a fixed count, without a length."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes

    def decode(self, reader: ByteReader, /) -> object:
        """Read the bytes."""
        return reader.take(self.size_bytes)

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the bytes."""
        if not isinstance(value, bytes) or len(value) != self.size_bytes:
            raise EncodeError(f"{value!r} is not {self.size_bytes} bytes")
        writer.put(value)

    def accepts(self, value: object, /) -> bool:
        """Take bytes of that count."""
        return isinstance(value, bytes) and len(value) == self.size_bytes

    def describe(self) -> str:
        """Give the count."""
        return f"{self.size_bytes} bytes"


class _Uuid:
    """Two i64: most significant half first, each little endian."""

    def decode(self, reader: ByteReader, /) -> object:
        raw = reader.take(16, "a UUID")
        return uuid.UUID(bytes=raw[7::-1] + raw[:7:-1])

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        if not isinstance(value, uuid.UUID):
            raise EncodeError(f"{value!r} is no UUID")
        raw = value.bytes
        writer.put(raw[7::-1] + raw[:7:-1])

    def accepts(self, value: object, /) -> bool:
        return isinstance(value, uuid.UUID)

    def describe(self) -> str:
        return "UUID"


_IPV6_MARK = 0xFFFFFFFF


class _Inet:
    """An address as text: IPv4 as a u32, IPv6 as ffffffff and 16 bytes in network order."""

    def decode(self, reader: ByteReader, /) -> object:
        number = reader.u32()
        if number != _IPV6_MARK:
            return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return str(ipaddress.IPv6Address(reader.take(16, "an IPv6 address")))

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        try:
            address = ipaddress.ip_address(str(value))
        except ValueError as error:
            raise EncodeError(f"{value!r} is no address") from error
        if address.version == 4 and int(address) == _IPV6_MARK:
            raise EncodeError("255.255.255.255 has no form on this wire")
        if address.version == 4:
            writer.number("u32", int(address))
        else:
            writer.number("u32", _IPV6_MARK)
            writer.put(address.packed)

    def accepts(self, value: object, /) -> bool:
        return isinstance(value, str)

    def describe(self) -> str:
        return "inet"


class Vector:
    """u32 count, then the elements."""

    def __init__(self, element: WireType) -> None:
        self.element = element

    def decode(self, reader: ByteReader, /) -> object:
        """Read a tuple."""
        decode = self.element.decode
        return tuple([decode(reader) for _ in range(reader.count("elements"))])

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the count and the elements."""
        if not isinstance(value, tuple):
            raise EncodeError(f"{value!r} is no tuple")
        writer.number("u32", len(value))
        encode = self.element.encode
        for item in value:
            encode(writer, item)

    def accepts(self, value: object, /) -> bool:
        """Take tuples."""
        return isinstance(value, tuple)

    def describe(self) -> str:
        """Give the element's layout in brackets."""
        return f"[{self.element.describe()}]"


class Group:
    """A few values one after the other."""

    def __init__(self, members: Sequence[WireType]) -> None:
        self.members = tuple(members)

    def decode(self, reader: ByteReader, /) -> object:
        """Read a tuple."""
        return tuple([member.decode(reader) for member in self.members])

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the members."""
        if not isinstance(value, tuple) or len(value) != len(self.members):
            raise EncodeError(f"{value!r} is no tuple of {len(self.members)}")
        for member, item in zip(self.members, value, strict=True):
            member.encode(writer, item)

    def accepts(self, value: object, /) -> bool:
        """Take tuples of that length."""
        return isinstance(value, tuple) and len(value) == len(self.members)

    def describe(self) -> str:
        """Give the members' layouts in parentheses."""
        return "(" + ", ".join(member.describe() for member in self.members) + ")"


class Maybe:
    """u8 flag, then the value if the flag is 1."""

    def __init__(self, inner: WireType) -> None:
        self.inner = inner

    def decode(self, reader: ByteReader, /) -> object:
        """Read the value or None."""
        flag = reader.u8()
        if flag == 0:
            return None
        if flag != 1:
            raise DecodeError(f"flag {flag} of an optional", layer=LAYER, offset_bytes=reader.position - 1)
        return self.inner.decode(reader)

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write flag and value."""
        writer.number("u8", 0 if value is None else 1)
        if value is not None:
            self.inner.encode(writer, value)

    def accepts(self, value: object, /) -> bool:
        """Take None or the inner kind."""
        return value is None or self.inner.accepts(value)

    def describe(self) -> str:
        """Give the inner layout with a question mark."""
        return f"?{self.inner.describe()}"


class PlainVariant:
    """u8 index, then that alternative."""

    def __init__(self, alternatives: Sequence[WireType]) -> None:
        self.alternatives = tuple(alternatives)

    def decode(self, reader: ByteReader, /) -> object:
        """Read whichever alternative stands there."""
        index = reader.u8()
        if index >= len(self.alternatives):
            raise DecodeError(f"variant index {index}", layer=LAYER, offset_bytes=reader.position - 1)
        return self.alternatives[index].decode(reader)

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the index of the first alternative that takes the value, and the value."""
        index = _index_of(self.alternatives, value)
        writer.number("u8", index)
        self.alternatives[index].encode(writer, value)

    def accepts(self, value: object, /) -> bool:
        """Take what any alternative takes."""
        return any(alternative.accepts(value) for alternative in self.alternatives)

    def describe(self) -> str:
        """List the alternatives."""
        return "VP<" + " | ".join(alternative.describe() for alternative in self.alternatives) + ">"


class WritableVariant:
    """u32 size of the whole, u32 index, then that alternative."""

    def __init__(self, alternatives: Sequence[WireType]) -> None:
        self.alternatives = tuple(alternatives)
        self._decoders = [alternative.decode for alternative in alternatives]

    def decode(self, reader: ByteReader, /) -> object:
        """Read whichever alternative stands there; it must fill the frame."""
        outer, end = _open_frame(reader, "a variant")
        index = reader.u32()
        if index >= len(self._decoders):
            raise DecodeError(f"variant index {index}", layer=LAYER, offset_bytes=reader.position - 4)
        value = self._decoders[index](reader)
        if reader.position != end:
            raise DecodeError(
                f"{end - reader.position} bytes left in a variant", layer=LAYER, offset_bytes=reader.position
            )
        reader.end = outer
        return value

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write size, index and value."""
        index = _index_of(self.alternatives, value)
        start = writer.reserve_u32()
        writer.number("u32", index)
        self.alternatives[index].encode(writer, value)
        writer.patch_u32(start, len(writer) - start)

    def accepts(self, value: object, /) -> bool:
        """Take what any alternative takes."""
        return any(alternative.accepts(value) for alternative in self.alternatives)

    def describe(self) -> str:
        """List the alternatives."""
        return "VW<" + " | ".join(alternative.describe() for alternative in self.alternatives) + ">"


class Framed:
    """A u32 length, counting itself or not, then exactly one value."""

    def __init__(self, inner: WireType, *, counts_itself: bool) -> None:
        self.inner = inner
        self.counts_itself = counts_itself

    def decode(self, reader: ByteReader, /) -> object:
        """Read the value, which must fill the frame."""
        if self.counts_itself:
            outer, end = _open_frame(reader, "a frame")
        else:
            size_bytes = reader.u32()
            outer, end = reader.end, reader.position + size_bytes
            if end > outer:
                raise TruncatedError(
                    f"blob of {size_bytes} bytes in {outer - reader.position}",
                    layer=LAYER,
                    offset_bytes=reader.position - 4,
                )
            reader.end = end
        value = self.inner.decode(reader)
        if reader.position != end:
            raise DecodeError(
                f"{end - reader.position} bytes left in a frame", layer=LAYER, offset_bytes=reader.position
            )
        reader.end = outer
        return value

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write length and value."""
        start = writer.reserve_u32()
        self.inner.encode(writer, value)
        writer.patch_u32(start, len(writer) - start - (0 if self.counts_itself else 4))

    def accepts(self, value: object, /) -> bool:
        """Take what the inner kind takes."""
        return self.inner.accepts(value)

    def describe(self) -> str:
        """Give the inner layout in braces or brackets of length."""
        inner = self.inner.describe()
        return f"S{{{inner}}}" if self.counts_itself else f"blob{{{inner}}}"


class FramedOrEmpty(Framed):
    """A u32 length, not counting itself, then one value; None where the length is 0."""

    def __init__(self, inner: WireType) -> None:
        super().__init__(inner, counts_itself=False)

    def decode(self, reader: ByteReader, /) -> object:
        """Read the value or None."""
        position = reader.position
        if reader.u32() == 0:
            return None
        reader.position = position
        return super().decode(reader)

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write length and value; only the length, 0, for None."""
        if value is None:
            writer.number("u32", 0)
        else:
            super().encode(writer, value)

    def accepts(self, value: object, /) -> bool:
        """Take None or what the inner kind takes."""
        return value is None or self.inner.accepts(value)

    def describe(self) -> str:
        """Give the inner layout with a question mark in the braces."""
        return f"blob{{?{self.inner.describe()}}}"


def _index_of(alternatives: Sequence[WireType], value: object) -> int:
    for index, alternative in enumerate(alternatives):
        if alternative.accepts(value):
            return index
    raise EncodeError(f"{value!r} is none of the alternatives")


def _open_frame(reader: ByteReader, what: str) -> tuple[int, int]:
    """Read a size that counts itself; narrow the reader to it; return the old and the new end."""
    start = reader.position
    size_bytes = reader.u32()
    end = start + size_bytes
    outer = reader.end
    if size_bytes < 4 or end > outer:
        kind = DecodeError if size_bytes < 4 else TruncatedError
        raise kind(
            f"size {size_bytes} of {what} with {outer - start} bytes there", layer=LAYER, offset_bytes=start
        )
    reader.end = end
    return outer, end


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One declared field."""

    name: str
    wire: WireType
    is_trailing: bool
    since: Line | None
    """The first line whose senders write it; None: always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpan:
    """Where one field of a decoded payload stands."""

    path: str
    """Names of fields, joined by dots; elements of vectors by their order among equals."""
    start: int
    end: int
    """Offsets in the payload, in bytes; end is exclusive."""


class Struct:
    """The wire type of a declared class."""

    def __init__(self, cls: type, specs: Sequence[FieldSpec], *, is_sized: bool, keeps_unread: bool) -> None:
        self.cls = cls
        self.specs = tuple(specs)
        self.is_sized = is_sized
        self.keeps_unread = keeps_unread
        trailing_from = next((i for i, spec in enumerate(specs) if spec.is_trailing), len(specs))
        if any(not spec.is_trailing for spec in specs[trailing_from:]):
            raise TypeError(f"{cls.__name__}: a field after a trailing field must be trailing as well")
        if trailing_from < len(specs) and not keeps_unread:
            raise TypeError(f"{cls.__name__}: a final class has no end of its own for a trailing field")
        # Slot descriptors store into a frozen instance without the price of object.__setattr__ by name.
        setters = [cls.__dict__[spec.name].__set__ for spec in specs]
        self._required = [
            (spec.wire.decode, setter)
            for spec, setter in zip(specs[:trailing_from], setters[:trailing_from], strict=True)
        ]
        self._trailing = [
            (spec.wire.decode, setter)
            for spec, setter in zip(specs[trailing_from:], setters[trailing_from:], strict=True)
        ]
        self._set_unread: Callable[[object, bytes], None] | None = (
            cls.__dict__["unread"].__set__ if keeps_unread else None
        )
        self._new: Callable[[type], object] = object.__new__

    def decode(self, reader: ByteReader, /) -> object:
        """Read one instance of the declared class."""
        outer = reader.end
        if self.is_sized:
            outer, end = _open_frame(reader, self.cls.__name__)
        else:
            end = outer
        value = self._new(self.cls)
        if reader.__class__ is not ByteReader:
            return self._decode_traced(typing.cast("TracingReader", reader), value, outer)
        try:
            for decode, setter in self._required:
                setter(value, decode(reader))
            for decode, setter in self._trailing:
                setter(value, decode(reader) if reader.position < end else ABSENT)
        except DecodeError as error:
            raise self._located(error) from None
        self._finish(reader, value, outer)
        return value

    def _finish(self, reader: ByteReader, value: object, outer: int) -> None:
        if self._set_unread is not None:
            if reader.position < reader.end:
                left = reader.take(reader.remaining)
                reader.undecoded_bytes += len(left)
                self._set_unread(value, left)
            else:
                self._set_unread(value, b"")
        reader.end = outer

    def _decode_traced(self, reader: "TracingReader", value: object, outer: int) -> object:
        for spec in self.specs:
            setter = self.cls.__dict__[spec.name].__set__
            if spec.is_trailing and reader.position >= reader.end:
                setter(value, ABSENT)
                continue
            start = reader.position
            reader.path.append(spec.name)
            index = len(reader.spans)
            try:
                setter(value, spec.wire.decode(reader))
            except DecodeError as error:
                raise self._located(error) from None
            reader.spans.insert(
                index, FieldSpan(path=".".join(reader.path), start=start, end=reader.position)
            )
            reader.path.pop()
        self._finish(reader, value, outer)
        return value

    def _located(self, error: DecodeError) -> DecodeError:
        """Name the innermost class in which the bytes went wrong."""
        if " in " in error.what and error.what.endswith(">"):
            return error
        return type(error)(
            f"{error.what} in <{self.cls.__name__}>", layer=error.layer, offset_bytes=error.offset_bytes
        )

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write one instance."""
        if not isinstance(value, self.cls):
            raise EncodeError(f"{value!r} is no {self.cls.__name__}")
        start = writer.reserve_u32() if self.is_sized else 0
        absent: str | None = None
        for spec in self.specs:
            item = getattr(value, spec.name)
            if item is ABSENT:
                if not spec.is_trailing:
                    raise EncodeError(f"{self.cls.__name__}.{spec.name} cannot be absent")
                absent = spec.name
                continue
            if absent is not None:
                raise EncodeError(f"{self.cls.__name__}.{spec.name} stands behind {absent}, which is absent")
            try:
                spec.wire.encode(writer, item)
            except EncodeError as error:
                raise EncodeError(f"{self.cls.__name__}.{spec.name}: {error}") from None
        if self.keeps_unread:
            unread = unread_of(value)
            if unread and absent is not None:
                raise EncodeError(f"{self.cls.__name__} has unread bytes behind {absent}, which is absent")
            writer.put(unread)
        if self.is_sized:
            writer.patch_u32(start, len(writer) - start)

    def accepts(self, value: object, /) -> bool:
        """Take instances of the class."""
        return isinstance(value, self.cls)

    def describe(self) -> str:
        """Give the class's name in the braces of its framing."""
        return f"{'S' if self.is_sized else 'F'}{{{self.cls.__name__}}}"


class TracingReader(ByteReader):
    """A reader that notes where each field of a declared class stands."""

    __slots__ = ("path", "spans")

    def __init__(self, data: bytes, *, layer: str = LAYER) -> None:
        super().__init__(data, layer=layer)
        self.path: list[str] = []
        self.spans: list[FieldSpan] = []


def unread_of(value: object) -> bytes:
    """Bytes at the end of a declared value's frame that no field names."""
    unread: bytes = getattr(value, "unread", b"")
    return unread


def wire_type_of(annotation: object) -> WireType:
    """Compile an annotation to its wire type.

    Raises:
        TypeError: the annotation has no wire type.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extras = get_args(annotation)
        for extra in extras:
            if extra is PLAIN or extra is WRITABLE:
                alternatives = [wire_type_of(member) for member in get_args(inner) if member is not Absent]
                return PlainVariant(alternatives) if extra is PLAIN else WritableVariant(alternatives)
            if extra is IN_BLOB_OR_EMPTY:
                optional = wire_type_of(inner)
                if not isinstance(optional, Maybe):
                    raise TypeError(f"{annotation}: a blob that may be empty holds T | None")
                return FramedOrEmpty(optional.inner)
            if extra is IN_BLOB or extra is IN_FRAME:
                return Framed(wire_type_of(inner), counts_itself=extra is IN_FRAME)
            if hasattr(extra, "decode"):
                return typing.cast("WireType", extra)
        return wire_type_of(inner)
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
    declared = dataclass(frozen=True, slots=True, kw_only=True)(cls)
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
Flag = Annotated[bool, _Flag()]
Blob = Annotated[bytes, _Bytes()]
Text = Annotated[str, _String()]
Uuid = Annotated[uuid.UUID, _Uuid()]
FramedUuid = Annotated[uuid.UUID, Framed(_Uuid(), counts_itself=True)]
"""A UUID in a frame of its own: the ids of Raft (server, group, snapshot) and of sessions."""
FramedU64 = Annotated[int, Framed(Number("u64"), counts_itself=True)]
"""A u64 in a frame of its own: Raft terms, indexes and read ids."""
FramedI64 = Annotated[int, Framed(Number("i64"), counts_itself=True)]
Inet = Annotated[str, _Inet()]
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
