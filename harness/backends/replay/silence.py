"""When a node of a capture says nothing: what a killed, stopped or paused node looks like.

Every node gossips about once a second, so a node that says nothing for longer is gone, stands still, or is cut off.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from harness.events.message import Protocol
from harness.events.trace import Trace

SILENCE_NS = 1_400_000_000
"""From here on it is no pause between two rounds of gossip."""


class Silence(NamedTuple):
    """A time in which a node says nothing."""

    begin_ns: int
    end_ns: int
    """Time of the first message after it; of one that lasts to the end, the time of the last message of all."""
    lasts: bool
    """Whether it lasts to the end of the capture."""


def silences(trace: Trace, node: str, peers: Iterable[str] = ()) -> tuple[Silence, ...]:
    """Find when a node says nothing to its peers; none named: to anybody."""
    if not len(trace):
        return ()
    names = set(peers)
    first_ns, last_ns = trace[0].time_ns, trace[-1].time_ns
    times = [first_ns]
    times += [
        message.time_ns
        for message in trace
        if message.protocol is Protocol.RPC
        and message.sender_node == node
        and (not names or message.receiver_node in names)
    ]
    found = [Silence(begin, end, lasts=False) for begin, end in pairwise(times) if end - begin >= SILENCE_NS]
    if last_ns - times[-1] >= SILENCE_NS:
        found.append(Silence(times[-1], last_ns, lasts=True))
    return tuple(found)


def says_something(trace: Trace, node: str, from_ns: int) -> bool:
    """Whether a node says anything to another from a time on."""
    return any(
        message.protocol is Protocol.RPC and message.sender_node == node and message.time_ns >= from_ns
        for message in trace
    )
