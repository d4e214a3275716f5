"""Where our messages stand in a direction's bytes: looked up in the packets, so that it proves what we say.

A message is located if the bytes of its header, as the written protocol lays them out for what was negotiated,
stand at the place where the message before it ended, and its last byte is in the packet that we name.
"""

import struct
from typing import NamedTuple

from harness.codec.cql.frame import FLAG_COMPRESSED
from harness.codec.cql.frame import HEADER as CQL_HEADER
from harness.codec.rpc.compression import unwrap
from harness.codec.rpc.headers import (
    MAGIC,
    NEGOTIATION_HEADER,
    REPLY_HEADER,
    REPLY_HEADER_TIMED,
    REQUEST_HEADER,
    REQUEST_HEADER_UNTIMED,
    STREAM_END_LENGTH,
    STREAM_HEADER,
)
from harness.dissect.byte_window import ByteWindow
from harness.errors import DecodeError
from harness.events.message import Kind, Message, Protocol

HEAD_BYTES = 32
"""Kept of each message: as much as Wireshark looks at to tell what it is."""
_CQL_FROM_SERVER = 0x80
_CQL_SEGMENTS_SINCE = 5
_CQL_UNSEGMENTED = frozenset((0x00, 0x01, 0x05, 0x06))
"""Opcodes ERROR, STARTUP, OPTIONS, SUPPORTED, which go without segments while a connection is set up."""
_WRAPPER = struct.Struct("<I")


class Located(NamedTuple):
    """One of our messages, and where it stands."""

    message: Message
    start: int
    """Position of its first byte; of a compressed one, of its wrapper."""
    end: int
    """Position behind its last byte."""
    offset_bytes: int
    """Where its first byte stands in the TCP payload of its first packet."""
    first_bytes: int
    """How many bytes from its first on came in its first packet, those of what follows it included."""
    head: bytes
    """Its first HEAD_BYTES bytes, and what follows a shorter one."""
    reach: int
    """From there to start there are only compressed frames with nothing inside; start itself without such."""


class FrameLocator:
    """Locates the messages of one direction, in order, which packets out of order may disturb."""

    def __init__(self, window: ByteWindow) -> None:
        self._window = window
        self.cursor = 0
        """Position behind the furthest message located."""

    def locate(self, message: Message) -> Located | None:
        """Find the next message; None if it does not stand where it would have to."""
        compression = compression_of(message)
        if compression is not None:
            return self._locate_wrapped(message, compression)
        header = header_of(message)
        if header is None:
            return None
        start = self.cursor
        end = self._end_at(start, header, message)
        if end is None:
            start, end = self._search(header, message)
            if end is None:
                return None
        return self._located(message, start, end, reach=start)

    def _located(self, message: Message, start: int, end: int, *, reach: int) -> Located | None:
        run = self._window.run_at(start)
        if run is None:
            return None
        self.cursor = max(self.cursor, end)
        head = self._window.read(start, HEAD_BYTES)
        return Located(message, start, end, start - run.start, run.end - start, head, reach)

    def _end_at(self, start: int, header: bytes, message: Message) -> int | None:
        """Return where the message ends if it stands there; None if something else does."""
        window = self._window
        if window.read(start, len(header)) != header:
            return None
        if (
            message.protocol is Protocol.CQL
            and message.cql is not None
            and message.cql.flags & FLAG_COMPRESSED
        ):
            head = window.read(start, CQL_HEADER.size)
            if len(head) < CQL_HEADER.size:
                return None
            end = start + CQL_HEADER.size + int(CQL_HEADER.unpack(head)[4])
        else:
            end = start + len(header) + len(message.payload)
        last = window.run_at(end - 1)
        if last is None:
            return None
        # Of packets out of order, the one that completes a message need not be the one with its last byte.
        return end if last.frame == message.frame_last or window.is_disordered else None

    def _search(self, header: bytes, message: Message) -> tuple[int, int | None]:
        """Look through the packet that we name, behind a loss or at the beginning of a capture."""
        window = self._window
        start = window.start_of_frame(message.frame_first)
        if start is None:
            return 0, None
        run = window.run_at(start)
        assert run is not None
        if not window.is_disordered:
            start = max(start, self.cursor)
        data = window.read(start, run.end - start + len(header) - 1)
        found = data.find(header)
        while found >= 0:
            end = self._end_at(start + found, header, message)
            if end is not None:
                return start + found, end
            found = data.find(header, found + 1)
        return 0, None

    def _locate_wrapped(self, message: Message, compression: str) -> Located | None:
        header = header_of(message)
        if header is None:
            return None
        located = self._follow_wrappers(message, header, compression, self.cursor, is_search=False)
        if located is not None:
            return located
        # Behind a loss, or at the beginning of a capture: somewhere in the packet that we name.
        first = self._window.start_of_frame(message.frame_first)
        run = None if first is None else self._window.run_at(first)
        if run is None:
            return None
        for start in range(max(run.start, self.cursor), run.end):
            located = self._follow_wrappers(message, header, compression, start, is_search=True)
            if located is not None:
                return located
        return None

    def _follow_wrappers(
        self, message: Message, header: bytes, compression: str, start: int, *, is_search: bool
    ) -> Located | None:
        """Find the message in the first compressed frame from there on that is not empty.

        One that cannot be unpacked is believed only where it follows on what was located before.
        """
        reach = start
        while True:
            wrapped = self._unwrap_at(start, compression, frame_last=message.frame_last)
            if wrapped is None:
                return None
            content, end = wrapped
            if content is None:
                return None if is_search else self._located(message, start, end, reach=reach)
            if content.startswith(header) and len(content) == len(header) + len(message.payload):
                return self._located(message, start, end, reach=reach)
            if content:
                return None
            # A frame that is nothing but its wrapper is no message.
            start = end

    def _unwrap_at(self, start: int, compression: str, *, frame_last: int) -> tuple[bytes | None, int] | None:
        """Return the frame in the wrapper, None if it cannot be unpacked, and where it ends.

        None altogether: there is no wrapper that ends in that packet or before.
        """
        head = self._window.read(start, _WRAPPER.size)
        if len(head) < _WRAPPER.size:
            return None
        (size_bytes,) = _WRAPPER.unpack(head)
        end = start + _WRAPPER.size + size_bytes
        last = self._window.run_at(end - 1)
        if last is None or last.frame > frame_last:
            return None
        cdata = self._window.read(start + _WRAPPER.size, size_bytes)
        if len(cdata) < size_bytes:
            return None
        try:
            return unwrap(compression, cdata)[0], end
        except DecodeError:
            # With a dictionary that the capture does not have; its place is proved by its length alone.
            return (None, end) if last.frame == frame_last else None


