import json

from harness.events.message import Kind
from harness.events.statistics import Statistics
from harness.terminal.statistics_table import statistics_lines, statistics_object
from tests.events.messages import connection, message


def _statistics() -> Statistics:
    statistics = Statistics()
    statistics.add(message(Kind.REQUEST, 3, b"12345", number=0, at_s=1))
    statistics.add(message(Kind.REPLY, 3, bytes(2000), number=1, from_client=False, request=0, at_s=1.25))
    statistics.add(message(Kind.REQUEST, 3, b"", number=2, on=connection(1, server="n3"), at_s=2))
    statistics.add(message(Kind.ONE_WAY, 6, b"", number=3, at_s=3))
    return statistics


def test_a_verb_has_a_sum_and_a_row_for_each_pair() -> None:
    lines = statistics_lines(_statistics(), with_pairs=True, width=0)
    rows = [line.split() for line in lines]
    assert rows[1] == [
        "READ_DATA",
        "2",
        "2.0",
        "KiB",
        "1",
        "250.0",
        "ms",
        "250.0",
        "ms",
        "250.0",
        "ms",
        "250.0",
        "ms",
    ]
    assert rows[2][:3] == ["n1", "n2", "1"]
    assert rows[3][:3] == ["n1", "n3", "1"]
    assert rows[4] == ["GOSSIP_DIGEST_SYN", "n1", "n2", "1", "0", "B"]
    assert lines[-1] == "4 messages in 2.000 s"


def test_without_pairs_there_is_one_row_a_verb() -> None:
    lines = statistics_lines(_statistics(), with_pairs=False, width=0)
    assert [line.split()[0] for line in lines[1:3]] == ["READ_DATA", "GOSSIP_DIGEST_SYN"]


def test_nothing_counted_is_a_table_without_rows() -> None:
    assert statistics_lines(Statistics(), with_pairs=True, width=0)[-1] == "0 messages in 0.000 s"


def test_the_object_has_all_rows() -> None:
    found = json.loads(json.dumps(statistics_object(_statistics())))
    assert [(row["verb"], row["sender"], row["receiver"]) for row in found["rows"]] == [
        ("READ_DATA", "n1", "n2"),
        ("READ_DATA", "n1", "n3"),
        ("GOSSIP_DIGEST_SYN", "n1", "n2"),
    ]
    assert found["rows"][0]["latency"]["median_ns"] == 250_000_000
    assert found["rows"][1]["latency"] is None
