"""Patterns of what clients and nodes say to each other. What the arguments claim: see ``pattern``.

``query`` and its like mean a statement by its text, of which a part is enough, whatever the case; a compiled
regular expression is searched. Of prepared statements it is the text that was prepared, where the capture holds
that.
"""

import re
from collections.abc import Mapping, Sequence

from harness.codec.cql.consistency import Consistency
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.opcodes import Opcode
from harness.errors import ExpectationError
from harness.events.filter_values import did_you_mean
from harness.events.message import Kind, Protocol
from harness.expect.pattern import (
    FieldClaim,
    NodesLike,
    Pattern,
    Predicate,
    TableLike,
    checked,
    fields_of,
    key_of,
    nodes_of,
    table_of,
    where_of,
)
from harness.expect.verbs import VerbName

QUERY = VerbName("QUERY", (Opcode.QUERY,))
EXECUTE = VerbName("EXECUTE", (Opcode.EXECUTE,))
BATCH = VerbName("BATCH", (Opcode.BATCH,))
RESULT = VerbName("RESULT", (Opcode.RESULT,))
ERROR = VerbName("ERROR", (Opcode.ERROR,))
EVENT = VerbName("EVENT", (Opcode.EVENT,))
STATEMENTS = (QUERY, EXECUTE, BATCH)

Text = str | re.Pattern[str]


def query(
    text: Text | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    consistency: str | Consistency | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A statement that a client sends as text, in a QUERY.

    Args:
        text: what occurs in the statement.
        sender: the client.
        receiver: the coordinator.
        table: named by the statement.
        consistency: the level, such as ``QUORUM``.
        body: values of fields by dotted path.
        where: a filter, or a function of the message.
        fields: values of fields; ``a__b`` for ``a.b``.

    Raises:
        ExpectationError: there is no such field or consistency level.
        FilterError: the filter cannot be understood.
    """
    claims = fields_of(body, fields)
    return _statement((QUERY,), text, sender, receiver, table, None, consistency, claims, where)


def execute(
    text: Text | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    key: object | None = None,
    consistency: str | Consistency | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A prepared statement that a client has executed; its arguments are those of ``query``.

    Args:
        text: what occurs in the statement that was prepared.
        sender: the client.
        receiver: the coordinator.
        table: named by the statement.
        key: the values bound to the partition key.
        consistency: the level, such as ``QUORUM``.
        body: values of fields by dotted path.
        where: a filter, or a function of the message.
        fields: values of fields; ``a__b`` for ``a.b``.

    Raises:
        ExpectationError: there is no such field or consistency level.
        FilterError: the filter cannot be understood.
    """
    claims = fields_of(body, fields)
    return _statement((EXECUTE,), text, sender, receiver, table, key, consistency, claims, where)


def batch(
    text: Text | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    consistency: str | Consistency | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """Several statements sent together; its arguments are those of ``query``.

    Raises:
        ExpectationError: there is no such field or consistency level.
        FilterError: the filter cannot be understood.
    """
    claims = fields_of(body, fields)
    return _statement((BATCH,), text, sender, receiver, table, None, consistency, claims, where)


def statement(
    text: Text | None = None,
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    consistency: str | Consistency | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """A statement in any form: as text, prepared, or in a batch; its arguments are those of ``query``.

    Raises:
        ExpectationError: there is no such field or consistency level.
        FilterError: the filter cannot be understood.
    """
    claims = fields_of(body, fields)
    return _statement(STATEMENTS, text, sender, receiver, table, None, consistency, claims, where)


def result(
    *,
    applied: bool | None = None,
    rows: int | Sequence[object] | None = None,
    error: str | bool | None = None,
    statement: Text | None = None,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    table: TableLike | None = None,
    to: Pattern | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """The client's reply: a RESULT, or, if an error is claimed, an ERROR.

    Behind a statement in a list of steps, the reply to that statement (see ``expectation``).

    Args:
        applied: what the column ``[applied]`` of a lightweight transaction says.
        rows: how many, or which: each a tuple of values, or a dict of some of them by column.
        error: the name of its code, such as ``WRITE_TIMEOUT``; True: any.
        statement: what occurs in the text of the statement that is answered.
        sender: the coordinator.
        receiver: the client.
        table: named by the statement.
        to: the statement.
        body: values of fields by dotted path.
        where: a filter, or a function of the message.
        fields: values of fields; ``a__b`` for ``a.b``.

    Raises:
        ExpectationError: there is no such field or error.
        FilterError: the filter cannot be understood.
    """
    is_error = error is not None and error is not False
    if is_error and (applied is not None or rows is not None):
        raise ExpectationError("an ERROR has no rows, and does not say whether anything was applied")
    return checked(
        Pattern(
            word="ERROR" if is_error else "RESULT",
            protocol=Protocol.CQL,
            kinds=(Kind.EXCEPTION,) if is_error else (Kind.REPLY,),
            verbs=(ERROR,) if is_error else (RESULT,),
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            table=table_of(table),
            fields=fields_of(body, fields),
            statement=statement,
            is_applied=applied,
            rows=rows if rows is None or isinstance(rows, int) else tuple(rows),
            error=_error_name(error) if isinstance(error, str) else None,
            to=to,
            where=where_of(where),
        )
    )


def event(
    *,
    sender: NodesLike | None = None,
    receiver: NodesLike | None = None,
    body: Mapping[str, object] | None = None,
    where: Predicate | str | None = None,
    **fields: object,
) -> Pattern:
    """What a node tells a client without being asked, such as ``event(event_type="STATUS_CHANGE")``.

    Raises:
        ExpectationError: there is no such field.
        FilterError: the filter cannot be understood.
    """
    return checked(
        Pattern(
            word="EVENT",
            protocol=Protocol.CQL,
            kinds=(Kind.ONE_WAY,),
            verbs=(EVENT,),
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            fields=fields_of(body, fields),
            where=where_of(where),
        )
    )


def _statement(
    verbs: tuple[VerbName, ...],
    text: Text | None,
    sender: NodesLike | None,
    receiver: NodesLike | None,
    table: TableLike | None,
    key: object | None,
    consistency: str | Consistency | None,
    fields: tuple[FieldClaim, ...],
    where: Predicate | str | None,
) -> Pattern:
    if consistency is not None:
        level = consistency if isinstance(consistency, Consistency) else _level_named(consistency)
        fields = (*fields, FieldClaim("parameters.consistency", level))
    return checked(
        Pattern(
            word=verbs[0].name if len(verbs) == 1 else "statement",
            protocol=Protocol.CQL,
            kinds=(Kind.REQUEST,),
            verbs=verbs,
            sender=nodes_of(sender),
            receiver=nodes_of(receiver),
            table=table_of(table),
            key=key_of(key),
            statement=text,
            fields=fields,
            where=where_of(where),
        )
    )


def _level_named(name: str) -> Consistency:
    if name not in Consistency.__members__:
        raise ExpectationError(
            f"no consistency level is called {name!r}{did_you_mean(name, Consistency.__members__)}"
        )
    return Consistency[name]


def _error_name(name: str) -> str:
    if name not in ErrorCode.__members__:
        raise ExpectationError(f"no error is called {name!r}{did_you_mean(name, ErrorCode.__members__)}")
    return name
