"""Reads types as class names, the way schema tables hold them and nodes send them to each other.

Source: org.apache.cassandra.db.marshal.TypeParser.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from harness.codec.cql.type_tree import (
    MARSHAL_PACKAGE,
    MARSHAL_SCALARS,
    TYPE_DEPTH_MAX,
    CompositeType,
    CqlType,
    CustomType,
    ListType,
    MapType,
    SetType,
    TupleType,
    UserType,
    VectorType,
    freeze,
)
from harness.errors import DecodeError


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
    if depth > TYPE_DEPTH_MAX:
        raise _marshal_error(text)
    name, opening, inner = text.partition("(")
    if not opening:
        return name.strip().removeprefix(MARSHAL_PACKAGE), []
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
    return name.strip().removeprefix(MARSHAL_PACKAGE), arguments


def _marshal_error(text: str) -> DecodeError:
    return DecodeError(f"class name {text[:200]!r}", layer="cql", offset_bytes=0)


def _marshal_type(text: str, depth: int) -> CqlType:
    name, arguments = _split_marshal(text, depth)
    if not arguments:
        return MARSHAL_SCALARS.get(name) or CustomType(text)
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
