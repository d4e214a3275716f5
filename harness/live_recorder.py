"""Recording a cluster that runs: a capture that grows, decoded as it comes."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from harness.backends.live.cluster import LiveCluster
from harness.backends.live.request_log import SentRequest
from harness.capture.capture_file import CaptureFile
from harness.capture.dumpcap import Mark, RunningCapture
from harness.context import Context, context_to_json
from harness.dissect.native import NativeDissector
from harness.errors import BackendError, CaptureError, DecodeError
from harness.events.message import Message, Protocol
from harness.events.trace import Trace
from harness.events.under_way import SETTLED_NS, UnderWay, clean_cut, end_with_answers
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.recording import Claim, Era, Span, verdict_on
from harness.topology import Topology
from harness.waiting import wait_until

QUIET_TIMEOUT_S = 60.0
_AFTERMATH_NS = 20_000_000
"""What is done behind a client's back goes on for so long after its answer, as a rule."""
_ANSWERED_LATE_NS = 1_000_000_000
"""Within such a time before now, an answer to what was sent last may just have come."""
_STILL_NOW_NS = 1_000_000_000
"""A mark of quiet work is none of the end when so much time has gone by since."""
_HELD_UP_S = 0.6
"""Longer than packets take from the network into the file."""
_LATE_S = 2.0
"""How long what is missing may be late when nothing is under way; only what fails takes so long."""
_CHUNK_BYTES = 1 << 18
_SHOWN_MAX = 3


class _Mark(NamedTuple):
    time_ns: int
    request_count: int
    """How many statements had been sent."""


class _Quiet(NamedTuple):
    mark: Mark
    asked_ns: int
    """By our clock: what was sent until then stands before the mark."""


