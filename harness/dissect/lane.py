"""One direction of one connection under comparison: its bytes, our messages in them, and Wireshark's."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from harness.dissect.byte_window import ByteWindow
from harness.dissect.disagreement import Disagreement, Effect, FieldDifference, Reason, Root
from harness.dissect.field_differences import field_differences
from harness.dissect.frame_locator import HEAD_BYTES, FrameLocator, Located, chain_leads_to
from harness.dissect.misreading import REPLIES, REQUESTS, Claim, claim_of, gives_up, why_misread
from harness.dissect.wireshark import Sighted, Sighting
from harness.events.message import Kind, Message, Protocol

Finding = Message | Disagreement
"""A message of ours that Wireshark shows alike, or where they differ."""

REMEMBERED_MAX = 1 << 16
"""Requests that Wireshark misread or made up, kept for their replies; of more, the oldest are given up."""


class _Mark(NamedTuple):
    """What Wireshark made of one packet as a whole."""

    frame: int
    start: int
    end: int
    shown: tuple[int, ...]
    """Where the messages that it shows begin, and where the last one ends."""
    is_malformed: bool
    is_skipped: bool
    is_cut: bool


class Lane:
    """One direction; the packets and messages that it is given yield what can be said of them by then."""

    def __init__(self, first: Sighted) -> None:
        self.key = first.connection.number, first.from_client
        self.misread_requests: dict[int, Root] = {}
        """By msg_id: our requests that Wireshark does not show as such."""
        self.false_requests: dict[int, Root] = {}
        """By msg_id: what Wireshark shows as requests and is none."""
        source, destination = first.packet.source, first.packet.destination
        self._name = f"{source.address}:{source.port} > {destination.address}:{destination.port}"
        self._protocol = first.connection.protocol
        self._is_from_syn = first.is_from_syn
        self._window = ByteWindow()
        self._locator = FrameLocator(self._window)
        self._ours: deque[Located] = deque()
        self._theirs: deque[Sighting] = deque()
        self._marks: deque[_Mark] = deque()
        self._shown_end = 0
        """Up to where Wireshark's account has been compared."""
        self._last: Located | None = None
        """Our last message before that place."""
        self._cause: Root | None = None
        """Why Wireshark is not where one of our messages begins; None if it is."""

    def take_packet(self, sighted: Sighted) -> Iterator[Finding]:
        """Take the next packet, with what Wireshark shows in it."""
        packet = sighted.packet
        self._window.add(sighted.start, packet.payload, frame=packet.frame, time_ns=packet.time_ns)
        shown = []
        for sighting in sighted.sightings:
            if sighting.start is None:
                yield self._unplaced(sighting)
                continue
            self._theirs.append(sighting)
            shown.append(sighting.start)
        if shown:
            shown.append(self._theirs[-1].end)
        self._marks.append(
            _Mark(
                packet.frame,
                sighted.start,
                sighted.end,
                tuple(shown),
                packet.is_malformed,
                packet.is_skipped,
                len(packet.payload) < packet.payload_bytes,
            )
        )
        yield from self._advance()

    def take_message(self, message: Message) -> Iterator[Finding]:
        """Take our next message of this direction."""
        located = self._locator.locate(message)
        if located is None:
            evidence = "its header does not stand where our message before it ends, nor in the packet we name"
            yield self._disagree(
                Reason.UNEXPLAINED, Effect.NOT_SHOWN, self._shown_end, self._shown_end, evidence, ours=message
            )
        else:
            self._ours.append(located)
        yield from self._advance()

    def close(self) -> Iterator[Finding]:
        """Judge what is left when nothing more comes."""
        while self._theirs:
            yield from self._compare(self._theirs.popleft())
        if not self._ours:
            return
        at = self._shown_end
        if self._cause is None or self._ours[0].start == at:
            self._cause = self._why_waiting(at)
        yield from self._pass_over(self._window.end, Effect.WAITING, "Wireshark shows nothing behind it")

    def _advance(self) -> Iterator[Finding]:
        while self._theirs and self._theirs[0].end <= self._locator.cursor:
            yield from self._compare(self._theirs.popleft())
        done = min(self._shown_end, self._locator.cursor)
        self._window.release(done)
        while self._marks and self._marks[0].end < done:
            self._marks.popleft()

    def _compare(self, sighting: Sighting) -> Iterator[Finding]:
        start, end = sighting.start, sighting.end
        assert start is not None
        ours = self._ours
        if start > self._shown_end:
            if self._cause is None or (ours and ours[0].start == self._shown_end):
                self._cause = self._why_given_up(self._shown_end, start)
            yield from self._pass_over(start, Effect.NOT_SHOWN, "Wireshark goes on behind it")
        if ours and ours[0].start == start:
            located = ours.popleft()
            self._last = located
            yield from self._compare_at_same_byte(located, sighting)
        else:
            yield self._phantom(sighting)
        shown = sighting.message
        inside = (
            f"it begins in the {end - start} bytes that Wireshark takes for one {shown.kind.value}, shown in packet "
            f"{shown.frame_last}"
        )
        yield from self._pass_over(end, Effect.SWALLOWED, inside)
        self._shown_end = end
        if self._last is not None and self._last.end == end:
            self._cause = None

    def _compare_at_same_byte(self, ours: Located, sighting: Sighting) -> Iterator[Finding]:
        message, pdu = ours.message, sighting.pdu
        fields = field_differences(ours, sighting)
        is_whole = sighting.end == ours.end
        is_alike = _likeness(message.kind) == _likeness(pdu.kind)
        if is_whole and is_alike and not fields:
            mark = self._mark_of(sighting)
            if mark is not None and mark.is_malformed and mark.shown[-1] == sighting.end:
                yield from self._malformed(ours, sighting, mark)
                return
            self._cause = None
            yield message
            return
        reason, evidence = Reason.UNEXPLAINED, "the bytes are read differently, and no rule says why"
        effect = Effect.MISREAD
        if not (is_whole and is_alike):
            claim = Claim(pdu.kind, sighting.end - ours.start)
            reason, evidence = why_misread(ours, claim) or (reason, evidence)
        else:
            effect = Effect.FIELD
            reason, evidence = _why_fields(message, sighting, fields) or (reason, evidence)
        disagreement = self._disagree(
            reason,
            effect,
            ours.start,
            ours.end,
            evidence,
            ours=message,
            sighting=sighting,
            fields=fields,
            offset_bytes=ours.offset_bytes,
        )
        self._cause = None if is_whole else disagreement.root
        if message.kind in REQUESTS and effect is Effect.MISREAD:
            _remember(self.misread_requests, message.msg_id, disagreement.root)
        if pdu.kind is Kind.REQUEST and not is_alike:
            _remember(self.false_requests, pdu.msg_id, disagreement.root)
        yield disagreement

    def _malformed(self, ours: Located, sighting: Sighting, mark: _Mark) -> Iterator[Finding]:
        """Judge a packet in which all messages are right, but that Wireshark calls malformed."""
        message = ours.message
        if mark.shown[-1] < mark.end:
            # It gave up behind this message, which is judged when it goes on.
            yield message
            return
        reason = Reason.UNEXPLAINED
        count = len(mark.shown) - 1
        evidence = f"Wireshark calls the packet malformed, which has {count} messages for us"
        if message.protocol is Protocol.CQL and not message.decoded.undecoded_bytes:
            reason = Reason.CQL_BODY
            evidence = (
                f"Wireshark calls the packet malformed; we decode its {len(message.payload)} bytes of body"
            )
            if count > 1:
                evidence += f" (one of {count} messages in the packet; the last is named)"
        yield self._disagree(
            reason,
            Effect.FIELD,
            ours.start,
            ours.end,
            evidence,
            ours=message,
            sighting=sighting,
            fields=(FieldDifference("body", "decoded", "malformed"),),
            offset_bytes=ours.offset_bytes,
        )

    def _phantom(self, sighting: Sighting) -> Disagreement:
        start = sighting.start
        assert start is not None
        cause = self._cause
        if cause is None:
            cause = self._cause = self._why_lost(start)
        shown = sighting.message
        if sighting.pdu.kind is Kind.REQUEST:
            _remember(self.false_requests, shown.msg_id, cause)
        evidence = f"no message begins at byte {start} of the direction"
        last = self._last
        if last is not None and last.start <= start < last.end:
            name = last.message.verb_name or last.message.kind.value
            evidence += f": it is byte {start - last.start} of {last.end - last.start} of our {name}"
        return self._disagree(cause.reason, Effect.PHANTOM, start, sighting.end, evidence, sighting=sighting)

    def _pass_over(self, end: int, effect: Effect, evidence: str) -> Iterator[Finding]:
        """Report our messages that begin before this place as not shown."""
        while self._ours and self._ours[0].start < end:
            located = self._ours.popleft()
            self._last = located
            cause = self._cause or Root(
                Reason.UNEXPLAINED, located.message.frame_first, located.start, evidence
            )
            own = cause.start == located.start
            disagreement = self._disagree(
                cause.reason,
                effect,
                located.start,
                located.end,
                cause.evidence if own else evidence,
                ours=located.message,
                offset_bytes=located.offset_bytes,
                root=cause,
            )
            if located.message.kind in REQUESTS:
                _remember(self.misread_requests, located.message.msg_id, cause)
            yield disagreement

    # Reasons

    def _why_given_up(self, at: int, until: int) -> Root:
        """Find why Wireshark shows nothing of a stretch and goes on behind it."""
        present_end = self._window.contiguous_end(at)
        first = self._ours[0] if self._ours and self._ours[0].start == at else None
        if first is not None:
            general = why_misread(first, None)
            if general is not None and general[0] in {Reason.COMPRESSION, Reason.STREAM_CONNECTION}:
                return self._root(general, at)
        mark = next((mark for mark in self._marks if mark.end > at), None)
        if mark is not None and mark.is_cut:
            return self._root((Reason.CUT_PACKET, f"packet {mark.frame} is cut by the snap length"), at)
        if present_end < until and (first is None or first.end > present_end):
            lost = f"the capture holds no bytes from {present_end} of the direction on, and goes on at {until} or before"
            return self._root((Reason.LOST_SEGMENT, lost), at)
        if mark is not None:
            if mark.is_skipped and mark.start <= at:
                what = f"packet {mark.frame} is a retransmission for Wireshark, but brings byte {at} for the first time"
                return self._root((Reason.SKIPPED_SEGMENT, what), at)
            if mark.is_malformed and mark.end == until:
                left_bytes = mark.end - at
                for begin in (*mark.shown, mark.start):
                    if gives_up(left_bytes=left_bytes, segment_bytes=mark.end - begin):
                        what = (
                            f"{left_bytes} of the segment's {mark.end - begin} bytes are left in packet {mark.frame}: "
                            f"byte 24 from here is behind its end"
                        )
                        return self._root((Reason.SHORT_REPLY_AT_SEGMENT_END, what), at)
        if first is not None:
            claim = claim_of(first.head, self._protocol, segment_bytes=present_end - at)
            why = why_misread(first, claim)
            if why is not None:
                return self._root(why, at)
        return self._root((Reason.UNEXPLAINED, f"Wireshark shows nothing from byte {at} to {until}"), at)

    def _why_waiting(self, at: int) -> Root:
        """Find why Wireshark shows nothing of the rest."""
        present_end = self._window.contiguous_end(at)
        first = self._ours[0]
        if first.start == at:
            head = self._window.read(at, HEAD_BYTES)
            claim = claim_of(head, self._protocol, segment_bytes=present_end - at)
            why = why_misread(first, claim)
            if why is not None and (claim is None or claim.claimed_bytes > present_end - at):
                wanted = "more" if claim is None else str(claim.claimed_bytes)
                return self._root(
                    (why[0], f"{why[1]}; Wireshark waits for {wanted} bytes, {present_end - at} follow"), at
                )
        return self._why_given_up(at, self._window.end)

    def _why_lost(self, at: int) -> Root:
        """Find why Wireshark, in step so far, begins a message where we have none."""
        following = self._ours[0] if self._ours else None
        before_end = 0 if self._last is None else self._last.end
        if following is not None and at < following.start and at >= before_end:
            if chain_leads_to(self._window, at, following):
                what = f"by headers and lengths, messages lead from byte {at} to ours at {following.start}"
                return self._root((Reason.MISSED_BY_US, what), at)
            if at == 0 and not self._is_from_syn:
                what = f"the capture's first byte of this direction is no message's; ours begin at {following.start}"
                return self._root((Reason.MID_STREAM, what), at)
            if self._window.run_at(at - 1) is None:
                return self._root((Reason.LOST_SEGMENT, f"the bytes before {at} are not in the capture"), at)
        return self._root((Reason.UNEXPLAINED, f"nothing explains a message at byte {at}"), at)

    def _root(self, why: tuple[Reason, str], at: int) -> Root:
        run = self._window.run_at(at)
        mark = next((mark for mark in self._marks if mark.end > at), None)
        frame = run.frame if run is not None else (mark.frame if mark is not None else 0)
        return Root(why[0], frame, at, why[1])

    # Making values

    def _mark_of(self, sighting: Sighting) -> _Mark | None:
        frame = sighting.message.frame_last
        return next((mark for mark in self._marks if mark.frame == frame), None)

    def _unplaced(self, sighting: Sighting) -> Disagreement:
        evidence = "the bytes that Wireshark shows do not stand where its message before ends"
        at = self._shown_end
        return self._disagree(Reason.UNEXPLAINED, Effect.PHANTOM, at, at, evidence, sighting=sighting)

    def _disagree(
        self,
        reason: Reason,
        effect: Effect,
        start: int,
        end: int,
        evidence: str,
        *,
        ours: Message | None = None,
        sighting: Sighting | None = None,
        fields: tuple[FieldDifference, ...] = (),
        offset_bytes: int | None = None,
        root: Root | None = None,
    ) -> Disagreement:
        run = self._window.run_at(start)
        if offset_bytes is None and run is not None:
            offset_bytes = start - run.start
        if ours is not None:
            frame = ours.frame_first
        elif run is not None:
            frame = run.frame
        else:
            frame = 0 if sighting is None else sighting.message.frame_first
        if root is None:
            root = self._cause if effect is Effect.PHANTOM and self._cause is not None else None
        return Disagreement(
            reason,
            effect,
            frame,
            offset_bytes,
            start,
            end,
            self._name,
            ours,
            None if sighting is None else sighting.message,
            fields,
            evidence,
            root or Root(reason, frame, start, evidence),
        )


