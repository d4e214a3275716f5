"""Messages that go on all the time, whatever happens: told apart from the others, and counted in one line."""

from enum import Enum

from harness.codec.cql.opcodes import Opcode
from harness.codec.verbs.raft import AppendEntriesRequest, AppendEntriesRequestV50
from harness.events.cql_filter_fields import statement_tables
from harness.events.message import Kind, Message, Protocol


class Noise(Enum):
    """Kinds of messages that are folded, with the words for one and for several."""

    GOSSIP = ("gossip message", "gossip messages")
    PING = ("ping", "pings")
    RAFT = ("raft heartbeat", "raft heartbeats")
    DRIVER = ("message of the driver's own", "messages of the driver's own")
    CONNECTION = ("message that opens connections", "messages that open connections")


_GOSSIP = {6: "SYN", 7: "ACK", 8: "ACK2", 9: "ECHO"}
_PING = 63
_APPEND_ENTRIES = 47
_APPEND_ENTRIES_REPLY = 48
_READ_QUORUM = frozenset({52, 53})
_CLIENT_ID = 0
_DRIVER_OPCODES = frozenset(
    {
        Opcode.STARTUP,
        Opcode.READY,
        Opcode.AUTHENTICATE,
        Opcode.CREDENTIALS,
        Opcode.OPTIONS,
        Opcode.SUPPORTED,
        Opcode.REGISTER,
        Opcode.AUTH_CHALLENGE,
        Opcode.AUTH_RESPONSE,
        Opcode.AUTH_SUCCESS,
    }
)
_STATEMENT_OPCODES = frozenset({Opcode.QUERY, Opcode.EXECUTE, Opcode.PREPARE})
_FAILED = frozenset({Kind.EXCEPTION, Kind.UNDECODED})
_ASKED_MAX = 4096


class NoiseFilter:
    """Tells noise from news; what is an answer to noise is noise, unless it is an error."""

    def __init__(self) -> None:
        self._driver_requests: dict[int, None] = {}
        self._appended: dict[tuple[object, object], bool] = {}
        """Of leader and follower: whether the last entries sent were any."""

    def noise(self, message: Message) -> tuple[Noise, str] | None:
        """What kind of noise a message is, and its short name within the kind; None: it is none."""
        if message.kind in _FAILED and message.protocol is Protocol.RPC:
            return None
        if message.protocol is Protocol.CQL:
            return (Noise.DRIVER, "") if self._is_driver(message) else None
        if message.kind is Kind.NEGOTIATION or message.verb == _CLIENT_ID:
            return Noise.CONNECTION, ""
        verb = message.verb
        if verb is None:
            return None
        gossip = _GOSSIP.get(verb)
        if gossip is not None:
            return Noise.GOSSIP, gossip
        if verb == _PING:
            return Noise.PING, ""
        if verb in _READ_QUORUM or self._is_heartbeat(message, verb):
            return Noise.RAFT, ""
        return None

    def _is_heartbeat(self, message: Message, verb: int) -> bool:
        if verb == _APPEND_ENTRIES:
            body = message.body
            if not isinstance(body, AppendEntriesRequest | AppendEntriesRequestV50):
                return False
            has_entries = bool(body.append.entries)
            self._appended[message.sender.address, message.receiver.address] = has_entries
            return not has_entries
        if verb == _APPEND_ENTRIES_REPLY:
            return not self._appended.get((message.receiver.address, message.sender.address), True)
        return False

    def _is_driver(self, message: Message) -> bool:
        """Whether a message is of the driver's own: handshakes, and what it asks of system tables."""
        if not message.from_client:
            is_asked = message.request in self._driver_requests
            if message.request is not None:
                self._driver_requests.pop(message.request, None)
            return is_asked
        is_noise = message.verb in _DRIVER_OPCODES or (
            message.verb in _STATEMENT_OPCODES and _is_of_system(statement_tables(message))
        )
        if is_noise:
            self._driver_requests[message.number] = None
            if len(self._driver_requests) > _ASKED_MAX:
                del self._driver_requests[next(iter(self._driver_requests))]
        return is_noise


def _is_of_system(tables: tuple[str, ...]) -> bool:
    return bool(tables) and all(table.startswith(("system.", "system_schema.")) for table in tables)


class Fold:
    """Counts noise until it is told in one line."""

    def __init__(self) -> None:
        self._counts: dict[Noise, dict[str, int]] = {}
        self.first: Message | None = None
        """The first message of the run."""

    def add(self, message: Message, noise: Noise, name: str) -> None:
        """Count a message."""
        if self.first is None:
            self.first = message
        counts = self._counts.setdefault(noise, {})
        counts[name] = counts.get(name, 0) + 1

    def text(self) -> str:
        """``… 12 gossip messages folded (SYN 4, ACK 4, ACK2 4)``."""
        parts: list[str] = []
        for noise in Noise:
            counts = self._counts.get(noise)
            if counts is None:
                continue
            count = sum(counts.values())
            folded = "" if parts else " folded"
            names = ", ".join(f"{name} {number}" for name, number in counts.items() if name)
            parts.append(f"{count} {noise.value[count > 1]}{folded}{f' ({names})' if names else ''}")
        return f"… {', '.join(parts)}"
