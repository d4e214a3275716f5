from ipaddress import IPv4Address
from uuid import UUID

import pytest

from harness.codec.cql.errors import Error, ErrorCode, Unavailable, WriteTimeout
from harness.codec.cql.events import Event, SchemaChange, StatusChange
from harness.codec.cql.messages import Authenticate, AuthSuccess, Ready, Supported
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.notation import UNSET, Endpoint
from harness.codec.cql.requests import (
    AuthResponse,
    Batch,
    BatchStatement,
    Execute,
    Options,
    Prepare,
    Query,
    Register,
    Startup,
    query_parameters,
)
from harness.codec.cql.results import (
    Column,
    PreparedResult,
    Rows,
    SchemaChanged,
    SetKeyspace,
    Void,
    metadata_of,
)
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType
from harness.events.message import Kind
from harness.events.wording.cql import consistency_of, cql_text, statement_of
from harness.events.wording.words import Words
from tests.events.messages import SURROUNDINGS, cql

COLUMNS = (
    Column(keyspace="ks", table="t", name="id", type=ScalarType.INT),
    Column(keyspace="ks", table="t", name="name", type=ScalarType.TEXT),
)
PREPARED = Prepared(
    statement_id=b"\xab\xcd",
    query="INSERT INTO ks.t (id, name) VALUES (?, ?) -- why?",
    bound_columns=COLUMNS,
    partition_key_indexes=(0,),
    result_columns=COLUMNS,
)
SEVEN = b"\0\0\0\x07"


def text(content: CqlMessage, *, is_request: bool = True, prepared: Prepared | None = None) -> str:
    message = cql(
        Kind.REQUEST if is_request else Kind.REPLY, content, from_client=is_request, prepared=prepared
    )
    body = message.body
    assert isinstance(body, CqlMessage)
    return cql_text(message, body, Words(SURROUNDINGS), {b"\xab\xcd": PREPARED}.get)


def test_a_query_shows_level_and_text_on_one_line() -> None:
    query = Query(query="SELECT *\n  FROM ks.t", parameters=query_parameters(4, serial_consistency=9))
    assert text(CqlMessage(content=query)) == "QUORUM/LOCAL_SERIAL SELECT * FROM ks.t"
    assert consistency_of(cql(Kind.REQUEST, CqlMessage(content=query))) == "QUORUM/LOCAL_SERIAL"


def test_values_without_types_stand_in_the_places_of_the_markers_as_bytes() -> None:
    query = Query(
        query="SELECT '?' FROM t WHERE id = ? AND n = :n", parameters=query_parameters(1, (SEVEN, None))
    )
    assert text(CqlMessage(content=query)) == "ONE SELECT '?' FROM t WHERE id = 0x00000007 AND n = null"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((SEVEN, b"it's"), "VALUES (7, 'it''s') -- why?"),
        ((SEVEN, None), "VALUES (7, null) -- why?"),
        ((SEVEN, UNSET), "VALUES (7, UNSET) -- why?"),
        ((b"\x07", b"x"), "VALUES (0x07, 'x') -- why?"),
        ((SEVEN,), "VALUES (0x00000007, ?) -- why?"),
        ((SEVEN, b"a", b"b"), "VALUES (0x00000007, 0x61) -- why? [0x62]"),
    ],
)
def test_an_execute_shows_the_prepared_text_with_its_values(
    values: tuple[bytes | None, ...], shown: str
) -> None:
    execute = CqlMessage(content=Execute(statement_id=b"\xab\xcd", parameters=query_parameters(1, values)))
    assert text(execute, prepared=PREPARED) == f"ONE INSERT INTO ks.t (id, name) {shown}"


def test_a_statement_that_was_prepared_before_the_capture_is_named_by_its_id() -> None:
    execute = CqlMessage(content=Execute(statement_id=b"\x12\x34", parameters=query_parameters(1, (SEVEN,))))
    assert text(execute) == "ONE statement 1234, prepared before the capture, values (0x00000007)"


def test_a_batch_shows_its_statements() -> None:
    statements = (
        BatchStatement(query="UPDATE t SET a = ?", statement_id=None, values=(SEVEN,)),
        BatchStatement(query=None, statement_id=b"\xab\xcd", values=(SEVEN, b"x")),
        *(BatchStatement(query="Q", statement_id=None) for _ in range(4)),
    )
    batch = Batch(batch_type=1, statements=statements, parameters=query_parameters(4))
    assert text(CqlMessage(content=batch)) == (
        "QUORUM UNLOGGED 6 statements: UPDATE t SET a = 0x00000007; "
        "INSERT INTO ks.t (id, name) VALUES (7, 'x') -- why?; Q; Q; and 2 more"
    )


