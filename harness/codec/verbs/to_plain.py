r"""Decoded payloads as plain data, ready for JSON.

======================================  =============================================================
value                                   plain
======================================  =============================================================
instance of a declared class            dict of its fields in wire order; fields that are absent are
                                        left out; ``unread`` only where there are such bytes (hex)
the same, as alternative of a variant   the same, beginning with ``"type"``: the name of its class
any other alternative                   as itself
tuple                                   list; maps are lists of ``[key, value]``
bytes                                   hex
UUID                                    text
named number                            its name; a number without a name stays a number
number                                  int, of whatever size
text                                    text; bytes that are not UTF-8 as ``\xNN``
None                                    None
======================================  =============================================================
"""

import uuid
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from harness.codec.verbs.wire import (
    ABSENT,
    Framed,
    Group,
    Maybe,
    Number,
    PlainVariant,
    Struct,
    Vector,
    WireType,
    WritableVariant,
    struct_of,
    unread_of,
)

_Converter: TypeAlias = Callable[[object], object]

_TYPE_KEY = "type"


def to_plain(value: object) -> object:
    """Convert an instance of a declared class, or any value that a field of one can have."""
    if hasattr(type(value), "__wire__"):
        return _struct_converter(struct_of(type(value)))(value)
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return _leaf(value)


def _leaf(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return None if value is ABSENT else value.name
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, str) and not value.isascii():
        # The decoder keeps bytes that are not UTF-8 as lone surrogates, which no JSON file can hold.
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value


_struct_converters: dict[type, _Converter] = {}
_alternative_converters: dict[type, _Converter] = {}


def _struct_converter(struct: Struct) -> _Converter:
    known = _struct_converters.get(struct.cls)
    if known is not None:
        return known
    fields = tuple((spec.name, _converter(spec.wire)) for spec in struct.specs)

    def convert(value: object) -> object:
        plain: dict[str, object] = {}
        for name, field_converter in fields:
            item = getattr(value, name)
            if item is not ABSENT:
                plain[name] = field_converter(item)
        unread = unread_of(value)
        if unread:
            plain["unread"] = unread.hex()
        return plain

    _struct_converters[struct.cls] = convert
    return convert


def _alternative_converter(struct: Struct) -> _Converter:
    known = _alternative_converters.get(struct.cls)
    if known is not None:
        return known
    if any(spec.name == _TYPE_KEY for spec in struct.specs):
        raise TypeError(f"{struct.cls.__name__} has a field {_TYPE_KEY} and is an alternative of a variant")
    untagged = _struct_converter(struct)
    type_name = struct.cls.__name__

    def convert(value: object) -> object:
        fields = untagged(value)
        assert isinstance(fields, dict)
        return {_TYPE_KEY: type_name, **fields}

    _alternative_converters[struct.cls] = convert
    return convert


def _converter(wire: WireType) -> _Converter:
    """Compile a wire type once; values then pass without questions about their kind."""
    if isinstance(wire, Struct):
        return _struct_converter(wire)
    if isinstance(wire, Framed):
        return _optional(_converter(wire.inner))
    if isinstance(wire, Maybe):
        return _optional(_converter(wire.inner))
    if isinstance(wire, Vector):
        return _list_of(_converter(wire.element))
    if isinstance(wire, Group):
        return _members_of([_converter(member) for member in wire.members])
    if isinstance(wire, PlainVariant | WritableVariant):
        return _one_of(wire)
    if isinstance(wire, Number) and wire.enum is None:
        return _unchanged
    return _leaf


def _unchanged(value: object) -> object:
    return value


def _optional(inner: _Converter) -> _Converter:
    return lambda value: None if value is None else inner(value)


def _list_of(element: _Converter) -> _Converter:
    def convert(value: object) -> object:
        assert isinstance(value, tuple)
        return [element(item) for item in value]

    return convert


def _members_of(members: list[_Converter]) -> _Converter:
    def convert(value: object) -> object:
        assert isinstance(value, tuple)
        return [member(item) for member, item in zip(members, value, strict=True)]

    return convert


def _one_of(variant: PlainVariant | WritableVariant) -> _Converter:
    by_class: dict[type, _Converter] = {}
    others: list[tuple[WireType, _Converter]] = []
    for alternative in variant.alternatives:
        inner = alternative.inner if isinstance(alternative, Framed) else alternative
        if isinstance(inner, Struct):
            by_class[inner.cls] = _alternative_converter(inner)
        else:
            others.append((alternative, _converter(alternative)))

    def convert(value: object) -> object:
        found = by_class.get(type(value))
        if found is not None:
            return found(value)
        return next((other(value) for wire, other in others if wire.accepts(value)), _leaf(value))

    return convert
