"""Our trace and Wireshark's, message by message: where they differ, and who is right by the written protocol.

Both are laid over the bytes that the packets brought, direction by direction. Our messages must stand there one
after the other, headers and lengths as the protocol has them; each of Wireshark's is compared with ours at the
same byte. Where they part, the rule by which Wireshark tells messages apart is applied to the bytes; what follows
from the first misreading of a direction is put down to it, up to where both begin a message at the same byte.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from harness.codec.verbs.line import Line
from harness.context import Context
from harness.dissect.disagreement import Disagreement, Effect, Reason, Right, Root
from harness.dissect.frame_locator import is_segmented
from harness.dissect.lane import Finding, Lane
from harness.dissect.native import CQL_PORTS, RPC_PORTS
from harness.dissect.reading import Progress, dissector_of, messages_of
from harness.dissect.tshark import Tshark
from harness.dissect.wireshark import Sighted, Via, WiresharkDissector
from harness.events.message import Kind, Message, Protocol

PACKETS_MAX = 1 << 20
"""How many packets back a message of ours may end for Wireshark's packet to be still at hand."""


class Shape(NamedTuple):
    """What messages are counted by."""

    protocol: Protocol
    kind: Kind
    verb: str
    """Name of the verb or opcode; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What came out of one comparison."""

    capture: str
    tshark: str
    """Version of the build that was asked."""
    ours: Counter[Shape]
    """Our messages."""
    agreed: Counter[Shape]
    """Those of them that Wireshark shows alike: kind, verb, msg_id, length, bytes and packet."""
    wireshark_count: int
    """The messages that Wireshark shows."""
    counts: Counter[tuple[Reason, Effect]]
    """All disagreements."""
    roots: Counter[Reason]
    """Those that follow from no earlier one."""
    disagreements: tuple[Disagreement, ...]
    """In the order of the packets; the first ones of each reason, if a limit was given."""
    undecoded_count: int
    """Stretches of bytes that we could make no messages of; they are compared with nothing."""

    def share(self, protocol: Protocol | None = None) -> float:
        """The part of our messages that Wireshark shows alike, 0 to 1; 1 if there are none."""
        ours = _sum(self.ours, protocol)
        return _sum(self.agreed, protocol) / ours if ours else 1.0

    def count(self, protocol: Protocol | None = None) -> int:
        """How many messages we have."""
        return _sum(self.ours, protocol)

    @property
    def unexplained_count(self) -> int:
        """Disagreements for which no reason could be proved."""
        return sum(count for (reason, _), count in self.counts.items() if reason is Reason.UNEXPLAINED)

    @property
    def wrong_count(self) -> int:
        """Disagreements in which Wireshark is right."""
        return sum(count for (reason, _), count in self.counts.items() if reason.right is Right.WIRESHARK)


