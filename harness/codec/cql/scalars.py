"""Values of types without parameters, one function for each way.

Source: native_protocol_v5.spec, "6. Data Type Serialization Formats".
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, DecimalException
from ipaddress import IPv4Address, IPv6Address, ip_address
from uuid import UUID

from harness.codec.cql.types import ScalarType
from harness.errors import DecodeError, EncodeError

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - timestamps come as UTC without saying so, as the stock driver's do
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_ORDINAL_MAX = date.max.toordinal()
_MILLISECOND = timedelta(milliseconds=1)
_DAY_NS = 86_400 * 10**9

# Arithmetic in this context never rounds.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


@dataclass(frozen=True, slots=True, order=True)
class TimeOfDay:
    """A value of the type time, which is finer than Python's."""

    nanoseconds: int
    """Since midnight."""

    def __str__(self) -> str:
        seconds, nanoseconds = divmod(self.nanoseconds, 10**9)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return f"{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}"


@dataclass(frozen=True, slots=True)
class Duration:
    """A value of the type duration; all three parts have the same sign, or are 0."""

    months: int
    days: int
    nanoseconds: int

    def __str__(self) -> str:
        parts = []
        rest = abs(self.months)
        for unit, size in (("y", 12), ("mo", 1)):
            count, rest = divmod(rest, size)
            parts.append(f"{count}{unit}" if count else "")
        parts.append(f"{abs(self.days)}d" if self.days else "")
        rest = abs(self.nanoseconds)
        for unit, size in (
            ("h", 3600 * 10**9),
            ("m", 60 * 10**9),
            ("s", 10**9),
            ("ms", 10**6),
            ("us", 1000),
            ("ns", 1),
        ):
            count, rest = divmod(rest, size)
            parts.append(f"{count}{unit}" if count else "")
        sign = "-" if min(self.months, self.days, self.nanoseconds) < 0 else ""
        return sign + ("".join(parts) or "0s")


def decode_scalar(scalar: ScalarType, data: bytes) -> object:
    """Return the value of data, which is not empty unless the type is a string or a blob.

    Raises:
        DecodeError: the bytes have not the form of the type.
    """
    try:
        return _DECODERS[scalar](data)
    except (struct.error, ValueError) as error:
        raise DecodeError(
            f"{scalar} of {len(data)} bytes: {data[:32].hex()}", layer="cql", offset_bytes=0
        ) from error


def encode_scalar(scalar: ScalarType, value: object) -> bytes:
    """Return the bytes of a value.

    Raises:
        EncodeError: the value is not one of the type.
    """
    try:
        return _ENCODERS[scalar](value)
    except (struct.error, ValueError, OverflowError, DecimalException) as error:
        raise _misfit(scalar, value) from error


def _misfit(scalar: ScalarType, value: object) -> EncodeError:
    return EncodeError(f"{type(value).__name__} is not a value of {scalar}, or does not fit")


def _decode_number(form: str) -> Callable[[bytes], object]:
    unpack = struct.Struct(form).unpack

    def decode(data: bytes) -> object:
        return unpack(data)[0]

    return decode


def _encode_number(scalar: ScalarType, form: str) -> Callable[[object], bytes]:
    pack = struct.Struct(form).pack
    kinds = (int, float) if form in (">f", ">d") else int

    def encode(value: object) -> bytes:
        if not isinstance(value, kinds):
            raise _misfit(scalar, value)
        return pack(value)

    return encode


def _decode_ascii(data: bytes) -> object:
    return data.decode("ascii")


def _encode_ascii(value: object) -> bytes:
    if not isinstance(value, str):
        raise _misfit(ScalarType.ASCII, value)
    return value.encode("ascii")


def _decode_text(data: bytes) -> object:
    return data.decode()


def _encode_text(value: object) -> bytes:
    if not isinstance(value, str):
        raise _misfit(ScalarType.TEXT, value)
    return value.encode()


def _encode_blob(value: object) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _misfit(ScalarType.BLOB, value)
    return bytes(value)


def _decode_boolean(data: bytes) -> object:
    (byte,) = data
    return byte != 0


def _encode_boolean(value: object) -> bytes:
    if not isinstance(value, bool):
        raise _misfit(ScalarType.BOOLEAN, value)
    return b"\x01" if value else b"\x00"


def _decode_varint(data: bytes) -> object:
    return int.from_bytes(data, "big", signed=True)


