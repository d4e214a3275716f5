"""Chains of plausible headers: in bytes whose alignment is not known, which places can begin frames, and how many.

What makes false chains: zero bytes (empty frames of an rpc stream; the timeout 0 that gossip begins with), so
an empty stream frame is not plausible here; and the small numbers of payloads. What breaks true chains: the
timeouts of Raft verbs, of about 9,223,364,000,000 ms, so they must be.

Source: seastar doc/rpc.md, "Request frame format", "Response frame format", "Stream frame format"; limits from
captures of ScyllaDB 4.2.4 and 2025.1.15.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from harness.codec.rpc.headers import (
    DURATION_UNKNOWN,
    FRAME_BYTES_MAX,
    REPLY_HEADER,
    REPLY_HEADER_TIMED,
    REQUEST_HEADER,
    REQUEST_HEADER_UNTIMED,
    STREAM_END_LENGTH,
    STREAM_HEADER,
)
from harness.codec.rpc.wire_format import WireFormat
from harness.codec.rpc.wrapper import LZ4, LZ4_FRAGMENTED, SCYLLA_V3

TIMEOUT_MS_MAX = 9_223_372_036_854
"""What is left of a clock that counts nanoseconds in 63 bits."""

DURATION_US_MAX = 1 << 28
"""Some minutes; a reply that took longer only makes the search take longer."""

MSG_ID_GROWTH_MAX = 1 << 20
"""Ids that can have passed while bytes were lost."""

_STREAM_FRAME_BYTES_MAX = 1 << 24

# Filters that let the regular expression engine pass over most places: the upper bytes of each number. Of a
# verb no more than 127 is believed here, where the lines known today end at 93; reading has no such limit.
_LENGTH = rb"...[\x00-\x10]"
_REQUEST_PLACES = re.compile(
    rb"(?=.{5}[\x00-\x08]\x00\x00[\x00-\x7f]\x00{7}.{5}\x00{3}" + _LENGTH + rb")", re.DOTALL
)
_REQUEST_UNTIMED_PLACES = re.compile(rb"(?=[\x00-\x7f]\x00{7}.{5}\x00{3}" + _LENGTH + rb")", re.DOTALL)
_REPLY_PLACES = re.compile(rb"(?=.{5}(?:\x00{3}|\xff{3})" + _LENGTH + rb")", re.DOTALL)
_STREAM_PLACES = re.compile(rb"(?=...\x00|\xff{4})", re.DOTALL)
_WRAPPER_PLACES = {
    LZ4_FRAGMENTED: re.compile(rb"(?=...[\x00-\x10].[\x00-\x82]\x00[\x00\x80])", re.DOTALL),
    LZ4: re.compile(rb"(?=...[\x00-\x10]...[\x00-\x10])", re.DOTALL),
    SCYLLA_V3: re.compile(rb"(?=...[\x00-\x10][\x00-\x02\x40-\x42\x80-\x82\xc0-\xc2])", re.DOTALL),
}


class MsgIdBounds(NamedTuple):
    """What a msg_id must lie between, both included."""

    low: int
    high: int


class Chain(NamedTuple):
    """What follows from taking a place for the beginning of a frame."""

    headers: int
    """Plausible headers, the first and perhaps one of a frame that is not whole included."""

    whole: int
    """Frames that are whole."""

    stop: int
    """Where the first frame ends."""

    msg_id: int
    """Of the first frame; 0 where the header has none."""

    is_exact: bool
    """The last frame ends where the bytes end."""

    chunk_starts: int
    """How many of its frames begin where a piece of data began, as frames that did not queue do."""


class Link(NamedTuple):
    """One plausible header."""

    offset_bytes: int
    stop: int
    msg_id: int
    """0 where the header has none."""


def chains_of(
    data: bytes,
    wire_format: WireFormat,
    *,
    from_client: bool,
    bounds: MsgIdBounds,
    chunk_offsets: frozenset[int],
    is_aligned: bool,
) -> dict[int, Chain]:
    """Return, for each place whose chain is not broken, what the chain is made of.

    Built from the last place to the first, so that each chain is its first frame and a chain already known.
    """
    end = len(data)
    header_bytes = _header_bytes(wire_format, from_client=from_client)
    ids_grow = from_client and not wire_format.is_stream and wire_format.compression is None
    links = list(links_of(data, wire_format, from_client=from_client, bounds=bounds, stop=end))
    chains: dict[int, Chain] = {}
    for offset_bytes, stop, msg_id in reversed(links):
        chunk_starts = 1 if offset_bytes in chunk_offsets else 0
        if stop > end:
            chain = Chain(1, 0, stop, msg_id, False, chunk_starts)
        elif stop == end:
            chain = Chain(1, 1, stop, msg_id, True, chunk_starts)
        elif end - stop < header_bytes:
            chain = Chain(1, 1, stop, msg_id, False, chunk_starts)
        else:
            rest = chains.get(stop)
            if rest is None:
                continue
            if ids_grow and not msg_id < rest.msg_id <= msg_id + MSG_ID_GROWTH_MAX:
                continue
            if msg_id and msg_id == rest.msg_id:
                # Equal replies one after another, read at the same wrong place in each, make an endless chain.
                continue
            chain = Chain(
                rest.headers + 1,
                rest.whole + 1,
                stop,
                msg_id,
                rest.is_exact,
                chunk_starts + rest.chunk_starts,
            )
        chains[offset_bytes] = chain
    if is_aligned:
        return {0: chains[0]} if 0 in chains else {}
    return chains


def _header_bytes(wire_format: WireFormat, *, from_client: bool) -> int:
    if wire_format.compression is not None or wire_format.is_stream:
        return STREAM_HEADER.size
    if from_client:
        return REQUEST_HEADER.size if wire_format.has_timeout else REQUEST_HEADER_UNTIMED.size
    return REPLY_HEADER_TIMED.size if wire_format.has_duration else REPLY_HEADER.size


def links_of(
    data: bytes, wire_format: WireFormat, *, from_client: bool, bounds: MsgIdBounds, stop: int
) -> Iterator[Link]:
    """Yield every plausible header that begins before stop."""
    if wire_format.compression is not None:
        return _wrapper_links(data, wire_format.compression, stop)
    if wire_format.is_stream:
        return _stream_links(data, stop)
    if from_client:
        return _request_links(data, bounds, stop, has_timeout=wire_format.has_timeout)
    return _reply_links(data, bounds, stop, has_duration=wire_format.has_duration)


def _request_links(data: bytes, bounds: MsgIdBounds, stop: int, *, has_timeout: bool) -> Iterator[Link]:
    low, high = bounds
    places = _REQUEST_PLACES if has_timeout else _REQUEST_UNTIMED_PLACES
    header_bytes = REQUEST_HEADER.size if has_timeout else REQUEST_HEADER_UNTIMED.size
    for place in places.finditer(data, 0, min(len(data), stop + header_bytes - 1)):
        offset_bytes = place.start()
        if has_timeout:
            timeout_ms, _, msg_id, length = REQUEST_HEADER.unpack_from(data, offset_bytes)
            if timeout_ms > TIMEOUT_MS_MAX:
                continue
        else:
            _, msg_id, length = REQUEST_HEADER_UNTIMED.unpack_from(data, offset_bytes)
        if low <= msg_id <= high and length <= FRAME_BYTES_MAX:
            yield Link(offset_bytes, offset_bytes + header_bytes + length, msg_id)


def _reply_links(data: bytes, bounds: MsgIdBounds, stop: int, *, has_duration: bool) -> Iterator[Link]:
    low, high = bounds
    header_bytes = REPLY_HEADER_TIMED.size if has_duration else REPLY_HEADER.size
    end = min(len(data), stop + header_bytes - 1)
    for place in _REPLY_PLACES.finditer(data, 0, end):
        offset_bytes = place.start()
        if has_duration:
            if offset_bytes + header_bytes > end:
                break
            msg_id, length, duration_us = REPLY_HEADER_TIMED.unpack_from(data, offset_bytes)
            if duration_us > DURATION_US_MAX and duration_us != DURATION_UNKNOWN:
                continue
        else:
            msg_id, length = REPLY_HEADER.unpack_from(data, offset_bytes)
        if low <= abs(msg_id) <= high and length <= FRAME_BYTES_MAX:
            yield Link(offset_bytes, offset_bytes + header_bytes + length, msg_id)


def _stream_links(data: bytes, stop: int) -> Iterator[Link]:
    for place in _STREAM_PLACES.finditer(data, 0, min(len(data), stop + 3)):
        offset_bytes = place.start()
        (length,) = STREAM_HEADER.unpack_from(data, offset_bytes)
        if length == STREAM_END_LENGTH:
            if offset_bytes + 4 == len(data):
                yield Link(offset_bytes, offset_bytes + 4, 0)
        elif 0 < length < _STREAM_FRAME_BYTES_MAX:
            yield Link(offset_bytes, offset_bytes + 4 + length, 0)


def _wrapper_links(data: bytes, compression: str, stop: int) -> Iterator[Link]:
    places = _WRAPPER_PLACES.get(compression)
    if places is None:
        return
    for place in places.finditer(data, 0, min(len(data), stop + 7)):
        offset_bytes = place.start()
        (length,) = STREAM_HEADER.unpack_from(data, offset_bytes)
        if 0 < length <= FRAME_BYTES_MAX:
            yield Link(offset_bytes, offset_bytes + 4 + length, 0)
