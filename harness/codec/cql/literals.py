"""Values as they are written in CQL.

Source: Apache Cassandra documentation, "CQL", "Definitions", "Constants", and "Data Types".
"""

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeGuard

from harness.codec.cql.notation import Unset
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
    identifier,
    type_from_marshal,
)
from harness.codec.cql.values import Duration, Empty, TimeOfDay, encode_value, in_type_order
from harness.errors import HarnessError

_QUOTED = frozenset({ScalarType.TEXT, ScalarType.ASCII, ScalarType.INET})


def cql_literal(cql_type: CqlType, value: object) -> str:
    """Return a value, as ``decode_value`` gives it, the way it is written in CQL: ``'it''s'``, ``0x68``, ``{1, 2}``.

    For display, so it never raises: what is not a value of the type is shown as Python shows it.
    """
    if value is None:
        return "null"
    if isinstance(value, Unset | Empty):
        return str(value.value)
    match cql_type:
        case ScalarType():
            return _scalar_literal(cql_type, value)
        case CustomType():
            known = _known(cql_type)
            return _scalar_literal(ScalarType.BLOB, value) if known is None else cql_literal(known, value)
        case ListType() | VectorType() if _is_sequence(value):
            return f"[{_joined(cql_type.element, value)}]"
        case SetType() if _is_sequence(value):
            return f"{{{_joined(cql_type.element, _in_order(cql_type.element, value))}}}"
        case MapType() if isinstance(value, Mapping):
            return _map_literal(cql_type, value.items())
        case MapType() if _is_sequence(value):
            return _map_literal(cql_type, value)
        case UserType() if isinstance(value, Mapping):
            types = dict(cql_type.fields)
            return _fields_literal(
                (name, types.get(str(name), ScalarType.BLOB), item) for name, item in value.items()
            )
        case UserType() if _is_sequence(value):
            return _fields_literal(
                (name, field, item) for (name, field), item in zip(cql_type.fields, value, strict=False)
            )
        case TupleType() | CompositeType() if _is_sequence(value):
            parts = zip(cql_type.components, value, strict=False)
            return f"({', '.join(cql_literal(component, item) for component, item in parts)})"
        case _:
            return repr(value)


def _known(cql_type: CustomType) -> CqlType | None:
    try:
        known = type_from_marshal(cql_type.class_name).cql_type
    except HarnessError:
        return None
    return None if isinstance(known, CustomType) else known


def _scalar_literal(scalar: ScalarType, value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return f"0x{value.hex()}"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # str refuses integers of more than 4300 digits; Decimal does not.
        return str(Decimal(value))
    if isinstance(value, float):
        return _float_literal(value)
    if isinstance(value, datetime):
        return _quoted(value.replace(tzinfo=None).isoformat(" ", "milliseconds") + "+0000")
    if isinstance(value, date | TimeOfDay):
        return _quoted(str(value))
    if isinstance(value, Duration | Decimal):
        return str(value)
    return _quoted(str(value)) if scalar in _QUOTED else str(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _float_literal(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _is_sequence(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, list | tuple | set | frozenset)


def _joined(element: CqlType, values: Iterable[object]) -> str:
    return ", ".join([cql_literal(element, value) for value in values])


def _in_order(element: CqlType, values: Collection[object]) -> list[object]:
    """A frozenset has no order of its own; show it in the one in which nodes keep it."""
    try:
        encoded = {encode_value(element, value): value for value in values}
        return [encoded[data] for data in in_type_order(element, encoded)]
    except HarnessError:
        return sorted(values, key=repr)


def _map_literal(cql_type: MapType, pairs: Iterable[object]) -> str:
    parts = []
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            parts.append(repr(pair))
            continue
        parts.append(f"{cql_literal(cql_type.key, pair[0])}: {cql_literal(cql_type.value, pair[1])}")
    return f"{{{', '.join(parts)}}}"


def _fields_literal(fields: Iterable[tuple[object, CqlType, object]]) -> str:
    parts = [f"{identifier(str(name))}: {cql_literal(cql_type, value)}" for name, cql_type, value in fields]
    return f"{{{', '.join(parts)}}}"
