"""Why Wireshark shows nothing of some bytes, or something where no message begins: proofs, not guesses."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from harness.dissect.byte_window import ByteWindow
from harness.dissect.disagreement import Effect, Reason, Root
from harness.dissect.frame_locator import HEAD_BYTES, Located, chain_leads_to, compression_of
from harness.dissect.misreading import Claim, claim_of, header_bytes_min, why_misread
from harness.dissect.wireshark import Sighted
from harness.events.message import Protocol

SEQUENCE_HALF = 1 << 31
"""A message that ends as far behind the next segment's beginning lies, in sequence numbers that wrap, before it."""


class Mark(NamedTuple):
    """What Wireshark made of one packet as a whole."""

    frame: int
    start: int
    """Position of its payload."""
    end: int
    shown: tuple[int, ...]
    """Where the messages that it shows begin, and where the last one ends."""
    is_malformed: bool
    is_skipped: bool
    is_cut: bool


class Ground:
    """The bytes of one direction and the packets that brought them, as far as they still matter."""

    def __init__(self, protocol: Protocol, *, is_from_syn: bool) -> None:
        self.protocol = protocol
        self.is_from_syn = is_from_syn
        """Whether position 0 is the first byte that was ever sent."""
        self.window = ByteWindow()
        self._marks: deque[Mark] = deque()

    def take(self, sighted: Sighted, shown: tuple[int, ...]) -> None:
        """Take the next packet and where Wireshark shows messages in it."""
        packet = sighted.packet
        self.window.add(sighted.start, packet.payload, frame=packet.frame, time_ns=packet.time_ns)
        self._marks.append(
            Mark(
                packet.frame,
                sighted.start,
                sighted.end,
                shown,
                packet.is_malformed,
                packet.is_skipped,
                len(packet.payload) < packet.payload_bytes,
            )
        )

    def release(self, position: int) -> None:
        """Forget what is before this position."""
        self.window.release(position)
        while self._marks and self._marks[0].end < position:
            self._marks.popleft()

    def mark_of(self, frame: int) -> Mark | None:
        """Return the mark of a packet."""
        return next((mark for mark in self._marks if mark.frame == frame), None)

    def mark_at(self, position: int) -> Mark | None:
        """Return the mark of the packet that was the first to bring this byte; None if none did."""
        run = self.window.run_at(position)
        return None if run is None else self.mark_of(run.frame)

    def is_cut_between(self, start: int, end: int) -> bool:
        """Whether a packet that begins before the end and not before the start was cut by the snap length."""
        return any(mark.is_cut and mark.start < end and mark.end >= start for mark in self._marks)

    def late_between(self, start: int, end: int) -> Mark | None:
        """Return a packet that Wireshark did not look into, with bytes between these positions."""
        return next(
            (mark for mark in self._marks if mark.is_skipped and mark.start < end and mark.end > start), None
        )

    def root(self, reason: Reason, evidence: str, at: int) -> Root:
        """Make a root of what begins at this position."""
        run = self.window.run_at(at)
        if run is None:
            behind = (mark.frame for mark in self._marks if mark.start >= at)
            return Root(reason, next(behind, 0), at, evidence)
        return Root(reason, run.frame, at, evidence)


class Stop(NamedTuple):
    """Why Wireshark shows no message where it begins one."""

    root: Root
    resume: int
    """Where it begins the next."""
    effect: Effect
    """What becomes of our messages before that place."""


def stop_at(ground: Ground, at: int, until: int, first: Located | None) -> Stop:
    """Find why Wireshark, which begins a message at this place, shows none, and where it goes on.

    What it had in hand when it looked (a segment, or several joined) is not always known; that possibility
    counts which agrees with what it did.

    Args:
        ground: the direction.
        at: where Wireshark begins a message.
        until: where it shows the next one, or where the capture of the direction ends.
        first: our message that begins there, if one does.
    """
    mark = ground.mark_at(at)
    if mark is None:
        return _lost(ground, at, until)
    if mark.is_cut:
        what = f"packet {mark.frame} is cut by the snap length"
        return Stop(ground.root(Reason.CUT_PACKET, what, at), until, Effect.NOT_SHOWN)
    if mark.is_skipped:
        what = (
            f"packet {mark.frame} is late or a retransmission for Wireshark, but the first to bring byte {at}"
        )
        return Stop(ground.root(Reason.SKIPPED_SEGMENT, what, at), min(mark.end, until), Effect.NOT_SHOWN)
    for look in _looks(ground, mark, at):
        stop = _stop_of(ground, look, until, first)
        if stop is not None:
            return stop
    if ground.window.contiguous_end(at) < until:
        return _lost(ground, at, until)
    late = ground.late_between(at, until)
    if late is not None:
        what = f"Wireshark does not look into packet {late.frame}, which brings bytes {late.start} to {late.end - 1}"
        return Stop(ground.root(Reason.SKIPPED_SEGMENT, what, at), until, Effect.NOT_SHOWN)
    if until == ground.window.end and until - at < header_bytes_min(ground.protocol):
        what = f"Wireshark waits for a header from byte {at} on, and {until - at} bytes follow"
        return Stop(_root(ground, at, first, None, what), until, Effect.WAITING)
    what = f"Wireshark shows nothing from byte {at} to {until}"
    return Stop(ground.root(Reason.UNEXPLAINED, what, at), until, Effect.NOT_SHOWN)


class _Look(NamedTuple):
    """Wireshark looking what begins at a place."""

    at: int
    segment_bytes: int
    """All that it has in hand, which begins there or before."""
    end: int
    """Where that ends."""
    mark: Mark
    """The packet that brought the last of it."""


