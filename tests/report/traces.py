"""Traces for the tests of reports: statements with their writes, as short or as long as wanted."""

from collections.abc import Iterator
from dataclasses import replace

from harness.codec.cql.errors import Error
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.cql.results import Column, Rows, Void, metadata_of
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import Column as CellColumn
from harness.codec.verbs.mutation import LiveCell
from harness.codec.verbs.registry import Role, encode_payload
from harness.codec.verbs.table import TABLE as VERBS
from harness.codec.verbs.writes import MutationRequest
from harness.events.message import Kind, Message
from harness.events.trace import Missing, Trace
from harness.report.flow import Flow, flow_of
from harness.schema import Column as SchemaColumn
from harness.schema import Schema, Table
from tests.events.messages import (
    MUTATION_DONE,
    MUTATION_REQUEST,
    SURROUNDINGS,
    TABLE,
    connection,
    cql,
    message,
)

INSERT = "INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
GOSSIP_ECHO = 9
MUTATION = 1
MUTATION_DONE_VERB = 2
QUORUM = 4

_RESPONSE_ID = (1_600_000_000_000).to_bytes(8, "little")

VIEW = Table(
    keyspace="ks",
    name="t_by_a",
    id=TABLE.id,
    partition_key=(SchemaColumn(name="a", type="text"),),
    clustering_key=(SchemaColumn(name="id", type="int"),),
    regular_columns=(SchemaColumn(name="b", type="text"),),
    base="t",
)


def trace_of(messages: list[Message], *, missing: Missing | None = None) -> Trace:
    """A trace in the usual surroundings."""
    return Trace(tuple(messages), missing or Missing(), SURROUNDINGS.topology, SURROUNDINGS.schema)


def flow_of_messages(messages: list[Message], *, missing: Missing | None = None) -> Flow:
    return flow_of(trace_of(messages, missing=missing))


def view_flow(messages: list[Message]) -> Flow:
    """The same messages where the table of the mutations is a view."""
    return flow_of(replace(trace_of(messages), schema=Schema((VIEW,))))


def statement(
    first: int = 0,
    *,
    at_s: float = 1.0,
    text: str = INSERT,
    payload: bytes = MUTATION_REQUEST,
    reply: CqlMessage | None = None,
) -> list[Message]:
    """A write at QUORUM by n1 to n2 and n3: the client has its answer before n3's acknowledgement.

    Numbers are ``first`` (QUERY), + 1 and + 2 (MUTATION to n2, n3), + 3 (n2 done), + 4 (RESULT), + 5 (n3 done).
    """
    written_as = (1_600_000_000_000 + first).to_bytes(8, "little")
    payload = payload.replace(_RESPONSE_ID, written_as)
    to_n2, to_n3 = connection(1, server="n2"), connection(2, server="n3")
    frame = first + 1
    query = CqlMessage(content=Query(query=text, parameters=query_parameters(QUORUM)))
    return [
        cql(Kind.REQUEST, query, number=first, frame=frame, at_s=at_s),
        message(payload=payload, number=first + 1, frame=frame + 1, at_s=at_s + 0.001, on=to_n2),
        message(payload=payload, number=first + 2, frame=frame + 2, at_s=at_s + 0.0011, on=to_n3),
        _acknowledgement(first + 3, first + 1, frame, at_s + 0.002, "n2", written_as),
        cql(
            Kind.EXCEPTION if reply is not None and isinstance(reply.content, Error) else Kind.REPLY,
            reply or CqlMessage(content=Void()),
            from_client=False,
            number=first + 4,
            frame=frame + 4,
            at_s=at_s + 0.003,
            request=first,
            request_frame=frame,
        ),
        _acknowledgement(first + 5, first + 2, frame, at_s + 0.004, "n3", written_as),
    ]


def _acknowledgement(
    number: int, write: int, frame: int, at_s: float, node: str, written_as: bytes
) -> Message:
    return message(
        Kind.ONE_WAY,
        MUTATION_DONE_VERB,
        MUTATION_DONE.replace(_RESPONSE_ID, written_as),
        number=number,
        frame=frame + 3 if node == "n2" else frame + 5,
        at_s=at_s,
        on=connection(3 if node == "n2" else 4, client=node, server="n1"),
        acknowledges=write,
        acknowledges_frame=frame + 1 if node == "n2" else frame + 2,
    )


def pings(first: int, count: int, *, at_s: float = 0.5) -> Iterator[Message]:
    """GOSSIP_ECHO from n1 to n2, as noise."""
    for index in range(count):
        yield message(
            Kind.REQUEST,
            GOSSIP_ECHO,
            b"",
            number=first + index,
            frame=first + index + 1,
            at_s=at_s + index / 1000,
            on=connection(7),
        )


def hostile_mutation() -> bytes:
    """A MUTATION whose first cell holds a script."""
    decoded = VERBS.decode(MUTATION, Line.V4_2, Role.REQUEST, MUTATION_REQUEST).body
    assert isinstance(decoded, MutationRequest)
    mutation = decoded.mutation
    row = mutation.partition.rows[0]
    column = row.cells.columns[0]
    assert isinstance(column, CellColumn)
    assert isinstance(column.cell, LiveCell)
    cell = replace(column.cell, value=HOSTILE.encode())
    cells = replace(row.cells, columns=(replace(column, cell=cell), *row.cells.columns[1:]))
    partition = replace(mutation.partition, rows=(replace(row, cells=cells),))
    return encode_payload(replace(decoded, mutation=replace(mutation, partition=partition)))


def hostile_rows() -> CqlMessage:
    """A RESULT with a row whose text is a script."""
    columns = (Column(keyspace="ks", table="t", name="a", type=ScalarType.TEXT),)
    return CqlMessage(
        content=Rows(metadata=metadata_of(columns), columns=columns, rows=((HOSTILE.encode(),),))
    )


def hostile_trace() -> Trace:
    """Scripts in a statement, in a cell that is written, and in a cell that is read."""
    return trace_of(statement(text=f"SELECT '{HOSTILE}'", payload=hostile_mutation(), reply=hostile_rows()))


def long_trace(count: int) -> Trace:
    """About that many messages: statements one after the other, with noise between."""
    messages: list[Message] = []
    at_s = 1.0
    while len(messages) < count:
        messages += pings(len(messages), 4, at_s=at_s)
        messages += statement(len(messages), at_s=at_s + 0.01)
        at_s += 0.1
    return trace_of(messages)
