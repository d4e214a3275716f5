"""Bytes of a capture file in, events out; pcapng or classic pcap, told by the first four bytes."""

from typing import Protocol

from harness.codec.pcapng.block_decoder import SECTION_HEADER_MAGIC, BlockDecoder
from harness.codec.pcapng.events import CaptureEvent, PacketRow, Truncated
from harness.codec.pcapng.record_decoder import PCAP_MAGICS, RecordDecoder
from harness.errors import DecodeError

_MAGIC_BYTES = 4


class _FormatDecoder(Protocol):
    """Decodes one of the two formats."""

    needed_bytes: int
    """How many bytes from the start of an incomplete block on it takes to get further."""

    def decode(
        self,
        data: bytes,
        position: int,
        events: list[CaptureEvent],
        rows: list[PacketRow] | None,
        *,
        offset_bytes: int,
    ) -> int:
        """Append the events of all complete blocks; return where the first incomplete one begins."""

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

        Chunks of about 1 MiB are fastest; whatever their size, no byte is copied more than a few times.

        Raises:
            DecodeError: what follows the events returned so far is not a capture, or structurally impossible.
        """
        events: list[CaptureEvent] = []
        self._feed(data, events, None)
        return events

    def feed_rows(self, data: bytes) -> tuple[list[CaptureEvent], list[PacketRow]]:
        """As ``feed``, but quicker: packets as rows, and by themselves all that is no packet.

        Raises:
            DecodeError: as ``feed``.
        """
        events: list[CaptureEvent] = []
        rows: list[PacketRow] = []
        self._feed(data, events, rows)
        return events, rows

    def _feed(self, data: bytes, events: list[CaptureEvent], rows: list[PacketRow] | None) -> None:
        if self._error is not None:
            raise self._error
        try:
            self._decode(data, events, rows)
        except DecodeError as error:
            self._error = error
            self._pending = bytearray()
            if not events and not rows:
                raise

    def _decode(self, data: bytes, events: list[CaptureEvent], rows: list[PacketRow] | None) -> None:
        """Complete the block which the last chunk has left, then decode the rest where it is.

        Joining the whole chunk to what was left instead costs a third of the speed for chunks of 1 MiB.
        """
        position = 0
        pending = self._pending
        while pending or self._decoder is None:
            needed_bytes = _MAGIC_BYTES if self._decoder is None else self._decoder.needed_bytes
            taken = data[position : position + needed_bytes - len(pending)]
            pending += taken
            position += len(taken)
            if len(pending) < needed_bytes:
                return
            block = bytes(pending)
            if self._decoder is None:
                self._decoder = _decoder_for(block)
            done_bytes = self._decoder.decode(block, 0, events, rows, offset_bytes=self._offset_bytes)
            self._offset_bytes += done_bytes
            del pending[:done_bytes]
        rest = self._decoder.decode(data, position, events, rows, offset_bytes=self._offset_bytes - position)
        self._offset_bytes += rest - position
        pending += data[rest:]

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
