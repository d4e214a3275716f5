"""One direction of a connection between nodes: bytes in, the peer's negotiation and then its frames out."""

from harness.codec.rpc.frame import Frame
from harness.codec.rpc.frame_reader import FrameReader
from harness.codec.rpc.headers import MAGIC, NEGOTIATION_HEADER
from harness.codec.rpc.negotiation import Negotiated, Negotiation, decode_negotiation
from harness.codec.rpc.wire_format import format_of, reader_of
from harness.codec.rpc.wrapped_reader import DictionaryNotes
from harness.errors import DecodeError

_NEGOTIATION_BYTES_MAX = 65_536


class FrameCutter:
    """Cuts what a peer sends.

    Args:
        from_client: whether the peer has opened the connection.
    """

    def __init__(self, *, from_client: bool) -> None:
        self._from_client = from_client
        self._held = b""
        self._reader: FrameReader | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._held = self._held + data if self._held else data

    def negotiation(self) -> Negotiation | None:
        """Take the peer's negotiation off the front; None: it is not whole yet.

        Raises:
            DecodeError: something else stands there.
        """
        if len(self._held) < NEGOTIATION_HEADER.size:
            if not MAGIC.startswith(self._held[: len(MAGIC)]):
                raise DecodeError("the connection does not begin with SSTARRPC", layer="rpc", offset_bytes=0)
            return None
        magic, length = NEGOTIATION_HEADER.unpack_from(self._held)
        if magic != MAGIC or length > _NEGOTIATION_BYTES_MAX:
            raise DecodeError("the connection does not begin with SSTARRPC", layer="rpc", offset_bytes=0)
        end = NEGOTIATION_HEADER.size + length
        if len(self._held) < end:
            return None
        body, self._held = self._held[NEGOTIATION_HEADER.size : end], self._held[end:]
        return decode_negotiation(body)

    def use(self, negotiated: Negotiated) -> None:
        """Go on by what both sides have agreed on."""
        self._reader = reader_of(
            format_of(negotiated), DictionaryNotes(is_complete=True), from_client=self._from_client
        )

    def frames(self) -> list[Frame]:
        """Take whole frames off the front.

        Raises:
            DecodeError: nothing there can be a frame.
        """
        assert self._reader is not None
        frames: list[Frame] = []
        taken = self._reader.read(self._held, 0, 0, frames)
        self._held = self._held[taken:]
        if self._held:
            self._reader.need_bytes(self._held, 0)
        return frames
