"""Frames without compression, one direction of one connection, its bytes already aligned.

A reader takes whole frames off the front of some bytes, and says how many bytes the next one needs. These
loops are where a capture's time goes, so they are written out for each header.

Source: seastar doc/rpc.md, "Request frame format", "Response frame format", "Stream frame format".
"""

from typing import Protocol

from harness.codec.rpc.frame import Frame, FrameKind
from harness.codec.rpc.headers import (
    FRAME_BYTES_MAX,
    LAYER,
    REPLY_HEADER,
    REPLY_HEADER_TIMED,
    REQUEST_HEADER,
    REQUEST_HEADER_UNTIMED,
    STREAM_END_LENGTH,
    STREAM_HEADER,
)
from harness.errors import DecodeError

MSG_ID_MAX = 1 << 63

_REQUEST = FrameKind.REQUEST
_REPLY = FrameKind.REPLY
_EXCEPTION = FrameKind.EXCEPTION
_STREAM_DATA = FrameKind.STREAM_DATA
_STREAM_END = FrameKind.STREAM_END

_new_tuple = tuple.__new__

_unpack_request = REQUEST_HEADER.unpack_from
_unpack_request_untimed = REQUEST_HEADER_UNTIMED.unpack_from
_unpack_reply = REPLY_HEADER.unpack_from
_unpack_reply_timed = REPLY_HEADER_TIMED.unpack_from
_unpack_stream = STREAM_HEADER.unpack_from


class FrameReader(Protocol):
    """Takes frames off the front of aligned bytes."""

    header_bytes: int
    """No frame is shorter."""

    last_msg_id: int
    """Of the last request or reply that was read; 0 before the first."""

    def read(self, data: bytes, first_mark: int, last_mark: int, frames: list[Frame]) -> int:
        """Append the whole frames at the front of data; return the offset of what is left.

        What is left is less than a frame, or a frame that ``need_bytes`` refuses.

        Args:
            data: bytes that begin where a frame begins.
            first_mark: the mark of the first byte; all frames but the first begin under last_mark.
            last_mark: the mark of the last byte.
            frames: takes the frames.
        """

    def need_bytes(self, data: bytes, position: int) -> int:
        """Return how many bytes the frame at position needs, or its header if that is not whole.

        Raises:
            DecodeError: nothing at position can be the header of a frame.
        """


class RequestReader:
    """Requests, whose timeout was negotiated or not."""

    __slots__ = ("has_timeout", "header_bytes", "last_msg_id")

    def __init__(self, *, has_timeout: bool) -> None:
        self.has_timeout = has_timeout
        """Whether the header begins with it."""
        self.header_bytes = REQUEST_HEADER.size if has_timeout else REQUEST_HEADER_UNTIMED.size
        self.last_msg_id = 0

    def read(self, data: bytes, first_mark: int, last_mark: int, frames: list[Frame]) -> int:
        """Append whole frames.

        Wire, little endian: [timeout_ms u64, if negotiated] verb u64, msg_id i64, length u32, payload.
        """
        if not self.has_timeout:
            return self._read_untimed(data, first_mark, last_mark, frames)
        append = frames.append
        new = _new_tuple
        unpack = _unpack_request
        kind = _REQUEST
        end = len(data)
        header_end_max = end - 28
        position = 0
        last_msg_id = self.last_msg_id
        while position <= header_end_max:
            timeout_ms, verb, msg_id, length = unpack(data, position)
            start = position + 28
            stop = start + length
            if stop > end or msg_id < 1:
                break
            append(
                new(
                    Frame,
                    (
                        kind,
                        first_mark,
                        last_mark,
                        verb,
                        msg_id,
                        timeout_ms,
                        None,
                        data[start:stop],
                        "",
                        None,
                        True,
                    ),
                )
            )
            first_mark = last_mark
            last_msg_id = msg_id
            position = stop
        self.last_msg_id = last_msg_id
        return position

    def _read_untimed(self, data: bytes, first_mark: int, last_mark: int, frames: list[Frame]) -> int:
        end = len(data)
        position = 0
        while position + 20 <= end:
            verb, msg_id, length = _unpack_request_untimed(data, position)
            stop = position + 20 + length
            if stop > end or msg_id < 1:
                break
            frames.append(
                Frame(
                    _REQUEST,
                    first_mark,
                    last_mark,
                    verb,
                    msg_id,
                    None,
                    None,
                    data[position + 20 : stop],
                    "",
                    None,
                    True,
                )
            )
            first_mark = last_mark
            self.last_msg_id = msg_id
            position = stop
        return position

    def need_bytes(self, data: bytes, position: int) -> int:
        """Return how many bytes the frame at position needs.

        Raises:
            DecodeError: msg_id is not positive, or the length is beyond FRAME_BYTES_MAX.
        """
        if len(data) - position < self.header_bytes:
            return self.header_bytes
        msg_id: int
        length: int
        if self.has_timeout:
            _, _, msg_id, length = _unpack_request(data, position)
        else:
            _, msg_id, length = _unpack_request_untimed(data, position)
        if msg_id < 1:
            raise DecodeError(f"request with msg_id {msg_id}", layer=LAYER, offset_bytes=position)
        if length > FRAME_BYTES_MAX:
            raise DecodeError(f"request of {length} bytes", layer=LAYER, offset_bytes=position)
        return self.header_bytes + length


