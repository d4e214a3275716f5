"""The wire type of a declared class: its fields in order, in a frame or without one.

Source:
    Scylla, docs/dev/IDL.md (final and other classes, versioned fields); idl-compiler.py.
"""

import struct
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.verbs.compound_types import frame_error
from harness.codec.verbs.leaf_types import LAYER, WireType
from harness.codec.verbs.line import Line
from harness.errors import DecodeError, EncodeError

_Decoder = Callable[[ByteReader], object]
_Setter = Callable[[object, object], None]
_U32 = struct.Struct("<I").unpack_from


class Absent(Enum):
    """The type of ``ABSENT``: a field that the sender, being older, did not write at all."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent.ABSENT


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
        self._setters: tuple[_Setter, ...] = tuple(cls.__dict__[spec.name].__set__ for spec in specs)
        self._required = _steps(self.specs[:trailing_from], self._setters[:trailing_from])
        self._trailing = [
            (spec.wire.decode, setter)
            for spec, setter in zip(specs[trailing_from:], self._setters[trailing_from:], strict=True)
        ]
        self._set_unread: _Setter = cls.__dict__["unread"].__set__ if keeps_unread else _set_nothing
        self._new: Callable[[type], object] = object.__new__
        self._fixed_bytes = 0
        if is_sized and specs and all(_is_fixed(spec) for spec in specs):
            self._fixed_layout = _layout_of(specs, frame="I")
            self._fixed_bytes = self._fixed_layout.size
            self._distribute = _distributor(self.specs, self._setters)

    def decode(self, reader: ByteReader, /) -> object:
        """Read one instance of the declared class."""
        outer = end = reader.end
        if self.is_sized:
            start = reader.position
            fixed_bytes = self._fixed_bytes
            if fixed_bytes and start + fixed_bytes <= outer and reader.__class__ is ByteReader:
                # Tombstones, markers, backlogs: frame and fields at once, unless a newer sender has more.
                size_bytes, *numbers = self._fixed_layout.unpack_from(reader.data, start)
                if size_bytes == fixed_bytes:
                    value = self._new(self.cls)
                    self._distribute(value, numbers)
                    self._set_unread(value, b"")
                    reader.position = start + fixed_bytes
                    return value
            if start + 4 > outer:
                reader.take(4, f"the size of {self.cls.__name__}")  # raises TruncatedError
            size_bytes = _U32(reader.data, start)[0]
            end = start + size_bytes
            if size_bytes < 4 or end > outer:
                raise frame_error(self.cls.__name__, size_bytes, 4, outer - start, start)
            reader.position = start + 4
            reader.end = end
        value = self._new(self.cls)
        try:
            if reader.__class__ is ByteReader:
                for decode, setter in self._required:
                    setter(value, decode(reader))
                for decode, setter in self._trailing:
                    setter(value, decode(reader) if reader.position < end else ABSENT)
            else:
                self._decode_traced(typing.cast("TracingReader", reader), value)
        except DecodeError as error:
            raise self._located(error) from None
        if self.keeps_unread:
            if reader.position < end:
                unread = reader.take(end - reader.position)
                reader.undecoded_bytes += len(unread)
                self._set_unread(value, unread)
            else:
                self._set_unread(value, b"")
        reader.end = outer
        return value

    def _decode_traced(self, reader: "TracingReader", value: object) -> None:
        for spec, setter in zip(self.specs, self._setters, strict=True):
            start = reader.position
            if spec.is_trailing and start >= reader.end:
                setter(value, ABSENT)
                continue
            reader.path.append(spec.name)
            index = len(reader.spans)
            setter(value, spec.wire.decode(reader))
            path = ".".join(reader.path)
            reader.spans.insert(index, FieldSpan(path=path, start=start, end=reader.position))
            reader.path.pop()

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


def _is_fixed(spec: FieldSpec) -> bool:
    """Whether a field is always there and always of the same width."""
    return not spec.is_trailing and getattr(spec.wire, "code", None) is not None


def _layout_of(specs: Sequence[FieldSpec], *, frame: str = "") -> struct.Struct:
    return struct.Struct("<" + frame + "".join(getattr(spec.wire, "code", "") for spec in specs))


def _distributor(specs: Sequence[FieldSpec], setters: Sequence[_Setter]) -> _Setter:
    """Make what stores the unpacked numbers of several fields."""
    converts = [getattr(spec.wire, "convert", None) for spec in specs]
    if not any(converts):

        def store(value: object, numbers: object) -> None:
            for setter, number in zip(setters, typing.cast("tuple[object, ...]", numbers), strict=True):
                setter(value, number)

        return store
    targets = tuple(zip(setters, converts, strict=True))

    def convert_and_store(value: object, numbers: object) -> None:
        for (setter, convert), number in zip(
            targets, typing.cast("tuple[object, ...]", numbers), strict=True
        ):
            setter(value, number if convert is None else convert(number))

    return convert_and_store


def _steps(specs: Sequence[FieldSpec], setters: Sequence[_Setter]) -> list[tuple[_Decoder, _Setter]]:
    """Pair decoders and setters; neighbours of fixed width are read at once, which spares a call for each."""
    steps: list[tuple[_Decoder, _Setter]] = []
    position = 0
    while position < len(specs):
        end = position
        while end < len(specs) and _is_fixed(specs[end]):
            end += 1
        if end - position > 1:
            steps.append(
                (_run_decoder(specs[position:end]), _distributor(specs[position:end], setters[position:end]))
            )
            position = end
        else:
            steps.append((specs[position].wire.decode, setters[position]))
            position += 1
    return steps


def _run_decoder(run: Sequence[FieldSpec]) -> _Decoder:
    layout = _layout_of(run)
    unpack = layout.unpack_from
    size_bytes = layout.size
    names = ", ".join(spec.name for spec in run)

    def decode(reader: ByteReader) -> object:
        position = reader.position
        end = position + size_bytes
        if end > reader.end:
            reader.take(size_bytes, names)  # raises TruncatedError
        reader.position = end
        return unpack(reader.data, position)

    return decode


def _set_nothing(_value: object, _unread: object) -> None:
    """Stand in for the setter of ``unread`` where there is none."""