def _looks(ground: Ground, mark: Mark, at: int) -> Iterator[_Look]:
    """Yield what Wireshark may have had in hand when it first looked."""
    if mark.end - at < header_bytes_min(ground.protocol):
        # Too few for it to look: it joins them with the segments behind them until they are enough.
        following = ground.mark_at(mark.end)
        while following is not None:
            if following.end - at >= header_bytes_min(ground.protocol):
                yield _Look(at, following.end - at, following.end, following)
                break
            following = ground.mark_at(following.end)
        return
    for begin in dict.fromkeys((*mark.shown, mark.start, at)):
        if begin <= at:
            yield _Look(at, mark.end - begin, mark.end, mark)


def _stop_of(ground: Ground, look: _Look, until: int, first: Located | None) -> Stop | None:
    """Follow Wireshark's rule from one look on; None if it leads to something that Wireshark did not do."""
    window, at = ground.window, look.at
    while True:
        left_bytes = look.end - at
        claim = claim_of(
            window.read(at, min(HEAD_BYTES, left_bytes)), ground.protocol, segment_bytes=look.segment_bytes
        )
        if claim is None:
            if not look.mark.is_malformed or look.mark.end > until:
                return None
            what = (
                f"{left_bytes} of {look.segment_bytes} bytes in hand are left in packet {look.mark.frame}, and byte 24 "
                f"from here is behind their end"
            )
            is_split = first is not None and first.end > look.end
            reason = Reason.SPLIT_HEADER if is_split else Reason.SHORT_REPLY_AT_SEGMENT_END
            return Stop(_root(ground, at, first, None, (reason, what)), look.mark.end, Effect.NOT_SHOWN)
        wanted_end = at + claim.claimed_bytes
        if claim.claimed_bytes - left_bytes >= SEQUENCE_HALF:
            if look.mark.end > until:
                return None
            what = f"{claim.claimed_bytes} bytes are wanted, too many to wait for: Wireshark goes on behind the packet"
            return Stop(_root(ground, at, first, claim, what), look.mark.end, Effect.NOT_SHOWN)
        if wanted_end <= look.end:
            return None
        if wanted_end > window.contiguous_end(at):
            if wanted_end <= until:
                return _lost(ground, at, until)
            what = (
                f"Wireshark waits for {claim.claimed_bytes} bytes from byte {at} on, and {until - at} follow"
            )
            return Stop(_root(ground, at, first, claim, what), until, Effect.WAITING)
        if wanted_end > until:
            return None
        # It has what it wanted, and looks again: with more in hand, the rule can come out differently.
        mark = ground.mark_at(wanted_end - 1)
        if mark is None:
            return None
        look = _Look(at, claim.claimed_bytes, wanted_end, mark)


def _root(
    ground: Ground, at: int, first: Located | None, claim: Claim | None, why: tuple[Reason, str] | str
) -> Root:
    """Make the root of a stop; where no message of ours begins, its cause lies before and only what it does counts.

    Args:
        ground: the direction.
        at: where Wireshark begins a message.
        first: our message that begins there, if one does.
        claim: what Wireshark takes it for.
        why: what Wireshark does, with the reason if that needs no misreading.
    """
    if first is None:
        what = why if isinstance(why, str) else why[1]
        return ground.root(Reason.CONSEQUENCE, what, at)
    if isinstance(why, tuple):
        general = why_misread(first, None)
        if general is not None and general[0] in {Reason.COMPRESSION, Reason.STREAM_CONNECTION}:
            return ground.root(*general, at)
        return ground.root(*why, at)
    reason, evidence = why_misread(first, claim) or (Reason.UNEXPLAINED, "no rule says why it is misread")
    return ground.root(reason, f"{evidence}; {why}", at)


def _lost(ground: Ground, at: int, until: int) -> Stop:
    present_end = ground.window.contiguous_end(at)
    what = f"the capture has no byte {present_end} of the direction; Wireshark shows nothing up to {until}"
    return Stop(ground.root(Reason.LOST_SEGMENT, what, at), until, Effect.NOT_SHOWN)


def why_lost(ground: Ground, at: int, end: int, before: Located | None, following: Located | None) -> Root:
    """Find why Wireshark, in step so far, begins a message where we have none.

    Args:
        ground: the direction.
        at: where it begins one.
        end: where that ends.
        before: our last message that begins before that place.
        following: our next.
    """
    before_end = 0 if before is None else before.end
    if ground.is_cut_between(at, end):
        what = f"the capture does not have all bytes from {at} to {end}: the snap length cut them off"
        return ground.root(Reason.CUT_PACKET, what, at)
    if following is not None and before_end <= at < following.start:
        compression = compression_of(following.message)
        if following.reach <= at and compression is not None:
            what = f"{compression} was negotiated; the bytes from {at} on are wrappers with nothing inside"
            return ground.root(Reason.COMPRESSION, what, at)
        if chain_leads_to(ground.window, at, following):
            what = f"by headers and lengths, messages lead from byte {at} to ours at {following.start}"
            return ground.root(Reason.MISSED_BY_US, what, at)
        if at == 0 and not ground.is_from_syn:
            what = f"the direction's first byte in the capture begins no message; ours begin at {following.start}"
            return ground.root(Reason.MID_STREAM, what, at)
        if ground.window.run_at(at - 1) is None:
            return ground.root(Reason.LOST_SEGMENT, f"the capture has no byte {at - 1} of the direction", at)
    return ground.root(Reason.UNEXPLAINED, f"nothing explains a message at byte {at}", at)
