"""A bounds-checked cursor over bytes, the one way in which decoders look at them.

Every read checks the bounds and raises ``TruncatedError`` with the offset; a count read from the wire is
checked against the bytes that remain before anything is allocated for it.
"""

import struct

from harness.errors import DecodeError, TruncatedError

_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from
_I32 = struct.Struct("<i").unpack_from
_I64 = struct.Struct("<q").unpack_from
_U16_BE = struct.Struct(">H").unpack_from
_I32_BE = struct.Struct(">i").unpack_from
_U32_BE = struct.Struct(">I").unpack_from
_I64_BE = struct.Struct(">q").unpack_from


class ByteReader:
    """Reads from ``data[position:end]``; little endian unless the method's name says ``_be``.

    Args:
        data: the bytes; never copied but by ``take``.
        position: where to start.
        end: where to stop; the length of data when None.
        layer: named in the errors that are raised.
    """

    __slots__ = ("data", "end", "layer", "position", "undecoded_bytes")

    def __init__(self, data: bytes, *, position: int = 0, end: int | None = None, layer: str) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end
        self.layer = layer
        self.undecoded_bytes = 0
        """Bytes passed over because no declaration names them; added up by the decoders."""

    @property
    def remaining(self) -> int:
        """Bytes between the cursor and the end."""
        return self.end - self.position

    def _advance(self, size_bytes: int, what: str) -> int:
        position = self.position
        if size_bytes > self.end - position:
            raise TruncatedError(
                f"{what} needs {size_bytes} bytes, {self.end - position} are left",
                layer=self.layer,
                offset_bytes=position,
            )
        self.position = position + size_bytes
        return position

    def take(self, size_bytes: int, what: str = "a byte string") -> bytes:
        """Return a copy of the next bytes.

        Raises:
            TruncatedError: fewer are left.
        """
        position = self._advance(size_bytes, what)
        return self.data[position : position + size_bytes]

    def u8(self) -> int:
        """One byte."""
        return self.data[self._advance(1, "a u8")]

    def i8(self) -> int:
        """One signed byte."""
        value = self.data[self._advance(1, "an i8")]
        return value - 256 if value > 127 else value

    def u16(self) -> int:
        """Two bytes, little endian."""
        value: int = _U16(self.data, self._advance(2, "a u16"))[0]
        return value

    def u32(self) -> int:
        """Four bytes, little endian."""
        value: int = _U32(self.data, self._advance(4, "a u32"))[0]
        return value

    def u64(self) -> int:
        """Eight bytes, little endian."""
        value: int = _U64(self.data, self._advance(8, "a u64"))[0]
        return value

    def i32(self) -> int:
        """Four bytes, little endian, signed."""
        value: int = _I32(self.data, self._advance(4, "an i32"))[0]
        return value

    def i64(self) -> int:
        """Eight bytes, little endian, signed."""
        value: int = _I64(self.data, self._advance(8, "an i64"))[0]
        return value

    def u16_be(self) -> int:
        """Two bytes, big endian."""
        value: int = _U16_BE(self.data, self._advance(2, "a u16"))[0]
        return value

    def u32_be(self) -> int:
        """Four bytes, big endian."""
        value: int = _U32_BE(self.data, self._advance(4, "a u32"))[0]
        return value

    def i32_be(self) -> int:
        """Four bytes, big endian, signed."""
        value: int = _I32_BE(self.data, self._advance(4, "an i32"))[0]
        return value

    def i64_be(self) -> int:
        """Eight bytes, big endian, signed."""
        value: int = _I64_BE(self.data, self._advance(8, "an i64"))[0]
        return value

    def count(self, what: str) -> int:
        """A u32 count of elements, each of at least one byte.

        Raises:
            DecodeError: more elements than bytes remain.
        """
        position = self.position
        count = self.u32()
        if count > self.end - self.position:
            raise DecodeError(
                f"{count} {what} in {self.end - self.position} bytes", layer=self.layer, offset_bytes=position
            )
        return count
