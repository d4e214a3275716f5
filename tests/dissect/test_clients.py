"""What the conversation of clients teaches: prepared statements and tables."""

from harness.codec.cql.messages import Message, encode_message
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.cql.results import SetKeyspace, Void
from harness.dissect.clients import Clients
from harness.schema_learning import SchemaLearner

VERSION = 4


def ask(clients: Clients, text: str, *, stream_id: int = 1) -> None:
    body = encode_message(VERSION, Message(content=Query(query=text, parameters=query_parameters(1))))
    clients.take_request(7, VERSION, 0, stream_id, Opcode.QUERY, body)


def answer(clients: Clients, content: Void | SetKeyspace, *, stream_id: int = 1) -> None:
    clients.take_response(
        7, VERSION, 0, stream_id, Opcode.RESULT, encode_message(VERSION, Message(content=content))
    )


def test_a_table_is_known_once_its_creation_succeeded() -> None:
    learner = SchemaLearner()
    clients = Clients(learner)
    ask(clients, "CREATE TABLE ks.t (id int PRIMARY KEY, v text)")
    assert learner.schema().table("ks", "t") is None
    answer(clients, Void())
    table = learner.schema().table("ks", "t")
    assert table is not None
    assert [column.name for column in table.regular_columns] == ["v"]


def test_a_table_without_keyspace_is_created_in_the_one_in_use() -> None:
    learner = SchemaLearner()
    clients = Clients(learner)
    ask(clients, "USE ks")
    answer(clients, SetKeyspace(keyspace="ks"))
    ask(clients, "CREATE TABLE t (id int PRIMARY KEY)")
    answer(clients, Void())
    assert learner.schema().table("ks", "t") is not None


def test_a_creation_that_failed_teaches_nothing() -> None:
    learner = SchemaLearner()
    clients = Clients(learner)
    ask(clients, "CREATE TABLE ks.t (id int PRIMARY KEY)")
    clients.take_response(7, VERSION, 0, 1, Opcode.ERROR, b"")
    assert learner.schema().table("ks", "t") is None


def test_bodies_that_break_their_layout_teach_nothing_and_raise_nothing() -> None:
    learner = SchemaLearner()
    clients = Clients(learner)
    for opcode in Opcode:
        clients.take_request(7, VERSION, 0, 1, opcode, b"\xff\xff")
        clients.take_response(7, VERSION, 0, 1, opcode, b"\x00\x00\x00\x03\xff")
    clients.forget(7)
    assert learner.schema().tables == SchemaLearner().schema().tables
