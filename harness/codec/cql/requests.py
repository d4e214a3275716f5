"""What clients send: the bodies of requests, both ways.

Source: native_protocol_v4.spec, "4.1. Requests"; the fields of version 5: native_protocol_v5.spec of Apache Cassandra
4.0, the same; CREDENTIALS: native_protocol_v1.spec, "4.1.2. CREDENTIALS".
"""

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import Dialect
from harness.codec.cql.notation import (
    Value,
    read_bytes,
    read_long_string,
    read_short_bytes,
    read_string,
    read_string_list,
    read_string_map,
    read_value,
    write_bytes,
    write_long_string,
    write_short_bytes,
    write_string,
    write_string_list,
    write_string_map,
    write_value,
)
from harness.codec.cql.opcodes import Opcode
from harness.errors import DecodeError, EncodeError

FLAG_VALUES = 0x01
FLAG_SKIP_METADATA = 0x02
FLAG_PAGE_SIZE = 0x04
FLAG_PAGING_STATE = 0x08
FLAG_SERIAL_CONSISTENCY = 0x10
FLAG_DEFAULT_TIMESTAMP = 0x20
FLAG_NAMES = 0x40
FLAG_KEYSPACE = 0x80
FLAG_NOW = 0x100

_PREPARE_FLAG_KEYSPACE = 0x01

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """STARTUP: the client opens the connection."""

    opcode: ClassVar[Opcode] = Opcode.STARTUP
    options: tuple[tuple[str, str], ...]
    """Such as CQL_VERSION and COMPRESSION."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """OPTIONS: the client asks what STARTUP may contain."""

    opcode: ClassVar[Opcode] = Opcode.OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """CREDENTIALS: what version 1 had instead of AUTH_RESPONSE."""

    opcode: ClassVar[Opcode] = Opcode.CREDENTIALS
    credentials: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthResponse:
    """AUTH_RESPONSE: the client's token, made for the authenticator that AUTHENTICATE named."""

    opcode: ClassVar[Opcode] = Opcode.AUTH_RESPONSE
    token: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """REGISTER: the client asks for events."""

    opcode: ClassVar[Opcode] = Opcode.REGISTER
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParameters:
    """How a statement is to be executed, and the values bound to it.

    ``flags`` say which fields stand on the wire; ``query_parameters`` computes them.
    """

    consistency: int
    flags: int
    values: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    """Of the values, if they are bound by name."""

    page_size_rows: int | None = None
    paging_state: bytes | None = None
    serial_consistency: int | None = None
    default_timestamp_us: int | None = None
    keyspace: str | None = None
    """Version 5."""

    now_s: int | None = None
    """Version 5: what the node takes for the current time."""

    @property
    def skip_metadata(self) -> bool:
        """Whether the rows are wanted without the description of their columns."""
        return bool(self.flags & FLAG_SKIP_METADATA)


