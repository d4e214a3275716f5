"""CQL types as values, and the three ways in which they are written.

- CQL: ``frozen<map<text, list<int>>>``
- class names, in schema tables and between nodes: ``org.apache.cassandra.db.marshal.MapType(...)``
- the [option] of result metadata: a number, then what belongs to it

Source: native_protocol_v4.spec, "4.2.5.2. Rows", <type>; Apache Cassandra documentation, "CQL", "Data Types";
org.apache.cassandra.db.marshal.TypeParser.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.notation import read_string, write_string
from harness.errors import DecodeError

_DEPTH_MAX = 32
"""Types deeper than that are taken for damage; two bytes a level would else exhaust the stack."""

_MARSHAL = "org.apache.cassandra.db.marshal."


class ScalarType(Enum):
    """A type without parameters; the value is its name in CQL."""

    ASCII = "ascii"
    BIGINT = "bigint"
    BLOB = "blob"
    BOOLEAN = "boolean"
    COUNTER = "counter"
    DATE = "date"
    DECIMAL = "decimal"
    DOUBLE = "double"
    DURATION = "duration"
    EMPTY = "empty"
    """Of the one column that a compact table without values has; it cannot be written in CQL."""
    FLOAT = "float"
    INET = "inet"
    INT = "int"
    SMALLINT = "smallint"
    TEXT = "text"
    """Also called varchar."""
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMEUUID = "timeuuid"
    TINYINT = "tinyint"
    UUID = "uuid"
    VARINT = "varint"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class ListType:
    """``list<element>``."""

    element: "CqlType"
    is_frozen: bool = False

    def __str__(self) -> str:
        return _frozen(f"list<{self.element}>", is_frozen=self.is_frozen)


@dataclass(frozen=True, slots=True)
class SetType:
    """``set<element>``."""

    element: "CqlType"
    is_frozen: bool = False

    def __str__(self) -> str:
        return _frozen(f"set<{self.element}>", is_frozen=self.is_frozen)


@dataclass(frozen=True, slots=True)
class MapType:
    """``map<key, value>``."""

    key: "CqlType"
    value: "CqlType"
    is_frozen: bool = False

    def __str__(self) -> str:
        return _frozen(f"map<{self.key}, {self.value}>", is_frozen=self.is_frozen)


@dataclass(frozen=True, slots=True)
class TupleType:
    """``tuple<component, ...>``; frozen whether it says so or not."""

    components: tuple["CqlType", ...]
    is_frozen: bool = False

    def __str__(self) -> str:
        return _frozen(f"tuple<{', '.join(map(str, self.components))}>", is_frozen=self.is_frozen)


@dataclass(frozen=True, slots=True)
class UserType:
    """A user-defined type with all its fields."""

    keyspace: str
    name: str
    fields: tuple[tuple[str, "CqlType"], ...]
    is_frozen: bool = False

    def __str__(self) -> str:
        return _frozen(identifier(self.name), is_frozen=self.is_frozen)


@dataclass(frozen=True, slots=True)
class VectorType:
    """``vector<element, dimension>``: a list of fixed length."""

    element: "CqlType"
    dimension: int

    def __str__(self) -> str:
        return f"vector<{self.element}, {self.dimension}>"


@dataclass(frozen=True, slots=True)
class CompositeType:
    """Several components in one value, as a partition key of several columns is."""

    components: tuple["CqlType", ...]

    def __str__(self) -> str:
        return f"'{marshal_name(self)}'"


@dataclass(frozen=True, slots=True)
class CustomType:
    """A type known by its class name alone."""

    class_name: str

    def __str__(self) -> str:
        return f"'{self.class_name}'"


CqlType = (
    ScalarType | ListType | SetType | MapType | TupleType | UserType | VectorType | CompositeType | CustomType
)

_PLAIN_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)


def identifier(name: str) -> str:
    """A name as CQL writes it: in double quotes if it would else not be read as the same name."""
    return name if _PLAIN_IDENTIFIER.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _frozen(text: str, *, is_frozen: bool) -> str:
    return f"frozen<{text}>" if is_frozen else text


# CQL

_CQL_TOKEN = re.compile(r"""\s*(?:([A-Za-z_][A-Za-z0-9_]*|\d+)|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([<>,.]))""")
_SCALARS = {scalar.value: scalar for scalar in ScalarType} | {"varchar": ScalarType.TEXT}


def type_from_cql(text: str, udts: Mapping[str, UserType] | None = None) -> CqlType:
    """Read a type as CQL writes it.

    Args:
        text: such as ``frozen<map<text, list<int>>>``.
        udts: the user-defined types that may be named, by name.

    Raises:
        DecodeError: it is not a type, or names one that is not in udts.
    """
    parser = _CqlParser(text, udts or {})
    cql_type = parser.type(0)
    if parser.position < len(parser.tokens):
        raise parser.error()
    return cql_type


class _CqlToken(NamedTuple):
    kind: str
    """``name``, ``quoted``, ``class`` or the punctuation itself."""
    text: str
    offset: int


class _CqlParser:
    def __init__(self, text: str, udts: Mapping[str, UserType]) -> None:
        self.text = text
        self.udts = udts
        self.tokens: list[_CqlToken] = []
        self.position = 0
        offset = 0
        end = len(text.rstrip())
        while offset < end:
            match = _CQL_TOKEN.match(text, offset)
            if match is None:
                raise DecodeError(f"type {text!r}", layer="cql", offset_bytes=offset)
            name, quoted, class_name, punctuation = match.groups()
            if name is not None:
                token = _CqlToken("name", name.lower(), offset)
            elif quoted is not None:
                token = _CqlToken("quoted", quoted.replace('""', '"'), offset)
            elif class_name is not None:
                token = _CqlToken("class", class_name.replace("''", "'"), offset)
            else:
                token = _CqlToken(punctuation, punctuation, offset)
            self.tokens.append(token)
            offset = match.end()

    def error(self) -> DecodeError:
        offset = self.tokens[self.position].offset if self.position < len(self.tokens) else len(self.text)
        return DecodeError(f"type {self.text!r}", layer="cql", offset_bytes=offset)

    def next(self, *kinds: str) -> _CqlToken:
        if self.position == len(self.tokens) or self.tokens[self.position].kind not in kinds:
            raise self.error()
        self.position += 1
        return self.tokens[self.position - 1]

    def at(self, kind: str) -> bool:
        return self.position < len(self.tokens) and self.tokens[self.position].kind == kind

    def type(self, depth: int) -> CqlType:
        if depth > _DEPTH_MAX:
            raise self.error()
        token = self.next("name", "quoted", "class")
        if token.kind == "class":
            return type_from_marshal(token.text).cql_type
        if token.kind == "name" and self.at("<"):
            return self.parameterized(token.text, depth)
        if token.kind == "name" and token.text in _SCALARS:
            return _SCALARS[token.text]
        name = token.text
        if self.at("."):
            self.position += 1
            name = self.next("name", "quoted").text
        if name not in self.udts:
            raise DecodeError(f"unknown type {name!r}", layer="cql", offset_bytes=token.offset)
        return self.udts[name]

    def parameterized(self, name: str, depth: int) -> CqlType:
        self.next("<")
        parameters = [self.type(depth + 1)]
        dimension = ""
        while self.at(","):
            self.position += 1
            if name == "vector":
                dimension = self.next("name").text
            else:
                parameters.append(self.type(depth + 1))
        self.next(">")
        match name, parameters:
            case "list", [element]:
                return ListType(element)
            case "set", [element]:
                return SetType(element)
            case "map", [key, value]:
                return MapType(key, value)
            case "tuple", _:
                return TupleType(tuple(parameters))
            case "frozen", [inner]:
                return freeze(inner)
            case "vector", [element] if dimension.isdecimal():
                return VectorType(element, int(dimension))
            case _:
                raise self.error()


def freeze(cql_type: CqlType) -> CqlType:
    """The same type, frozen; types that are never anything else stay as they are."""
    match cql_type:
        case ListType() | SetType() | MapType() | TupleType() | UserType():
            return replace(cql_type, is_frozen=True)
        case _:
            return cql_type


# Class names

_MARSHAL_SCALARS = {
    "AsciiType": ScalarType.ASCII,
    "BooleanType": ScalarType.BOOLEAN,
    "ByteType": ScalarType.TINYINT,
    "BytesType": ScalarType.BLOB,
    "CounterColumnType": ScalarType.COUNTER,
    "DateType": ScalarType.TIMESTAMP,
    "DecimalType": ScalarType.DECIMAL,
    "DoubleType": ScalarType.DOUBLE,
    "DurationType": ScalarType.DURATION,
    "EmptyType": ScalarType.EMPTY,
    "FloatType": ScalarType.FLOAT,
    "InetAddressType": ScalarType.INET,
    "Int32Type": ScalarType.INT,
    "IntegerType": ScalarType.VARINT,
    "LexicalUUIDType": ScalarType.UUID,
    "LongType": ScalarType.BIGINT,
    "ShortType": ScalarType.SMALLINT,
    "SimpleDateType": ScalarType.DATE,
    "TimeType": ScalarType.TIME,
    "TimeUUIDType": ScalarType.TIMEUUID,
    "TimestampType": ScalarType.TIMESTAMP,
    "UTF8Type": ScalarType.TEXT,
    "UUIDType": ScalarType.UUID,
}
_SCALAR_MARSHALS = {
    scalar: name for name, scalar in _MARSHAL_SCALARS.items() if name not in ("DateType", "LexicalUUIDType")
}


class MarshalType(NamedTuple):
    """What a class name says."""

    cql_type: CqlType
    is_reversed: bool
    """Whether it is a clustering column in descending order."""


@lru_cache(maxsize=4096)
def type_from_marshal(class_name: str) -> MarshalType:
    """Read a type as its class name, with or without the package.

    A class that is not known becomes a ``CustomType`` of the whole text.

    Raises:
        DecodeError: the parentheses do not match, or a class has parameters that it cannot have.
    """
    name, arguments = _split_marshal(class_name.strip(), 0)
    if name == "ReversedType" and len(arguments) == 1:
        return MarshalType(_marshal_type(arguments[0], 0), is_reversed=True)
    return MarshalType(_marshal_type(class_name.strip(), 0), is_reversed=False)


def _split_marshal(text: str, depth: int) -> tuple[str, list[str]]:
    """Return the name without its package, and the arguments."""
    if depth > _DEPTH_MAX:
        raise _marshal_error(text)
    name, opening, inner = text.partition("(")
    if not opening:
        return name.strip().removeprefix(_MARSHAL), []
    if not inner.endswith(")"):
        raise _marshal_error(text)
    arguments = []
    level = start = 0
    for match in re.finditer(r"[(),]", inner[:-1]):
        if match[0] == "(":
            level += 1
        elif match[0] == ")":
            level -= 1
            if level < 0:
                raise _marshal_error(text)
        elif level == 0:
            arguments.append(inner[start : match.start()].strip())
            start = match.end()
    if level:
        raise _marshal_error(text)
    last = inner[start:-1].strip()
    if last or arguments:
        arguments.append(last)
    return name.strip().removeprefix(_MARSHAL), arguments


def _marshal_error(text: str) -> DecodeError:
    return DecodeError(f"class name {text[:200]!r}", layer="cql", offset_bytes=0)


def _marshal_type(text: str, depth: int) -> CqlType:
    name, arguments = _split_marshal(text, depth)
    if not arguments:
        return _MARSHAL_SCALARS.get(name) or CustomType(text)
    match name, arguments:
        case "ListType", [element]:
            return ListType(_marshal_type(element, depth + 1))
        case "SetType", [element]:
            return SetType(_marshal_type(element, depth + 1))
        case "MapType", [key, value]:
            return MapType(_marshal_type(key, depth + 1), _marshal_type(value, depth + 1))
        case "FrozenType", [inner]:
            return freeze(_marshal_type(inner, depth + 1))
        case "ReversedType", [inner]:
            return _marshal_type(inner, depth + 1)
        case "TupleType", _:
            return TupleType(tuple(_marshal_type(argument, depth + 1) for argument in arguments))
        case "CompositeType", _:
            return CompositeType(tuple(_marshal_type(argument, depth + 1) for argument in arguments))
        case "VectorType", [element, dimension] if dimension.isdecimal() and len(dimension) < 10:
            return VectorType(_marshal_type(element, depth + 1), int(dimension))
        case "UserType", [keyspace, hex_name, *fields]:
            return UserType(
                keyspace, _unhex(hex_name, text), tuple(_marshal_field(field, depth + 1) for field in fields)
            )
        case "ListType" | "SetType" | "MapType" | "FrozenType" | "ReversedType", _:
            raise _marshal_error(text)
        case _:
            return CustomType(text)


def _marshal_field(text: str, depth: int) -> tuple[str, CqlType]:
    hex_name, _, type_name = text.partition(":")
    return _unhex(hex_name, text), _marshal_type(type_name.strip(), depth)


def _unhex(text: str, whole: str) -> str:
    try:
        return bytes.fromhex(text).decode()
    except ValueError as error:
        raise _marshal_error(whole) from error


def marshal_name(cql_type: CqlType, *, is_reversed: bool = False) -> str:
    """Return the class name of a type, with the package; the inverse of ``type_from_marshal``."""
    name = _marshal_name(cql_type)
    return f"{_MARSHAL}ReversedType({name})" if is_reversed else name


def _marshal_name(cql_type: CqlType) -> str:
    match cql_type:
        case ScalarType():
            return _MARSHAL + _SCALAR_MARSHALS[cql_type]
        case CustomType():
            return cql_type.class_name
        case VectorType():
            return f"{_MARSHAL}VectorType({_marshal_name(cql_type.element)}, {cql_type.dimension})"
        case CompositeType():
            return f"{_MARSHAL}CompositeType({','.join(map(_marshal_name, cql_type.components))})"
        case ListType():
            name = f"{_MARSHAL}ListType({_marshal_name(cql_type.element)})"
        case SetType():
            name = f"{_MARSHAL}SetType({_marshal_name(cql_type.element)})"
        case MapType():
            name = f"{_MARSHAL}MapType({_marshal_name(cql_type.key)},{_marshal_name(cql_type.value)})"
        case TupleType():
            # A tuple is frozen as it is; its class name never says so.
            return f"{_MARSHAL}TupleType({','.join(map(_marshal_name, cql_type.components))})"
        case UserType():
            parts = [cql_type.keyspace, cql_type.name.encode().hex()]
            parts += [f"{name.encode().hex()}:{_marshal_name(field)}" for name, field in cql_type.fields]
            name = f"{_MARSHAL}UserType({','.join(parts)})"
    return f"{_MARSHAL}FrozenType({name})" if cql_type.is_frozen else name


# Options

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
_CUSTOM = 0x0000
_LIST = 0x0020
_MAP = 0x0021
_SET = 0x0022
_UDT = 0x0030
_TUPLE = 0x0031


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
    if depth > _DEPTH_MAX:
        raise DecodeError("type nested too deeply", layer="cql", offset_bytes=offset_bytes)
    match code:
        case 0x0000:
            return CustomType(read_string(reader))
        case 0x0020:
            return ListType(decode_option(reader, depth + 1))
        case 0x0021:
            key = decode_option(reader, depth + 1)
            return MapType(key, decode_option(reader, depth + 1))
        case 0x0022:
            return SetType(decode_option(reader, depth + 1))
        case 0x0030:
            keyspace, name = read_string(reader), read_string(reader)
            fields = []
            for _ in range(reader.u16_be()):
                field = read_string(reader)
                fields.append((field, decode_option(reader, depth + 1)))
            return UserType(keyspace, name, tuple(fields))
        case 0x0031:
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
            writer.number("u16_be", _LIST)
            encode_option(writer, cql_type.element)
        case SetType():
            writer.number("u16_be", _SET)
            encode_option(writer, cql_type.element)
        case MapType():
            writer.number("u16_be", _MAP)
            encode_option(writer, cql_type.key)
            encode_option(writer, cql_type.value)
        case UserType():
            writer.number("u16_be", _UDT)
            write_string(writer, cql_type.keyspace)
            write_string(writer, cql_type.name)
            writer.number("u16_be", len(cql_type.fields))
            for name, field in cql_type.fields:
                write_string(writer, name)
                encode_option(writer, field)
        case TupleType():
            writer.number("u16_be", _TUPLE)
            writer.number("u16_be", len(cql_type.components))
            for component in cql_type.components:
                encode_option(writer, component)
        case _:
            writer.number("u16_be", _CUSTOM)
            write_string(writer, marshal_name(cql_type))
