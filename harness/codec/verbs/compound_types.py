"""Wire types with parts: vectors, optionals, variants, frames.

Source:
    Scylla, docs/dev/IDL.md; idl-compiler.py (variants, writable views); serializer_impl.hh (containers).
"""

import struct
from collections.abc import Sequence

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.verbs.leaf_types import LAYER, WireType
from harness.errors import DecodeError, EncodeError, TruncatedError

_SIZE_AND_INDEX = struct.Struct("<II").unpack_from


class Vector:
    """u32 count, then the elements."""

    def __init__(self, element: WireType) -> None:
        self.element = element

    def decode(self, reader: ByteReader, /) -> object:
        """Read a tuple."""
        count = reader.count("elements")
        if count == 0:
            return ()
        decode = self.element.decode
        return tuple([decode(reader) for _ in range(count)])

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
        if value is None:
            writer.put(b"\x00")
        else:
            writer.put(b"\x01")
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
        self._decoders = tuple(alternative.decode for alternative in alternatives)

    def decode(self, reader: ByteReader, /) -> object:
        """Read whichever alternative stands there; it must fill the frame."""
        start = reader.position
        outer = reader.end
        if start + 8 > outer:
            reader.take(8, "size and index of a variant")  # raises TruncatedError
        size_bytes, index = _SIZE_AND_INDEX(reader.data, start)
        end = start + size_bytes
        if size_bytes < 8 or end > outer:
            raise frame_error("a variant", size_bytes, 8, outer - start, start)
        if index >= len(self._decoders):
            raise DecodeError(f"variant index {index}", layer=LAYER, offset_bytes=start + 4)
        reader.position = start + 8
        reader.end = end
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
        start = reader.position
        outer = reader.end
        size_bytes = reader.u32()
        end = start + size_bytes + (0 if self.counts_itself else 4)
        if end < start + 4 or end > outer:
            raise frame_error("a frame", size_bytes, 4 if self.counts_itself else 0, outer - start, start)
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
    """A u32 length that does not count itself, then one value; None where the length is 0."""

    def __init__(self, inner: WireType) -> None:
        super().__init__(inner, counts_itself=False)

    def decode(self, reader: ByteReader, /) -> object:
        """Read the value or None."""
        start = reader.position
        if reader.u32() == 0:
            return None
        reader.position = start
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


def frame_error(
    what: str, size_bytes: int, least_bytes: int, available_bytes: int, offset_bytes: int
) -> DecodeError:
    """Make the error for a frame whose size cannot be: too small for itself, or larger than what is there."""
    kind = DecodeError if size_bytes < least_bytes else TruncatedError
    return kind(
        f"size {size_bytes} of {what} with {available_bytes} bytes there",
        layer=LAYER,
        offset_bytes=offset_bytes,
    )


def _index_of(alternatives: Sequence[WireType], value: object) -> int:
    for index, alternative in enumerate(alternatives):
        if alternative.accepts(value):
            return index
    raise EncodeError(f"{value!r} is none of the alternatives")
