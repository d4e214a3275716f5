"""The order of values of a type, in which nodes sort rows and compare values.

Source:
    Scylla, types.cc (compare of each type); Apache Cassandra documentation, "CQL", "Data Types".
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from harness.backends.simulation.composite_values import collection_parts, tuple_parts
from harness.codec.cql.types import CqlType, ListType, MapType, ScalarType, SetType, TupleType, UserType
from harness.codec.cql.values import decode_value

OrderKey = tuple[Any, ...]
"""What stands for a value in comparisons; only keys of one type can be compared with each other."""

KeyFunction = Callable[[bytes], OrderKey]


def order_of(cql_type: CqlType, *, is_reversed: bool = False) -> KeyFunction:
    """Return the function that turns encoded values of a type into keys that sort as the values do.

    Args:
        cql_type: the type.
        is_reversed: larger values come first.

    Returns:
        A function; it raises DecodeError for bytes that have not the form of the type.
    """
    function = _order_of(cql_type)
    if not is_reversed:
        return function

    def reversed_key(data: bytes) -> OrderKey:
        return (_Reversed(function(data)),)

    return reversed_key


class _Reversed:
    """Compares the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: OrderKey) -> None:
        self.key = key

    def __lt__(self, other: "_Reversed") -> bool:
        return other.key < self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _bytes_key(data: bytes) -> OrderKey:
    return (data,)


def _signed_key(data: bytes) -> OrderKey:
    return (int.from_bytes(data, "big", signed=True),) if data else ()


def _number_key(cql_type: CqlType) -> KeyFunction:
    def key(data: bytes) -> OrderKey:
        if not data:
            return ()
        value = decode_value(cql_type, data)
        assert isinstance(value, float | Decimal)
        # NaN is greater than every number.
        return (True,) if isinstance(value, float) and math.isnan(value) else (False, value)

    return key


def _timeuuid_key(data: bytes) -> OrderKey:
    # Equal times are decided by the bytes, which are signed in this comparison.
    return (UUID(bytes=data).time, data.translate(_SIGNED_ORDER)) if data else ()


def _uuid_key(data: bytes) -> OrderKey:
    if not data:
        return ()
    version = data[6] >> 4
    return (version, *_timeuuid_key(data)) if version == 1 else (version, data)


_SIGNED_ORDER = bytes(byte ^ 0x80 for byte in range(256))


def _sequence_key(types: Sequence[KeyFunction], parts: Sequence[bytes | None]) -> OrderKey:
    """Order by the first part that differs; null comes before every value, a longer one after its beginning."""
    return tuple(
        [(0,) if part is None else (1, types[index % len(types)](part)) for index, part in enumerate(parts)]
    )


def _order_of(cql_type: CqlType) -> KeyFunction:
    match cql_type:
        case ListType() | SetType():
            elements = [_order_of(cql_type.element)]
            return lambda data: _sequence_key(elements, collection_parts(data)) if data else ()
        case MapType():
            entry = [_order_of(cql_type.key), _order_of(cql_type.value)]
            return lambda data: (
                _sequence_key(entry, collection_parts(data, parts_per_entry=2)) if data else ()
            )
        case TupleType() | UserType():
            types = (
                cql_type.components
                if isinstance(cql_type, TupleType)
                else tuple([field for _, field in cql_type.fields])
            )
            fields = [_order_of(field) for field in types]
            return lambda data: _sequence_key(fields, tuple_parts(data)[: len(fields)])
        case ScalarType():
            return _SCALARS.get(cql_type) or _bytes_key
        case _:
            return _bytes_key


_SIGNED = (
    ScalarType.BIGINT,
    ScalarType.COUNTER,
    ScalarType.INT,
    ScalarType.SMALLINT,
    ScalarType.TIME,
    ScalarType.TIMESTAMP,
    ScalarType.TINYINT,
    ScalarType.VARINT,
)
_SCALARS: dict[ScalarType, KeyFunction] = {
    **dict.fromkeys(_SIGNED, _signed_key),
    ScalarType.DECIMAL: _number_key(ScalarType.DECIMAL),
    ScalarType.DOUBLE: _number_key(ScalarType.DOUBLE),
    ScalarType.FLOAT: _number_key(ScalarType.FLOAT),
    ScalarType.TIMEUUID: _timeuuid_key,
    ScalarType.UUID: _uuid_key,
}
