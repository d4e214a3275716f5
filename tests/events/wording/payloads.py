"""Instances of any payload class, with values that hypothesis makes up."""

from collections.abc import Iterator
from uuid import UUID

from hypothesis import strategies as st

from harness.codec.verbs.compound_types import (
    Framed,
    FramedOrEmpty,
    Group,
    Maybe,
    PlainVariant,
    Vector,
    WritableVariant,
)
from harness.codec.verbs.declared_type import Struct
from harness.codec.verbs.leaf_types import Address, Bool, Bytes, Fixed, Number, String, UuidPair, WireType
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.wire import ABSENT, struct_of


def payload_classes() -> Iterator[type]:
    """Every class that a verb of any line carries."""
    seen: set[type] = set()
    for row in TABLE.verbs:
        for payload in row.payloads:
            for role in Role:
                cls = payload.of(role)
                if cls is not None and cls not in seen:
                    seen.add(cls)
                    yield cls


def payloads(cls: type) -> st.SearchStrategy[object]:
    """Instances of a declared class."""
    return _struct(struct_of(cls), 0)


def _struct(struct: Struct, depth: int) -> st.SearchStrategy[object]:
    fields = {
        spec.name: st.one_of(st.just(ABSENT), _values(spec.wire, depth + 1))
        if spec.is_trailing
        else _values(spec.wire, depth + 1)
        for spec in struct.specs
    }
    return st.builds(struct.cls, **fields)


def _values(wire: WireType, depth: int) -> st.SearchStrategy[object]:
    match wire:
        case Struct():
            return _struct(wire, depth)
        case Number():
            named = [] if wire.enum is None else [st.sampled_from(list(wire.enum))]
            return st.one_of(*named, st.integers(0, 127))
        case Bool():
            return st.booleans()
        case Bytes():
            return st.binary(max_size=12)
        case String():
            return st.text(max_size=8)
        case UuidPair():
            return st.builds(UUID, int=st.integers(0, 2**128 - 1))
        case Address():
            return st.sampled_from(["10.0.0.1", "10.0.0.9", "::1"])
        case Fixed():
            return st.binary(min_size=wire.size_bytes, max_size=wire.size_bytes)
        case Vector():
            # Deep in a payload, one element says as much as three.
            return st.lists(_values(wire.element, depth + 1), max_size=3 if depth < 4 else 1).map(tuple)
        case Group():
            return st.tuples(*(_values(member, depth + 1) for member in wire.members))
        case FramedOrEmpty() | Maybe():
            return st.one_of(st.none(), _values(wire.inner, depth + 1))
        case Framed():
            return _values(wire.inner, depth)
        case PlainVariant() | WritableVariant():
            return st.one_of([_values(alternative, depth + 1) for alternative in wire.alternatives])
        case _:
            raise TypeError(type(wire))
