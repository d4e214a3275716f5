"""Wire types without parts: numbers, flags, byte strings, text, ids, addresses.

Source:
    Scylla, docs/dev/IDL.md; serializer.hh, serializer_impl.hh; utils/UUID.hh, gms/inet_address_serializer.hh.
"""

import ipaddress
import struct
import uuid
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Protocol

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.errors import DecodeError, EncodeError

LAYER = "verbs"

_U32 = struct.Struct("<I").unpack_from
_IPV6_MARK = 0xFFFFFFFF


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


class Number:
    """A number of fixed width; with ``enum``, a number with names (unknown ones stay plain numbers)."""

    def __init__(self, form: str, enum: type[IntEnum] | None = None) -> None:
        self.form = form
        self.enum = enum
        self.code = _CODES[form]
        """The number in the notation of ``struct``, for those who read several fields at once."""
        self.convert = None if enum is None else _naming(enum)
        """What turns the raw number into the value; None: nothing has to."""
        self.decode: Callable[[ByteReader], object] = _number_decoder(form, self.convert)
        self._pack = struct.Struct("<" + self.code).pack

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the number."""
        try:
            writer.put(self._pack(value))
        except struct.error as error:
            raise EncodeError(f"{value!r} does not fit in {self.form}") from error

    def accepts(self, value: object, /) -> bool:
        """Take any int."""
        return isinstance(value, int)

    def describe(self) -> str:
        """Give the width, and the names' class."""
        return self.form if self.enum is None else f"{self.form} {self.enum.__name__}"


class Bool:
    """u8, 0 or 1."""

    def decode(self, reader: ByteReader, /) -> object:
        """Read the flag."""
        value = reader.u8()
        if value > 1:
            raise DecodeError(f"flag {value}", layer=LAYER, offset_bytes=reader.position - 1)
        return value == 1

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the flag."""
        if not isinstance(value, bool):
            raise EncodeError(f"{value!r} is no flag")
        writer.put(b"\x01" if value else b"\x00")

    def accepts(self, value: object, /) -> bool:
        """Take a bool."""
        return isinstance(value, bool)

    def describe(self) -> str:
        """Name it."""
        return "bool"


class Bytes:
    """u32 length, then as many bytes."""

    def decode(self, reader: ByteReader, /) -> object:
        """Read the bytes."""
        return _take_blob(reader)

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write length and bytes."""
        if not isinstance(value, bytes):
            raise EncodeError(f"{value!r} is no bytes")
        writer.number("u32", len(value))
        writer.put(value)

    def accepts(self, value: object, /) -> bool:
        """Take bytes."""
        return isinstance(value, bytes)

    def describe(self) -> str:
        """Name it."""
        return "bytes"


class String:
    """u32 length, then as many bytes of UTF-8."""

    def decode(self, reader: ByteReader, /) -> object:
        """Read the text."""
        # surrogateescape: text that is not UTF-8 is a peer's business, and must encode to the same bytes.
        return _take_blob(reader).decode("utf-8", "surrogateescape")

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write length and text."""
        if not isinstance(value, str):
            raise EncodeError(f"{value!r} is no text")
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise EncodeError(f"{value!r} has no form in UTF-8") from error
        writer.number("u32", len(data))
        writer.put(data)

    def accepts(self, value: object, /) -> bool:
        """Take text."""
        return isinstance(value, str)

    def describe(self) -> str:
        """Name it."""
        return "string"


class Fixed:
    """Bytes of a fixed count, without a length."""

    convert: Callable[[bytes], object] | None = None

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.code = f"{size_bytes}s"
        """The bytes in the notation of ``struct``, for those who read several fields at once."""

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


@lru_cache(maxsize=4096)
def _uuid_of(raw: bytes) -> uuid.UUID:
    """Make a UUID of its wire form; ids of tables and hosts return in every message, so they are kept."""
    return uuid.UUID(bytes=raw[7::-1] + raw[:7:-1])


class UuidPair:
    """A UUID as two i64: most significant half first, each little endian."""

    code = "16s"
    convert = staticmethod(_uuid_of)

    def decode(self, reader: ByteReader, /) -> object:
        """Read the UUID."""
        return _uuid_of(reader.take(16, "a UUID"))

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write both halves."""
        if not isinstance(value, uuid.UUID):
            raise EncodeError(f"{value!r} is no UUID")
        raw = value.bytes
        writer.put(raw[7::-1] + raw[:7:-1])

    def accepts(self, value: object, /) -> bool:
        """Take a UUID."""
        return isinstance(value, uuid.UUID)

    def describe(self) -> str:
        """Name it."""
        return "UUID"


class Address:
    """An address as text: IPv4 as a u32, IPv6 as ffffffff and 16 bytes in network order."""

    def decode(self, reader: ByteReader, /) -> object:
        """Read the address."""
        number = reader.u32()
        if number != _IPV6_MARK:
            return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return str(ipaddress.IPv6Address(reader.take(16, "an IPv6 address")))

    def encode(self, writer: ByteWriter, value: object, /) -> None:
        """Write the address."""
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
        """Take text."""
        return isinstance(value, str)

    def describe(self) -> str:
        """Name it."""
        return "inet"


_CODES = {"u8": "B", "i8": "b", "u16": "H", "u32": "I", "u64": "Q", "i32": "i", "i64": "q"}


def _naming(enum: type[IntEnum]) -> Callable[[int], int]:
    names: dict[int, int] = {int(member): member for member in enum}

    def name(value: int) -> int:
        return names.get(value, value)

    return name


def _number_decoder(form: str, convert: Callable[[int], int] | None) -> Callable[[ByteReader], object]:
    """Make a decoder that spends one call on a number: numbers are most of what there is to decode."""
    whole = struct.Struct("<" + _CODES[form])
    unpack = whole.unpack_from
    size_bytes = whole.size

    def decode(reader: ByteReader) -> object:
        position = reader.position
        end = position + size_bytes
        if end > reader.end:
            reader.take(size_bytes, f"a {form}")  # raises TruncatedError
        reader.position = end
        return unpack(reader.data, position)[0]

    if convert is None:
        return decode
    return lambda reader: convert(decode(reader))  # type: ignore[arg-type]  # what unpack gives is an int


def _take_blob(reader: ByteReader) -> bytes:
    """Read a u32 length and as many bytes, in one call."""
    position = reader.position
    start = position + 4
    if start > reader.end:
        reader.take(4, "a length")  # raises TruncatedError
    end: int = start + _U32(reader.data, position)[0]
    if end > reader.end:
        reader.position = start
        reader.take(end - start, "a blob")  # raises TruncatedError
    reader.position = end
    return reader.data[start:end]
