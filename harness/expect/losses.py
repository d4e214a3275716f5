"""What a capture may hide: messages in lost packets, and frames that could not be read."""

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from harness.events.message import Connection, Kind, Message, Protocol
from harness.events.trace import LostBytes
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern

_FROM_CLIENT_RPC = frozenset({Kind.REQUEST, Kind.ONE_WAY})
_FROM_SERVER_RPC = frozenset({Kind.REPLY, Kind.EXCEPTION})
_REASONS_MAX = 3


class Losses:
    """What is missing in the scope of an index.

    Losses outside of the scope's time and connections are left out where that can be told: bytes noticed as
    missing before the scope's first message, or before which the same side of the connection was last heard
    after the scope's end. Of packets that the capturing interface dropped, nobody knows where they belonged.
    """

    def __init__(self, index: MessageIndex) -> None:
        self._index = index
        missing = index.trace.missing
        self._anywhere = []
        if missing.dropped_packets:
            self._anywhere.append(f"the capture dropped {missing.dropped_packets} packets")
        if missing.cut_packets:
            self._anywhere.append(f"of {missing.cut_packets} packets the capture holds only the beginning")
        if missing.truncated and not self._ends_before_the_trace():
            self._anywhere.append(f"the capture ends too early: {missing.truncated}")
        self._lost = [lost for lost in missing.lost if self._is_in_scope(lost)]
        self._undecoded = [
            index.messages[position]
            for protocol in Protocol
            for position in index.of(protocol, (Kind.UNDECODED,), ())
        ]

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing at all."""
        return not (self._anywhere or self._lost or self._undecoded)

    def hiding(self, pattern: Pattern) -> tuple[str, ...]:
        """Why messages of a pattern may be hidden; empty: none can be."""
        if self.is_complete:
            return ()
        found = list(self._anywhere)
        found += [
            _lost_text(lost)
            for lost in self._lost
            if self._could_carry(lost.connection, lost.from_client, pattern)
        ]
        found += [
            f"packet {message.frame_last} could not be decoded: {message.reason or 'unknown why'}"
            for message in self._undecoded
            if self._could_carry(message.connection, message.from_client, pattern)
        ]
        if len(found) > _REASONS_MAX:
            found = [*found[: _REASONS_MAX - 1], f"and {len(found) - _REASONS_MAX + 1} more losses"]
        return tuple(found)

    def _could_carry(self, connection: Connection, from_client: bool, pattern: Pattern) -> bool:
        """Whether messages of a pattern may travel on a connection in a direction."""
        if connection.protocol is not pattern.protocol:
            return False
        allowed = pattern.kinds
        if connection.protocol is Protocol.RPC and not connection.is_stream:
            barred = _FROM_SERVER_RPC if from_client else _FROM_CLIENT_RPC
            allowed = tuple(kind for kind in allowed if kind not in barred)
        elif connection.protocol is Protocol.CQL:
            allowed = tuple(kind for kind in allowed if (kind is Kind.REQUEST) is from_client)
        if not allowed:
            return False
        sides = (
            (pattern.sender, from_client),
            (pattern.receiver, not from_client),
        )
        return all(
            not isinstance(nodes, tuple) or self._may_be(connection, is_client_side, nodes)
            for nodes, is_client_side in sides
        )

    def _may_be(self, connection: Connection, is_client_side: bool, nodes: tuple[str, ...]) -> bool:
        """Whether one side of a connection is one of the nodes, or could be."""
        node = connection.client_node if is_client_side else connection.server_node
        names = self._index.side_names(connection, is_client_side=is_client_side)
        return node is None or not set(nodes).isdisjoint(names)

    def _ends_before_the_trace(self) -> bool:
        """Whether messages behind the scope's end are in the trace, so that nothing of it is cut off."""
        end_ns = self._index.scope.end_ns
        messages = self._index.trace.messages
        return end_ns is not None and any(message.time_ns > end_ns for message in messages)

    def _is_in_scope(self, lost: LostBytes) -> bool:
        scope = self._index.scope
        if scope.connections is not None and lost.connection.number not in scope.connections:
            return False
        if scope.begin_ns is not None and lost.frame <= self._last_frame_before(scope.begin_ns):
            return False
        if scope.end_ns is None:
            return True
        heard = [message.time_ns for message in self._messages_of(lost) if message.frame_last < lost.frame]
        return not heard or max(heard) <= scope.end_ns

    def _last_frame_before(self, begin_ns: int) -> int:
        """The last packet that is known to come before a time."""
        times, frames = self._frames_by_time
        position = bisect_left(times, begin_ns)
        return frames[position - 1] if position else 0

    @cached_property
    def _frames_by_time(self) -> tuple[list[int], list[int]]:
        """Times of messages, ascending, and the highest packet number up to each."""
        pairs = sorted((message.time_ns, message.frame_last) for message in self._index.trace.messages)
        frames: list[int] = []
        for _, frame in pairs:
            frames.append(max(frame, frames[-1]) if frames else frame)
        return [time_ns for time_ns, _ in pairs], frames

    def _messages_of(self, lost: LostBytes) -> Iterator[Message]:
        for message in self._index.trace.messages:
            if (
                message.connection.number == lost.connection.number
                and message.from_client == lost.from_client
            ):
                yield message


def _lost_text(lost: LostBytes) -> str:
    connection = lost.connection
    client = connection.client_node or connection.client.address
    server = connection.server_node or connection.server.address
    sides = f"{client} to {server}" if lost.from_client else f"{server} to {client}"
    size = "bytes" if lost.lost_bytes is None else f"{lost.lost_bytes} B"
    return f"{size} from {sides} are not in the capture, before packet {lost.frame}"
