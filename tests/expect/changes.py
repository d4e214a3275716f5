"""One message of a trace gone, doubled or redirected: a ready-made claim has to notice."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from harness.events.message import Message, Protocol
from harness.events.statement_scope import StatementScopes
from harness.events.trace import Trace
from harness.expect.ready_claim import ReadyClaim
from harness.expect.verdict import Outcome
from tests.expect.traces import doubled, redirected, without


class Change(NamedTuple):
    """A trace with one message changed."""

    what: str
    trace: Trace


def _redirected(trace: Trace, message: Message) -> Trace:
    """It goes to a node that is neither its sender nor its receiver."""
    other = next(
        node.name
        for node in trace.topology.nodes
        if node.name not in {message.sender_node, message.receiver_node}
    )
    return redirected(trace, message.number, other)


CHANGES: dict[str, Callable[[Trace, Message], Trace]] = {
    "gone": lambda trace, message: without(trace, [message.number]),
    "doubled": lambda trace, message: doubled(trace, message.number),
    "redirected": _redirected,
}


def changes(trace: Trace, *, but: Collection[str] = (), every: int = 1) -> Iterator[Change]:
    """Each message between nodes that belongs to a statement, changed in each way.

    Args:
        trace: as it was.
        but: verbs that are left alone.
        every: only every so manieth message, where there are many alike.
    """
    scopes = StatementScopes(trace)
    messages = [
        message
        for message in trace
        if message.protocol is Protocol.RPC
        and message.verb_name not in but
        and (owner := scopes.owner_of(message)) is not None
        and not owner.is_of_system
    ]
    first = {message.connection.number: message.number for message in reversed(trace.rpc)}
    for message in messages[::every]:
        for name, change in CHANGES.items():
            # Without the first request on a connection its answer may be to one from before the capture.
            if name == "gone" and first[message.connection.number] == message.number:
                continue
            what = f"{message.verb_name} {message.kind.value} in packet {message.frame_last} {name}"
            yield Change(what, change(trace, message))


def unnoticed(trace: Trace, *claims: ReadyClaim, but: Collection[str] = (), every: int = 1) -> list[str]:
    """Changes that none of some claims notices."""
    return [
        change.what
        for change in changes(trace, but=but, every=every)
        if all(claim.check(change.trace).outcome is Outcome.PASS for claim in claims)
    ]
