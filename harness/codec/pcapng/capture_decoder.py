"""Bytes of a capture file in, events out; pcapng or classic pcap, told by the first four bytes."""

from typing import Protocol

from harness.codec.pcapng.block_decoder import SECTION_HEADER_MAGIC, BlockDecoder
from harness.codec.pcapng.events import CaptureEvent, Truncated
from harness.codec.pcapng.record_decoder import PCAP_MAGICS, RecordDecoder
from harness.errors import DecodeError

_MAGIC_BYTES = 4


class _FormatDecoder(Protocol):
    """Decodes one of the two formats from a buffer which begins at a block."""

    needed_bytes: int
    """Size that the buffer must have before another attempt can give more."""

    def decode(self, data: bytes, offset_bytes: int, events: list[CaptureEvent]) -> int:
        """Append the events of all complete blocks; return how many bytes they took."""

    def incomplete(self, data: bytes) -> str:
        """Say what the bytes of an incomplete block are."""


class CaptureDecoder:
    """Decodes one capture file, given in chunks of any size.

    ``feed`` and ``close`` keep what is good: where a file breaks its format, the events before that place are
    returned first, and the DecodeError is raised by the call that has nothing else to give: the same one if it
    found no event, otherwise the next ``feed`` or ``close``, and each one after. A file that ends in the middle
    of a block is no error; ``close`` returns a last event ``Truncated``.
    """

    __slots__ = ("_decoder", "_error", "_offset_bytes", "_pending")

    def __init__(self) -> None:
        self._decoder: _FormatDecoder | None = None
        self._error: DecodeError | None = None
        self._offset_bytes = 0
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[CaptureEvent]:
        """Take the next bytes of the file; return the events they complete, in the order of the file.

        Chunks of about 1 MiB are fastest; of any size, each byte is copied a fixed number of times.

        Raises:
            DecodeError: what follows the events returned so far is not a capture, or structurally impossible.
        """
        if self._error is not None:
            raise self._error
        needed_bytes = _MAGIC_BYTES if self._decoder is None else self._decoder.needed_bytes
        pending = self._pending
        if pending or len(data) < needed_bytes:
            pending += data
            if len(pending) < needed_bytes:
                return []
            data = bytes(pending)
        events: list[CaptureEvent] = []
        try:
            if self._decoder is None:
                self._decoder = _decoder_for(data[:_MAGIC_BYTES])
            taken_bytes = self._decoder.decode(data, self._offset_bytes, events)
        except DecodeError as error:
            self._error = error
            self._pending = bytearray()
            if not events:
                raise
            return events
        self._offset_bytes += taken_bytes
        self._pending = bytearray(data[taken_bytes:])
        return events

    def close(self) -> list[CaptureEvent]:
        """Take the end of the file; return ``Truncated`` if it came too early.

        Raises:
            DecodeError: the bytes cannot be a capture, or ``feed`` still owed this error.
        """
        if self._error is not None:
            raise self._error
        data = bytes(self._pending)
        if self._decoder is None:
            if not any(magic.startswith(data) for magic in _MAGICS):
                raise _not_a_capture(data)
            return [
                Truncated(offset_bytes=0, what=f"{len(data)} bytes, less than the magic number of a capture")
            ]
        if not data:
            return []
        self._pending = bytearray()
        return [Truncated(offset_bytes=self._offset_bytes, what=self._decoder.incomplete(data))]


_MAGICS = (SECTION_HEADER_MAGIC, *PCAP_MAGICS)


def _decoder_for(magic: bytes) -> _FormatDecoder:
    if magic == SECTION_HEADER_MAGIC:
        return BlockDecoder()
    if magic in PCAP_MAGICS:
        return RecordDecoder(magic)
    raise _not_a_capture(magic)


def _not_a_capture(magic: bytes) -> DecodeError:
    if magic in (b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1"):
        what = "pcap as modified by Kuznetzov, which is not supported; editcap converts it"
    elif magic.startswith(b"\x1f\x8b"):
        what = "a gzip file, not a capture; unpack it first"
    else:
        what = f"neither pcapng nor pcap: the file begins with {magic.hex(' ')}"
    return DecodeError(what, layer="pcapng", offset_bytes=0)
