from harness.codec.cql.messages import Content, decode_message
from harness.codec.cql.requests import Execute, Options, Prepare, query_parameters
from harness.codec.cql.results import Column, PreparedResult, Void, metadata_of
from harness.codec.cql.statements import Statements
from harness.codec.cql.types import ScalarType
from tests.codec.cql.real_frames import PREPARE, PREPARED

ID = Column(keyspace="ks", table="t", name="id", type=ScalarType.INT)


def _prepared(statement_id: bytes) -> PreparedResult:
    bound = metadata_of([ID], partition_key_indexes=(0,))
    return PreparedResult(statement_id=statement_id, bound=bound, result=metadata_of([ID]))


def _execute(statement_id: bytes) -> Execute:
    return Execute(statement_id=statement_id, parameters=query_parameters(1))


def _content(frame: bytes) -> Content:
    return decode_message(frame[0] & 0x7F, frame[0] < 0x80, frame[1], frame[4], frame[9:]).content


def test_execute_is_resolved_to_the_prepared_text_and_columns() -> None:
    statements = Statements()
    statements.see_request("a", 1, Prepare(query="SELECT id FROM t WHERE id = ?"))
    learnt = statements.see_response("a", 1, _prepared(b"\x07"))
    assert learnt is not None
    assert learnt.query == "SELECT id FROM t WHERE id = ?"
    assert learnt.bound_columns == learnt.result_columns == (ID,)
    assert learnt.partition_key_indexes == (0,)
    assert statements.see_request("b", 9, _execute(b"\x07")) == learnt
    assert statements.awaited("b", 9) == learnt
    assert statements.see_response("b", 9, Void()) == learnt
    assert statements.awaited("b", 9) is None
    assert statements.statement(b"\x07") == learnt


def test_real_frames_are_resolved() -> None:
    statements = Statements()
    statements.see_request("a", 0x20, _content(PREPARE))
    learnt = statements.see_response("a", 0x20, _content(PREPARED))
    assert learnt is not None
    assert learnt.query == "SELECT * FROM demo3.bulk WHERE id=?"


def test_streams_of_other_connections_are_not_mixed_up() -> None:
    statements = Statements()
    statements.see_request("a", 1, Prepare(query="of a"))
    statements.see_request("b", 1, Prepare(query="of b"))
    learnt = statements.see_response("b", 1, _prepared(b"\x07"))
    assert learnt is not None
    assert learnt.query == "of b"


def test_prepared_without_its_request_has_columns_but_no_text() -> None:
    statements = Statements()
    learnt = statements.see_response("a", 1, _prepared(b"\x07"))
    assert learnt is not None
    assert learnt.query is None
    statements.see_request("a", 2, Prepare(query="text"))
    statements.see_response("a", 2, _prepared(b"\x07"))
    again = statements.see_response("a", 3, _prepared(b"\x07"))
    assert again is not None
    assert again.query == "text"


def test_unknown_and_other_requests_resolve_to_nothing() -> None:
    statements = Statements()
    assert statements.see_request("a", 1, _execute(b"\x07")) is None
    assert statements.see_response("a", 1, Void()) is None
    statements.see_execute("a", 2, b"\x07")
    statements.see_request("a", 2, Options())
    statements.see_response("b", 2, _prepared(b"\x07"))
    assert statements.awaited("a", 2) is None


def test_memory_is_bounded_and_keeps_the_latest() -> None:
    statements = Statements(statements_max=2, pending_max=2)
    for number in range(5):
        statements.see_response("a", 1, _prepared(bytes([number])))
        statements.see_execute("a", number, bytes([4]))
    assert [number for number in range(5) if statements.statement(bytes([number]))] == [3, 4]
    assert [number for number in range(5) if statements.awaited("a", number)] == [3, 4]


def test_closed_connection_is_forgotten() -> None:
    statements = Statements()
    statements.see_response("a", 1, _prepared(b"\x07"))
    statements.see_execute("a", 2, b"\x07")
    statements.see_execute("b", 2, b"\x07")
    statements.forget_connection("a")
    assert statements.awaited("a", 2) is None
    assert statements.awaited("b", 2) is not None