def query_parameters(
    consistency: int,
    values: tuple[Value, ...] = (),
    *,
    names: tuple[str, ...] = (),
    skip_metadata: bool = False,
    page_size_rows: int | None = None,
    paging_state: bytes | None = None,
    serial_consistency: int | None = None,
    default_timestamp_us: int | None = None,
    keyspace: str | None = None,
    now_s: int | None = None,
) -> QueryParameters:
    """Return parameters whose flags say what is given."""
    flags = 0
    for flag, is_set in (
        (FLAG_VALUES, bool(values)),
        (FLAG_NAMES, bool(names)),
        (FLAG_SKIP_METADATA, skip_metadata),
        (FLAG_PAGE_SIZE, page_size_rows is not None),
        (FLAG_PAGING_STATE, paging_state is not None),
        (FLAG_SERIAL_CONSISTENCY, serial_consistency is not None),
        (FLAG_DEFAULT_TIMESTAMP, default_timestamp_us is not None),
        (FLAG_KEYSPACE, keyspace is not None),
        (FLAG_NOW, now_s is not None),
    ):
        flags |= flag if is_set else 0
    return QueryParameters(
        consistency=consistency,
        flags=flags,
        values=values,
        names=names,
        page_size_rows=page_size_rows,
        paging_state=paging_state,
        serial_consistency=serial_consistency,
        default_timestamp_us=default_timestamp_us,
        keyspace=keyspace,
        now_s=now_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """QUERY: a statement as text."""

    opcode: ClassVar[Opcode] = Opcode.QUERY
    query: str
    parameters: QueryParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """PREPARE: a statement to be executed later."""

    opcode: ClassVar[Opcode] = Opcode.PREPARE
    query: str
    flags: int = 0
    """Version 5."""

    keyspace: str | None = None
    """Version 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """EXECUTE: a prepared statement."""

    opcode: ClassVar[Opcode] = Opcode.EXECUTE
    statement_id: bytes
    metadata_id: bytes | None = None
    """Of the result's columns as the client knows them; version 5, or an extension."""

    parameters: QueryParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatement:
    """One statement of a batch: a text or a prepared one."""

    query: str | None
    statement_id: bytes | None
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """BATCH: statements that change data, together."""

    opcode: ClassVar[Opcode] = Opcode.BATCH
    batch_type: int
    """0 logged, 1 unlogged, 2 counter."""

    statements: tuple[BatchStatement, ...]
    parameters: QueryParameters
    """Without values of its own."""


Request = Startup | Options | Credentials | AuthResponse | Register | Query | Prepare | Execute | Batch

BATCH_TYPES = ("LOGGED", "UNLOGGED", "COUNTER")


def decode_request(opcode: int, reader: ByteReader, dialect: Dialect) -> Request:
    """Read the body of a request.

    Raises:
        DecodeError: it breaks the layout, or the opcode is none of a request.
    """
    match opcode:
        case Opcode.QUERY:
            query = read_long_string(reader)
            return Query(query=query, parameters=_read_parameters(reader, dialect))
        case Opcode.EXECUTE:
            statement_id = read_short_bytes(reader)
            metadata_id = read_short_bytes(reader) if dialect.has_metadata_id else None
            return Execute(
                statement_id=statement_id,
                metadata_id=metadata_id,
                parameters=_read_parameters(reader, dialect),
            )
        case Opcode.PREPARE:
            return _read_prepare(reader, dialect)
        case Opcode.BATCH:
            return _read_batch(reader, dialect)
        case Opcode.STARTUP:
            return Startup(options=read_string_map(reader))
        case Opcode.OPTIONS:
            return Options()
        case Opcode.REGISTER:
            return Register(event_types=read_string_list(reader))
        case Opcode.AUTH_RESPONSE:
            return AuthResponse(token=read_bytes(reader))
        case Opcode.CREDENTIALS:
            return Credentials(credentials=read_string_map(reader))
        case _:
            raise DecodeError(f"request with opcode {opcode}", layer="cql", offset_bytes=reader.position)


def encode_request(request: Request, writer: ByteWriter, dialect: Dialect) -> None:
    """Write the body of a request.

    Raises:
        EncodeError: a field does not fit, or flags announce one that is not there.
    """
    match request:
        case Query():
            write_long_string(writer, request.query)
            _write_parameters(writer, request.parameters, dialect)
        case Execute():
            write_short_bytes(writer, request.statement_id)
            if dialect.has_metadata_id:
                write_short_bytes(writer, _given(request.metadata_id, "a metadata id"))
            _write_parameters(writer, request.parameters, dialect)
        case Prepare():
            write_long_string(writer, request.query)
            if dialect.has_wide_flags:
                writer.number("u32_be", request.flags)
                if request.flags & _PREPARE_FLAG_KEYSPACE:
                    write_string(writer, _given(request.keyspace, "a keyspace"))
        case Batch():
            _write_batch(writer, request, dialect)
        case Startup():
            write_string_map(writer, request.options)
        case Credentials():
            write_string_map(writer, request.credentials)
        case Register():
            write_string_list(writer, request.event_types)
        case AuthResponse():
            write_bytes(writer, request.token)
        case Options():
            pass


def _given(value: _T | None, what: str) -> _T:
    if value is None:
        raise EncodeError(f"{what} is announced and not given")
    return value


def _read_prepare(reader: ByteReader, dialect: Dialect) -> Prepare:
    query = read_long_string(reader)
    if not dialect.has_wide_flags:
        return Prepare(query=query)
    flags = reader.u32_be()
    keyspace = read_string(reader) if flags & _PREPARE_FLAG_KEYSPACE else None
    return Prepare(query=query, flags=flags, keyspace=keyspace)


def _read_values(reader: ByteReader, *, has_names: bool) -> tuple[tuple[Value, ...], tuple[str, ...]]:
    values = []
    names = []
    for _ in range(reader.u16_be()):
        if has_names:
            names.append(read_string(reader))
        values.append(read_value(reader))
    return tuple(values), tuple(names)


def _write_values(
    writer: ByteWriter, values: tuple[Value, ...], names: tuple[str, ...], *, has_names: bool
) -> None:
    writer.number("u16_be", len(values))
    if has_names and len(names) != len(values):
        raise EncodeError(f"{len(names)} names for {len(values)} values")
    for index, value in enumerate(values):
        if has_names:
            write_string(writer, names[index])
        write_value(writer, value)


def _read_parameters(reader: ByteReader, dialect: Dialect, *, is_batch: bool = False) -> QueryParameters:
    consistency = reader.u16_be()
    flags = reader.u32_be() if dialect.has_wide_flags else reader.u8()
    values: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    page_size_rows = paging_state = None
    if not is_batch:
        if flags & FLAG_VALUES:
            values, names = _read_values(reader, has_names=bool(flags & FLAG_NAMES))
        if flags & FLAG_PAGE_SIZE:
            page_size_rows = reader.i32_be()
        if flags & FLAG_PAGING_STATE:
            paging_state = read_bytes(reader)
    serial_consistency = reader.u16_be() if flags & FLAG_SERIAL_CONSISTENCY else None
    default_timestamp_us = reader.i64_be() if flags & FLAG_DEFAULT_TIMESTAMP else None
    keyspace = read_string(reader) if flags & FLAG_KEYSPACE and dialect.has_wide_flags else None
    now_s = reader.i32_be() if flags & FLAG_NOW else None
    return QueryParameters(
        consistency=consistency,
        flags=flags,
        values=values,
        names=names,
        page_size_rows=page_size_rows,
        paging_state=paging_state,
        serial_consistency=serial_consistency,
        default_timestamp_us=default_timestamp_us,
        keyspace=keyspace,
        now_s=now_s,
    )


def _write_parameters(
    writer: ByteWriter, parameters: QueryParameters, dialect: Dialect, *, is_batch: bool = False
) -> None:
    flags = parameters.flags
    writer.number("u16_be", parameters.consistency)
    writer.number("u32_be" if dialect.has_wide_flags else "u8", flags)
    if not is_batch:
        if flags & FLAG_VALUES:
            has_names = bool(flags & FLAG_NAMES)
            _write_values(writer, parameters.values, parameters.names, has_names=has_names)
        if flags & FLAG_PAGE_SIZE:
            writer.number("i32_be", _given(parameters.page_size_rows, "a page size"))
        if flags & FLAG_PAGING_STATE:
            write_bytes(writer, parameters.paging_state)
    if flags & FLAG_SERIAL_CONSISTENCY:
        writer.number("u16_be", _given(parameters.serial_consistency, "a serial consistency"))
    if flags & FLAG_DEFAULT_TIMESTAMP:
        writer.number("i64_be", _given(parameters.default_timestamp_us, "a timestamp"))
    if flags & FLAG_KEYSPACE and dialect.has_wide_flags:
        write_string(writer, _given(parameters.keyspace, "a keyspace"))
    if flags & FLAG_NOW:
        writer.number("i32_be", _given(parameters.now_s, "the current time"))


def _read_batch(reader: ByteReader, dialect: Dialect) -> Batch:
    """Read a batch without names: the flag for them stands after the values that they would precede.

    Source: native_protocol_v4.spec, "4.1.7. BATCH", and the note there that names cannot work.
    """
    batch_type = reader.u8()
    statements = []
    for _ in range(reader.u16_be()):
        offset_bytes = reader.position
        kind = reader.u8()
        if kind > 1:
            raise DecodeError(f"batch statement of kind {kind}", layer="cql", offset_bytes=offset_bytes)
        query = read_long_string(reader) if kind == 0 else None
        statement_id = read_short_bytes(reader) if kind == 1 else None
        values, _ = _read_values(reader, has_names=False)
        statements.append(BatchStatement(query=query, statement_id=statement_id, values=values))
    parameters = _read_parameters(reader, dialect, is_batch=True)
    return Batch(batch_type=batch_type, statements=tuple(statements), parameters=parameters)


def _write_batch(writer: ByteWriter, batch: Batch, dialect: Dialect) -> None:
    writer.number("u8", batch.batch_type)
    writer.number("u16_be", len(batch.statements))
    for statement in batch.statements:
        if statement.query is not None:
            writer.number("u8", 0)
            write_long_string(writer, statement.query)
        else:
            writer.number("u8", 1)
            write_short_bytes(writer, _given(statement.statement_id, "a statement id"))
        _write_values(writer, statement.values, (), has_names=False)
    _write_parameters(writer, batch.parameters, dialect, is_batch=True)
