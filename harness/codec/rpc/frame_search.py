"""Where frames begin in bytes whose alignment, or whose format, is not known.

A place is believed if a chain of headers leads from it to the end of what has arrived: each header is
plausible, and each frame ends where the next one begins. Compressed frames prove themselves, since their
contents must be exactly one frame.

What makes false chains: zero bytes (empty frames of an rpc stream; the timeout 0 that gossip begins with), so
an empty stream frame is never evidence; and the small numbers of payloads, so a reply's msg_id must have been
asked for. What breaks true chains: the timeouts of Raft verbs, of about 9,223,364,000,000 ms.

Source: seastar doc/rpc.md, "Request frame format", "Response frame format", "Stream frame format"; limits from
captures of ScyllaDB 4.2.4 and 2025.1.15.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from harness.codec.rpc.compression import unwrap
from harness.codec.rpc.frame import (
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
from harness.errors import DecodeError

TIMEOUT_MS_MAX = 9_223_372_036_854
"""What is left of a clock that counts nanoseconds in 63 bits."""

MSG_ID_UNKNOWN_MAX = 1 << 32
"""For a connection none of whose ids were seen. Also tells headers of 12 and 16 bytes apart: read with the
wrong size, ids appear in the upper half of a number."""

MSG_ID_GROWTH_MAX = 1 << 20
"""Ids that can have passed while bytes were lost."""

SEARCH_BYTES_MAX = 1 << 18
"""Bytes of one direction that are held until their format and their alignment are known."""

DURATION_US_MAX = 1 << 28
"""Some minutes; a reply that took longer only makes the search take longer."""

_STREAM_FRAME_BYTES_MAX = 1 << 24

# Payloads are made of sizes and what they span, so they look like frames; so many in a row, at places where
# nothing else speaks for them, were hardly ever seen to fit by chance.
_WHOLE_FRAMES_MIN = 6
# The same where the first byte may begin a long reply: so many msg_ids are not all different by chance.
_WHOLE_REPLIES_MIN = 16

_VERIFICATIONS_MAX = 256
_MSG_IDS_COMPARED_MAX = 64

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


class Start(NamedTuple):
    """A place where frames are believed to begin."""

    offset_bytes: int
    wire_format: WireFormat


class _Chain(NamedTuple):
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


class _Link(NamedTuple):
    """One plausible header."""

    offset_bytes: int
    stop: int
    msg_id: int
    """0 where the header has none."""


def find_start(
    data: bytes,
    formats: tuple[WireFormat, ...],
    *,
    from_client: bool,
    bounds: MsgIdBounds,
    chunk_offsets: frozenset[int],
    is_aligned: bool,
    is_last: bool,
    is_full: bool,
) -> Start | None:
    """Return the earliest place at which a chain of frames can be believed to begin.

    Args:
        data: what has arrived since alignment was lost.
        formats: those that are possible, the most likely first. If there are several, only proof decides.
        from_client: the direction.
        bounds: of msg_id.
        chunk_offsets: where pieces of data began; frames mostly begin with one.
        is_aligned: frames are known to begin at offset 0, only the format is open.
        is_last: nothing will follow that could give better evidence, so less is enough.
        is_full: no more can be held, so what is still coming does not count any more.
    """
    is_sole = len(formats) == 1
    best: tuple[tuple[int, ...], Start] | None = None
    may_be_other = False
    wrapper_chains: dict[str, dict[int, _Chain]] = {}
    groups = groupby(sorted(formats, key=_is_weak), key=lambda form: (form.compression, form.is_stream))
    for (compression, _), members in groups:
        group: list[tuple[WireFormat, dict[int, _Chain]]] = []
        for wire_format in members:
            # What is inside makes no difference to where wrappers begin.
            chains = wrapper_chains.get(compression) if compression is not None else None
            if chains is None:
                chains = _chains(
                    data,
                    wire_format,
                    from_client=from_client,
                    bounds=bounds,
                    chunk_offsets=chunk_offsets,
                    is_aligned=is_aligned,
                )
            if compression is not None:
                wrapper_chains[compression] = chains
            group.append((wire_format, chains))
        if not is_sole and _is_weak(group[0][0]):
            if best is not None or may_be_other:
                break
            group = [(form, _covering(chains, is_last=is_last or is_full)) for form, chains in group]
        may_be_other = may_be_other or (compression is None and any(0 in chains for _, chains in group))
        is_awaited = not is_full and any(_is_awaited(chains.get(0), form) for form, chains in group)
        for rank, (wire_format, chains) in enumerate(group):
            offset_bytes = _believed(
                data,
                chains,
                wire_format,
                from_client=from_client,
                bounds=bounds,
                chunk_offsets=chunk_offsets,
                is_sole=is_sole,
                is_last=is_last or is_full,
            )
            if offset_bytes is None:
                continue
            if not is_sole and _is_weak(wire_format):
                others = [form for form in formats if form.compression is not None]
                proofs = [
                    _proof(data, offset_bytes, form, from_client=from_client, bounds=bounds)
                    for form in others
                ]
                if proofs.count(False) < len(proofs):
                    # Compressed frames have the same outside; these may be some, and empty.
                    continue
            chain = chains[offset_bytes]
            is_strong = chain.whole >= (3 if from_client else _WHOLE_REPLIES_MIN)
            is_strong = is_strong or compression is not None or (chain.is_exact and chain.chunk_starts >= 2)
            if offset_bytes and is_awaited and not is_strong:
                # A long frame begins at the first byte and is still coming; its payload looks like frames.
                continue
            worth = (chain.is_exact, -offset_bytes, chain.whole, -rank)
            if best is None or worth > best[0]:
                best = worth, Start(offset_bytes, wire_format)
        if best is not None and best[0][:2] == (True, 0):
            # Nothing fits better than frames that cover all bytes; searching for the others would cost more
            # than reading.
            break
    return best[1] if best else None


def _covering(chains: dict[int, _Chain], *, is_last: bool) -> dict[int, _Chain]:
    """Return only the chains that are exact, begin with data, and two packets speak for, or many frames.

    Almost anything looks like frames of an rpc stream, so nothing less may decide for that form; and any other
    form that may only wait for the rest of a frame goes first. The end of a stream alone could as well be the
    rest of any frame. In the end, frames that cover all bytes are enough.
    """
    return {
        place: chain
        for place, chain in chains.items()
        if chain.is_exact
        and (
            chain.chunk_starts >= 2
            or (
                not place
                and chain.stop > STREAM_HEADER.size
                and (is_last or chain.whole >= _WHOLE_FRAMES_MIN)
            )
        )
    }


def _is_weak(wire_format: WireFormat) -> bool:
    """Tell whether a header is so short that it fits almost anywhere."""
    return wire_format.is_stream and wire_format.compression is None


def _is_awaited(first: _Chain | None, wire_format: WireFormat) -> bool:
    """Tell whether the first byte begins a frame that is not whole yet, of a length that will be waited for."""
    if first is None or first.whole or wire_format.compression is not None or _is_weak(wire_format):
        return False
    return first.stop <= SEARCH_BYTES_MAX


def _believed(
    data: bytes,
    chains: dict[int, _Chain],
    wire_format: WireFormat,
    *,
    from_client: bool,
    bounds: MsgIdBounds,
    chunk_offsets: frozenset[int],
    is_sole: bool,
    is_last: bool,
) -> int | None:
    """Return the first offset of the longest chain that is evidence enough."""
    is_wrapped = wire_format.compression is not None
    is_weak = _is_weak(wire_format)
    has_strong_header = from_client and not wire_format.is_stream and not is_wrapped
    candidates: list[tuple[bool, int, int]] = []
    for offset_bytes, chain in chains.items():
        if is_wrapped:
            enough = chain.whole >= 1
        elif has_strong_header:
            enough = chain.whole >= 1 and (chain.is_exact or chain.headers >= 2)
            enough = enough or (is_last and offset_bytes in chunk_offsets)
        else:
            at_chunk = offset_bytes in chunk_offsets
            is_likely = not offset_bytes or chain.chunk_starts >= 2
            is_likely = is_likely or (is_sole and (at_chunk or (chain.chunk_starts > 0 and not is_weak)))
            if chain.is_exact:
                enough = is_likely or chain.whole >= _WHOLE_FRAMES_MIN or (is_last and at_chunk)
            else:
                enough = chain.whole >= (2 if is_likely and not is_weak else _WHOLE_FRAMES_MIN)
                enough = enough or (is_last and not offset_bytes and chain.whole >= 1)
        if enough:
            candidates.append((not (chain.is_exact and chain.chunk_starts), -chain.whole, offset_bytes))
    candidates.sort()
    if not is_wrapped:
        return next((place for _, _, place in candidates if not _repeats(chains, place)), None)
    regular = None
    for _, _, offset_bytes in candidates[:_VERIFICATIONS_MAX]:
        proof = _proof(data, offset_bytes, wire_format, from_client=from_client, bounds=bounds)
        if proof is True:
            return offset_bytes
        # Frames that are all empty, or need a dictionary that nobody has: the lengths alone must do.
        may_be = is_sole or is_last if proof is None else is_sole and wire_format.compression == SCYLLA_V3
        chain = chains[offset_bytes]
        is_regular = chain.whole >= _WHOLE_FRAMES_MIN or (chain.is_exact and offset_bytes in chunk_offsets)
        if regular is None and may_be and is_regular:
            regular = offset_bytes
    return regular


def _repeats(chains: dict[int, _Chain], offset_bytes: int) -> bool:
    """Tell whether a msg_id stands in two frames of a chain, which no connection does."""
    seen: set[int] = set()
    chain = chains.get(offset_bytes)
    while chain is not None and len(seen) < _MSG_IDS_COMPARED_MAX:
        if chain.msg_id in seen:
            return True
        if chain.msg_id:
            seen.add(chain.msg_id)
        chain = chains.get(chain.stop)
    return False


def _proof(
    data: bytes, offset_bytes: int, wire_format: WireFormat, *, from_client: bool, bounds: MsgIdBounds
) -> bool | None:
    """Tell whether the first wrapped frame that has contents holds exactly one frame; None if all are empty."""
    assert wire_format.compression is not None
    end = len(data)
    plain_format = wire_format._replace(compression=None)
    while offset_bytes + 4 <= end:
        (length,) = STREAM_HEADER.unpack_from(data, offset_bytes)
        start = offset_bytes + 4
        offset_bytes = start + length
        if offset_bytes > end:
            return None
        try:
            contents, _ = unwrap(wire_format.compression, data[start:offset_bytes])
        except DecodeError:
            return False
        if contents:
            link = next(_links(contents, plain_format, from_client=from_client, bounds=bounds, stop=1), None)
            return link is not None and link.stop == len(contents)
    return None


def _chains(
    data: bytes,
    wire_format: WireFormat,
    *,
    from_client: bool,
    bounds: MsgIdBounds,
    chunk_offsets: frozenset[int],
    is_aligned: bool,
) -> dict[int, _Chain]:
    """Return, for each place whose chain is not broken, what the chain is made of.

    Built from the last place to the first, so that each chain is its first frame and a chain already known.
    """
    end = len(data)
    header_bytes = _header_bytes(wire_format, from_client=from_client)
    ids_grow = from_client and not wire_format.is_stream and wire_format.compression is None
    links = list(_links(data, wire_format, from_client=from_client, bounds=bounds, stop=end))
    chains: dict[int, _Chain] = {}
    for offset_bytes, stop, msg_id in reversed(links):
        chunk_starts = 1 if offset_bytes in chunk_offsets else 0
        if stop > end:
            chain = _Chain(1, 0, stop, msg_id, False, chunk_starts)
        elif stop == end:
            chain = _Chain(1, 1, stop, msg_id, True, chunk_starts)
        elif end - stop < header_bytes:
            chain = _Chain(1, 1, stop, msg_id, False, chunk_starts)
        else:
            rest = chains.get(stop)
            if rest is None:
                continue
            if ids_grow and not msg_id < rest.msg_id <= msg_id + MSG_ID_GROWTH_MAX:
                continue
            if msg_id and msg_id == rest.msg_id:
                # Equal replies one after another, read at the same wrong place in each, make an endless chain.
                continue
            chain = _Chain(
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


def _links(
    data: bytes, wire_format: WireFormat, *, from_client: bool, bounds: MsgIdBounds, stop: int
) -> Iterator[_Link]:
    """Yield every plausible header that begins before stop."""
    if wire_format.compression is not None:
        return _wrapper_links(data, wire_format.compression, stop)
    if wire_format.is_stream:
        return _stream_links(data, stop)
    if from_client:
        return _request_links(data, bounds, stop, has_timeout=wire_format.has_timeout)
    return _reply_links(data, bounds, stop, has_duration=wire_format.has_duration)


def _request_links(data: bytes, bounds: MsgIdBounds, stop: int, *, has_timeout: bool) -> Iterator[_Link]:
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
            yield _Link(offset_bytes, offset_bytes + header_bytes + length, msg_id)


def _reply_links(data: bytes, bounds: MsgIdBounds, stop: int, *, has_duration: bool) -> Iterator[_Link]:
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
            yield _Link(offset_bytes, offset_bytes + header_bytes + length, msg_id)


def _stream_links(data: bytes, stop: int) -> Iterator[_Link]:
    for place in _STREAM_PLACES.finditer(data, 0, min(len(data), stop + 3)):
        offset_bytes = place.start()
        (length,) = STREAM_HEADER.unpack_from(data, offset_bytes)
        if length == STREAM_END_LENGTH:
            if offset_bytes + 4 == len(data):
                yield _Link(offset_bytes, offset_bytes + 4, 0)
        elif 0 < length < _STREAM_FRAME_BYTES_MAX:
            yield _Link(offset_bytes, offset_bytes + 4 + length, 0)


def _wrapper_links(data: bytes, compression: str, stop: int) -> Iterator[_Link]:
    places = _WRAPPER_PLACES.get(compression)
    if places is None:
        return
    for place in places.finditer(data, 0, min(len(data), stop + 7)):
        offset_bytes = place.start()
        (length,) = STREAM_HEADER.unpack_from(data, offset_bytes)
        if 0 < length <= FRAME_BYTES_MAX:
            yield _Link(offset_bytes, offset_bytes + 4 + length, 0)
