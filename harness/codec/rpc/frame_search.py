"""Where frames begin in bytes whose alignment, or whose format, is not known.

A place is believed if a chain of headers leads from it to the end of what has arrived: each header is
plausible, and each frame ends where the next one begins. Compressed frames prove themselves, since their
contents must be exactly one frame.

Source: seastar doc/rpc.md, "Request frame format", "Response frame format", "Stream frame format"; limits from
captures of ScyllaDB 4.2.4 and 2025.1.15.
"""

from itertools import groupby
from typing import NamedTuple

from harness.codec.rpc.compression import unwrap
from harness.codec.rpc.header_chain import Chain, MsgIdBounds, chains_of, links_of
from harness.codec.rpc.headers import STREAM_HEADER
from harness.codec.rpc.wire_format import WireFormat
from harness.codec.rpc.wrapper import SCYLLA_V3
from harness.errors import DecodeError

MSG_ID_UNKNOWN_MAX = 1 << 32
"""For a connection none of whose ids were seen. Also tells headers of 12 and 16 bytes apart: read with the
wrong size, ids appear in the upper half of a number."""

SEARCH_BYTES_MAX = 1 << 18
"""Bytes of one direction that are held until their format and their alignment are known."""

# Payloads are made of sizes and what they span, so they look like frames; so many in a row, at places where
# nothing else speaks for them, were hardly ever seen to fit by chance.
_WHOLE_FRAMES_MIN = 6
# The same where the first byte may begin a long reply: so many msg_ids are not all different by chance.
_WHOLE_REPLIES_MIN = 16

_VERIFICATIONS_MAX = 256
_MSG_IDS_COMPARED_MAX = 64


class Start(NamedTuple):
    """A place where frames are believed to begin."""

    offset_bytes: int
    wire_format: WireFormat


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
    wrapper_chains: dict[str, dict[int, Chain]] = {}
    groups = groupby(sorted(formats, key=_is_weak), key=lambda form: (form.compression, form.is_stream))
    for (compression, _), members in groups:
        group: list[tuple[WireFormat, dict[int, Chain]]] = []
        for wire_format in members:
            # What is inside makes no difference to where wrappers begin.
            chains = wrapper_chains.get(compression) if compression is not None else None
            if chains is None:
                chains = chains_of(
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


def _covering(chains: dict[int, Chain], *, is_last: bool) -> dict[int, Chain]:
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


def _is_awaited(first: Chain | None, wire_format: WireFormat) -> bool:
    """Tell whether the first byte begins a frame that is not whole yet, of a length that will be waited for."""
    if first is None or first.whole or wire_format.compression is not None or _is_weak(wire_format):
        return False
    return first.stop <= SEARCH_BYTES_MAX


def _believed(
    data: bytes,
    chains: dict[int, Chain],
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


def _repeats(chains: dict[int, Chain], offset_bytes: int) -> bool:
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
            link = next(
                links_of(contents, plain_format, from_client=from_client, bounds=bounds, stop=1), None
            )
            return link is not None and link.stop == len(contents)
    return None
