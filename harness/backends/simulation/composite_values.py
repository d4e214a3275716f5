"""Values made of other values, as the bytes of their parts: collections, tuples, user-defined types.

Source: native_protocol_v4.spec, "6. Data Type Serialization Formats" (list, map, set) and "7. User Defined Types".
"""

import struct
from collections.abc import Iterable, Sequence

from harness.errors import DecodeError

_I32 = struct.Struct(">i")
_NULL = b"\xff\xff\xff\xff"


def collection_parts(data: bytes, *, parts_per_entry: int = 1) -> list[bytes]:
    """Return the elements of a list or set; of a map (parts_per_entry 2), keys and values alternately.

    Raises:
        DecodeError: the bytes are no collection, or an element is null.
    """
    if len(data) < 4:
        raise _error(f"collection of {len(data)} bytes", 0)
    (count,) = _I32.unpack_from(data)
    parts, position = _parts(data, 4, count * parts_per_entry)
    if position != len(data):
        raise _error(f"{len(data) - position} bytes after a collection of {count}", position)
    whole = [part for part in parts if part is not None]
    if len(whole) != len(parts):
        raise _error("null inside of a collection", 4)
    return whole


def collection_of(parts: Sequence[bytes], *, parts_per_entry: int = 1) -> bytes:
    """The mirror of ``collection_parts``."""
    return _I32.pack(len(parts) // parts_per_entry) + tuple_of(parts)


def tuple_parts(data: bytes) -> list[bytes | None]:
    """Return the fields of a tuple or user-defined type; those at the end may be missing.

    Raises:
        DecodeError: the bytes are no tuple.
    """
    parts: list[bytes | None] = []
    position = 0
    while position < len(data):
        some, position = _parts(data, position, 1)
        parts += some
    return parts


def tuple_of(parts: Iterable[bytes | None]) -> bytes:
    """The mirror of ``tuple_parts``."""
    return b"".join([_NULL if part is None else _I32.pack(len(part)) + part for part in parts])


def _parts(data: bytes, position: int, count: int) -> tuple[list[bytes | None], int]:
    if not 0 <= count * 4 <= len(data) - position:
        raise _error(f"{count} values in {len(data) - position} bytes", position)
    parts: list[bytes | None] = []
    for _ in range(count):
        if len(data) - position < 4:
            raise _error("value without its length", position)
        (size_bytes,) = _I32.unpack_from(data, position)
        position += 4
        if size_bytes < 0:
            parts.append(None)
            continue
        if size_bytes > len(data) - position:
            raise _error(f"value of {size_bytes} bytes, {len(data) - position} are left", position)
        parts.append(data[position : position + size_bytes])
        position += size_bytes
    return parts, position


def _error(what: str, offset_bytes: int) -> DecodeError:
    return DecodeError(what, layer="cql", offset_bytes=offset_bytes)
