"""The mirror of ``byte_reader``: appends numbers and bytes, raises ``EncodeError`` for what does not fit."""

import struct

from harness.errors import EncodeError

_FORMATS = {
    name: struct.Struct(form)
    for name, form in {
        "u8": "<B",
        "i8": "<b",
        "u16": "<H",
        "u32": "<I",
        "u64": "<Q",
        "i32": "<i",
        "i64": "<q",
        "u16_be": ">H",
        "u32_be": ">I",
        "i32_be": ">i",
        "i64_be": ">q",
    }.items()
}


class ByteWriter:
    """Collects bytes; little endian unless the name of the format says ``_be``."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def number(self, form: str, value: int) -> None:
        """Append a number in one of the forms u8 i8 u16 u32 u64 i32 i64, or with ``_be`` big endian.

        Raises:
            EncodeError: the number does not fit.
        """
        try:
            self._buffer += _FORMATS[form].pack(value)
        except struct.error as error:
            raise EncodeError(f"{value} does not fit in {form}") from error

    def put(self, data: bytes) -> None:
        """Append bytes as they are."""
        self._buffer += data

    def reserve_u32(self) -> int:
        """Append four bytes to be filled in by ``patch_u32``; return their offset."""
        self._buffer += b"\x00\x00\x00\x00"
        return len(self._buffer) - 4

    def patch_u32(self, offset_bytes: int, value: int) -> None:
        """Fill in what ``reserve_u32`` left open."""
        struct.pack_into("<I", self._buffer, offset_bytes, value)

    def getvalue(self) -> bytes:
        """Everything written so far."""
        return bytes(self._buffer)
