"""What STARTUP negotiates, as far as the framing needs it."""

from harness.codec.byte_reader import ByteReader
from harness.codec.cql.compression import Compression
from harness.errors import DecodeError


def startup_compression(body: bytes) -> Compression | None:
    """Return what the body of a STARTUP asks for; None if it cannot be read or names something unknown.

    Source: native_protocol_v4.spec, "4.1.1. STARTUP".
    """
    reader = ByteReader(body, layer="cql")
    try:
        for _ in range(reader.u16_be()):
            key = reader.take(reader.u16_be())
            value = reader.take(reader.u16_be())
            if key == b"COMPRESSION":
                return Compression(value.decode().lower())
    except (DecodeError, ValueError):
        return None
    return Compression.NONE
