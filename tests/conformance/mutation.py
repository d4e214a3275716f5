"""Traces with one message changed: taken out, said twice, or said to another node.

What a dissector finds out by pairing is undone where the change breaks the pair: a reply whose request is gone, or
went elsewhere, has no verb; an acknowledgement acknowledges nothing; a second answer answers nothing.
"""

from collections.abc import Iterable, Iterator
from enum import Enum

from harness.codec.tcp.segment import Endpoint
from harness.events.message import Kind, Message
from harness.events.trace import Trace
from harness.topology import Node


class Mutation(Enum):
    """What is done to one message."""

    REMOVE = "remove"
    DUPLICATE = "duplicate"
    REDIRECT = "redirect"


def mutated(trace: Trace, message: Message, mutation: Mutation) -> Trace:
    """The trace with one message of it changed; messages are numbered anew."""
    changed: list[Message] = []
    for each in trace.messages:
        if message.number in {each.request, each.acknowledges} and mutation is not Mutation.DUPLICATE:
            changed.append(_unpaired(each))
        elif each.number != message.number:
            changed.append(each)
        elif mutation is Mutation.DUPLICATE:
            changed += [each, _unpaired(each)]
        elif mutation is Mutation.REDIRECT:
            changed.append(_unpaired(_redirected(trace, each)))
    return Trace(tuple(_numbered(changed)), trace.missing, trace.topology, trace.schema)


def with_one_more(trace: Trace, message: Message, before: Message) -> Trace:
    """The trace with a message that answers nothing and that nothing answers, just before another one."""
    more = message._replace(number=len(trace.messages), frame_last=before.frame_last, time_ns=before.time_ns)
    position = trace.messages.index(before)
    changed = [*trace.messages[:position], _unpaired(more), *trace.messages[position:]]
    return Trace(tuple(_numbered(changed)), trace.missing, trace.topology, trace.schema)


def _unpaired(message: Message) -> Message:
    """A message as it is dissected if nothing is known that it answers."""
    is_reply = message.kind in {Kind.REPLY, Kind.EXCEPTION}
    return message._replace(
        verb=None if is_reply else message.verb,
        request=None,
        request_frame=None,
        acknowledges=None,
        acknowledges_frame=None,
    )


def _redirected(trace: Trace, message: Message) -> Message:
    """The same message from the same sender, on a connection of its own to a node that it was not sent to."""
    other = _bystander(trace, message)
    connection = message.connection
    number = max(each.connection.number for each in trace.messages) + 1
    if message.from_client:
        server = Endpoint(other.address, connection.server.port)
        moved = connection._replace(number=number, server=server, server_node=other.name)
    else:
        client = Endpoint(other.address, connection.client.port)
        moved = connection._replace(number=number, client=client, client_node=other.name)
    return message._replace(connection=moved)


def _bystander(trace: Trace, message: Message) -> Node:
    involved = {message.sender_node, message.receiver_node}
    return next(node for node in trace.topology.nodes if node.name not in involved)


def _numbered(messages: Iterable[Message]) -> Iterator[Message]:
    listed = list(messages)
    # A copy has the number of its original; what answers both answers the first.
    numbers: dict[int, int] = {}
    for index, message in enumerate(listed):
        numbers.setdefault(message.number, index)
    for index, message in enumerate(listed):
        yield message._replace(
            number=index,
            request=None if message.request is None else numbers[message.request],
            acknowledges=None if message.acknowledges is None else numbers[message.acknowledges],
        )
