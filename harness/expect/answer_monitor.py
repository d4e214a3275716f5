"""Always on: every request is answered, every write acknowledged, once and by who was asked; or it is known why not.

What may rightly go unanswered: what is asked of a node that has fallen silent, what the capture's end or a loss may
hide, what was sent on a connection that ended, and what was asked from a node that itself stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.codec.cql.opcodes import Opcode
from harness.codec.verbs.writes import MutationDone, MutationFailed
from harness.events.message import Connection, Kind, Message, Protocol
from harness.events.trace import Trace
from harness.expect.base_writes import MUTATION_DONE, MUTATION_FAILED, node_name, write_of
from harness.expect.cql_patterns import result
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import Pattern
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Verdict

_ACKNOWLEDGEMENTS = frozenset({MUTATION_DONE, MUTATION_FAILED})
_ASKING = (Kind.REQUEST, Kind.ONE_WAY)
_CQL_ANSWERED = frozenset(
    {
        Opcode.STARTUP,
        Opcode.OPTIONS,
        Opcode.QUERY,
        Opcode.PREPARE,
        Opcode.EXECUTE,
        Opcode.REGISTER,
        Opcode.BATCH,
        Opcode.AUTH_RESPONSE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The claim; made by ``every_request_answered``."""

    def __str__(self) -> str:
        return "every request is answered and every write acknowledged, once"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the requests of a trace, or of a scope; what is explained is listed and no fault."""
        inspection = Inspection(trace, scope)
        endings = _Endings(trace)
        asked = answered = 0
        asked_before = _AskedBefore(trace)
        for message in trace.messages:
            if not scope.holds(message):
                continue
            _examine_answer(inspection, message, asked_before)
            answer = _awaited_answer(message)
            if not answer:
                continue
            asked += 1
            replies = trace.exchange_of(message).replies
            if replies:
                answered += 1
                _examine_replies(inspection, message, replies)
            else:
                _unanswered(inspection, message, answer, endings)
        inspection.show(0, f"{answered} of {asked} requests are answered", note="the others are listed")
        return inspection.verdict(str(self))


def every_request_answered() -> Answered:
    """Claim that requests are answered and writes acknowledged."""
    return Answered()


def _awaited_answer(message: Message) -> str:
    """Name of the verb that has to answer a message; empty: nothing has to."""
    if message.protocol is Protocol.CQL:
        is_asked = message.from_client and message.kind is Kind.REQUEST and message.verb in _CQL_ANSWERED
        return "RESULT" if is_asked else ""
    if message.kind is Kind.REQUEST:
        # What opens a stream is answered by the stream's own connection, as far as it is at all.
        return "" if message.connection.is_stream else message.verb_name
    if message.kind is Kind.ONE_WAY and write_of(message) is not None:
        return "MUTATION_DONE"
    return ""


def _examine_replies(inspection: Inspection, message: Message, replies: Sequence[Message]) -> None:
    """Find a request that is answered twice, or by somebody else."""
    what = f"{_sides(message)}: {message.verb_name} in packet {message.frame_last}"
    if len(replies) > 1:
        packets = " and ".join(str(reply.frame_last) for reply in replies)
        inspection.fail(
            Fault.DOUBLED, f"{what} is answered {len(replies)} times, in packets {packets}", *replies
        )
    waiting = message.sender.address
    write = write_of(message)
    if write is not None:
        waiting = write[0].reply_to
    for reply in replies:
        if (reply.sender.address, reply.receiver.address) != (message.receiver.address, waiting):
            text = f"{what} is answered by {_sides(reply)}, in packet {reply.frame_last}"
            inspection.fail(Fault.MISDIRECTED, text, message, reply)


def _examine_answer(inspection: Inspection, message: Message, asked_before: "_AskedBefore") -> None:
    """Find an answer to nothing that was asked."""
    if not asked_before.is_missed(message):
        return
    what = "MUTATION_DONE" if message.verb == MUTATION_DONE else "an answer"
    text = f"{_sides(message)}: packet {message.frame_last} is {what} to nothing that was sent"
    hiding = inspection.losses.hiding(
        Pattern(word="message", protocol=message.protocol, kinds=_ASKING, receiver=(message.sender_node,))
        if message.sender_node is not None
        else Pattern(word="message", protocol=message.protocol, kinds=_ASKING)
    )
    inspection.fail(Fault.UNEXPLAINED, text, message, why="; ".join(hiding))


class _AskedBefore:
    """Tells answers to what was asked before the capture began from answers to nothing.

    Requests are numbered upwards on their connection, and writes by their coordinator's shard: who answers a higher
    number than the first one seen answers something that the capture must hold. So does who answers once more what
    was answered, and who answers on a connection that the capture saw being opened.
    """

    def __init__(self, trace: Trace) -> None:
        self._numbers = {message.number for message in trace.messages}
        self._first_ids: dict[int, int] = {}
        self._first_writes: dict[tuple[str, int], int] = {}
        self._writes: set[tuple[str, str, int, int]] = set()
        for message in trace.messages:
            if message.protocol is not Protocol.RPC or message.kind not in _ASKING:
                continue
            write = write_of(message)
            if write is not None:
                body = write[0]
                key = (body.reply_to, body.shard)
                first = self._first_writes.get(key)
                if first is None or body.response_id < first:
                    self._first_writes[key] = body.response_id
                self._writes.add((message.receiver.address, *key, body.response_id))
            if message.msg_id is not None and message.from_client:
                self._first_ids.setdefault(message.connection.number, message.msg_id)

    def is_missed(self, message: Message) -> bool:
        """Whether a message is an answer whose request should be there, and is not."""
        number = message.acknowledges if message.request is None else message.request
        if number is not None:
            return number not in self._numbers
        if message.protocol is not Protocol.RPC:
            return False
        if message.kind in {Kind.REPLY, Kind.EXCEPTION}:
            first = self._first_ids.get(message.connection.number)
            is_later = first is not None and message.msg_id is not None and message.msg_id >= first
            return is_later or message.connection.syn_seen
        body = message.body if message.verb in _ACKNOWLEDGEMENTS else None
        if isinstance(body, MutationDone | MutationFailed):
            key = message.receiver.address, body.shard
            first = self._first_writes.get(key)
            is_later = first is not None and body.response_id > first
            return is_later or (message.sender.address, *key, body.response_id) in self._writes
        return False


def _sides(message: Message) -> str:
    return f"{node_name(message, is_sender=True)} → {node_name(message, is_sender=False)}"


def _unanswered(inspection: Inspection, message: Message, answer: str, endings: "_Endings") -> None:
    receiver = node_name(message, is_sender=False)
    owner = inspection.scopes.owner_of(message)
    text = f"{_sides(message)}: {message.verb_name} in packet {message.frame_last} was not answered"
    if message.protocol is Protocol.CQL:
        hiding = inspection.losses.hiding(result(sender=receiver))
        text = text if owner is None else f"{owner.name} was not answered"
    else:
        hiding = inspection.hiding(answer, message)
        text = text if owner is None else f"{owner.name}: {text}"
    if hiding:
        inspection.fail(Fault.NOT_ANSWERED, text, message, why="; ".join(hiding))
        return
    explanation = inspection.silence.explanation(message) or endings.explanation(inspection, message)
    if explanation:
        inspection.show(1, text, note=explanation)
        return
    rest_ns = inspection.trace.messages[-1].time_ns - message.time_ns
    if message.timeout_ms and rest_ns > message.timeout_ms * 1_000_000:
        text = f"{text}, and its timeout of {message.timeout_ms} ms passed"
    inspection.fail(Fault.NOT_ANSWERED, text, message)


class _Endings:
    """Connections that came to an end, as far as messages show that: nobody closes one in so many words."""

    def __init__(self, trace: Trace) -> None:
        self._last: dict[tuple[int, bool], Message] = {}
        self._opened: dict[tuple[str, str, str | None], list[Connection]] = {}
        for message in trace.messages:
            self._last[message.connection.number, message.from_client] = message
        for connection in trace.connections:
            self._opened.setdefault(_purpose(connection), []).append(connection)

    def explanation(self, inspection: Inspection, message: Message) -> str:
        """Why a message had no answer: its connection ended before; empty: it did not."""
        connection = message.connection
        answered = self._last.get((connection.number, not message.from_client))
        if answered is not None and answered.number > message.number:
            return ""
        sender = message.sender_node
        # Clients are silent whenever nobody asks them for something.
        if (
            sender is not None
            and inspection.silence.silent_ns(message.sender.address, message.time_ns) is not None
        ):
            return f"{sender} itself fell silent"
        topology = inspection.trace.topology
        for endpoint in (message.sender, message.receiver):
            node = topology.node_at(endpoint.address)
            if node is not None and not node.tokens and topology.ring:
                return f"{node.name} is no member of the ring: its connections are cut"
        last = self._last[connection.number, message.from_client]
        for other in self._opened.get(_purpose(connection), ()):
            if other.syn_seen and other.opened_frame > last.frame_last and other.number != connection.number:
                return f"its connection ended: another one was opened in packet {other.opened_frame}"
        return ""


def _purpose(connection: Connection) -> tuple[str, str, str | None]:
    """What a connection is for: one that ends is opened anew between the same nodes, with the same cookie."""
    return connection.client.address, connection.server.address, connection.cookie
