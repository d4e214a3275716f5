"""A message in one line: when, in which packet, who to whom, and what it says.

    0.361491  274     1 => n1   CQL QUERY QUORUM INSERT INTO demo3.buildings (name, city) VALUES ('Burj Khalifa', 'Dubai')
    0.363437  275    n1 -> n5   MUTATION demo3.buildings('Burj Khalifa') city='Dubai' #87503
    0.365083  281    n5 -> n1   MUTATION_DONE #87503  (ack of packet 275)
    0.367827  302    n1 <= 1    CQL RESULT  void  (packet 274, 6.3 ms)

Columns: seconds since the capture's first packet; the packet in which the message ends; sender and receiver,
nodes by name, clients by a number. What was sent in a packet before is named by that packet. All that comes
from the wire stands on one line, control characters as escapes.
"""

from typing import NamedTuple

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.rpc.exception_data import ExceptionType, decode_exception
from harness.codec.rpc.negotiation import decode_negotiation
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE
from harness.errors import DecodeError
from harness.events.message import Kind, Message, Protocol
from harness.events.recollection import Recollection
from harness.events.surroundings import Surroundings
from harness.events.wording.cql import cql_text, statement_of
from harness.events.wording.declared import fields_text
from harness.events.wording.words import Words, byte_count, listed, printable, sayer_of, sentence


class TextLine(NamedTuple):
    """The parts of one line."""

    seconds: float
    frame: int
    sender: str
    arrow: str
    receiver: str
    text: str
    reference: str
    """What the message answers, in parentheses; empty: nothing that is known."""

    @property
    def tail(self) -> str:
        """The reference, set off from the text."""
        return f"  {self.reference}" if self.reference else ""


class Columns:
    """Lays lines out; columns widen when something wider comes, and stay so."""

    def __init__(self) -> None:
        self._time = 8
        self._frame = 3
        self._sender = 4
        self._receiver = 4

    def head(self, line: TextLine) -> str:
        """Everything but the contents, with a blank behind."""
        time, frame = f"{line.seconds:.6f}", str(line.frame)
        self._time = max(self._time, len(time))
        self._frame = max(self._frame, len(frame))
        self._sender = max(self._sender, len(line.sender))
        self._receiver = max(self._receiver, len(line.receiver))
        return (
            f"{time:>{self._time}}  {frame:>{self._frame}}  "
            f"{line.sender:>{self._sender}} {line.arrow} {line.receiver:<{self._receiver}} "
        )


class TraceText:
    """Writes the messages of a capture, one after the other; each is told to ``see`` first, then asked for.

    Args:
        surroundings: names of tables and nodes; what becomes known later is used from then on.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._recollection = Recollection()
        self._clients: dict[str, int] = {}
        self._columns = Columns()

    def see(self, message: Message) -> None:
        """Take note of a message that is not shown, so that what answers it can be worded."""
        self._recollection.see(message)

    def line(self, message: Message) -> str:
        """Word a message that was seen, in one line with all columns."""
        parts = self.parts(message)
        return self._columns.head(parts) + parts.text + parts.tail

    def parts(self, message: Message) -> TextLine:
        """Word a message that was seen."""
        request = self._recollection.answered_by(message)
        if message.protocol is Protocol.CQL:
            arrow = "=>" if message.from_client else "<="
            text = self._cql(message)
        else:
            arrow = "->"
            text = self._rpc(message, request)
        return TextLine(
            self._surroundings.seconds(message.time_ns),
            message.frame_last,
            self._end(message.sender, message.sender_node, message),
            arrow,
            self._end(message.receiver, message.receiver_node, message),
            text,
            _reference(message, request),
        )

    def head(self, line: TextLine) -> str:
        """The columns before the contents of a line."""
        return self._columns.head(line)

    def statement(self, message: Message) -> str | None:
        """The statement that a message of CQL carries, with its bound values; None if it carries none."""
        return statement_of(message, self._recollection.statement)

    def client_number(self, address: str) -> int:
        """The number by which a client's address is shown."""
        return self._clients.setdefault(address, len(self._clients) + 1)

    def _end(self, endpoint: Endpoint, node: str | None, message: Message) -> str:
        if message.protocol is Protocol.CQL and endpoint is message.connection.client:
            # Whoever asks is a client here, even if it runs where a node runs.
            return str(self.client_number(endpoint.address))
        return endpoint.address if node is None else node

    # CQL

    def _cql(self, message: Message) -> str:
        if message.kind is Kind.UNDECODED:
            return _undecoded("CQL ", message)
        name = f"CQL {message.verb_name}"
        body = message.body
        if not isinstance(body, CqlMessage):
            return f"{name} cannot be decoded, {byte_count(len(message.payload))}"
        text = cql_text(message, body, Words(self._surroundings), self._recollection.statement)
        gap = " " if message.from_client else "  "
        return f"{name}{gap}{text}".rstrip()

    # RPC

    def _rpc(self, message: Message, request: Message | None) -> str:
        name = message.verb_name
        match message.kind:
            case Kind.UNDECODED:
                return _undecoded("", message)
            case Kind.NEGOTIATION:
                return _negotiation(message)
            case Kind.EXCEPTION:
                return f"exception to {name or 'a request not captured'}: {_exception(message.payload)}"
            case Kind.STREAM_END:
                return f"{name or 'stream'} end of stream"
            case Kind.STREAM_DATA:
                return f"{name or 'stream'} data: {self._body(message, None)}"
            case Kind.REPLY:
                if not name:
                    return f"reply to a request not captured: {byte_count(len(message.payload))}"
                text = self._body(message, request)
                return f"reply to {name}: {text}" if text else f"reply to {name}"
            case _:
                return f"{name} {self._body(message, None)}".rstrip()

    def _body(self, message: Message, request: Message | None) -> str:
        decoded = message.decoded
        body = decoded.body
        if body is None:
            return _why_unknown(message)
        self._recollection.learn(body)
        words = Words(
            self._surroundings, None if request is None else request.body, self._recollection.table_of_version
        )
        sayer = sayer_of(type(body))
        text = fields_text(body) if sayer is None else sayer(body, words)
        left = decoded.undecoded_bytes
        return printable(sentence(text, f"{byte_count(left)} of unknown fields" if left else ""))


