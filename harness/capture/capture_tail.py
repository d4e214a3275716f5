"""Reading a capture file while it is being written."""

from pathlib import Path
from typing import BinaryIO

from harness.codec.pcapng import CaptureDecoder, CaptureEvent
from harness.errors import CaptureError, DecodeError

_CHUNK_BYTES = 1 << 18


class CaptureTail:
    """Decodes what has been added to a capture file since it was asked last; each byte once.

    Args:
        path: a file that exists; it only ever grows.

    Raises:
        CaptureError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = CaptureDecoder()
        self._file: BinaryIO | None = None
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise CaptureError(f"cannot read the capture {path}: {error.strerror}") from error
        self.read_bytes = 0
        """How much of the file has been read."""

    def events(self) -> list[CaptureEvent]:
        """Return what is new; a packet of which only a part has been written comes with the next call.

        Raises:
            CaptureError: the file cannot be read, or breaks its format.
        """
        events: list[CaptureEvent] = []
        if self._file is None:
            return events
        try:
            while chunk := self._file.read(_CHUNK_BYTES):
                self.read_bytes += len(chunk)
                events += self._decoder.feed(chunk)
        except OSError as error:
            raise CaptureError(f"cannot read the capture {self._path}: {error.strerror}") from error
        except DecodeError as error:
            raise CaptureError(f"{self._path} is no capture that can be read: {error}") from error
        return events

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
