"""Frames with compression: takes each out of its wrapper and reads it with the reader of plain frames."""

from harness.codec.rpc.compression import unwrap
from harness.codec.rpc.frame import Frame, FrameKind, undecoded
from harness.codec.rpc.frame_reader import FrameReader
from harness.codec.rpc.headers import FRAME_BYTES_MAX, LAYER, STREAM_HEADER
from harness.codec.rpc.scylla_v3 import decode_control
from harness.codec.rpc.wrapper import SCYLLA_V3, ControlBlock, Wrapper
from harness.errors import DecodeError

_unpack_length = STREAM_HEADER.unpack_from


class DictionaryNotes:
    """Which dictionary each direction of a connection was last told to use; none holds its contents.

    Args:
        is_complete: True if the connection was seen from its beginning.
    """

    __slots__ = ("_of_client", "_of_server", "is_complete")

    def __init__(self, *, is_complete: bool) -> None:
        self.is_complete = is_complete
        self._of_client: ControlBlock | None = None
        self._of_server: ControlBlock | None = None

    def note(self, control: tuple[ControlBlock, ControlBlock], *, from_client: bool) -> None:
        """Take note of a frame's control blocks: the sender's is about its own direction."""
        sender, receiver = control
        for block, is_of_client in ((sender, from_client), (receiver, not from_client)):
            if block.has_dictionary:
                if is_of_client:
                    self._of_client = block
                else:
                    self._of_server = block

    def dictionary_of(self, *, from_client: bool) -> ControlBlock | None:
        """Return the last block that named a dictionary for frames of that direction."""
        return self._of_client if from_client else self._of_server


class WrappedReader:
    """Takes wrapped frames off the front of aligned bytes.

    Args:
        compression: the name that was negotiated.
        inner: reads what is inside.
        dictionaries: shared by both directions of the connection.
        from_client: the direction.
    """

    __slots__ = ("_compression", "_dictionaries", "_from_client", "_inner", "header_bytes", "last_msg_id")

    def __init__(
        self, compression: str, inner: FrameReader, dictionaries: DictionaryNotes, *, from_client: bool
    ) -> None:
        self._compression = compression
        self._inner = inner
        self._dictionaries = dictionaries
        self._from_client = from_client
        self.header_bytes = STREAM_HEADER.size
        self.last_msg_id = 0

    def read(self, data: bytes, first_mark: int, last_mark: int, frames: list[Frame]) -> int:
        """Append the contents of whole wrappers; UNDECODED where a wrapper is whole and its contents are not."""
        end = len(data)
        position = 0
        while position + 4 <= end:
            (length,) = _unpack_length(data, position)
            stop = position + 4 + length
            if stop > end or not length:
                break
            frames.append(self._read_one(data[position + 4 : stop], first_mark, last_mark))
            first_mark = last_mark
            position = stop
        self.last_msg_id = self._inner.last_msg_id
        return position

    def need_bytes(self, data: bytes, position: int) -> int:
        """Return how many bytes the wrapper at position needs.

        Raises:
            DecodeError: a length of 0 or beyond FRAME_BYTES_MAX.
        """
        if len(data) - position < 4:
            return 4
        length: int
        (length,) = _unpack_length(data, position)
        if not 0 < length <= FRAME_BYTES_MAX:
            raise DecodeError(f"compressed frame of {length} bytes", layer=LAYER, offset_bytes=position)
        return 4 + length

    def _read_one(self, cdata: bytes, first_mark: int, last_mark: int) -> Frame:
        try:
            contents, wrapper = unwrap(self._compression, cdata)
        except DecodeError as error:
            return self._undecoded(cdata, self._reason_of(error, cdata), first_mark, last_mark)
        if wrapper.control is not None:
            self._dictionaries.note(wrapper.control, from_client=self._from_client)
        if not contents:
            return self._empty(wrapper, first_mark, last_mark)
        found: list[Frame] = []
        if self._inner.read(contents, first_mark, last_mark, found) == len(contents) and len(found) == 1:
            return found[0]._replace(wrapper=wrapper)
        return self._undecoded(
            cdata, f"{len(contents)} uncompressed bytes are not one frame", first_mark, last_mark
        )

    def _reason_of(self, error: DecodeError, cdata: bytes) -> str:
        """Say what a frame fails on; a dictionary, where one was announced and nobody has it."""
        if self._compression != SCYLLA_V3:
            return error.what
        try:
            control = decode_control(cdata)
        except DecodeError:
            return error.what
        if control is not None:
            self._dictionaries.note(control, from_client=self._from_client)
        dictionary = self._dictionaries.dictionary_of(from_client=self._from_client)
        if dictionary is None and self._dictionaries.is_complete:
            return error.what
        if dictionary is None:
            return f"{error.what}; it may need a dictionary named before the capture began"
        return (
            f"needs dictionary {dictionary.dictionary_id} (SHA-256 {dictionary.dictionary_sha256.hex()}), "
            f"which the capture does not hold: {error.what}"
        )

    def _empty(self, wrapper: Wrapper, first_mark: int, last_mark: int) -> Frame:
        return Frame(
            FrameKind.WRAPPER,
            first_mark,
            last_mark,
            None,
            None,
            None,
            None,
            b"",
            "",
            wrapper,
            self._from_client,
        )

    def _undecoded(self, cdata: bytes, reason: str, first_mark: int, last_mark: int) -> Frame:
        return undecoded(
            STREAM_HEADER.pack(len(cdata)) + cdata,
            reason,
            first_mark=first_mark,
            last_mark=last_mark,
            from_client=self._from_client,
        )
