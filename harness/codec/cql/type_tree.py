"""CQL types as values, and their names: ``str`` gives the CQL, ``marshal_name`` the name of the class.

Source: Apache Cassandra documentation, "CQL", "Data Types"; org.apache.cassandra.db.marshal.TypeParser.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum

TYPE_DEPTH_MAX = 32
"""Types nested deeper are taken for damage; else two bytes a level would exhaust the stack."""

MARSHAL_PACKAGE = "org.apache.cassandra.db.marshal."


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


def freeze(cql_type: CqlType) -> CqlType:
    """The same type, frozen; types that are never anything else stay as they are."""
    match cql_type:
        case ListType() | SetType() | MapType() | TupleType() | UserType():
            return replace(cql_type, is_frozen=True)
        case _:
            return cql_type


MARSHAL_SCALARS = {
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
"""The class of each scalar type, without the package; DateType and LexicalUUIDType are older names."""

_SCALAR_MARSHALS = {
    scalar: name for name, scalar in MARSHAL_SCALARS.items() if name not in ("DateType", "LexicalUUIDType")
}


def marshal_name(cql_type: CqlType, *, is_reversed: bool = False) -> str:
    """Return the class name of a type, with the package; the inverse of ``type_from_marshal``."""
    name = _marshal_name(cql_type)
    return f"{MARSHAL_PACKAGE}ReversedType({name})" if is_reversed else name


def _marshal_name(cql_type: CqlType) -> str:
    match cql_type:
        case ScalarType():
            return MARSHAL_PACKAGE + _SCALAR_MARSHALS[cql_type]
        case CustomType():
            return cql_type.class_name
        case VectorType():
            return f"{MARSHAL_PACKAGE}VectorType({_marshal_name(cql_type.element)}, {cql_type.dimension})"
        case CompositeType():
            return f"{MARSHAL_PACKAGE}CompositeType({','.join(map(_marshal_name, cql_type.components))})"
        case ListType():
            name = f"{MARSHAL_PACKAGE}ListType({_marshal_name(cql_type.element)})"
        case SetType():
            name = f"{MARSHAL_PACKAGE}SetType({_marshal_name(cql_type.element)})"
        case MapType():
            name = f"{MARSHAL_PACKAGE}MapType({_marshal_name(cql_type.key)},{_marshal_name(cql_type.value)})"
        case TupleType():
            # A tuple is frozen as it is; its class name never says so.
            return f"{MARSHAL_PACKAGE}TupleType({','.join(map(_marshal_name, cql_type.components))})"
        case UserType():
            parts = [cql_type.keyspace, cql_type.name.encode().hex()]
            parts += [f"{name.encode().hex()}:{_marshal_name(field)}" for name, field in cql_type.fields]
            name = f"{MARSHAL_PACKAGE}UserType({','.join(parts)})"
    return f"{MARSHAL_PACKAGE}FrozenType({name})" if cql_type.is_frozen else name
