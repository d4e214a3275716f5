"""Rounds of lightweight transactions."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.expect.paxos_rounds import ballot_order, has_changes, paxos_rounds_of
from tests.expect.captured import captured
from tests.expect.rows import mutation, range_deletion, row
from tests.expect.traces import TraceBuilder


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_rounds_are_told_apart_by_ballot(reference: Path, line: str) -> None:
    trace = captured(reference, f"scylla-{line}/base/lwt_insert_twice")
    rounds = paxos_rounds_of(trace, trace)
    assert [one.is_empty for one in rounds] == [False, True]
    for one in rounds:
        assert (one.coordinator, one.table is not None) == ("n1", True)
        counts = (len(one.prepares), len(one.accepts), len(one.learns), len(one.prunes))
        assert counts == (2, 2, 2, 2)
        assert all(vote.is_granted and vote.is_granted_before(None) for vote in (*one.prepares, *one.accepts))
        assert not any(vote.is_granted_before(vote.message.number) for vote in one.prepares)
        assert [message.number for message in one.messages] == sorted(
            message.number for message in one.messages
        )
    assert ballot_order(rounds[0].ballot) < ballot_order(rounds[1].ballot)


def test_refusals_are_no_votes(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/lwt_contention")
    votes = [vote for one in paxos_rounds_of(trace, trace) for vote in (*one.prepares, *one.accepts)]
    refused = [vote for vote in votes if vote.answer is not None and not vote.is_granted]
    assert refused
    assert len(refused) < len(votes)


def test_same_ballot_of_two_coordinators_is_two_rounds() -> None:
    builder = TraceBuilder()
    builder.accepted(builder.accept("n1", "n2", ballot=1))
    builder.accepted(builder.accept("n3", "n2", ballot=1), accepted=False)
    trace = builder.trace()
    rounds = paxos_rounds_of(trace, trace)
    assert [(one.coordinator, one.accepts[0].is_granted) for one in rounds] == [("n1", True), ("n3", False)]
    assert rounds[0].is_empty


def test_ballots_are_compared_by_time_first() -> None:
    early = UUID(fields=(1, 0, 0x1000, 0x80, 0, 9))
    late = UUID(fields=(0, 1, 0x1000, 0x80, 0, 1))
    assert ballot_order(early) < ballot_order(late)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (mutation(), False),
        (mutation(row(cells={"a": "x"})), True),
        (mutation(deleted_at_us=1), True),
        (mutation(ranges=(range_deletion(0, 1, at_us=1),)), True),
    ],
)
def test_proposal_without_contents_changes_nothing(update: object, expected: bool) -> None:
    assert has_changes(update) is expected  # type: ignore[arg-type]  # a mutation
