from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import (
    Batch,
    BatchStatement,
    Execute,
    Prepare,
    QueryParameters,
    query_parameters,
)
from harness.codec.cql.results import Column, PreparedResult, metadata_of
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import Key, PartitionRange, RingBound, RingPosition, Token
from harness.codec.verbs.paxos import PaxosPruneRequest
from harness.codec.verbs.read import ReadRequest
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand
from harness.events.message import CqlPart, Kind
from harness.expect.message_index import MessageIndex
from harness.expect.subjects import partition_keys_of, tables_of, text_of
from tests.expect.traces import MAP, TraceBuilder

ID = Column(keyspace="ks", table="map", name="id", type=ScalarType.INT)
_COMMAND = ReadCommand(
    table_id=MAP.id or UUID(int=0),
    schema_version=MAP.version or UUID(int=0),
    partition_slice=PartitionSlice(
        row_ranges=(),
        static_columns=(),
        regular_columns=(0,),
        options=0,
        specific_ranges=None,
        cql_format=4,
        partition_row_limit_low=1,
    ),
    row_limit_low=1,
    read_timestamp=0,
)


def _range(*, singular: bool) -> PartitionRange:
    position = RingPosition(
        token=Token(kind=1, data=bytes(8)), bound=0, key=Key(components=(b"\x00\x00\x00\x05",))
    )
    bound = RingBound(value=position, inclusive=True)
    return PartitionRange(start=bound, end=None if singular else bound, singular=singular)


def test_a_read_of_one_partition_is_about_it_and_a_range_is_about_none() -> None:
    builder = TraceBuilder()
    for singular in (True, False):
        body = ReadRequest(command=_COMMAND, partitions=_range(singular=singular))
        builder.request("READ_DATA", "n1", "n2", body)
    index = MessageIndex(builder.trace())
    single, ranged = index.messages
    assert tables_of(single, index) == tables_of(ranged, index) == ("ks.map",)
    assert partition_keys_of(single, index) == ((b"\x00\x00\x00\x05",),)
    assert partition_keys_of(ranged, index) == ()


def test_an_answer_is_about_what_its_request_is_about() -> None:
    builder = TraceBuilder()
    builder.done(builder.mutation("n1", "n2"))
    builder.accepted(builder.accept("n1", "n2"))
    index = MessageIndex(builder.trace())
    assert [tables_of(message, index) for message in index.messages] == [("ks.map",)] * 4
    assert {tuple(partition_keys_of(message, index) or ()) for message in index.messages} == {
        ((b"\x00\x00\x00\x11",),)
    }


def test_a_prune_names_a_schema_version_which_belongs_to_a_table() -> None:
    builder = TraceBuilder()
    for version in (MAP.version, UUID(int=99)):
        body = PaxosPruneRequest(
            schema_version=version or UUID(int=0), key=Key(components=(b"k",)), ballot=UUID(int=1)
        )
        builder.one_way("PAXOS_PRUNE", "n1", "n2", body)
    index = MessageIndex(builder.trace())
    assert [tables_of(message, index) for message in index.messages] == [("ks.map",), None]


def test_prepared_statements_have_their_text_and_the_key_bound_to_them() -> None:
    builder = TraceBuilder()
    prepared = Prepared(
        statement_id=b"id",
        query="INSERT INTO ks.map (id) VALUES (?)",
        bound_columns=(ID,),
        partition_key_indexes=(0,),
        result_columns=(),
    )
    _ask(builder, Prepare(query=prepared.query or ""))
    described = PreparedResult(
        statement_id=b"id", metadata_id=None, bound=metadata_of((ID,)), result=metadata_of(())
    )
    _answer(builder, described, request=0)
    parameters = query_parameters(4, (b"\x00\x00\x00\x11",))
    _ask(builder, Execute(statement_id=b"id", parameters=parameters), prepared)
    statements = (
        BatchStatement(query="DELETE x", statement_id=None),
        BatchStatement(query=None, statement_id=b"id", values=(b"\x00\x00\x00\x11",)),
    )
    _ask(builder, Batch(batch_type=0, statements=statements, parameters=_unbound()))
    index = MessageIndex(builder.trace())
    execute, batch = index.messages[2:]
    assert text_of(execute, index) == prepared.query
    assert partition_keys_of(execute, index) == ((b"\x00\x00\x00\x11",),)
    assert text_of(batch, index) == f"DELETE x; {prepared.query}"
    assert tables_of(execute, index) == ("ks.map",)


def _unbound() -> QueryParameters:
    return query_parameters(4)


def _ask(builder: TraceBuilder, content: Prepare | Execute | Batch, prepared: Prepared | None = None) -> None:
    builder._add_cql(Kind.REQUEST, CqlMessage(content=content), "n1", from_client=True)
    message = builder.messages.pop()
    builder.messages.append(message._replace(cql=CqlPart(4, 0, prepared, frozenset())))


def _answer(builder: TraceBuilder, content: PreparedResult, *, request: int) -> None:
    builder._add_cql(Kind.REPLY, CqlMessage(content=content), "n1", from_client=False, request=request)
