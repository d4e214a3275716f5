"""Values of every declaration, drawn at random from the declaration itself."""

import ipaddress
import random
import uuid

from harness.codec.verbs.wire import (
    Address,
    Bool,
    Bytes,
    Fixed,
    Framed,
    FramedOrEmpty,
    Group,
    Maybe,
    Number,
    PlainVariant,
    String,
    Struct,
    UuidPair,
    Vector,
    WireType,
    WritableVariant,
)

_BITS = {"u8": 8, "i8": 8, "u16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64}


def arbitrary_value(wire: WireType, rng: random.Random) -> object:
    """Draw a value that has a form on the wire."""
    if isinstance(wire, Struct):
        return _arbitrary_instance(wire, rng)
    if isinstance(wire, Number):
        return _arbitrary_number(wire, rng)
    if isinstance(wire, Vector):
        return tuple(arbitrary_value(wire.element, rng) for _ in range(rng.choice((0, 0, 1, 1, 2))))
    if isinstance(wire, Group):
        return tuple(arbitrary_value(member, rng) for member in wire.members)
    if isinstance(wire, Maybe | FramedOrEmpty):
        return None if rng.random() < 0.4 else arbitrary_value(wire.inner, rng)
    if isinstance(wire, Framed):
        return arbitrary_value(wire.inner, rng)
    if isinstance(wire, PlainVariant | WritableVariant):
        return arbitrary_value(rng.choice(wire.alternatives), rng)
    return _arbitrary_leaf(wire, rng)


def unread_bytes(value: object) -> int:
    """Count the bytes that no declaration names in a value and in all that it holds."""
    if isinstance(value, tuple):
        return sum(unread_bytes(item) for item in value)
    struct = getattr(type(value), "__wire__", None)
    if not isinstance(struct, Struct):
        return 0
    inner = sum(unread_bytes(getattr(value, spec.name)) for spec in struct.specs)
    return inner + len(getattr(value, "unread", b""))


def _arbitrary_instance(struct: Struct, rng: random.Random) -> object:
    required = [spec for spec in struct.specs if not spec.is_trailing]
    trailing = [spec for spec in struct.specs if spec.is_trailing]
    present = rng.randint(0, len(trailing))
    fields = {spec.name: arbitrary_value(spec.wire, rng) for spec in required + trailing[:present]}
    if struct.keeps_unread and present == len(trailing) and rng.random() < 0.1:
        # What a newer sender writes behind the fields that are declared.
        fields["unread"] = rng.randbytes(rng.randint(1, 3))
    instance: object = struct.cls(**fields)
    return instance


def _arbitrary_number(wire: Number, rng: random.Random) -> int:
    if wire.enum is not None and rng.random() < 0.8:
        return rng.choice(list(wire.enum))
    bits = _BITS[wire.form]
    value = rng.choice((0, 1, (1 << bits) - 1, 1 << (bits - 1), rng.getrandbits(bits)))
    return value - (1 << bits) if wire.form[0] == "i" and value >= 1 << (bits - 1) else value


def _arbitrary_leaf(wire: WireType, rng: random.Random) -> object:
    if isinstance(wire, Bool):
        return rng.random() < 0.5
    if isinstance(wire, Bytes):
        return rng.randbytes(rng.randint(0, 5))
    if isinstance(wire, Fixed):
        return rng.randbytes(wire.size_bytes)
    if isinstance(wire, String):
        return rng.randbytes(rng.randint(0, 5)).decode("utf-8", "surrogateescape")
    if isinstance(wire, UuidPair):
        return uuid.UUID(bytes=rng.randbytes(16))
    if isinstance(wire, Address):
        if rng.random() < 0.5:
            return str(ipaddress.IPv4Address(rng.randrange(2**32 - 1)))
        return str(ipaddress.IPv6Address(rng.randbytes(16)))
    raise TypeError(f"no values are known for {wire.describe()}")
