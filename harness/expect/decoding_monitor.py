"""Always on: every verb is known, and every byte of every message could be decoded."""

from dataclasses import dataclass

from harness.codec.verbs.table import TABLE
from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Trace
from harness.expect.base_writes import node_name
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Verdict

_ANSWERS = frozenset({Kind.REPLY, Kind.EXCEPTION})
_WITH_VERB = frozenset({Kind.REQUEST, Kind.ONE_WAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The claim; made by ``everything_decoded``."""

    def __str__(self) -> str:
        return "every verb is known, and every message decoded to its last byte"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the messages of a trace, or of a scope."""
        inspection = Inspection(trace, scope)
        count = unasked = 0
        for message in trace.messages:
            if not scope.holds(message):
                continue
            count += 1
            if message.verb is None and message.kind in _ANSWERS:
                # What it answers was asked before the capture began, so nobody knows how to read it.
                unasked += 1
                continue
            text = _trouble(message)
            if text:
                sides = f"{node_name(message, is_sender=True)} → {node_name(message, is_sender=False)}"
                inspection.fail(Fault.UNDECODED, f"{sides}: packet {message.frame_last}: {text}", message)
        inspection.show(0, f"{count} messages", note=f"{unasked} of them answer what was asked before")
        return inspection.verdict(str(self))


def everything_decoded() -> Decoded:
    """Claim that no verb is unknown and no message undecoded."""
    return Decoded()


def _trouble(message: Message) -> str:
    if message.kind is Kind.UNDECODED:
        return message.reason or f"{message.payload_bytes} bytes are no frame"
    is_rpc = message.protocol is Protocol.RPC and message.kind in _WITH_VERB
    if is_rpc and message.verb is not None and message.verb not in TABLE.by_number:
        return f"verb {message.verb} is not known in line {message.connection.line.value}"
    if message.reason:
        return message.reason
    left = message.decoded.undecoded_bytes
    return (
        f"{left} of {message.payload_bytes} bytes of {message.verb_name} could not be decoded" if left else ""
    )
