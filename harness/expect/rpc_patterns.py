"""Patterns of what nodes say to each other. What the arguments claim: see ``pattern``."""

from collections.abc import Mapping

from harness.codec.verbs.registry import Mode
from harness.errors import ExpectationError
from harness.events.message import Kind, Protocol
from harness.expect.pattern import (
    ACKNOWLEDGEMENTS,
    FieldClaim,
    NodesLike,
    Pattern,
    Predicate,
    TableLike,
    VerbsLike,
    checked,
    fields_of,
    key_of,
    nodes_of,
    table_of,
    verbs_of,
    where_of,
)


def request(
    verb: VerbsLike,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    key: object | None = None,
    timeout_ms: object | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A request that is answered by a reply.

    Args:
        verb: of several, any.
        sender: the node that asks.
        receiver: the node that is asked.
        table: named by the payload.
        key: its partition.
        timeout_ms: in the header.
        body: values of fields by dotted path.
        where: a filter, or a function of the message.
        fields: values of fields; ``a__b`` for ``a.b``.

    Raises:
        ExpectationError: the verb is sent one way, or has no such field.
        FilterError: the filter cannot be understood.
    """
    verbs = verbs_of(verb)
    for name in verbs:
        if name.mode is Mode.ONE_WAY:
            raise ExpectationError(f"{name} is sent one way; claim it as one_way({name})")
    return checked(
        Pattern(
            word="request",
            protocol=Protocol.RPC,
            kinds=(Kind.REQUEST,),
            verbs=verbs,
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            table=table_of(table),
            key=key_of(key),
            timeout_ms=timeout_ms,
            fields=fields_of(body, fields),
            where=where_of(where),
        )
    )


def one_way(
    verb: VerbsLike,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    key: object | None = None,
    timeout_ms: object | None = None,
    to: Pattern | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A message that nobody answers on its connection: a write, an acknowledgement, gossip.

    Args:
        verb: of several, any.
        sender: the node that sends it.
        receiver: the node that gets it.
        table: named by the payload; of an acknowledgement, by its write.
        key: its partition.
        timeout_ms: in the header.
        to: of MUTATION_DONE and MUTATION_FAILED: the write that is acknowledged.
        body: values of fields by dotted path.
        where: a filter, or a function of the message.
        fields: values of fields; ``a__b`` for ``a.b``.

    Raises:
        ExpectationError: the verb is answered by a reply, or has no such field.
        FilterError: the filter cannot be understood.
    """
    verbs = verbs_of(verb)
    for name in verbs:
        if name.mode not in {None, Mode.ONE_WAY}:
            raise ExpectationError(f"{name} is answered by a reply; claim it as request({name})")
    if to is not None and not all(name.name in ACKNOWLEDGEMENTS for name in verbs):
        raise ExpectationError("'to' is for MUTATION_DONE and MUTATION_FAILED; nothing else is an answer")
    return checked(
        Pattern(
            word="message",
            protocol=Protocol.RPC,
            kinds=(Kind.ONE_WAY,),
            verbs=verbs,
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            table=table_of(table),
            key=key_of(key),
            timeout_ms=timeout_ms,
            fields=fields_of(body, fields),
            to=to,
            where=where_of(where),
        )
    )


def reply(
    verb: VerbsLike | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    key: object | None = None,
    to: Pattern | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A reply; behind a request in a list of steps, the reply to that request (see ``expectation``).

    Args:
        verb: of the request; None: that of the request before it in the list of steps.
        sender: the node that was asked.
        receiver: the node that asked.
        table: named by the request.
        key: named by the request.
        to: the request.
        body: values of fields by dotted path.
        where: a filter, or a function of the message.
        fields: values of fields; ``a__b`` for ``a.b``.

    Raises:
        ExpectationError: the verb has no reply, or its reply no such field.
        FilterError: the filter cannot be understood.
    """
    return _answer(
        "reply", Kind.REPLY, verb, sender, receiver, table, key, to, fields_of(body, fields), where
    )


def exception(
    verb: VerbsLike | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    key: object | None = None,
    to: Pattern | None = None,
    where: Predicate | str | None = None,
) -> Pattern:
    """A reply that says what went wrong; its arguments are those of ``reply``.

    Raises:
        ExpectationError: the verb has no reply.
        FilterError: the filter cannot be understood.
    """
    return _answer("exception", Kind.EXCEPTION, verb, sender, receiver, table, key, to, (), where)


def negotiation(
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    where: Predicate | str | None = None,
) -> Pattern:
    """The features that one side of a new connection offers, or the other takes.

    Raises:
        FilterError: the filter cannot be understood.
    """
    return Pattern(
        word="negotiation",
        protocol=Protocol.RPC,
        kinds=(Kind.NEGOTIATION,),
        sender=nodes_of(sender),
        receiver=nodes_of(receiver),
        where=where_of(where),
    )


def stream_data(
    verb: VerbsLike | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A frame of a stream; its arguments are those of ``one_way``.

    Raises:
        ExpectationError: the verb opens no stream, or its frames have no such field.
        FilterError: the filter cannot be understood.
    """
    verbs = verbs_of(verb)
    for name in verbs:
        if name.mode is not Mode.STREAM:
            raise ExpectationError(f"{name} opens no stream")
    return checked(
        Pattern(
            word="stream data",
            protocol=Protocol.RPC,
            kinds=(Kind.STREAM_DATA,),
            verbs=verbs,
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            table=table_of(table),
            fields=fields_of(body, fields),
            where=where_of(where),
        )
    )


def _answer(
    word: str,
    kind: Kind,
    verb: VerbsLike | None,
    sender: NodesLike | None,
    receiver: NodesLike | None,
    table: TableLike | None,
    key: object | None,
    to: Pattern | None,
    fields: tuple[FieldClaim, ...],
    where: Predicate | str | None,
) -> Pattern:
    verbs = verbs_of(verb)
    if not verbs and to is not None:
        verbs = to.verbs
    for name in verbs:
        if name.mode is Mode.ONE_WAY:
            raise ExpectationError(f"{name} is sent one way; nothing replies to it")
    return checked(
        Pattern(
            word=word,
            protocol=Protocol.RPC,
            kinds=(kind,),
            verbs=verbs,
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            table=table_of(table),
            key=key_of(key),
            fields=fields,
            to=to,
            where=where_of(where),
        )
    )
