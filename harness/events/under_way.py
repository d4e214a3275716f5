"""Work under way: what has been asked and may still be answered, and where a trace can be cut without dividing any.

Source:
    Scylla, service/storage_proxy.cc (acknowledgements are awaited as long as the write's timeout, which its header
    says), message/messaging_service.cc; flows measured in captures of 4.2 and 2025.1: what is done behind a client's
    back follows within some milliseconds.
"""

from collections.abc import Callable, Iterable

from harness.events.folding import NoiseFilter
from harness.events.gossip_rounds import GossipRounds, Round, cut
from harness.events.message import Kind, Message, Protocol
from harness.events.trace import Trace

SETTLED_NS = 40_000_000
"""After such a pause, nothing more follows by itself from what has happened: what is missing then is not just late."""
UNTOLD_LIMIT_NS = 10_000_000_000
"""How long an answer is waited for where the request does not say."""
_MARGIN_NS = 200_000_000
"""An answer that comes with the timeout is still on its way then."""
_LATE_ANSWER_NS = 1_500_000_000
"""How long a node that stood still may take to see what waited for it."""
_CLIENT_LIMIT_NS = 30_000_000_000
_ACKNOWLEDGED = frozenset({"MUTATION", "HINT_MUTATION", "PAXOS_LEARN"})
_CUT_MOVED_NS_MAX = 500_000_000
_PING = 63


class UnderWay:
    """Follows the messages of a run as they come."""

    def __init__(self) -> None:
        self._waiting: dict[int, Message] = {}
        self._noise = NoiseFilter()
        self._rounds = GossipRounds()
        self.last_ns = 0
        """When the last message came that is no gossip."""

    def take(self, messages: Iterable[Message]) -> None:
        """Take the next messages."""
        taken = list(messages)
        self._rounds.take(taken)
        for message in taken:
            answered = message.acknowledges if message.request is None else message.request
            if answered is not None:
                self._waiting.pop(answered, None)
            elif _is_awaited(message):
                self._waiting[message.number] = message
            if self._noise.noise(message) is None:
                self.last_ns = max(self.last_ns, message.time_ns)

    def left(
        self,
        now_ns: int,
        *,
        is_hopeless: Callable[[Message], bool] = lambda _: False,
        asked_anew_ns: Callable[[str], int] = lambda _: 0,
    ) -> tuple[Message, ...]:
        """What may still be answered.

        Args:
            now_ns: the time, since 1970.
            is_hopeless: whether nobody will answer a request now, as its receiver was killed, or stands still.
            asked_anew_ns: of an address: when that node, after it stood still, got to see what it had been asked.
        """
        return tuple(
            message
            for message in self._waiting.values()
            if now_ns <= _limit_ns(message, asked_anew_ns(message.receiver.address))
            and not is_hopeless(message)
        )

    def is_settled(self, now_ns: int) -> bool:
        """Whether nothing has come for a while but gossip, of which no round goes on."""
        return now_ns - self.last_ns >= SETTLED_NS and not self._rounds.under_way(now_ns)


def clean_cut(trace: Trace, time_ns: int, *, forward: bool) -> int:
    """A time near another one at which no round of gossip and no ping is under way.

    Args:
        trace: all messages.
        time_ns: the time, since 1970.
        forward: whether to look behind that time, else before it.
    """
    gossip = GossipRounds()
    gossip.take(trace)
    pings = [
        Round(asked.time_ns, message.time_ns)
        for message in trace
        if message.verb == _PING and (asked := trace.request_of(message)) is not None
    ]
    cut_ns = cut([*gossip.rounds, *pings], time_ns, forward=forward)
    # Where so many talk that any cut divides something, it is as good here as anywhere.
    return cut_ns if abs(cut_ns - time_ns) <= _CUT_MOVED_NS_MAX else time_ns


def end_with_answers(trace: Trace, begin_ns: int, end_ns: int) -> int:
    """The time by which everything is answered that was asked in a span of time."""
    latest_ns = end_ns
    for message in trace:
        answered = message.acknowledges if message.request is None else message.request
        if answered is None or message.time_ns <= end_ns:
            continue
        asked = trace.request_of(message)
        if asked is not None and begin_ns <= asked.time_ns <= end_ns:
            latest_ns = max(latest_ns, message.time_ns)
    return latest_ns


def _is_awaited(message: Message) -> bool:
    """Whether somebody waits for an answer to it."""
    if message.protocol is Protocol.CQL:
        return message.from_client and message.kind is Kind.REQUEST
    if message.kind is Kind.REQUEST:
        # What opens a stream is answered by the stream's own connection, as far as it is at all.
        return not message.connection.is_stream
    return message.kind is Kind.ONE_WAY and message.verb_name in _ACKNOWLEDGED


def _limit_ns(message: Message, asked_anew_ns: int) -> int:
    """Until when an answer is worth waiting for."""
    if message.protocol is Protocol.CQL:
        return message.time_ns + _CLIENT_LIMIT_NS
    limit_ns = UNTOLD_LIMIT_NS
    if message.timeout_ms:
        limit_ns = min(limit_ns, message.timeout_ms * 1_000_000 + _MARGIN_NS)
    until_ns = message.time_ns + limit_ns
    if asked_anew_ns > message.time_ns:
        # It answers what waited in its sockets, in time or not.
        until_ns = max(until_ns, asked_anew_ns + _LATE_ANSWER_NS)
    return until_ns
