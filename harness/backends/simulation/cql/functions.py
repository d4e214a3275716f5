"""Functions of values: times, UUIDs, tokens, blobs.

Source:
    ScyllaDB docs, CQL reference, "Functions" (scalar functions).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.request_error import invalid
from harness.codec.cql.types import CqlType, ScalarType
from harness.codec.cql.values import decode_value
from harness.errors import DecodeError
from harness.partitioner import token_of

Arguments = Sequence[bytes | None]

_TIME_UUID_EPOCH_100NS = 0x01B21DD213814000
"""1970 on the clock of time UUIDs, which began in 1582."""
_DAY_MS = 86_400_000


class Function(NamedTuple):
    """A function that can be called in a statement."""

    name: str
    arguments: tuple[CqlType, ...]
    result: CqlType
    compute: Callable[[Arguments, Moment], bytes | None]


def functions_named(name: str, partition_key: Sequence[CqlType]) -> tuple[Function, ...]:
    """Give the functions of a name.

    Args:
        name: in lower case.
        partition_key: of the table in the statement, which ``token`` takes.
    """
    if name == "token":
        return (Function("token", tuple(partition_key), ScalarType.BIGINT, _token),)
    return _BY_NAME.get(name) or _of_blobs(name)


def _token(arguments: Arguments, _moment: Moment) -> bytes | None:
    parts = [part for part in arguments if part is not None]
    return _i64(token_of(parts)) if len(parts) == len(arguments) else None


def _i64(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def _with_value(compute: Callable[[bytes], bytes]) -> Callable[[Arguments, Moment], bytes | None]:
    """Make of a function of one value one that gives null for null."""

    def of_arguments(arguments: Arguments, _moment: Moment) -> bytes | None:
        (value,) = arguments
        return None if value is None else compute(value)

    return of_arguments


def milliseconds_of_timeuuid(value: bytes) -> int:
    """The time of a time UUID, in milliseconds since 1970."""
    return (UUID(bytes=value).time - _TIME_UUID_EPOCH_100NS) // 10_000


def _milliseconds(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def _milliseconds_of_date(value: bytes) -> int:
    return (int.from_bytes(value, "big") - 2**31) * _DAY_MS


def _date_of_milliseconds(milliseconds: int) -> bytes:
    return (milliseconds // _DAY_MS + 2**31).to_bytes(4, "big")


def _timeuuid_at(milliseconds: int, low: int, fraction_100ns: int) -> bytes:
    time = milliseconds * 10_000 + fraction_100ns + _TIME_UUID_EPOCH_100NS
    time_high = (time >> 48) & 0x0FFF | 0x1000
    return UUID(int=(time & 0xFFFFFFFF) << 96 | ((time >> 32) & 0xFFFF) << 80 | time_high << 64 | low).bytes


def _timeuuid_bound(low: int, fraction_100ns: int) -> Callable[[bytes], bytes]:
    return lambda value: _timeuuid_at(_milliseconds(value), low, fraction_100ns)


_TIMESTAMP, _TIMEUUID, _DATE, _BIGINT = (
    ScalarType.TIMESTAMP,
    ScalarType.TIMEUUID,
    ScalarType.DATE,
    ScalarType.BIGINT,
)

_FUNCTIONS = (
    Function("now", (), _TIMEUUID, lambda _, moment: moment.make_timeuuid().bytes),
    Function("currenttimeuuid", (), _TIMEUUID, lambda _, moment: moment.make_timeuuid().bytes),
    Function("uuid", (), ScalarType.UUID, lambda _, moment: moment.make_uuid().bytes),
    Function("currenttimestamp", (), _TIMESTAMP, lambda _, moment: _i64(moment.now_ms)),
    Function("currentdate", (), _DATE, lambda _, moment: _date_of_milliseconds(moment.now_ms)),
    Function("currenttime", (), ScalarType.TIME, lambda _, moment: _i64(moment.now_ms % _DAY_MS * 1_000_000)),
    Function("mintimeuuid", (_TIMESTAMP,), _TIMEUUID, _with_value(_timeuuid_bound(0x8080808080808080, 0))),
    Function("maxtimeuuid", (_TIMESTAMP,), _TIMEUUID, _with_value(_timeuuid_bound(0x7F7F7F7F7F7F7F7F, 9999))),
    Function(
        "dateof", (_TIMEUUID,), _TIMESTAMP, _with_value(lambda value: _i64(milliseconds_of_timeuuid(value)))
    ),
    Function(
        "unixtimestampof",
        (_TIMEUUID,),
        _BIGINT,
        _with_value(lambda value: _i64(milliseconds_of_timeuuid(value))),
    ),
    Function(
        "totimestamp",
        (_TIMEUUID,),
        _TIMESTAMP,
        _with_value(lambda value: _i64(milliseconds_of_timeuuid(value))),
    ),
    Function(
        "totimestamp", (_DATE,), _TIMESTAMP, _with_value(lambda value: _i64(_milliseconds_of_date(value)))
    ),
    Function(
        "todate",
        (_TIMEUUID,),
        _DATE,
        _with_value(lambda value: _date_of_milliseconds(milliseconds_of_timeuuid(value))),
    ),
    Function(
        "todate", (_TIMESTAMP,), _DATE, _with_value(lambda value: _date_of_milliseconds(_milliseconds(value)))
    ),
    Function(
        "tounixtimestamp",
        (_TIMEUUID,),
        _BIGINT,
        _with_value(lambda value: _i64(milliseconds_of_timeuuid(value))),
    ),
    Function("tounixtimestamp", (_TIMESTAMP,), _BIGINT, _with_value(lambda value: value)),
    Function(
        "tounixtimestamp", (_DATE,), _BIGINT, _with_value(lambda value: _i64(_milliseconds_of_date(value)))
    ),
)
_BY_NAME: dict[str, tuple[Function, ...]] = {
    name: tuple(function for function in _FUNCTIONS if function.name == name)
    for name in {function.name: None for function in _FUNCTIONS}
}

_SCALARS = {scalar.value: scalar for scalar in ScalarType if scalar is not ScalarType.EMPTY} | {
    "varchar": ScalarType.TEXT
}


def _of_blobs(name: str) -> tuple[Function, ...]:
    """``intasblob``, ``blobasint`` and so on, of every scalar type."""
    if name.endswith("asblob") and name.removesuffix("asblob") in _SCALARS:
        scalar = _SCALARS[name.removesuffix("asblob")]
        return (Function(name, (scalar,), ScalarType.BLOB, lambda arguments, _: arguments[0]),)
    if name.startswith("blobas") and name.removeprefix("blobas") in _SCALARS:
        scalar = _SCALARS[name.removeprefix("blobas")]

        def checked(value: bytes) -> bytes:
            try:
                decode_value(scalar, value)
            except DecodeError as error:
                raise invalid(
                    f"In call to function {name}, value 0x{value.hex()} is not a valid binary"
                    f" representation for type {scalar}"
                ) from error
            return value

        return (Function(name, (ScalarType.BLOB,), scalar, _with_value(checked)),)
    return ()
