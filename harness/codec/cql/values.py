"""Values of CQL types: what a cell or a bound value holds, as Python sees it.

====================================  ====================================================================
type                                  Python
====================================  ====================================================================
int and the like, varint, counter     int
text, ascii; blob; boolean            str; bytes; bool
float, double; decimal                float; Decimal
uuid, timeuuid; inet                  uuid.UUID; IPv4Address or IPv6Address
timestamp                             datetime, in UTC without a zone; int milliseconds outside of its years
date; time; duration                  date, int days outside of its years; TimeOfDay; Duration
list, vector; set                     list; frozenset
map                                   dict
tuple, composite                      tuple
user-defined type                     dict by name of field
custom                                bytes, unless the class is known
====================================  ====================================================================

Inside a set, and as a key of a map, everything has to be hashable: a list is a tuple there, a map a tuple of pairs, a
user-defined type a tuple of its fields. All these forms can be encoded. null is None; bytes of length 0, which most
types allow and which are neither null nor zero, are ``EMPTY``.

Source: native_protocol_v5.spec, "6. Data Type Serialization Formats" and "7. User Defined Types"; vectors and
composites: org.apache.cassandra.db.marshal.VectorType and CompositeType.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from uuid import UUID

from harness.codec.cql.scalars import (
    Duration,
    TimeOfDay,
    decode_scalar,
    decode_unsigned_vint,
    encode_scalar,
    encode_unsigned_vint,
)
from harness.codec.cql.types import (
    CompositeType,
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    VectorType,
    type_from_marshal,
)
from harness.errors import DecodeError, EncodeError

__all__ = ["EMPTY", "Duration", "Empty", "TimeOfDay", "decode_value", "encode_value", "in_type_order"]

_I32 = struct.Struct(">i")
_U16 = struct.Struct(">H")


class Empty(Enum):
    """A value of no bytes."""

    EMPTY = "EMPTY"

    def __repr__(self) -> str:
        return self.value


EMPTY = Empty.EMPTY

_STRINGS = frozenset({ScalarType.TEXT, ScalarType.ASCII, ScalarType.BLOB})


def decode_value(cql_type: CqlType, data: bytes | None) -> object:
    """Return the value that data, without its length, holds.

    Raises:
        DecodeError: data has not the form of the type.
    """
    return None if data is None else _decode(cql_type, data, is_key=False)


def encode_value(cql_type: CqlType, value: object) -> bytes | None:
    """Return the bytes of a value, without their length; None for null.

    Raises:
        EncodeError: the value is not one of the type.
    """
    return None if value is None else _encode(cql_type, value)


_ORDERED_BY_VALUE = frozenset(
    {
        ScalarType.BIGINT,
        ScalarType.DECIMAL,
        ScalarType.DOUBLE,
        ScalarType.FLOAT,
        ScalarType.INT,
        ScalarType.SMALLINT,
        ScalarType.TINYINT,
        ScalarType.VARINT,
    }
)


def in_type_order(cql_type: CqlType, values: Iterable[bytes | None]) -> list[bytes | None]:
    """Return encoded values of a scalar type in the order in which nodes keep them; others in that of their bytes."""

    def key(data: bytes | None) -> tuple[int, float | int | Decimal, bytes]:
        number: float | int | Decimal = 0
        if data and cql_type in _ORDERED_BY_VALUE:
            decoded = _decode(cql_type, data, is_key=True)
            if isinstance(decoded, float | int | Decimal) and decoded == decoded:  # noqa: PLR0124 - NaN has no order
                number = decoded
        elif data and cql_type is ScalarType.TIMEUUID:
            number = UUID(bytes=data).time
        elif data and cql_type is ScalarType.TIMESTAMP:
            number = int.from_bytes(data, "big", signed=True)
        return (0 if data is None else 1), number, data or b""

    return sorted(values, key=key)


def _decode(cql_type: CqlType, data: bytes, *, is_key: bool) -> object:
    if isinstance(cql_type, ScalarType):
        if not data and cql_type not in _STRINGS:
            return EMPTY
        return decode_scalar(cql_type, data)
    if isinstance(cql_type, CustomType):
        known = type_from_marshal(cql_type.class_name).cql_type
        return data if isinstance(known, CustomType) else _decode(known, data, is_key=is_key)
    if not data:
        return EMPTY
    match cql_type:
        case ListType():
            elements = [
                _decode_or_none(cql_type.element, part, is_key=is_key) for part in _collection(data, 1)
            ]
            return tuple(elements) if is_key else elements
        case SetType():
            return frozenset(
                [_decode_or_none(cql_type.element, part, is_key=True) for part in _collection(data, 1)]
            )
        case MapType():
            parts = _collection(data, 2)
            pairs = [
                (
                    _decode_or_none(cql_type.key, key, is_key=True),
                    _decode_or_none(cql_type.value, value, is_key=is_key),
                )
                for key, value in zip(parts[::2], parts[1::2], strict=True)
            ]
            return tuple(pairs) if is_key else dict(pairs)
        case TupleType():
            return tuple(_decode_fields(cql_type.components, data, is_key=is_key))
        case UserType():
            values = _decode_fields([field for _, field in cql_type.fields], data, is_key=is_key)
            if is_key:
                return tuple(values)
            return {name: value for (name, _), value in zip(cql_type.fields, values, strict=True)}
        case VectorType():
            elements = _decode_vector(cql_type, data, is_key=is_key)
            return tuple(elements) if is_key else elements
        case CompositeType():
            return _decode_composite(cql_type, data)


def _decode_or_none(cql_type: CqlType, data: bytes | None, *, is_key: bool) -> object:
    return None if data is None else _decode(cql_type, data, is_key=is_key)


def _error(what: str, offset_bytes: int) -> DecodeError:
    return DecodeError(what, layer="cql", offset_bytes=offset_bytes)


def _collection(data: bytes, parts_per_entry: int) -> list[bytes | None]:
    """Return the parts of a collection: a count of entries, then each part with its length, i32."""
    if len(data) < 4:
        raise _error(f"collection of {len(data)} bytes", 0)
    (count,) = _I32.unpack_from(data)
    parts, position = _parts(data, 4, count * parts_per_entry)
    if position != len(data):
        raise _error(f"{len(data) - position} bytes after a collection of {count}", position)
    return parts


def _parts(data: bytes, position: int, count: int) -> tuple[list[bytes | None], int]:
    size = len(data)
    if not 0 <= count * 4 <= size - position:
        raise _error(f"{count} values in {size - position} bytes", position)
    unpack = _I32.unpack_from
    parts: list[bytes | None] = []
    for _ in range(count):
        if size - position < 4:
            raise _error("value without its length", position)
        (length,) = unpack(data, position)
        position += 4
        if length < 0:
            parts.append(None)
            continue
        end = position + length
        if end > size:
            raise _error(f"value of {length} bytes, {size - position} are left", position)
        parts.append(data[position:end])
        position = end
    return parts, position


def _decode_fields(types: Sequence[CqlType], data: bytes, *, is_key: bool) -> list[object]:
    """Return one value for each type; those that are missing at the end were added to the type later."""
    values: list[object] = []
    position = 0
    for cql_type in types:
        if position == len(data):
            values.append(None)
            continue
        (part,), position = _parts(data, position, 1)
        values.append(_decode_or_none(cql_type, part, is_key=is_key))
    if position != len(data):
        raise _error(f"{len(data) - position} bytes after {len(types)} fields", position)
    return values


_FIXED_BYTES = {
    ScalarType.BIGINT: 8,
    ScalarType.BOOLEAN: 1,
    ScalarType.DOUBLE: 8,
    ScalarType.FLOAT: 4,
    ScalarType.INT: 4,
    ScalarType.TIMESTAMP: 8,
    ScalarType.TIMEUUID: 16,
    ScalarType.UUID: 16,
}
"""What Cassandra calls the types of fixed length; within a vector only they stand without a length."""


def _fixed_bytes(cql_type: CqlType) -> int | None:
    if isinstance(cql_type, VectorType):
        element_bytes = _fixed_bytes(cql_type.element)
        return None if element_bytes is None else element_bytes * cql_type.dimension
    return _FIXED_BYTES.get(cql_type) if isinstance(cql_type, ScalarType) else None


def _decode_vector(cql_type: VectorType, data: bytes, *, is_key: bool) -> list[object]:
    fixed = _fixed_bytes(cql_type.element)
    dimension = cql_type.dimension
    if fixed is not None:
        if fixed * dimension != len(data):
            raise _error(f"{cql_type} of {len(data)} bytes", 0)
        return [
            _decode(cql_type.element, data[start : start + fixed], is_key=is_key)
            for start in range(0, len(data), fixed)
        ]
    values = []
    position = 0
    for _ in range(dimension):
        try:
            length, position = decode_unsigned_vint(data, position)
        except (IndexError, ValueError) as error:
            raise _error(f"{cql_type} of {len(data)} bytes", position) from error
        if length > len(data) - position:
            raise _error(f"element of {length} bytes, {len(data) - position} are left", position)
        values.append(_decode(cql_type.element, data[position : position + length], is_key=is_key))
        position += length
    if position != len(data):
        raise _error(f"{len(data) - position} bytes after {dimension} elements", position)
    return values


def _decode_composite(cql_type: CompositeType, data: bytes) -> tuple[object, ...]:
    """Each component: size u16, bytes, one byte that is 0 in a whole value. The last ones may be missing."""
    values = []
    position = 0
    for component in cql_type.components:
        if position == len(data):
            break
        if len(data) - position < 2:
            raise _error("component without its length", position)
        (length,) = _U16.unpack_from(data, position)
        end = position + 2 + length
        if end + 1 > len(data):
            raise _error(f"component of {length} bytes, {len(data) - position - 2} are left", position)
        values.append(_decode(component, data[position + 2 : end], is_key=True))
        position = end + 1
    if position != len(data):
        raise _error(f"{len(data) - position} bytes after {len(values)} components", position)
    return tuple(values)


def _encode(cql_type: CqlType, value: object) -> bytes:
    if value is EMPTY:
        return b""
    match cql_type:
        case ScalarType():
            return encode_scalar(cql_type, value)
        case CustomType():
            known = type_from_marshal(cql_type.class_name).cql_type
            return (
                encode_scalar(ScalarType.BLOB, value)
                if isinstance(known, CustomType)
                else _encode(known, value)
            )
        case ListType():
            elements = _sequence(cql_type, value)
            return _I32.pack(len(elements)) + _encode_parts(cql_type.element, elements)
        case SetType():
            distinct = {encode_value(cql_type.element, element) for element in _sequence(cql_type, value)}
            parts = in_type_order(cql_type.element, distinct)
            return _I32.pack(len(parts)) + b"".join([_with_size(part) for part in parts])
        case MapType():
            pairs = _pairs(cql_type, value)
            return _I32.pack(len(pairs)) + b"".join(
                _with_size(encode_value(cql_type.key, key)) + _with_size(encode_value(cql_type.value, item))
                for key, item in pairs
            )
        case TupleType():
            return _encode_fields(cql_type, cql_type.components, _sequence(cql_type, value))
        case UserType():
            fields: Sequence[object]
            if isinstance(value, Mapping):
                fields = [value.get(name) for name, _ in cql_type.fields]
            else:
                fields = _sequence(cql_type, value)
            return _encode_fields(cql_type, [field for _, field in cql_type.fields], fields)
        case VectorType():
            return _encode_vector(cql_type, _sequence(cql_type, value))
        case CompositeType():
            return _encode_composite(cql_type, _sequence(cql_type, value))


def _misfit(cql_type: CqlType, value: object) -> EncodeError:
    return EncodeError(f"{type(value).__name__} is not a value of {cql_type}, or does not fit")


def _sequence(cql_type: CqlType, value: object) -> Sequence[object]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise _misfit(cql_type, value)
    return list(value)


def _pairs(cql_type: CqlType, value: object) -> list[tuple[object, object]]:
    if isinstance(value, Mapping):
        return list(value.items())
    pairs = []
    for pair in _sequence(cql_type, value):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise _misfit(cql_type, value)
        pairs.append((pair[0], pair[1]))
    return pairs


def _with_size(data: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if data is None else _I32.pack(len(data)) + data


def _encode_parts(cql_type: CqlType, values: Iterable[object]) -> bytes:
    return b"".join([_with_size(encode_value(cql_type, value)) for value in values])


def _encode_fields(cql_type: CqlType, types: Sequence[CqlType], values: Sequence[object]) -> bytes:
    if len(values) > len(types):
        raise _misfit(cql_type, values)
    return b"".join(
        [_with_size(encode_value(field, value)) for field, value in zip(types, values, strict=False)]
    )


def _encode_vector(cql_type: VectorType, values: Sequence[object]) -> bytes:
    if len(values) != cql_type.dimension:
        raise _misfit(cql_type, values)
    fixed = _fixed_bytes(cql_type.element)
    parts = [_encode(cql_type.element, value) for value in values]
    if fixed is not None:
        if any(len(part) != fixed for part in parts):
            raise _misfit(cql_type, values)
        return b"".join(parts)
    return b"".join([encode_unsigned_vint(len(part)) + part for part in parts])


def _encode_composite(cql_type: CompositeType, values: Sequence[object]) -> bytes:
    if len(values) > len(cql_type.components):
        raise _misfit(cql_type, values)
    encoded = b""
    for component, value in zip(cql_type.components, values, strict=False):
        part = _encode(component, value)
        if len(part) > 0xFFFF:
            raise _misfit(cql_type, values)
        encoded += _U16.pack(len(part)) + part + b"\x00"
    return encoded