class Comparison:
    """Takes Wireshark's packets and our messages as they come, in the order of the capture.

    A packet goes in before the messages that end in it.

    Args:
        kept_max: how many disagreements of one reason and effect are kept; the others are only counted.
    """

    def __init__(self, *, kept_max: int | None = None) -> None:
        self.ours: Counter[Shape] = Counter()
        self.agreed: Counter[Shape] = Counter()
        self.wireshark_count = 0
        self.counts: Counter[tuple[Reason, Effect]] = Counter()
        self.roots: Counter[Reason] = Counter()
        self.disagreements: list[Disagreement] = []
        self.undecoded_count = 0
        self._kept_max = kept_max
        self._lanes: dict[tuple[int, bool], Lane] = {}
        self._lane_of_packet: OrderedDict[int, Lane] = OrderedDict()
        self._deferred: list[tuple[Lane, Disagreement]] = []

    def take_packet(self, sighted: Sighted) -> None:
        """Take the next packet, with what Wireshark shows in it."""
        key = sighted.connection.number, sighted.from_client
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(sighted)
        self._lane_of_packet[sighted.packet.frame] = lane
        if len(self._lane_of_packet) > PACKETS_MAX:
            self._lane_of_packet.popitem(last=False)
        self.wireshark_count += len(sighted.sightings)
        self._note(lane, lane.take_packet(sighted))

    def take_message(self, message: Message) -> None:
        """Take our next message."""
        if message.kind is Kind.UNDECODED:
            self.undecoded_count += 1
            return
        lane = self._lane_of_packet.get(message.frame_last)
        if lane is None:
            evidence = f"Wireshark shows no packet {message.frame_last} with a payload"
            self._keep(_unplaced(message, Reason.UNEXPLAINED, evidence))
        elif is_segmented(message):
            evidence = f"the frame of version {message.cql.version if message.cql else 0} stands in a segment"
            self._keep(_unplaced(message, Reason.CQL_SEGMENTS, evidence))
        else:
            self._note(lane, lane.take_message(message))

    def close(self) -> None:
        """Judge what is left at the end of the capture."""
        for lane in self._lanes.values():
            self._note(lane, lane.close())
        for lane, disagreement in self._deferred:
            self._keep(self._paired(lane, disagreement))
        self._deferred.clear()
        self.disagreements.sort(key=lambda disagreement: (disagreement.frame, disagreement.start))

    def _note(self, lane: Lane, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if isinstance(finding, Message):
                shape = _shape(finding)
                self.agreed[shape] += 1
                self.ours[shape] += 1
            elif finding.reason in {Reason.REQUEST_NOT_SEEN, Reason.FALSE_REQUEST}:
                # Whether the other direction misread the request is known for sure only at the end.
                self._deferred.append((lane, finding))
            else:
                self._keep(finding)

    def _paired(self, lane: Lane, disagreement: Disagreement) -> Disagreement:
        """Prove that a reply's pair is wrong because of what Wireshark made of the requests."""
        reply, shown = disagreement.ours, disagreement.wireshark
        assert reply is not None
        assert shown is not None
        assert reply.msg_id is not None
        requests = self._lanes.get((lane.key[0], not lane.key[1]))
        if disagreement.reason is Reason.REQUEST_NOT_SEEN:
            root = None if requests is None else requests.misread_requests.get(reply.msg_id)
        else:
            if requests is not None and requests.alike_requests.get(reply.msg_id) == shown.request_frame:
                what = f"we show the request with msg_id {reply.msg_id} in packet {shown.request_frame}, too"
                return disagreement._replace(reason=Reason.MISSED_BY_US, evidence=what)
            root = None if requests is None else requests.false_requests.get(reply.msg_id)
            root = root or lane.false_requests.get(reply.msg_id)
        if root is None:
            return disagreement._replace(reason=Reason.UNEXPLAINED)
        reason = disagreement.reason if root.reason.right is Right.OURS else root.reason
        evidence = f"{disagreement.evidence}; packet {root.frame}: {root.reason.value}"
        return disagreement._replace(reason=reason, root=root, evidence=evidence)

    def _keep(self, disagreement: Disagreement) -> None:
        key = disagreement.reason, disagreement.effect
        self.counts[key] += 1
        if disagreement.ours is not None:
            self.ours[_shape(disagreement.ours)] += 1
        if not disagreement.is_consequence:
            self.roots[disagreement.reason] += 1
        if self._kept_max is None or self.counts[key] <= self._kept_max:
            self.disagreements.append(disagreement)


def difference(
    ours: Iterable[Message],
    wireshark: Iterable[Sighted],
    *,
    capture: str = "",
    tshark: str = "",
    kept_max: int | None = None,
) -> Difference:
    """Compare our messages with what Wireshark shows; both may be streams.

    Args:
        ours: a trace, or messages in order of completion.
        wireshark: what ``WiresharkDissector.packets`` gives for the same capture.
        capture: name of the capture, for the report.
        tshark: version of the build, for the report.
        kept_max: how many disagreements of one reason and effect are kept; the others are only counted.
    """
    comparison = Comparison(kept_max=kept_max)
    messages = iter(ours)
    message = next(messages, None)
    for sighted in wireshark:
        comparison.take_packet(sighted)
        # Of packets out of order, the first byte of a message can come after its last.
        while message is not None and max(message.frame_first, message.frame_last) <= sighted.packet.frame:
            comparison.take_message(message)
            message = next(messages, None)
    for rest in chain(() if message is None else (message,), messages):
        comparison.take_message(rest)
    comparison.close()
    return Difference(
        capture=capture,
        tshark=tshark,
        ours=comparison.ours,
        agreed=comparison.agreed,
        wireshark_count=comparison.wireshark_count,
        counts=comparison.counts,
        roots=comparison.roots,
        disagreements=tuple(comparison.disagreements),
        undecoded_count=comparison.undecoded_count,
    )


def compare(
    path: str | Path,
    *,
    tshark: Tshark | None = None,
    via: Via = Via.FIELDS,
    context: Context | None = None,
    line: Line | None = None,
    rpc_ports: Iterable[int] = RPC_PORTS,
    cql_ports: Iterable[int] = CQL_PORTS,
    kept_max: int | None = None,
    progress: Progress | None = None,
) -> Difference:
    """Read a capture with both dissectors at once and compare them.

    Args:
        path: the capture, a file; Wireshark's dissector needs to read it, too.
        tshark: the build to ask.
        via: how to ask it.
        context: names of nodes and tables; by default what stands beside the capture.
        line: the version line to assume where a connection does not tell it.
        rpc_ports: TCP ports on which nodes listen for each other.
        cql_ports: TCP ports on which nodes listen for clients.
        kept_max: how many disagreements of one reason and effect are kept; the others are only counted.
        progress: told how many bytes of the file we have read, now and then.

    Raises:
        DissectorError: tshark is missing or failed.
        CaptureError: the capture cannot be read.
        ContextError: the context beside the capture cannot be read.
    """
    rpc_ports, cql_ports = tuple(rpc_ports), tuple(cql_ports)
    theirs = WiresharkDissector(tshark=tshark, via=via, rpc_ports=rpc_ports, cql_ports=cql_ports)
    version = theirs.tshark.version
    native = dissector_of(path, context=context, line=line, rpc_ports=rpc_ports, cql_ports=cql_ports)
    return difference(
        chain.from_iterable(messages_of(path, native, progress=progress)),
        theirs.packets(path),
        capture=str(path),
        tshark=version,
        kept_max=kept_max,
    )


def _shape(message: Message) -> Shape:
    return Shape(message.protocol, message.kind, message.verb_name)


def _sum(counts: Counter[Shape], protocol: Protocol | None) -> int:
    return sum(count for shape, count in counts.items() if protocol in {None, shape.protocol})


def _unplaced(message: Message, reason: Reason, evidence: str) -> Disagreement:
    """Make the disagreement about a message that could not be laid over the bytes."""
    sender, receiver = message.sender, message.receiver
    return Disagreement(
        reason,
        Effect.NOT_SHOWN,
        message.frame_first,
        None,
        0,
        0,
        f"{sender.address}:{sender.port} > {receiver.address}:{receiver.port}",
        message,
        None,
        (),
        evidence,
        Root(reason, message.frame_first, 0, evidence),
    )
