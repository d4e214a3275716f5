"""The [option] by which result metadata names types: a number, then what belongs to it.

Source: native_protocol_v4.spec, "4.2.5.2. Rows", <type>; duration: native_protocol_v5.spec, the same.
"""

from enum import IntEnum

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.notation import read_string, write_string
from harness.codec.cql.type_tree import (
    TYPE_DEPTH_MAX,
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    marshal_name,
)
from harness.errors import DecodeError

_CODES = {
    ScalarType.ASCII: 0x0001,
    ScalarType.BIGINT: 0x0002,
    ScalarType.BLOB: 0x0003,
    ScalarType.BOOLEAN: 0x0004,
    ScalarType.COUNTER: 0x0005,
    ScalarType.DECIMAL: 0x0006,
    ScalarType.DOUBLE: 0x0007,
    ScalarType.FLOAT: 0x0008,
    ScalarType.INT: 0x0009,
    ScalarType.TIMESTAMP: 0x000B,
    ScalarType.UUID: 0x000C,
    ScalarType.TEXT: 0x000D,
    ScalarType.VARINT: 0x000E,
    ScalarType.TIMEUUID: 0x000F,
    ScalarType.INET: 0x0010,
    ScalarType.DATE: 0x0011,
    ScalarType.TIME: 0x0012,
    ScalarType.SMALLINT: 0x0013,
    ScalarType.TINYINT: 0x0014,
    ScalarType.DURATION: 0x0015,
}
_SCALAR_OF_CODE = {code: scalar for scalar, code in _CODES.items()}


class _Code(IntEnum):
    """Of the types that have something after their number."""

    CUSTOM = 0x0000
    LIST = 0x0020
    MAP = 0x0021
    SET = 0x0022
    UDT = 0x0030
    TUPLE = 0x0031


def decode_option(reader: ByteReader, depth: int = 0) -> CqlType:
    """Read the [option] of a type; it never says whether the type is frozen.

    A custom type stays one, even if its class is known: so it is written back as it came.

    Raises:
        DecodeError: the number is unknown, so that its end is, too.
    """
    offset_bytes = reader.position
    code = reader.u16_be()
    scalar = _SCALAR_OF_CODE.get(code)
    if scalar is not None:
        return scalar
    if depth > TYPE_DEPTH_MAX:
        raise DecodeError("type nested too deeply", layer="cql", offset_bytes=offset_bytes)
    match code:
        case _Code.CUSTOM:
            return CustomType(read_string(reader))
        case _Code.LIST:
            return ListType(decode_option(reader, depth + 1))
        case _Code.MAP:
            key = decode_option(reader, depth + 1)
            return MapType(key, decode_option(reader, depth + 1))
        case _Code.SET:
            return SetType(decode_option(reader, depth + 1))
        case _Code.UDT:
            keyspace, name = read_string(reader), read_string(reader)
            fields = []
            for _ in range(reader.u16_be()):
                field = read_string(reader)
                fields.append((field, decode_option(reader, depth + 1)))
            return UserType(keyspace, name, tuple(fields))
        case _Code.TUPLE:
            return TupleType(tuple(decode_option(reader, depth + 1) for _ in range(reader.u16_be())))
        case _:
            raise DecodeError(f"type option 0x{code:04x}", layer="cql", offset_bytes=offset_bytes)


def encode_option(writer: ByteWriter, cql_type: CqlType) -> None:
    """Write the [option] of a type; types without a number are written as custom, by their class name.

    Raises:
        EncodeError: a name or a count does not fit.
    """
    match cql_type:
        case ScalarType() if cql_type in _CODES:
            writer.number("u16_be", _CODES[cql_type])
        case ListType():
            writer.number("u16_be", _Code.LIST)
            encode_option(writer, cql_type.element)
        case SetType():
            writer.number("u16_be", _Code.SET)
            encode_option(writer, cql_type.element)
        case MapType():
            writer.number("u16_be", _Code.MAP)
            encode_option(writer, cql_type.key)
            encode_option(writer, cql_type.value)
        case UserType():
            writer.number("u16_be", _Code.UDT)
            write_string(writer, cql_type.keyspace)
            write_string(writer, cql_type.name)
            writer.number("u16_be", len(cql_type.fields))
            for name, field in cql_type.fields:
                write_string(writer, name)
                encode_option(writer, field)
        case TupleType():
            writer.number("u16_be", _Code.TUPLE)
            writer.number("u16_be", len(cql_type.components))
            for component in cql_type.components:
                encode_option(writer, component)
        case _:
            writer.number("u16_be", _Code.CUSTOM)
            write_string(writer, marshal_name(cql_type))
