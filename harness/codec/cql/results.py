"""RESULT: what QUERY, PREPARE, EXECUTE and BATCH are answered with, both ways.

Source: native_protocol_v4.spec, "4.2.5. RESULT"; metadata ids: native_protocol_v5.spec of Apache Cassandra 4.0, the
same.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import Dialect
from harness.codec.cql.events import SchemaChange, read_schema_change, write_schema_change
from harness.codec.cql.notation import (
    Unset,
    Value,
    read_bytes,
    read_short_bytes,
    read_string,
    write_bytes,
    write_short_bytes,
    write_string,
)
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.types import CqlType, decode_option, encode_option
from harness.codec.cql.values import decode_value
from harness.errors import DecodeError, EncodeError, TruncatedError

FLAG_GLOBAL_TABLE = 0x0001
FLAG_HAS_MORE_PAGES = 0x0002
FLAG_NO_METADATA = 0x0004
FLAG_METADATA_CHANGED = 0x0008


class _Kind(IntEnum):
    VOID = 1
    ROWS = 2
    SET_KEYSPACE = 3
    PREPARED = 4
    SCHEMA_CHANGE = 5


_I32 = struct.Struct(">i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a result, or a marker to bind a value to."""

    keyspace: str
    table: str
    name: str
    type: CqlType


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Describes columns. ``flags`` say what stands on the wire; ``metadata_of`` computes them."""

    flags: int
    columns_count: int
    columns: tuple[Column, ...] = ()
    """Empty if they are left out."""

    paging_state: bytes | None = None
    """To be sent back for the next page; None if this is the last one."""

    new_metadata_id: bytes | None = None
    """Of columns that have changed since the client prepared the statement."""

    partition_key_indexes: tuple[int, ...] = ()
    """Of bound values: which of them make up the partition key, in its order."""

    @property
    def has_more_pages(self) -> bool:
        """Whether rows are left."""
        return bool(self.flags & FLAG_HAS_MORE_PAGES)


def metadata_of(
    columns: Sequence[Column],
    *,
    is_left_out: bool = False,
    paging_state: bytes | None = None,
    new_metadata_id: bytes | None = None,
    partition_key_indexes: Sequence[int] = (),
) -> Metadata:
    """Return metadata whose flags say what is given.

    Args:
        columns: all columns.
        is_left_out: they are counted, and not described.
        paging_state: None if all rows are there.
        new_metadata_id: None unless the columns have changed.
        partition_key_indexes: of bound values only.
    """
    flags = FLAG_NO_METADATA if is_left_out else 0
    if columns and not is_left_out and len({(column.keyspace, column.table) for column in columns}) == 1:
        flags |= FLAG_GLOBAL_TABLE
    if paging_state is not None:
        flags |= FLAG_HAS_MORE_PAGES
    if new_metadata_id is not None:
        flags |= FLAG_METADATA_CHANGED
    return Metadata(
        flags=flags,
        columns_count=len(columns),
        columns=() if is_left_out else tuple(columns),
        paging_state=paging_state,
        new_metadata_id=new_metadata_id,
        partition_key_indexes=tuple(partition_key_indexes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """RESULT, void: done, and nothing to tell."""

    opcode: ClassVar[Opcode] = Opcode.RESULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """RESULT, rows."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    metadata: Metadata
    columns: tuple[Column, ...]
    """Those of the metadata, or, if it has none, what the decoder was told; empty if nobody knows."""

    rows: tuple[tuple[bytes | None, ...], ...]
    """The cells as on the wire."""

    def values(self) -> tuple[tuple[object, ...], ...]:
        """Return the rows as values.

        Raises:
            DecodeError: a cell has not the form of its column's type, or the columns are not known.
        """
        if len(self.columns) != self.metadata.columns_count:
            raise DecodeError("rows whose columns are not known", layer="cql", offset_bytes=0)
        types = [column.type for column in self.columns]
        return tuple(
            tuple([decode_value(cql_type, cell) for cql_type, cell in zip(types, row, strict=True)])
            for row in self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeyspace:
    """RESULT, set_keyspace: answers USE."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    keyspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedResult:
    """RESULT, prepared: answers PREPARE."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    statement_id: bytes
    metadata_id: bytes | None = None
    """Of the result's columns; version 5, or an extension."""

    bound: Metadata
    """Describes the values to bind."""

    result: Metadata
    """Describes the rows that executing will give; without columns unless it is a SELECT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChanged:
    """RESULT, schema_change."""

    opcode: ClassVar[Opcode] = Opcode.RESULT
    change: SchemaChange


Result = Void | Rows | SetKeyspace | PreparedResult | SchemaChanged


def decode_values(columns: Sequence[Column], values: Sequence[Value]) -> tuple[object, ...]:
    """Return bound values as Python values; UNSET stays itself.

    Args:
        columns: the markers, from the metadata of PREPARED.
        values: from EXECUTE or BATCH, as many.

    Raises:
        DecodeError: a value has not the form of its type, or there are more or fewer than markers.
    """
    if len(columns) != len(values):
        raise DecodeError(f"{len(values)} values for {len(columns)} markers", layer="cql", offset_bytes=0)
    return tuple(
        [
            value if isinstance(value, Unset) else decode_value(column.type, value)
            for column, value in zip(columns, values, strict=True)
        ]
    )


def decode_result(reader: ByteReader, dialect: Dialect, result_columns: Sequence[Column] | None) -> Result:
    """Read the body of a RESULT.

    Args:
        reader: stands at the kind.
        dialect: of the connection.
        result_columns: from PREPARED, for rows that come without a description of their columns.

    Raises:
        DecodeError: it breaks the layout, or is of an unknown kind.
    """
    offset_bytes = reader.position
    kind = reader.i32_be()
    match kind:
        case _Kind.VOID:
            return Void()
        case _Kind.ROWS:
            return _read_rows(reader, result_columns)
        case _Kind.SET_KEYSPACE:
            return SetKeyspace(keyspace=read_string(reader))
        case _Kind.PREPARED:
            statement_id = read_short_bytes(reader)
            metadata_id = read_short_bytes(reader) if dialect.has_metadata_id else None
            bound = _read_metadata(reader, has_indexes=dialect.has_partition_key_indexes)
            result = _read_metadata(reader, has_indexes=False)
            return PreparedResult(
                statement_id=statement_id, metadata_id=metadata_id, bound=bound, result=result
            )
        case _Kind.SCHEMA_CHANGE:
            return SchemaChanged(change=read_schema_change(reader))
        case _:
            raise DecodeError(f"RESULT of kind {kind}", layer="cql", offset_bytes=offset_bytes)


def encode_result(result: Result, writer: ByteWriter, dialect: Dialect) -> None:
    """Write the body of a RESULT.

    Raises:
        EncodeError: a field does not fit, or flags announce one that is not there.
    """
    match result:
        case Void():
            writer.number("i32_be", _Kind.VOID)
        case Rows():
            writer.number("i32_be", _Kind.ROWS)
            _write_rows(writer, result)
        case SetKeyspace():
            writer.number("i32_be", _Kind.SET_KEYSPACE)
            write_string(writer, result.keyspace)
        case PreparedResult():
            writer.number("i32_be", _Kind.PREPARED)
            write_short_bytes(writer, result.statement_id)
            if dialect.has_metadata_id:
                if result.metadata_id is None:
                    raise EncodeError("PREPARED without a metadata id")
                write_short_bytes(writer, result.metadata_id)
            _write_metadata(writer, result.bound, has_indexes=dialect.has_partition_key_indexes)
            _write_metadata(writer, result.result, has_indexes=False)
        case SchemaChanged():
            writer.number("i32_be", _Kind.SCHEMA_CHANGE)
            write_schema_change(writer, result.change)


def _read_metadata(reader: ByteReader, *, has_indexes: bool) -> Metadata:
    flags = reader.i32_be()
    offset_bytes = reader.position
    columns_count = reader.i32_be()
    if columns_count < 0:
        raise DecodeError(f"{columns_count} columns", layer="cql", offset_bytes=offset_bytes)
    indexes: tuple[int, ...] = ()
    if has_indexes:
        count = reader.i32_be()
        if not 0 <= count * 2 <= reader.remaining:
            raise DecodeError(f"{count} partition key indexes", layer="cql", offset_bytes=offset_bytes)
        indexes = tuple([reader.u16_be() for _ in range(count)])
    paging_state = read_bytes(reader) if flags & FLAG_HAS_MORE_PAGES else None
    new_metadata_id = read_short_bytes(reader) if flags & FLAG_METADATA_CHANGED else None
    columns: list[Column] = []
    if not flags & FLAG_NO_METADATA:
        # A name and a type take two bytes each at least.
        if columns_count * 4 > reader.remaining:
            raise TruncatedError(
                f"{columns_count} columns in {reader.remaining} bytes", layer="cql", offset_bytes=offset_bytes
            )
        keyspace = table = ""
        is_global = bool(flags & FLAG_GLOBAL_TABLE)
        if is_global:
            keyspace, table = read_string(reader), read_string(reader)
        for _ in range(columns_count):
            if not is_global:
                keyspace, table = read_string(reader), read_string(reader)
            name = read_string(reader)
            columns.append(Column(keyspace=keyspace, table=table, name=name, type=decode_option(reader)))
    return Metadata(
        flags=flags,
        columns_count=columns_count,
        columns=tuple(columns),
        paging_state=paging_state,
        new_metadata_id=new_metadata_id,
        partition_key_indexes=indexes,
    )


def _write_metadata(writer: ByteWriter, metadata: Metadata, *, has_indexes: bool) -> None:
    flags = metadata.flags
    writer.number("i32_be", flags)
    writer.number("i32_be", metadata.columns_count)
    if has_indexes:
        writer.number("i32_be", len(metadata.partition_key_indexes))
        for index in metadata.partition_key_indexes:
            writer.number("u16_be", index)
    if flags & FLAG_HAS_MORE_PAGES:
        write_bytes(writer, metadata.paging_state)
    if flags & FLAG_METADATA_CHANGED:
        if metadata.new_metadata_id is None:
            raise EncodeError("changed metadata without its id")
        write_short_bytes(writer, metadata.new_metadata_id)
    if flags & FLAG_NO_METADATA:
        return
    columns = metadata.columns
    if len(columns) != metadata.columns_count:
        raise EncodeError(f"{metadata.columns_count} columns, {len(columns)} described")
    is_global = bool(flags & FLAG_GLOBAL_TABLE)
    if is_global:
        write_string(writer, columns[0].keyspace if columns else "")
        write_string(writer, columns[0].table if columns else "")
    for column in columns:
        if not is_global:
            write_string(writer, column.keyspace)
            write_string(writer, column.table)
        write_string(writer, column.name)
        encode_option(writer, column.type)


def _read_rows(reader: ByteReader, result_columns: Sequence[Column] | None) -> Rows:
    metadata = _read_metadata(reader, has_indexes=False)
    columns = metadata.columns
    if not columns and result_columns is not None and len(result_columns) == metadata.columns_count:
        columns = tuple(result_columns)
    offset_bytes = reader.position
    rows_count = reader.i32_be()
    cells_per_row = metadata.columns_count
    if not 0 <= rows_count * cells_per_row * 4 <= reader.remaining or (rows_count and not cells_per_row):
        raise DecodeError(
            f"{rows_count} rows of {cells_per_row} cells in {reader.remaining} bytes",
            layer="cql",
            offset_bytes=offset_bytes,
        )
    data, position, end = reader.data, reader.position, reader.end
    unpack = _I32.unpack_from
    rows = []
    for _ in range(rows_count):
        row: list[bytes | None] = []
        for _ in range(cells_per_row):
            start = position + 4
            if start > end:
                raise TruncatedError("cell without its length", layer="cql", offset_bytes=position)
            (size_bytes,) = unpack(data, position)
            if size_bytes < 0:
                row.append(None)
                position = start
                continue
            position = start + size_bytes
            if position > end:
                raise TruncatedError(f"cell of {size_bytes} bytes", layer="cql", offset_bytes=start)
            row.append(data[start:position])
        rows.append(tuple(row))
    reader.position = position
    return Rows(metadata=metadata, columns=columns, rows=tuple(rows))


def _write_rows(writer: ByteWriter, result: Rows) -> None:
    _write_metadata(writer, result.metadata, has_indexes=False)
    writer.number("i32_be", len(result.rows))
    pack = _I32.pack
    for row in result.rows:
        if len(row) != result.metadata.columns_count:
            raise EncodeError(f"row of {len(row)} cells in {result.metadata.columns_count} columns")
        for cell in row:
            writer.put(b"\xff\xff\xff\xff" if cell is None else pack(len(cell)) + cell)
