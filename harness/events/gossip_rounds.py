"""Rounds of gossip: a SYN, the ACK that answers it, and the ACK2 that answers that.

The three are one-way messages between the same two nodes, and none names the one before it; on each pair of
nodes they come in their order.

Source:
    Scylla, gms/gossiper.cc (do_gossip_to_live_member, handle_syn_msg, handle_ack_msg; the ACK of a shadow round is
    not answered).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from harness.codec.verbs.gossip import GossipDigestSyn
from harness.events.message import Message, Protocol

ROUND_NS_MAX = 1_000_000_000
"""Of a round in which nothing was said for so long, nothing more comes."""
_PAUSE_NS = 200_000_000
"""Hardly ever is the next message of a round so late."""
_SYN, _ACK, _ACK2 = 6, 7, 8
_RECENT_MAX = 256


@dataclass(slots=True)
class Round:
    """One round, as far as it has come."""

    begin_ns: int
    last_ns: int
    """Time of its last message so far."""
    is_over: bool = False
    is_shadow: bool = False
    """Of a node that does not know anybody yet: its SYN names nobody, and the ACK is the end."""


class GossipRounds:
    """Follows the rounds of a trace."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        """All of them, in order of their SYNs."""
        self._asked: dict[tuple[str, str], deque[Round]] = {}
        self._answered: dict[tuple[str, str], deque[Round]] = {}

    def take(self, messages: Iterable[Message]) -> None:
        """Take the next messages."""
        for message in messages:
            if message.protocol is not Protocol.RPC:
                continue
            sender, receiver = message.sender.address, message.receiver.address
            if message.verb == _SYN:
                body = message.body
                is_shadow = isinstance(body, GossipDigestSyn) and not body.syn.digests
                begun = Round(message.time_ns, message.time_ns, is_shadow=is_shadow)
                self.rounds.append(begun)
                self._asked.setdefault((sender, receiver), deque()).append(begun)
            elif message.verb == _ACK:
                answered = _next(self._asked.get((receiver, sender)), message.time_ns)
                if answered is not None:
                    answered.last_ns = message.time_ns
                    answered.is_over = answered.is_shadow
                    if not answered.is_shadow:
                        self._answered.setdefault((receiver, sender), deque()).append(answered)
            elif message.verb == _ACK2:
                over = _next(self._answered.get((sender, receiver)), message.time_ns)
                if over is not None:
                    over.last_ns = message.time_ns
                    over.is_over = True

    def under_way(self, now_ns: int) -> int:
        """How many rounds go on; of one that began with a node that is gone, nobody can tell."""
        return sum(
            not item.is_over and now_ns - item.last_ns < _PAUSE_NS for item in self.rounds[-_RECENT_MAX:]
        )


def cut(rounds: Iterable[Round], time_ns: int, *, forward: bool) -> int:
    """The time nearest to another one, behind or before it, at which no round is divided.

    Args:
        rounds: all of them.
        time_ns: what happens at that time itself belongs behind the cut that is looked for before it, and before
            the one that is looked for behind it.
        forward: whether to look behind it, else before it.
    """
    spans = sorted((item.begin_ns, item.last_ns) for item in rounds if item.last_ns > item.begin_ns)
    if forward:
        for begin_ns, last_ns in spans:
            if begin_ns <= time_ns < last_ns:
                time_ns = last_ns
        return time_ns
    for begin_ns, last_ns in sorted(spans, key=lambda span: -span[1]):
        if begin_ns < time_ns <= last_ns:
            time_ns = begin_ns
    return time_ns


def _next(waiting: deque[Round] | None, now_ns: int) -> Round | None:
    """The oldest round that waits, but for those that have been given up.

    What is asked of a node that is about to start, or gone, is never answered: of several that wait, those that have
    waited for long are such.
    """
    while waiting:
        oldest = waiting.popleft()
        age_ns = now_ns - oldest.last_ns
        if age_ns < _PAUSE_NS or (not waiting and age_ns < ROUND_NS_MAX):
            return oldest
    return None
