"""Several captures of the same network as one: in order of time, and what two taps have seen only once.

A frame between two nodes passes the tap of either. Its copies have the same bytes; so does a frame that was really
sent twice, which one tap alone has seen as often. Hence of equal frames as many are kept as the tap saw that saw most.
Where taps see other bytes of the same segment, as offloading network cards may show them, both frames stay: TCP
segments carry their place in the stream, so readers of the capture take the second for a repetition.
"""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from harness.codec.pcapng import (
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    PcapngEncoder,
    SectionStart,
)

WINDOW_NS = 5_000_000_000
"""How far apart copies of a frame may be."""
_DIGEST_BYTES = 16


class CaptureMerger:
    """Puts captures together while they grow; each method returns bytes to append to the one that comes of them.

    A packet is written as soon as no tap can have an earlier one: when all that record have seen something later. A
    tap that is idle, or has just begun, so holds the others up until it sees a mark: a mark that stands in the merged
    capture was seen by all. Clocks are taken to be the same, as those of taps on one machine are.
    """

    def __init__(self) -> None:
        self._encoder = PcapngEncoder()
        self._copies = _Copies()
        self._taps: list[_Tap] = []
        self._heads: list[tuple[int, int]] = []
        """A heap: time of the next item of each tap that has one, and the tap."""
        self._interface_count = 0
        self._has_section = False

    def add(self, name: str) -> int:
        """Let another tap take part; return its number.

        Args:
            name: what its interfaces are described by, such as the node's name.
        """
        self._taps.append(_Tap(name))
        return len(self._taps) - 1

    def feed(self, tap: int, events: Sequence[CaptureEvent]) -> bytes:
        """Take what a tap has recorded since; return what can be written by now.

        Raises:
            EncodeError: a packet of an interface that the tap has not described.
        """
        return b"".join([*(self._taken(tap, event) for event in events), self._released()])

    def behind(self, tap: int) -> tuple[int, ...]:
        """Which taps hold up what a tap has seen, until they see something later."""
        seen_ns = self._taps[tap].seen_ns
        return tuple(
            number
            for number, other in enumerate(self._taps)
            if other.seen_ns < seen_ns and not other.has_ended
        )

    def end(self, tap: int) -> bytes:
        """Expect nothing more of a tap; return what it has held up. The second call does nothing.

        Raises:
            EncodeError: as ``feed``.
        """
        self._taps[tap].has_ended = True
        return self._released()

    def close(self) -> bytes:
        """End all taps; return their counters.

        What not all of them have seen the time of is left out: of that, nobody knows the rest.

        Raises:
            EncodeError: as ``feed``.
        """
        parts = []
        for number, tap in enumerate(self._taps):
            parts += [
                self._encoded(number, event)
                for _, event in tap.queue
                if isinstance(event, InterfaceStatistics)
            ]
            tap.queue.clear()
            tap.has_ended = True
        self._heads.clear()
        return b"".join(parts)

    def _taken(self, number: int, event: CaptureEvent) -> bytes:
        tap = self._taps[number]
        match event:
            case SectionStart():
                if self._has_section:
                    return b""
                self._has_section = True
                return self._encoder.section(event)
            case Interface():
                tap.interfaces[event.number] = self._interface_count
                event = replace(
                    event, number=self._interface_count, description=event.description or tap.name
                )
                self._interface_count += 1
                return self._encoder.interface(event)
            case NameResolution():
                return self._encoder.names([event])
            case Packet():
                tap.seen_ns = max(tap.seen_ns, event.time_ns)
                self._queue(number, event.time_ns, event)
            case InterfaceStatistics():
                self._queue(number, max(tap.seen_ns, event.time_ns), event)
            case DroppedPackets():
                self._queue(number, tap.seen_ns, event)
            case _:
                # A capture that was cut off ends anywhere.
                pass
        return b""

    def _queue(self, number: int, time_ns: int, event: "_Queued") -> None:
        queue = self._taps[number].queue
        if not queue:
            heappush(self._heads, (time_ns, number))
        queue.append((time_ns, event))

    def _released(self) -> bytes:
        """Bytes of all that no tap can have anything before."""
        limit_ns = min((tap.seen_ns for tap in self._taps if not tap.has_ended), default=None)
        parts = []
        while self._heads and (limit_ns is None or self._heads[0][0] <= limit_ns):
            _, number = heappop(self._heads)
            tap = self._taps[number]
            _, event = tap.queue.popleft()
            if tap.queue:
                heappush(self._heads, (tap.queue[0][0], number))
            parts.append(self._encoded(number, event))
        return b"".join(parts)

    def _encoded(self, number: int, event: "_Queued") -> bytes:
        if isinstance(event, Packet) and not self._copies.is_first(number, event):
            return b""
        # A number that nobody has is refused by the encoder.
        interface = self._taps[number].interfaces.get(event.interface, self._interface_count)
        if isinstance(event, Packet):
            return self._encoder.encode(event._replace(interface=interface))
        return self._encoder.encode(replace(event, interface=interface))


_Queued = Packet | InterfaceStatistics | DroppedPackets


@dataclass(slots=True)
class _Tap:
    name: str
    interfaces: dict[int, int] = field(default_factory=dict)
    """Numbers of its own -> those in the merged capture."""
    queue: deque[tuple[int, _Queued]] = field(default_factory=deque)
    seen_ns: int = 0
    has_ended: bool = False


@dataclass(slots=True)
class _Seen:
    """How often equal frames were seen."""

    last_ns: int
    kept: int = 0
    by_tap: dict[int, int] = field(default_factory=dict)


class _Copies:
    """Which frames of the last seconds were kept already."""

    def __init__(self) -> None:
        self._seen: dict[bytes, _Seen] = {}
        self._order: deque[tuple[int, bytes]] = deque()

    def is_first(self, tap: int, packet: Packet) -> bool:
        """Whether no other tap has shown this frame yet; called once for each packet, in their order."""
        self._forget(packet.time_ns - WINDOW_NS)
        key = hashlib.blake2b(
            packet.data, digest_size=_DIGEST_BYTES, salt=packet.link_type.to_bytes(2, "little")
        ).digest()
        seen = self._seen.setdefault(key, _Seen(packet.time_ns))
        seen.last_ns = packet.time_ns
        self._order.append((packet.time_ns, key))
        count = seen.by_tap[tap] = seen.by_tap.get(tap, 0) + 1
        if count <= seen.kept:
            return False
        seen.kept = count
        return True

    def _forget(self, before_ns: int) -> None:
        while self._order and self._order[0][0] < before_ns:
            _, key = self._order.popleft()
            seen = self._seen.get(key)
            if seen is not None and seen.last_ns < before_ns:
                del self._seen[key]
