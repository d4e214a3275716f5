"""ERROR: what a node answers when it did not do what was asked; its codes and what follows them, both ways.

Source: native_protocol_v4.spec, "9. Error codes"; codes 0x1600 and 0x1700, reasons and contentions:
native_protocol_v5.spec of Apache Cassandra 4.0, the same; RATE_LIMIT_ERROR: ScyllaDB docs/dev/protocol-extensions.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import Dialect
from harness.codec.cql.notation import (
    read_address,
    read_short_bytes,
    read_string,
    read_string_list,
    write_address,
    write_short_bytes,
    write_string,
    write_string_list,
)
from harness.codec.cql.opcodes import Opcode
from harness.errors import DecodeError, EncodeError


class ErrorCode(IntEnum):
    """What went wrong."""

    SERVER_ERROR = 0x0000
    PROTOCOL_ERROR = 0x000A
    AUTHENTICATION_ERROR = 0x0100
    UNAVAILABLE = 0x1000
    OVERLOADED = 0x1001
    IS_BOOTSTRAPPING = 0x1002
    TRUNCATE_ERROR = 0x1003
    WRITE_TIMEOUT = 0x1100
    READ_TIMEOUT = 0x1200
    READ_FAILURE = 0x1300
    FUNCTION_FAILURE = 0x1400
    WRITE_FAILURE = 0x1500
    CDC_WRITE_FAILURE = 0x1600
    CAS_WRITE_UNKNOWN = 0x1700
    SYNTAX_ERROR = 0x2000
    UNAUTHORIZED = 0x2100
    INVALID = 0x2200
    CONFIG_ERROR = 0x2300
    ALREADY_EXISTS = 0x2400
    UNPREPARED = 0x2500
    RATE_LIMIT_ERROR = 0xF000
    """ScyllaDB's; SUPPORTED tells its number, which has been this one since there is the extension."""


_NAMES = {int(code): code.name for code in ErrorCode}


def error_name(code: int) -> str:
    """``UNAVAILABLE`` for 0x1000; ``ERROR_0x1234`` for a number without a name."""
    return _NAMES.get(code) or f"ERROR_0x{code:04x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Too few replicas are alive."""

    consistency: int
    required: int
    alive: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTimeout:
    """Too few replicas acknowledged a write in time."""

    consistency: int
    received: int
    required: int
    write_type: str
    """Such as SIMPLE, BATCH_LOG, CAS."""

    contentions: int | None = None
    """Version 5, of CAS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTimeout:
    """Too few replicas answered a read in time."""

    consistency: int
    received: int
    required: int
    data_present: int
    """0: the replica that was asked for the data itself has not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReplica:
    """A replica that said that it failed, and why."""

    address: IPv4Address | IPv6Address
    reason_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFailure:
    """Replicas failed at a read."""

    consistency: int
    received: int
    required: int
    failures_count: int
    failures: tuple[FailedReplica, ...] = ()
    """Version 5, or an extension."""

    data_present: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFailure:
    """Replicas failed at a write."""

    consistency: int
    received: int
    required: int
    failures_count: int
    failures: tuple[FailedReplica, ...] = ()
    """Version 5, or an extension."""

    write_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFailure:
    """A user-defined function failed."""

    keyspace: str
    function: str
    argument_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasWriteUnknown:
    """A conditional write may or may not have happened."""

    consistency: int
    received: int
    required: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyExists:
    """A keyspace or table of that name exists."""

    keyspace: str
    table: str
    """Empty if the keyspace is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprepared:
    """The node does not know the prepared statement."""

    statement_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """The partition's rate limit was exceeded."""

    operation: int
    """0 read, 1 write."""

    is_rejected_by_coordinator: int


