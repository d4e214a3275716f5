"""The payload of an exception frame.

Source: seastar doc/rpc.md, "Exception encoding"; src/rpc/rpc.cc, of the lines ScyllaDB 4.0 to 2026.3.
"""

import enum
import struct
from dataclasses import dataclass

from harness.codec.rpc.headers import LAYER
from harness.errors import DecodeError, EncodeError, TruncatedError

_HEADER = struct.Struct("<II")
_U64 = struct.Struct("<Q")


class ExceptionType(enum.IntEnum):
    """The types that are known."""

    USER = 0
    UNKNOWN_VERB = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionData:
    """Why a handler gave no result. Of text and verb, the one that belongs to the type is set."""

    exception_type: int
    """Of ``ExceptionType``, or unknown."""

    text: str | None = None
    """USER: what the handler's exception says; bytes that are no UTF-8 stand as surrogates."""

    verb: int | None = None
    """UNKNOWN_VERB: the number the server has no handler for."""

    data: bytes = b""
    """What an unknown type carries."""


def decode_exception(payload: bytes) -> ExceptionData:
    """Decode the payload of an exception frame.

    Wire, little endian: type u32, length u32, and so many bytes: USER text; UNKNOWN_VERB verb u64.

    Raises:
        DecodeError: the length is not that of what follows, or not that of the type.
    """
    if len(payload) < _HEADER.size:
        raise TruncatedError(f"exception of {len(payload)} bytes", layer=LAYER, offset_bytes=0)
    exception_type, length = _HEADER.unpack_from(payload)
    data = payload[_HEADER.size :]
    if len(data) != length:
        error = TruncatedError if len(data) < length else DecodeError
        raise error(f"exception of length {length} in {len(data)} bytes", layer=LAYER, offset_bytes=4)
    if exception_type == ExceptionType.USER:
        return ExceptionData(exception_type=exception_type, text=data.decode("utf-8", "surrogateescape"))
    if exception_type == ExceptionType.UNKNOWN_VERB:
        if length != _U64.size:
            raise DecodeError(f"unknown-verb exception of {length} bytes", layer=LAYER, offset_bytes=4)
        (verb,) = _U64.unpack(data)
        return ExceptionData(exception_type=exception_type, verb=verb)
    return ExceptionData(exception_type=exception_type, data=data)


def encode_exception(exception: ExceptionData) -> bytes:
    """Return the payload of an exception frame.

    Raises:
        EncodeError: the field of its type is None, or a number does not fit.
    """
    try:
        if exception.exception_type == ExceptionType.USER:
            if exception.text is None:
                raise EncodeError("USER exception without text")
            data = exception.text.encode("utf-8", "surrogateescape")
        elif exception.exception_type == ExceptionType.UNKNOWN_VERB:
            data = _U64.pack(exception.verb)
        else:
            data = exception.data
        return _HEADER.pack(exception.exception_type, len(data)) + data
    except (struct.error, UnicodeEncodeError) as error:
        raise EncodeError(f"exception {exception.exception_type}: {error}") from error