def _why_fields(
    message: Message, sighting: Sighting, fields: tuple[FieldDifference, ...]
) -> tuple[Reason, str] | None:
    """Say why fields differ although both take the same bytes for a message of the same kind."""
    names = {field.name for field in fields}
    shown = sighting.message
    if message.kind is Kind.EXCEPTION and shown.msg_id is not None and message.msg_id is not None:
        if names <= {"msg_id", "verb"} and shown.msg_id == (1 << 64) - message.msg_id:
            return Reason.EXCEPTION, f"msg_id -{message.msg_id} is shown as {shown.msg_id}"
        return None
    if message.kind in REPLIES and names == {"verb"}:
        if shown.verb is None:
            return Reason.REQUEST_NOT_SEEN, f"no request with msg_id {message.msg_id} was seen by Wireshark"
        return Reason.FALSE_REQUEST, (
            f"Wireshark pairs msg_id {message.msg_id} with packet {shown.request_frame}, verb {shown.verb}"
        )
    return None


def _likeness(kind: Kind) -> Kind:
    """Wireshark knows no one-way messages and no exceptions as kinds of their own."""
    if kind in REQUESTS:
        return Kind.REQUEST
    return Kind.REPLY if kind in REPLIES else kind


def _remember(requests: dict[int, Root], msg_id: int | None, root: Root) -> None:
    if msg_id is None:
        return
    requests.setdefault(msg_id, root)
    if len(requests) > REMEMBERED_MAX:
        del requests[next(iter(requests))]
