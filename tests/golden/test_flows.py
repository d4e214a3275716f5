"""The statements of a trace in normal form."""

from pathlib import Path

from harness.golden.flows import statement_flows
from tests.golden.made_flows import INSERT, written
from tests.golden.real_flows import real_flows, real_trace


def test_what_drivers_ask_on_their_own_is_left_out(reference: Path) -> None:
    texts = [each.statement.text for each in real_flows(reference, "base/schema")]
    assert texts
    assert not [text for text in texts if "FROM system" in text]


def test_statements_are_given_in_the_wanted_order(reference: Path) -> None:
    all_of_them = real_flows(reference, "base/write_rf3")
    wanted = [all_of_them[2].statement.request, all_of_them[0].statement.request]
    found = statement_flows(real_trace(reference, "base/write_rf3"), wanted)
    assert [each.statement.request for each in found] == wanted


def test_a_statement_that_is_not_there_is_passed_over() -> None:
    (only,) = statement_flows(written())
    assert only.statement.text == INSERT
    assert statement_flows(written(), [only.statement.request + 1]) == ()
