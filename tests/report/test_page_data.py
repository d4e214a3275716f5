import json
from typing import Any

from harness.report.flow import flow_of
from harness.report.page_data import detail_chunks, detailed_messages, flow_data
from harness.report.verdict import ReportVerdict
from tests.report.traces import flow_of_messages, long_trace, pings, statement

PROOF = ReportVerdict("claim", "PASS", "", "", (9, 3))


def data_of(count: int) -> dict[str, Any]:
    flow = flow_of_messages([*pings(0, count), *statement(count)])
    data: dict[str, Any] = json.loads(json.dumps(flow_data(flow, [PROOF], (1, 3))))
    return data


def test_every_column_has_an_entry_for_each_message() -> None:
    columns = data_of(4)["messages"]
    assert {len(column) for column in columns.values()} == {10}


def test_growing_numbers_are_kept_as_differences() -> None:
    columns = data_of(4)["messages"]
    assert columns["number"] == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert sum(columns["time"]) == 1_004_000_000 - 500_000_000


def test_answers_say_how_far_back_their_request_is() -> None:
    assert data_of(0)["messages"]["answers"] == [0, 0, 0, 2, 4, 3]


def test_lists_name_each_thing_once() -> None:
    data = data_of(4)
    assert [label for label, _ in data["labels"]] == [
        "GOSSIP_ECHO",
        "QUERY",
        "MUTATION",
        "MUTATION_DONE",
        "RESULT",
    ]
    assert len(data["connections"]) == 6
    assert data["lanes"][0]["kind"] == "client"


def test_verdicts_point_to_messages_by_their_index() -> None:
    assert data_of(4)["verdicts"] == [{"name": "claim", "outcome": "PASS", "messages": [3, 9]}]


def test_it_says_of_which_messages_there_are_details() -> None:
    assert data_of(4)["details"] == {"chunk": 128, "messages": [1, 2]}


def test_details_are_of_marked_messages_first_and_of_noise_last() -> None:
    flow = flow_of_messages([*pings(0, 4), *statement(4)])
    verdict = ReportVerdict("claim", "PASS", "", "", (2,))
    assert detailed_messages(flow, [verdict], 3) == (2, 4, 5)
    assert detailed_messages(flow, [verdict], 8) == (0, 2, 4, 5, 6, 7, 8, 9)
    assert detailed_messages(flow, [verdict], 10) == tuple(range(10))


def test_details_come_in_chunks() -> None:
    flow = flow_of(long_trace(150))
    chunks = list(detail_chunks(flow, tuple(range(150))))
    assert [len(chunk) for chunk in chunks] == [128, 22]
    first: Any = json.loads(json.dumps(chunks[0][5]))
    assert set(first) == {"facts", "contents", "fields", "bytes"}
