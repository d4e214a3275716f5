import pytest
from cassandra import ConsistencyLevel

from harness.backends.replay.cluster import ReplayCluster
from harness.backends.replay.conversation import Asked, Conversation, batch_key, execute_key, query_key
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Batch, BatchStatement, query_parameters
from harness.errors import BackendError
from harness.events.message import Kind
from harness.events.trace import Trace
from tests.backends.conftest import Replay
from tests.events.messages import cql, query
from tests.written.written_capture import INSERT

SELECT = "SELECT * FROM ks.t WHERE id = 1"


def asked(text: str, **how: int | str | bool | None) -> Asked:
    return Asked(key=query_key(text), text=text, **how)  # type: ignore[arg-type]  # the test says what fits


def test_each_request_answers_one_statement_in_order(demo: ReplayCluster) -> None:
    first, second = (
        demo.conversation.take(asked(INSERT)),
        demo.conversation.take(asked(INSERT.lower()[:6] + INSERT[6:])),
    )
    assert first.request.number < second.request.number
    assert demo.conversation.taken == (first.request.number, second.request.number)


def test_a_statement_asked_for_too_often_is_refused_with_its_count(demo: ReplayCluster) -> None:
    demo.conversation.take(asked(INSERT))
    demo.conversation.take(asked(INSERT))
    with pytest.raises(BackendError, match=r"demo\.pcapng holds this statement twice.*once more") as caught:
        demo.conversation.take(asked(INSERT))
    assert "(packets " in str(caught.value)


def test_a_statement_that_is_not_there_is_refused_with_the_nearest(demo: ReplayCluster) -> None:
    with pytest.raises(BackendError) as caught:
        demo.conversation.take(asked(INSERT.replace("17", "18")))
    lines = str(caught.value).splitlines()
    assert lines[0] == "demo.pcapng does not hold this statement:"
    assert lines[2:4] == ["nearest to it:", f"  {INSERT}"]
    assert lines[4].strip().startswith("at QUORUM")


def test_a_statement_sent_otherwise_is_refused_with_how_it_was_sent(demo: ReplayCluster) -> None:
    with pytest.raises(BackendError) as caught:
        demo.conversation.take(asked(INSERT, coordinator="n2", consistency=ConsistencyLevel.ONE))
    text = str(caught.value)
    assert "does not hold this statement at ONE to n2:" in text
    assert text.count("at QUORUM") == 2
    assert "to n1" in text


def test_a_capture_without_statements_says_so() -> None:
    with pytest.raises(BackendError, match="it holds no statements of clients at all"):
        Conversation(Trace(()), "empty.pcapng").take(asked(SELECT))


def test_questions_of_the_driver_are_not_near_to_statements_of_users() -> None:
    questions = [
        query("SELECT * FROM system.local WHERE key='local'", number=0),
        query("SELECT * FROM ks.u WHERE id = 2", number=1),
    ]
    with pytest.raises(BackendError) as caught:
        Conversation(Trace(tuple(questions)), "c").take(asked(SELECT))
    assert "ks.u" in str(caught.value)
    assert "system.local" not in str(caught.value)


def test_texts_with_bound_values_are_told_apart_by_the_values() -> None:
    assert query_key(SELECT, [b"\x01"]) != query_key(SELECT, [b"\x02"])
    assert execute_key(b"\x01", [None]) != execute_key(b"\x01", [b""])


def test_batches_are_found_by_their_statements_and_values() -> None:
    content = Batch(
        batch_type=1,
        statements=(
            BatchStatement(query="INSERT INTO ks.t (id) VALUES (1)", statement_id=None),
            BatchStatement(query=None, statement_id=b"\xab", values=(b"\x00\x00\x00\x02",)),
        ),
        parameters=query_parameters(4),
    )
    trace = Trace((cql(Kind.REQUEST, CqlMessage(content=content)),))
    key = batch_key(1, [("insert into ks.t (id) values (1)", ()), (b"\xab", (b"\x00\x00\x00\x02",))])
    found = Conversation(trace, "c").take(Asked(key=key, text="a batch"))
    assert found.text == "INSERT INTO ks.t (id) VALUES (1); ab"
    assert key != batch_key(0, [("insert into ks.t (id) values (1)", ()), (b"\xab", (b"\x00\x00\x00\x02",))])


def test_every_statement_of_a_real_capture_can_be_taken_once(replay: Replay) -> None:
    conversation = replay("base/range_scan").conversation
    for occurrence in conversation.occurrences:
        found = conversation.take(
            Asked(
                key=occurrence.key,
                text=occurrence.text,
                coordinator=occurrence.coordinator,
                consistency=occurrence.parameters.consistency,
                page_size_rows=occurrence.parameters.page_size_rows,
                paging_state=occurrence.parameters.paging_state,
            )
        )
        assert found is occurrence
    assert len(conversation.taken) == len(conversation.occurrences)


def test_a_prepared_statement_whose_preparation_is_not_there_is_refused(demo: ReplayCluster) -> None:
    with pytest.raises(BackendError, match="no PREPARE with its answer"):
        demo.session().prepare(INSERT)
