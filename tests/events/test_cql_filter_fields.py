import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Batch, BatchStatement, Execute, query_parameters
from harness.codec.cql.results import Column, Rows, SetKeyspace, metadata_of
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType
from harness.events.cql_filter_fields import CQL_FIELDS, statement_tables, statement_text
from harness.events.message import Kind, Message
from tests.events.messages import SURROUNDINGS, cql, message, query

FIELDS = {field.name: field for field in CQL_FIELDS}
COLUMNS = (Column(keyspace="ks", table="t", name="id", type=ScalarType.INT),)
PREPARED = Prepared(
    statement_id=b"\x01\x02",
    query="UPDATE ks.u SET a = ? WHERE id = 1",
    bound_columns=COLUMNS,
    partition_key_indexes=(),
    result_columns=(),
)
EXECUTE = cql(
    Kind.REQUEST,
    CqlMessage(content=Execute(statement_id=b"\x01\x02", parameters=query_parameters(1, (b"\0\0\0\x07",)))),
    prepared=PREPARED,
)
ROWS = cql(
    Kind.REPLY,
    CqlMessage(
        content=Rows(metadata=metadata_of(COLUMNS), columns=COLUMNS, rows=((b"\0\0\0\x07",), (None,)))
    ),
    from_client=False,
    request_frame=4,
)


def values(name: str, one: Message) -> list[object]:
    return list(FIELDS[name].values(one, SURROUNDINGS))


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("INSERT INTO ks.t (a) VALUES (1)", ("ks.t",)),
        ("select * from T where x = 1", ("t",)),
        ('UPDATE "Ks"."T" SET a = 1', ("Ks.T",)),
        ("CREATE TABLE IF NOT EXISTS ks . t (a int)", ("ks.t",)),
        ("DROP TABLE IF EXISTS ks.t", ("ks.t",)),
        ("CREATE MATERIALIZED VIEW ks.v AS SELECT * FROM ks.t", ("ks.v", "ks.t")),
        (
            "BEGIN BATCH INSERT INTO a.b (c) VALUES (1); DELETE FROM a.d WHERE c = 1; APPLY BATCH",
            ("a.b", "a.d"),
        ),
        ("USE ks", ()),
    ],
)
def test_tables_are_found_in_statements(text: str, tables: tuple[str, ...]) -> None:
    assert statement_tables(query(text)) == tables


def test_an_execute_is_asked_for_the_statement_that_it_names() -> None:
    assert statement_text(EXECUTE) == PREPARED.query
    assert values("cql.statement", EXECUTE) == [PREPARED.query]
    assert statement_tables(EXECUTE) == ("ks.u", "ks.t")
    assert values("cql.query_id", EXECUTE) == [b"\x01\x02"]
    assert values("cql.bytes", EXECUTE) == [b"\0\0\0\x07"]


def test_a_batch_has_all_its_statements() -> None:
    statements = (
        BatchStatement(query="INSERT INTO a (b) VALUES (?)", statement_id=None, values=(b"x",)),
        BatchStatement(query=None, statement_id=b"\x01"),
    )
    batch = cql(
        Kind.REQUEST,
        CqlMessage(content=Batch(batch_type=0, statements=statements, parameters=query_parameters(4))),
    )
    assert statement_text(batch) == "INSERT INTO a (b) VALUES (?)"
    assert values("cql.bytes", batch) == [b"x"]
    assert values("cql.consistency", batch) == [4]


def test_rows_are_asked_for_their_columns_and_cells() -> None:
    assert values("cql.result.kind", ROWS) == [2]
    assert values("cql.result.rows.row_count", ROWS) == [2]
    assert values("cql.result.rows.column_name", ROWS) == ["id"]
    assert values("cql.bytes", ROWS) == [b"\0\0\0\x07"]
    assert values("cql.response_to", ROWS) == [4]
    assert values("cql.direction", ROWS) == [1]
    keyspace = cql(Kind.REPLY, CqlMessage(content=SetKeyspace(keyspace="ks")), from_client=False)
    assert values("cql.result.kind", keyspace) == [3]
    assert values("cql.string", keyspace) == ["ks"]


def test_messages_between_nodes_have_no_field_of_cql() -> None:
    for field in CQL_FIELDS:
        assert not field.values(message(), SURROUNDINGS)
