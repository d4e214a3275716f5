"""Reads types as CQL writes them.

Source: Apache Cassandra documentation, "CQL", "Data Types".
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from harness.codec.cql.type_marshal import type_from_marshal
from harness.codec.cql.type_tree import (
    TYPE_DEPTH_MAX,
    CqlType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    VectorType,
    freeze,
)
from harness.errors import DecodeError

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
        if depth > TYPE_DEPTH_MAX:
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