def _encode_varint(value: object) -> bytes:
    if not isinstance(value, int):
        raise _misfit(ScalarType.VARINT, value)
    # One bit more than the magnitude, for the sign; -128 needs no more than 127.
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return value.to_bytes((bits + 7) // 8, "big", signed=True)


def _decode_decimal(data: bytes) -> object:
    (scale,) = struct.unpack_from(">i", data)
    unscaled = int.from_bytes(data[4:], "big", signed=True)
    return _EXACT.scaleb(Decimal(unscaled), -scale)


def _encode_decimal(value: object) -> bytes:
    if isinstance(value, int):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise _misfit(ScalarType.DECIMAL, value)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise _misfit(ScalarType.DECIMAL, value)
    return struct.pack(">i", -exponent) + _encode_varint(int(_EXACT.scaleb(value, -exponent)))


def _decode_timestamp(data: bytes) -> object:
    (milliseconds,) = struct.unpack(">q", data)
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return milliseconds


def _encode_timestamp(value: object) -> bytes:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        value = (value - _EPOCH) // _MILLISECOND
    if not isinstance(value, int):
        raise _misfit(ScalarType.TIMESTAMP, value)
    return struct.pack(">q", value)


def _decode_date(data: bytes) -> object:
    days = struct.unpack(">I", data)[0] - 0x80000000
    if 0 < days + _EPOCH_ORDINAL <= _DAY_ORDINAL_MAX:
        return date.fromordinal(days + _EPOCH_ORDINAL)
    return days


def _encode_date(value: object) -> bytes:
    if isinstance(value, date):
        value = value.toordinal() - _EPOCH_ORDINAL
    if not isinstance(value, int):
        raise _misfit(ScalarType.DATE, value)
    return struct.pack(">I", value + 0x80000000)


def _decode_time(data: bytes) -> object:
    (nanoseconds,) = struct.unpack(">q", data)
    if not 0 <= nanoseconds < _DAY_NS:
        raise ValueError(nanoseconds)
    return TimeOfDay(nanoseconds)


def _encode_time(value: object) -> bytes:
    if isinstance(value, TimeOfDay):
        value = value.nanoseconds
    if not isinstance(value, int) or not 0 <= value < _DAY_NS:
        raise _misfit(ScalarType.TIME, value)
    return struct.pack(">q", value)


def _decode_uuid(data: bytes) -> object:
    return UUID(bytes=data)


def _encode_uuid(value: object) -> bytes:
    if not isinstance(value, UUID):
        raise _misfit(ScalarType.UUID, value)
    return value.bytes


def _decode_inet(data: bytes) -> object:
    return IPv4Address(data) if len(data) == 4 else IPv6Address(data)


def _encode_inet(value: object) -> bytes:
    if isinstance(value, str):
        value = ip_address(value)
    if not isinstance(value, IPv4Address | IPv6Address):
        raise _misfit(ScalarType.INET, value)
    return value.packed


def decode_unsigned_vint(data: bytes, position: int) -> tuple[int, int]:
    """Return an [unsigned vint] and where it ends; IndexError or ValueError if the bytes end before."""
    first = data[position]
    extra_bytes = 8 - (first ^ 0xFF).bit_length()
    end = position + 1 + extra_bytes
    if end > len(data):
        raise ValueError(data)
    value = first & (0xFF >> extra_bytes) if extra_bytes < 8 else 0
    return value << (8 * extra_bytes) | int.from_bytes(data[position + 1 : end], "big"), end


def encode_unsigned_vint(value: int) -> bytes:
    """Return the [unsigned vint] of a number of up to 64 bits."""
    extra_bytes = min(8, max(0, (value.bit_length() - 1) // 7))
    if extra_bytes == 8:
        return b"\xff" + value.to_bytes(8, "big")
    data = bytearray(value.to_bytes(extra_bytes + 1, "big"))
    data[0] |= 0xFF & ~(0xFF >> extra_bytes)
    return bytes(data)


def _decode_duration(data: bytes) -> object:
    parts = []
    position = 0
    for _ in range(3):
        if position == len(data):
            raise ValueError(data)
        value, position = decode_unsigned_vint(data, position)
        parts.append((value >> 1) ^ -(value & 1))
    if position != len(data):
        raise ValueError(data)
    months, days, nanoseconds = parts
    return Duration(months, days, nanoseconds)


def _encode_duration(value: object) -> bytes:
    if not isinstance(value, Duration):
        raise _misfit(ScalarType.DURATION, value)
    encoded = b""
    for part, bits in ((value.months, 32), (value.days, 32), (value.nanoseconds, 64)):
        if not -(1 << (bits - 1)) <= part < 1 << (bits - 1):
            raise _misfit(ScalarType.DURATION, value)
        encoded += encode_unsigned_vint((part << 1) ^ (part >> (bits - 1)))
    return encoded


def _decode_empty(data: bytes) -> object:
    raise ValueError(data)


def _encode_empty(value: object) -> bytes:
    raise _misfit(ScalarType.EMPTY, value)


_NUMBERS = {
    ScalarType.BIGINT: ">q",
    ScalarType.COUNTER: ">q",
    ScalarType.DOUBLE: ">d",
    ScalarType.FLOAT: ">f",
    ScalarType.INT: ">i",
    ScalarType.SMALLINT: ">h",
    ScalarType.TINYINT: ">b",
}

_DECODERS: dict[ScalarType, Callable[[bytes], object]] = {
    ScalarType.ASCII: _decode_ascii,
    ScalarType.BLOB: bytes,
    ScalarType.BOOLEAN: _decode_boolean,
    ScalarType.DATE: _decode_date,
    ScalarType.DECIMAL: _decode_decimal,
    ScalarType.DURATION: _decode_duration,
    ScalarType.EMPTY: _decode_empty,
    ScalarType.INET: _decode_inet,
    ScalarType.TEXT: _decode_text,
    ScalarType.TIME: _decode_time,
    ScalarType.TIMESTAMP: _decode_timestamp,
    ScalarType.TIMEUUID: _decode_uuid,
    ScalarType.UUID: _decode_uuid,
    ScalarType.VARINT: _decode_varint,
    **{scalar: _decode_number(form) for scalar, form in _NUMBERS.items()},
}

_ENCODERS: dict[ScalarType, Callable[[object], bytes]] = {
    ScalarType.ASCII: _encode_ascii,
    ScalarType.BLOB: _encode_blob,
    ScalarType.BOOLEAN: _encode_boolean,
    ScalarType.DATE: _encode_date,
    ScalarType.DECIMAL: _encode_decimal,
    ScalarType.DURATION: _encode_duration,
    ScalarType.EMPTY: _encode_empty,
    ScalarType.INET: _encode_inet,
    ScalarType.TEXT: _encode_text,
    ScalarType.TIME: _encode_time,
    ScalarType.TIMESTAMP: _encode_timestamp,
    ScalarType.TIMEUUID: _encode_uuid,
    ScalarType.UUID: _encode_uuid,
    ScalarType.VARINT: _encode_varint,
    **{scalar: _encode_number(scalar, form) for scalar, form in _NUMBERS.items()},
}
