"""Constants as bytes of the type that is wanted: dates, durations, addresses and the like as text.

Source:
    ScyllaDB docs, CQL reference, "Data Types" (which constants a type takes, "Working with timestamps", "dates",
    "time", "durations").
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address
from uuid import UUID

from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.terms import Constant, ConstantKind
from harness.codec.cql.types import CqlType, ScalarType
from harness.codec.cql.values import Duration, TimeOfDay, encode_value
from harness.errors import EncodeError

_INTEGERS = frozenset(
    {
        ScalarType.BIGINT,
        ScalarType.COUNTER,
        ScalarType.INT,
        ScalarType.SMALLINT,
        ScalarType.TINYINT,
        ScalarType.VARINT,
    }
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def constant_bytes(constant: Constant, cql_type: CqlType, name: str) -> bytes | None:
    """Give the bytes of a constant.

    Args:
        constant: what stands in the statement.
        cql_type: of what it is a value.
        name: of the column, or whatever takes it, for the error.

    Returns:
        None for null.

    Raises:
        RequestError: INVALID: it is no value of the type.
    """
    if constant.is_null:
        return None
    try:
        value = _READERS[constant.kind](constant.text, cql_type)
        if value is not None:
            return encode_value(cql_type, value)
    except (ValueError, ArithmeticError, EncodeError):
        pass  # as for a value of another type
    kind = _NAMES[constant.kind]
    if constant.kind is ConstantKind.NUMBER and not _is_integer(constant.text):
        kind = "FLOAT"
    if constant.kind is ConstantKind.WORD and constant.text in {"true", "false"}:
        kind = "BOOLEAN"
    raise invalid(f'Invalid {kind} constant ({constant.text[:200]}) for "{name}" of type {cql_type}')


_NAMES = {
    ConstantKind.STRING: "STRING",
    ConstantKind.NUMBER: "INTEGER",
    ConstantKind.UUID: "UUID",
    ConstantKind.BLOB: "HEX",
    ConstantKind.DURATION: "DURATION",
    ConstantKind.WORD: "identifier",
}


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def _string(text: str, cql_type: CqlType) -> object:
    match cql_type:
        case ScalarType.TEXT | ScalarType.ASCII:
            return text
        case ScalarType.INET:
            return ip_address(text)
        case ScalarType.TIMESTAMP:
            return int(text) if _is_integer(text) else milliseconds_of(text)
        case ScalarType.DATE:
            return int(text) - 2**31 if text.isdigit() else _days_of(text)
        case ScalarType.TIME:
            return TimeOfDay(int(text) if text.isdigit() else _nanoseconds_of(text))
        case _:
            return None


def _number(text: str, cql_type: CqlType) -> object:
    if cql_type is ScalarType.DECIMAL:
        return Decimal(text)
    if cql_type in {ScalarType.DOUBLE, ScalarType.FLOAT}:
        return float(text)
    if not _is_integer(text):
        return None
    if cql_type in _INTEGERS or cql_type is ScalarType.TIMESTAMP:
        return int(text)
    if cql_type is ScalarType.DATE:
        return int(text) - 2**31
    return TimeOfDay(int(text)) if cql_type is ScalarType.TIME else None


def _uuid(text: str, cql_type: CqlType) -> object:
    value = UUID(text)
    if cql_type is ScalarType.TIMEUUID and value.bytes[6] >> 4 != 1:
        return None
    return value if cql_type in {ScalarType.UUID, ScalarType.TIMEUUID} else None


def _blob(text: str, cql_type: CqlType) -> object:
    return bytes.fromhex(text[2:]) if cql_type is ScalarType.BLOB else None


def _duration(text: str, cql_type: CqlType) -> object:
    return duration_of(text) if cql_type is ScalarType.DURATION else None


def _word(text: str, cql_type: CqlType) -> object:
    if cql_type is ScalarType.BOOLEAN and text in {"true", "false"}:
        return text == "true"
    if cql_type in {ScalarType.DOUBLE, ScalarType.FLOAT} and text.removeprefix("-") in {"nan", "infinity"}:
        return float(text)
    return None


_READERS: dict[ConstantKind, Callable[[str, CqlType], object]] = {
    ConstantKind.STRING: _string,
    ConstantKind.NUMBER: _number,
    ConstantKind.UUID: _uuid,
    ConstantKind.BLOB: _blob,
    ConstantKind.DURATION: _duration,
    ConstantKind.WORD: _word,
}

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?"
    r"\s*(?:(Z|UTC|GMT)|([+-])(\d{2}):?(\d{2})?)?"
)


def milliseconds_of(text: str) -> int:
    """Read a timestamp such as ``2020-03-30 12:00:00+0000``; without a zone it is UTC.

    Raises:
        ValueError: it is none.
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, _, sign, zone_hours, zone_minutes = match.groups()
    offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        tzinfo=timezone(-offset if sign == "-" else offset),
    )
    milliseconds = int((fraction or "")[:3].ljust(3, "0"))
    return (moment - _EPOCH) // timedelta(milliseconds=1) + milliseconds


def _days_of(text: str) -> date:
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text)
    if match is None:
        raise ValueError(text)
    return date(int(match[1]), int(match[2]), int(match[3]))


def _nanoseconds_of(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?", text)
    if match is None:
        raise ValueError(text)
    hour, minute, second = int(match[1]), int(match[2]), int(match[3])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(text)
    return ((hour * 60 + minute) * 60 + second) * 10**9 + int((match[4] or "").ljust(9, "0"))


_MONTHS = {"y": 12, "mo": 1}
_DAYS = {"w": 7, "d": 1}
_NANOSECONDS = {
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "ns": 1,
}
_UNITS = re.compile(r"(\d+)(y|mo|w|d|h|ms|us|µs|ns|m|s)")
_ISO = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_ISO_ALTERNATIVE = re.compile(r"P(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})")


def duration_of(text: str) -> Duration:
    """Read a duration such as ``1h30m``, ``P1Y2M3DT4H5M6S`` or ``P0001-02-03T04:05:06``.

    Raises:
        ValueError: it is none.
    """
    sign = -1 if text.startswith("-") else 1
    text = text.removeprefix("-")
    alternative = _ISO_ALTERNATIVE.fullmatch(text)
    iso = _ISO.fullmatch(text)
    if alternative is not None:
        years, months, days, hours, minutes, seconds = map(int, alternative.groups())
        weeks = 0
    elif iso is not None:
        years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
    else:
        return _duration_of_units(text, sign)
    return Duration(
        sign * (years * 12 + months),
        sign * (weeks * 7 + days),
        sign * ((hours * 60 + minutes) * 60 + seconds) * 10**9,
    )


def _duration_of_units(text: str, sign: int) -> Duration:
    months = days = nanoseconds = 0
    position = 0
    for match in _UNITS.finditer(text):
        if match.start() != position:
            break
        position = match.end()
        count, unit = int(match[1]), match[2]
        months += count * _MONTHS.get(unit, 0)
        days += count * _DAYS.get(unit, 0)
        nanoseconds += count * _NANOSECONDS.get(unit, 0)
    if position != len(text) or not text:
        raise ValueError(text)
    return Duration(sign * months, sign * days, sign * nanoseconds)
