"""Why a message was not answered: its receiver had fallen silent, or the capture ended first.

Whether a capture ended first is told by how slow others were in it: where a write was once acknowledged after 300 ms,
one that has no acknowledgement 200 ms before the end may still get it.

Nodes are never silent for long: they gossip every second. Who sends nothing for longer is dead, stopped or cut off.
"""

from bisect import bisect_right
from functools import cached_property

from harness.events.message import Message, Protocol
from harness.events.trace import Trace
from harness.events.under_way import SETTLED_NS

SILENT_NS = 2_500_000_000
"""A node from which nothing comes for so long is taken for dead."""


class Silence:
    """When the nodes of a trace sent nothing."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def end_of_capture(self, message: Message, slowest_ns: int = 0) -> str:
        """That what follows a message may lie behind the end of the capture; empty: it would be in it.

        Args:
            message: what is to be followed.
            slowest_ns: how long it took elsewhere in the trace, at most.
        """
        rest_ns = self._end_ns - message.time_ns
        text = f"the capture ends {max(rest_ns, 0) / 1e6:.1f} ms later"
        # Who records a run ends it when it has settled.
        if rest_ns < SETTLED_NS:
            return text
        return f"{text}, and another took {slowest_ns / 1e6:.1f} ms" if rest_ns < slowest_ns else ""

    def explanation(self, message: Message) -> str:
        """Why a message may rightly have no answer; empty: nothing is known that would explain it."""
        ends = self.end_of_capture(message, self._slowest_ns.get((message.protocol, message.verb), 0))
        if ends:
            return ends
        address = message.receiver.address
        silent_ns = self.silent_ns(address, message.time_ns)
        if silent_ns is None:
            return ""
        name = message.receiver_node or address
        return f"{name} sent nothing for {silent_ns / 1e9:.1f} s then"

    def silent_ns(self, address: str, time_ns: int) -> int | None:
        """How long the silence of a node around a time lasts; None: it was not silent, or not for long."""
        times = self._times.get(address)
        if not times:
            return None
        position = bisect_right(times, time_ns)
        messages = self._trace.messages
        before_ns = times[position - 1] if position else messages[0].time_ns
        after_ns = times[position] if position < len(times) else messages[-1].time_ns
        silent_ns = after_ns - before_ns
        return silent_ns if silent_ns >= SILENT_NS else None

    @cached_property
    def _end_ns(self) -> int:
        """Until when the capture would show more; its last packet need be no message."""
        latest_ns = self._trace.messages[-1].time_ns if self._trace.messages else 0
        return max(latest_ns, self._trace.ended_ns or 0)

    @cached_property
    def _slowest_ns(self) -> dict[tuple[Protocol, int | None], int]:
        """Of requests of each kind, how long the slowest answer took."""
        slowest: dict[tuple[Protocol, int | None], int] = {}
        for message in self._trace.messages:
            request = self._trace.request_of(message)
            if request is not None:
                kind = request.protocol, request.verb
                slowest[kind] = max(slowest.get(kind, 0), message.time_ns - request.time_ns)
        return slowest

    @cached_property
    def _times(self) -> dict[str, list[int]]:
        times: dict[str, list[int]] = {}
        for message in self._trace.messages:
            times.setdefault(message.sender.address, []).append(message.time_ns)
        for some in times.values():
            some.sort()
        return times
