"""Cuts what a client sends into frames, as strictly as a node does.

Source:
    Scylla (branch 4.2), transport/server.cc (read_frame, process_request).
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.backends.simulation.cql.request_error import RequestError
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.frame import HEADER, HEADER_BYTES

VERSIONS = frozenset({3, 4})
VERSION_MAX = 4
FIRST_BODY_BYTES_MAX = 100_000
BODY_BYTES_MAX = 50_000_000
"""Of other frames; longer ones are passed over and refused."""


class RequestFrame(NamedTuple):
    """A frame of a client."""

    version: int
    flags: int
    stream_id: int
    opcode: int
    body: bytes | None
    """None: it was too long to be kept."""
    body_bytes: int


class RequestCutter:
    """Takes the bytes of one connection; the first frame says which version all others have."""

    __slots__ = ("_held", "_is_first", "_needed_bytes", "_skip_bytes", "version")

    def __init__(self) -> None:
        self.version = VERSION_MAX
        """The one of the first frame; until that has come, the last that is spoken."""
        self._is_first = True
        self._held = bytearray()
        self._needed_bytes = 0
        """How many bytes complete what is held."""
        self._skip_bytes = 0

    def cut(self, data: bytes) -> Iterator[RequestFrame]:
        """Take bytes, give the frames that they complete.

        Raises:
            RequestError: PROTOCOL_ERROR: nothing more can be understood on this connection.
        """
        if self._skip_bytes:
            passed = min(self._skip_bytes, len(data))
            self._skip_bytes -= passed
            data = data[passed:]
        if self._held:
            self._held += data
            if len(self._held) < self._needed_bytes:
                return
            data = bytes(self._held)
            self._held.clear()
        if self._is_first and data:
            _refuse_unknown_version(data[0])
        position, size = 0, len(data)
        self._needed_bytes = HEADER_BYTES
        while size - position >= HEADER_BYTES:
            version, flags, stream_id, opcode, body_bytes = HEADER.unpack_from(data, position)
            if self._is_first:
                _refuse_long_beginning(body_bytes)
                self._is_first = False
                self.version = version
            start = position + HEADER_BYTES
            end = start + body_bytes
            if body_bytes > BODY_BYTES_MAX:
                position = min(end, size)
                self._skip_bytes = end - position
                yield RequestFrame(version, flags, stream_id, opcode, None, body_bytes)
                continue
            if end > size:
                self._needed_bytes = end - position
                break
            position = end
            yield RequestFrame(version, flags, stream_id, opcode, data[start:end], body_bytes)
        if position < size:
            self._held += data[position:]


def _refuse_unknown_version(version: int) -> None:
    if version not in VERSIONS:
        # Drivers look for "unsupported protocol version" and try an older one.
        raise RequestError(ErrorCode.PROTOCOL_ERROR, f"Invalid or unsupported protocol version: {version}")


def _refuse_long_beginning(body_bytes: int) -> None:
    if body_bytes > FIRST_BODY_BYTES_MAX:
        raise RequestError(
            ErrorCode.PROTOCOL_ERROR, f"Initial message size too large ({body_bytes}), rejecting as invalid"
        )
