"""The notations of the CQL native protocol: strings, maps and addresses, on a reader and on a writer.

Each ``read_x`` raises TruncatedError or DecodeError, each ``write_x`` EncodeError.

Source: native_protocol_v4.spec, "3. Notations"; [inetaddr]: native_protocol_v5.spec, "3. Notations".
"""

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from uuid import UUID

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.errors import DecodeError, EncodeError


class Unset(Enum):
    """A bound value that changes nothing, which is not the same as null."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value


UNSET = Unset.UNSET

Value = bytes | None | Unset
"""A bound value as it stands in a request: its bytes, null, or not set."""


class Endpoint(NamedTuple):
    """[inet]: an address with a port."""

    address: IPv4Address | IPv6Address
    port: int


def _text(data: bytes, offset_bytes: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(
            f"string that is not UTF-8: {error.reason}", layer="cql", offset_bytes=offset_bytes
        ) from error


def read_string(reader: ByteReader) -> str:
    """[string]."""
    size_bytes = reader.u16_be()
    offset_bytes = reader.position
    return _text(reader.take(size_bytes, "a string"), offset_bytes)


def read_long_string(reader: ByteReader) -> str:
    """[long string]."""
    size_bytes = _size(reader, minimum=0)
    offset_bytes = reader.position
    return _text(reader.take(size_bytes, "a long string"), offset_bytes)


def read_string_list(reader: ByteReader) -> tuple[str, ...]:
    """[string list]."""
    return tuple(read_string(reader) for _ in range(reader.u16_be()))


def read_string_map(reader: ByteReader) -> tuple[tuple[str, str], ...]:
    """[string map], in the order of the wire."""
    return tuple((read_string(reader), read_string(reader)) for _ in range(reader.u16_be()))


def read_string_multimap(reader: ByteReader) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """[string multimap], in the order of the wire."""
    return tuple((read_string(reader), read_string_list(reader)) for _ in range(reader.u16_be()))


def read_bytes_map(reader: ByteReader) -> tuple[tuple[str, bytes | None], ...]:
    """[bytes map], in the order of the wire."""
    return tuple((read_string(reader), read_bytes(reader)) for _ in range(reader.u16_be()))


def read_short_bytes(reader: ByteReader) -> bytes:
    """[short bytes]."""
    return reader.take(reader.u16_be(), "short bytes")


def read_bytes(reader: ByteReader) -> bytes | None:
    """[bytes]; None for null."""
    size_bytes = reader.i32_be()
    return None if size_bytes < 0 else reader.take(size_bytes, "bytes")


def read_value(reader: ByteReader) -> Value:
    """[value]."""
    size_bytes = _size(reader, minimum=-2)
    if size_bytes >= 0:
        return reader.take(size_bytes, "a value")
    return None if size_bytes == -1 else UNSET


def read_uuid(reader: ByteReader) -> UUID:
    """[uuid]."""
    return UUID(bytes=reader.take(16, "a uuid"))


def read_address(reader: ByteReader) -> IPv4Address | IPv6Address:
    """[inetaddr]."""
    offset_bytes = reader.position
    size_bytes = reader.u8()
    if size_bytes == 4:
        return IPv4Address(reader.take(4))
    if size_bytes == 16:
        return IPv6Address(reader.take(16))
    raise DecodeError(f"address of {size_bytes} bytes", layer="cql", offset_bytes=offset_bytes)


def read_endpoint(reader: ByteReader) -> Endpoint:
    """[inet]."""
    return Endpoint(read_address(reader), reader.i32_be())


def _size(reader: ByteReader, *, minimum: int) -> int:
    offset_bytes = reader.position
    size_bytes = reader.i32_be()
    if size_bytes < minimum:
        raise DecodeError(f"size of {size_bytes}", layer="cql", offset_bytes=offset_bytes)
    return size_bytes


def write_string(writer: ByteWriter, text: str) -> None:
    """[string]."""
    write_short_bytes(writer, _utf8(text))


def write_long_string(writer: ByteWriter, text: str) -> None:
    """[long string]."""
    write_bytes(writer, _utf8(text))


def write_string_list(writer: ByteWriter, texts: Sequence[str]) -> None:
    """[string list]."""
    writer.number("u16_be", len(texts))
    for text in texts:
        write_string(writer, text)


def write_string_map(writer: ByteWriter, pairs: Sequence[tuple[str, str]]) -> None:
    """[string map]."""
    writer.number("u16_be", len(pairs))
    for key, value in pairs:
        write_string(writer, key)
        write_string(writer, value)


def write_string_multimap(writer: ByteWriter, pairs: Sequence[tuple[str, Sequence[str]]]) -> None:
    """[string multimap]."""
    writer.number("u16_be", len(pairs))
    for key, values in pairs:
        write_string(writer, key)
        write_string_list(writer, values)


def write_bytes_map(writer: ByteWriter, pairs: Sequence[tuple[str, bytes | None]]) -> None:
    """[bytes map]."""
    writer.number("u16_be", len(pairs))
    for key, value in pairs:
        write_string(writer, key)
        write_bytes(writer, value)


def write_short_bytes(writer: ByteWriter, data: bytes) -> None:
    """[short bytes]."""
    writer.number("u16_be", len(data))
    writer.put(data)


def write_bytes(writer: ByteWriter, data: bytes | None) -> None:
    """[bytes]."""
    if data is None:
        writer.number("i32_be", -1)
        return
    writer.number("i32_be", len(data))
    writer.put(data)


def write_value(writer: ByteWriter, value: Value) -> None:
    """[value]."""
    if isinstance(value, Unset):
        writer.number("i32_be", -2)
    else:
        write_bytes(writer, value)


def write_address(writer: ByteWriter, address: IPv4Address | IPv6Address) -> None:
    """[inetaddr]."""
    packed = address.packed
    writer.number("u8", len(packed))
    writer.put(packed)


def write_endpoint(writer: ByteWriter, endpoint: Endpoint) -> None:
    """[inet]."""
    write_address(writer, endpoint.address)
    writer.number("i32_be", endpoint.port)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise EncodeError(f"string without a form in UTF-8: {error.reason}") from error