def test_long_values_are_cut() -> None:
    execute = CqlMessage(
        content=Execute(statement_id=b"\xab\xcd", parameters=query_parameters(1, (SEVEN, b"x" * 100_000)))
    )
    shown = text(execute, prepared=PREPARED)
    assert len(shown) < 150
    assert "…'" in shown


def test_only_statements_are_statements() -> None:
    assert statement_of(cql(Kind.REQUEST, CqlMessage(content=Options())), lambda _: None) is None
    assert consistency_of(cql(Kind.REQUEST, CqlMessage(content=Options()))) is None


NODE = Endpoint(IPv4Address("10.0.0.3"), 9042)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (Void(), "void"),
        (SetKeyspace(keyspace="ks"), "keyspace ks"),
        (
            Rows(metadata=metadata_of(COLUMNS, paging_state=b"p"), columns=COLUMNS, rows=((SEVEN, None),)),
            "1 row (id=7, name=null), more pages",
        ),
        (Rows(metadata=metadata_of(COLUMNS), columns=COLUMNS, rows=()), "no rows"),
        (
            Rows(metadata=metadata_of(COLUMNS), columns=COLUMNS, rows=((SEVEN, b"a"),) * 5),
            "5 rows (id=7, name='a'), (id=7, name='a'), (id=7, name='a'), ...",
        ),
        (
            PreparedResult(statement_id=b"\xab\xcd", bound=metadata_of(COLUMNS), result=metadata_of(())),
            "statement abcd prepared, 2 markers",
        ),
        (
            SchemaChanged(change=SchemaChange(change="CREATED", target="TABLE", keyspace="ks", name="t")),
            "CREATED TABLE ks.t",
        ),
        (Event(change=StatusChange(change="DOWN", node=NODE)), "DOWN n3"),
        (
            Event(change=SchemaChange(change="DROPPED", target="KEYSPACE", keyspace="ks")),
            "DROPPED KEYSPACE ks",
        ),
        (
            Error(
                code=ErrorCode.UNAVAILABLE,
                text="no\nway",
                details=Unavailable(consistency=4, required=2, alive=1),
            ),
            "UNAVAILABLE no\\nway (1 of 2 replicas alive)",
        ),
        (
            Error(
                code=ErrorCode.WRITE_TIMEOUT,
                text="late",
                details=WriteTimeout(consistency=4, received=1, required=2, write_type="CAS"),
            ),
            "WRITE_TIMEOUT late (1 of 2 answers)",
        ),
        (Error(code=ErrorCode.SYNTAX_ERROR, text="line 1"), "SYNTAX_ERROR line 1"),
        (Ready(), ""),
        (Supported(options=(("COMPRESSION", ("lz4", "snappy")),)), "COMPRESSION=lz4|snappy"),
        (Authenticate(authenticator="org.apache.PasswordAuthenticator"), "PasswordAuthenticator"),
        (AuthSuccess(token=None), "token of 0 bytes"),
    ],
)
def test_responses_in_words(content: Void, shown: str) -> None:
    assert text(CqlMessage(content=content), is_request=False) == shown


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (Startup(options=(("CQL_VERSION", "3.0.0"),)), "CQL_VERSION=3.0.0"),
        (Register(event_types=("STATUS_CHANGE",)), "STATUS_CHANGE"),
        (Prepare(query="SELECT ?"), "SELECT ?"),
        (AuthResponse(token=b"\0user\0secret"), "token of 12 bytes"),
    ],
)
def test_requests_in_words(content: Startup, shown: str) -> None:
    assert text(CqlMessage(content=content)) == shown


def test_tracing_and_warnings_are_told() -> None:
    query = Query(query="Q", parameters=query_parameters(1))
    assert text(CqlMessage(content=query, is_traced=True)) == "ONE Q, traced"
    answer = CqlMessage(content=Void(), tracing_id=UUID(int=1), warnings=("too many",))
    assert (
        text(answer, is_request=False)
        == "void, trace 00000000-0000-0000-0000-000000000001, warning: too many"
    )