def _reference(message: Message, request: Message | None) -> str:
    if message.acknowledges_frame is not None:
        return f"(ack of packet {message.acknowledges_frame})"
    if message.request_frame is None:
        return ""
    if request is None:
        return f"(packet {message.request_frame})"
    return f"(packet {message.request_frame}, {duration_text(message.time_ns - request.time_ns)})"


def duration_text(duration_ns: int) -> str:
    """``0.42 ms``, ``17.3 ms``, ``2.50 s``."""
    duration_ms = duration_ns / 1e6
    if duration_ms < 10:
        return f"{duration_ms:.2f} ms"
    return f"{duration_ms:.1f} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.2f} s"


def _undecoded(prefix: str, message: Message) -> str:
    return f"{prefix}UNDECODED {byte_count(len(message.payload))}: {message.reason or 'unknown why'}"


def _why_unknown(message: Message) -> str:
    size = byte_count(len(message.payload))
    if message.verb is None:
        return size
    role = Role.REPLY if message.kind is Kind.REPLY else Role.REQUEST
    if message.kind is Kind.STREAM_DATA:
        role = Role.SINK if message.from_client else Role.SOURCE
    try:
        TABLE.decode(message.verb, message.connection.line, role, message.payload)
    except DecodeError as error:
        return f"cannot be decoded, {size}: {error}"
    return f"{size} of a form that is not declared"


def _exception(payload: bytes) -> str:
    try:
        exception = decode_exception(payload)
    except DecodeError as error:
        return f"cannot be decoded, {byte_count(len(payload))}: {error}"
    if exception.text is not None:
        return printable(exception.text)
    if exception.exception_type == ExceptionType.UNKNOWN_VERB:
        return f"verb {exception.verb} is unknown to the node"
    return f"type {exception.exception_type}, {byte_count(len(exception.data))}"


def _negotiation(message: Message) -> str:
    try:
        negotiation = decode_negotiation(message.payload)
    except DecodeError as error:
        return f"NEGOTIATION cannot be decoded: {error}"
    parent = negotiation.stream_parent
    return f"NEGOTIATION {'offers' if message.from_client else 'takes'} " + printable(
        sentence(
            f"compression {listed(negotiation.compressions)}" if negotiation.compressions else "",
            "timeouts" if negotiation.has_timeout else "",
            "durations" if negotiation.has_duration else "",
            f"for {negotiation.cookie}" if negotiation.cookie else "",
            "" if parent is None else f"stream of connection {parent:x}",
        )
    )
