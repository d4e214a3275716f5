from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Void
from harness.events.message import Kind, Protocol
from harness.events.statistics import WAITING_MAX, Row, Statistics
from tests.events.messages import MUTATION_DONE, RESULT_REPLY, connection, cql, message, query


def _row(statistics: Statistics, name: str) -> tuple[int, int, int, int, int, int]:
    counts = next(counts for row, counts in statistics.rows() if row.name == name)
    return (
        counts.messages,
        counts.message_bytes,
        counts.answers,
        counts.answer_bytes,
        counts.failures,
        counts.latencies.longest_ns,
    )


def test_a_reply_is_counted_with_its_request() -> None:
    statistics = Statistics()
    statistics.add(message(Kind.REQUEST, 3, b"12345", number=0, at_s=1))
    statistics.add(message(Kind.REPLY, 3, RESULT_REPLY, number=1, from_client=False, request=0, at_s=1.25))
    statistics.add(message(Kind.REQUEST, 3, b"1", number=2, at_s=2))
    statistics.add(message(Kind.EXCEPTION, 3, b"", number=3, from_client=False, request=2, at_s=2.5))
    assert _row(statistics, "READ_DATA") == (2, 6, 2, 98, 1, 500_000_000)
    assert [row for row, _ in statistics.rows()] == [Row(Protocol.RPC, 3, "READ_DATA", "n1", "n2")]


def test_a_write_is_answered_by_its_acknowledgement_on_another_connection() -> None:
    statistics = Statistics()
    back = connection(1, client="n2", server="n1")
    statistics.add(message(number=0, at_s=1))
    statistics.add(message(Kind.ONE_WAY, 2, MUTATION_DONE, number=1, on=back, acknowledges=0, at_s=1.5))
    statistics.add(message(number=2, at_s=2))
    statistics.add(message(Kind.ONE_WAY, 24, MUTATION_DONE, number=3, on=back, acknowledges=2, at_s=2.1))
    assert _row(statistics, "MUTATION")[2:5] == (2, 0, 1)
    assert _row(statistics, "MUTATION_DONE")[:3] == (1, 32, 0)
    assert statistics.messages == 4


def test_clients_are_counted_together_behind_the_nodes() -> None:
    statistics = Statistics()
    for client in ("10.0.1.8", "10.0.1.9"):
        statistics.add(query("SELECT 1", client=client, number=0, at_s=1))
        statistics.add(
            cql(Kind.REPLY, CqlMessage(content=Void()), client=client, from_client=False, request=0, at_s=1.5)
        )
    statistics.add(message())
    rows = [(row.name, row.sender, row.receiver, counts.messages) for row, counts in statistics.rows()]
    assert rows == [("MUTATION", "n1", "n2", 1), ("QUERY", "clients", "n1", 2)]


def test_replies_without_request_have_a_row_of_their_own() -> None:
    statistics = Statistics()
    statistics.add(message(Kind.REPLY, None, RESULT_REPLY, from_client=False))
    [(row, counts)] = statistics.rows()
    assert (row.sender, row.receiver, counts.answers, counts.latencies.count) == ("n1", "n2", 1, 0)
    assert "not captured" in row.name


def test_verbs_sum_the_pairs() -> None:
    statistics = Statistics()
    statistics.add(message(number=0))
    statistics.add(message(number=1, on=connection(1, server="n3")))
    assert [(row.name, counts.messages) for row, counts in statistics.verbs()] == [("MUTATION", 2)]


def test_requests_that_nobody_answers_are_forgotten() -> None:
    statistics = Statistics()
    for number in range(WAITING_MAX + 10):
        statistics.add(message(Kind.REQUEST, 3, b"", number=number))
    statistics.add(message(Kind.REPLY, 3, b"", number=9, from_client=False, request=0))
    assert _row(statistics, "READ_DATA")[2] == 0
    statistics.add(message(Kind.REPLY, 3, b"", number=9, from_client=False, request=WAITING_MAX))
    assert _row(statistics, "READ_DATA")[2] == 1
