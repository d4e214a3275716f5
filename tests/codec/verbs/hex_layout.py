"""Payloads composed by hand: the framing rules as functions on hex, independent of the encoder under test."""

import struct

MUTATION = """
01010000 e011ab8967452301efcdab8967452381 44443333222211118888777766665555
10000000 01000000 04000000 00000001
cd000000
14000000 0000000000000080 0000000000000000
08000000 00000000
00000000
01000000
a5000000
08000000 00000000
14000000 00000000 0c000000 0000a40731af0500
14000000 0000000000000080 0000000000000000
5d000000 02000000
2a000000 00000000 22000000 00000000 1a000000 00000000 12000000 0000a40731af0500 02000000 6162
2b000000 01000000 23000000 00000000 1b000000 00000000 13000000 0000a40731af0500 03000000 78797a
14000000 0000000000000080 0000000000000000
"""
"""An INSERT of two text columns into a table with an int key; 257 bytes."""

NOTHING_DELETED = "14000000 0000000000000080 0000000000000000"
KEY_1 = "10000000 01000000 04000000 00000001"
"""A key with the int 1 as its only component."""
TOKEN_OF_1 = "14000000 01000000 08000000 c78499982ae4e0cf"
"""Its token, -4069959284402364209."""
TABLE_ID = "e011ab8967452301 efcdab8967452381"
"""01234567-89ab-11e0-8123-456789abcdef."""
SCHEMA_VERSION = "4444333322221111 8888777766665555"
"""11112222-3333-4444-5555-666677778888."""


def framed(*parts: str) -> str:
    """Put parts into a frame: u32 size, itself included."""
    body = _joined(parts)
    return _u32(len(body) + 4) + body.hex()


def blob(*parts: str) -> str:
    """Put parts behind a u32 length that does not count itself."""
    body = _joined(parts)
    return _u32(len(body)) + body.hex()


def writable(index: int, *parts: str) -> str:
    """Put parts into a variant of a writable view: u32 size, itself included, u32 index."""
    return framed(_u32(index), *parts)


def vector(*elements: str) -> str:
    """Put a u32 count before elements."""
    return _u32(len(elements)) + _joined(elements).hex()


def text(value: str) -> str:
    """Put a u32 length before text."""
    return blob(value.encode().hex())


def _joined(parts: tuple[str, ...]) -> bytes:
    return bytes.fromhex("".join(parts))


def _u32(value: int) -> str:
    return struct.pack("<I", value).hex()