ErrorDetails = (
    Unavailable
    | WriteTimeout
    | ReadTimeout
    | ReadFailure
    | WriteFailure
    | FunctionFailure
    | CasWriteUnknown
    | AlreadyExists
    | Unprepared
    | RateLimited
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """ERROR: the request failed."""

    opcode: ClassVar[Opcode] = Opcode.ERROR
    code: int
    """``error_name`` names it."""

    text: str
    details: ErrorDetails | None = None
    """What the code has besides the text; None if it has nothing."""


def decode_error(reader: ByteReader, dialect: Dialect) -> Error:
    """Read the body of an ERROR.

    Raises:
        DecodeError: it breaks the layout of its code.
    """
    code = reader.i32_be()
    text = read_string(reader)
    return Error(code=code, text=text, details=_read_details(code, reader, dialect))


def encode_error(error: Error, writer: ByteWriter, dialect: Dialect) -> None:
    """Write the body of an ERROR.

    Raises:
        EncodeError: a field does not fit, or the details are not those of the code.
    """
    writer.number("i32_be", error.code)
    write_string(writer, error.text)
    expected = _DETAILS_OF_CODE.get(error.code)
    if error.details is not None and type(error.details) is not expected:
        raise EncodeError(f"{error_name(error.code)} with {type(error.details).__name__}")
    if error.details is not None:
        _write_details(error.details, writer, dialect)


_DETAILS_OF_CODE: dict[int, type[ErrorDetails]] = {
    ErrorCode.UNAVAILABLE: Unavailable,
    ErrorCode.WRITE_TIMEOUT: WriteTimeout,
    ErrorCode.READ_TIMEOUT: ReadTimeout,
    ErrorCode.READ_FAILURE: ReadFailure,
    ErrorCode.WRITE_FAILURE: WriteFailure,
    ErrorCode.FUNCTION_FAILURE: FunctionFailure,
    ErrorCode.CAS_WRITE_UNKNOWN: CasWriteUnknown,
    ErrorCode.ALREADY_EXISTS: AlreadyExists,
    ErrorCode.UNPREPARED: Unprepared,
    ErrorCode.RATE_LIMIT_ERROR: RateLimited,
}


def _read_details(code: int, reader: ByteReader, dialect: Dialect) -> ErrorDetails | None:
    match code:
        case ErrorCode.UNAVAILABLE:
            return Unavailable(consistency=reader.u16_be(), required=reader.i32_be(), alive=reader.i32_be())
        case ErrorCode.WRITE_TIMEOUT:
            consistency, received, required = _read_counts(reader)
            write_type = read_string(reader)
            has_contentions = dialect.has_contentions and write_type == "CAS" and reader.remaining >= 2
            return WriteTimeout(
                consistency=consistency,
                received=received,
                required=required,
                write_type=write_type,
                contentions=reader.u16_be() if has_contentions else None,
            )
        case ErrorCode.READ_TIMEOUT:
            consistency, received, required = _read_counts(reader)
            return ReadTimeout(
                consistency=consistency, received=received, required=required, data_present=reader.u8()
            )
        case ErrorCode.READ_FAILURE:
            consistency, received, required = _read_counts(reader)
            failures_count, failures = _read_failures(reader, dialect)
            return ReadFailure(
                consistency=consistency,
                received=received,
                required=required,
                failures_count=failures_count,
                failures=failures,
                data_present=reader.u8(),
            )
        case ErrorCode.WRITE_FAILURE:
            consistency, received, required = _read_counts(reader)
            failures_count, failures = _read_failures(reader, dialect)
            return WriteFailure(
                consistency=consistency,
                received=received,
                required=required,
                failures_count=failures_count,
                failures=failures,
                write_type=read_string(reader),
            )
        case ErrorCode.FUNCTION_FAILURE:
            return FunctionFailure(
                keyspace=read_string(reader),
                function=read_string(reader),
                argument_types=read_string_list(reader),
            )
        case ErrorCode.CAS_WRITE_UNKNOWN:
            consistency, received, required = _read_counts(reader)
            return CasWriteUnknown(consistency=consistency, received=received, required=required)
        case ErrorCode.ALREADY_EXISTS:
            return AlreadyExists(keyspace=read_string(reader), table=read_string(reader))
        case ErrorCode.UNPREPARED:
            return Unprepared(statement_id=read_short_bytes(reader))
        case ErrorCode.RATE_LIMIT_ERROR:
            return RateLimited(operation=reader.u8(), is_rejected_by_coordinator=reader.u8())
        case _:
            return None


def _write_details(details: ErrorDetails, writer: ByteWriter, dialect: Dialect) -> None:
    match details:
        case Unavailable():
            writer.number("u16_be", details.consistency)
            writer.number("i32_be", details.required)
            writer.number("i32_be", details.alive)
        case WriteTimeout():
            _write_counts(details, writer)
            write_string(writer, details.write_type)
            if details.contentions is not None:
                writer.number("u16_be", details.contentions)
        case ReadTimeout():
            _write_counts(details, writer)
            writer.number("u8", details.data_present)
        case ReadFailure():
            _write_counts(details, writer)
            _write_failures(details.failures_count, details.failures, writer, dialect)
            writer.number("u8", details.data_present)
        case WriteFailure():
            _write_counts(details, writer)
            _write_failures(details.failures_count, details.failures, writer, dialect)
            write_string(writer, details.write_type)
        case FunctionFailure():
            write_string(writer, details.keyspace)
            write_string(writer, details.function)
            write_string_list(writer, details.argument_types)
        case CasWriteUnknown():
            _write_counts(details, writer)
        case AlreadyExists():
            write_string(writer, details.keyspace)
            write_string(writer, details.table)
        case Unprepared():
            write_short_bytes(writer, details.statement_id)
        case RateLimited():
            writer.number("u8", details.operation)
            writer.number("u8", details.is_rejected_by_coordinator)


def _read_counts(reader: ByteReader) -> tuple[int, int, int]:
    return reader.u16_be(), reader.i32_be(), reader.i32_be()


def _write_counts(
    details: WriteTimeout | ReadTimeout | ReadFailure | WriteFailure | CasWriteUnknown, writer: ByteWriter
) -> None:
    writer.number("u16_be", details.consistency)
    writer.number("i32_be", details.received)
    writer.number("i32_be", details.required)


def _read_failures(reader: ByteReader, dialect: Dialect) -> tuple[int, tuple[FailedReplica, ...]]:
    offset_bytes = reader.position
    count = reader.i32_be()
    if not dialect.has_failure_reasons:
        return count, ()
    # An address takes five bytes at least, its reason two.
    if not 0 <= count * 7 <= reader.remaining:
        raise DecodeError(
            f"{count} failed replicas in {reader.remaining} bytes", layer="cql", offset_bytes=offset_bytes
        )
    return count, tuple(
        FailedReplica(address=read_address(reader), reason_code=reader.u16_be()) for _ in range(count)
    )


def _write_failures(
    count: int, failures: tuple[FailedReplica, ...], writer: ByteWriter, dialect: Dialect
) -> None:
    if dialect.has_failure_reasons and count != len(failures):
        raise EncodeError(f"{count} failed replicas, {len(failures)} named")
    writer.number("i32_be", count)
    if dialect.has_failure_reasons:
        for failure in failures:
            write_address(writer, failure.address)
            writer.number("u16_be", failure.reason_code)