class ReplyReader:
    """Replies and exceptions, whose duration was negotiated or not.

    Args:
        has_duration: whether it was.
        msg_id_max: what exceeds it is no reply. Where the form of the header was only inferred, this shows a
            mistake: read with the wrong size, ids appear in the upper half of the number.
    """

    __slots__ = ("has_duration", "header_bytes", "last_msg_id", "msg_id_max")

    def __init__(self, *, has_duration: bool, msg_id_max: int = MSG_ID_MAX) -> None:
        self.has_duration = has_duration
        """Whether the header ends with it."""
        self.msg_id_max = msg_id_max
        self.header_bytes = REPLY_HEADER_TIMED.size if has_duration else REPLY_HEADER.size
        self.last_msg_id = 0

    def read(self, data: bytes, first_mark: int, last_mark: int, frames: list[Frame]) -> int:
        """Append whole frames.

        Wire, little endian: msg_id i64, length u32, [duration_us u32, if negotiated], payload. The length
        does not count the duration.
        """
        append = frames.append
        new = _new_tuple
        has_duration = self.has_duration
        unpack = _unpack_reply_timed if has_duration else _unpack_reply
        header_bytes = self.header_bytes
        msg_id_max = self.msg_id_max
        end = len(data)
        header_end_max = end - header_bytes
        position = 0
        duration_us = None
        last_msg_id = self.last_msg_id
        while position <= header_end_max:
            if has_duration:
                msg_id, length, duration_us = unpack(data, position)
            else:
                msg_id, length = unpack(data, position)
            start = position + header_bytes
            stop = start + length
            if stop > end or not msg_id:
                break
            if msg_id > 0:
                kind = _REPLY
            else:
                kind = _EXCEPTION
                msg_id = -msg_id
            if msg_id > msg_id_max:
                break
            append(
                new(
                    Frame,
                    (
                        kind,
                        first_mark,
                        last_mark,
                        None,
                        msg_id,
                        None,
                        duration_us,
                        data[start:stop],
                        "",
                        None,
                        False,
                    ),
                )
            )
            first_mark = last_mark
            last_msg_id = msg_id
            position = stop
        self.last_msg_id = last_msg_id
        return position

    def need_bytes(self, data: bytes, position: int) -> int:
        """Return how many bytes the frame at position needs.

        Raises:
            DecodeError: msg_id is 0 or beyond its limit, or the length is beyond FRAME_BYTES_MAX.
        """
        if len(data) - position < self.header_bytes:
            return self.header_bytes
        msg_id: int
        length: int
        msg_id, length = _unpack_reply(data, position)
        if not 0 < abs(msg_id) <= self.msg_id_max:
            raise DecodeError(f"reply with msg_id {msg_id}", layer=LAYER, offset_bytes=position)
        if length > FRAME_BYTES_MAX:
            raise DecodeError(f"reply of {length} bytes", layer=LAYER, offset_bytes=position)
        return self.header_bytes + length


class StreamReader:
    """Frames of an rpc stream, which look the same in both directions."""

    __slots__ = ("_from_client", "header_bytes", "last_msg_id")

    def __init__(self, *, from_client: bool) -> None:
        self._from_client = from_client
        self.header_bytes = STREAM_HEADER.size
        self.last_msg_id = 0

    def read(self, data: bytes, first_mark: int, last_mark: int, frames: list[Frame]) -> int:
        """Append whole frames.

        Wire, little endian: length u32, data; the length ffffffff ends the rpc stream and has no data.
        """
        from_client = self._from_client
        end = len(data)
        position = 0
        while position + 4 <= end:
            (length,) = _unpack_stream(data, position)
            start = position + 4
            if length == STREAM_END_LENGTH:
                kind = _STREAM_END
                stop = start
            else:
                kind = _STREAM_DATA
                stop = start + length
                if stop > end:
                    break
            frames.append(
                _new_tuple(
                    Frame,
                    (
                        kind,
                        first_mark,
                        last_mark,
                        None,
                        None,
                        None,
                        None,
                        data[start:stop],
                        "",
                        None,
                        from_client,
                    ),
                )
            )
            first_mark = last_mark
            position = stop
        return position

    def need_bytes(self, data: bytes, position: int) -> int:
        """Return how many bytes the frame at position needs.

        Raises:
            DecodeError: the length is beyond FRAME_BYTES_MAX.
        """
        if len(data) - position < 4:
            return 4
        length: int
        (length,) = _unpack_stream(data, position)
        if length == STREAM_END_LENGTH:
            return 4
        if length > FRAME_BYTES_MAX:
            raise DecodeError(f"stream frame of {length} bytes", layer=LAYER, offset_bytes=position)
        return 4 + length


def plain_reader(
    *,
    from_client: bool,
    has_timeout: bool,
    has_duration: bool,
    is_stream: bool,
    msg_id_max: int = MSG_ID_MAX,
) -> RequestReader | ReplyReader | StreamReader:
    """Return the reader of one direction of a connection of that form."""
    if is_stream:
        return StreamReader(from_client=from_client)
    if from_client:
        return RequestReader(has_timeout=has_timeout)
    return ReplyReader(has_duration=has_duration, msg_id_max=msg_id_max)
