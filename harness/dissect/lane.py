"""One direction of one connection under comparison: its bytes, our messages in them, and Wireshark's."""

from bisect import insort
from collections import deque
from collections.abc import Iterator
from typing import TypeVar

from harness.dissect.causes import Ground, Mark, stop_at, why_lost
from harness.dissect.disagreement import Disagreement, Effect, FieldDifference, Reason, Root
from harness.dissect.field_differences import field_differences
from harness.dissect.frame_locator import FrameLocator, Located, chain_leads_to
from harness.dissect.misreading import REPLIES, REQUESTS, Claim, why_fields_differ, why_misread
from harness.dissect.wireshark import Sighted, Sighting
from harness.events.message import Kind, Message, Protocol

Finding = Message | Disagreement
"""A message of ours that Wireshark shows alike, or where they differ."""

REMEMBERED_MAX = 1 << 16
"""Requests of a direction that are kept for their replies; of more, the oldest are given up."""

LATE_BYTES_MAX = 1 << 16
"""How far behind the others a message may stand that a late packet completes."""

_V = TypeVar("_V")


class Lane:
    """One direction; the packets and messages that it is given yield what can be said of them by then."""

    def __init__(self, first: Sighted) -> None:
        self.key = first.connection.number, first.from_client
        self.misread_requests: dict[int, Root] = {}
        """By msg_id: our requests that Wireshark does not show as such."""
        self.false_requests: dict[int, Root] = {}
        """By msg_id: what Wireshark shows as requests and is none."""
        self.alike_requests: dict[int, int] = {}
        """By msg_id: the last packet of our requests that Wireshark shows alike."""
        source, destination = first.packet.source, first.packet.destination
        self._name = f"{source.address}:{source.port} > {destination.address}:{destination.port}"
        self._ground = Ground(first.connection.protocol, is_from_syn=first.is_from_syn)
        self._locator = FrameLocator(self._ground.window)
        self._ours: deque[Located] = deque()
        self._theirs: deque[Sighting] = deque()
        self._shown_end = 0
        """Up to where Wireshark's account has been compared."""
        self._last: Located | None = None
        """Our last message before that place."""
        self._cause: Root | None = None
        """Why Wireshark is not where one of our messages begins; None if it is."""

    def take_packet(self, sighted: Sighted) -> Iterator[Finding]:
        """Take the next packet, with what Wireshark shows in it."""
        yield from self._advance()
        shown = []
        for sighting in sighted.sightings:
            if sighting.start is None:
                yield self._unplaced(sighting)
                continue
            self._theirs.append(sighting)
            shown.append(sighting.start)
        if shown:
            shown.append(self._theirs[-1].end)
        self._ground.take(sighted, tuple(shown))

    def take_message(self, message: Message) -> Iterator[Finding]:
        """Take our next message of this direction."""
        before = self._locator.cursor
        located = self._locator.locate(message)
        if located is not None and located.reach > before:
            yield from self._unread(before, located)
        if located is None:
            evidence = "its header does not stand where our message before it ends, nor in the packet we name"
            yield self._disagree(
                Reason.UNEXPLAINED, Effect.NOT_SHOWN, self._shown_end, self._shown_end, evidence, ours=message
            )
        elif self._ours and located.start < self._ours[-1].start:
            insort(self._ours, located, key=lambda each: each.start)
        else:
            self._ours.append(located)

    def _unread(self, before: int, located: Located) -> Iterator[Finding]:
        """Report bytes between our messages that are none of ours, unless bytes before or among them are missing."""
        ground = self._ground
        is_beginning = before == 0 and not ground.is_from_syn
        if (
            is_beginning
            or ground.window.is_disordered
            or ground.window.contiguous_end(before) < located.reach
        ):
            return
        reason, evidence = Reason.UNEXPLAINED, f"we show nothing of bytes {before} to {located.reach - 1}"
        if chain_leads_to(ground.window, before, located):
            reason = Reason.MISSED_BY_US
            evidence += ", and by headers and lengths there are messages"
        yield self._disagree(reason, Effect.UNREAD, before, located.reach, evidence)

    def close(self) -> Iterator[Finding]:
        """Judge what is left when nothing more comes."""
        while self._theirs:
            yield from self._compare(self._theirs.popleft())
        yield from self._take_late()
        if not self._ours:
            return
        yield from self._pass_to(self._ground.window.end)

    def _advance(self) -> Iterator[Finding]:
        while self._theirs and self._theirs[0].end <= self._locator.cursor:
            yield from self._compare(self._theirs.popleft())
        done = min(self._shown_end, self._locator.cursor)
        self._ground.release(done - LATE_BYTES_MAX)

    def _begins(self, at: int) -> bool:
        """Whether our next message begins there, but for empty compressed frames."""
        return bool(self._ours) and self._ours[0].reach <= at <= self._ours[0].start

    def _compare(self, sighting: Sighting) -> Iterator[Finding]:
        start, end = sighting.start, sighting.end
        assert start is not None
        ours = self._ours
        yield from self._take_late()
        if start > self._shown_end:
            yield from self._pass_to(start)
        if ours and ours[0].start == start:
            located = ours.popleft()
            self._last = located
            yield from self._compare_at_same_byte(located, sighting)
        else:
            yield self._phantom(sighting)
        shown = sighting.message
        inside = (
            f"it begins in the {end - start} bytes that Wireshark takes for one {_likeness(shown.kind).value}, shown in packet "
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
            mark = self._ground.mark_of(sighting.message.frame_last)
            if mark is not None and mark.is_malformed and mark.shown[-1] == sighting.end:
                yield from self._malformed(ours, sighting, mark)
                return
            self._cause = None
            if message.kind is Kind.REQUEST:
                _remember(self.alike_requests, message.msg_id, message.frame_last)
            yield message
            return
        reason, evidence = Reason.UNEXPLAINED, "the bytes are read differently, and no rule says why"
        effect = Effect.MISREAD
        if not (is_whole and is_alike):
            claim = Claim(pdu.kind, sighting.end - ours.start)
            reason, evidence = why_misread(ours, claim) or (reason, evidence)
        else:
            effect = Effect.FIELD
            reason, evidence = why_fields_differ(
                message, sighting.message, frozenset(field.name for field in fields)
            ) or (reason, evidence)
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

    def _malformed(self, ours: Located, sighting: Sighting, mark: Mark) -> Iterator[Finding]:
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
            cause = self._cause = self._why_lost(start, sighting.end)
        shown = sighting.message
        if sighting.pdu.kind is Kind.REQUEST:
            _remember(self.false_requests, shown.msg_id, cause)
        evidence = f"no message begins at byte {start} of the direction"
        last = self._last
        if last is not None and last.start <= start < last.end:
            name = last.message.verb_name or last.message.kind.value
            evidence += f": it is byte {start - last.start} of {last.end - last.start} of our {name}"
        return self._disagree(cause.reason, Effect.PHANTOM, start, sighting.end, evidence, sighting=sighting)

    def _pass_to(self, until: int) -> Iterator[Finding]:
        """Go through a stretch of which Wireshark shows nothing."""
        at = self._shown_end
        while at < until:
            begins = self._begins(at)
            stop = stop_at(self._ground, at, until, self._ours[0] if begins else None)
            if stop.root.reason is not Reason.CONSEQUENCE:
                self._cause = stop.root
            elif self._cause is None:
                self._cause = self._why_lost(at, until)
            yield from self._pass_over(stop.resume, stop.effect, stop.root.evidence)
            at = stop.resume

    def _take_late(self) -> Iterator[Finding]:
        """Report our messages that a late packet completed, when Wireshark's account has gone on."""
        while self._ours and self._ours[0].start < self._shown_end:
            located = self._ours.popleft()
            late = self._ground.late_between(located.start, located.end)
            reason, evidence = Reason.UNEXPLAINED, "it was completed when Wireshark had gone on"
            if late is not None:
                reason = Reason.SKIPPED_SEGMENT
                evidence = f"Wireshark does not look into packet {late.frame}, which completes it"
            disagreement = self._disagree(
                reason, Effect.NOT_SHOWN, located.start, located.end, evidence, ours=located.message
            )
            if located.message.kind in REQUESTS:
                _remember(self.misread_requests, located.message.msg_id, disagreement.root)
            yield disagreement

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

    def _why_lost(self, start: int, end: int) -> Root:
        following = self._ours[0] if self._ours else None
        return why_lost(self._ground, start, end, self._last, following)

    def _unplaced(self, sighting: Sighting) -> Disagreement:
        evidence = "the bytes that Wireshark shows do not stand where its message before ends"
        at = self._shown_end
        late = self._ground.late_between(at, self._ground.window.end)
        reason = Reason.UNEXPLAINED if late is None else Reason.SKIPPED_SEGMENT
        if late is not None:
            evidence += f"; it did not look into packet {late.frame}"
        root = Root(reason, sighting.message.frame_last, at, evidence)
        return self._disagree(reason, Effect.PHANTOM, at, at, evidence, sighting=sighting, root=root)

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
        run = self._ground.window.run_at(start)
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


def _likeness(kind: Kind) -> Kind:
    """Wireshark knows no one-way messages and no exceptions as kinds of their own."""
    if kind in REQUESTS:
        return Kind.REQUEST
    return Kind.REPLY if kind in REPLIES else kind


def _remember(requests: dict[int, _V], msg_id: int | None, value: _V) -> None:
    if msg_id is None:
        return
    requests.setdefault(msg_id, value)
    if len(requests) > REMEMBERED_MAX:
        del requests[next(iter(requests))]
