"""Bytes of cells and keys as values of their CQL type, with the text that CQL would write for them."""

from collections.abc import Sequence
from typing import NamedTuple

from harness.codec.cql.literals import cql_literal
from harness.codec.cql.types import CqlType, SetType
from harness.codec.cql.values import decode_value
from harness.errors import DecodeError
from harness.schema import Column, Schema, Table

CHARACTERS_MAX = 60
"""How long the text of one value gets in one-line forms, unless another length is asked for."""


class Value(NamedTuple):
    """A value, and how CQL writes it."""

    value: object
    """As ``codec.cql.values`` decodes it; bytes where the type is not known or does not fit."""
    text: str
    """The CQL literal, in full length."""

    def shortened(self, characters_max: int) -> str:
        """Give the literal, cut in the middle of its value if it is too long."""
        return shortened(self.text, characters_max)


NULL = Value(None, "null")


def value_of(cql_type: CqlType | None, data: bytes) -> Value:
    """Decode a value; of bytes that are not of the type, or of no known type, the value is the bytes."""
    if cql_type is None:
        return Value(data, f"0x{data.hex()}")
    try:
        value = decode_value(cql_type, data)
    except DecodeError:
        return Value(data, f"0x{data.hex()}")
    return Value(value, cql_literal(cql_type, value))


def hashable_value_of(cql_type: CqlType | None, data: bytes) -> Value:
    """Decode a value in the form that it has inside a set."""
    if cql_type is None:
        return value_of(None, data)
    found = value_of(SetType(cql_type), b"\x00\x00\x00\x01" + len(data).to_bytes(4, "big") + data)
    if not isinstance(found.value, frozenset):
        return value_of(None, data)
    (value,) = found.value
    return Value(value, cql_literal(cql_type, value))


def key_values(
    schema: Schema, table: Table | None, columns: Sequence[Column], components: Sequence[bytes]
) -> tuple[Value, ...]:
    """Decode the components of a key, or of the beginning of one."""
    values = []
    for index, component in enumerate(components):
        known = table is not None and index < len(columns)
        cql_type = (
            schema.type_of(table.keyspace, columns[index].type) if table is not None and known else None
        )
        values.append(value_of(cql_type, component))
    return tuple(values)


def key_text(key: Sequence[Value], characters_max: int) -> str:
    """Write the components of a key, with commas."""
    return ", ".join([value.shortened(characters_max) for value in key])


def shortened(text: str, characters_max: int) -> str:
    """Cut a literal that is too long; what closes it is kept."""
    if len(text) <= characters_max:
        return text
    closing = text[-1] if text[-1] in "'])}" else ""
    return text[: max(1, characters_max - 1 - len(closing))] + "…" + closing
