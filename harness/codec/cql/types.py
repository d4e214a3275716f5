"""CQL types, and the three ways in which they are written.

- CQL: ``frozen<map<text, list<int>>>``: ``str`` and ``type_from_cql``
- class names, in schema tables and between nodes, ``org.apache.cassandra.db.marshal.MapType(...)``: ``marshal_name``
  and ``type_from_marshal``
- the [option] of result metadata, a number and what belongs to it: ``encode_option`` and ``decode_option``
"""

from harness.codec.cql.type_marshal import MarshalType, type_from_marshal
from harness.codec.cql.type_option import decode_option, encode_option
from harness.codec.cql.type_parser import type_from_cql
from harness.codec.cql.type_tree import (
    CompositeType,
    CqlType,
    CustomType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    VectorType,
    freeze,
    identifier,
    marshal_name,
)

__all__ = [
    "CompositeType",
    "CqlType",
    "CustomType",
    "ListType",
    "MapType",
    "MarshalType",
    "ScalarType",
    "SetType",
    "TupleType",
    "UserType",
    "VectorType",
    "decode_option",
    "encode_option",
    "freeze",
    "identifier",
    "marshal_name",
    "type_from_cql",
    "type_from_marshal",
]
