from uuid import UUID

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Prepare
from harness.codec.cql.results import PreparedResult, metadata_of
from harness.events import recollection
from harness.events.message import Kind
from harness.events.recollection import Recollection
from tests.events.messages import MUTATION_DONE, TABLE_ID, cql, message


def test_a_request_is_remembered_until_it_is_answered() -> None:
    seen = Recollection()
    request = message(Kind.REQUEST, 3, b"", number=4)
    seen.see(request)
    reply = message(Kind.REPLY, 3, b"", number=5, request=4, from_client=False)
    assert seen.answered_by(reply) is request
    assert seen.answered_by(reply) is None


def test_a_write_is_remembered_until_it_is_acknowledged() -> None:
    seen = Recollection()
    write = message(number=4)
    seen.see(write)
    assert seen.answered_by(message(Kind.ONE_WAY, 2, MUTATION_DONE, acknowledges=4)) is write
    assert seen.answered_by(message(Kind.ONE_WAY, 2, MUTATION_DONE)) is None


def test_too_many_and_too_big_requests_push_the_oldest_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recollection, "REQUESTS_MAX", 20)
    monkeypatch.setattr(recollection, "REQUEST_BYTES_MAX", 1000)
    seen = Recollection()
    for number in range(30):
        seen.see(message(Kind.REQUEST, 3, b"", number=number))

    def answered(number: int) -> bool:
        return seen.answered_by(message(Kind.REPLY, 3, b"", request=number, from_client=False)) is not None

    assert not answered(0)
    assert answered(29)
    for number in range(40, 44):
        seen.see(message(Kind.REQUEST, 3, bytes(400), number=number))
    assert not answered(28)
    assert not answered(40)
    assert answered(43)


def test_a_schema_version_is_known_after_a_payload_told_its_table() -> None:
    seen = Recollection()
    version = UUID("11112222-3333-4444-5555-666677778888")
    assert seen.table_of_version(version) is None
    seen.learn(message().body)
    assert seen.table_of_version(version) == TABLE_ID


def test_prepared_statements_of_batches_are_known_by_their_ids() -> None:
    seen = Recollection()
    seen.see(cql(Kind.REQUEST, CqlMessage(content=Prepare(query="SELECT 1"))))
    result = PreparedResult(statement_id=b"\x01", bound=metadata_of(()), result=metadata_of(()))
    seen.see(cql(Kind.REPLY, CqlMessage(content=result), from_client=False))
    statement = seen.statement(b"\x01")
    assert statement is not None
    assert statement.query == "SELECT 1"
    assert seen.statement(b"\x02") is None