def compression_of(message: Message) -> str | None:
    """The compression that a message of the internode protocol is wrapped with; None without."""
    negotiated = message.connection.negotiated
    if message.protocol is Protocol.CQL or message.kind is Kind.NEGOTIATION or negotiated is None:
        return None
    return negotiated.compression


def header_of(message: Message) -> bytes | None:
    """Lay out a message's header as the written protocol has it; None for what has no form of its own.

    Of CQL with a compressed body: without the length, which only the wire tells.
    """
    size_bytes = len(message.payload)
    if message.protocol is Protocol.CQL:
        return _cql_header_of(message)
    msg_id = message.msg_id
    try:
        match message.kind:
            case Kind.NEGOTIATION:
                return NEGOTIATION_HEADER.pack(MAGIC, size_bytes)
            case Kind.STREAM_DATA:
                return STREAM_HEADER.pack(size_bytes)
            case Kind.STREAM_END:
                return STREAM_HEADER.pack(STREAM_END_LENGTH)
            case Kind.REQUEST | Kind.ONE_WAY:
                if message.timeout_ms is None:
                    return REQUEST_HEADER_UNTIMED.pack(message.verb, msg_id, size_bytes)
                return REQUEST_HEADER.pack(message.timeout_ms, message.verb, msg_id, size_bytes)
            case Kind.REPLY | Kind.EXCEPTION:
                if message.kind is Kind.EXCEPTION and msg_id is not None:
                    msg_id = -msg_id
                if message.duration_us is None:
                    return REPLY_HEADER.pack(msg_id, size_bytes)
                return REPLY_HEADER_TIMED.pack(msg_id, size_bytes, message.duration_us)
            case _:
                return None
    except struct.error:
        return None


def is_segmented(message: Message) -> bool:
    """Whether a message stands in a segment of CQL version 5, and so not where its header says."""
    cql = message.cql
    return cql is not None and cql.version >= _CQL_SEGMENTS_SINCE and message.verb not in _CQL_UNSEGMENTED


def chain_leads_to(window: ByteWindow, start: int, target: Located) -> bool:
    """Whether messages, by their headers and lengths, lead from a place exactly to one of ours behind it.

    The headers are taken to be as long as that message's.
    """
    message = target.message
    if message.protocol is Protocol.CQL:
        header, length = CQL_HEADER, 4
    elif message.kind in {Kind.REQUEST, Kind.ONE_WAY}:
        header, length = (REQUEST_HEADER_UNTIMED, 2) if message.timeout_ms is None else (REQUEST_HEADER, 3)
    elif message.kind in {Kind.REPLY, Kind.EXCEPTION}:
        header, length = (REPLY_HEADER if message.duration_us is None else REPLY_HEADER_TIMED), 1
    else:
        return False
    if compression_of(message) is not None:
        return False
    position = start
    while position < target.start:
        head = window.read(position, header.size)
        if len(head) < header.size:
            return False
        position += header.size + int(header.unpack(head)[length])
    return position == target.start


def _cql_header_of(message: Message) -> bytes | None:
    cql = message.cql
    if cql is None or message.kind is Kind.UNDECODED or is_segmented(message):
        return None
    version = cql.version if message.from_client else cql.version | _CQL_FROM_SERVER
    header = CQL_HEADER.pack(version, cql.flags, message.msg_id, message.verb, len(message.payload))
    return header[:5] if cql.flags & FLAG_COMPRESSED else header
