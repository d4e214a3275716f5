"""What every payload is tested for: whole, cut short, with a tail, and with each byte broken."""

from collections.abc import Iterable
from typing import TypeVar

from harness.codec.verbs.registry import Role, Verb
from harness.codec.verbs.wire import Absent, decode_struct, encode_struct, struct_of
from harness.errors import HarnessError

_C = TypeVar("_C")

TAIL = bytes.fromhex("aabbccdd")
_BROKEN_BYTES_MAX = 600


def assert_payload(cls: type[_C], text: str) -> _C:
    """Check the bytes in every way; return what they decode to.

    Args:
        cls: the declaration.
        text: the payload in hex, blanks and lines as you like.
    """
    data = bytes.fromhex(text)
    body, undecoded_bytes = decode_struct(cls, data)
    assert undecoded_bytes == 0
    assert encode_struct(body) == data
    for size_bytes in range(len(data)):
        assert_harmless(cls, data[:size_bytes])
    _assert_tail(cls, body, data)
    if len(data) <= _BROKEN_BYTES_MAX:
        for position in range(len(data)):
            assert_harmless(cls, data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :])
    return body


def assert_harmless(cls: type, data: bytes) -> None:
    """Check that bytes, whatever they are, raise HarnessError or come back the same."""
    body: object
    try:
        body, _ = decode_struct(cls, data)
    except HarnessError:
        return
    assert encode_struct(body) == data


def _assert_tail(cls: type, body: object, data: bytes) -> None:
    struct = struct_of(cls)
    if any(isinstance(getattr(body, spec.name), Absent) for spec in struct.specs):
        # What follows is then taken for the first absent field.
        assert_harmless(cls, data + TAIL)
        return
    if struct.is_sized:
        size_bytes = int.from_bytes(data[:4], "little") + len(TAIL)
        data = size_bytes.to_bytes(4, "little") + data[4:]
    longer: object
    longer, undecoded_bytes = decode_struct(cls, data + TAIL)
    assert undecoded_bytes == len(TAIL)
    assert encode_struct(longer) == data + TAIL


def payload_classes(verbs: Iterable[Verb]) -> list[type]:
    """List every declaration that verbs carry, each once."""
    classes: dict[type, None] = {}
    for row in verbs:
        for payload in row.payloads:
            classes.update(dict.fromkeys(cls for role in Role if (cls := payload.of(role)) is not None))
    return list(classes)