class LiveRecorder:
    """Messages of a running cluster, as far as they have come; the ``Recorder`` of ``harness.recording``.

    Args:
        capture: of all packets, from before the first one.
        cluster: whose packets they are.
    """

    def __init__(self, capture: RunningCapture, cluster: LiveCluster) -> None:
        self._capture = capture
        self._cluster = cluster
        self._dissector = NativeDissector(context=cluster.known)
        self._file: BinaryIO | None = None
        self._messages: list[Message] = []
        self._under_way = UnderWay()
        self._requests: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
        """Of our address and port and a stream id: numbers of the messages, in order."""
        self._marks: list[_Mark] = []
        self._trace: Trace | None = None
        self._traced: tuple[int, ...] = ()
        """What had happened when ``_trace`` was made."""
        self._quiet: _Quiet | None = None
        """How work was found to be quiet last."""
        self._held_up_from: int | None = None
        self._held_up_since_s = 0.0
        self._is_ended = False
        self._end_ns: int | None = None
        """Of the trace, once it is known."""
        self._told = 0

    @property
    def begins_between_messages(self) -> bool:
        """Whether no message was under way when it began, of which only the rest can be seen.

        Raises:
            CaptureError: the capture cannot go on.
        """
        self._capture.mark("joined")
        self._feed()
        return self._dissector.held_up_from is None

    def mark(self) -> int:
        """Give a point in the run."""
        self._marks.append(_Mark(time.time_ns(), len(self._cluster.request_log)))
        return len(self._marks) - 1

    def span(self, begin: int, end: int) -> Span:
        """What lies between two marks; no round of gossip is divided, and what was asked is answered."""
        trace = self.trace()
        first, last = self._marks[begin], self._marks[end]
        begin_ns = clean_cut(trace, first.time_ns, forward=False)
        end_ns = end_with_answers(trace, begin_ns, clean_cut(trace, last.time_ns, forward=True))
        sent = self._cluster.request_log.sent(first.request_count, last.request_count)
        numbers = [number for request in sent if (number := self._number_of(request)) is not None]
        return Span(tuple(numbers), begin_ns, end_ns)

    def trace(self) -> Trace:
        """All messages so far; returns when work is quiet and all that was sent until then has been seen.

        Raises:
            CaptureError: the capture cannot go on.
            BackendError: work is not quiet in time.
        """
        if self._trace is None or (self._happened() != self._traced and not self._is_ended):
            return self._quiet_trace()
        return self._trace

    def _quiet_trace(self) -> Trace:
        self._traced = self._happened()
        self._wait_until_quiet()
        self._trace = self._so_far()
        return self._trace

    def settle(self) -> None:
        """Return when nothing is under way.

        Raises:
            CaptureError: the capture cannot go on.
            BackendError: work is not quiet in time.
        """
        self.trace()

    def eras(self) -> tuple[Era, ...]:
        """The run, divided where nodes joined or left."""
        trace = self.trace()
        rings = self._cluster.members.rings
        if len(rings) <= 1:
            return (Era(trace=trace, scope=WHOLE_TRACE),)
        begins: list[int | None] = [None, *(since_ns for since_ns, _ in rings[1:])]
        ends: list[int | None] = [*(since_ns - 1 for since_ns, _ in rings[1:]), None]
        return tuple(
            Era(
                trace=replace(trace, topology=_with_ring(trace.topology, ring)),
                scope=Scope(name="while the same nodes were members", begin_ns=begin_ns, end_ns=end_ns),
            )
            for (_, ring), begin_ns, end_ns in zip(rings, begins, ends, strict=True)
        )

    def wait_until(self, claim: Claim, scope: Callable[[], Scope], timeout_s: float) -> None:
        """Let the run go on until a claim holds.

        Raises:
            BackendError: it does not hold in time.
        """
        # Where it begins does not change any more.
        wanted = scope()
        seen = -1

        def holds() -> bool:
            nonlocal seen
            self._feed()
            if len(self._messages) == seen:
                return False
            seen = len(self._messages)
            return bool(verdict_on(claim, self._so_far(), wanted))

        if not wait_until(holds, timeout_s=timeout_s):
            verdict = verdict_on(claim, self._so_far(), wanted)
            raise BackendError(
                f"what the scenario waits for has not come within {timeout_s:g} s ({verdict.outcome}):\n"
                f"{verdict.claim}"
            )

    def wait_for_late(self, holds: Callable[[], bool]) -> None:
        """Let the run go on for two seconds at most, or until what was missing is there.

        Args:
            holds: whether it is; asked when something has come but gossip, and all is quiet again, and at the end.

        Raises:
            CaptureError: the capture cannot go on.
            BackendError: work is not quiet in time.
        """
        if self._is_ended:
            return
        seen_ns = self._under_way.last_ns

        def is_there() -> bool:
            nonlocal seen_ns
            self._feed()
            if self._under_way.last_ns == seen_ns:
                return False
            self._quiet_trace()
            seen_ns = self._under_way.last_ns
            return holds()

        if not wait_until(is_there, timeout_s=_LATE_S):
            # The trace goes on until now: what is not in it is missing.
            self._quiet_trace()
            holds()

    def news(self) -> list[Message]:
        """The messages that have come since this was asked last; nothing is waited for.

        Raises:
            CaptureError: the capture cannot be read.
        """
        self._feed()
        news = self._messages[self._told :]
        self._told = len(self._messages)
        return news

    def end(self) -> None:
        """Record no more; the file is whole then, and what is known of nodes and tables is written beside it.

        The trace ends where work was quiet last: what nodes began behind that, the file may hold a part of.

        Raises:
            CaptureError: the capture could not go on to its end, or its context cannot be written.
            BackendError: work is not quiet in time.
        """
        if self._is_ended:
            return
        try:
            self.trace()
            capture = self._capture.stop(behind=self._mark_behind_all() or self._wait_until_quiet())
            self._end_ns = capture.ended_at_ns
            self._feed()
            self._take(self._dissector.close())
        finally:
            self._is_ended = True
            self.close()
        missing = self._dissector.missing
        trace = self._so_far()
        if capture.dropped_packets is None:
            missing = replace(missing, truncated=missing.truncated or capture.loss)
        else:
            missing = replace(missing, dropped_packets=max(missing.dropped_packets, capture.dropped_packets))
        self._trace = replace(trace, missing=missing)
        context = replace(self._context, schema=trace.schema, capture=(_counters_text(capture),))
        beside = self._capture.path.with_suffix(".json")
        try:
            beside.write_text(context_to_json(context), encoding="utf-8")
        except OSError as error:
            raise CaptureError(f"cannot write {beside}: {error.strerror}") from error

    def close(self) -> None:
        """End the capture, whole or not; the second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._capture.close()

    @property
    def _context(self) -> Context:
        return self._cluster.known

    def _happened(self) -> tuple[int, ...]:
        """Counts of all that a scenario does."""
        return (
            len(self._cluster.request_log),
            self._cluster.members.change_count,
            len(self._marks),
        )

    def _mark_behind_all(self) -> Mark | None:
        """The mark of quiet work, if nothing was done since; then it stands behind all that was sent."""
        quiet = self._quiet
        if quiet is None or self._happened() != self._traced or self._last_ns >= quiet.asked_ns:
            return None
        return quiet.mark if time.time_ns() - quiet.asked_ns < _STILL_NOW_NS else None

    @property
    def _last_ns(self) -> int:
        """When anything was sent or done last."""
        return max(self._cluster.request_log.last_ns, self._cluster.members.last_change_ns)

    def _wait_until_quiet(self) -> Mark:
        """Return the mark at which nothing was under way.

        Raises:
            CaptureError: the capture cannot go on.
            BackendError: work is not quiet in time.
        """
        now_ns, last_ns = time.time_ns(), self._last_ns
        if now_ns - last_ns < _ANSWERED_LATE_NS:
            last_ns = now_ns + _AFTERMATH_NS
        settled_ns = last_ns + SETTLED_NS
        # A mark that is sent at once would be seen too early, and another one takes its time.
        wait_until(lambda: time.time_ns() >= settled_ns, timeout_s=(SETTLED_NS + _AFTERMATH_NS) / 1e9)
        left: tuple[Message, ...] = ()

        def is_quiet() -> bool:
            nonlocal left
            asked_ns = time.time_ns()
            mark = self._capture.mark("quiet?")
            self._quiet = _Quiet(mark, asked_ns)
            self._feed()
            members = self._cluster.members
            left = self._under_way.left(
                mark.time_ns, is_hopeless=self._is_hopeless, asked_anew_ns=members.resumed_ns
            )
            return not left and self._under_way.is_settled(mark.time_ns)

        if not wait_until(is_quiet, timeout_s=QUIET_TIMEOUT_S):
            shown = ", ".join(
                f"{message.verb_name} from {message.sender_node or message.sender} to "
                f"{message.receiver_node or message.receiver}"
                for message in left[:_SHOWN_MAX]
            )
            what = f"{len(left)} requests are not answered: {shown}" if left else "nodes go on talking"
            raise BackendError(f"work is not quiet after {QUIET_TIMEOUT_S:g} s; {what}")
        assert self._quiet is not None
        return self._quiet.mark

    def _is_hopeless(self, message: Message) -> bool:
        """Whether one of its ends was gone since; of those that only stand still, whether they do so now."""
        members = self._cluster.members
        ends = (message.sender.address, message.receiver.address)
        return any(members.is_cut_off(address, message.time_ns) for address in ends)

    def _feed(self) -> None:
        """Decode what has been added to the file."""
        try:
            if self._file is None:
                if self._is_ended:
                    return
                self._file = self._capture.path.open("rb", buffering=0)
            self._dissector.learn(self._context)
            while chunk := self._file.read(_CHUNK_BYTES):
                self._take(self._dissector.feed(chunk))
            self._read_held_up()
        except OSError as error:
            raise CaptureError(f"cannot read the capture {self._capture.path}: {error.strerror}") from error
        except DecodeError as error:
            raise CaptureError(f"{self._capture.path} is no capture that can be read: {error}") from error

    def _read_held_up(self) -> None:
        """Read what has been held up for a while by what there is: nodes do not pause within a message."""
        held_up_from, now_s = self._dissector.held_up_from, time.monotonic()
        if held_up_from != self._held_up_from:
            self._held_up_from, self._held_up_since_s = held_up_from, now_s
        elif held_up_from is not None and now_s - self._held_up_since_s >= _HELD_UP_S:
            self._take(self._dissector.settle())

    def _take(self, messages: list[Message]) -> None:
        self._messages += messages
        self._under_way.take(messages)
        for message in messages:
            if message.protocol is Protocol.CQL and message.from_client and message.msg_id is not None:
                client = message.connection.client
                self._requests[client.address, client.port, message.msg_id].append(message.number)

    def _so_far(self) -> Trace:
        messages, last_ns, end_ns = self._messages, self._dissector.last_time_ns, self._end_ns
        if end_ns is not None:
            messages = [message for message in messages if message.time_ns <= end_ns]
            last_ns = None if last_ns is None else min(last_ns, end_ns)
        return Trace(
            tuple(messages),
            self._dissector.missing,
            self._context.topology,
            self._dissector.schema,
            self._dissector.first_time_ns,
            last_ns,
        )

    def _number_of(self, request: SentRequest) -> int | None:
        """The message that a request is; None if the capture has lost it."""
        numbers = self._requests.get((request.address, request.port, request.stream_id), [])
        return numbers[request.earlier] if request.earlier < len(numbers) else None


def _counters_text(capture: CaptureFile) -> str:
    """What dumpcap says, as contexts keep it."""
    if capture.dropped_packets is None:
        return capture.loss
    return f"Packets received/dropped on interface 'bridge': {capture.packet_count}/{capture.dropped_packets}"


def _with_ring(named: Topology, ring: Topology) -> Topology:
    """All nodes by name, with the tokens that they had in a ring."""
    nodes = tuple(ring.node_named(node.name) or replace(node, tokens=()) for node in named.nodes)
    return Topology(nodes, ring.tablets)
